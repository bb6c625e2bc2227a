//! The four payloads (spec page 2, "Payloads"): closed objects, all fields required.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Sha256Hex;

/// What goes into a plugin and what comes out of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Payload {
    /// Text.
    Text(TextPayload),
    /// A JSON object under a schema.
    Json(JsonPayload),
    /// A reference to bytes that OMEGA holds.
    BinaryRef(BinaryRefPayload),
    /// A reference to rows of a dataset that OMEGA holds.
    DatasetSlice(DatasetSlicePayload),
}

/// `kind: "text"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextPayload {
    /// The text.
    pub content: String,
    /// Always `utf-8`.
    pub encoding: Encoding,
    /// Names and values of the caller's own.
    pub metadata: BTreeMap<String, String>,
}

/// The only encoding of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// UTF-8 (RFC 3629).
    #[serde(rename = "utf-8")]
    Utf8,
}

/// `kind: "json"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonPayload {
    /// The object.
    pub data: Map<String, Value>,
    /// Which of the plugin's schemas it claims to meet.
    pub schema_ref: String,
}

/// `kind: "binary_ref"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinaryRefPayload {
    /// The artifact's id: the SHA-256 hex of its bytes, or a name given when it was put.
    pub artifact_id: String,
    /// The SHA-256 of the bytes.
    pub artifact_hash: Sha256Hex,
    /// The media type (RFC 6838).
    pub mime_type: String,
}

/// `kind: "dataset_slice"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetSlicePayload {
    /// Keys of rows, at least one.
    pub slice_ids: Vec<String>,
    /// The name of a dataset registered in the home.
    pub source: String,
    /// Equalities on string fields.
    pub filters: BTreeMap<String, String>,
}

/// The tag of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayloadKind {
    /// [`Payload::Text`].
    Text,
    /// [`Payload::Json`].
    Json,
    /// [`Payload::BinaryRef`].
    BinaryRef,
    /// [`Payload::DatasetSlice`].
    DatasetSlice,
}

impl PayloadKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Text, Self::Json, Self::BinaryRef, Self::DatasetSlice];

    /// The tag as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::BinaryRef => "binary_ref",
            Self::DatasetSlice => "dataset_slice",
        }
    }
}

impl fmt::Display for PayloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Payload {
    /// A text payload without metadata.
    pub fn text(content: impl Into<String>) -> Self {
        Self::Text(TextPayload { content: content.into(), encoding: Encoding::Utf8, metadata: BTreeMap::new() })
    }

    /// A JSON payload.
    pub fn json(data: Map<String, Value>, schema_ref: impl Into<String>) -> Self {
        Self::Json(JsonPayload { data, schema_ref: schema_ref.into() })
    }

    /// The payload's tag.
    pub const fn kind(&self) -> PayloadKind {
        match self {
            Self::Text(_) => PayloadKind::Text,
            Self::Json(_) => PayloadKind::Json,
            Self::BinaryRef(_) => PayloadKind::BinaryRef,
            Self::DatasetSlice(_) => PayloadKind::DatasetSlice,
        }
    }

    /// The `schema_ref` that a JSON payload carries.
    pub fn schema_ref(&self) -> Option<&str> {
        match self {
            Self::Json(json) => Some(&json.schema_ref),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(value: &Value, valid: bool) {
        let got = serde_json::from_value::<Payload>(value.clone());
        assert_eq!(got.is_ok(), valid, "{value}: {got:?}");
        if let Ok(payload) = got {
            assert_eq!(&serde_json::to_value(payload).unwrap(), value);
        }
    }

    #[test]
    fn payloads_are_closed_and_complete() {
        let hash = Sha256Hex::of(b"x").to_string();
        check(&json!({"kind": "text", "content": "a", "encoding": "utf-8", "metadata": {}}), true);
        check(&json!({"kind": "text", "content": "a", "encoding": "latin-1", "metadata": {}}), false);
        check(&json!({"kind": "text", "content": "a", "encoding": "utf-8"}), false);
        check(&json!({"kind": "text", "content": "a", "encoding": "utf-8", "metadata": {}, "x": 1}), false);
        check(&json!({"kind": "text", "content": "a", "encoding": "utf-8", "metadata": {"a": 1}}), false);
        check(&json!({"kind": "json", "data": {"a": 1}, "schema_ref": "r"}), true);
        check(&json!({"kind": "json", "data": [1], "schema_ref": "r"}), false);
        check(&json!({"kind": "binary_ref", "artifact_id": "a", "artifact_hash": hash, "mime_type": "m"}), true);
        check(&json!({"kind": "binary_ref", "artifact_id": "a", "artifact_hash": "00", "mime_type": "m"}), false);
        check(&json!({"kind": "dataset_slice", "slice_ids": ["1"], "source": "s", "filters": {}}), true);
        check(&json!({"kind": "blob"}), false);
    }
}
