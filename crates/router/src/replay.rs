//! A call that repeats an earlier one, for an audit of determinism (spec page 3, "Replay").
//!
//! What never happens here: a lighter way to run. A replayed call goes through the same steps as any other; only its
//! events say more.

use omega_contract::{EventDraft, RunId, Sha256Hex};

/// The earlier result that a call is to repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayOf {
    /// The run of that result.
    pub run_id: RunId,
    /// The index of its event.
    pub event_index: u64,
    /// The hash of its event: with it, the reference holds wherever the events are taken.
    pub event_hash: Sha256Hex,
}

impl ReplayOf {
    /// The draft with what it replays in its `meta`.
    pub(crate) fn named_in(&self, draft: EventDraft) -> EventDraft {
        draft
            .with("replay_of", self.event_hash.to_string())
            .with("replay_of_index", self.event_index.to_string())
            .with("replay_of_run", self.run_id.as_str())
    }
}
