//! A payload as it is read: the members of all kinds, of which those must be there that the kind has, and no others.
//!
//! What never happens here: what serde's derive does with an inner tag, which keeps everything until the tag is known:
//! that takes an array for an object, and makes a tree of the data.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{BinaryRefPayload, DatasetSlicePayload, Encoding, JsonPayload, Payload, PayloadKind, TextPayload};
use crate::digest::Sha256Hex;
use crate::json_tree::JsonData;
use crate::strict_json::present;
use crate::tagged::Found;

/// Every member that a payload of some kind has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Members {
    kind: PayloadKind,
    #[serde(default, deserialize_with = "present")]
    content: Option<String>,
    #[serde(default, deserialize_with = "present")]
    encoding: Option<Encoding>,
    #[serde(default, deserialize_with = "present")]
    metadata: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "present")]
    data: Option<JsonData>,
    #[serde(default, deserialize_with = "present")]
    schema_ref: Option<String>,
    #[serde(default, deserialize_with = "present")]
    artifact_id: Option<String>,
    #[serde(default, deserialize_with = "present")]
    artifact_hash: Option<Sha256Hex>,
    #[serde(default, deserialize_with = "present")]
    mime_type: Option<String>,
    #[serde(default, deserialize_with = "present")]
    slice_ids: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    source: Option<String>,
    #[serde(default, deserialize_with = "present")]
    filters: Option<BTreeMap<String, String>>,
}

impl TryFrom<Members> for Payload {
    type Error = String;

    fn try_from(members: Members) -> Result<Self, String> {
        let mut content = Found::new("content", members.content);
        let mut encoding = Found::new("encoding", members.encoding);
        let mut metadata = Found::new("metadata", members.metadata);
        let mut data = Found::new("data", members.data);
        let mut schema_ref = Found::new("schema_ref", members.schema_ref);
        let mut artifact_id = Found::new("artifact_id", members.artifact_id);
        let mut artifact_hash = Found::new("artifact_hash", members.artifact_hash);
        let mut mime_type = Found::new("mime_type", members.mime_type);
        let mut slice_ids = Found::new("slice_ids", members.slice_ids);
        let mut source = Found::new("source", members.source);
        let mut filters = Found::new("filters", members.filters);
        let payload = match members.kind {
            PayloadKind::Text => Self::Text(TextPayload {
                content: content.take()?,
                encoding: encoding.take()?,
                metadata: metadata.take()?,
            }),
            PayloadKind::Json => Self::Json(JsonPayload { data: data.take()?, schema_ref: schema_ref.take()? }),
            PayloadKind::BinaryRef => Self::BinaryRef(BinaryRefPayload {
                artifact_id: artifact_id.take()?,
                artifact_hash: artifact_hash.take()?,
                mime_type: mime_type.take()?,
            }),
            PayloadKind::DatasetSlice => Self::DatasetSlice(DatasetSlicePayload {
                slice_ids: slice_ids.take()?,
                source: source.take()?,
                filters: filters.take()?,
            }),
        };
        let left = [
            content.left(),
            encoding.left(),
            metadata.left(),
            data.left(),
            schema_ref.left(),
            artifact_id.left(),
            artifact_hash.left(),
            mime_type.left(),
            slice_ids.left(),
            source.left(),
            filters.left(),
        ];
        match left.into_iter().flatten().next() {
            None => Ok(payload),
            Some(name) => Err(format!("unknown field `{name}` of a payload of kind `{}`", members.kind)),
        }
    }
}
