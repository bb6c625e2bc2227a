//! Group commit, leader and followers (spec page 3, "Durability").
//!
//! Whoever needs an event to be durable and finds nobody writing becomes the leader: it writes and syncs
//! all that is queued, batch by batch, until its own event is among it, and then tells the others. There is no
//! writer thread to hand over to. A leader works synchronously from taking the lead to giving it up, so
//! that no future that is dropped half-way takes the lead with it.
//!
//! What never happens here: a second try after a write or sync failed. The ledger is poisoned then.

use std::hash::RandomState;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use omega_contract::ports::{Recorded, RecorderError};
use omega_contract::proof_bundle::Durability;
use omega_contract::{Clock, EventDraft, EventKind};

use crate::blocking::run_blocking;
use crate::disk::Disk;
use crate::encode::DraftLine;
use crate::error::LedgerError;
use crate::open_calls::{CallPart, OpenCalls};
use crate::queue::{Batch, Leadership, Queue};
use crate::segment_writer::SegmentWriter;
use crate::space::Space;
use crate::sync::{Condvar, Mutex, MutexGuard, wait_timeout};

/// What the ledger, its waiters and its threads share.
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) durability: Durability,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) call_keys: RandomState,
    pub(crate) space: Space,
    queue: Mutex<Queue>,
    writer: Mutex<SegmentWriter>,
    /// A batch was concluded.
    progress: Condvar,
    /// There is something to flush, or the end has come.
    pub(crate) flusher: Condvar,
}

impl Shared {
    pub(crate) fn new(
        (dir, disk, durability, clock): (PathBuf, Arc<dyn Disk>, Durability, Arc<dyn Clock>),
        space: Space,
        queue: Queue,
        writer: SegmentWriter,
    ) -> Self {
        Self {
            dir,
            disk,
            durability,
            clock,
            call_keys: RandomState::new(),
            space,
            queue: Mutex::new(queue),
            writer: Mutex::new(writer),
            progress: Condvar::new(),
            flusher: Condvar::new(),
        }
    }

