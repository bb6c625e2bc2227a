//! One line of the ledger: its exact form, its hash, its fields (spec page 3, "Event").
//!
//! [`Line::scan`] accepts exactly the RFC 8785 bytes of an event and nothing else, without allocating: it is
//! what makes reading a ledger about as fast as hashing it. [`strict_event`] says the same by another
//! way (parse, re-canonicalise, compare) and also checks the shape of each field.
//!
//! What never happens here: I/O, and repair of what is wrong.

use omega_contract::limits::{EVENT_LINE_BYTES_MAX, ID_CHARS_MAX};
use omega_contract::{Event, EventKind, PluginId, Sha256Hex, Timestamp, canonical_bytes, strict_json};
use sha2::{Digest, Sha256};

pub(crate) use lanes::hashes_after_prefix;
use scanner::Scanner;

mod lanes;
mod scanner;

/// Bytes of `{"event_hash":"<64 hex>",`, with which every line starts. The event's hash is the SHA-256 of
/// `{` and what follows them.
pub const LINE_PREFIX_BYTES: usize = 81;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// The line does not end with a newline.
    #[error("missing newline: the line is cut off")]
    MissingNewline,
    /// More bytes than a line may have.
    #[error("line too long: more than {EVENT_LINE_BYTES_MAX} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("bad JSON: not UTF-8 at byte {at} of the line")]
    NotUtf8 {
        /// Bytes from the start of the line.
        at: usize,
    },
    /// Not the exact RFC 8785 form of an event.
    #[error("bad JSON: expected {expected} at byte {at} of the line")]
    NotExact {
        /// Bytes from the start of the line.
        at: usize,
        /// What the form has there.
        expected: &'static str,
    },
    /// The bytes do not have the hash that the line states.
    #[error("hash mismatch: the line states {stated}, its bytes hash to {computed}")]
    HashMismatch {
        /// What the line states.
        stated: Sha256Hex,
        /// What its bytes give.
        computed: Sha256Hex,
    },
    /// `prev_hash` is not the hash of the line before.
    #[error("broken link: prev_hash is \"{stated}\", the event before has \"{expected}\"")]
    BrokenLink {
        /// What the line states.
        stated: String,
        /// The hash of the event before, `""` where there is none.
        expected: String,
    },
    /// Strict only: a field does not have the form that the event's schema asks for.
    #[error("bad field {field}: {rule}")]
    Shape {
        /// The field.
        field: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// Strict only: the canonical form of what was parsed is not the line.
    #[error("not canonical: writing the event again gives other bytes")]
    NotCanonical,
    /// Strict only: the event claims to be older than the one before it.
    #[error("time runs back: {stated} after {before}")]
    TimeRunsBack {
        /// What the line states.
        stated: String,
        /// The `ts` of the event before.
        before: String,
    },
}

/// A hash as a line has it.
pub type HashText = [u8; 64];

/// The fields of a line, as its bytes have them: text inside is still JSON-escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    bytes: &'a [u8],
    event_hash: &'a HashText,
    prev_hash: Option<&'a HashText>,
    event_id: Part,
    meta: Part,
    plugin_id: Part,
    request_id: Part,
    run_id: Part,
    ts: Part,
    kind: EventKind,
}

/// Where a field lies in its line. Half of a slice's size, so that a line is moved without a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    from: u32,
    to: u32,
}

impl Part {
    fn of(self, line: &[u8]) -> &[u8] {
        line.get(self.from as usize..self.to as usize).unwrap_or_default()
    }
}

/// The entries of a line's `meta`, still escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawMeta<'a>(&'a [u8]);

impl<'a> RawMeta<'a> {
    /// The value of `key`, still escaped.
    pub fn get(self, key: &str) -> Option<&'a str> {
        let mut scanner = Scanner::new(self.0).ok()?;
        while !scanner.is_at_end() {
            let (found, value) = scanner.entry()?;
            if found == key.as_bytes() {
                return Some(text(value));
            }
            scanner.literal(b",")?;
        }
        None
    }
}

/// A part of a line between two quotes. The whole was found to be UTF-8, so each such part is.
fn text(part: &[u8]) -> &str {
    std::str::from_utf8(part).unwrap_or_default()
}

impl<'a> Line<'a> {
    /// Takes a line apart, without its newline, and refuses all that is not the exact canonical form.
    /// The hash is not computed: see [`Line::hash`].
    ///
    /// # Errors
    /// [`LineFault::TooLong`], [`LineFault::NotUtf8`], [`LineFault::NotExact`].
    pub fn scan(line: &'a [u8]) -> Result<Self, LineFault> {
        if line.len() >= EVENT_LINE_BYTES_MAX {
            return Err(LineFault::TooLong);
        }
        let mut scanner = Scanner::new(line)?;
        Self::take(line, &mut scanner).ok_or_else(|| scanner.fault())
    }

