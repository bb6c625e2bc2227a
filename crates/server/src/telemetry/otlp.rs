//! The shape of OTLP/HTTP with JSON, as far as spans need it (OpenTelemetry Protocol 1.x, `ExportTraceServiceRequest`).
//!
//! Ids are hex and times are decimal strings there, unlike in plain protobuf JSON.

use serde::Serialize;

/// Everything of one export.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Export {
    pub(super) resource_spans: [ResourceSpans; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResourceSpans {
    pub(super) resource: Resource,
    pub(super) scope_spans: [ScopeSpans; 1],
}

#[derive(Debug, Serialize)]
pub(super) struct Resource {
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Debug, Serialize)]
pub(super) struct ScopeSpans {
    pub(super) scope: Scope,
    pub(super) spans: Vec<Span>,
}

#[derive(Debug, Serialize)]
pub(super) struct Scope {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Span {
    pub(super) trace_id: String,
    pub(super) span_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) parent_span_id: String,
    pub(super) name: String,
    /// 1: internal, 2: server.
    pub(super) kind: u8,
    pub(super) start_time_unix_nano: String,
    pub(super) end_time_unix_nano: String,
    pub(super) attributes: Vec<Attribute>,
    pub(super) status: SpanStatus,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct SpanStatus {
    /// 0: unset, 2: error.
    pub(super) code: u8,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Attribute {
    key: &'static str,
    value: AttributeValue,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct AttributeValue {
    string_value: String,
}

impl Attribute {
    pub(super) fn new(key: &'static str, value: impl Into<String>) -> Self {
        Self { key, value: AttributeValue { string_value: value.into() } }
    }
}
