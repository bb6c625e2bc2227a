//! A filter in memory that tells new runs from those that the history may have.
//!
//! Most calls belong to a run that nobody saw before, and each would pay for a question to the index to learn just
//! that. The filter answers it in memory. It errs on one side only: of a run that the index has, it never says that
//! the history lacks it; of one that it has not, it rarely says that it may be there, and then the index is asked.
//!
//! It is made in the background, once so many questions came that it pays: a command that makes one call reads no
//! history for it. What never happens here: an answer about events that the filter has not taken in.

use std::hash::RandomState;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fastbloom::BloomFilter;

use crate::encode::escaped;
use crate::error::LedgerError;
use crate::index::IndexReader;

/// Questions that the index answers before a filter is made.
const QUESTIONS_BEFORE: u64 = 32;
/// Bits for each run: one run in three hundred is looked up in vain.
const BITS_PER_RUN: u64 = 12;
/// Bits at most (64 MiB): a longer history only makes more look-ups in vain.
const BITS_MAX: u64 = 64 * 1024 * 1024 * 8;
/// Runs that a filter has room for at least.
const RUNS_MIN: u64 = 64 * 1024;
/// Runs taken in at a time: a few milliseconds.
const STEP_RUNS: usize = 10_000;

/// Runs taken in while calls wait: some ten microseconds.
const LOCKED_RUNS: usize = 250;

/// The filter, and how much of the history is wanted of it.
pub(crate) struct PastRuns {
    dir: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Where the questions end that it had no answer to.
    wanted_below: u64,
    /// How many those were.
    unanswered: u64,
    filter: Option<Filter>,
}

struct Filter {
    runs: BloomFilter<RandomState>,
    runs_max: u64,
    /// It has every run that begins below this event.
    complete_below: u64,
}

impl PastRuns {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // `complete_below` is raised after what it promises: a panic leaves a filter that promises less.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where the events below `before` certainly have nothing of this run.
    pub(crate) fn lack(&self, run_id: &str, before: u64) -> bool {
        let mut state = self.state();
        if let Some(filter) = state.filter.as_ref().filter(|filter| filter.complete_below >= before) {
            return !filter.runs.contains(&escaped(run_id));
        }
        state.wanted_below = state.wanted_below.max(before);
        state.unanswered += 1;
        false
    }

    /// Takes in some more runs of what the index covers; true while there is more to do.
    ///
    /// # Errors
    /// [`LedgerError`] where the index cannot be read: then it goes on answering by itself.
    pub(crate) fn advance(&self, covered: u64) -> Result<bool, LedgerError> {
        let (from, until) = {
            let mut state = self.state();
            let complete_below = state.filter.as_ref().map_or(0, |filter| filter.complete_below);
            let until = state.wanted_below;
            if state.unanswered < QUESTIONS_BEFORE || complete_below >= until || covered < until {
                return Ok(false);
            }
            // A run has an INVOKE and an outcome at least, but for refusals.
            let runs = until / 2;
            if state.filter.as_ref().is_none_or(|filter| filter.runs_max < runs) {
                state.filter = Some(Filter::new(runs.saturating_mul(2).max(RUNS_MIN)));
            }
            (state.filter.as_ref().map_or(0, |filter| filter.complete_below), until)
        };
        let Some(index) = IndexReader::open(&self.dir) else { return Ok(false) };
        let names = index.run_names(from..until, STEP_RUNS)?;
        let is_last = names.len() < STEP_RUNS;
        let complete_below = names.last().filter(|_| !is_last).map_or(until, |(first_index, _)| first_index + 1);
        // Bit by bit: calls wait for the same lock.
        for some in names.chunks(LOCKED_RUNS) {
            if let Some(filter) = &mut self.state().filter {
                for (_, name) in some {
                    filter.runs.insert(name);
                }
            }
        }
        if let Some(filter) = &mut self.state().filter {
            filter.complete_below = complete_below;
        }
        Ok(!is_last)
    }
}

impl Filter {
    fn new(runs_max: u64) -> Self {
        let bits = runs_max.saturating_mul(BITS_PER_RUN).min(BITS_MAX);
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let runs = BloomFilter::with_num_bits(number(bits)).hasher(RandomState::new()).expected_items(number(runs_max));
        Self { runs, runs_max, complete_below: 0 }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use omega_contract::ports::Recorder as _;
    use omega_contract::{Clock, EventDraft, EventKind, Timestamp};

    use super::*;
    use crate::index::IndexWriter;
    use crate::{Ledger, LedgerOptions};

    pub(crate) struct StillClock;

    impl Clock for StillClock {
        fn now(&self) -> Timestamp {
            Timestamp::EPOCH
        }

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
    }

    /// A name that the index holds in another form than it has here.
    pub(crate) fn run(number: u64) -> String {
        format!("run \"{number}\"")
    }

    /// A ledger of runs with two events each, all of it indexed.
    pub(crate) fn ledger_of(runs: u64) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let ledger =
            Ledger::open(dir.path(), LedgerOptions::new(Arc::new(StillClock), crate::testing::log_signer())).unwrap();
        for number in 0..runs {
            for kind in [EventKind::Invoke, EventKind::Result] {
                ledger.record(EventDraft::of_run(kind, run(number).parse().unwrap())).unwrap();
            }
        }
        ledger.close().unwrap();
        IndexWriter::new(dir.path()).catch_up(2 * runs, 2 * runs).unwrap();
        dir
    }

    pub(crate) fn ask_often(past: &PastRuns, before: u64) {
        for _ in 0..QUESTIONS_BEFORE {
            assert!(!past.lack("new", before), "an answer before anything was read");
        }
    }

    #[test]
    fn it_knows_every_old_run_and_nearly_every_new_one() {
        let runs = 25_000;
        let dir = ledger_of(runs);
        let past = PastRuns::new(dir.path());
        ask_often(&past, 2 * runs);
        let mut steps = 1;
        while past.advance(2 * runs).unwrap() {
            assert!(!past.lack("new", 2 * runs), "an answer about what was not read yet");
            steps += 1;
        }
        assert_eq!(steps, 3);
        assert!((0..runs).all(|number| !past.lack(&run(number), 2 * runs)));
        let known_new = (runs..2 * runs).filter(|number| past.lack(&run(*number), 2 * runs)).count() as u64;
        assert!(known_new > runs * 97 / 100, "{known_new}");
        // The history has grown: the answers are about less than what is asked.
        assert!(!past.lack("new", 2 * runs + 1));
    }

    #[test]
    fn it_grows_with_the_history() {
        let dir = ledger_of(40);
        let past = PastRuns::new(dir.path());
        ask_often(&past, 40);
        assert!(!past.advance(39).unwrap(), "the index is not so far");
        assert!(!past.lack("new", 40));
        assert!(!past.advance(80).unwrap());
        assert!(past.lack("new", 40) && past.lack(&run(20), 40) && !past.lack(&run(19), 40));
        assert!(!past.lack("new", 80));
        assert!(!past.advance(80).unwrap());
        assert!(past.lack("new", 80) && !past.lack(&run(20), 80) && !past.lack(&run(39), 80));
    }

    #[test]
    fn one_question_reads_nothing() {
        let dir = ledger_of(2);
        let past = PastRuns::new(dir.path());
        assert!(!past.lack("new", 4));
        assert!(!past.advance(4).unwrap());
        assert!(past.state().filter.is_none());
    }
}
