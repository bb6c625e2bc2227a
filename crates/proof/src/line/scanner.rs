//! Walks over the canonical JSON of an event from left to right, without allocating.
//!
//! What never happens here: a second opinion on what RFC 8785 is. A property test compares each verdict with
//! that of the strict reader and the canonical writer.

use omega_contract::EventKind;

use super::{HashText, LineFault, Part};

/// A place in a text that is to be canonical JSON. Each method takes what it is named after, or takes note of
/// the fault and gives `None`: an error of [`LineFault`]'s size would cost more than the walk.
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// True where every byte of the text is ASCII and neither a control character nor a backslash, so that a string ends
    /// at the next quote and needs no second look.
    plain: bool,
    fault: Option<(usize, &'static str)>,
}

impl<'a> Scanner<'a> {
    /// A walk over `text`, which must be UTF-8: only then is what lies between two quotes UTF-8 as well.
    pub(super) fn new(text: &'a [u8]) -> Result<Self, LineFault> {
        let plain = is_plain(text);
        if !plain {
            std::str::from_utf8(text).map_err(|e| LineFault::NotUtf8 { at: e.valid_up_to() })?;
        }
        Ok(Self { text, at: 0, plain, fault: None })
    }

    /// What was noted as the fault.
    pub(super) fn fault(&self) -> LineFault {
        let (at, expected) = self.fault.unwrap_or((self.at, "an event"));
        LineFault::NotExact { at, expected }
    }

    #[cold]
    fn fail<T>(&mut self, at: usize, expected: &'static str) -> Option<T> {
        self.fault = Some((at, expected));
        None
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// The length is part of the type so that the comparison is a few loads and no call.
    #[inline]
    pub(super) fn literal<const N: usize>(&mut self, expected: &'static [u8; N]) -> Option<()> {
        if self.rest().first_chunk::<N>() == Some(expected) {
            self.at += N;
            Some(())
        } else {
            self.fail(self.at, std::str::from_utf8(expected).unwrap_or("a literal"))
        }
    }

    pub(super) fn end(&mut self) -> Option<()> {
        if self.is_at_end() { Some(()) } else { self.fail(self.at, "the end of the line") }
    }

    /// The body of a string whose opening quote was taken, and takes its closing quote.
    #[inline]
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest();
        let length = if self.plain {
            quote_position(rest)
        } else {
            match canonical_string_length(rest) {
                Ok(length) => length,
                Err((at, expected)) => return self.fail(self.at + at, expected),
            }
        };
        let Some(body) = length.and_then(|length| rest.get(..length)) else {
            return self.fail(self.text.len(), "the end of a string");
        };
        self.at += body.len() + 1;
        Some(body)
    }

    /// As [`Scanner::string`], and gives where it is.
    #[inline]
    pub(super) fn string_part(&mut self) -> Option<Part> {
        let from = self.at;
        let body = self.string()?;
        Some(part(from, from + body.len()))
    }

    /// 64 lower-case hex digits and the closing quote.
    #[inline]
    pub(super) fn hash(&mut self) -> Option<&'a HashText> {
        // Arithmetic without branches over a fixed length: the compiler turns this into vector code.
        let not_hex = |b: u8| u8::from(b.wrapping_sub(b'0') > 9) & u8::from(b.wrapping_sub(b'a') > 5);
        match self.rest().split_first_chunk::<64>() {
            Some((digits, [b'"', ..])) if digits.iter().fold(0, |odd, b| odd | not_hex(*b)) == 0 => {
                self.at += 65;
                Some(digits)
            }
            _ => self.fail(self.at, "64 lower-case hex digits"),
        }
    }

    /// As [`Scanner::hash`], or nothing and the closing quote.
    #[inline]
    #[expect(clippy::option_option, reason = "outer: the text is right; inner: it holds a hash")]
    pub(super) fn hash_or_empty(&mut self) -> Option<Option<&'a HashText>> {
        if self.rest().first() == Some(&b'"') {
            self.at += 1;
            return Some(None);
        }
        self.hash().map(Some)
    }

    pub(super) fn kind(&mut self) -> Option<EventKind> {
        let start = self.at;
        let body = self.string()?;
        match EventKind::ALL.into_iter().find(|kind| kind.as_str().as_bytes() == body) {
            Some(kind) => Some(kind),
            None => self.fail(start, "a kind of event"),
        }
    }

    /// The inside of an object of strings whose brace was taken, and takes its closing brace.
    pub(super) fn meta(&mut self) -> Option<Part> {
        let start = self.at;
        if self.rest().first() == Some(&b'}') {
            self.at += 1;
            return Some(part(start, start));
        }
        let mut before: &[u8] = b"";
        loop {
            let at = self.at;
            let (key, _) = self.entry()?;
            if !(self.plain || key.iter().all(|b| b.is_ascii() && *b != b'\\')) {
                return self.fail(at, "a plain ASCII key of meta");
            }
            // Mostly the first byte decides, which is cheaper than a call.
            if before.first() >= key.first() && before >= key && at != start {
                return self.fail(at, "the keys of meta in order, each once");
            }
            before = key;
            match self.rest().first() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    let inside = part(start, self.at);
                    self.at += 1;
                    return Some(inside);
                }
                _ => return self.fail(self.at, "} or , in meta"),
            }
        }
    }

    #[inline]
    pub(super) fn entry(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        self.literal(b"\"")?;
        let key = self.string()?;
        self.literal(b":\"")?;
        Some((key, self.string()?))
    }
}

