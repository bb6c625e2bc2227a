//! The open ledger: the one writer of a ledger's folder.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use omega_contract::ports::{BoxFuture, CallKey, ClaimError, Recorded, Recorder, RecorderError};
use omega_contract::proof_bundle::Durability;
use omega_contract::{EventDraft, Timestamp};
use omega_proof::checkpoint::{LogSigner, SignedCheckpoint};
use omega_proof::note::VerifierKey;

use crate::archive::remove_leftovers;
use crate::beginning::Beginning;
use crate::blocking::run_blocking;
use crate::checkpoints::{Checkpointing, spawn_checkpointer};
use crate::claims::{Claims, InHistory};
use crate::commit::Shared;
use crate::disk::{Disk, OsDisk};
use crate::durable::DurableWait;
use crate::error::LedgerError;
use crate::flusher::spawn_flusher;
use crate::indexer::{Indexing, spawn_indexer};
use crate::interrupted::{Interrupted, find_interrupted};
use crate::lock::WriterLock;
use crate::options::LedgerOptions;
use crate::past_runs::PastRuns;
use crate::quarantine::{self, Quarantined};
use crate::queue::Queue;
use crate::recovery::recover;
use crate::segment_writer::SegmentWriter;
use crate::sequence::Sequence;
use crate::space::Space;
use crate::view::View;

/// The one writer of a ledger. Dropping it writes and syncs what is left, and lets go of the lock.
pub struct Ledger {
    shared: Arc<Shared>,
    claims: Claims,
    view: View,
    opening: OpenReport,
    indexing: Arc<Indexing>,
    checkpointing: Arc<Checkpointing>,
    threads: Vec<JoinHandle<()>>,
    tree: Option<JoinHandle<()>>,
    archiving: Mutex<()>,
    /// Last, so that it is let go of last.
    _lock: WriterLock,
}

/// What opening a ledger found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Events that were there, those of the opening itself not counted.
    pub events: u64,
    /// Tails that were cut off and journalled as RECOVERY events.
    pub quarantined: Vec<Quarantined>,
    /// INVOKEs that a crash left without an outcome, each closed with an ERROR `interrupted`.
    pub interrupted: Vec<Interrupted>,
}

impl Ledger {
    /// Opens the ledger in `dir` for writing, or makes one there.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] while another process holds it; [`LedgerError::Corrupt`] where acknowledged events
    /// are damaged: then nothing was rewritten; [`LedgerError::Write`] where it cannot be written.
    pub fn open(dir: &Path, options: LedgerOptions) -> Result<Self, LedgerError> {
        Self::open_on(Arc::new(OsDisk), dir, options)
    }

    pub(crate) fn open_on(disk: Arc<dyn Disk>, dir: &Path, options: LedgerOptions) -> Result<Self, LedgerError> {
        std::fs::create_dir_all(dir).map_err(LedgerError::write("create", dir))?;
        let lock = WriterLock::take(dir, options.lock_wait)?;
        let recovered = recover(&disk, dir, &options.log_signer)?;
        let (end, grower) = (recovered.end, recovered.grower);
        remove_leftovers(dir, &Beginning::read(dir)?)?;
        let checkpointing = Arc::new(Checkpointing::new(end, grower.newest().clone(), Arc::clone(&options.log_signer)));
        let (last_ts, last_id) = recovered.last.unwrap_or((Timestamp::EPOCH, String::new()));
        let sequence = Sequence::after(end.next_index, end.head, last_ts, &last_id);
        let writer = SegmentWriter::new(
            dir,
            Arc::clone(&disk),
            recovered.segment_file,
            options.segment_bytes_max,
            recovered.mark_file,
            end,
        )
        .telling(Arc::clone(&checkpointing));
        let interrupted = find_interrupted(dir, end)?;
        let quarantined = quarantine::pending(dir)?;
        let space = Space::new(&*disk, dir, options.disk_reserve_bytes);
        let file_system = (dir.to_owned(), disk, options.durability, options.clock);
        let shared = Arc::new(Shared::new(file_system, space, Queue::new(sequence), writer));
        let opening = OpenReport { events: end.next_index, quarantined, interrupted };
        let view = View::new(dir);
        let past_runs = Arc::new(PastRuns::new(dir));
        let claims = Claims::new(end.next_index, Arc::clone(&past_runs));
        let indexing = Arc::new(Indexing::new(dir));
        let mut ledger = Self {
            shared,
            claims,
            view,
            opening,
            indexing,
            checkpointing,
            threads: Vec::new(),
            tree: None,
            archiving: Mutex::new(()),
            _lock: lock,
        };
        ledger.mend()?;
        ledger.tree = Some(spawn_checkpointer(&ledger.shared, &ledger.checkpointing, grower)?);
        ledger.threads.push(spawn_flusher(&ledger.shared)?);
        ledger.threads.push(spawn_indexer(&ledger.shared, &ledger.indexing, past_runs)?);
        Ok(ledger)
    }

    /// Journals what recovery did and closes what a crash left open.
    fn mend(&self) -> Result<(), LedgerError> {
        for quarantined in &self.opening.quarantined {
            self.shared.record(&quarantined.draft())?;
        }
        for interrupted in &self.opening.interrupted {
            self.shared.close_call(interrupted.invoke_index, &interrupted.draft())?;
        }
        self.shared.flush()?;
        for quarantined in &self.opening.quarantined {
            quarantine::journalled(&*self.shared.disk, &self.shared.dir, quarantined)?;
        }
        Ok(())
    }

    /// What opening it found and did.
    pub const fn opening(&self) -> &OpenReport {
        &self.opening
    }

    /// Which durability is in force.
    pub fn durability(&self) -> Durability {
        self.shared.durability
    }

