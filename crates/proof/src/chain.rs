//! A stretch of the hash chain: each line's form and hash, and the links between them (spec page 3).
//!
//! A hash is checked per line and a link from line to line, so that stretches can be checked in parallel
//! and joined: the first line of a stretch is compared with the last of the one before it.
//!
//! What never happens here: I/O, and going on after the first fault.

use omega_contract::limits::EVENT_LINE_BYTES_MAX;
use omega_contract::{Sha256Hex, Timestamp};

use crate::line::{HashText, Line, LineFault, hash_of_digits, strict_event};

/// How much is checked of each line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Exact form, hash and link.
    Standard,
    /// Also: each line is parsed and written again by the strict JSON reader and an RFC 8785 writer, each
    /// field has the form that the schema asks for, and time does not run back.
    Strict,
}

/// The first fault of a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, byte {offset}: {kind}")]
pub struct ChainFault {
    /// The line, from 1.
    pub line: u64,
    /// Where the line starts, in bytes.
    pub offset: u64,
    /// What is wrong with it.
    pub kind: LineFault,
}

/// What was found of a stretch of whole lines, all of them good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// `prev_hash` of its first line; `None` at the start of a ledger.
    pub first_prev_hash: Option<Sha256Hex>,
    /// The hash of its last line.
    pub last_event_hash: Sha256Hex,
    /// `ts` of its first line.
    pub first_ts: Timestamp,
    /// `ts` of its last line.
    pub last_ts: Timestamp,
    /// How many lines.
    pub lines: u64,
    /// How many bytes, newlines included.
    pub bytes: u64,
}

impl Stretch {
    /// Says whether this stretch is the continuation of a chain that ends with `previous`.
    ///
    /// # Errors
    /// [`LineFault::BrokenLink`], a fault of this stretch's first line.
    pub fn follows(&self, previous: Option<Sha256Hex>) -> Result<(), LineFault> {
        if self.first_prev_hash == previous {
            return Ok(());
        }
        let text = |hash: Option<Sha256Hex>| hash.map(|hash| hash.to_string()).unwrap_or_default();
        Err(LineFault::BrokenLink { stated: text(self.first_prev_hash), expected: text(previous) })
    }
}

/// The last good line of a stretch.
#[derive(Debug)]
struct Last {
    hash: Sha256Hex,
    /// The hash as the next line is to have it.
    digits: HashText,
    ts: Vec<u8>,
}

/// Checks the lines of one stretch, fed one after the other.
#[derive(Debug)]
pub struct StretchCheck {
    strictness: Strictness,
    first: Option<(Option<Sha256Hex>, Timestamp)>,
    last: Option<Last>,
    lines: u64,
    bytes: u64,
}

impl StretchCheck {
    /// Nothing checked yet.
    pub fn new(strictness: Strictness) -> Self {
        Self { strictness, first: None, last: None, lines: 0, bytes: 0 }
    }

    /// Checks one line, without its newline, and gives its fields.
    ///
    /// # Errors
    /// The first [`ChainFault`]; the check is at its end then.
    pub fn line<'a>(&mut self, line: &'a [u8]) -> Result<(Line<'a>, Sha256Hex), ChainFault> {
        match self.advance(line) {
            Ok(good) => {
                self.lines += 1;
                self.bytes += line.len() as u64 + 1;
                Ok(good)
            }
            Err(kind) => Err(self.fault_here(kind)),
        }
    }

    /// Checks all of `bytes`, which are to be whole lines, and gives each to `each`.
    ///
    /// # Errors
    /// As [`StretchCheck::line`], and [`LineFault::MissingNewline`] where the last line is cut off.
    pub fn lines(&mut self, mut bytes: &[u8], mut each: impl FnMut(&Line<'_>, Sha256Hex)) -> Result<(), ChainFault> {
        while !bytes.is_empty() {
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                let cut =
                    if bytes.len() >= EVENT_LINE_BYTES_MAX { LineFault::TooLong } else { LineFault::MissingNewline };
                return Err(self.fault_here(cut));
            };
            let (line, rest) = bytes.split_at(end);
            let (line, hash) = self.line(line)?;
            each(&line, hash);
            bytes = rest.get(1..).unwrap_or_default();
        }
        Ok(())
    }

    /// The hash of the last line, where there was one.
    pub fn last_event_hash(&self) -> Option<Sha256Hex> {
        self.last.as_ref().map(|last| last.hash)
    }

    /// How many lines were good so far.
    pub const fn line_count(&self) -> u64 {
        self.lines
    }

    /// How many bytes were good so far, newlines included.
    pub const fn byte_count(&self) -> u64 {
        self.bytes
    }

    /// What was found; `None` of no lines at all.
    pub fn finish(self) -> Option<Stretch> {
        let (first_prev_hash, first_ts) = self.first?;
        let last = self.last?;
        let last_ts = time(&last.ts);
        let last_event_hash = last.hash;
        Some(Stretch { first_prev_hash, last_event_hash, first_ts, last_ts, lines: self.lines, bytes: self.bytes })
    }

    fn fault_here(&self, kind: LineFault) -> ChainFault {
        ChainFault { line: self.lines + 1, offset: self.bytes, kind }
    }

    fn advance<'a>(&mut self, bytes: &'a [u8]) -> Result<(Line<'a>, Sha256Hex), LineFault> {
        let line = Line::scan(bytes)?;
        let hash = line.hash()?;
        if self.strictness == Strictness::Strict {
            strict_event(bytes)?;
        }
        match &mut self.last {
            None => {
                let ts = time(line.ts_bytes());
                self.first = Some((line.prev_hash().map(hash_of_digits), ts));
                self.last = Some(Last { hash, digits: *line.event_hash(), ts: line.ts_bytes().to_owned() });
            }
            Some(last) => {
                line.links_to(Some(&last.digits))?;
                if self.strictness == Strictness::Strict && line.ts_bytes() < last.ts.as_slice() {
                    let before = String::from_utf8_lossy(&last.ts).into_owned();
                    return Err(LineFault::TimeRunsBack { stated: line.ts().to_owned(), before });
                }
                (last.hash, last.digits) = (hash, *line.event_hash());
                last.ts.clear();
                last.ts.extend_from_slice(line.ts_bytes());
            }
        }
        Ok((line, hash))
    }
}

