//! What is done to the files before a ledger is opened for writing (spec page 3, "Recovery at start").
//!
//! Below the newest checkpoint and below what `synced` says, every event was acknowledged: damage there is refused, named,
//! and nothing is rewritten. Above both, the longest good prefix is kept and the rest goes into quarantine.
//!
//! What the checkpoint covers is not read again: its signature, its root over the packs, the event where it ends and the
//! seams of the sealed segments, each held against the tree, are what is looked at. `verify` reads everything. Neither
//! the mark nor the checkpoint is always the newer one: the mark is not synced, the checkpoint is made later.

use std::path::Path;
use std::sync::Arc;

use omega_contract::{Sha256Hex, Timestamp};
use omega_proof::chain::Strictness;
use omega_proof::checkpoint::LogSigner;
use omega_proof::line::{Line, LineFault};
use omega_proof::tree::leaf_hash;

use crate::beginning::Beginning;
use crate::check::{Piece, check_piece};
use crate::checkpoints::{
    Grower, Newest, at_line, create_log, ends_before, find_newest, has_checkpoints, load_frontier,
};
use crate::disk::{Disk, DiskFile};
use crate::error::{FaultKind, LedgerError, LedgerFault, file_name};
use crate::mark::{MARK_FILE, Mark, MarkFile, mark_fault};
use crate::quarantine::{Cut, quarantine};
use crate::segment::{LineReader, Segment, line_holding, list_segments, segment_name, segment_path};
use crate::segment_writer::create_segment;
use crate::tree::{Proofs, check_packs};

/// The files of a ledger, found good or made good.
pub(crate) struct Recovered {
    /// Where the ledger ends.
    pub(crate) end: Mark,
    /// The time and id of its last event.
    pub(crate) last: Option<(Timestamp, String)>,
    pub(crate) mark_file: MarkFile,
    pub(crate) segment_file: Arc<dyn DiskFile>,
    pub(crate) grower: Grower,
}

/// Checks the ledger in `dir`, or makes a new one, and cuts off a torn tail.
pub(crate) fn recover(disk: &Arc<dyn Disk>, dir: &Path, signer: &Arc<LogSigner>) -> Result<Recovered, LedgerError> {
    let mut segments = list_segments(dir)?;
    let mark = match Mark::read(dir)? {
        Some(mark) => mark,
        // The mark comes last: without it, there is no ledger yet, or one that was damaged.
        None if segments.is_empty() && !has_checkpoints(dir)? => {
            create_log(&**disk, dir, signer)?;
            MarkFile::create(&**disk, dir)?;
            Mark::NOTHING
        }
        None => return Err(mark_fault(FaultKind::MarkMissing)),
    };
    // A process that was killed may have made and named files without making their names durable: what this one writes
    // into them, and says of them, relies on the names.
    disk.sync_folder(dir).map_err(LedgerError::write("sync", dir))?;
    let newest = find_newest(dir, &signer.verifier_key())?;
    if segments.is_empty() && mark == Mark::NOTHING && newest.signed.head().size == 0 {
        // New, or the crash was between the mark and the first segment.
        create_segment(&**disk, dir, 0)?;
        segments = list_segments(dir)?;
    }
    let mut mark_file = MarkFile::open(&**disk, dir, mark)?;
    let frontier = load_frontier(dir, newest.signed.head())?;
    check_packs(dir, Beginning::read(dir)?.first_index, frontier.size())?;
    let base = check_covered(dir, &segments, &newest)?;
    let acknowledged = check_acknowledged(dir, &segments, &newest, base, mark)?;
    let (end, cuts) = find_end(&segments, acknowledged)?;
    quarantine(&**disk, dir, &cuts)?;
    let path = segment_path(dir, end.segment);
    let segment_file: Arc<dyn DiskFile> =
        Arc::from(disk.open_append(&path).map_err(LedgerError::write("open", &path))?);
    if end.next_index > mark.next_index {
        // Read back, perhaps from memory only: a checkpoint over it must not outlive it.
        segment_file.sync().map_err(LedgerError::write("sync", &path))?;
        mark_file.advance(end).map_err(LedgerError::write("write", Path::new(MARK_FILE)))?;
    }
    let last = last_event(&segments, end)?;
    let grower = Grower::resume(Arc::clone(disk), dir, Arc::clone(signer), newest, frontier, &base)?;
    Ok(Recovered { end, last, mark_file, segment_file, grower })
}

