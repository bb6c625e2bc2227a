//! What can go wrong with a ledger, and where.

use std::fmt;
use std::io;
use std::path::Path;

use omega_contract::ports::RecorderError;
use omega_contract::{ErrorCode, RunId, Sha256Hex};
use omega_proof::bundle::SealFault;
use omega_proof::line::LineFault;

/// Why the ledger cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another process writes it.
    #[error("the ledger is held by {}", holder(*pid))]
    Locked {
        /// Which, where it told.
        pid: Option<u32>,
    },
    /// It was damaged or changed below what was acknowledged. Nothing was rewritten.
    #[error(transparent)]
    Corrupt(#[from] LedgerFault),
    /// A file could not be written, synced, made or renamed.
    #[error("cannot {doing} {file}: {source}")]
    Write {
        /// What was tried.
        doing: &'static str,
        /// The file's name within the ledger's folder.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file's name within the ledger's folder.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot be written, now or for ever.
    #[error(transparent)]
    Unavailable(#[from] RecorderError),
    /// The index could not be used now: the disk is full, say, or the file is locked.
    #[error("the ledger's index cannot be used: {cause}")]
    Index {
        /// What SQLite said.
        cause: String,
    },
    /// The index is not one of this ledger and this version, or is damaged, and could not be made anew.
    #[error("the ledger's index is damaged: {cause}")]
    IndexDamaged {
        /// What is wrong with it.
        cause: String,
    },
    /// There is no such run.
    #[error("the ledger has no run \"{run_id}\"")]
    RunUnknown {
        /// The run.
        run_id: RunId,
    },
    /// The run goes on faster than it can be exported.
    #[error("run \"{run_id}\" is still being written")]
    RunBusy {
        /// The run.
        run_id: RunId,
    },
    /// No proof of the run would verify: a call is still open, say.
    #[error("no proof can be made of this run: {0}")]
    Unprovable(#[from] SealFault),
}

impl LedgerError {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Locked { .. } => ErrorCode::HomeLocked,
            Self::Corrupt(_) => ErrorCode::LedgerCorrupt,
            Self::Write { .. } | Self::Unavailable(_) => ErrorCode::LedgerUnavailable,
            Self::Read { .. } | Self::Index { .. } | Self::IndexDamaged { .. } => ErrorCode::Io,
            Self::RunUnknown { .. } | Self::Unprovable(SealFault::NoEvents) => ErrorCode::RunUnknown,
            Self::RunBusy { .. } => ErrorCode::Overloaded,
            Self::Unprovable(_) => ErrorCode::ProofInvalid,
        }
    }

    pub(crate) fn write(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { doing, file: file_name(path), source }
    }

    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { file: file_name(path), source }
    }
}

/// The last part of a path: errors name no host path.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// The first fault of a ledger and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerFault {
    /// The file's name within the ledger's folder.
    pub file: String,
    /// The line in that file, from 1; 0 where the fault is not one of a line.
    pub line: u64,
    /// Where that line starts in the file, in bytes.
    pub offset: u64,
    /// What is wrong.
    pub kind: FaultKind,
}

impl fmt::Display for LedgerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.kind)
        } else {
            write!(f, "{}, line {}, byte {}: {}", self.file, self.line, self.offset, self.kind)
        }
    }
}

impl std::error::Error for LedgerFault {}

/// What is wrong with a ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// A line is not what it was.
    #[error(transparent)]
    Line(#[from] LineFault),
    /// A segment is not there, or is named after another index than that of its first event.
    #[error("segment out of place: the events before it end at index {expected}")]
    SegmentOutOfPlace {
        /// The index that its first event has.
        expected: u64,
    },
    /// The events before this segment are gone.
    #[error("the ledger does not begin with event 0")]
    BeginningMissing,
    /// Acknowledged events are gone.
    #[error("truncated: {found} bytes are left of {synced} that were acknowledged")]
    Truncated {
        /// Bytes that were synced.
        synced: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The event at the synced position is not the one that was synced.
    #[error("the last acknowledged event has hash {found}, {synced} was acknowledged")]
    OtherHead {
        /// What was synced.
        synced: Sha256Hex,
        /// What is there.
        found: Sha256Hex,
    },
    /// Another number of events than was synced.
    #[error("{found} events where {synced} were acknowledged")]
    OtherCount {
        /// What was synced.
        synced: u64,
        /// What is there.
        found: u64,
    },
    /// The acknowledged bytes end within a line, which is therefore not the one that was acknowledged.
    #[error("other line: the acknowledged bytes end within it")]
    OverMark,
    /// `synced` is not there though segments are.
    #[error("missing: without it, acknowledged events cannot be told from torn ones")]
    MarkMissing,
    /// `synced` does not have its form.
    #[error("unreadable: it does not have the form that this gateway writes")]
    MarkUnreadable,
}
