//! Reads a whole ledger and checks every line of it (spec page 3, "Verification").
//!
//! Parallel over lines, in constant memory, without the lock: a writer may go on beside it.
//!
//! What never happens here: a write, and going on after the first fault.

use std::path::Path;

use omega_contract::Sha256Hex;
use omega_proof::chain::Strictness;
use omega_proof::line::LineFault;
use omega_proof::note::VerifierKey;

use crate::beginning::Beginning;
use crate::check::{GoodLines, Piece, check_piece};
use crate::checkpoints::has_checkpoints;
use crate::error::{FaultKind, LedgerError, LedgerFault, file_name};
use crate::mark::{Mark, mark_fault};
use crate::segment::{Segment, Spot, list_segments, segment_name};
use crate::tree::Layout;
use crate::tree_check::{CheckpointVerdict, Extent, TreeCheck};

/// What a ledger without a fault was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerVerdict {
    /// All events, archived ones included.
    pub events: u64,
    /// Events of these that are in archives, and were not looked at.
    pub archived_events: u64,
    /// The hash of the last one of those.
    pub archived_head: Option<Sha256Hex>,
    /// Bytes of the lines that are here.
    pub bytes: u64,
    /// Files.
    pub segments: u64,
    /// The last event's hash, on which all before it hangs.
    pub head: Option<Sha256Hex>,
    /// Events that are known to be synced.
    pub synced_events: u64,
    /// Its checkpoints and its tree.
    pub tree: CheckpointVerdict,
    /// Bytes after the last newline, above what is synced: a write under way, or one that a crash tore. The
    /// next start of a writer puts them into quarantine.
    pub unfinished_bytes: u64,
}

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that were checked.
    pub bytes_done: u64,
    /// Bytes of the ledger.
    pub bytes_total: u64,
    /// Lines that were found good.
    pub events_done: u64,
}

/// Checks every line, every link, the order of the segments, that all that was synced is there; and in the same pass the
/// tree: every stored hash of it, and every checkpoint's root, place and signature. `trusted` is a key of the log: of one
/// that was handed over, best the first.
///
/// # Errors
/// [`LedgerError::Corrupt`] with the first fault, in the ledger's order; [`LedgerError::Read`].
pub fn verify(
    dir: &Path,
    trusted: &VerifierKey,
    strictness: Strictness,
    progress: impl FnMut(Progress),
) -> Result<LedgerVerdict, LedgerError> {
    // The mark and the checkpoint first: a writer beside us only moves them after the bytes are there.
    let mark = Mark::read(dir)?;
    let Some(mark) = mark else {
        let missing = std::io::ErrorKind::NotFound;
        return Err(if list_segments(dir)?.is_empty() && !has_checkpoints(dir)? {
            LedgerError::read(dir)(missing.into())
        } else {
            mark_fault(FaultKind::MarkMissing)
        });
    };
    let begin = Beginning::read(dir)?;
    let tree = TreeCheck::begin(dir, Layout::Packs, trusted, Extent { from: begin.first_index, until: None })?;
    walk(dir, Some(mark), begin, tree, strictness, progress)
}

/// Checks a folder that [`export_static`](crate::export_static) made, alone: no ledger, no lock, no network. As
/// [`verify`], and every tile and bundle of entries is compared with the events; none of these may be above the checkpoint.
///
/// # Errors
/// As [`verify`].
pub fn import_verify(
    dir: &Path,
    trusted: &VerifierKey,
    strictness: Strictness,
    progress: impl FnMut(Progress),
) -> Result<LedgerVerdict, LedgerError> {
    let tree = TreeCheck::begin(dir, Layout::Static, trusted, Extent { from: 0, until: None })?;
    let size = tree.newest_size();
    let verdict = walk(dir, None, Beginning::WHOLE, tree, strictness, progress)?;
    if verdict.events == size {
        return Ok(verdict);
    }
    let kind = FaultKind::BeyondCheckpoint { size, found: verdict.events };
    let last = list_segments(dir)?.pop().map(|last| file_name(&last.path));
    Err(LedgerFault::of_file(&last.unwrap_or_default(), kind).into())
}

