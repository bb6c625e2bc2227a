//! Segment files: their names, their order, and reading lines back.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use omega_contract::limits::EVENT_LINE_BYTES_MAX;

use crate::beginning::Beginning;
use crate::error::LedgerError;

const EXTENSION: &str = "ndjson";
const NAME_DIGITS: usize = 20;
/// Most lines fit a first read of this many bytes.
const LINE_READ_BYTES: usize = 2 * 1024;

/// One segment as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The index of its first event, after which it is named.
    pub(crate) first_index: u64,
    /// Its length when it was looked at.
    pub(crate) bytes: u64,
    pub(crate) path: PathBuf,
}

/// Where a line starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) index: u64,
    /// The segment, by its first event's index.
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

impl Spot {
    pub(crate) const START: Self = Self { index: 0, segment: 0, offset: 0 };
}

/// The file name of the segment whose first event has this index.
pub(crate) fn segment_name(first_index: u64) -> String {
    format!("{first_index:0NAME_DIGITS$}.{EXTENSION}")
}

pub(crate) fn segment_path(dir: &Path, first_index: u64) -> PathBuf {
    dir.join(segment_name(first_index))
}

fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(EXTENSION)?.strip_suffix('.')?;
    let plain = digits.len() == NAME_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

/// The segments in `dir`, oldest first. Files of other names are not the ledger's.
pub(crate) fn list_segments(dir: &Path) -> Result<Vec<Segment>, LedgerError> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(LedgerError::read(dir))? {
        let entry = entry.map_err(LedgerError::read(dir))?;
        let Some(first_index) = entry.file_name().to_str().and_then(parse_name) else { continue };
        let bytes = entry.metadata().map_err(LedgerError::read(&entry.path()))?.len();
        segments.push(Segment { first_index, bytes, path: entry.path() });
    }
    // What an archive has is not looked at, whether it is here still or not.
    let begin = Beginning::read(dir)?;
    segments.retain(|segment| segment.first_index >= begin.first_index);
    segments.sort_by_key(|segment| segment.first_index);
    // A writer may have gone on to a new segment while the folder was read: all but the last are at their final
    // length by now.
    if let Some((_, sealed)) = segments.split_last_mut() {
        for segment in sealed {
            segment.bytes = std::fs::metadata(&segment.path).map_err(LedgerError::read(&segment.path))?.len();
        }
    }
    Ok(segments)
}

/// The segments in `dir` that begin before `first_index`, as an archive leaves them.
pub(crate) fn segments_before(dir: &Path, first_index: u64) -> Result<Vec<u64>, LedgerError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(LedgerError::read(dir))? {
        let entry = entry.map_err(LedgerError::read(dir))?;
        found.extend(entry.file_name().to_str().and_then(parse_name).filter(|index| *index < first_index));
    }
    Ok(found)
}

/// The number, from 1, and the start of the line that holds the byte at `offset`. Reads the file up to there.
pub(crate) fn line_holding(path: &Path, offset: u64) -> io::Result<(u64, u64)> {
    let mut file = File::open(path)?.take(offset);
    let (mut line, mut start, mut at) = (1, 0, 0);
    let mut block = vec![0; 64 * 1024];
    loop {
        let got = file.read(&mut block)?;
        if got == 0 {
            return Ok((line, start));
        }
        for newline in memchr::memchr_iter(b'\n', block.get(..got).unwrap_or_default()) {
            line += 1;
            start = at + newline as u64 + 1;
        }
        at += got as u64;
    }
}

/// Reads single lines of one segment.
pub(crate) struct LineReader {
    file: File,
    buffer: Vec<u8>,
}

impl LineReader {
    pub(crate) fn open(path: &Path) -> Result<Self, LedgerError> {
        let file = File::open(path).map_err(LedgerError::read(path))?;
        Ok(Self { file, buffer: Vec::new() })
    }

    /// The line that starts at `offset`, without its newline; `None` where it does not end within the longest
    /// line's length.
    pub(crate) fn line_at(&mut self, offset: u64) -> io::Result<Option<&[u8]>> {
        let mut want = LINE_READ_BYTES;
        loop {
            self.fill(offset, want)?;
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                return Ok(self.buffer.get(..end));
            }
            if self.buffer.len() < want || want >= EVENT_LINE_BYTES_MAX {
                return Ok(None);
            }
            want = (want * 8).min(EVENT_LINE_BYTES_MAX);
        }
    }

    /// The line that ends, newline included, at `end`, and where it starts. `None` where no line ends there.
    pub(crate) fn line_before(&mut self, end: u64) -> io::Result<Option<(u64, &[u8])>> {
        let mut want = LINE_READ_BYTES as u64;
        loop {
            let from = end.saturating_sub(want);
            self.fill(from, usize::try_from(end - from).unwrap_or(usize::MAX))?;
            if self.buffer.len() as u64 != end - from || self.buffer.last() != Some(&b'\n') {
                return Ok(None);
            }
            let body = self.buffer.len() - 1;
            let newline = memchr::memrchr(b'\n', &self.buffer[..body]);
            if newline.is_some() || from == 0 {
                let start = newline.map_or(0, |at| at + 1);
                return Ok(Some((from + start as u64, &self.buffer[start..body])));
            }
            if want > EVENT_LINE_BYTES_MAX as u64 {
                return Ok(None);
            }
            want *= 8;
        }
    }

    fn fill(&mut self, from: u64, want: usize) -> io::Result<()> {
        self.buffer.clear();
        self.file.seek(SeekFrom::Start(from))?;
        self.file.by_ref().take(want as u64).read_to_end(&mut self.buffer)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        let check = |name: &str, expect: Option<u64>| assert_eq!(parse_name(name), expect, "{name}");
        check("00000000000000000000.ndjson", Some(0));
        check("18446744073709551615.ndjson", Some(u64::MAX));
        check("18446744073709551616.ndjson", None);
        check("0.ndjson", None);
        check("0000000000000000000+.ndjson", None);
        check("00000000000000000000.ndjson.gz", None);
        check("00000000000000000000", None);
        assert_eq!(parse_name(&segment_name(77)), Some(77));
    }

    #[test]
    fn reads_lines_of_every_length_from_both_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let lines: Vec<String> =
            [0, 1, LINE_READ_BYTES - 1, LINE_READ_BYTES, 9 * LINE_READ_BYTES, EVENT_LINE_BYTES_MAX - 1, 5]
                .map(|length| "x".repeat(length) + "\n")
                .into();
        std::fs::write(&path, lines.concat() + "cut").unwrap();
        let mut reader = LineReader::open(&path).unwrap();
        let mut offset = 0;
        for line in &lines {
            let (body, end) = (line.trim_end().as_bytes(), offset + line.len() as u64);
            assert_eq!(reader.line_at(offset).unwrap(), Some(body));
            assert_eq!(reader.line_before(end).unwrap(), Some((offset, body)));
            let number = lines.iter().position(|known| known == line).unwrap() as u64 + 1;
            assert_eq!(line_holding(&path, offset).unwrap(), (number, offset));
            assert_eq!(line_holding(&path, end - 1).unwrap(), (number, offset));
            offset = end;
        }
        assert_eq!(reader.line_at(offset).unwrap(), None);
        assert_eq!(reader.line_before(offset + 3).unwrap(), None);
        assert_eq!(reader.line_before(offset + 4).unwrap(), None);
    }
}
