//! Finds the newest checkpoint, from the end of the log.
//!
//! The log is written and synced first, `checkpoint` is replaced after that. So a crash leaves one of these:
//! 1. the log's last line is the published one: nothing was under way;
//! 2. there is a torn last line behind the published one: nobody saw it, and the next start cuts it off;
//! 3. there is a whole line behind the published one: it was durable, what it covers is too, and the next start
//!    publishes it.
//!
//! Anything else was not left by a crash and is refused.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use omega_proof::checkpoint::{LOG_KEY_EXTENSION, SignedCheckpoint};
use omega_proof::note::VerifierKey;

use super::log::{CheckpointLine, LINE_BYTES_MAX, PlacedLine, log_fault};
use super::{CHECKPOINT_FILE, LOG_FILE};
use crate::error::{FaultKind, LedgerError, LedgerFault};
use crate::segment::line_holding;

/// The newest checkpoint as the files have it.
#[derive(Debug, Clone)]
pub(crate) struct Newest {
    pub(crate) signed: SignedCheckpoint,
    /// Where the covered events end, as the log hints.
    pub(crate) segment: u64,
    pub(crate) length: u64,
    /// Where its line starts in the log.
    pub(crate) offset: u64,
    /// The log's length without a torn line.
    pub(crate) log_bytes: u64,
    /// Whether `checkpoint` is it already.
    pub(crate) is_published: bool,
}

/// One line of the log's end.
struct Tail {
    offset: u64,
    body: Vec<u8>,
}

/// Whether the ledger in `dir` has, or had, a checkpoint of any event.
pub(crate) fn has_checkpoints(dir: &Path) -> Result<bool, LedgerError> {
    let published = read_published(dir)?;
    let (lines, _) = read_end(dir)?.unwrap_or_default();
    let notes = lines.iter().filter_map(|line| CheckpointLine::decode(&line.body)).map(|line| line.note);
    let sizes = notes.chain(published).map(|note| {
        let checkpoint = omega_proof::checkpoint::unverified_checkpoint(note.as_bytes());
        checkpoint.map_or(u64::MAX, |checkpoint| checkpoint.head.size)
    });
    Ok(sizes.max().unwrap_or(0) > 0)
}

/// The newest checkpoint of the ledger in `dir`, signed by `key`.
///
/// # Errors
/// [`LedgerError::Corrupt`] where the files contradict each other or the signature is not right;
/// [`LedgerError::LogKey`] where the log was handed over to another key.
pub(crate) fn find_newest(dir: &Path, key: &VerifierKey) -> Result<Newest, LedgerError> {
    let Located { published, behind, log_bytes } = locate(dir)?;
    let mut log_bytes = log_bytes;
    if let Some(behind) = behind {
        match verified(dir, &behind, key, false, log_bytes) {
            Ok(newest) => return Ok(newest),
            // Its pages did not all reach the disk: as torn as one without its end.
            Err(_) => log_bytes = behind.offset,
        }
    }
    verified(dir, &published, key, true, log_bytes)
}

/// The end of the log.
struct Located {
    /// The line of the checkpoint that is published.
    published: Tail,
    /// What came behind it.
    behind: Option<Tail>,
    /// The log's length without a torn line.
    log_bytes: u64,
}

/// Where the line of the published checkpoint ends in the log: what came behind it, nobody was handed.
///
/// # Errors
/// As [`find_newest`], signatures apart.
pub(crate) fn published_end(dir: &Path) -> Result<u64, LedgerError> {
    Ok(find_published(dir)?.1)
}

/// The line of the published checkpoint, its number left open, and where it ends.
///
/// # Errors
/// As [`published_end`].
pub(crate) fn find_published(dir: &Path) -> Result<(PlacedLine, u64), LedgerError> {
    /// A writer may go on between a look at one file and at the other.
    const LOOKS: usize = 8;
    let mut look = locate(dir);
    for _ in 1..LOOKS {
        if look.is_ok() {
            break;
        }
        look = locate(dir);
    }
    let Tail { offset, body } = look?.published;
    let line = CheckpointLine::decode(&body).ok_or_else(|| at_line(dir, offset, FaultKind::CheckpointUnreadable))?;
    Ok((PlacedLine { number: 0, offset, line }, offset + body.len() as u64 + 1))
}