/// A line is far shorter than what its numbers can hold; of other text there are no parts.
fn part(from: usize, to: usize) -> Part {
    let at = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Part { from: at(from), to: at(to) }
}

/// Whether every byte of `text` is ASCII and neither a control character nor a backslash.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    // Columns without early exit: the compiler turns them into vector code. The last ones overlap, so that no byte is
    // looked at by itself. As signed numbers, what is not ASCII is below a space as well.
    const COLUMNS: usize = 32;
    let mut odd = [0_u8; COLUMNS];
    let (rows, rest) = text.as_chunks::<COLUMNS>();
    let mut row = |row: &[u8; COLUMNS]| {
        for (odd, byte) in odd.iter_mut().zip(row) {
            *odd |= u8::from(byte.cast_signed() < 0x20) | u8::from(*byte == b'\\');
        }
    };
    rows.iter().for_each(&mut row);
    match text.last_chunk::<COLUMNS>() {
        Some(last) => row(last),
        None => rest.iter().for_each(|byte| row(&[*byte; COLUMNS])),
    }
    odd.iter().fold(0, |any, odd| any | odd) == 0
}

/// Where the first quote is. Most strings are as long as a ULID at most: so many bytes are looked at as numbers before the
/// search for longer ones is called.
#[inline]
fn quote_position(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOOKED_AT: usize = 32;
    let Some(short) = bytes.first_chunk::<LOOKED_AT>() else { return memchr::memchr(b'"', bytes) };
    for (number, word) in short.as_chunks::<8>().0.iter().enumerate() {
        // A byte of `differing` is zero where there is a quote; the lowest one found this way is exact.
        let differing = u64::from_le_bytes(*word) ^ (ONES * u64::from(b'"'));
        let found = differing.wrapping_sub(ONES) & !differing & (ONES << 7);
        if found != 0 {
            return Some(8 * number + found.trailing_zeros() as usize / 8);
        }
    }
    memchr::memchr(b'"', &bytes[LOOKED_AT..]).map(|at| at + LOOKED_AT)
}

/// The length of the string body that `bytes` start with, up to its closing quote, where every escape is the
/// one that RFC 8785 writes; `None` where it does not end.
fn canonical_string_length(bytes: &[u8]) -> Result<Option<usize>, (usize, &'static str)> {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return Ok(Some(at)),
            b'\\' => at += canonical_escape_length(&bytes[at..]).ok_or((at, "a canonical escape"))?,
            0..=0x1f => return Err((at, "no control character")),
            _ => at += 1,
        }
    }
    Ok(None)
}

/// RFC 8785, section 3.2.2.2: two-character escapes where JSON has them, `\u00xx` in lower case for the other
/// control characters, and no other escape at all.
fn canonical_escape_length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r' => Some(2),
        b'u' => {
            let digits = bytes.get(2..6)?;
            let low = match digits.get(3)? {
                digit @ b'0'..=b'9' => digit - b'0',
                digit @ b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            let high = match digits.get(..3)? {
                b"000" => 0,
                b"001" => 0x10,
                _ => return None,
            };
            let has_short_form = matches!(high + low, 0x08 | 0x09 | 0x0a | 0x0c | 0x0d);
            (!has_short_form).then_some(6)
        }
        _ => None,
    }
}
