//! The calls of a run, from its events: what each came to.
//!
//! What never happens here: a call without its one outcome.

use std::collections::{BTreeSet, HashMap};

use omega_contract::{Event, EventKind};
use serde::Serialize;

use super::{BundleFault, Placed};
use crate::attempts::{AttemptKey, Attempts, Part};

/// How the calls of a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CallCounts {
    pub(super) attempts: u64,
    pub(super) results: u64,
    pub(super) rejects: u64,
    pub(super) errors: u64,
}

/// One attempt, or one refusal before any.
#[derive(Debug, Clone, Serialize)]
pub(super) struct CallFact<'e> {
    attempt: &'e str,
    /// The INVOKE's time; `None` where nothing ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    began_at: Option<&'e str>,
    /// RESULT, REJECT or ERROR.
    decision: EventKind,
    #[serde(skip_serializing_if = "str::is_empty")]
    duration_us: &'e str,
    ended_at: &'e str,
    input_hash: &'e str,
    #[serde(skip_serializing_if = "str::is_empty")]
    output_hash: &'e str,
    #[serde(skip_serializing_if = "str::is_empty")]
    package_digest: &'e str,
    plugin_id: &'e str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'e str,
    request_id: &'e str,
    step: &'e str,
}

/// The calls of a run in the order of their outcomes.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls<'e> {
    pub(super) counts: CallCounts,
    pub(super) facts: Vec<CallFact<'e>>,
}

impl<'e> Calls<'e> {
    /// Every INVOKE has exactly one outcome after it, and no attempt is recorded twice.
    pub(super) fn of(events: impl IntoIterator<Item = Placed<'e>>) -> Result<Self, BundleFault> {
        let (mut attempts, mut begun) = (Attempts::default(), BTreeSet::new());
        let mut began: HashMap<u64, &'e Event> = HashMap::new();
        let mut calls = Self::default();
        for Placed { index, event } in events {
            let began_at = match attempts.observe(event, index)? {
                Part::Begins => {
                    calls.counts.attempts += 1;
                    if !begun.insert(AttemptKey::of(event)) {
                        return Err(BundleFault::AttemptTwice { request_id: event.request_id.clone() });
                    }
                    began.insert(index, event);
                    None
                }
                Part::Ends { invoke_index } => began.remove(&invoke_index).map(|invoke| invoke.ts.as_str()),
                Part::Refusal | Part::None => None,
            };
            match event.kind {
                EventKind::Result => calls.counts.results += 1,
                EventKind::Reject => calls.counts.rejects += 1,
                EventKind::Error => calls.counts.errors += 1,
                _ => continue,
            }
            calls.facts.push(CallFact::of(event, began_at));
        }
        match attempts.open().min_by_key(|(_, index)| *index) {
            None => Ok(calls),
            Some((key, index)) => Err(BundleFault::OpenInvoke { request_id: key.request_id.clone(), index }),
        }
    }
}

impl<'e> CallFact<'e> {
    fn of(outcome: &'e Event, began_at: Option<&'e str>) -> Self {
        let meta = |key: &str| outcome.meta.get(key).map_or("", String::as_str);
        Self {
            attempt: meta("attempt"),
            began_at,
            decision: outcome.kind,
            duration_us: meta("duration_us"),
            ended_at: &outcome.ts,
            input_hash: &outcome.input_hash,
            output_hash: &outcome.output_hash,
            package_digest: meta("package_digest"),
            plugin_id: &outcome.plugin_id,
            reason: meta("reason"),
            request_id: &outcome.request_id,
            step: meta("step"),
        }
    }

    /// The result as a subject of a statement: its name, and the hash of its canonical JSON.
    pub(super) fn result(&self) -> Option<(String, &'e str)> {
        let gave_one = self.decision == EventKind::Result && !self.output_hash.is_empty();
        // A step left out is step 0 (`AttemptKey`).
        let step = if self.step.is_empty() { "0" } else { self.step };
        gave_one.then(|| (format!("result/{}/{step}/{}", self.request_id, self.attempt), self.output_hash))
    }
}
