//! What waits to be written, and who waits for it. All of it lies under one short lock.
//!
//! What never happens here: a file operation, or waiting.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use omega_contract::ports::Recorded;
use omega_contract::{RunId, Sha256Hex, Timestamp};

use crate::encode::DraftLine;
use crate::open_calls::{CallPart, OpenCalls};
use crate::options::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, QUEUE_BYTES_MAX, QUEUE_EVENTS_MAX};
use crate::sequence::Sequence;

/// Events that are written and synced together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) events: usize,
    pub(crate) first_index: u64,
    pub(crate) head: Sha256Hex,
    /// Of each of its events.
    pub(crate) hashes: Vec<Sha256Hex>,
    /// No INVOKE below this waits for its outcome, once this batch is written.
    pub(crate) open_from: u64,
}

impl Batch {
    /// The index after its last event.
    pub(crate) const fn next_index(&self) -> u64 {
        self.first_index + self.events as u64
    }
}

/// Whether somebody is writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leadership {
    /// Nobody: whoever needs progress may take it.
    Free,
    /// Somebody, on a thread of their own; never across a point where a future could be dropped.
    Taken,
}

/// One run that somebody wants to know the events of: see [`Queue::watch`].
#[derive(Debug)]
struct Watch {
    id: u64,
    run_id: RunId,
    touched: bool,
}

/// The chain's end, the batches, the waiters.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) sequence: Sequence,
    batches: VecDeque<Batch>,
    spare: Vec<Vec<u8>>,
    queued_events: usize,
    queued_bytes: usize,
    open_calls: OpenCalls,
    pub(crate) leadership: Leadership,
    /// Events below this are acknowledged.
    pub(crate) acknowledged: u64,
    /// Events below this are synced.
    pub(crate) synced: u64,
    /// Why nothing can be written any more.
    pub(crate) poison: Option<Arc<str>>,
    waiters: BTreeMap<(u64, u64), Waker>,
    tickets: u64,
    /// Threads that wait on the condition variable.
    pub(crate) blocked: usize,
    /// The flusher waits for something to do.
    pub(crate) flusher_idle: bool,
    pub(crate) closing: bool,
    watches: Vec<Watch>,
    batch_events_max: usize,
    events_max: usize,
}

/// Buffers that are kept for the next batches.
const SPARE_BUFFERS_MAX: usize = 4;

impl Queue {
    pub(crate) fn new(sequence: Sequence) -> Self {
        Self::bounded(sequence, BATCH_EVENTS_MAX, QUEUE_EVENTS_MAX)
    }

