//! Hostile: reads its own artifact over and over, to keep the host busy. It ends when the broker says no, or never.

use omega_plugin::{BinaryRef, Refusal, Text, plugin};

#[plugin]
fn handle(named: BinaryRef) -> Result<Text, Refusal> {
    let mut reads = 0_u64;
    loop {
        match named.read_at(0, u32::MAX) {
            Ok(_) => reads += 1,
            Err(error) => return Ok(Text::new(format!("{} after {reads} reads", error.code()))),
        }
    }
}
