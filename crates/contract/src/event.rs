//! The ledger's event (spec page 3): eleven fields, all strings except `meta`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::digest::Sha256Hex;
use crate::ids::{PluginId, RequestId, RunId};

/// What an event's `meta` carries: names to values, both text.
///
/// Keys are the gateway's own (`reason`, `attempt`, `package_digest`, …), lower-case ASCII; values are
/// data. Neither secrets nor payloads go in.
pub type Meta = BTreeMap<Cow<'static, str>, String>;

/// One line of the ledger.
///
/// The fields stand in the order of RFC 8785 (`event_hash` first), so that serialising the struct is
/// already canonical as long as every key of `meta` is ASCII.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// SHA-256 of the canonical event without this field.
    pub event_hash: Sha256Hex,
    /// A ULID.
    pub event_id: String,
    /// `hash(payload)`, or `""`.
    pub input_hash: String,
    /// What happened.
    pub kind: EventKind,
    /// What else a reader needs.
    pub meta: Meta,
    /// `hash(result)`, or `""`.
    pub output_hash: String,
    /// The plugin, or `""`.
    pub plugin_id: String,
    /// The previous event's `event_hash`, or `""` for the first of a ledger.
    pub prev_hash: String,
    /// The request, or `""`.
    pub request_id: String,
    /// The run; `system` for lifecycle and policy.
    pub run_id: String,
    /// RFC 3339, never before the previous event's.
    pub ts: String,
}

/// What happened (spec page 3, "Event").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventKind {
    /// A package was admitted.
    Register,
    /// A version was enabled.
    Enable,
    /// A version was disabled.
    Disable,
    /// An attempt of a call begins.
    Invoke,
    /// It gave a result.
    Result,
    /// A rule said no.
    Reject,
    /// It failed, or its time ran out.
    Error,
    /// A proof was exported.
    ProofExport,
    /// API 1.1: a person decided something.
    Policy,
    /// API 1.1: a broker was used.
    Broker,
    /// API 1.1: the ledger mended its tail, or closed what a crash left open.
    Recovery,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Register,
        Self::Enable,
        Self::Disable,
        Self::Invoke,
        Self::Result,
        Self::Reject,
        Self::Error,
        Self::ProofExport,
        Self::Policy,
        Self::Broker,
        Self::Recovery,
    ];

    /// The kind as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "REGISTER",
            Self::Enable => "ENABLE",
            Self::Disable => "DISABLE",
            Self::Invoke => "INVOKE",
            Self::Result => "RESULT",
            Self::Reject => "REJECT",
            Self::Error => "ERROR",
            Self::ProofExport => "PROOF_EXPORT",
            Self::Policy => "POLICY",
            Self::Broker => "BROKER",
            Self::Recovery => "RECOVERY",
        }
    }

    /// True for the kinds that change what the registry shows: a projection reads only these.
    pub const fn is_lifecycle(self) -> bool {
        matches!(self, Self::Register | Self::Enable | Self::Disable | Self::Policy)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An event before the ledger gives it an id, a time and a place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    /// What happened.
    pub kind: EventKind,
    /// The run.
    pub run_id: RunId,
    /// The plugin, where one is meant. As text: a refused request may name what is no plugin id.
    pub plugin_id: Option<PluginId>,
    /// The request, where one is meant.
    pub request_id: Option<RequestId>,
    /// `hash(payload)`.
    pub input_hash: Option<Sha256Hex>,
    /// `hash(result)`.
    pub output_hash: Option<Sha256Hex>,
    /// What else a reader needs.
    pub meta: Meta,
}

impl EventDraft {
    /// A draft in run `system` with nothing but its kind.
    pub fn system(kind: EventKind) -> Self {
        Self::of_run(kind, RunId::system())
    }

    /// A draft in `run_id` with nothing but its kind.
    pub fn of_run(kind: EventKind, run_id: RunId) -> Self {
        Self { kind, run_id, plugin_id: None, request_id: None, input_hash: None, output_hash: None, meta: Meta::new() }
    }

    /// Adds who asks, and the trace that it belongs to, to `meta`.
    #[must_use]
    pub fn asked_by(mut self, caller: &Caller) -> Self {
        if let Some(actor) = caller.actor() {
            self = self.with("actor", actor);
        }
        match caller.trace() {
            Some(trace) => self.with("traceparent", trace.to_string()),
            None => self,
        }
    }

    /// Adds one entry to `meta`.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.meta.insert(Cow::Borrowed(key), value.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_written_as_they_serialise() {
        for kind in EventKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn plain_serialisation_is_already_canonical() {
        let event = Event {
            event_hash: Sha256Hex::of(b""),
            event_id: "\u{7f}\u{1}\"\\/\u{2028}".into(),
            input_hash: String::new(),
            kind: EventKind::Policy,
            meta: [("b".into(), "🦀\n".into()), ("a".into(), "\u{e000}".into())].into(),
            output_hash: String::new(),
            plugin_id: "p".into(),
            prev_hash: String::new(),
            request_id: String::new(),
            run_id: "system".into(),
            ts: "2026-01-01T00:00:00.000000Z".into(),
        };
        assert_eq!(serde_json::to_vec(&event).unwrap(), crate::canonical_bytes(&event).unwrap());
    }
}