    /// The queue. A thread that panicked with it in hand left it in doubt: then nothing is written any more.
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|panicked| {
            let mut queue = panicked.into_inner();
            drop(queue.poison("a thread panicked while it held the queue"));
            queue
        })
    }

    /// Sleeps until the flusher is needed, for `timeout` at most.
    pub(crate) fn flusher_sleep<'a>(
        &'a self,
        queue: MutexGuard<'a, Queue>,
        timeout: Duration,
    ) -> MutexGuard<'a, Queue> {
        wait_timeout(&self.flusher, queue, &self.queue, timeout).unwrap_or_else(|| self.queue())
    }

    /// Gives a draft its place.
    pub(crate) fn record(&self, draft: &EventDraft) -> Result<Recorded, RecorderError> {
        let line = DraftLine::new(draft)?;
        let part = OpenCalls::part(&self.call_keys, draft);
        let now = self.clock.now();
        let mut queue = self.queue();
        if queue.is_full() {
            drop(queue);
            queue = run_blocking(|| self.wait_for_room());
        }
        self.admit(&queue, &line, part)?;
        let recorded = queue.append(&line, part, &draft.run_id, now);
        self.stir_flusher(queue);
        Ok(recorded)
    }

    /// Closes a call that an earlier process left open. Its INVOKE is taken up again first: the reserve of disk space
    /// is there for the ends of calls, of those before this process too.
    pub(crate) fn close_call(&self, invoke_index: u64, outcome: &EventDraft) -> Result<Recorded, RecorderError> {
        self.queue().reopen(OpenCalls::part(&self.call_keys, outcome), invoke_index);
        self.record(outcome)
    }

    /// Whether an event may be written now.
    pub(crate) fn admit(&self, queue: &Queue, line: &DraftLine, part: CallPart) -> Result<(), RecorderError> {
        if let Some(cause) = &queue.poison {
            return Err(RecorderError { cause: cause.to_string() });
        }
        let under_way = matches!(line.kind, EventKind::Broker | EventKind::Recovery) || queue.ends_a_call(part);
        if self.space.is_low() && !under_way { Err(self.space.refusal()) } else { Ok(()) }
    }

    /// Wakes the flusher where it sleeps, and lets go of the queue.
    pub(crate) fn stir_flusher(&self, mut queue: MutexGuard<'_, Queue>) {
        let stir = std::mem::take(&mut queue.flusher_idle);
        drop(queue);
        if stir {
            self.flusher.notify_one();
        }
    }

    /// Helps to empty a full queue, or waits for who does.
    fn wait_for_room(&self) -> MutexGuard<'_, Queue> {
        let mut queue = self.queue();
        while queue.is_full() && queue.poison.is_none() {
            queue = self.progress_or_wait(queue, |queue| queue.acknowledged + 1);
        }
        queue
    }

    /// Takes the lead up to `until`, or waits until a batch is concluded by another.
    fn progress_or_wait<'a>(
        &'a self,
        mut queue: MutexGuard<'a, Queue>,
        until: impl Fn(&Queue) -> u64,
    ) -> MutexGuard<'a, Queue> {
        if queue.leadership == Leadership::Free {
            queue.leadership = Leadership::Taken;
            let until = until(&queue);
            drop(queue);
            self.lead(until);
            return self.queue();
        }
        queue.blocked += 1;
        let waited = self.progress.wait(queue);
        let mut queue = waited.unwrap_or_else(|_| self.queue());
        queue.blocked -= 1;
        queue
    }

    /// Writes batches until all events below `until` are acknowledged or none is left, then gives up the lead.
    /// The caller has taken the lead.
    pub(crate) fn lead(&self, until: u64) {
        let mut fallen = FallenLeader { shared: self, stands: true };
        loop {
            let batch = self.queue().take_batch();
            let outcome = batch.map(|batch| self.write(&batch).map(|()| batch)).transpose();
            if self.conclude(outcome, until) == Leadership::Free {
                fallen.stands = false;
                return;
            }
        }
    }

    fn write(&self, batch: &Batch) -> Result<(), LedgerError> {
        let mut writer = self.writer.lock().map_err(|_| RecorderError { cause: "a thread panicked".to_owned() })?;
        writer.append(batch)?;
        if self.durability == Durability::Batch {
            writer.sync()?;
        }
        drop(writer);
        self.space.written(&*self.disk, batch.bytes.len() as u64);
        Ok(())
    }

    /// Tells those who waited for a batch, and says whether the lead goes on.
    fn conclude(&self, outcome: Result<Option<Batch>, LedgerError>, until: u64) -> Leadership {
        let mut queue = self.queue();
        let mut to_wake: Vec<Waker> = Vec::new();
        match outcome {
            Ok(Some(batch)) => {
                queue.acknowledged = batch.next_index();
                if self.durability == Durability::Batch {
                    queue.synced = queue.acknowledged;
                }
                to_wake = queue.take_acknowledged();
                queue.recycle(batch.bytes);
            }
            Ok(None) => {}
            Err(error) => to_wake = queue.poison(&error.to_string()),
        }
        if queue.acknowledged >= until || queue.is_empty() {
            queue.leadership = Leadership::Free;
            to_wake.extend(queue.next_leader());
        }
        let leadership = queue.leadership;
        let blocked = queue.blocked > 0;
        drop(queue);
        to_wake.into_iter().for_each(Waker::wake);
        if blocked {
            self.progress.notify_all();
        }
        leadership
    }

    /// Returns when all that was recorded before is written and synced.
    pub(crate) fn flush(&self) -> Result<(), LedgerError> {
        run_blocking(|| {
            let target = self.write_until_end()?;
            if self.queue().synced < target { self.sync_written() } else { Ok(()) }
        })
    }

    /// Returns when all that was recorded before is in the files. Of a ledger that is poisoned, what is in the
    /// files is all that can still be read.
    pub(crate) fn write_all(&self) -> Result<(), LedgerError> {
        if self.queue().poison.is_some() {
            return Ok(());
        }
        run_blocking(|| self.write_until_end()).map(|_| ())
    }

    /// Gives the index up to which all is acknowledged.
    fn write_until_end(&self) -> Result<u64, LedgerError> {
        let mut queue = self.queue();
        let target = queue.sequence.next_index();
        while queue.acknowledged < target && queue.poison.is_none() {
            queue = self.progress_or_wait(queue, |_| target);
        }
        match &queue.poison {
            Some(cause) => Err(RecorderError { cause: cause.to_string() }.into()),
            None => Ok(target),
        }
    }

    /// Gives up for a cause that is not one of appending: nothing more is acknowledged.
    pub(crate) fn fail(&self, cause: &str) {
        let to_wake = self.queue().poison(cause);
        to_wake.into_iter().for_each(Waker::wake);
        self.progress.notify_all();
    }

    /// Syncs what relaxed mode only wrote, while others go on writing.
    pub(crate) fn sync_written(&self) -> Result<(), LedgerError> {
        let outcome = self.sync_unsynced();
        let mut queue = self.queue();
        let to_wake = match &outcome {
            Ok(synced) => {
                queue.synced = queue.synced.max(*synced);
                Vec::new()
            }
            Err(error) => queue.poison(&error.to_string()),
        };
        drop(queue);
        to_wake.into_iter().for_each(Waker::wake);
        outcome.map(|_| ())
    }

    fn sync_unsynced(&self) -> Result<u64, LedgerError> {
        let writer = || self.writer.lock().map_err(|_| RecorderError { cause: "a thread panicked".to_owned() });
        let unsynced = writer()?.unsynced();
        unsynced.sync()?;
        writer()?.became_durable(unsynced.mark)?;
        Ok(unsynced.mark.next_index)
    }
}

/// Poisons the ledger where a leader panicked: otherwise everybody would wait for it for ever.
struct FallenLeader<'a> {
    shared: &'a Shared,
    stands: bool,
}

impl Drop for FallenLeader<'_> {
    fn drop(&mut self) {
        if self.stands {
            let mut queue = self.shared.queue();
            let to_wake = queue.poison("a thread panicked while it wrote");
            queue.leadership = Leadership::Free;
            drop(queue);
            to_wake.into_iter().for_each(Waker::wake);
            self.shared.progress.notify_all();
        }
    }
}
