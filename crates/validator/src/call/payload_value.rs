//! A payload as a JSON value, which is what schemas see. What never happens here: a copy where a move will do.

use omega_contract::Payload;
use omega_contract::payload::{BinaryRefPayload, DatasetSlicePayload, Encoding, JsonPayload, TextPayload};
use serde_json::{Map, Value};

/// The payload as a value; what may be large in it is moved there, and comes back by [`restore`].
pub(super) fn lend(payload: &mut Payload) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
    put("kind", Value::String(payload.kind().as_str().to_owned()));
    match payload {
        Payload::Text(TextPayload { content, encoding: Encoding::Utf8, metadata }) => {
            put("content", Value::String(std::mem::take(content)));
            put("encoding", Value::String("utf-8".to_owned()));
            put("metadata", metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect());
        }
        Payload::Json(JsonPayload { data, schema_ref }) => {
            put("data", Value::Object(std::mem::take(data)));
            put("schema_ref", Value::String(schema_ref.clone()));
        }
        Payload::BinaryRef(BinaryRefPayload { artifact_id, artifact_hash, mime_type }) => {
            put("artifact_id", Value::String(artifact_id.clone()));
            put("artifact_hash", Value::String(artifact_hash.to_string()));
            put("mime_type", Value::String(mime_type.clone()));
        }
        Payload::DatasetSlice(DatasetSlicePayload { slice_ids, source, filters }) => {
            put("slice_ids", slice_ids.iter().cloned().collect());
            put("source", Value::String(source.clone()));
            put("filters", filters.iter().map(|(name, value)| (name.clone(), value.clone())).collect());
        }
    }
    Value::Object(members)
}

/// Moves back what [`lend`] took.
pub(super) fn restore(payload: &mut Payload, value: Value) {
    let Value::Object(mut members) = value else { return };
    match payload {
        Payload::Text(text) => {
            if let Some(Value::String(content)) = members.remove("content") {
                text.content = content;
            }
        }
        Payload::Json(json) => {
            if let Some(Value::Object(data)) = members.remove("data") {
                json.data = data;
            }
        }
        Payload::BinaryRef(_) | Payload::DatasetSlice(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_lent_is_what_serde_writes_and_comes_back() {
        let hash = omega_contract::Sha256Hex::of(b"x").to_string();
        for written in [
            json!({"kind": "text", "content": "a", "encoding": "utf-8", "metadata": {"k": "v"}}),
            json!({"kind": "json", "data": {"a": [1]}, "schema_ref": "r"}),
            json!({"kind": "binary_ref", "artifact_id": "a", "artifact_hash": hash, "mime_type": "m"}),
            json!({"kind": "dataset_slice", "slice_ids": ["1", "2"], "source": "s", "filters": {"f": "v"}}),
        ] {
            let payload: Payload = serde_json::from_value(written.clone()).unwrap();
            let mut lending = payload.clone();
            let value = lend(&mut lending);
            assert_eq!(value, written);
            restore(&mut lending, value);
            assert_eq!(lending, payload);
        }
    }
}
