//! INVOKEs that a crash left without an outcome (spec page 1: each gets an ERROR `interrupted` at start).

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use omega_contract::{ErrorCode, Event, EventDraft, EventKind};
use omega_proof::attempts::{AttemptKey, Attempts};
use omega_proof::line::Line;

use crate::error::{FaultKind, LedgerError};
use crate::mark::Mark;
use crate::segment::{Spot, list_segments};
use crate::stream::{fault_at, stream_lines};

/// What of an INVOKE its outcome repeats.
const KEPT_META: [&str; 5] = ["attempt", "lane", "manifest_hash", "package_digest", "step"];

/// A call that a crash cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    /// Where its INVOKE stands.
    pub invoke_index: u64,
    /// Its INVOKE.
    pub invoke: Event,
}

impl Interrupted {
    /// The outcome that it gets.
    pub(crate) fn draft(&self) -> EventDraft {
        let invoke = &self.invoke;
        // What the ledger itself wrote is an id; what cannot be one is left out rather than guessed.
        let run_id = invoke.run_id.parse().unwrap_or_else(|_| omega_contract::RunId::system());
        let mut draft = EventDraft::of_run(EventKind::Error, run_id).with("reason", ErrorCode::Interrupted.as_str());
        for key in KEPT_META {
            if let Some(value) = invoke.meta.get(key) {
                draft = draft.with(key, value.as_str());
            }
        }
        draft.plugin_id = invoke.plugin_id.parse().ok();
        draft.request_id = invoke.request_id.parse().ok();
        draft.input_hash = invoke.input_hash.parse().ok();
        draft
    }
}

/// Reads the events from the oldest that can be open to the end, and gives the INVOKEs without outcome.
pub(crate) fn find_interrupted(dir: &Path, end: Mark) -> Result<Vec<Interrupted>, LedgerError> {
    if end.open_from >= end.next_index {
        return Ok(Vec::new());
    }
    let segments = list_segments(dir)?;
    let holder = segments.iter().rev().find(|segment| segment.first_index <= end.open_from);
    // An old mark may speak of what an archive has; no call in there is open.
    let from = holder.or(segments.first()).map_or(Spot::START, |segment| Spot {
        index: segment.first_index,
        segment: segment.first_index,
        offset: 0,
    });
    let mut attempts = Attempts::default();
    let mut invokes: BTreeMap<AttemptKey, Event> = BTreeMap::new();
    stream_lines(dir, from, |spot, bytes| {
        if spot.index < end.open_from {
            return Ok(ControlFlow::Continue(()));
        }
        let at_fault = |kind| fault_at(spot, FaultKind::Line(kind));
        let line = Line::scan(bytes).map_err(at_fault)?;
        if matches!(line.kind(), EventKind::Invoke | EventKind::Result | EventKind::Reject | EventKind::Error) {
            line.hash().map_err(at_fault)?;
            let event = line.event().map_err(at_fault)?;
            // What does not pair was not left by a crash and is not for recovery to judge.
            let _fault = attempts.observe(&event, spot.index);
            let key = AttemptKey::of(&event);
            if event.kind == EventKind::Invoke {
                invokes.insert(key, event);
            } else {
                invokes.remove(&key);
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let open = attempts
        .open()
        .filter_map(|(key, invoke_index)| invokes.remove(key).map(|invoke| Interrupted { invoke_index, invoke }));
    let mut open: Vec<_> = open.collect();
    open.sort_by_key(|interrupted| interrupted.invoke_index);
    Ok(open)
}