    /// The last event that was recorded, durable or not.
    pub fn head(&self) -> Option<Recorded> {
        self.shared.queue().sequence.head()
    }

    /// Writes and syncs all that was recorded before the call. Blocks.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] where that is not possible any more.
    pub fn flush(&self) -> Result<(), LedgerError> {
        self.shared.flush()
    }

    /// A checkpoint that covers all that was recorded before the call, written and published. Blocks, for as long as a
    /// few syncs take; those who wait at the same time share one.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] where that is not possible any more.
    pub fn checkpoint(&self) -> Result<Arc<SignedCheckpoint>, LedgerError> {
        run_blocking(|| {
            let size = self.shared.queue().sequence.next_index();
            self.shared.flush()?;
            self.checkpointing.wait_for(size)
        })
    }

    /// The newest checkpoint, at most a second behind.
    pub fn newest_checkpoint(&self) -> Arc<SignedCheckpoint> {
        self.checkpointing.newest()
    }

    /// Hands the log over to another key: a checkpoint that both sign and that names the new one. Every later checkpoint
    /// is signed by `next`, which the next start must be given. Blocks.
    ///
    /// # Errors
    /// [`LedgerError::Handover`] where `next` is the key of another log, or this one: nothing happened then.
    pub fn hand_over(&self, next: LogSigner) -> Result<Arc<SignedCheckpoint>, LedgerError> {
        run_blocking(|| {
            self.shared.flush()?;
            self.checkpointing.hand_over(next)
        })
    }

    /// As dropping, but tells whether all was synced. Blocks.
    ///
    /// # Errors
    /// As [`Ledger::flush`].
    pub fn close(mut self) -> Result<(), LedgerError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), LedgerError> {
        if self.threads.is_empty() && self.tree.is_none() {
            return Ok(());
        }
        self.shared.queue().closing = true;
        self.shared.flusher.notify_all();
        self.indexing.close();
        for thread in self.threads.drain(..) {
            // It cannot fail but by a panic, which poisons the queue for the flush below.
            let _panicked = thread.join();
        }
        let flushed = self.shared.flush();
        // After the last event: a ledger that is closed is covered whole.
        self.checkpointing.close();
        if let Some(tree) = self.tree.take() {
            let _panicked = tree.join();
        }
        flushed.and_then(|()| self.checkpointing.outcome())
    }

    /// What the events below `before` have of a key.
    fn look_up(&self, key: &CallKey, before: u64) -> Result<InHistory, LedgerError> {
        if !self.indexing.covers(before) {
            run_blocking(|| {
                if self.shared.queue().synced < before {
                    self.shared.flush()?;
                }
                self.indexing.cover(before)
            })?;
        }
        // A few microseconds: less than it takes to make another thread take over this one's tasks.
        self.view.look_up(key, before)
    }

    /// Held by the one that archives.
    pub(crate) fn archiving(&self) -> MutexGuard<'_, ()> {
        self.archiving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key that the log has now.
    pub fn verifier_key(&self) -> VerifierKey {
        self.checkpointing.verifier_key()
    }

    pub(crate) fn index_up_to(&self, until: u64) -> Result<(), LedgerError> {
        run_blocking(|| self.indexing.cover(until))
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// The newest checkpoint and the key that signed it last.
    pub(crate) fn newest_and_signer(&self) -> (Arc<SignedCheckpoint>, Arc<LogSigner>) {
        self.checkpointing.newest_and_signer()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The view, once all that was recorded is in the files, and the index near.
    pub(crate) fn written_view(&self) -> Result<&View, LedgerError> {
        self.shared.write_all()?;
        let synced = self.shared.queue().synced;
        run_blocking(|| self.indexing.cover_if_near(synced));
        Ok(&self.view)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // Whoever needs to know calls `close`; each event that mattered was waited for.
        let _unsynced = self.end();
    }
}

impl Recorder for Ledger {
    fn record(&self, draft: EventDraft) -> Result<Recorded, RecorderError> {
        self.shared.record(&draft)
    }

    fn durable(&self, event: Recorded) -> BoxFuture<'_, Result<(), RecorderError>> {
        Box::pin(DurableWait::new(&self.shared, event.index))
    }

    fn claim(&self, key: &CallKey) -> Result<(), ClaimError> {
        let next_index = || self.shared.queue().sequence.next_index();
        self.claims.claim(key, next_index, |before| self.look_up(key, before))
    }

    fn release(&self, key: &CallKey) {
        self.claims.release(key);
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("head", &self.head()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::past_runs::tests::{StillClock, ledger_of, run};

    #[test]
    fn a_ledger_that_is_asked_often_makes_the_filter_and_still_knows_old_calls() {
        let dir = ledger_of(40);
        let ledger =
            Ledger::open(dir.path(), LedgerOptions::new(Arc::new(StillClock), crate::testing::log_signer())).unwrap();
        let key = |run: &str, request: &str| CallKey {
            run_id: run.parse().unwrap(),
            request_id: request.parse().unwrap(),
            step: 0,
        };
        for number in 0..100 {
            ledger.claim(&key(&format!("new {number}"), "a")).unwrap();
        }
        let began = Instant::now();
        // The indexing thread makes it at its next tick. Of twenty names it errs on few.
        while !(0..20).any(|number| ledger.claims.past_runs().lack(&format!("other {number}"), 80)) {
            assert!(began.elapsed().as_secs() < 60, "nobody makes the filter");
            std::thread::yield_now();
        }
        assert!((0..40).all(|number| !ledger.claims.past_runs().lack(&run(number), 80)));
        ledger.claim(&key("one more", "a")).unwrap();
        ledger.claim(&key(&run(3), "not made before")).unwrap();
    }
}
