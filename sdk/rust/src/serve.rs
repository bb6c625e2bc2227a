//! Between the bindings' types and this crate's, on wasm only. Values are moved, never copied.

use std::collections::BTreeMap;

use crate::{
    BinaryRef, Call, DatasetSlice, Handler, Outcome, Payload, RawJson, Refusal, Text,
    bindings::{self, omega::plugin::types as wire},
};

/// Answers one call from the gateway.
///
/// # Errors
/// What the function declined, or what it does not take.
#[doc(hidden)]
pub fn serve<Arguments>(
    request: bindings::Request,
    function: impl Handler<Arguments>,
) -> Result<bindings::Outcome, bindings::Refusal> {
    let call = Call {
        request_id: request.request_id,
        run_id: request.run_id,
        timestamp: request.timestamp,
        context: map(request.context),
    };
    match function.handle(request.payload.into(), &call) {
        Ok(Outcome { payload, notes }) => Ok(bindings::Outcome { payload: payload.into(), notes }),
        Err(Refusal { code, message }) => Err(bindings::Refusal { code, message }),
    }
}

/// One entry after the other: `collect` would sort first, and a sort is 10 kB of every component.
fn map(entries: Vec<(String, String)>) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for (name, value) in entries {
        map.insert(name, value);
    }
    map
}

impl From<wire::Payload> for Payload {
    fn from(payload: wire::Payload) -> Self {
        match payload {
            wire::Payload::Text(text) => Self::Text(Text { content: text.content, metadata: map(text.metadata) }),
            wire::Payload::Json(json) => Self::Json(RawJson { data: json.data, schema_ref: json.schema_ref }),
            wire::Payload::BinaryRef(named) => Self::BinaryRef(BinaryRef {
                artifact_id: named.artifact_id,
                artifact_hash: named.artifact_hash,
                mime_type: named.mime_type,
            }),
            wire::Payload::DatasetSlice(slice) => Self::DatasetSlice(DatasetSlice {
                slice_ids: slice.slice_ids,
                source: slice.source,
                filters: map(slice.filters),
            }),
        }
    }
}

impl From<Payload> for wire::Payload {
    fn from(payload: Payload) -> Self {
        match payload {
            Payload::Text(text) => Self::Text(wire::Text {
                content: text.content,
                encoding: "utf-8".to_owned(),
                metadata: text.metadata.into_iter().collect(),
            }),
            Payload::Json(json) => Self::Json(wire::Json { data: json.data, schema_ref: json.schema_ref }),
            Payload::BinaryRef(named) => Self::BinaryRef(wire::BinaryRef {
                artifact_id: named.artifact_id,
                artifact_hash: named.artifact_hash,
                mime_type: named.mime_type,
            }),
            Payload::DatasetSlice(slice) => Self::DatasetSlice(wire::DatasetSlice {
                slice_ids: slice.slice_ids,
                source: slice.source,
                filters: slice.filters.into_iter().collect(),
            }),
        }
    }
}
