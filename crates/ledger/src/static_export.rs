//! Writes a ledger as a static folder that any web server can serve (C2SP tlog-tiles) and anybody can check alone.
//!
//! ```text
//! checkpoint              the newest checkpoint; written last, so that nobody sees it before what it covers
//! tile/<L>/<N>[.p/<W>]    the tree
//! tile/entries/<N>[.p/W]  the entries of its leaves: the events' hashes
//! <index>.ndjson          the events
//! checkpoints.log         every checkpoint, and the hand-overs of the key
//! log.vkey                the key, for convenience: who checks brings their own
//! ```
//!
//! What never happens here: an event above the checkpoint, and a write into the ledger.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use omega_proof::note::VerifierKey;
use omega_proof::tree::TreeHead;

use crate::beginning::Beginning;
use crate::checkpoints::{CHECKPOINT_FILE, LOG_FILE, find_published};
use crate::error::{FaultKind, LedgerError, LedgerFault, file_name};
use crate::mark::Mark;
use crate::proving::newest_checkpoint;
use crate::segment::{LineReader, Spot, list_segments, segment_path};
use crate::tree::{ENTRY_BYTES, EventHashes, TILE_HASHES, bundled, entries_path, level_counts, read_nodes, tile_path};

/// The key, as text.
const VKEY_FILE: &str = "log.vkey";

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaticExport {
    /// The tree that the folder has.
    pub head: TreeHead,
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Writes what the newest checkpoint of the ledger in `dir` covers into the new or empty folder `to`. A writer may go on
/// beside it. `trusted` is a key of the log. Check what was written with [`import_verify`](crate::import_verify).
///
/// # Errors
/// [`LedgerError::Corrupt`] where the checkpoint is not signed or the files do not reach it; [`LedgerError::Read`];
/// [`LedgerError::Write`], also where `to` holds anything; [`LedgerError::Archived`] of a ledger whose beginning is elsewhere.
pub fn export_static(dir: &Path, trusted: &VerifierKey, to: &Path) -> Result<StaticExport, LedgerError> {
    std::fs::create_dir_all(to).map_err(LedgerError::write("create", to))?;
    if std::fs::read_dir(to).map_err(LedgerError::read(to))?.next().is_some() {
        return Err(LedgerError::write("write into", to)(std::io::ErrorKind::AlreadyExists.into()));
    }
    let begin = Beginning::read(dir)?;
    if begin != Beginning::WHOLE {
        return Err(LedgerError::Archived { first_index: begin.first_index });
    }
    let (placed, log_bytes) = find_published(dir)?;
    let signed = newest_checkpoint(dir, trusted)?;
    if signed.as_str() != placed.line.note {
        // Another one was published between the two looks: what it covers is there, but not known here.
        return export_static(dir, trusted, to);
    }
    let end = end_of(dir, placed.line.segment, placed.line.length, signed.head().size)?;
    let mut writer = Writer { to: to.to_owned(), files: 0, bytes: 0 };
    for segment in list_segments(dir)?.into_iter().filter(|segment| segment.first_index <= end.segment) {
        let length = if segment.first_index == end.segment { end.length } else { segment.bytes };
        writer.copy(&segment.path, &file_name(&segment.path), length)?;
    }
    for (level, count) in level_counts(end.next_index) {
        for number in 0..count.div_ceil(TILE_HASHES) {
            let first = number * TILE_HASHES;
            let width = (count - first).min(TILE_HASHES);
            let nodes = read_nodes(dir, level, first, usize::try_from(width).unwrap_or_default())?;
            writer.write(&tile_path(level, number, width), &nodes.concat())?;
        }
    }
    writer.entries(dir, &end)?;
    writer.copy(&dir.join(LOG_FILE), LOG_FILE, log_bytes)?;
    writer.write(VKEY_FILE, format!("{trusted}\n").as_bytes())?;
    writer.write(CHECKPOINT_FILE, signed.as_bytes())?;
    Ok(StaticExport { head: *signed.head(), files: writer.files, bytes: writer.bytes })
}

/// Where the covered events end, with the last one's hash.
fn end_of(dir: &Path, segment: u64, length: u64, next_index: u64) -> Result<Mark, LedgerError> {
    let end = Mark { segment, length, next_index, open_from: 0, head: None };
    if next_index == 0 {
        return Ok(end);
    }
    let path = segment_path(dir, segment);
    let mut reader = LineReader::open(&path)?;
    let line = reader.line_before(length).map_err(LedgerError::read(&path))?;
    let hash = line.and_then(|(_, line)| omega_proof::line::Line::scan(line).and_then(|line| line.hash()).ok());
    let missing = || {
        let kind = FaultKind::CheckpointPlace { size: next_index, segment, length };
        LedgerFault { file: file_name(&path), line: 0, offset: length, kind }
    };
    Ok(Mark { head: Some(hash.ok_or_else(missing)?), ..end })
}

/// Writes files and counts them.
struct Writer {
    to: PathBuf,
    files: u64,
    bytes: u64,
}

impl Writer {
    fn create(&mut self, name: &str) -> Result<(PathBuf, File), LedgerError> {
        let path = self.to.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(LedgerError::write("create", folder))?;
        }
        let file = File::create_new(&path).map_err(LedgerError::write("create", &path))?;
        self.files += 1;
        Ok((path, file))
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), LedgerError> {
        let (path, mut file) = self.create(name)?;
        self.bytes += bytes.len() as u64;
        file.write_all(bytes).map_err(LedgerError::write("write", &path))
    }

    fn copy(&mut self, from: &Path, name: &str, length: u64) -> Result<(), LedgerError> {
        let (path, mut file) = self.create(name)?;
        let mut source = File::open(from).map_err(LedgerError::read(from))?;
        source.seek(SeekFrom::Start(0)).map_err(LedgerError::read(from))?;
        let copied = std::io::copy(&mut source.take(length), &mut file).map_err(LedgerError::write("write", &path))?;
        self.bytes += copied;
        if copied == length { Ok(()) } else { Err(LedgerError::read(from)(std::io::ErrorKind::UnexpectedEof.into())) }
    }

    /// The bundles of entries, read from the segments.
    fn entries(&mut self, dir: &Path, end: &Mark) -> Result<(), LedgerError> {
        let bundle_bytes = usize::try_from(TILE_HASHES).unwrap_or_default() * ENTRY_BYTES;
        let (mut bundle, mut number) = (Vec::with_capacity(bundle_bytes), 0);
        EventHashes::from(dir, Spot::START, None).read_to(end, |some| {
            for entry in some {
                bundle.extend_from_slice(&bundled(entry));
                if bundle.len() == bundle_bytes {
                    self.write(&entries_path(number, TILE_HASHES), &bundle)?;
                    number += 1;
                    bundle.clear();
                }
            }
            Ok(())
        })?;
        if bundle.is_empty() {
            return Ok(());
        }
        self.write(&entries_path(number, (bundle.len() / ENTRY_BYTES) as u64), &bundle)
    }
}
