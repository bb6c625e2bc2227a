//! Request and response (spec page 2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{PluginId, RequestId, RunId};
use crate::payload::Payload;
use crate::timestamp::Timestamp;

/// One call to one plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginRequest {
    /// Unique within its run (and step).
    pub request_id: RequestId,
    /// What groups requests.
    pub run_id: RunId,
    /// When the caller made it.
    pub timestamp: Timestamp,
    /// The input.
    pub payload: Payload,
    /// Data for the plugin, never secrets.
    pub context: BTreeMap<String, String>,
    /// Left out: [`RequestPolicy`] with the plugin's own `max_ms`.
    #[serde(default, deserialize_with = "crate::strict_json::present", skip_serializing_if = "Option::is_none")]
    pub policy: Option<RequestPolicy>,
}

/// What the caller asks of the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestPolicy {
    /// Refuse a plugin that is declared `probabilistic`.
    pub deterministic_only: bool,
    /// Bounds the whole call, retries included, in milliseconds; at least 100.
    pub timeout_ms: u64,
    /// How often an `error` or `timeout` is tried again, 0 to 5.
    pub max_retries: u8,
}

/// How a call ended, best first: the order is that of a pipeline's `overall_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There is a result.
    Ok,
    /// A rule said no, before or after the run, or the plugin declined the input.
    Rejected,
    /// The time ran out.
    Timeout,
    /// The plugin failed: trap, crash, exception.
    Error,
}

impl Status {
    /// The status as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::Error => "error",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the caller gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginResponse {
    /// The request's id.
    pub request_id: RequestId,
    /// The plugin that was called.
    pub plugin_id: PluginId,
    /// How it ended.
    pub status: Status,
    /// The result where `status` is `ok`, else null.
    #[serde(deserialize_with = "Option::deserialize")]
    pub result: Option<Payload>,
    /// Hashes of the payload and the result, set by the gateway.
    pub evidence_hashes: EvidenceHashes,
    /// Wall-clock time from the call to its outcome, in whole milliseconds.
    pub duration_ms: u64,
    /// A sentence for people: the plugin's own, or the gateway's reason.
    pub notes: String,
}

/// `hash(payload)` and `hash(result)`; `""` where there is none (spec page 2, "Hashes").
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceHashes {
    /// 64 hex digits, or `""` where the payload could not be hashed.
    pub input_hash: String,
    /// 64 hex digits, or `""` where the result is null.
    pub output_hash: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_status_is_the_greatest() {
        assert!(Status::Ok < Status::Rejected && Status::Rejected < Status::Timeout && Status::Timeout < Status::Error);
    }

    #[test]
    fn a_request_without_policy_is_taken_and_written_without_it() {
        let text = r#"{"context":{},"payload":{"content":"a","encoding":"utf-8","kind":"text","metadata":{}},
            "request_id":"r","run_id":"u","timestamp":"2026-01-01T00:00:00Z"}"#;
        let request: PluginRequest = serde_json::from_str(text).unwrap();
        assert_eq!(request.policy, None);
        assert!(serde_json::to_value(&request).unwrap().get("policy").is_none());
        assert!(serde_json::from_str::<PluginRequest>(&text.replace("\"context\"", "\"contest\"")).is_err());
    }
}