    /// With room for this many events in a batch and in all.
    pub(crate) fn bounded(sequence: Sequence, batch_events_max: usize, events_max: usize) -> Self {
        let next_index = sequence.next_index();
        Self {
            sequence,
            batches: VecDeque::new(),
            spare: Vec::new(),
            queued_events: 0,
            queued_bytes: 0,
            open_calls: OpenCalls::default(),
            leadership: Leadership::Free,
            acknowledged: next_index,
            synced: next_index,
            poison: None,
            waiters: BTreeMap::new(),
            tickets: 0,
            blocked: 0,
            flusher_idle: true,
            closing: false,
            watches: Vec::new(),
            batch_events_max,
            events_max,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.queued_events >= self.events_max || self.queued_bytes >= QUEUE_BYTES_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    pub(crate) fn ends_a_call(&self, part: CallPart) -> bool {
        self.open_calls.ends_one(part)
    }

    /// Takes up a call that `outcome` will close.
    pub(crate) fn reopen(&mut self, outcome: CallPart, invoke_index: u64) {
        if let CallPart::Closes(key) = outcome {
            self.open_calls.observe(CallPart::Opens(key), invoke_index);
        }
    }

    /// Gives the event its place and puts its line into the last batch.
    pub(crate) fn append(&mut self, line: &DraftLine, part: CallPart, run_id: &RunId, now: Timestamp) -> Recorded {
        let events_max = self.batch_events_max;
        let fits = |batch: &Batch| batch.events < events_max && batch.bytes.len() + line.bytes_max() <= BATCH_BYTES_MAX;
        if !self.batches.back().is_some_and(fits) {
            self.begin_batch();
        }
        let batch = self.batches.back_mut().expect("a batch was begun if there was none");
        let before = batch.bytes.len();
        let recorded = self.sequence.append(line, now, &mut batch.bytes);
        batch.events += 1;
        batch.head = recorded.event_hash;
        batch.hashes.push(recorded.event_hash);
        self.queued_events += 1;
        self.queued_bytes += batch.bytes.len() - before;
        self.open_calls.observe(part, recorded.index);
        for watch in &mut self.watches {
            watch.touched |= watch.run_id == *run_id;
        }
        recorded
    }

    fn begin_batch(&mut self) {
        self.close_last_batch();
        let bytes = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(64 * 1024));
        let first_index = self.sequence.next_index();
        let head = Sha256Hex::from_bytes([0; 32]);
        self.batches.push_back(Batch { bytes, events: 0, first_index, head, hashes: Vec::new(), open_from: 0 });
    }

    /// Once nothing more goes into the last batch, it is known which calls are open after it.
    fn close_last_batch(&mut self) {
        if let Some(batch) = self.batches.back_mut() {
            batch.open_from = self.open_calls.oldest().unwrap_or(batch.next_index());
        }
    }

    /// The next batch to write.
    pub(crate) fn take_batch(&mut self) -> Option<Batch> {
        if self.batches.len() == 1 {
            self.close_last_batch();
        }
        let batch = self.batches.pop_front()?;
        self.queued_events -= batch.events;
        self.queued_bytes -= batch.bytes.len();
        Some(batch)
    }

    /// Takes a written batch's buffer back.
    pub(crate) fn recycle(&mut self, mut bytes: Vec<u8>) {
        if self.spare.len() < SPARE_BUFFERS_MAX {
            bytes.clear();
            self.spare.push(bytes);
        }
    }

    /// Gives up: nothing more is written, and whoever waits learns why.
    pub(crate) fn poison(&mut self, cause: &str) -> Vec<Waker> {
        self.poison.get_or_insert_with(|| cause.into());
        self.batches.clear();
        (self.queued_events, self.queued_bytes) = (0, 0);
        std::mem::take(&mut self.waiters).into_values().collect()
    }

    /// Whoever waits for what is acknowledged by now.
    pub(crate) fn take_acknowledged(&mut self) -> Vec<Waker> {
        let later = self.waiters.split_off(&(self.acknowledged, 0));
        std::mem::replace(&mut self.waiters, later).into_values().collect()
    }

    /// Whoever waits longest, to be told that nobody is writing. It stays a waiter until it comes or goes, so
    /// that whoever goes can pass this on.
    pub(crate) fn next_leader(&self) -> Option<Waker> {
        self.waiters.first_key_value().map(|(_, waker)| waker.clone())
    }

    /// A number that tells one waiter from another.
    pub(crate) fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    pub(crate) fn wait(&mut self, index: u64, ticket: u64, waker: &Waker) {
        self.waiters
            .entry((index, ticket))
            .and_modify(|known| known.clone_from(waker))
            .or_insert_with(|| waker.clone());
    }

    pub(crate) fn leave(&mut self, index: u64, ticket: u64) {
        self.waiters.remove(&(index, ticket));
    }

    /// Begins to watch whether an event of this run is appended.
    pub(crate) fn watch(&mut self, run_id: &RunId) -> u64 {
        let id = self.ticket();
        self.watches.push(Watch { id, run_id: run_id.clone(), touched: false });
        id
    }

    /// Whether an event of the watched run was appended since.
    pub(crate) fn is_touched(&self, id: u64) -> bool {
        self.watches.iter().any(|watch| watch.id == id && watch.touched)
    }

    /// Ends a watch.
    pub(crate) fn unwatch(&mut self, id: u64) {
        self.watches.retain(|watch| watch.id != id);
    }
}
