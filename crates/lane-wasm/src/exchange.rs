//! Payloads on their way in and results on their way out.
//!
//! What never happens here: a check of a result. It is shaped, no more; the router checks it.

use omega_contract::Payload;
use omega_contract::ports::{GuestOutput, GuestPayload, LaneRequest};

use crate::bindings::omega::plugin::types as wit;

type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// What of a request has no form yet that WIT records could borrow.
pub(crate) struct RequestParts<'a> {
    request: &'a LaneRequest,
    context: Pairs<'a>,
    payload: PayloadParts<'a>,
}

enum PayloadParts<'a> {
    Text { content: &'a str, encoding: &'static str, metadata: Pairs<'a> },
    Json { data: &'a str, schema_ref: &'a str },
    BinaryRef { artifact_id: &'a str, artifact_hash: String, mime_type: &'a str },
    DatasetSlice { slice_ids: Vec<&'a str>, source: &'a str, filters: Pairs<'a> },
}

impl<'a> RequestParts<'a> {
    pub(crate) fn new(request: &'a LaneRequest) -> Self {
        Self { request, context: pairs(&request.context), payload: payload_parts(&request.payload) }
    }

    /// The WIT record.
    pub(crate) fn record(&self) -> wit::Request<'_> {
        wit::Request {
            request_id: &self.request.request_id,
            run_id: &self.request.run_id,
            timestamp: &self.request.timestamp,
            payload: match &self.payload {
                PayloadParts::Text { content, encoding, metadata } => {
                    wit::PayloadParam::Text(wit::TextParam { content, encoding, metadata })
                }
                PayloadParts::Json { data, schema_ref } => wit::PayloadParam::Json(wit::JsonParam { data, schema_ref }),
                PayloadParts::BinaryRef { artifact_id, artifact_hash, mime_type } => {
                    wit::PayloadParam::BinaryRef(wit::BinaryRefParam { artifact_id, artifact_hash, mime_type })
                }
                PayloadParts::DatasetSlice { slice_ids, source, filters } => {
                    wit::PayloadParam::DatasetSlice(wit::DatasetSliceParam { slice_ids, source, filters })
                }
            },
            context: &self.context,
        }
    }
}

fn payload_parts(payload: &Payload) -> PayloadParts<'_> {
    match payload {
        Payload::Text(text) => PayloadParts::Text {
            content: &text.content,
            encoding: text.encoding.as_str(),
            metadata: pairs(&text.metadata),
        },
        Payload::Json(json) => PayloadParts::Json {
            // Canonical, so that payloads of one hash are one payload to the guest (INV-PNP-03).
            data: json.data.text(),
            schema_ref: &json.schema_ref,
        },
        Payload::BinaryRef(binary) => PayloadParts::BinaryRef {
            artifact_id: &binary.artifact_id,
            artifact_hash: binary.artifact_hash.to_string(),
            mime_type: &binary.mime_type,
        },
        Payload::DatasetSlice(slice) => PayloadParts::DatasetSlice {
            slice_ids: slice.slice_ids.iter().map(String::as_str).collect(),
            source: &slice.source,
            filters: pairs(&slice.filters),
        },
    }
}

fn pairs(map: &std::collections::BTreeMap<String, String>) -> Pairs<'_> {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// A result as the guest handed it over.
pub(crate) fn output(outcome: wit::Outcome) -> GuestOutput {
    let payload = match outcome.payload {
        wit::PayloadResult::Text(text) => {
            GuestPayload::Text { content: text.content, encoding: text.encoding, metadata: text.metadata }
        }
        wit::PayloadResult::Json(json) => GuestPayload::Json { data: json.data, schema_ref: json.schema_ref },
        wit::PayloadResult::BinaryRef(binary) => GuestPayload::BinaryRef {
            artifact_id: binary.artifact_id,
            artifact_hash: binary.artifact_hash,
            mime_type: binary.mime_type,
        },
        wit::PayloadResult::DatasetSlice(slice) => {
            GuestPayload::DatasetSlice { slice_ids: slice.slice_ids, source: slice.source, filters: slice.filters }
        }
    };
    GuestOutput { payload, notes: outcome.notes }
}
