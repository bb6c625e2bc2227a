//! The four payloads (spec page 2, "Payloads"): closed objects, all fields required.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::canonical_value::{canonical_order, write_text};
use crate::digest::Sha256Hex;
use crate::json_tree::JsonData;
use crate::limits::REQUEST_BYTES_MAX;
use crate::strict_json::JsonError;

mod members;

use members::Members;

/// What goes into a plugin and what comes out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", try_from = "Members")]
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

impl Encoding {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
        }
    }
}

/// `kind: "json"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonPayload {
    /// The object, in canonical form.
    pub data: JsonData,
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

    /// A JSON payload of an object that is in memory already.
    ///
    /// # Errors
    /// As [`JsonData::of_map`]: an integer outside ±(2^53-1), or too deep.
    pub fn json(data: Map<String, Value>, schema_ref: impl Into<String>) -> Result<Self, JsonError> {
        Ok(Self::Json(JsonPayload { data: JsonData::of_map(data)?, schema_ref: schema_ref.into() }))
    }

    /// A JSON payload of an object as text, which no tree of `serde_json`'s is made of.
    ///
    /// # Errors
    /// As [`JsonData::read`].
    pub fn json_text(text: impl Into<String>, schema_ref: impl Into<String>) -> Result<Self, JsonError> {
        Ok(Self::Json(JsonPayload { data: JsonData::read(text, REQUEST_BYTES_MAX)?, schema_ref: schema_ref.into() }))
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

    /// The RFC 8785 canonical form.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (head, data, tail) = self.canonical_parts();
        bytes.reserve_exact(head.len() + data.len() + tail.len());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(data.as_bytes());
        bytes.extend_from_slice(&tail);
        bytes
    }

    /// `hash(payload)` of spec page 2, and the length in bytes of the canonical form.
    pub fn hash_and_length(&self) -> (Sha256Hex, u64) {
        let (head, data, tail) = self.canonical_parts();
        let parts = [&*head, data.as_bytes(), &*tail];
        (Sha256Hex::of_parts(&parts), parts.iter().map(|part| part.len() as u64).sum())
    }

    /// The canonical form, but for the data of a json payload, which is in it already: before, data, behind.
    fn canonical_parts(&self) -> (Vec<u8>, &str, Vec<u8>) {
        let mut form = Form(Vec::with_capacity(256));
        // Members in canonical order, each under its own name.
        match self {
            Self::Text(TextPayload { content, encoding: Encoding::Utf8, metadata }) => {
                form.0.reserve(content.len());
                form.raw("{\"content\":").text(content).raw(",\"encoding\":\"utf-8\",\"kind\":\"text\",\"metadata\":");
                form.texts_by_name(metadata).raw("}");
            }
            Self::Json(JsonPayload { data, schema_ref }) => {
                form.raw("{\"data\":");
                let mut tail = Form(Vec::with_capacity(schema_ref.len() + 40));
                tail.raw(",\"kind\":\"json\",\"schema_ref\":").text(schema_ref).raw("}");
                return (form.0, data.text(), tail.0);
            }
            Self::BinaryRef(BinaryRefPayload { artifact_id, artifact_hash, mime_type }) => {
                form.raw("{\"artifact_hash\":")
                    .text(&artifact_hash.to_string())
                    .raw(",\"artifact_id\":")
                    .text(artifact_id);
                form.raw(",\"kind\":\"binary_ref\",\"mime_type\":").text(mime_type).raw("}");
            }
            Self::DatasetSlice(DatasetSlicePayload { slice_ids, source, filters }) => {
                form.raw("{\"filters\":").texts_by_name(filters).raw(",\"kind\":\"dataset_slice\",\"slice_ids\":");
                form.texts(slice_ids).raw(",\"source\":").text(source).raw("}");
            }
        }
        (form.0, "", Vec::new())
    }
}

/// A canonical form that is being written.
struct Form(Vec<u8>);

