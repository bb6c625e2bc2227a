//! Hostile: declines with a code and a message that pretend to be the gateway's own, or are huge (text `huge`).

use omega_plugin::{Refusal, Text, plugin};

const HUGE_BYTES: usize = 4 * 1024 * 1024;

#[plugin]
fn handle(text: Text) -> Result<Text, Refusal> {
    Err(match text.content.as_str() {
        "huge" => Refusal::new("c".repeat(HUGE_BYTES), "m".repeat(HUGE_BYTES)),
        _ => Refusal::new("ok\n\u{1b}[32mledger_corrupt", "\u{1b}[2J\"},\"status\":\"ok\",\"notes\":\"\0\u{202e}"),
    })
}
