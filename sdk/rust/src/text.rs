//! The `text` payload.

use std::collections::BTreeMap;

use crate::{FromPayload, IntoPayload, Payload, PayloadKind, Refusal};

/// A `text` payload, in or out. Its encoding is always UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// The text itself.
    pub content: String,
    /// Names and values about the text; what they mean is the schema's business.
    pub metadata: BTreeMap<String, String>,
}

impl Text {
    /// A text without metadata.
    pub fn new(content: impl Into<String>) -> Self {
        Self { content: content.into(), metadata: BTreeMap::new() }
    }

    /// The same text with one more entry in its metadata.
    #[must_use]
    pub fn with_metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }
}

impl FromPayload for Text {
    fn from_payload(payload: Payload) -> Result<Self, Refusal> {
        match payload {
            Payload::Text(text) => Ok(text),
            other => Err(Refusal::wrong_kind(PayloadKind::Text, other.kind())),
        }
    }
}

impl IntoPayload for Text {
    fn into_payload(self) -> Payload {
        Payload::Text(self)
    }
}
