//! The INVOKEs of this process that wait for their outcome: so that the next start knows where to look.
//!
//! Calls are told apart by a keyed 64-bit hash. Two that collide would at worst let the next start look
//! at more events, or at fewer by one call in 2^64.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};

use omega_contract::{EventDraft, EventKind};

/// The part that an event plays for open calls, worked out before the chain is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallPart {
    Opens(u64),
    Closes(u64),
    None,
}

/// Which calls are open.
#[derive(Debug, Default)]
pub(crate) struct OpenCalls {
    index_of: HashMap<u64, u64>,
    indexes: BTreeSet<u64>,
}

impl OpenCalls {
    pub(crate) fn part(keys: &RandomState, draft: &EventDraft) -> CallPart {
        let key = || {
            let meta = |key: &str| draft.meta.get(key).map_or("", String::as_str);
            let request = draft.request_id.as_ref().map_or("", |id| id.as_str());
            let step = Some(meta("step")).filter(|step| !step.is_empty()).unwrap_or("0");
            keys.hash_one((draft.run_id.as_str(), request, step, meta("attempt")))
        };
        match draft.kind {
            EventKind::Invoke => CallPart::Opens(key()),
            EventKind::Result | EventKind::Reject | EventKind::Error => CallPart::Closes(key()),
            _ => CallPart::None,
        }
    }

    pub(crate) fn observe(&mut self, part: CallPart, index: u64) {
        match part {
            CallPart::Opens(key) => {
                if let Some(before) = self.index_of.insert(key, index) {
                    self.indexes.remove(&before);
                }
                self.indexes.insert(index);
            }
            CallPart::Closes(key) => {
                if let Some(index) = self.index_of.remove(&key) {
                    self.indexes.remove(&index);
                }
            }
            CallPart::None => {}
        }
    }

    /// The lowest index of an open call's INVOKE.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.indexes.first().copied()
    }

    /// Whether an event ends a call that is open.
    pub(crate) fn ends_one(&self, part: CallPart) -> bool {
        matches!(part, CallPart::Closes(key) if self.index_of.contains_key(&key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_the_oldest() {
        let keys = RandomState::new();
        let mut calls = OpenCalls::default();
        let mut feed = |kind, request: &str, attempt: &str, index| {
            let mut draft = EventDraft::of_run(kind, "run".parse().unwrap()).with("attempt", attempt);
            draft.request_id = Some(request.parse().unwrap());
            let part = OpenCalls::part(&keys, &draft);
            let ends = calls.ends_one(part);
            calls.observe(part, index);
            (calls.oldest(), ends)
        };
        assert_eq!(feed(EventKind::Invoke, "a", "1", 3), (Some(3), false));
        assert_eq!(feed(EventKind::Invoke, "b", "1", 4), (Some(3), false));
        assert_eq!(feed(EventKind::Error, "a", "2", 5), (Some(3), false));
        assert_eq!(feed(EventKind::Error, "a", "1", 6), (Some(4), true));
        assert_eq!(feed(EventKind::Policy, "b", "1", 7), (Some(4), false));
        assert_eq!(feed(EventKind::Result, "b", "1", 8), (None, true));
    }
}
