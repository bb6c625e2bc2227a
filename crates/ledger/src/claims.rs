//! Which calls were made before (spec page 1: a second use of (run_id, request_id, step) is refused).
//!
//! Recent keys lie in memory, older ones are looked up in the ledger's history: once per run where the
//! run is new, and not even then once a filter knows it to be new ([`crate::past_runs`]), so that the hot path does not
//! pay for a long history.
//!
//! What never happens here: a key that is given out twice. What cannot be looked up is refused.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use omega_contract::ports::{CallKey, ClaimError, RecorderError};
use sha2::{Digest, Sha256};

use crate::error::LedgerError;
use crate::past_runs::PastRuns;

/// Keys of one generation; two generations are kept.
const GENERATION_KEYS_MAX: usize = 512 * 1024;
/// Runs that are remembered to be absent from the history.
const FRESH_RUNS_MAX: usize = 64 * 1024;

/// A key by its SHA-256, cut to 16 bytes.
type Fingerprint = [u8; 16];

pub(crate) struct Claims {
    known: Mutex<Known>,
    generation_keys_max: usize,
    past_runs: Arc<PastRuns>,
}

struct Known {
    current: HashSet<Fingerprint>,
    previous: HashSet<Fingerprint>,
    /// Events below this index may hold keys that are not in memory.
    history_before: u64,
    /// Where the ledger ended when `current` was half full.
    half_way: u64,
    /// Runs of which the history below `history_before` has nothing.
    fresh_runs: HashSet<Fingerprint>,
}

/// What the history has of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum InHistory {
    /// Nothing of its run.
    Nothing,
    /// Other events of its run.
    RunOnly,
    /// An INVOKE of it.
    Invoke,
}

impl Claims {
    /// Of a ledger that has `events` events from earlier processes.
    pub(crate) fn new(events: u64, past_runs: Arc<PastRuns>) -> Self {
        Self::with_generations(events, past_runs, GENERATION_KEYS_MAX)
    }

    fn with_generations(events: u64, past_runs: Arc<PastRuns>, generation_keys_max: usize) -> Self {
        let known = Known {
            current: HashSet::new(),
            previous: HashSet::new(),
            history_before: events,
            half_way: events,
            fresh_runs: HashSet::new(),
        };
        Self { known: Mutex::new(known), generation_keys_max, past_runs }
    }

    /// What is known of the history without asking it.
    #[cfg(test)]
    pub(crate) fn past_runs(&self) -> &PastRuns {
        &self.past_runs
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change is one insertion or removal: a panic leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the key. `look_up` tells what the events below an index have of it; `next_index` is where the
    /// ledger ends.
    pub(crate) fn claim(
        &self,
        key: &CallKey,
        next_index: impl FnOnce() -> u64,
        look_up: impl FnOnce(u64) -> Result<InHistory, LedgerError>,
    ) -> Result<(), ClaimError> {
        let call = fingerprint(key);
        let mut known = self.known();
        if known.current.contains(&call) || known.previous.contains(&call) {
            return Err(ClaimError::Duplicate);
        }
        if known.current.len() >= self.generation_keys_max {
            known.begin_generation();
        } else if known.current.len() == self.generation_keys_max / 2 {
            known.half_way = next_index();
        }
        // Taken before the look-up, so that of two equal claims exactly one goes on to it.
        known.current.insert(call);
        let history_before = known.history_before;
        if history_before == 0 || self.past_runs.lack(key.run_id.as_str(), history_before) {
            return Ok(());
        }
        let run = run_fingerprint(key);
        if known.fresh_runs.contains(&run) {
            return Ok(());
        }
        drop(known);
        let refused = match look_up(history_before) {
            Ok(InHistory::Invoke) => ClaimError::Duplicate,
            Ok(InHistory::RunOnly) => return Ok(()),
            Ok(InHistory::Nothing) => {
                self.known().remember_fresh(run, history_before);
                return Ok(());
            }
            Err(error) => {
                self.release(key);
                ClaimError::Unavailable(RecorderError { cause: error.to_string() })
            }
        };
        Err(refused)
    }

    pub(crate) fn release(&self, key: &CallKey) {
        let call = fingerprint(key);
        let mut known = self.known();
        known.current.remove(&call);
        known.previous.remove(&call);
    }
}

impl Known {
    /// Forgets the older generation. All its keys were claimed before the newer one began; by the time that
    /// one was half full, their INVOKEs were recorded. That place is far enough behind the ledger's end for the
    /// index to have come past it, so that no call waits for it.
    fn begin_generation(&mut self) {
        let forgotten = std::mem::replace(&mut self.previous, std::mem::take(&mut self.current));
        if !forgotten.is_empty() {
            self.history_before = self.half_way;
            self.fresh_runs.clear();
        }
    }