/// What the newest checkpoint covers, as far as that is looked at. Gives where that ends.
fn check_covered(dir: &Path, segments: &[Segment], newest: &Newest) -> Result<Mark, LedgerError> {
    let (begin, size) = (Beginning::read(dir)?, newest.signed.head().size);
    match segments.first() {
        // A line that nothing covers may be torn: what comes later finds that, and cuts it off.
        Some(first) if first.first_index == begin.first_index && size == begin.first_index => {}
        Some(first) if first.first_index == begin.first_index => check_first_line(first, begin.head)?,
        first => {
            let file = first.map_or_else(|| segment_name(0), |first| file_name(&first.path));
            return Err(LedgerFault { file, line: 0, offset: 0, kind: FaultKind::BeginningMissing }.into());
        }
    }
    let tree = Proofs::new(dir, *newest.signed.head());
    if let Some(first) = segments.first().filter(|first| first.first_index > 0) {
        check_first_leaf(first, &tree)?;
    }
    for pair in segments.windows(2) {
        let [segment, next] = pair else { continue };
        if segment.first_index < newest.segment && next.first_index <= size {
            let head = check_seam(segment)?;
            if next.first_index < size {
                check_first_line(next, head)?;
            }
            let index = next.first_index.saturating_sub(1);
            if head.map(|head| leaf_hash(&head)) != Some(tree.leaf(index)?) {
                let kind = FaultKind::OtherLeaf { index };
                return Err(LedgerFault { file: file_name(&next.path), line: 0, offset: 0, kind }.into());
            }
        }
    }
    let base = Mark { segment: newest.segment, length: newest.length, next_index: size, open_from: 0, head: None };
    if size == 0 {
        let is_start = Mark { next_index: 0, ..base } == Mark::NOTHING;
        return if is_start { Ok(base) } else { Err(other_place(dir, newest)) };
    }
    match last_covered(segments, newest)? {
        Some(head) if leaf_hash(&head) == tree.leaf(size - 1)? => Ok(Mark { head: Some(head), ..base }),
        _ => Err(covered_end_fault(dir, segments, newest)?),
    }
}

/// The first event behind an archive is the one that the tree has there.
fn check_first_leaf(segment: &Segment, tree: &Proofs) -> Result<(), LedgerError> {
    let mut reader = LineReader::open(&segment.path)?;
    let line = reader.line_at(0).map_err(LedgerError::read(&segment.path))?;
    let hash = line.and_then(|line| Line::scan(line).and_then(|line| line.hash()).ok());
    if hash.map(|hash| leaf_hash(&hash)) == Some(tree.leaf(segment.first_index)?) {
        return Ok(());
    }
    let kind = FaultKind::OtherLeaf { index: segment.first_index };
    Err(LedgerFault { file: file_name(&segment.path), line: 1, offset: 0, kind }.into())
}

/// The hash of the event that ends where the newest checkpoint's line says.
fn last_covered(segments: &[Segment], newest: &Newest) -> Result<Option<Sha256Hex>, LedgerError> {
    let segment = segments.iter().find(|segment| segment.first_index == newest.segment);
    let Some(segment) = segment.filter(|segment| segment.bytes >= newest.length) else { return Ok(None) };
    let mut reader = LineReader::open(&segment.path)?;
    let line = reader.line_before(newest.length).map_err(LedgerError::read(&segment.path))?;
    Ok(line.and_then(|(_, line)| Line::scan(line).and_then(|line| line.hash()).ok()))
}

