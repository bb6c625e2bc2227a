//! Pairs each INVOKE with its outcome (spec page 1: "every attempt is one INVOKE plus exactly one outcome").
//!
//! An attempt is named by (run_id, request_id, `meta.step`, `meta.attempt`); a step left out is step 0. A REJECT
//! or ERROR that names no attempt and meets no open INVOKE is a refusal before the run: one event, no INVOKE.
//!
//! What never happens here: a guess. An outcome that names an attempt must meet its INVOKE.

use std::collections::BTreeMap;

use omega_contract::{Event, EventKind};

/// What names one attempt of one call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptKey {
    /// The run.
    pub run_id: String,
    /// The request.
    pub request_id: String,
    /// `meta.step`, `0` where it is left out.
    pub step: String,
    /// `meta.attempt`, empty where it is left out.
    pub attempt: String,
}

impl AttemptKey {
    /// The attempt that an event belongs to.
    pub fn of(event: &Event) -> Self {
        let meta = |key: &str| event.meta.get(key).cloned();
        Self {
            run_id: event.run_id.clone(),
            request_id: event.request_id.clone(),
            step: meta("step").unwrap_or_else(|| "0".to_owned()),
            attempt: meta("attempt").unwrap_or_default(),
        }
    }
}

/// What an event is to the attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// An attempt begins.
    Begins,
    /// The attempt that began at this index has its outcome.
    Ends {
        /// Where its INVOKE stands.
        invoke_index: u64,
    },
    /// A call was refused before it ran.
    Refusal,
    /// Nothing.
    None,
}

/// Why events do not pair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairingFault {
    /// The same attempt begins while it is open.
    #[error("a second INVOKE of request \"{request_id}\" while the attempt is open")]
    BeganTwice {
        /// The request.
        request_id: String,
    },
    /// A result or a named attempt's outcome without its INVOKE.
    #[error("an outcome of request \"{request_id}\" without an open INVOKE")]
    OutcomeWithoutInvoke {
        /// The request.
        request_id: String,
    },
}

/// The attempts that began and have no outcome yet.
#[derive(Debug, Default)]
pub struct Attempts {
    open: BTreeMap<AttemptKey, u64>,
}

impl Attempts {
    /// Takes the event at `index` into account.
    ///
    /// # Errors
    /// [`PairingFault`].
    pub fn observe(&mut self, event: &Event, index: u64) -> Result<Part, PairingFault> {
        match event.kind {
            EventKind::Invoke => match self.open.insert(AttemptKey::of(event), index) {
                None => Ok(Part::Begins),
                Some(_) => Err(PairingFault::BeganTwice { request_id: event.request_id.clone() }),
            },
            EventKind::Result | EventKind::Reject | EventKind::Error => {
                let key = AttemptKey::of(event);
                if let Some(invoke_index) = self.open.remove(&key) {
                    return Ok(Part::Ends { invoke_index });
                }
                if event.kind == EventKind::Result || !key.attempt.is_empty() {
                    return Err(PairingFault::OutcomeWithoutInvoke { request_id: event.request_id.clone() });
                }
                Ok(Part::Refusal)
            }
            _ => Ok(Part::None),
        }
    }

    /// The open attempts with the index of each one's INVOKE.
    pub fn open(&self) -> impl Iterator<Item = (&AttemptKey, u64)> {
        self.open.iter().map(|(key, index)| (key, *index))
    }
}

#[cfg(test)]
mod tests {
    use omega_contract::Meta;

    use super::*;

    fn event(kind: EventKind, request: &str, meta: &[(&'static str, &str)]) -> Event {
        let mut event = crate::line::tests::event(Meta::new());
        event.kind = kind;
        event.request_id = request.to_owned();
        event.meta = meta.iter().map(|(key, value)| ((*key).into(), (*value).to_owned())).collect();
        event
    }

    #[test]
    fn pairs_by_request_step_and_attempt() {
        use EventKind::{Error, Invoke, ProofExport, Reject, Result};
        let mut attempts = Attempts::default();
        let mut check =
            |kind, request, meta: &[(&'static str, &str)], expect: std::result::Result<Part, &str>, index| {
                let got = attempts.observe(&event(kind, request, meta), index).map_err(|fault| fault.to_string());
                match (&got, &expect) {
                    (Err(got), Err(expect)) => assert!(got.contains(expect), "{got}"),
                    _ => assert_eq!(got.as_ref().ok(), expect.as_ref().ok(), "{kind} {request} {meta:?}"),
                }
            };
        check(Invoke, "a", &[("attempt", "1")], Ok(Part::Begins), 0);
        check(Invoke, "a", &[("attempt", "1"), ("step", "1")], Ok(Part::Begins), 1);
        check(Invoke, "a", &[("attempt", "1"), ("step", "0")], Err("second INVOKE"), 2);
        check(Reject, "a", &[], Ok(Part::Refusal), 3);
        check(Result, "a", &[("attempt", "1"), ("step", "1")], Ok(Part::Ends { invoke_index: 1 }), 4);
        check(Result, "a", &[("attempt", "1"), ("step", "1")], Err("without an open INVOKE"), 5);
        check(Error, "b", &[("attempt", "1")], Err("without an open INVOKE"), 6);
        check(Result, "b", &[], Err("without an open INVOKE"), 7);
        check(ProofExport, "", &[], Ok(Part::None), 8);
        check(Invoke, "c", &[], Ok(Part::Begins), 9);
        check(Error, "c", &[("step", "0")], Ok(Part::Ends { invoke_index: 9 }), 10);
        let open: Vec<_> = attempts.open().map(|(key, index)| (key.request_id.as_str(), index)).collect();
        assert_eq!(open, [("a", 2)]);
    }
}
