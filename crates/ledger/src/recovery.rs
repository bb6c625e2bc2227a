//! What is done to the files before a ledger is opened for writing (spec page 3, "Recovery at start").
//!
//! Below what `synced` says, every event was acknowledged: damage there is refused, named, and nothing is
//! rewritten. Above it, the longest good prefix is kept and the rest goes into quarantine.
//!
//! Segments before the newest synced one were sealed long ago: only their ends and the links between them
//! are looked at here. `verify` reads everything.

use std::path::Path;
use std::sync::Arc;

use omega_contract::{Sha256Hex, Timestamp};
use omega_proof::chain::Strictness;
use omega_proof::line::{Line, LineFault};

use crate::check::{Piece, check_piece};
use crate::disk::{Disk, DiskFile};
use crate::error::{FaultKind, LedgerError, LedgerFault, file_name};
use crate::mark::{Mark, MarkFile, mark_fault};
use crate::quarantine::{Cut, quarantine};
use crate::segment::{LineReader, Segment, line_holding, list_segments, segment_name, segment_path};
use crate::segment_writer::create_segment;

/// The files of a ledger, found good or made good.
pub(crate) struct Recovered {
    /// Where the ledger ends.
    pub(crate) end: Mark,
    /// The time and id of its last event.
    pub(crate) last: Option<(Timestamp, String)>,
    pub(crate) mark_file: MarkFile,
    pub(crate) segment_file: Arc<dyn DiskFile>,
}

/// Checks the ledger in `dir`, or makes a new one, and cuts off a torn tail.
pub(crate) fn recover(disk: &dyn Disk, dir: &Path) -> Result<Recovered, LedgerError> {
    let segments = list_segments(dir)?;
    let mark = match Mark::read(dir)? {
        Some(mark) => mark,
        None if segments.is_empty() => {
            let mark_file = MarkFile::create(disk, dir)?;
            let segment_file = create_segment(disk, dir, 0)?;
            return Ok(Recovered { end: Mark::NOTHING, last: None, mark_file, segment_file });
        }
        None => return Err(mark_fault(FaultKind::MarkMissing)),
    };
    let mark_file = MarkFile::open(disk, dir, mark)?;
    if segments.is_empty() && mark == Mark::NOTHING {
        // The crash was between the mark and the first segment.
        let segment_file = create_segment(disk, dir, 0)?;
        return Ok(Recovered { end: Mark::NOTHING, last: None, mark_file, segment_file });
    }
    let head = check_acknowledged(&segments, mark)?;
    let (end, cuts) = find_end(&segments, mark, head)?;
    quarantine(disk, dir, &cuts)?;
    let path = segment_path(dir, end.segment);
    let segment_file: Arc<dyn DiskFile> =
        Arc::from(disk.open_append(&path).map_err(LedgerError::write("open", &path))?);
    let last = last_event(&segments, end)?;
    Ok(Recovered { end, last, mark_file, segment_file })
}

/// Everything below the mark. Gives the hash of the last synced event.
fn check_acknowledged(segments: &[Segment], mark: Mark) -> Result<Option<Sha256Hex>, LedgerError> {
    match segments.first() {
        Some(first) if first.first_index == 0 => check_first_line(first, None)?,
        first => {
            let file = first.map_or_else(|| segment_name(0), |first| file_name(&first.path));
            return Err(LedgerFault { file, line: 0, offset: 0, kind: FaultKind::BeginningMissing }.into());
        }
    }
    let mut head = None;
    for pair in segments.windows(2) {
        let [segment, next] = pair else { continue };
        if segment.first_index < mark.segment {
            head = check_seam(segment)?;
            check_first_line(next, head)?;
        }
    }
    let found = segments.iter().find(|segment| segment.first_index == mark.segment);
    mark.reaches(found.map(|segment| segment.bytes))?;
    let Some(segment) = found else { return Ok(head) };
    let piece = Piece { path: segment.path.clone(), lines_before: 0, from: 0, to: mark.length };
    let checked = check_piece(&piece, head, Strictness::Standard, |_, _| ())?;
    if let Some(fault) = checked.fault {
        return Err(mark.fault_below(fault, segment.bytes).into());
    }
    mark.confirm(&file_name(&segment.path), segment.bytes, mark.segment + checked.lines, checked.head)?;
    Ok(checked.head)
}