    fn take(bytes: &'a [u8], scanner: &mut Scanner<'a>) -> Option<Self> {
        scanner.literal(b"{\"event_hash\":\"")?;
        let event_hash = scanner.hash()?;
        scanner.literal(b",\"event_id\":\"")?;
        let event_id = scanner.string_part()?;
        scanner.literal(b",\"input_hash\":\"")?;
        scanner.hash_or_empty()?;
        scanner.literal(b",\"kind\":\"")?;
        let kind = scanner.kind()?;
        scanner.literal(b",\"meta\":{")?;
        let meta = scanner.meta()?;
        scanner.literal(b",\"output_hash\":\"")?;
        scanner.hash_or_empty()?;
        scanner.literal(b",\"plugin_id\":\"")?;
        let plugin_id = scanner.string_part()?;
        scanner.literal(b",\"prev_hash\":\"")?;
        let prev_hash = scanner.hash_or_empty()?;
        scanner.literal(b",\"request_id\":\"")?;
        let request_id = scanner.string_part()?;
        scanner.literal(b",\"run_id\":\"")?;
        let run_id = scanner.string_part()?;
        scanner.literal(b",\"ts\":\"")?;
        let ts = scanner.string_part()?;
        scanner.literal(b"}")?;
        scanner.end()?;
        Some(Self { bytes, event_hash, prev_hash, event_id, meta, plugin_id, request_id, run_id, ts, kind })
    }

    /// How many bytes it has, its newline not counted.
    pub const fn length(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The hash that the line states, as digits: see [`Line::hash`].
    pub const fn event_hash(&self) -> &'a HashText {
        self.event_hash
    }

    /// A ULID.
    pub fn event_id(&self) -> &'a str {
        text(self.event_id.of(self.bytes))
    }

    /// What happened.
    pub const fn kind(&self) -> EventKind {
        self.kind
    }

    /// The entries of `meta`.
    pub fn meta(&self) -> RawMeta<'a> {
        RawMeta(self.meta.of(self.bytes))
    }

    /// The plugin, or nothing.
    pub fn plugin_id(&self) -> &'a str {
        text(self.plugin_id.of(self.bytes))
    }

    /// The link, as digits; `None` where it is empty.
    pub const fn prev_hash(&self) -> Option<&'a HashText> {
        self.prev_hash
    }

    /// The request, escaped, or nothing.
    pub fn request_id(&self) -> &'a str {
        text(self.request_id.of(self.bytes))
    }

    /// The run, escaped.
    pub fn run_id(&self) -> &'a str {
        text(self.run_id.of(self.bytes))
    }

    /// RFC 3339.
    pub fn ts(&self) -> &'a str {
        text(self.ts.of(self.bytes))
    }

    /// The event's hash, computed from the bytes and found to be the one that the line states.
    ///
    /// # Errors
    /// [`LineFault::HashMismatch`].
    pub fn hash(&self) -> Result<Sha256Hex, LineFault> {
        self.states(hash_after_prefix(self.after_prefix()))
    }

    /// The bytes of which, after a brace, the hash is made.
    pub(crate) fn after_prefix(&self) -> &'a [u8] {
        self.bytes.get(LINE_PREFIX_BYTES..).unwrap_or_default()
    }

    /// Says whether `computed`, the hash of this line's bytes, is the one that it states.
    ///
    /// # Errors
    /// [`LineFault::HashMismatch`].
    pub(crate) fn states(&self, computed: Sha256Hex) -> Result<Sha256Hex, LineFault> {
        let stated = hash_of_digits(self.event_hash);
        if computed == stated { Ok(computed) } else { Err(LineFault::HashMismatch { stated, computed }) }
    }

    /// Says whether this line's `prev_hash` is `expected`, the digits of the hash of the event before.
    ///
    /// # Errors
    /// [`LineFault::BrokenLink`].
    pub fn links_to(&self, expected: Option<&HashText>) -> Result<(), LineFault> {
        if self.prev_hash == expected {
            return Ok(());
        }
        let shown = |digits: Option<&HashText>| digits.map(|digits| text(digits).to_owned()).unwrap_or_default();
        Err(LineFault::BrokenLink { stated: shown(self.prev_hash), expected: shown(expected) })
    }

    /// The event, its text unescaped. Call [`Line::hash`] first where the bytes come from outside.
    ///
    /// # Errors
    /// [`LineFault::NotExact`] where the form holds but a type does not.
    pub fn event(&self) -> Result<Event, LineFault> {
        serde_json::from_slice(self.bytes)
            .map_err(|e| LineFault::NotExact { at: e.column().saturating_sub(1), expected: "an event" })
    }
}

