//! The lines of an input, one at a time, of any number and with a bound on each.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use omega_gateway::contract::{Sha256Hex, limits};
use sha2::{Digest as _, Sha256};

use crate::fault::Fault;
use crate::input;

/// Bytes that are read from the disk at once.
const READ_BYTES: usize = 256 * 1024;

/// One line that is not empty.
pub(super) struct Line {
    /// From 1, as an editor counts.
    pub(super) number: u64,
    /// None where it is longer than any request may be.
    pub(super) bytes: Option<Vec<u8>>,
}

/// The lines of a file or of standard input.
pub(super) struct Lines {
    path: PathBuf,
    source: Box<dyn BufRead + Send>,
    number: u64,
    skip_to: u64,
    ended: bool,
}

/// The digest of a file, and how many lines it has.
pub(super) fn digest(path: &Path) -> Result<(Sha256Hex, u64), Fault> {
    let fault = |error| Fault::file(path, &error);
    let mut file = File::open(path).map_err(fault)?;
    let (mut digest, mut lines, mut last) = (Sha256::new(), 0_u64, b'\n');
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = file.read(&mut buffer).map_err(fault)?;
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else { break };
        digest.update(read);
        lines += memchr::memchr_iter(b'\n', read).count() as u64;
        last = read.last().copied().unwrap_or(last);
    }
    lines += u64::from(last != b'\n');
    Ok((Sha256Hex::from_bytes(digest.finalize().into()), lines))
}

impl Lines {
    /// Opens an input; lines up to `answered` are passed over.
    pub(super) fn open(path: &Path, answered: u64) -> Result<Self, Fault> {
        let source: Box<dyn BufRead + Send> = if input::is_standard_input(path) {
            Box::new(BufReader::with_capacity(READ_BYTES, io::stdin()))
        } else {
            let file = File::open(path).map_err(|error| Fault::file(path, &error))?;
            Box::new(BufReader::with_capacity(READ_BYTES, file))
        };
        Ok(Self { path: path.to_owned(), source, number: 0, skip_to: answered, ended: false })
    }

    /// The next line as it stands there, without its line break; none at the end.
    fn read(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let bytes_max = limits::REQUEST_BYTES_MAX + 1;
        if self.source.by_ref().take(bytes_max).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        } else if bytes.len() as u64 >= bytes_max {
            self.skip_line()?;
            return Ok(Some(Line { number: self.number, bytes: None }));
        }
        Ok(Some(Line { number: self.number, bytes: Some(bytes) }))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffered = self.source.fill_buf()?;
            if buffered.is_empty() {
                return Ok(());
            }
            let (count, found) = match memchr::memchr(b'\n', buffered) {
                Some(position) => (position + 1, true),
                None => (buffered.len(), false),
            };
            self.source.consume(count);
            if found {
                return Ok(());
            }
        }
    }
}

impl Iterator for Lines {
    type Item = Result<Line, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.read() {
                Ok(Some(line)) => {
                    let blank = line.bytes.as_ref().is_some_and(|bytes| bytes.trim_ascii().is_empty());
                    if line.number > self.skip_to && !blank {
                        return Some(Ok(line));
                    }
                }
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(Fault::file(&self.path, &error)));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8], answered: u64) -> Vec<(u64, Option<Vec<u8>>)> {
        let source = Box::new(io::Cursor::new(text.to_vec()));
        let lines = Lines { path: "-".into(), source, number: 0, skip_to: answered, ended: false };
        lines.map(|line| line.map(|line| (line.number, line.bytes)).unwrap()).collect()
    }

    #[test]
    fn lines_are_numbered_as_an_editor_does() {
        let check = |text: &str, answered: u64, expect: &[(u64, &str)]| {
            let expect: Vec<_> =
                expect.iter().map(|(number, text)| (*number, Some(text.as_bytes().to_vec()))).collect();
            assert_eq!(lines(text.as_bytes(), answered), expect, "{text:?}");
        };
        check("", 0, &[]);
        check("a\nb\n", 0, &[(1, "a"), (2, "b")]);
        check("a\n\n  \nb", 0, &[(1, "a"), (4, "b")]);
        check("a\nb\nc", 2, &[(3, "c")]);
        check("a\nb", 9, &[]);
    }

    #[test]
    fn a_line_longer_than_a_request_is_passed_over_whole() {
        let most = usize::try_from(limits::REQUEST_BYTES_MAX).unwrap();
        let mut text = vec![b'x'; most];
        text.extend_from_slice(b"\nshort\n");
        assert_eq!(
            lines(&text, 0).iter().map(|(_, bytes)| bytes.as_ref().map(Vec::len)).collect::<Vec<_>>(),
            [Some(most), Some(5)]
        );
        text.insert(0, b'x');
        assert_eq!(
            lines(&text, 0).iter().map(|(_, bytes)| bytes.as_ref().map(Vec::len)).collect::<Vec<_>>(),
            [None, Some(5)]
        );
    }
}
