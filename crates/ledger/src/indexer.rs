//! The background thread that brings the index forward while there is time for it.
//!
//! It stays off the hot path: it holds nothing that an append needs, works in small steps, and waits while the
//! ledger is busy unless it has fallen far behind.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::commit::Shared;
use crate::error::LedgerError;
use crate::index::IndexWriter;
use crate::past_runs::PastRuns;

/// How often it looks.
const TICK_MS: u64 = 500;
/// Events of one step: a few dozen milliseconds.
const STEP_EVENTS: u64 = 4_096;
/// More events than this in a tick, and the ledger is busy.
const BUSY_EVENTS: u64 = 2_000;
/// A busy ledger's index may fall this far behind.
const LAG_EVENTS_MAX: u64 = 200_000;
/// Steps of one tick while the ledger is busy: well under half of one core.
const BUSY_STEPS_MAX: usize = 12;
/// What a question may wait for; the rest is read from the segments.
const BEFORE_QUESTION_EVENTS: u64 = 4 * STEP_EVENTS;

/// The index's writer, shared between the thread and whoever cannot wait for it.
pub(crate) struct Indexing {
    writer: Mutex<IndexWriter>,
    covered: AtomicU64,
    closing: Mutex<bool>,
    wake: Condvar,
}

impl Indexing {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            writer: Mutex::new(IndexWriter::new(dir)),
            covered: AtomicU64::new(0),
            closing: Mutex::new(false),
            wake: Condvar::new(),
        }
    }

    /// Covers all below `until`, however long that takes.
    pub(crate) fn cover(&self, until: u64) -> Result<(), LedgerError> {
        while self.covered() < until {
            let before = self.covered();
            if self.step(until)? == before {
                return Err(LedgerError::Index { cause: format!("it does not get past event {before}") });
            }
        }
        Ok(())
    }

    /// Covers what is below `until` where that is soon done.
    pub(crate) fn cover_if_near(&self, until: u64) {
        // A first look at the file says how far it came.
        if self.covered() == 0 {
            let _unusable = self.step(until);
        }
        if until.saturating_sub(self.covered()) <= BEFORE_QUESTION_EVENTS {
            // The segments answer as well.
            let _unusable = self.cover(until);
        }
    }

    /// Whether all below `until` is covered.
    pub(crate) fn covers(&self, until: u64) -> bool {
        self.covered() >= until
    }

    fn covered(&self) -> u64 {
        self.covered.load(Ordering::Acquire)
    }

    fn step(&self, until: u64) -> Result<u64, LedgerError> {
        // A step that panicked was rolled back by SQLite.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let covered = writer.catch_up(until, STEP_EVENTS)?;
        self.covered.store(covered, Ordering::Release);
        Ok(covered)
    }

    fn closing(&self) -> MutexGuard<'_, bool> {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the thread end after its step.
    pub(crate) fn close(&self) {
        *self.closing() = true;
        self.wake.notify_all();
    }

    /// Sleeps for a tick; true where the end has come.
    fn sleep(&self) -> bool {
        let closing = self.closing();
        if *closing {
            return true;
        }
        let slept = self.wake.wait_timeout(closing, Duration::from_millis(TICK_MS));
        slept.map_or(true, |(closing, _)| *closing)
    }
}

pub(crate) fn spawn_indexer(
    shared: &Arc<Shared>,
    indexing: &Arc<Indexing>,
    past_runs: Arc<PastRuns>,
) -> Result<JoinHandle<()>, LedgerError> {
    let (shared, indexing) = (Arc::clone(shared), Arc::clone(indexing));
    let thread = std::thread::Builder::new().name("omega-ledger-index".to_owned());
    let failed = |source| LedgerError::Write { doing: "start the thread that indexes", file: String::new(), source };
    thread.spawn(move || index_until_closing(&shared, &indexing, &past_runs)).map_err(failed)
}

fn index_until_closing(shared: &Shared, indexing: &Indexing, past_runs: &PastRuns) {
    let mut seen = shared.queue().synced;
    while !indexing.sleep() {
        // Without it the index is asked, call by call: the next tick tries again.
        while !*indexing.closing() && past_runs.advance(indexing.covered()).unwrap_or(false) {}
        let synced = shared.queue().synced;
        let is_busy = synced - std::mem::replace(&mut seen, synced) > BUSY_EVENTS;
        if is_busy && synced.saturating_sub(indexing.covered()) < LAG_EVENTS_MAX {
            continue;
        }
        let steps = if is_busy { BUSY_STEPS_MAX } else { usize::MAX };
        for _ in 0..steps {
            if indexing.covered() >= synced || *indexing.closing() {
                break;
            }
            let before = indexing.covered();
            match indexing.step(synced) {
                Ok(covered) if covered > before => {}
                // What is wrong with the files is for `verify` to say; the next tick tries again.
                _ => break,
            }
        }
    }
}
