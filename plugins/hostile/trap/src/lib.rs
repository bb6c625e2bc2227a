//! Hostile: panics, which in wasm is an `unreachable` trap after a message on stderr.

use omega_plugin::{Refusal, Text, plugin};

/// Never returns.
///
/// # Panics
/// Always.
///
/// # Errors
/// None; it does not get that far.
#[plugin]
pub fn handle(text: Text) -> Result<Text, Refusal> {
    panic!("the trap was sprung by {:?}", text.content)
}
