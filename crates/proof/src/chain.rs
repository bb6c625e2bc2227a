//! A stretch of the hash chain: each line's form and hash, and the links between them (spec page 3).
//!
//! A hash is checked per line and a link from line to line, so that stretches can be checked in parallel
//! and joined: the first line of a stretch is compared with the last of the one before it.
//!
//! What never happens here: I/O, and going on after the first fault.

use omega_contract::limits::EVENT_LINE_BYTES_MAX;
use omega_contract::{Sha256Hex, Timestamp};

use crate::blocks::LANES;
use crate::line::{Line, LineFault, hash_of_digits, hashes_after_prefix, strict_event};

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

/// Checks all of `bytes`, which are to be whole lines, and gives each good one to `each`. Gives what was found of the good
/// lines, where there are any, and the first fault, at which the check ends: [`LineFault::MissingNewline`] where the last
/// line is cut off.
pub fn check_stretch(
    mut bytes: &[u8],
    strictness: Strictness,
    mut each: impl FnMut(&Line<'_>, Sha256Hex),
) -> (Option<Stretch>, Option<ChainFault>) {
    let mut check = StretchCheck { strictness, ends: None, lines: 0, bytes: 0 };
    let mut scanned = Vec::with_capacity(LANES);
    let mut outcome = Ok(());
    while outcome.is_ok() && !bytes.is_empty() {
        scanned.clear();
        outcome = scan_some(&mut bytes, &mut scanned);
        let mut rests = [&[][..]; LANES];
        for (rest, line) in rests.iter_mut().zip(&scanned) {
            *rest = line.after_prefix();
        }
        for (line, computed) in scanned.iter().zip(&hashes_after_prefix(&rests)) {
            if let Err(kind) = check.line(line, computed) {
                // It comes before what stopped the scan.
                outcome = Err(kind);
                break;
            }
            each(line, *computed);
        }
    }
    let fault = outcome.err().map(|kind| ChainFault { line: check.lines + 1, offset: check.bytes, kind });
    (check.stretch(), fault)
}

/// The good lines of a stretch, so far.
struct StretchCheck<'a> {
    strictness: Strictness,
    /// The first one and the last one.
    ends: Option<(Line<'a>, Line<'a>)>,
    lines: u64,
    bytes: u64,
}

impl<'a> StretchCheck<'a> {
    /// Takes up one line, whose bytes have the hash `computed`.
    fn line(&mut self, line: &Line<'a>, computed: &Sha256Hex) -> Result<(), LineFault> {
        line.states(*computed)?;
        if self.strictness == Strictness::Strict {
            strict_event(line.bytes())?;
        }
        match &mut self.ends {
            None => self.ends = Some((*line, *line)),
            Some((_, last)) => {
                line.links_to(Some(last.event_hash()))?;
                if self.strictness == Strictness::Strict && line.ts() < last.ts() {
                    return Err(LineFault::TimeRunsBack { stated: line.ts().to_owned(), before: last.ts().to_owned() });
                }
                *last = *line;
            }
        }
        self.lines += 1;
        self.bytes += line.length() as u64 + 1;
        Ok(())
    }

    fn stretch(&self) -> Option<Stretch> {
        let (first, last) = self.ends.as_ref()?;
        Some(Stretch {
            first_prev_hash: first.prev_hash().map(hash_of_digits),
            last_event_hash: hash_of_digits(last.event_hash()),
            first_ts: time(first),
            last_ts: time(last),
            lines: self.lines,
            bytes: self.bytes,
        })
    }
}

/// Takes so many lines as are hashed at once off `bytes`.
fn scan_some<'a>(bytes: &mut &'a [u8], scanned: &mut Vec<Line<'a>>) -> Result<(), LineFault> {
    while !bytes.is_empty() && scanned.len() < LANES {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            return Err(if bytes.len() >= EVENT_LINE_BYTES_MAX {
                LineFault::TooLong
            } else {
                LineFault::MissingNewline
            });
        };
        let (line, rest) = bytes.split_at(end);
        scanned.push(Line::scan(line)?);
        *bytes = rest.get(1..).unwrap_or_default();
    }
    Ok(())
}

/// A time as a line has it. That it is one is for the strict check to say.
fn time(line: &Line<'_>) -> Timestamp {
    line.ts().parse().unwrap_or(Timestamp::EPOCH)
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
        match check_stretch(&lines.concat(), strictness, |_, _| ()) {
            (stretch, None) => Ok(stretch),
            (_, Some(fault)) => Err(fault),
        }
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
        // Lines are scanned some at a time before they are hashed; the first fault is still that of the first line.
        let hash_then_form = |lines: &mut Vec<Vec<u8>>| {
            let at = lines[1].windows(7).position(|bytes| bytes == b"\"n\":\"1\"").unwrap();
            lines[1][at + 5] = b'9';
            lines[2].insert(0, b'\n');
        };
        check(hash_then_form, 2, "hash mismatch");
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
