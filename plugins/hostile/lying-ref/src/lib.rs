//! Hostile: names the artifact that the text names, or one that nobody has, with a hash that it made up.

use omega_plugin::{BinaryRef, Refusal, Text, plugin};

#[plugin]
fn handle(text: Text) -> Result<BinaryRef, Refusal> {
    Ok(BinaryRef {
        artifact_id: text.content,
        artifact_hash: "5bad".repeat(16),
        mime_type: "application/octet-stream".to_owned(),
    })
}
