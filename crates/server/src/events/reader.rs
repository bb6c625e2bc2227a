//! One reader of the stream.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use omega_gateway::ledger::{Order, Query};
use tokio::sync::{Semaphore, broadcast};

use super::Filter;
use super::feed::{Chunk, Feed, read};

/// How often a reader hears something, so that both sides notice when the other has gone.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events that are read at once for a reader that is behind.
const CATCH_UP_EVENTS: usize = 500;
/// Readers that read from the ledger at once.
const CATCH_UPS_AT_ONCE: usize = 2;
/// How long such a reader waits between two pages.
const CATCH_UP_PAUSE: Duration = Duration::from_millis(5);

static CATCHING_UP: Semaphore = Semaphore::const_new(CATCH_UPS_AT_ONCE);

struct Reader {
    feed: Feed,
    filter: Filter,
    chunks: broadcast::Receiver<Arc<Chunk>>,
    /// The index that comes next.
    next: u64,
    /// Below this the ledger has to be asked: no chunk will bring it.
    behind: u64,
    ready: VecDeque<Bytes>,
    greeted: bool,
}

/// The bytes of an event stream from index `from` on; without one, from the events that come now. It ends when the
/// server does; the client then comes again with the last id that it has.
pub(crate) fn stream(
    feed: Feed,
    filter: Filter,
    from: Option<u64>,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
    let chunks = feed.subscribe();
    let reader = Reader { feed, filter, chunks, next: 0, behind: 0, ready: VecDeque::new(), greeted: false };
    stream::unfold((reader, from), async |(mut reader, from)| {
        if !reader.greeted {
            reader.greeted = true;
            // What is there already the ledger is asked for; from then on the chunks bring it.
            reader.behind = reader.feed.gateway.durable_events().await.ok()?;
            reader.next = from.unwrap_or(reader.behind);
            // How long to wait before coming again; and the answer begins at once.
            return Some((Ok(Bytes::from_static(b"retry: 2000\n\n")), (reader, None)));
        }
        let bytes = reader.advance().await?;
        Some((Ok(bytes), (reader, None)))
    })
}

impl Reader {
    /// The next bytes; none at the end.
    async fn advance(&mut self) -> Option<Bytes> {
        let stopping = self.feed.stopping.clone();
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some(bytes);
            }
            tokio::select! {
                biased;
                () = stopping.stopped() => return None,
                more = tokio::time::timeout(HEARTBEAT, self.more()) => match more {
                    Ok(more) => more?,
                    Err(_quiet) => return Some(Bytes::from_static(b":\n\n")),
                },
            }
        }
    }

    /// Makes more bytes ready, or moves on past what the filter leaves out. None where nothing can come any more.
    async fn more(&mut self) -> Option<()> {
        if self.next < self.behind {
            self.catch_up().await;
            return Some(());
        }
        match self.chunks.recv().await {
            Ok(chunk) if chunk.indexes.start > self.next => {
                self.behind = chunk.indexes.start;
                while self.next < self.behind {
                    self.catch_up().await;
                }
                self.take(&chunk);
            }
            Ok(chunk) => self.take(&chunk),
            // The next chunk shows how far behind it is.
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return None,
        }
        Some(())
    }

    /// Reads one page from the ledger.
    async fn catch_up(&mut self) {
        let Ok(_turn) = CATCHING_UP.acquire().await else { return };
        let query = Query {
            run_id: self.filter.run_id.clone(),
            plugin_id: self.filter.plugin_id.clone(),
            kinds: self.filter.kinds.clone(),
            indexes: self.next..self.behind,
            order: Order::OldestFirst,
            limit: CATCH_UP_EVENTS,
            ..Query::default()
        };
        let Ok(events) = read(&self.feed.gateway, query).await else {
            tokio::time::sleep(HEARTBEAT).await;
            return;
        };
        let is_last = events.len() < CATCH_UP_EVENTS;
        let next = events.last().map_or(self.behind, |placed| placed.index + 1);
        if let Some(chunk) = Chunk::of(events) {
            self.take(&chunk);
        }
        self.next = if is_last { self.behind } else { next };
        tokio::time::sleep(CATCH_UP_PAUSE).await;
    }

    /// Takes of a chunk what is new and passes the filter.
    fn take(&mut self, chunk: &Chunk) {
        if chunk.indexes.end <= self.next {
            return;
        }
        if chunk.indexes.start == self.next && self.filter.is_open() {
            self.ready.push_back(chunk.bytes.clone());
        } else {
            let mut bytes = Vec::new();
            for (index, event, range) in &chunk.events {
                if *index >= self.next && self.filter.lets(event) {
                    bytes.extend_from_slice(&chunk.bytes[range.clone()]);
                }
            }
            if !bytes.is_empty() {
                self.ready.push_back(bytes.into());
            }
        }
        self.next = chunk.indexes.end;
    }
}