/// The last line of a sealed segment: its form and hash. Gives that hash.
fn check_seam(segment: &Segment) -> Result<Option<Sha256Hex>, LedgerError> {
    let mut reader = LineReader::open(&segment.path)?;
    let failed = LedgerError::read(&segment.path);
    let (offset, kind) = match reader.line_before(segment.bytes).map_err(failed)? {
        None => (segment.bytes, LineFault::MissingNewline),
        Some((offset, line)) => match Line::scan(line).and_then(|line| line.hash()) {
            Ok(hash) => return Ok(Some(hash)),
            Err(kind) => (offset, kind),
        },
    };
    let (line, offset) = line_holding(&segment.path, offset).map_err(LedgerError::read(&segment.path))?;
    Err(LedgerFault { file: file_name(&segment.path), line, offset, kind: FaultKind::Line(kind) }.into())
}

/// The first line of a segment that follows a sealed one: its form, hash and link.
fn check_first_line(segment: &Segment, head: Option<Sha256Hex>) -> Result<(), LedgerError> {
    let mut reader = LineReader::open(&segment.path)?;
    let Some(line) = reader.line_at(0).map_err(LedgerError::read(&segment.path))? else {
        // Empty or torn: whether that is allowed is found where the segment itself is checked.
        return Ok(());
    };
    let digits = head.map(|head| *head.to_hex().as_bytes());
    let linked = Line::scan(line).and_then(|line| {
        line.hash()?;
        line.links_to(digits.as_ref())
    });
    let file = file_name(&segment.path);
    Ok(linked.map_err(|kind| LedgerFault { file, line: 1, offset: 0, kind: FaultKind::Line(kind) })?)
}

/// Where the good prefix above the mark ends, and what is to be cut off after it.
fn find_end(segments: &[Segment], mark: Mark, head: Option<Sha256Hex>) -> Result<(Mark, Vec<Cut>), LedgerError> {
    let mut end = Mark { head, ..mark };
    let mut cuts: Vec<Cut> = Vec::new();
    for segment in segments.iter().filter(|segment| segment.first_index >= mark.segment) {
        let (from, lines_before) =
            if segment.first_index == mark.segment { (mark.length, mark.next_index - mark.segment) } else { (0, 0) };
        let in_place = segment.first_index == mark.segment || segment.first_index == end.next_index;
        if !cuts.is_empty() || !in_place {
            cuts.push(Cut::Whole(segment.clone()));
            continue;
        }
        let piece = Piece { path: segment.path.clone(), lines_before, from, to: segment.bytes };
        let checked = check_piece(&piece, end.head, Strictness::Standard, |_, _| ())?;
        end.segment = segment.first_index;
        end.length = from + checked.bytes;
        end.next_index += checked.lines;
        end.head = checked.head;
        if checked.fault.is_some() {
            cuts.push(Cut::Tail { segment: segment.clone(), from: end.length });
        }
    }
    Ok((end, cuts))
}

/// The time and id of the last event, which the next one must not fall behind.
fn last_event(segments: &[Segment], end: Mark) -> Result<Option<(Timestamp, String)>, LedgerError> {
    // The last segment may be new and empty: then the last event ends the one before.
    let ends = |segment: &&Segment| if segment.first_index == end.segment { end.length > 0 } else { segment.bytes > 0 };
    let holder = segments.iter().rev().filter(|segment| segment.first_index <= end.segment).find(ends);
    let Some(segment) = holder else { return Ok(None) };
    let length = if segment.first_index == end.segment { end.length } else { segment.bytes };
    let mut reader = LineReader::open(&segment.path)?;
    let line = reader.line_before(length).map_err(LedgerError::read(&segment.path))?;
    let found = line.and_then(|(_, line)| Line::scan(line).ok());
    Ok(found.map(|line| (line.ts().parse().unwrap_or(Timestamp::EPOCH), line.event_id().to_owned())))
}
