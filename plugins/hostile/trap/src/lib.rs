//! Hostile: panics, which in wasm is an `unreachable` trap after a message on stderr.

use omega_plugin::{Refusal, Text, plugin};

#[plugin]
fn handle(text: Text) -> Result<Text, Refusal> {
    panic!("the trap was sprung by {:?}", text.content)
}
