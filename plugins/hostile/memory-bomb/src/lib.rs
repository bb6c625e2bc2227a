//! Hostile: takes a mebibyte after the other, writes to each, keeps all, until the host refuses one.

use std::hint::black_box;

use omega_plugin::{Refusal, Text, plugin};

const BLOCK_BYTES: usize = 1024 * 1024;

#[plugin]
fn handle(_: Text) -> Result<Text, Refusal> {
    let mut blocks = Vec::new();
    loop {
        blocks.push(vec![0x5a_u8; BLOCK_BYTES]);
        black_box(&blocks);
    }
}
