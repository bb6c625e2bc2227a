//! Checks lines in parallel: each core takes the next chunk, and the chunks are joined in order.
//!
//! Memory is bounded by the number of cores, not by the ledger. The first fault in the ledger's order is the
//! one that is named, whichever core finds one first.
//!
//! What never happens here: a write.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use omega_contract::limits::EVENT_LINE_BYTES_MAX;
use omega_contract::{Sha256Hex, Timestamp};
use omega_proof::chain::{ChainFault, Stretch, Strictness, check_stretch};
use omega_proof::line::{Line, LineFault};

use crate::error::{FaultKind, LedgerError, LedgerFault, file_name};
use crate::tree::{Node, leaf};

const CHUNK_BYTES: u64 = 1024 * 1024;

/// A part of a segment that begins at the start of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) path: PathBuf,
    /// Lines of the segment before `from`.
    pub(crate) lines_before: u64,
    pub(crate) from: u64,
    /// Where it ends: after a newline, or the last line is at fault.
    pub(crate) to: u64,
}

/// What was found of one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Good lines from its start.
    pub(crate) lines: u64,
    /// Good bytes from its start.
    pub(crate) bytes: u64,
    /// The hash of its last good line, or of the one before it all; `None` where there is neither.
    pub(crate) head: Option<Sha256Hex>,
    /// `ts` of its last good line.
    pub(crate) last_ts: Option<Timestamp>,
    /// The first fault.
    pub(crate) fault: Option<LedgerFault>,
}

/// Lines that were found good, in order, for who makes a tree of them.
#[derive(Debug, Default)]
pub(crate) struct GoodLines {
    /// Their leaves.
    pub(crate) leaves: Vec<Node>,
    /// Where each ends, its newline included, counted from `start`.
    pub(crate) ends: Vec<u32>,
    /// Where the first one starts, in the segment.
    pub(crate) start: u64,
}

/// Who takes the good lines, chunk by chunk; without one, no leaf is hashed.
pub(crate) type Taker<'a> = Option<&'a mut dyn FnMut(&GoodLines) -> Result<(), LedgerError>>;

/// What a chunk of a piece holds.
struct ChunkFound {
    good: GoodLines,
    stretch: Option<Stretch>,
    fault: Option<ChainFault>,
}