/// A time as a line has it. That it is one is for the strict check to say.
fn time(text: &[u8]) -> Timestamp {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(Timestamp::EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::tests::{event, line_of};

    fn chain(length: u64) -> Vec<Vec<u8>> {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let mut previous = String::new();
        for at in 0..length {
            let mut event = event([("n".into(), at.to_string())].into());
            event.prev_hash.clone_from(&previous);
            event.ts = Timestamp::from_unix_micros(1_795_173_514_123_456 + i64::try_from(at / 2).unwrap()).to_string();
            let mut line = line_of(&event);
            previous = Line::scan(&line).unwrap().hash().unwrap().to_string();
            line.push(b'\n');
            lines.push(line);
        }
        lines
    }

    fn verdict(lines: &[Vec<u8>], strictness: Strictness) -> Result<Option<Stretch>, ChainFault> {
        let mut check = StretchCheck::new(strictness);
        check.lines(&lines.concat(), |_, _| ())?;
        Ok(check.finish())
    }

    #[test]
    fn takes_a_chain_whole_or_in_stretches() {
        let lines = chain(9);
        let whole = verdict(&lines, Strictness::Strict).unwrap().unwrap();
        assert_eq!((whole.lines, whole.first_prev_hash), (9, None));
        assert_eq!(whole.bytes, lines.concat().len() as u64);
        whole.follows(None).unwrap();
        for cut in 1..9 {
            let (left, right) = lines.split_at(cut);
            let left = verdict(left, Strictness::Standard).unwrap().unwrap();
            let right = verdict(right, Strictness::Standard).unwrap().unwrap();
            right.follows(Some(left.last_event_hash)).unwrap();
            assert!(matches!(right.follows(None), Err(LineFault::BrokenLink { .. })));
            assert_eq!(right.last_event_hash, whole.last_event_hash);
            assert_eq!((left.first_ts, right.last_ts), (whole.first_ts, whole.last_ts));
        }
        assert_eq!(verdict(&[], Strictness::Strict), Ok(None));
    }

    #[test]
    fn names_the_first_fault() {
        let check = |edit: fn(&mut Vec<Vec<u8>>), line: u64, kind: &str| {
            let mut lines = chain(6);
            edit(&mut lines);
            let before = lines.iter().zip(1..line).map(|(bytes, _)| bytes.len() as u64);
            let offset: u64 = before.sum();
            let fault = verdict(&lines, Strictness::Standard).unwrap_err();
            assert_eq!((fault.line, fault.offset), (line, offset), "{fault}");
            assert!(fault.to_string().contains(kind), "{fault}");
        };
        check(|lines| drop(lines.remove(2)), 3, "broken link");
        check(|lines| lines.swap(2, 3), 3, "broken link");
        check(|lines| lines.insert(2, lines[1].clone()), 3, "broken link");
        check(|lines| lines[3][200] ^= 1, 4, "");
        check(|lines| lines[1].insert(0, b'\n'), 2, "bad JSON");
        check(|lines| lines[5].retain(|byte| *byte != b'\n'), 6, "missing newline");
        check(|lines| lines[5].truncate(10), 6, "missing newline");
        check(|lines| lines[5] = vec![0; EVENT_LINE_BYTES_MAX], 6, "line too long");
    }

    #[test]
    fn strict_refuses_time_that_runs_back() {
        let mut first = event(omega_contract::Meta::new());
        first.ts = "2026-11-20T11:18:34.123457Z".into();
        let first = line_of(&first);
        let mut second = event(omega_contract::Meta::new());
        second.prev_hash = Line::scan(&first).unwrap().hash().unwrap().to_string();
        let mut lines = vec![first, line_of(&second)];
        for line in &mut lines {
            line.push(b'\n');
        }
        assert!(verdict(&lines, Strictness::Standard).is_ok());
        let fault = verdict(&lines, Strictness::Strict).unwrap_err();
        assert!(matches!(fault.kind, LineFault::TimeRunsBack { .. }), "{fault}");
    }
}
