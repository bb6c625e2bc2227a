//! What can be asked of a ledger, and what comes back.

use std::ops::Range;

use omega_contract::proof_bundle::Durability;
use omega_contract::{EventKind, PluginId, RunId, Sha256Hex, Timestamp};
use omega_proof::bundle::PlacedEvent;

/// Events of one page, where a query asks for more.
pub const PAGE_EVENTS_MAX: usize = 10_000;
/// Runs of one page, where a query asks for more.
pub const PAGE_RUNS_MAX: usize = 10_000;

/// The kinds of events by which something was decided that a proof links.
pub(crate) const DECISION_KINDS: [EventKind; 3] = [EventKind::Register, EventKind::Enable, EventKind::Policy];

/// Which end of the ledger comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By rising index.
    OldestFirst,
    /// By falling index.
    #[default]
    NewestFirst,
}

/// Asks for events. What is not set does not narrow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Only of this run.
    pub run_id: Option<RunId>,
    /// Only of this plugin.
    pub plugin_id: Option<PluginId>,
    /// Only of these kinds; of all where empty.
    pub kinds: Vec<EventKind>,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Before this.
    pub until: Option<Timestamp>,
    /// Only indexes in this range.
    pub indexes: Range<u64>,
    /// Which end comes first.
    pub order: Order,
    /// At most so many, and at most [`PAGE_EVENTS_MAX`].
    pub limit: usize,
}

impl Default for Query {
    /// The newest 100 events.
    fn default() -> Self {
        Self {
            run_id: None,
            plugin_id: None,
            kinds: Vec::new(),
            since: None,
            until: None,
            indexes: 0..u64::MAX,
            order: Order::NewestFirst,
            limit: 100,
        }
    }
}

/// One page of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In the order that was asked for.
    pub events: Vec<PlacedEvent>,
    /// What to set [`Query::indexes`] to for the next page; `None` after the last.
    pub next: Option<Range<u64>>,
}

/// Asks for runs, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunQuery {
    /// Only runs whose first event stands below this index: [`RunPage::next`] of the page before.
    pub before: u64,
    /// At most so many, and at most [`PAGE_RUNS_MAX`].
    pub limit: usize,
}

impl Default for RunQuery {
    /// The newest 100 runs.
    fn default() -> Self {
        Self { before: u64::MAX, limit: 100 }
    }
}

/// One page of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPage {
    /// The newest first, by their first event.
    pub runs: Vec<RunSummary>,
    /// What to set [`RunQuery::before`] to for the next page; `None` after the last.
    pub next: Option<u64>,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub run_id: RunId,
    /// Its first event.
    pub first_index: u64,
    /// Its last event.
    pub last_index: u64,
    /// When it began.
    pub first_ts: Timestamp,
    /// When its last event was recorded.
    pub last_ts: Timestamp,
    /// How many events.
    pub events: u64,
    /// How its calls ended.
    pub calls: CallTally,
}

/// How calls ended. A call that was tried again counts once, as it ended last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallTally {
    /// All, those without an outcome and refused ones included.
    pub calls: u64,
    /// With a result.
    pub ok: u64,
    /// Refused, before or after the run.
    pub rejected: u64,
    /// Failed.
    pub error: u64,
    /// Out of time.
    pub timeout: u64,
}

/// A ledger at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Whole lines.
    pub events: u64,
    /// Of all segments.
    pub bytes: u64,
    /// Files.
    pub segments: u64,
    /// Events that are known to be synced.
    pub synced_events: u64,
    /// The last event's hash.
    pub head: Option<Sha256Hex>,
    /// The first event's time.
    pub first_ts: Option<Timestamp>,
    /// The last event's time.
    pub last_ts: Option<Timestamp>,
    /// Runs, `system` included.
    pub runs: u64,
    /// Events by kind.
    pub kinds: Vec<(EventKind, u64)>,
    /// How calls ended.
    pub calls: CallTally,
    /// Events that the index covers.
    pub indexed_events: u64,
    /// Durability in force, where a writer is asked.
    pub durability: Option<Durability>,
}
