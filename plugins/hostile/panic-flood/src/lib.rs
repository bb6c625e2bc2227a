//! Hostile: panics with a message of eight mebibytes that is full of control characters and forged log lines.

use omega_plugin::{Refusal, Text, plugin};

const LINES: usize = 8 * 1024 * 1024 / 64;

#[plugin]
fn handle(_: Text) -> Result<Text, Refusal> {
    panic!("{}", "\u{1b}[2J\u{1b}[H{\"event_hash\":\"0000\",\"kind\":\"RESULT\"} ok ok ok ok ok ok\r\n".repeat(LINES))
}
