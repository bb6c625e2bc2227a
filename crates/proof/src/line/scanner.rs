//! Walks over the canonical JSON of an event from left to right, without allocating.
//!
//! What never happens here: a second opinion on what RFC 8785 is. A property test compares each verdict with
//! that of the strict reader and the canonical writer.

use omega_contract::EventKind;

use super::{HASH_AT, HASH_END, LineFault, RawMeta};

/// A place in a text that is to be canonical JSON.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// True where no byte of the text is a control character or a backslash, so that a string ends at the
    /// next quote and needs no second look.
    plain: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        // No early exit: the compiler turns this into vector code.
        let odd = text.bytes().fold(0_u8, |odd, byte| odd | u8::from(byte < 0x20) | u8::from(byte == b'\\'));
        Self { text, at: 0, plain: odd == 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn literal(&mut self, expected: &'static str) -> Result<(), LineFault> {
        if self.rest().as_bytes().starts_with(expected.as_bytes()) {
            self.at += expected.len();
            Ok(())
        } else {
            Err(LineFault::NotExact { at: self.at, expected })
        }
    }

    pub(super) fn end(&self) -> Result<(), LineFault> {
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(LineFault::NotExact { at: self.at, expected: "the end of the line" })
        }
    }

    /// The body of a string whose opening quote was taken, and takes its closing quote.
    pub(super) fn string(&mut self) -> Result<&'a str, LineFault> {
        const UNCLOSED: &str = "the end of a string";
        let rest = self.rest();
        let length = if self.plain {
            memchr::memchr(b'"', rest.as_bytes())
        } else {
            canonical_string_length(rest.as_bytes())
                .map_err(|(at, expected)| LineFault::NotExact { at: self.at + at, expected })?
        };
        let body = length.and_then(|length| rest.get(..length));
        let body = body.ok_or(LineFault::NotExact { at: self.text.len(), expected: UNCLOSED })?;
        self.at += body.len() + 1;
        Ok(body)
    }

    /// 64 bytes and the closing quote; that they are the right digits is found when they are compared.
    pub(super) fn hash(&mut self) -> Result<&'a str, LineFault> {
        const EXPECTED: &str = "64 hex digits";
        let start = self.at;
        let body = self.string()?;
        if body.len() == HASH_END - HASH_AT {
            Ok(body)
        } else {
            Err(LineFault::NotExact { at: start, expected: EXPECTED })
        }
    }

    pub(super) fn hash_or_empty(&mut self) -> Result<&'a str, LineFault> {
        if self.rest().starts_with('"') {
            self.at += 1;
            return Ok("");
        }
        let start = self.at;
        let body = self.hash()?;
        let digit = |odd: u8, b: u8| odd | u8::from(!(b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        if body.bytes().fold(0, digit) == 0 {
            Ok(body)
        } else {
            Err(LineFault::NotExact { at: start, expected: "64 lower-case hex digits or nothing" })
        }
    }

    pub(super) fn kind(&mut self) -> Result<EventKind, LineFault> {
        let start = self.at;
        let body = self.string()?;
        let known = EventKind::ALL.into_iter().find(|kind| kind.as_str() == body);
        known.ok_or(LineFault::NotExact { at: start, expected: "a kind of event" })
    }

    /// The inside of an object of strings whose brace was taken, and takes its closing brace.
    pub(super) fn meta(&mut self) -> Result<RawMeta<'a>, LineFault> {
        let start = self.at;
        if self.literal("}").is_ok() {
            return Ok(RawMeta(""));
        }
        let mut before: Option<&str> = None;
        loop {
            let at = self.at;
            let (key, _) = self.entry()?;
            if !key.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'\\') {
                return Err(LineFault::NotExact { at, expected: "a plain ASCII key of meta" });
            }
            if before.is_some_and(|before| before >= key) {
                return Err(LineFault::NotExact { at, expected: "the keys of meta in order, each once" });
            }
            before = Some(key);
            if self.literal(",").is_err() {
                let inside = self.text.get(start..self.at).unwrap_or_default();
                self.literal("}")?;
                return Ok(RawMeta(inside));
            }
        }
    }

    pub(super) fn entry(&mut self) -> Result<(&'a str, &'a str), LineFault> {
        self.literal("\"")?;
        let key = self.string()?;
        self.literal(":\"")?;
        Ok((key, self.string()?))
    }
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
