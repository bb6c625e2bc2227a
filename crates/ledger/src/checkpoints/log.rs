//! The lines of `checkpoints.log`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Take};
use std::path::{Path, PathBuf};

use omega_contract::canonical_bytes;
use omega_proof::note::NOTE_BYTES_MAX;
use serde::{Deserialize, Serialize};

use super::LOG_FILE;
use crate::error::{FaultKind, LedgerError, LedgerFault};

/// The most bytes of a line: a note in which every byte is escaped, and the rest.
pub(crate) const LINE_BYTES_MAX: usize = 6 * NOTE_BYTES_MAX + 256;

/// A checkpoint and where the events end that it covers. Its canonical JSON and a newline are a line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckpointLine {
    /// The length that the segment had after the last covered event.
    pub(crate) length: u64,
    /// The signed note.
    pub(crate) note: String,
    /// That segment, by its first event's index.
    pub(crate) segment: u64,
}

impl CheckpointLine {
    /// The line, with its newline.
    ///
    /// # Errors
    /// [`LedgerError::Write`] where a number is beyond what JSON holds.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, LedgerError> {
        let failed = |error: serde_json::Error| LedgerError::write("write", Path::new(LOG_FILE))(error.into());
        let mut bytes = canonical_bytes(self).map_err(failed)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Takes a line, without its newline, in its one form.
    pub(crate) fn decode(line: &[u8]) -> Option<Self> {
        let parsed: Self = serde_json::from_slice(line).ok()?;
        let again = parsed.encode().ok()?;
        (again.strip_suffix(b"\n") == Some(line)).then_some(parsed)
    }
}

/// A fault of the log.
pub(crate) fn log_fault(line: u64, offset: u64, kind: FaultKind) -> LedgerError {
    LedgerFault { file: LOG_FILE.to_owned(), line, offset, kind }.into()
}

/// Reads the lines of the log, oldest first, in constant memory.
pub(crate) struct LogLines {
    path: PathBuf,
    reader: Take<BufReader<File>>,
    number: u64,
    offset: u64,
    line: Vec<u8>,
}

/// One line and where it stands.
#[derive(Debug)]
pub(crate) struct PlacedLine {
    /// From 1.
    pub(crate) number: u64,
    pub(crate) offset: u64,
    pub(crate) line: CheckpointLine,
}

impl LogLines {
    /// The lines of the log's first `bytes`, which end with a line.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] where there is no log; [`LedgerError::Read`].
    pub(crate) fn open(dir: &Path, bytes: u64) -> Result<Self, LedgerError> {
        let path = dir.join(LOG_FILE);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(log_fault(0, 0, FaultKind::CheckpointLogMissing));
            }
            Err(error) => return Err(LedgerError::read(&path)(error)),
        };
        Ok(Self { path, reader: BufReader::new(file).take(bytes), number: 0, offset: 0, line: Vec::new() })
    }

    /// The next line; `None` after the last.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] where it does not have its form.
    pub(crate) fn next(&mut self) -> Result<Option<PlacedLine>, LedgerError> {
        if self.advance()? { self.decoded().map(Some) } else { Ok(None) }
    }

    /// The next line that has `word` in it; `None` after the last. The others are not looked at: a log of a year has
    /// millions, and the few that are wanted are found as fast as the file is read.
    ///
    /// # Errors
    /// As [`LogLines::next`].
    pub(crate) fn next_with(&mut self, word: &memchr::memmem::Finder<'_>) -> Result<Option<PlacedLine>, LedgerError> {
        while self.advance()? {
            if word.find(&self.line).is_some() {
                return self.decoded().map(Some);
            }
        }
        Ok(None)
    }

    /// Reads the next line; false after the last.
    fn advance(&mut self) -> Result<bool, LedgerError> {
        let offset = self.offset + self.line.len() as u64;
        self.line.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        self.reader.by_ref().take(limit).read_until(b'\n', &mut self.line).map_err(LedgerError::read(&self.path))?;
        if self.line.is_empty() {
            return Ok(false);
        }
        (self.number, self.offset) = (self.number + 1, offset);
        Ok(true)
    }

    fn decoded(&self) -> Result<PlacedLine, LedgerError> {
        let line = self.line.strip_suffix(b"\n").and_then(CheckpointLine::decode);
        let line = line.ok_or_else(|| log_fault(self.number, self.offset, FaultKind::CheckpointUnreadable))?;
        Ok(PlacedLine { number: self.number, offset: self.offset, line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_one_form() {
        let line = CheckpointLine { length: 7, note: "a\n\"b\"\n\n— c d\n".into(), segment: 5 };
        let bytes = line.encode().unwrap();
        let body = bytes.strip_suffix(b"\n").unwrap();
        assert_eq!(CheckpointLine::decode(body), Some(line));
        for at in 0..body.len() {
            for bit in 0..8 {
                let mut edited = body.to_vec();
                edited[at] ^= 1 << bit;
                let decoded = CheckpointLine::decode(&edited);
                assert!(decoded.is_none_or(|other| other != CheckpointLine::decode(body).unwrap()), "byte {at}");
            }
        }
        assert_eq!(CheckpointLine::decode(&[body, b" "].concat()), None);
    }
}
