//! The checkpoints of a ledger: `checkpoints.log` has all, one to a line; `checkpoint` is the newest, to be handed out.
//!
//! A line of the log is the note and, as a hint, where the events that it covers end: so that a start finds its place
//! without reading what is covered. The hint is not signed and is checked, never trusted.
//!
//! What never happens here: a checkpoint that is published and not in the log.

mod grower;
mod log;
mod newest;
mod thread;

pub(crate) use grower::{Grower, create_log, ends_before, load_frontier};
pub(crate) use log::{LogLines, PlacedLine, log_fault};
pub(crate) use newest::{Newest, at_line, find_newest, find_published, has_checkpoints, published_end};
pub(crate) use thread::{Checkpointing, spawn_checkpointer};

/// The newest checkpoint, to be handed out.
pub(crate) const CHECKPOINT_FILE: &str = "checkpoint";
/// Every checkpoint, oldest first.
pub(crate) const LOG_FILE: &str = "checkpoints.log";