impl Form {
    fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        write_text(text, &mut self.0);
        self
    }

    fn texts(&mut self, texts: &[String]) -> &mut Self {
        for (index, text) in texts.iter().enumerate() {
            self.raw(if index == 0 { "[" } else { "," }).text(text);
        }
        self.raw(if texts.is_empty() { "[]" } else { "]" })
    }

    fn texts_by_name(&mut self, texts: &BTreeMap<String, String>) -> &mut Self {
        let mut pairs: Vec<(&String, &String)> = texts.iter().collect();
        // A map is in the order of UTF-8.
        pairs.sort_by(|(a, _), (b, _)| canonical_order(a, b));
        for (index, (name, text)) in pairs.into_iter().enumerate() {
            self.raw(if index == 0 { "{" } else { "," }).text(name).raw(":").text(text);
        }
        self.raw(if texts.is_empty() { "{}" } else { "}" })
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
    fn the_canonical_form_of_each_kind_is_that_of_its_value() {
        let hash = Sha256Hex::of(b"x").to_string();
        for value in [
            json!({"kind": "text", "content": "a\"\n\u{1}é", "encoding": "utf-8", "metadata": {}}),
            json!({"kind": "text", "content": "", "encoding": "utf-8", "metadata": {"\u{1f980}": "\\", "\u{e000}": "b", "a": ""}}),
            json!({"kind": "json", "data": {"b": [1.0, 0.5, "\n"], "a": {}}, "schema_ref": "\"r"}),
            json!({"kind": "binary_ref", "artifact_id": "\t", "artifact_hash": hash, "mime_type": "m"}),
            json!({"kind": "dataset_slice", "slice_ids": ["1", "\""], "source": "s", "filters": {"k": "v", "j": "w"}}),
            json!({"kind": "dataset_slice", "slice_ids": [], "source": "", "filters": {}}),
        ] {
            let payload: Payload = serde_json::from_value(value.clone()).unwrap();
            let expect = crate::canonical_bytes(&value).unwrap();
            assert_eq!(String::from_utf8(payload.canonical_bytes()), String::from_utf8(expect.clone()));
            assert_eq!(payload.hash_and_length(), (Sha256Hex::of(&expect), expect.len() as u64));
            assert_eq!(crate::canonical_bytes(&payload).unwrap(), expect);
        }
        let golden = r#"{"content":"Hello OMEGA","encoding":"utf-8","kind":"text","metadata":{"source":"test"}}"#;
        let payload: Payload = serde_json::from_str(golden).unwrap();
        let expect = "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28";
        assert_eq!(payload.hash_and_length().0.to_string(), expect);
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
        check(&json!({"kind": "json", "data": {}, "schema_ref": "r", "content": "a"}), false);
        check(&json!({"kind": "json", "data": {}, "schema_ref": "r", "content": null}), false);
        check(&json!({"kind": "json", "data": null, "schema_ref": "r"}), false);
        check(&json!({"kind": "json", "data": "{}", "schema_ref": "r"}), false);
        check(&json!({"kind": "json", "schema_ref": "r"}), false);
    }

    #[test]
    fn an_array_is_no_payload() {
        let check = |text: &str| {
            let got: Result<Payload, _> = crate::strict_json::parse_as(text.as_bytes(), 1 << 20);
            assert!(
                got.as_ref().is_err_and(|error| error.to_string().contains("invalid type: sequence")),
                "{text}: {got:?}"
            );
        };
        check(r#"["text","a","utf-8",{}]"#);
        check(r#"["text",{"content":"a","encoding":"utf-8","metadata":{}}]"#);
        check(r#"{"kind":"text","content":"a","encoding":"utf-8","metadata":[]}"#);
    }

    #[test]
    fn what_is_read_from_a_document_is_what_is_read_from_a_tree() {
        let check = |text: &str| {
            let direct: Result<Payload, _> = crate::strict_json::parse_as(text.as_bytes(), 1 << 20);
            let value = crate::strict_json::parse(text.as_bytes(), 1 << 20).unwrap();
            let by_tree = serde_json::from_value::<Payload>(value);
            match (direct, by_tree) {
                (Ok(direct), Ok(by_tree)) => {
                    assert_eq!(direct, by_tree, "{text}");
                    assert_eq!(direct.canonical_bytes(), by_tree.canonical_bytes(), "{text}");
                }
                (Err(direct), Err(by_tree)) => assert_eq!(direct.to_string(), by_tree.to_string(), "{text}"),
                (direct, by_tree) => panic!("{text}: {direct:?}, {by_tree:?}"),
            }
        };
        check(
            r#"{"schema_ref":"r","kind":"json","data":{"b":[1.0,-5e0,1e-7,1e21,0.10],"a":{"é\u0001\n":null,"A":true}}}"#,
        );
        check(r#"{"schema_ref":"r","kind":"json","data":{}}"#);
        check(r#"{"schema_ref":"r","kind":"json","data":[]}"#);
        check(r#"{"schema_ref":"r","kind":"json","data":null}"#);
        check(r#"{"schema_ref":"r","kind":"json","data":"{}"}"#);
        check(r#"{"kind":"text","content":"\ud83e\udd80\"","encoding":"utf-8","metadata":{"b":"1","a":"2"}}"#);
        check(r#"{"kind":"text","content":"a","encoding":"utf-8"}"#);
        check(r#"{"kind":"text","content":"a","encoding":"utf-8","metadata":{},"source":"s"}"#);
        check(r#"{"kind":"text","content":"a","encoding":"utf-8","metadata":{},"other":"s"}"#);
        check(r#"{"kind":"blob"}"#);
        check(r#"{"content":"a"}"#);
        let deep = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        check(&format!(r#"{{"schema_ref":"r","kind":"json","data":{}}}"#, deep(JsonData::DEPTH_MAX)));
        check(&format!(r#"{{"schema_ref":"r","kind":"json","data":{}}}"#, deep(JsonData::DEPTH_MAX + 1)));
    }
}
