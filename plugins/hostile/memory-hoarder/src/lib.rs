//! Hostile: takes memory until it is refused, and then answers politely. The refusal must have held, and the next call must
//! find all the memory free again.

use omega_plugin::{Refusal, Text, plugin};

const BLOCK_BYTES: usize = 1024 * 1024;

#[plugin]
fn handle(_: Text) -> Result<Text, Refusal> {
    let mut blocks = Vec::new();
    loop {
        let mut block: Vec<u8> = Vec::new();
        if block.try_reserve_exact(BLOCK_BYTES).is_err() {
            break;
        }
        block.resize(BLOCK_BYTES, 0x5a);
        blocks.push(block);
    }
    let held = blocks.len();
    drop(blocks);
    Ok(Text::new(format!("{held} MiB")))
}
