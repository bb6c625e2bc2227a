//! What follows the ledger for all readers.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use omega_gateway::contract::Event;
use omega_gateway::contract::canonical_bytes;
use omega_gateway::ledger::{Order, Query};
use omega_gateway::proof::bundle::PlacedEvent;
use omega_gateway::{Gateway, GatewayError};
use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;

use crate::stopping::Stopping;

/// Chunks that a reader may be behind before it has to read them from the ledger itself.
const CHUNKS_KEPT: usize = 16;
/// Events of one chunk, with few readers.
const CHUNK_EVENTS_MAX: u64 = 2_000;
/// Events of one chunk, with ever so many.
const CHUNK_EVENTS_MIN: u64 = 8;
/// Bytes of most events, by which it is guessed how many a chunk may have.
const EVENT_BYTES_USUAL: u64 = 700;
/// The longest that the feed rests after a chunk that was larger than guessed.
const REST_MAX: Duration = Duration::from_secs(5);
/// Bytes a second that all readers of the feed get together, beyond which the feed slows down for all of them.
const BYTES_PER_SECOND_MAX: u64 = 8 * 1024 * 1024;
/// How often the feed looks for new events, with few readers.
const TICK_MIN: Duration = Duration::from_millis(20);
/// What each reader adds to that: waking it costs about the same, however little there is for it.
const TICK_PER_READER: Duration = Duration::from_millis(2);

/// Some events in a row, as they are sent.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Every index between these is in it.
    pub(super) indexes: Range<u64>,
    /// All of it.
    pub(super) bytes: Bytes,
    /// Each event with its index, and where its text stands in `bytes`.
    pub(super) events: Vec<(u64, Event, Range<usize>)>,
}

/// Follows the ledger as long as somebody reads.
#[derive(Clone)]
pub(crate) struct Feed {
    pub(super) gateway: Gateway,
    pub(super) stopping: Stopping,
    chunks: broadcast::Sender<Arc<Chunk>>,
    wanted: Arc<Notify>,
}

impl Feed {
    pub(crate) fn new(gateway: Gateway, stopping: Stopping) -> Self {
        let (chunks, _) = broadcast::channel(CHUNKS_KEPT);
        Self { gateway, stopping, chunks, wanted: Arc::default() }
    }

    /// Those who read right now.
    pub(crate) fn readers(&self) -> usize {
        self.chunks.receiver_count()
    }

    /// Every chunk from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<Chunk>> {
        let chunks = self.chunks.subscribe();
        self.wanted.notify_one();
        chunks
    }

    /// Works until the end comes.
    pub(crate) async fn follow(self) {
        let mut position = None;
        loop {
            let tick = async {
                while self.readers() == 0 {
                    // What comes while nobody reads is read from the ledger by whoever wants it.
                    position = None;
                    self.wanted.notified().await;
                }
                self.tick(&mut position).await
            };
            tokio::select! {
                () = self.stopping.stopped() => return,
                pause = tick => tokio::select! {
                    () = self.stopping.stopped() => return,
                    () = tokio::time::sleep(pause) => {}
                },
            }
        }
    }

    /// Hands out what is new from `position` on and moves it; gives how long to wait for the next.
    async fn tick(&self, position: &mut Option<u64>) -> Duration {
        let readers = u32::try_from(self.readers()).unwrap_or(u32::MAX);
        let pause = TICK_MIN.max(TICK_PER_READER.saturating_mul(readers)).min(REST_MAX);
        let limit = chunk_events(pause, readers);
        let Ok(end) = self.gateway.durable_events().await else { return pause };
        let Some(from) = *position else {
            // An empty chunk tells those who came meanwhile from where on they are brought everything.
            *position = Some(end);
            let _nobody = self.chunks.send(Arc::new(Chunk::empty(end))).is_err();
            return pause;
        };
        if from >= end {
            return pause;
        }
        let began = Instant::now();
        let query = Query { order: Order::OldestFirst, limit, ..Query::default() };
        // Where the ledger cannot be read now it is tried again; nothing is skipped.
        let Ok(events) = read(&self.gateway, Query { indexes: from..end, ..query }).await else { return pause };
        let Some(chunk) = Chunk::of(events) else { return pause };
        let (next, bytes) = (chunk.indexes.end, chunk.bytes.len() as u64);
        // An error says that there is no reader any more.
        let _nobody = self.chunks.send(Arc::new(chunk)).is_err();
        *position = Some(next);
        let sent = bytes.saturating_mul(u64::from(readers));
        let earned = Duration::from_micros(sent.saturating_mul(1_000_000) / BYTES_PER_SECOND_MAX);
        pause.max(earned.saturating_sub(began.elapsed())).min(REST_MAX)
    }
}

/// How many events may be handed to each of so many readers at once, if the next come after `pause`.
fn chunk_events(pause: Duration, readers: u32) -> usize {
    let micros = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
    let bytes_each = BYTES_PER_SECOND_MAX.saturating_mul(micros) / 1_000_000 / u64::from(readers.max(1));
    let events = (bytes_each / EVENT_BYTES_USUAL).clamp(CHUNK_EVENTS_MIN, CHUNK_EVENTS_MAX);
    usize::try_from(events).unwrap_or(usize::MAX)
}

impl Chunk {
    /// No event, at this index.
    fn empty(index: u64) -> Self {
        Self { indexes: index..index, bytes: Bytes::new(), events: Vec::new() }
    }

    /// None where there is no event.
    pub(super) fn of(placed: Vec<PlacedEvent>) -> Option<Self> {
        let indexes = placed.first()?.index..placed.last()?.index + 1;
        let mut text = Vec::with_capacity(placed.len() * 1_024);
        let mut events = Vec::with_capacity(placed.len());
        for PlacedEvent { index, event } in placed {
            let from = text.len();
            text.extend_from_slice(format!("id: {index}\nevent: {}\ndata: ", event.kind).as_bytes());
            // Canonical JSON has no line break in it, which would end the field.
            text.extend_from_slice(&canonical_bytes(&event).unwrap_or_default());
            text.extend_from_slice(b"\n\n");
            events.push((index, event, from..text.len()));
        }
        Some(Self { indexes, bytes: text.into(), events })
    }
}

/// A page of events, read where it holds nobody up.
pub(super) async fn read(gateway: &Gateway, query: Query) -> Result<Vec<PlacedEvent>, GatewayError> {
    let admin = gateway.admin();
    let page = tokio::task::spawn_blocking(move || admin.events(&query)).await;
    let page = page.map_err(|error| GatewayError::new(omega_gateway::contract::ErrorCode::Io, error.to_string()))??;
    Ok(page.events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_readers_share_what_few_have() {
        let check = |millis: u64, readers: u32, expect: usize| {
            assert_eq!(chunk_events(Duration::from_millis(millis), readers), expect, "{readers}");
        };
        check(20, 1, 239);
        check(80, 40, 23);
        check(2_000, 1_000, 23);
        check(5_000, 100_000, 8);
        check(5_000, 1, 2_000);
    }
}
