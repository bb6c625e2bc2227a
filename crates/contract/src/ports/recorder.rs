//! Where intent and outcome are written.

use crate::digest::Sha256Hex;
use crate::event::EventDraft;
use crate::ids::{RequestId, RunId};
use crate::ports::BoxFuture;

/// Appends events, in order, to a tamper-evident record.
pub trait Recorder: Send + Sync + 'static {
    /// Gives the event its place in the chain and queues it for the next batch. Not durable yet.
    ///
    /// Blocks while the queue is full: the caller then helps to empty it; nothing is dropped.
    ///
    /// # Errors
    /// [`RecorderError`] once the record cannot be written; it never can be again in this process.
    fn record(&self, draft: EventDraft) -> Result<Recorded, RecorderError>;

    /// Resolves when the event, and each one before it, is as durable as the record's mode promises.
    ///
    /// # Errors
    /// [`RecorderError`] where writing or syncing failed: then it must be taken as not written.
    fn durable(&self, event: Recorded) -> BoxFuture<'_, Result<(), RecorderError>>;

    /// Takes a call's key for ever, unless [`Recorder::release`] gives it back before any INVOKE.
    ///
    /// # Errors
    /// [`ClaimError::Duplicate`] where an INVOKE of this key is in the record, or the key is taken by a
    /// call in flight.
    fn claim(&self, key: &CallKey) -> Result<(), ClaimError>;

    /// Gives back a key of which no INVOKE was recorded: the request was refused before it ran.
    fn release(&self, key: &CallKey);
}

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// From 0, without gaps.
    pub index: u64,
    /// The event's hash.
    pub event_hash: Sha256Hex,
}

/// What makes a call unique (spec page 1): a second use is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CallKey {
    /// The run.
    pub run_id: RunId,
    /// The request.
    pub request_id: RequestId,
    /// The step of a pipeline; 0 for a single call.
    pub step: u32,
}

/// The record cannot be written (`ledger_unavailable`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ledger cannot be written: {cause}")]
pub struct RecorderError {
    /// What went wrong first.
    pub cause: String,
}

/// Why a call's key was not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// It was used before.
    #[error("this run, request and step were used before")]
    Duplicate,
    /// It could not be found out.
    #[error(transparent)]
    Unavailable(#[from] RecorderError),
}
