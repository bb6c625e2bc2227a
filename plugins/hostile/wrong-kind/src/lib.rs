//! Hostile: text, where its manifest declares JSON only.

use omega_plugin::{Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<Text, Refusal> {
    Ok(Text::new("{\"count\":1}"))
}