fn locate(dir: &Path) -> Result<Located, LedgerError> {
    let missing = || LedgerFault::of_file(CHECKPOINT_FILE, FaultKind::CheckpointMissing);
    let published = read_published(dir)?;
    let Some((mut lines, log_bytes)) = read_end(dir)? else {
        return Err(log_fault(0, 0, FaultKind::CheckpointLogMissing));
    };
    let published = published.ok_or_else(missing)?;
    let is_published = |line: &Tail| CheckpointLine::decode(&line.body).is_some_and(|line| line.note == published);
    let Some(at) = lines.iter().rposition(is_published) else {
        let last = lines.last().filter(|last| CheckpointLine::decode(&last.body).is_none());
        return Err(match last {
            // Where the published one is whole and the log's last line is not, it is the log that was changed.
            Some(last) => at_line(dir, last.offset, FaultKind::CheckpointUnreadable),
            None => LedgerFault::of_file(CHECKPOINT_FILE, FaultKind::CheckpointNotNewest).into(),
        });
    };
    if lines.len() - at > 2 {
        return Err(LedgerFault::of_file(CHECKPOINT_FILE, FaultKind::CheckpointNotNewest).into());
    }
    let behind = if at + 1 < lines.len() { lines.pop() } else { None };
    let published = lines.pop().ok_or_else(missing)?;
    Ok(Located { published, behind, log_bytes })
}

fn verified(
    dir: &Path,
    line: &Tail,
    key: &VerifierKey,
    is_published: bool,
    log_bytes: u64,
) -> Result<Newest, LedgerError> {
    let Some(CheckpointLine { length, note, segment }) = CheckpointLine::decode(&line.body) else {
        return Err(at_line(dir, line.offset, FaultKind::CheckpointUnreadable));
    };
    let signed = SignedCheckpoint::verified(note.as_bytes(), key)
        .map_err(|fault| at_line(dir, line.offset, FaultKind::CheckpointFault(fault)))?;
    let prefix = format!("{LOG_KEY_EXTENSION} ");
    let handed_to = signed.checkpoint().extensions().iter().filter_map(|line| line.strip_prefix(&prefix)).next_back();
    if let Some(next) = handed_to.filter(|next| *next != key.to_string()) {
        return Err(LedgerError::LogKey { next: next.to_owned() });
    }
    Ok(Newest { signed, segment, length, offset: line.offset, log_bytes, is_published })
}

/// A fault of the log's line that starts at `offset`.
pub(crate) fn at_line(dir: &Path, offset: u64, kind: FaultKind) -> LedgerError {
    let number = line_holding(&dir.join(LOG_FILE), offset).map_or(0, |(number, _)| number);
    log_fault(number, offset, kind)
}

fn read_published(dir: &Path) -> Result<Option<String>, LedgerError> {
    let path = dir.join(CHECKPOINT_FILE);
    let mut bytes = Vec::new();
    match File::open(&path).and_then(|file| file.take(LINE_BYTES_MAX as u64).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LedgerError::read(&path)(error)),
    }
}

/// The last whole lines of the log, and its length without what follows them; `None` where there is no log.
fn read_end(dir: &Path) -> Result<Option<(Vec<Tail>, u64)>, LedgerError> {
    /// The one that was published last, one that was not, and one more, so that an older one is told from none.
    const LINES: usize = 3;
    let path = dir.join(LOG_FILE);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LedgerError::read(&path)(error)),
    };
    let bytes = file.metadata().map_err(LedgerError::read(&path))?.len();
    let mut want = 16 * 1024;
    loop {
        let from = bytes.saturating_sub(want);
        let mut end = Vec::new();
        file.seek(SeekFrom::Start(from)).map_err(LedgerError::read(&path))?;
        file.by_ref().take(bytes - from).read_to_end(&mut end).map_err(LedgerError::read(&path))?;
        let newlines: Vec<usize> = memchr::memchr_iter(b'\n', &end).collect();
        if newlines.len() > LINES || from == 0 || want > (LINES as u64 + 1) * LINE_BYTES_MAX as u64 {
            let mut lines = Vec::new();
            let skipped = newlines.len().saturating_sub(LINES);
            let mut start = if skipped > 0 { newlines[skipped - 1] + 1 } else { 0 };
            for newline in &newlines[skipped..] {
                lines.push(Tail { offset: from + start as u64, body: end[start..*newline].to_vec() });
                start = newline + 1;
            }
            return Ok(Some((lines, newlines.last().map_or(from, |last| from + *last as u64 + 1))));
        }
        want *= 8;
    }
}