/// Why the last covered event is not where it should be: the slow way, by counting lines.
fn covered_end_fault(dir: &Path, segments: &[Segment], newest: &Newest) -> Result<LedgerError, LedgerError> {
    let size = newest.signed.head().size;
    let holder = segments.iter().rev().find(|segment| segment.first_index < size);
    let Some(segment) = holder else { return Ok(ends_before(newest.segment, 0, size)) };
    let mut reader = LineReader::open(&segment.path)?;
    let (mut offset, mut index) = (0, segment.first_index);
    loop {
        let Some(line) = reader.line_at(offset).map_err(LedgerError::read(&segment.path))? else {
            return Ok(ends_before(segment.first_index, offset, size));
        };
        if index + 1 == size {
            let wanted = Proofs::new(dir, *newest.signed.head()).leaf(index)?;
            let kind = match Line::scan(line).and_then(|line| line.hash()) {
                // The event is there: it is the hint that is wrong.
                Ok(hash) if leaf_hash(&hash) == wanted => return Ok(other_place(dir, newest)),
                Ok(_) => FaultKind::OtherLeaf { index },
                Err(kind) => FaultKind::Line(kind),
            };
            let line = index - segment.first_index + 1;
            return Ok(LedgerFault { file: file_name(&segment.path), line, offset, kind }.into());
        }
        (offset, index) = (offset + line.len() as u64 + 1, index + 1);
    }
}

fn other_place(dir: &Path, newest: &Newest) -> LedgerError {
    let (segment, length, size) = (newest.segment, newest.length, newest.signed.head().size);
    at_line(dir, newest.offset, FaultKind::CheckpointPlace { size, segment, length })
}

/// Everything from the newest checkpoint to the mark. Gives where the later of the two ends.
fn check_acknowledged(
    dir: &Path,
    segments: &[Segment],
    newest: &Newest,
    base: Mark,
    mark: Mark,
) -> Result<Mark, LedgerError> {
    let head = base.head;
    if mark.next_index <= base.next_index {
        // An old mark says something too: it must be about this ledger.
        let is_ours = match (mark.next_index.checked_sub(1), mark.head) {
            (None, None) => true,
            // Of an event that an archive has by now.
            (Some(last), Some(_)) if last < Beginning::read(dir)?.first_index => true,
            (Some(last), Some(head)) => Proofs::new(dir, *newest.signed.head()).leaf(last)? == leaf_hash(&head),
            _ => false,
        };
        let fault = || LedgerFault::of_file(MARK_FILE, FaultKind::MarkOfAnother);
        return if is_ours { Ok(Mark { open_from: mark.open_from, ..base }) } else { Err(fault().into()) };
    }
    let (mut next_index, mut head) = (base.next_index, head);
    for segment in segments.iter().filter(|segment| (base.segment..=mark.segment).contains(&segment.first_index)) {
        let is_marked = segment.first_index == mark.segment;
        if segment.first_index != base.segment && segment.first_index != next_index {
            return Err(out_of_place(segment, next_index));
        }
        if is_marked {
            mark.reaches(Some(segment.bytes))?;
        }
        let from = if segment.first_index == base.segment { base.length } else { 0 };
        let to = if is_marked { mark.length } else { segment.bytes };
        let lines_before = next_index - segment.first_index;
        let piece = Piece { path: segment.path.clone(), lines_before, from, to: to.max(from) };
        let checked = check_piece(&piece, head, Strictness::Standard, None, |_, _| ())?;
        match checked.fault {
            Some(fault) if is_marked => return Err(mark.fault_below(fault, segment.bytes).into()),
            Some(fault) => return Err(fault.into()),
            None => (next_index, head) = (next_index + checked.lines, checked.head),
        }
        if is_marked {
            mark.confirm(&file_name(&segment.path), segment.bytes, next_index, head)?;
            return Ok(mark);
        }
    }
    // The marked segment is not there.
    mark.reaches(None)?;
    Ok(mark)
}

fn out_of_place(segment: &Segment, expected: u64) -> LedgerError {
    LedgerFault::of_file(&file_name(&segment.path), FaultKind::SegmentOutOfPlace { expected }).into()
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
fn find_end(segments: &[Segment], mark: Mark) -> Result<(Mark, Vec<Cut>), LedgerError> {
    let mut end = mark;
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
        let checked = check_piece(&piece, end.head, Strictness::Standard, None, |_, _| ())?;
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
