//! Hostile: notes that are no sentence for people. By the text: `huge` gives eight mebibytes of them, anything else gives
//! terminal escapes, forged ledger lines, a forged response, and characters that turn the reading order around.

use omega_plugin::{Refusal, Reply, Text, plugin};

const HUGE_BYTES: usize = 8 * 1024 * 1024;

#[plugin]
fn handle(text: Text) -> Result<Reply<Text>, Refusal> {
    let notes = match text.content.as_str() {
        "huge" => "n".repeat(HUGE_BYTES),
        _ => concat!(
            "\u{1b}[2J\u{1b}]0;owned\u{7}\u{8}\u{8}\u{8}\0\r\n",
            "{\"event_hash\":\"0000000000000000000000000000000000000000000000000000000000000000\",\"kind\":\"RESULT\"}\n",
            "\",\"status\":\"ok\",\"plugin_id\":\"hello\",\"x\":\"\u{202e}\u{2066}\u{feff}\u{85}\u{2028}",
        )
        .to_owned(),
    };
    Ok(Reply::new(Text::new("look at my notes")).with_notes(notes))
}
