//! The index: where the events of a run, a plugin, a kind stand, so that a question does not read the ledger.
//!
//! A SQLite file beside the segments that can be deleted at any time. It follows what is synced, lazily, and
//! says how far it came; what it does not cover is read from the segments. It is trusted for places only: each
//! line it points at is read and hashed again, and where that line is not what the index says, the index is
//! wrong and the segments are read instead.
//!
//! What never happens here: a write to a segment, and content that exists nowhere else.

mod catch_up;
mod read;
mod schema;

pub(crate) use catch_up::IndexWriter;
pub(crate) use read::{IndexReader, Place};

use omega_contract::EventKind;
use rusqlite::ErrorCode::{
    CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed, OperationAborted,
    OperationInterrupted, OutOfMemory, PermissionDenied, ReadOnly, SystemIoFailure,
};

use crate::error::LedgerError;

pub(crate) const INDEX_FILE: &str = "index.sqlite";

impl From<rusqlite::Error> for LedgerError {
    /// What a full or busy disk does to a good file is no reason to make it anew.
    fn from(error: rusqlite::Error) -> Self {
        let cause = error.to_string();
        match error.sqlite_error_code() {
            Some(
                DatabaseBusy
                | DatabaseLocked
                | DiskFull
                | CannotOpen
                | ReadOnly
                | PermissionDenied
                | SystemIoFailure
                | OutOfMemory
                | OperationInterrupted
                | FileLockingProtocolFailed
                | OperationAborted,
            ) => Self::Index { cause },
            _ => Self::IndexDamaged { cause },
        }
    }
}

/// SQLite has no unsigned numbers; an index beyond its own is beyond any disk.
fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn from_sql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The number of a kind in the index: its place in [`EventKind::ALL`].
pub(crate) fn kind_number(kind: EventKind) -> i64 {
    EventKind::ALL.iter().position(|known| *known == kind).map_or(-1, |at| to_sql(at as u64))
}

#[cfg(test)]
mod tests;