/// Checks one piece, which continues a chain that ends with `before`. `progress` is told how many of its bytes are done,
/// and of how many more good lines.
pub(crate) fn check_piece(
    piece: &Piece,
    before: Option<Sha256Hex>,
    strictness: Strictness,
    mut taker: Taker<'_>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Checked, LedgerError> {
    let depth = Depth { strictness, leaves: taker.is_some() };
    let chunks = usize::try_from((piece.to - piece.from).div_ceil(CHUNK_BYTES)).unwrap_or(usize::MAX);
    let cores = thread::available_parallelism().map_or(1, NonZero::get).min(chunks);
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    // Who checks waits for who joins: what is found does not pile up.
    let (send, found) = mpsc::sync_channel(cores);
    let mut join = Join::new(piece, before, strictness);
    if chunks == 1 {
        // Not worth a thread.
        let lines = join.take(check_chunk(piece, 0, depth, &mut Vec::new())?, &mut taker)?;
        progress(piece.to - piece.from, lines);
        return Ok(join.checked);
    }
    thread::scope(|scope| {
        for _ in 0..cores {
            let (send, next, stop) = (send.clone(), &next, &stop);
            scope.spawn(move || {
                let mut buffer = Vec::new();
                loop {
                    let chunk = next.fetch_add(1, Ordering::Relaxed);
                    if chunk >= chunks || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let found = check_chunk(piece, chunk as u64, depth, &mut buffer);
                    if send.send((chunk, found)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut early = BTreeMap::new();
        let mut awaited = 0;
        // Dropped at the end of this scope, so that nobody waits to be heard.
        let found = found;
        for (chunk, outcome) in &found {
            early.insert(chunk, outcome);
            while let Some(outcome) = early.remove(&awaited) {
                awaited += 1;
                let taken = outcome.and_then(|found| join.take(found, &mut taker));
                let lines = taken.inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
                let bytes_done = (awaited as u64 * CHUNK_BYTES).min(piece.to - piece.from);
                progress(bytes_done, lines);
                if join.checked.fault.is_some() {
                    stop.store(true, Ordering::Relaxed);
                    return Ok(());
                }
            }
        }
        Ok::<(), LedgerError>(())
    })?;
    Ok(join.checked)
}

/// Puts chunks together in their order.
struct Join<'a> {
    piece: &'a Piece,
    strictness: Strictness,
    checked: Checked,
}

impl<'a> Join<'a> {
    fn new(piece: &'a Piece, before: Option<Sha256Hex>, strictness: Strictness) -> Self {
        let checked = Checked { lines: 0, bytes: 0, head: before, last_ts: None, fault: None };
        Self { piece, strictness, checked }
    }

    /// Gives how many good lines were added.
    fn take(&mut self, found: ChunkFound, taker: &mut Taker<'_>) -> Result<u64, LedgerError> {
        let mut lines = 0;
        if let Some(stretch) = found.stretch {
            if let Err(kind) = self.link(&stretch) {
                self.fault(found.good.start, ChainFault { line: 1, offset: 0, kind });
                return Ok(0);
            }
            if let Some(taker) = taker {
                taker(&found.good)?;
            }
            lines = stretch.lines;
            self.checked.bytes += stretch.bytes;
            self.checked.head = Some(stretch.last_event_hash);
            self.checked.last_ts = Some(stretch.last_ts);
        }
        if let Some(fault) = found.fault {
            self.fault(found.good.start, fault);
        }
        self.checked.lines += lines;
        Ok(lines)
    }

    fn link(&self, stretch: &Stretch) -> Result<(), LineFault> {
        stretch.follows(self.checked.head)?;
        match self.checked.last_ts {
            Some(before) if self.strictness == Strictness::Strict && stretch.first_ts < before => {
                Err(LineFault::TimeRunsBack { stated: stretch.first_ts.to_string(), before: before.to_string() })
            }
            _ => Ok(()),
        }
    }

    fn fault(&mut self, chunk_start: u64, fault: ChainFault) {
        let line = self.piece.lines_before + self.checked.lines + fault.line;
        let offset = chunk_start + fault.offset;
        let file = file_name(&self.piece.path);
        self.checked.fault = Some(LedgerFault { file, line, offset, kind: FaultKind::Line(fault.kind) });
    }
}

/// What is done with each line.
#[derive(Debug, Clone, Copy)]
struct Depth {
    strictness: Strictness,
    leaves: bool,
}

/// Checks the lines that start within one chunk.
fn check_chunk(piece: &Piece, chunk: u64, depth: Depth, buffer: &mut Vec<u8>) -> Result<ChunkFound, LedgerError> {
    let from = piece.from + chunk * CHUNK_BYTES;
    let to = (from + CHUNK_BYTES).min(piece.to);
    let start = read_lines(piece, from, to, buffer).map_err(LedgerError::read(&piece.path))?;
    let read_from = from.saturating_sub(u64::from(chunk > 0));
    let mut good = GoodLines { start: read_from + start as u64, ..GoodLines::default() };
    let lines = buffer.get(start..).unwrap_or_default();
    let (stretch, fault) = if depth.leaves {
        let mut end = 0_u32;
        let keep = |line: &Line<'_>, hash: Sha256Hex| {
            end += u32::try_from(line.length() + 1).unwrap_or_default();
            good.leaves.push(leaf(hash.as_bytes()));
            good.ends.push(end);
        };
        check_stretch(lines, depth.strictness, keep)
    } else {
        check_stretch(lines, depth.strictness, |_, _| ())
    };
    Ok(ChunkFound { good, stretch, fault })
}

/// Reads the lines that start at or after `from` and before `to`; gives where the first one starts in the
/// buffer. A line that ends after `to` is read to its end.
fn read_lines(piece: &Piece, from: u64, to: u64, buffer: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut file = File::open(&piece.path)?;
    buffer.clear();
    // One byte before tells whether a line starts exactly here.
    let read_from = if from > piece.from { from - 1 } else { from };
    file.seek(SeekFrom::Start(read_from))?;
    file.by_ref().take(to - read_from).read_to_end(buffer)?;
    let start = if from > piece.from { memchr::memchr(b'\n', buffer).map(|at| at + 1) } else { Some(0) };
    // No line starts here at all: the one that runs through is its own chunk's to judge.
    let Some(start) = start else {
        buffer.clear();
        return Ok(0);
    };
    let mut at = to;
    while buffer.len() > start && buffer.last() != Some(&b'\n') && at < piece.to {
        let tail = (piece.to - at).min(64 * 1024);
        let had = buffer.len();
        file.by_ref().take(tail).read_to_end(buffer)?;
        if buffer.len() == had {
            break;
        }
        at += (buffer.len() - had) as u64;
        let fresh = buffer.get(had..).unwrap_or_default();
        if let Some(end) = memchr::memchr(b'\n', fresh) {
            buffer.truncate(had + end + 1);
        }
        if at - to > EVENT_LINE_BYTES_MAX as u64 {
            break;
        }
    }
    Ok(start)
}

#[cfg(test)]
mod tests {
    use omega_contract::{EventDraft, EventKind};

    use super::*;
    use crate::encode::DraftLine;
    use crate::sequence::Sequence;

    /// Lines of such lengths that chunk borders fall into, before and after newlines.
    fn chain(bytes_min: usize) -> (Vec<u8>, Vec<u64>) {
        let mut sequence = Sequence::after(0, None, Timestamp::EPOCH, "");
        let (mut bytes, mut starts) = (Vec::new(), Vec::new());
        while bytes.len() < bytes_min {
            let filler = "x".repeat(starts.len() * 7_919 % 90_000);
            let line = DraftLine::new(&EventDraft::system(EventKind::Policy).with("a", filler)).unwrap();
            starts.push(bytes.len() as u64);
            sequence.append(&line, Timestamp::EPOCH, &mut bytes);
        }
        (bytes, starts)
    }

    fn check(bytes: &[u8]) -> Checked {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        std::fs::write(&path, bytes).unwrap();
        let piece = Piece { path, lines_before: 0, from: 0, to: bytes.len() as u64 };
        check_piece(&piece, None, Strictness::Strict, None, |_, _| ()).unwrap()
    }

    #[test]
    fn chunks_join_to_the_whole() {
        let (bytes, starts) = chain(2 * 4 * 1024 * 1024 + 1);
        let checked = check(&bytes);
        assert_eq!(checked.fault, None);
        assert_eq!((checked.lines, checked.bytes), (starts.len() as u64, bytes.len() as u64));
    }

    #[test]
    fn the_first_fault_is_named_wherever_it_is() {
        let (bytes, starts) = chain(2 * 4 * 1024 * 1024 + 1);
        let border = starts.partition_point(|start| *start < CHUNK_BYTES);
        for line in [0, 1, border - 1, border, border + 1, starts.len() - 1] {
            let mut edited = bytes.clone();
            let at = usize::try_from(starts[line]).unwrap() + 90;
            edited[at] ^= 1;
            // A later fault must not be named instead.
            *edited.last_mut().unwrap() = b'x';
            let checked = check(&edited);
            let fault = checked.fault.unwrap();
            assert_eq!((fault.line, fault.offset), (line as u64 + 1, starts[line]), "{fault}");
            assert_eq!((checked.lines, checked.bytes), (line as u64, starts[line]), "{fault}");
        }
    }

    #[test]
    fn a_line_removed_at_a_chunk_border_breaks_the_link() {
        let (bytes, starts) = chain(2 * 4 * 1024 * 1024 + 1);
        let border = starts.partition_point(|start| *start < CHUNK_BYTES);
        for line in [border - 1, border] {
            let (from, to) = (usize::try_from(starts[line]).unwrap(), usize::try_from(starts[line + 1]).unwrap());
            let mut edited = bytes.clone();
            edited.drain(from..to);
            let fault = check(&edited).fault.unwrap();
            assert_eq!((fault.line, fault.offset), (line as u64 + 1, starts[line]), "{fault}");
            assert!(fault.to_string().contains("broken link"), "{fault}");
        }
    }

    #[test]
    fn garbage_without_newlines_is_one_long_line() {
        let (mut bytes, starts) = chain(1024);
        let good = bytes.len() as u64;
        bytes.resize(bytes.len() + 3 * 4 * 1024 * 1024, 0);
        let checked = check(&bytes);
        let fault = checked.fault.unwrap();
        assert_eq!((fault.line, fault.offset), (starts.len() as u64 + 1, good), "{fault}");
        assert_eq!(checked.bytes, good);
    }
}
