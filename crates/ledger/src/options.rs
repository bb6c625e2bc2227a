//! How a ledger is opened, and its limits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use omega_contract::Clock;
use omega_contract::proof_bundle::Durability;
use omega_proof::checkpoint::LogSigner;

/// Bytes of a segment, after which a new one begins (spec page 3, "Files in the home").
pub const SEGMENT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Events of one batch: one write and one sync (spec page 3, "Durability").
pub const BATCH_EVENTS_MAX: usize = 4_096;
/// Bytes of one batch.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Events that wait to be written; more make [`Recorder::record`](omega_contract::Recorder::record) block.
pub const QUEUE_EVENTS_MAX: usize = 16 * BATCH_EVENTS_MAX;
/// Bytes that wait to be written.
pub const QUEUE_BYTES_MAX: usize = 8 * BATCH_BYTES_MAX;
/// Free bytes on the ledger's disk below which nothing new begins. Far more than the queue holds, so
/// that what is under way still finds room for its outcome.
pub const DISK_RESERVE_BYTES: u64 = 128 * 1024 * 1024;
/// Free space is looked up again after this many bytes were written.
pub(crate) const DISK_CHECK_BYTES: u64 = 8 * 1024 * 1024;
/// Free space is looked up again after this many milliseconds.
pub(crate) const DISK_CHECK_MS: u64 = 1_000;
/// An event that nobody waits for is on the disk after about this many milliseconds; in relaxed mode
/// all are (spec page 3, "Durability").
pub const FLUSH_INTERVAL_MS: u64 = 50;

/// How a ledger is opened.
#[derive(Clone)]
pub struct LedgerOptions {
    /// When an append is acknowledged.
    pub durability: Durability,
    /// Tells the time of each event.
    pub clock: Arc<dyn Clock>,
    /// Signs the checkpoints: there is no ledger without them.
    pub log_signer: Arc<LogSigner>,
    /// Bytes of a segment, after which a new one begins.
    pub segment_bytes_max: u64,
    /// Free bytes on the disk below which nothing new begins.
    pub disk_reserve_bytes: u64,
    /// How long to wait for another process to let go of the ledger.
    pub lock_wait: Duration,
}

impl LedgerOptions {
    /// The defaults of the specification: batch durability, segments of 256 MiB, no waiting.
    pub fn new(clock: Arc<dyn Clock>, log_signer: Arc<LogSigner>) -> Self {
        Self {
            durability: Durability::Batch,
            clock,
            log_signer,
            segment_bytes_max: SEGMENT_BYTES_MAX,
            disk_reserve_bytes: DISK_RESERVE_BYTES,
            lock_wait: Duration::ZERO,
        }
    }
}

impl fmt::Debug for LedgerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerOptions")
            .field("durability", &self.durability)
            .field("log", self.log_signer.origin())
            .field("segment_bytes_max", &self.segment_bytes_max)
            .field("disk_reserve_bytes", &self.disk_reserve_bytes)
            .field("lock_wait", &self.lock_wait)
            .finish_non_exhaustive()
    }
}
