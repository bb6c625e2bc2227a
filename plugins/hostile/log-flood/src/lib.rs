//! Hostile: a hundred thousand log lines of a kibibyte each, and then one of sixteen mebibytes.

use omega_plugin::{Refusal, Text, log, plugin};

const LINES: u32 = 100_000;
const LINE_BYTES: usize = 1024;
const LAST_LINE_BYTES: usize = 16 * 1024 * 1024;

#[plugin]
fn handle(_: Text) -> Result<Text, Refusal> {
    let line = "x".repeat(LINE_BYTES);
    for _ in 0..LINES {
        log::error(&line);
    }
    log::error("y".repeat(LAST_LINE_BYTES));
    Ok(Text::new("flooded"))
}