    fn remember_fresh(&mut self, run: Fingerprint, history_before: u64) {
        if history_before != self.history_before {
            return;
        }
        if self.fresh_runs.len() >= FRESH_RUNS_MAX {
            self.fresh_runs.clear();
        }
        self.fresh_runs.insert(run);
    }
}

/// Lengths go in as well: ids may hold any character, so none can separate them.
fn fingerprint(key: &CallKey) -> Fingerprint {
    let (run, request) = (key.run_id.as_str(), key.request_id.as_str());
    let digest = Sha256::new()
        .chain_update((run.len() as u64).to_be_bytes())
        .chain_update(run)
        .chain_update((request.len() as u64).to_be_bytes())
        .chain_update(request)
        .chain_update(key.step.to_be_bytes());
    cut(digest)
}

fn run_fingerprint(key: &CallKey) -> Fingerprint {
    cut(Sha256::new().chain_update(key.run_id.as_str()))
}

fn cut(digest: Sha256) -> Fingerprint {
    let whole: [u8; 32] = digest.finalize().into();
    std::array::from_fn(|at| whole[at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::past_runs::tests as past_runs;

    fn key(run: &str, request: &str, step: u32) -> CallKey {
        CallKey { run_id: run.parse().unwrap(), request_id: request.parse().unwrap(), step }
    }

    /// A filter that never has an answer.
    fn nothing_read() -> Arc<PastRuns> {
        Arc::new(PastRuns::new(std::path::Path::new("")))
    }

    fn no_look_up(_before: u64) -> Result<InHistory, LedgerError> {
        panic!("memory covers all")
    }

    #[test]
    fn memory_alone_serves_a_ledger_without_history() {
        let claims = Claims::new(0, nothing_read());
        let check = |key: CallKey, free: bool| {
            let got = claims.claim(&key, || 0, no_look_up);
            assert_eq!(got, if free { Ok(()) } else { Err(ClaimError::Duplicate) }, "{key:?}");
        };
        check(key("r", "a", 0), true);
        check(key("r", "a", 0), false);
        check(key("r", "a", 1), true);
        check(key("r", "b", 0), true);
        check(key("s", "a", 0), true);
        check(key("r\0s", "a", 0), true);
        check(key("r", "s\0a", 0), true);
        claims.release(&key("r", "a", 0));
        check(key("r", "a", 0), true);
    }

    #[test]
    fn history_is_asked_once_for_a_new_run_and_each_time_for_an_old_one() {
        let claims = Claims::new(7, nothing_read());
        let asked = std::cell::Cell::new(0);
        let claim = |key: CallKey, answer: InHistory| {
            claims.claim(
                &key,
                || 9,
                |before| {
                    assert_eq!(before, 7);
                    asked.set(asked.get() + 1);
                    Ok(answer)
                },
            )
        };
        assert_eq!(claim(key("new", "a", 0), InHistory::Nothing), Ok(()));
        assert_eq!(claim(key("new", "b", 0), InHistory::Invoke), Ok(()));
        assert_eq!(asked.get(), 1);
        assert_eq!(claim(key("old", "a", 0), InHistory::RunOnly), Ok(()));
        assert_eq!(claim(key("old", "b", 0), InHistory::Invoke), Err(ClaimError::Duplicate));
        assert_eq!(claim(key("old", "b", 0), InHistory::RunOnly), Err(ClaimError::Duplicate));
        assert_eq!(asked.get(), 3);
    }

    #[test]
    fn a_run_that_the_filter_knows_to_be_new_is_not_looked_up() {
        let dir = past_runs::ledger_of(40);
        let filter = Arc::new(PastRuns::new(dir.path()));
        past_runs::ask_often(&filter, 80);
        while filter.advance(80).unwrap() {}
        let claims = Claims::new(80, filter);
        // Bloom filters err: one of a few that it knows is enough to see that it is asked.
        let looked_up = std::cell::Cell::new(0);
        let claim = |run: &str, answer: InHistory| {
            let look_up = |before| {
                assert_eq!(before, 80);
                looked_up.set(looked_up.get() + 1);
                Ok(answer)
            };
            claims.claim(&key(run, "a", 0), || 80, look_up)
        };
        assert!((0..20).all(|number| claim(&format!("new {number}"), InHistory::Nothing) == Ok(())));
        assert!(looked_up.get() < 5, "{}", looked_up.get());
        let before = looked_up.get();
        for number in 0..40 {
            assert_eq!(claim(&past_runs::run(number), InHistory::Invoke), Err(ClaimError::Duplicate));
        }
        assert_eq!(looked_up.get() - before, 40);
    }

    #[test]
    fn what_cannot_be_looked_up_is_refused_and_not_kept() {
        let claims = Claims::new(7, nothing_read());
        let refused = claims.claim(&key("r", "a", 0), || 9, |_| Err(LedgerError::Index { cause: "gone".into() }));
        assert!(matches!(refused, Err(ClaimError::Unavailable(_))));
        assert_eq!(claims.claim(&key("r", "a", 0), || 9, |_| Ok(InHistory::Nothing)), Ok(()));
    }

    #[test]
    fn forgotten_keys_are_found_in_the_history() {
        let claims = Claims::with_generations(0, nothing_read(), 4);
        for request in 0..8 {
            claims.claim(&key("r", &request.to_string(), 0), || 10 * request, no_look_up).unwrap();
        }
        // The ninth key makes the first four be forgotten. The second four were half when the seventh came.
        let asked = |before: u64| {
            assert_eq!(before, 60);
            Ok(InHistory::RunOnly)
        };
        claims.claim(&key("r", "8", 0), || 80, asked).unwrap();
        let found = |_| Ok(InHistory::Invoke);
        assert_eq!(claims.claim(&key("r", "0", 0), || 90, found), Err(ClaimError::Duplicate));
        assert_eq!(claims.claim(&key("r", "7", 0), || 90, no_look_up), Err(ClaimError::Duplicate));
    }
}