/// Checks the segments in `dir`, of which those below the mark were synced; without one, all of them were.
pub(crate) fn walk(
    dir: &Path,
    mark: Option<Mark>,
    begin: Beginning,
    tree: TreeCheck,
    strictness: Strictness,
    progress: impl FnMut(Progress),
) -> Result<LedgerVerdict, LedgerError> {
    let segments = list_segments(dir)?;
    let bytes_total = segments.iter().map(|segment| segment.bytes).sum();
    let (events, head) = (begin.first_index, begin.head);
    let mut walk =
        Walk { mark, begin, strictness, progress, tree, bytes_before: 0, bytes_total, events, bytes: 0, head };
    for segment in &segments {
        walk.segment(segment)?;
    }
    // A marked segment that was passed is there; one that was not reached is gone.
    if let Some(mark) = mark.filter(|mark| *mark != Mark::NOTHING)
        && !segments.iter().any(|segment| segment.first_index == mark.segment)
    {
        mark.reaches(None)?;
    }
    let last = segments.last().map_or(Spot::START, |last| Spot {
        index: walk.events,
        segment: last.first_index,
        offset: last.bytes,
    });
    Ok(LedgerVerdict {
        events: walk.events,
        archived_events: begin.first_index,
        archived_head: begin.head,
        bytes: walk.bytes,
        segments: segments.len() as u64,
        head: walk.head,
        synced_events: mark.map_or(walk.events, |mark| mark.next_index),
        tree: walk.tree.finish(last, segment_name(last.segment))?,
        unfinished_bytes: bytes_total - walk.bytes,
    })
}

struct Walk<P> {
    mark: Option<Mark>,
    begin: Beginning,
    strictness: Strictness,
    progress: P,
    tree: TreeCheck,
    bytes_before: u64,
    bytes_total: u64,
    events: u64,
    bytes: u64,
    head: Option<Sha256Hex>,
}

impl<P: FnMut(Progress)> Walk<P> {
    fn segment(&mut self, segment: &Segment) -> Result<(), LedgerError> {
        let file = file_name(&segment.path);
        if segment.first_index != self.events {
            let kind = if self.events == self.begin.first_index {
                FaultKind::BeginningMissing
            } else {
                FaultKind::SegmentOutOfPlace { expected: self.events }
            };
            return Err(LedgerFault { file, line: 0, offset: 0, kind }.into());
        }
        let mark = self.mark.filter(|mark| mark.segment == segment.first_index);
        let synced = mark.map_or(0, |mark| mark.length.min(segment.bytes));
        self.piece(segment, 0, synced)?;
        if let Some(mark) = mark {
            mark.reaches(Some(segment.bytes))?;
            mark.confirm(&file, segment.bytes, self.events, self.head)?;
        }
        self.piece(segment, synced, segment.bytes)?;
        self.bytes_before += segment.bytes;
        Ok(())
    }

    fn piece(&mut self, segment: &Segment, from: u64, to: u64) -> Result<(), LedgerError> {
        let lines_before = self.events - segment.first_index;
        let piece = Piece { path: segment.path.clone(), lines_before, from, to };
        let (bytes_before, bytes_total, mut events_done) = (self.bytes_before + from, self.bytes_total, self.events);
        let progress = &mut self.progress;
        let (tree, first_index) = (&mut self.tree, segment.first_index);
        let mut take = |lines: &GoodLines| tree.take(first_index, lines);
        let checked = check_piece(&piece, self.head, self.strictness, Some(&mut take), |bytes, lines| {
            events_done += lines;
            progress(Progress { bytes_done: bytes_before + bytes, bytes_total, events_done });
        })?;
        self.events += checked.lines;
        self.bytes += checked.bytes;
        self.head = checked.head;
        match checked.fault {
            None => Ok(()),
            // Above the mark and at the very end of the ledger: a write under way, or a torn one.
            Some(fault)
                if fault.kind == FaultKind::Line(LineFault::MissingNewline)
                    && to == segment.bytes
                    && self.bytes_before + segment.bytes == self.bytes_total
                    && self.is_above_mark(segment, from + checked.bytes) =>
            {
                Ok(())
            }
            Some(fault) => Err(match self.mark.filter(|_| to < segment.bytes) {
                Some(mark) => mark.fault_below(fault, segment.bytes).into(),
                None => fault.into(),
            }),
        }
    }

    fn is_above_mark(&self, segment: &Segment, offset: u64) -> bool {
        self.mark.is_some_and(|mark| (segment.first_index, offset) >= (mark.segment, mark.length))
    }
}
