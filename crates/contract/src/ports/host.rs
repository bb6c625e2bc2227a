//! What a lane offers its guest: the brokers, bound to one call.

use crate::ports::BoxFuture;

/// The brokers of one call. Each method checks the call's capabilities and limits at every use.
///
/// One value serves one attempt of one call; it knows the payload and lets the guest reach nothing
/// that the payload does not name. What an implementation leaves out is denied.
pub trait Host: Send + Sync + 'static {
    /// The length in bytes of the artifact that this call's payload names.
    ///
    /// # Errors
    /// [`BrokerError`], which the guest is shown.
    fn artifact_size<'a>(&'a self, _artifact_id: &'a str) -> BoxFuture<'a, Result<u64, BrokerError>> {
        denied("artifacts")
    }

    /// Up to `length_bytes` of that artifact from `offset_bytes`; fewer at its end.
    ///
    /// # Errors
    /// [`BrokerError`], which the guest is shown.
    fn artifact_read<'a>(
        &'a self,
        _artifact_id: &'a str,
        _offset_bytes: u64,
        _length_bytes: u32,
    ) -> BoxFuture<'a, Result<Vec<u8>, BrokerError>> {
        denied("artifacts")
    }

    /// How many rows this call's slice has after its filters.
    ///
    /// # Errors
    /// [`BrokerError`], which the guest is shown.
    fn dataset_count(&self) -> BoxFuture<'_, Result<u64, BrokerError>> {
        denied("datasets")
    }

    /// Up to `rows_max` rows from row `first`, each one canonical JSON object as text.
    ///
    /// # Errors
    /// [`BrokerError`], which the guest is shown.
    fn dataset_read(&self, _first: u64, _rows_max: u32) -> BoxFuture<'_, Result<Vec<String>, BrokerError>> {
        denied("datasets")
    }

    /// Takes one line of the guest's log. Never fails: what is over the bound is counted and dropped.
    fn log(&self, level: GuestLogLevel, message: &str);

    /// Hears how far the guest says it is. Never fails; whoever shows no progress does nothing.
    fn progress(&self, _progress: &Progress) {}
}

fn denied<'a, T: Send + 'a>(what: &str) -> BoxFuture<'a, Result<T, BrokerError>> {
    let error = BrokerError::Denied(format!("this host offers no {what}"));
    Box::pin(async { Err(error) })
}

/// How far a guest says it is: a stranger's claim, for people to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// From 0 to 1.
    pub done: f64,
    /// What it is doing.
    pub message: String,
}

/// How much a guest's log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GuestLogLevel {
    /// For the author.
    Debug,
    /// For the operator.
    Info,
    /// Something odd.
    Warn,
    /// Something failed.
    Error,
}

/// Why a broker said no (WIT `broker-error`). The text is shown to the guest: no host path in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// The capability is not held, or the thing is not what this call's payload names.
    #[error("denied: {0}")]
    Denied(String),
    /// OMEGA does not hold it.
    #[error("unknown: {0}")]
    Unknown(String),
    /// The bytes do not have the hash that the payload states.
    #[error("hash mismatch: {0}")]
    HashMismatch(String),
    /// A limit on calls or bytes is used up.
    #[error("limit exceeded: {0}")]
    LimitExceeded(String),
    /// The host could not do it.
    #[error("failed: {0}")]
    Failed(String),
}