/// The hash that 64 digits mean which a scan found to be lower-case hex.
pub fn hash_of_digits(digits: &HashText) -> Sha256Hex {
    // Arithmetic without branches: digits are random, and a wrong guess at each costs more than the hash of the line.
    let value = |digit: u8| (digit & 0xf) + 9 * (digit >> 6);
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (value(pair[0]) << 4) | value(pair[1]);
    }
    Sha256Hex::from_bytes(hash)
}

/// As [`hash_of_digits`], of digits that nobody looked at; `None` where they are not lower-case hex.
pub fn checked_hash_of_digits(digits: &HashText) -> Option<Sha256Hex> {
    let not_hex = |b: u8| u8::from(b.wrapping_sub(b'0') > 9) & u8::from(b.wrapping_sub(b'a') > 5);
    (digits.iter().fold(0, |odd, b| odd | not_hex(*b)) == 0).then(|| hash_of_digits(digits))
}

/// SHA-256 over `{` and `rest`, the bytes of a line after its first [`LINE_PREFIX_BYTES`].
pub fn hash_after_prefix(rest: &[u8]) -> Sha256Hex {
    let mut digest = Sha256::new();
    digest.update(b"{");
    digest.update(rest);
    Sha256Hex::from_bytes(digest.finalize().into())
}

/// The event of a line whose form and hash are right, without its newline.
///
/// # Errors
/// [`LineFault`].
pub fn checked_event(line: &[u8]) -> Result<Event, LineFault> {
    let line = Line::scan(line)?;
    line.hash()?;
    line.event()
}

/// As [`checked_event`], and the event is parsed by the strict JSON reader, written again by an RFC 8785
/// writer, compared byte for byte, and each field has the form that the schema asks for.
///
/// # Errors
/// [`LineFault`].
pub fn strict_event(line: &[u8]) -> Result<Event, LineFault> {
    Line::scan(line)?.hash()?;
    let event: Event = strict_json::parse_as(line, EVENT_LINE_BYTES_MAX as u64)
        .map_err(|_| LineFault::NotExact { at: 0, expected: "strict JSON" })?;
    let again = canonical_bytes(&event).map_err(|_| LineFault::NotCanonical)?;
    if again != line {
        return Err(LineFault::NotCanonical);
    }
    check_shape(&event)?;
    Ok(event)
}

/// Checks that each field has the form that the event's schema asks for (spec page 3, "Event").
///
/// # Errors
/// [`LineFault::Shape`].
pub fn check_shape(event: &Event) -> Result<(), LineFault> {
    let must = |holds: bool, field: &'static str, rule: &'static str| {
        if holds { Ok(()) } else { Err(LineFault::Shape { field, rule }) }
    };
    let hash_or_empty = |text: &str| text.is_empty() || text.parse::<Sha256Hex>().is_ok();
    let id = |text: &str| text.len() <= 4 * ID_CHARS_MAX && text.chars().count() <= ID_CHARS_MAX;
    must(is_ulid(&event.event_id), "event_id", "a ULID")?;
    must(hash_or_empty(&event.input_hash), "input_hash", "empty or 64 hex digits")?;
    must(hash_or_empty(&event.output_hash), "output_hash", "empty or 64 hex digits")?;
    must(hash_or_empty(&event.prev_hash), "prev_hash", "empty or 64 hex digits")?;
    let plugin = event.plugin_id.is_empty() || event.plugin_id.parse::<PluginId>().is_ok();
    must(plugin, "plugin_id", "empty or a plugin id")?;
    must(id(&event.request_id), "request_id", "at most 128 characters")?;
    must(!event.run_id.is_empty() && id(&event.run_id), "run_id", "1 to 128 characters")?;
    let exact_time = event.ts.parse::<Timestamp>().is_ok_and(|ts| ts.to_string() == event.ts);
    must(exact_time, "ts", "RFC 3339 in UTC with six fractional digits")
}

/// 26 characters of Crockford's base 32, not above the largest ULID.
fn is_ulid(text: &str) -> bool {
    let digit = |b: u8| b.is_ascii_digit() || (b.is_ascii_uppercase() && !matches!(b, b'I' | b'L' | b'O' | b'U'));
    text.len() == 26 && text.bytes().all(digit) && text.bytes().next().is_some_and(|first| first <= b'7')
}

#[cfg(test)]
pub(crate) mod tests;
