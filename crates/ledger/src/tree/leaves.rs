//! Reads event hashes back from the segments, for the tree: durable lines only.
//!
//! Each line starts with its hash, so that finding the newlines is all the reading there is. Lines are not hashed again
//! here: `verify` does that. What is told apart wrongly shows at the mark, whose count and hash must be met.
//!
//! Of what was written a moment ago, the writer hands over the hashes it has in memory; everything else, and whatever
//! did not fit there, is read here.
//!
//! What never happens here: a look at a byte behind the mark.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use omega_contract::Sha256Hex;
use omega_contract::limits::EVENT_LINE_BYTES_MAX;
use omega_proof::line::{LINE_PREFIX_BYTES, LineFault, checked_hash_of_digits};

use super::hashing::Node;
use crate::error::{FaultKind, LedgerError, LedgerFault};
use crate::mark::Mark;
use crate::segment::{Spot, segment_name, segment_path};

const BLOCK_BYTES: usize = 512 * 1024;
const BEFORE_HASH: &[u8] = b"{\"event_hash\":\"";

/// The hashes from a place on.
pub(crate) struct EventHashes {
    dir: PathBuf,
    at: Spot,
    last: Option<Node>,
    file: Option<File>,
    /// Bytes that were read behind `at` and not taken yet.
    buffer: Vec<u8>,
}

impl EventHashes {
    /// Begins at `at`, after the event with hash `last`.
    pub(crate) fn from(dir: &Path, at: Spot, last: Option<Sha256Hex>) -> Self {
        let last = last.map(|hash| *hash.as_bytes());
        Self { dir: dir.to_owned(), at, last, file: None, buffer: Vec::new() }
    }

    /// The place after the last hash that was given.
    pub(crate) const fn at(&self) -> Spot {
        self.at
    }

    /// The last hash that was given.
    pub(crate) fn last(&self) -> Option<Sha256Hex> {
        self.last.map(Sha256Hex::from_bytes)
    }

    /// Goes on at `mark`: all below it was taken from elsewhere, the last of it with hash `last`.
    ///
    /// # Errors
    /// Another event at the mark than that one.
    pub(crate) fn skip_to(&mut self, mark: &Mark, last: Option<Sha256Hex>) -> Result<(), LedgerError> {
        self.at = Spot { index: mark.next_index, segment: mark.segment, offset: mark.length };
        self.last = last.map(|hash| *hash.as_bytes());
        self.file = None;
        self.buffer.clear();
        match (last, mark.head) {
            (Some(found), Some(synced)) if found != synced => {
                let kind = FaultKind::OtherHead { synced, found };
                Err(LedgerFault { file: segment_name(mark.segment), line: 0, offset: mark.length, kind }.into())
            }
            _ => Ok(()),
        }
    }

    /// Gives every hash up to `mark`, some thousand at a time.
    ///
    /// # Errors
    /// What `some` gives; what cannot be read; a line that is none, or another event at the mark than the one there.
    pub(crate) fn read_to(
        &mut self,
        mark: &Mark,
        mut some: impl FnMut(&[Node]) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let mut hashes = Vec::with_capacity(1024);
        while self.at.index < mark.next_index {
            if self.at.segment != mark.segment && self.is_at_end(mark)? {
                self.at = Spot { segment: self.at.index, offset: 0, ..self.at };
                self.file = None;
                self.buffer.clear();
            }
            hashes.clear();
            self.read_some(mark, &mut hashes)?;
            some(&hashes)?;
        }
        let found = self.last();
        // A mark may stand at the start of a segment that has nothing yet.
        let is_place = self.at.segment != mark.segment || self.at.offset == mark.length;
        if self.at.index == mark.next_index && is_place && found == mark.head {
            return Ok(());
        }
        let kind = match (found, mark.head) {
            (Some(found), Some(synced)) if self.at.index == mark.next_index && found != synced => {
                FaultKind::OtherHead { synced, found }
            }
            _ => FaultKind::OtherCount { synced: mark.next_index, found: self.at.index },
        };
        let file = segment_name(self.at.segment);
        Err(LedgerFault { file, line: self.at.index - self.at.segment, offset: self.at.offset, kind }.into())
    }

    fn path(&self) -> PathBuf {
        segment_path(&self.dir, self.at.segment)
    }

    /// Whether the segment, which is not the mark's, was read to its end.
    fn is_at_end(&mut self, mark: &Mark) -> Result<bool, LedgerError> {
        self.fill(mark)?;
        Ok(self.buffer.is_empty())
    }

    /// Reads another block where there is one below the mark.
    fn fill(&mut self, mark: &Mark) -> Result<(), LedgerError> {
        let path = self.path();
        let read_to = self.at.offset + self.buffer.len() as u64;
        let limit = if self.at.segment == mark.segment { mark.length.saturating_sub(read_to) } else { u64::MAX };
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(File::open(&path).map_err(LedgerError::read(&path))?),
        };
        file.seek(SeekFrom::Start(read_to)).map_err(LedgerError::read(&path))?;
        let block = (BLOCK_BYTES as u64).min(limit);
        file.take(block).read_to_end(&mut self.buffer).map_err(LedgerError::read(&path))?;
        Ok(())
    }

    fn read_some(&mut self, mark: &Mark, hashes: &mut Vec<Node>) -> Result<(), LedgerError> {
        let had = self.buffer.len();
        self.fill(mark)?;
        let mut done = 0;
        while self.at.index < mark.next_index
            && let Some(end) = memchr::memchr(b'\n', self.buffer.get(done..).unwrap_or_default())
        {
            let line = self.buffer.get(done..done + end).unwrap_or_default();
            let hash = hash_of_line(line)
                .ok_or_else(|| self.fault(LineFault::NotExact { at: 0, expected: "an event_hash" }))?;
            hashes.push(hash);
            self.last = Some(hash);
            self.at = Spot { index: self.at.index + 1, offset: self.at.offset + end as u64 + 1, ..self.at };
            done += end + 1;
        }
        self.buffer.drain(..done);
        if done > 0 || (self.buffer.len() > had && had < EVENT_LINE_BYTES_MAX) {
            return Ok(());
        }
        // No line ended in all that was read: the bytes below the mark are not the ones that were synced.
        let kind = match had {
            0 => FaultKind::OtherCount { synced: mark.next_index, found: self.at.index },
            EVENT_LINE_BYTES_MAX.. => LineFault::TooLong.into(),
            _ => LineFault::MissingNewline.into(),
        };
        Err(LedgerFault { kind, ..self.fault(LineFault::MissingNewline) }.into())
    }

    fn fault(&self, kind: LineFault) -> LedgerFault {
        let Spot { index, segment, offset } = self.at;
        LedgerFault { file: segment_name(segment), line: index - segment + 1, offset, kind: FaultKind::Line(kind) }
    }
}

/// The hash that a line states.
fn hash_of_line(line: &[u8]) -> Option<Node> {
    let digits = line.strip_prefix(BEFORE_HASH)?.first_chunk::<64>().filter(|_| line.len() > LINE_PREFIX_BYTES)?;
    checked_hash_of_digits(digits).map(|hash| *hash.as_bytes())
}
