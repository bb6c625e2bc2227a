//! The strict reader, in one pass: what is taken is exactly what [`crate::strict_json::parse`] takes.
//!
//! It notes on its way whether the text is canonical already: then nothing is written at all.
//! What never happens here: saying why a text is refused, which is the slow reader's to say.

use super::{Item, JsonTree, Span, number, write};
use crate::canonical_value::{canonical_order, first_special};

/// What was read.
pub(super) struct Read {
    items: Vec<Item>,
    unescaped: String,
    canonical: bool,
}

impl Read {
    #[cfg(test)]
    pub(super) fn is_canonical(&self) -> bool {
        self.canonical
    }

    /// The tree, over `text` itself where that is canonical.
    pub(super) fn into_tree(self, text: String) -> JsonTree {
        let Self { mut items, unescaped, canonical } = self;
        let text = if canonical { text } else { write::rewritten(&mut items, &text, &unescaped) };
        JsonTree { text, unescaped, items }
    }
}

/// Reads `text`; none: it is not taken.
pub(super) fn read(text: &str, depth_max: usize) -> Option<Read> {
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        items: Vec::with_capacity(text.len() / BYTES_OF_AN_ITEM),
        pending: Vec::with_capacity(64),
        unescaped: String::new(),
        canonical: true,
    };
    reader.skip_space();
    let root = reader.value(depth_max)?;
    reader.skip_space();
    if reader.at != text.len() {
        return None;
    }
    reader.items.push(root);
    Some(Read { items: reader.items, unescaped: reader.unescaped, canonical: reader.canonical })
}

/// Bytes that one value takes in usual JSON: with that much room the list rarely grows.
const BYTES_OF_AN_ITEM: usize = 7;

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    items: Vec<Item>,
    /// Children of containers that are not closed yet.
    pending: Vec<Item>,
    unescaped: String,
    canonical: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.canonical = false;
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        if self.peek()? != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    fn value(&mut self, depth_left: usize) -> Option<Item> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.string()
            }
            b'{' => self.object(depth_left.checked_sub(1)?),
            b'[' => self.array(depth_left.checked_sub(1)?),
            b'-' | b'0'..=b'9' => {
                let (item, length) = number::read(&self.bytes[self.at..], self.at)?;
                self.canonical &=
                    matches!(item, Item::Integer { token, .. } | Item::Float { token, .. } if token.length > 0);
                self.at += length;
                Some(item)
            }
            b't' => self.word(b"true", Item::Bool(true)),
            b'f' => self.word(b"false", Item::Bool(false)),
            b'n' => self.word(b"null", Item::Null),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8], item: Item) -> Option<Item> {
        if !self.bytes[self.at..].starts_with(word) {
            return None;
        }
        self.at += word.len();
        Some(item)
    }

    fn array(&mut self, depth_left: usize) -> Option<Item> {
        self.at += 1;
        let mark = self.pending.len();
        self.skip_space();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(Item::Array(self.close(mark)));
        }
        loop {
            let item = self.value(depth_left)?;
            self.pending.push(item);
            self.skip_space();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
            self.skip_space();
        }
        self.at += 1;
        Some(Item::Array(self.close(mark)))
    }

    fn object(&mut self, depth_left: usize) -> Option<Item> {
        self.at += 1;
        let mark = self.pending.len();
        let mut in_order = true;
        self.skip_space();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(Item::Object(self.close(mark)));
        }
        loop {
            self.expect(b'"')?;
            let name = self.string()?;
            if in_order && self.pending.len() > mark {
                let before = self.pending[self.pending.len() - 2];
                in_order = canonical_order(self.text_of(before), self.text_of(name)).is_lt();
            }
            self.pending.push(name);
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            let member = self.value(depth_left)?;
            self.pending.push(member);
            self.skip_space();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
            self.skip_space();
        }
        self.at += 1;
        if !in_order {
            self.canonical = false;
            self.sort(mark)?;
        }
        Some(Item::Object(self.close(mark)))
    }

    /// Moves the children that stand from `mark` on to their place.
    fn close(&mut self, mark: usize) -> Span {
        let first = self.items.len();
        self.items.extend_from_slice(&self.pending[mark..]);
        self.pending.truncate(mark);
        Span::between(first, self.items.len())
    }

    /// Brings members into canonical order; none: two have one name.
    fn sort(&mut self, mark: usize) -> Option<()> {
        let mut pending = std::mem::take(&mut self.pending);
        let (members, _) = pending[mark..].as_chunks_mut::<2>();
        members.sort_unstable_by(|[a, _], [b, _]| canonical_order(self.text_of(*a), self.text_of(*b)));
        let unique = members.array_windows().all(|[[a, _], [b, _]]| self.text_of(*a) != self.text_of(*b));
        self.pending = pending;
        unique.then_some(())
    }

    fn text_of(&self, item: Item) -> &str {
        match item {
            Item::Plain(span) => &self.text[span.range()],
            Item::Escaped(span) => &self.unescaped[span.range()],
            _ => "",
        }
    }

    /// A text whose opening quote was read.
    fn string(&mut self) -> Option<Item> {
        let start = self.at;
        let special = start + first_special(&self.bytes[start..])?;
        match self.bytes[special] {
            b'"' => {
                self.at = special + 1;
                Some(Item::Plain(Span::between(start, special)))
            }
            b'\\' => self.escaped(start, special),
            _ => None,
        }
    }

    /// The same, of which the first escape is at `special`.
    fn escaped(&mut self, mut start: usize, mut special: usize) -> Option<Item> {
        let first = self.unescaped.len();
        loop {
            self.unescaped.push_str(&self.text[start..special]);
            match self.bytes[special] {
                b'"' => break,
                b'\\' => self.escape(special + 1)?,
                _ => return None,
            }
            start = self.at;
            special = start + first_special(&self.bytes[start..])?;
        }
        self.at = special + 1;
        Some(Item::Escaped(Span::between(first, self.unescaped.len())))
    }

    /// One escape, from behind its backslash.
    fn escape(&mut self, at: usize) -> Option<()> {
        let short = match *self.bytes.get(at)? {
            byte @ (b'"' | b'\\') => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'/' => {
                self.canonical = false;
                '/'
            }
            b'u' => return self.unicode_escape(at + 1),
            _ => return None,
        };
        self.unescaped.push(short);
        self.at = at + 1;
        Some(())
    }

    /// `\uXXXX`, or two of them that are one character, from behind the first `u`.
    fn unicode_escape(&mut self, at: usize) -> Option<()> {
        let unit = hex(self.bytes, at)?;
        let (code, end) = match unit {
            0xd800..=0xdbff => {
                if self.bytes.get(at + 4..at + 6)? != b"\\u" {
                    return None;
                }
                let low = hex(self.bytes, at + 6)?;
                if !(0xdc00..=0xdfff).contains(&low) {
                    return None;
                }
                (0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), at + 10)
            }
            _ => (unit, at + 4),
        };
        // None for a lone low surrogate.
        let character = char::from_u32(code)?;
        self.unescaped.push(character);
        // RFC 8785 writes so only control characters without a short form, in lower case.
        let short = matches!(code, 0x08 | 0x09 | 0x0a | 0x0c | 0x0d);
        let lower = !self.bytes[at..at + 4].iter().any(u8::is_ascii_uppercase);
        self.canonical &= code < 0x20 && !short && lower;
        self.at = end;
        Some(())
    }
}

fn hex(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.iter().try_fold(0, |unit, byte| Some(unit << 4 | char::from(*byte).to_digit(16)?))
}
