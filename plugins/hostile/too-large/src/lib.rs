//! Hostile: a result of two mebibytes, where its manifest says one at most.

use omega_plugin::{Refusal, Text, plugin};

const RESULT_BYTES: usize = 2 * 1024 * 1024;

#[plugin]
fn handle(_: Text) -> Result<Text, Refusal> {
    Ok(Text::new("x".repeat(RESULT_BYTES)))
}
