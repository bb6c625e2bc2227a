//! What can go wrong with a ledger, and where.

use std::fmt;
use std::io;
use std::path::Path;

use omega_contract::ports::RecorderError;
use omega_contract::{ErrorCode, RunId, Sha256Hex};
use omega_proof::bundle::SealFault;
use omega_proof::checkpoint::{CheckpointFault, HandoverFault};
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
    /// A leaf or a tree that the tree does not have.
    #[error("the tree of {size} events has no such leaf or smaller tree")]
    NotInTree {
        /// The tree's size.
        size: u64,
    },
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
    /// What was asked about was moved to an archive.
    #[error("the events below {first_index} were archived")]
    Archived {
        /// The first event that is here.
        first_index: u64,
    },
    /// The log was handed over to another key than the one that it was opened with.
    #[error("the log was handed over to the key {next}")]
    LogKey {
        /// The vkey of that key.
        next: String,
    },
    /// The log cannot be handed over to that key.
    #[error(transparent)]
    Handover(#[from] HandoverFault),
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
            Self::LogKey { .. } => ErrorCode::ConfigInvalid,
            Self::RunBusy { .. } => ErrorCode::Overloaded,
            Self::Archived { .. } => ErrorCode::EventsArchived,
            Self::Unprovable(_) | Self::NotInTree { .. } | Self::Handover(_) => ErrorCode::ProofInvalid,
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

impl LedgerFault {
    /// A fault of a file as a whole.
    pub(crate) fn of_file(file: &str, kind: FaultKind) -> Self {
        Self { file: file.to_owned(), line: 0, offset: 0, kind }
    }
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
    /// `checkpoints.log` has a checkpoint, `checkpoint` is not there.
    #[error("missing: checkpoints.log has checkpoints")]
    CheckpointMissing,
    /// `checkpoints.log` is not there though the ledger is.
    #[error("missing: a ledger has a log of its checkpoints from its beginning")]
    CheckpointLogMissing,
    /// A line of `checkpoints.log` does not have its form.
    #[error("unreadable: it does not have the form that this gateway writes")]
    CheckpointUnreadable,
    /// `checkpoint` is not in the log, or long behind it.
    #[error("it is not the newest checkpoint of checkpoints.log")]
    CheckpointNotNewest,
    /// A checkpoint is not signed as it must be.
    #[error(transparent)]
    CheckpointFault(CheckpointFault),
    /// A checkpoint, or a hand-over to another key, is not signed as it must be.
    #[error(transparent)]
    CheckpointKey(HandoverFault),
    /// Checkpoints do not grow.
    #[error("a checkpoint at {size} events after one at {before}")]
    CheckpointOrder {
        /// Its size.
        size: u64,
        /// The size of the one before.
        before: u64,
    },
    /// What a checkpoint signed is not what the events give.
    #[error("other tree: the checkpoint at {size} events has the root {signed}, the events give {computed}")]
    OtherRoot {
        /// Its size.
        size: u64,
        /// The root that was signed.
        signed: Sha256Hex,
        /// The root that the events give.
        computed: Sha256Hex,
    },
    /// The place that a line of `checkpoints.log` hints at is not where the covered events end.
    #[error("the checkpoint's {size} events do not end in segment {segment} at byte {length}")]
    CheckpointPlace {
        /// Its size.
        size: u64,
        /// The segment that it states.
        segment: u64,
        /// The place in it.
        length: u64,
    },
    /// Events that a checkpoint covers are gone.
    #[error("truncated: a checkpoint covers {size} events, the ledger has fewer")]
    TruncatedBelowCheckpoint {
        /// Events that the checkpoint covers.
        size: u64,
    },
    /// The event at a place is not the one whose leaf is in the tree.
    #[error("other event: the tree has another one as event {index}")]
    OtherLeaf {
        /// The event's index.
        index: u64,
    },
    /// A pack of the tree is not there.
    #[error("missing: hashes of the tree below a checkpoint are gone")]
    TileMissing,
    /// Hashes of the tree are gone.
    #[error("truncated: {found} bytes are left of {needed} that a checkpoint covers")]
    TileShort {
        /// Bytes below the checkpoint.
        needed: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// A full pack that goes on.
    #[error("too long: {found} bytes where a full pack has {needed}")]
    TileLong {
        /// Bytes of a full pack.
        needed: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// A hash of the tree is not what the events give.
    #[error("other hash: the events give {computed}, the tile has {found}")]
    TileMismatch {
        /// What the events give.
        computed: Sha256Hex,
        /// What is there.
        found: Sha256Hex,
    },
    /// An entry that is handed out is not that of its leaf.
    #[error("other entry: it does not have the leaf that the tile has")]
    EntryMismatch,
    /// Events that no checkpoint covers, where all are to be covered.
    #[error("{found} events where the checkpoint covers {size}")]
    BeyondCheckpoint {
        /// Events that the checkpoint covers.
        size: u64,
        /// Events that are there.
        found: u64,
    },
    /// The hashes that are stored do not give the root that was signed.
    #[error("the tiles do not give the root of the checkpoint at {size} events")]
    TilesOtherRoot {
        /// The checkpoint's size.
        size: u64,
    },
    /// `synced` is not there though segments are.
    #[error("missing: without it, acknowledged events cannot be told from torn ones")]
    MarkMissing,
    /// `synced` is about another ledger than the checkpoint.
    #[error("of another ledger: the last event that it names is not in the tree")]
    MarkOfAnother,
    /// `synced` does not have its form.
    #[error("unreadable: it does not have the form that this gateway writes")]
    MarkUnreadable,
}
