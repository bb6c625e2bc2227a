//! The ledger: durable append of hash-chained events, batches, recovery, queries, verification (spec page 3).
//!
//! One [`Ledger`] writes a folder; any number of [`LedgerReader`]s read it beside it. The hash chain grows at
//! one place (`sequence`), files change at three (`segment_writer`, `mark`, `quarantine`).
//!
//! What never happens here: an acknowledged event that is rewritten, dropped or reordered; a judgement on
//! what an event means beyond pairing INVOKEs with their outcomes.

mod archive;
mod beginning;
mod blocking;
mod check;
mod checkpoints;
mod claims;
mod commit;
mod disk;
mod durable;
mod encode;
mod error;
mod export;
#[cfg(test)]
#[cfg(not(feature = "model"))]
mod faults;
mod filter;
mod flusher;
mod index;
mod indexer;
mod interrupted;
mod ledger;
mod lock;
mod mark;
#[cfg(test)]
#[cfg(feature = "model")]
mod model;
mod open_calls;
mod options;
mod overview;
mod past_runs;
mod proving;
mod quarantine;
mod query;
mod questions;
mod queue;
mod recovery;
mod segment;
mod segment_writer;
mod sequence;
mod space;
mod static_export;
mod stream;
mod sync;
mod tally;
#[cfg(test)]
mod testing;
mod tiles;
mod tree;
mod tree_check;
mod verify;
mod view;

pub use archive::{Archive, check_succession, verify_archive};
pub use error::{FaultKind, LedgerError, LedgerFault};
pub use export::ExportRequest;
pub use interrupted::Interrupted;
pub use ledger::{Ledger, OpenReport};
pub use omega_proof::bundle::PlacedEvent;
pub use omega_proof::chain::Strictness;
pub use options::{
    BATCH_BYTES_MAX, BATCH_EVENTS_MAX, DISK_RESERVE_BYTES, FLUSH_INTERVAL_MS, LedgerOptions, QUEUE_BYTES_MAX,
    QUEUE_EVENTS_MAX, SEGMENT_BYTES_MAX,
};
pub use quarantine::Quarantined;
pub use query::{CallTally, Order, PAGE_EVENTS_MAX, PAGE_RUNS_MAX, Page, Query, RunPage, RunQuery, RunSummary, Stats};
pub use questions::LedgerReader;
pub use static_export::{StaticExport, export_static};
pub use tree_check::CheckpointVerdict;
pub use verify::{LedgerVerdict, Progress, import_verify, verify};
