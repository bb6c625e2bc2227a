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

    /// The tree over `text` as it is: what its nodes say is right, its text is not canonical.
    pub(super) fn over(self, text: String) -> JsonTree {
        JsonTree { text, unescaped: self.unescaped, items: self.items }
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
        plans: Vec::new(),
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

/// Members of an object whose names are remembered.
const PLANNED_MAX: usize = 16;

/// A name of the last object of a depth.
#[derive(Debug, Clone, Copy)]
struct Planned {
    /// Where it stands, from its quote to its colon.
    written: Span,
    /// Of the plan's place in canonical order: which of the members, as they stood, comes there.
    source: usize,
}

/// How far an object was like the one before it.
enum Members {
    /// All through, and it is closed.
    Same,
    /// Up to its closing brace, which is next.
    Closed,
    /// There may be more members.
    Open,
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    items: Vec<Item>,
    /// Children of containers that are not closed yet.
    pending: Vec<Item>,
    /// By the depth that is left: the last object there.
    plans: Vec<Vec<Planned>>,
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
        match self.members_as_before(depth_left)? {
            Members::Same => return Some(Item::Object(self.close_as_before(depth_left, mark))),
            Members::Closed => {}
            Members::Open => self.members(depth_left, mark)?,
        }
        self.at += 1;
        let (members, _) = self.pending[mark..].as_chunks::<2>();
        let in_order =
            members.array_windows().all(|[[a, _], [b, _]]| canonical_order(self.text_of(*a), self.text_of(*b)).is_lt());
        self.remember(depth_left, mark);
        if !in_order {
            self.canonical = false;
            self.sort(mark)?;
            self.remember_order(depth_left, mark);
        }
        Some(Item::Object(self.close(mark)))
    }

    /// The members that are left, up to the closing brace.
    fn members(&mut self, depth_left: usize, mark: usize) -> Option<()> {
        self.skip_space();
        if self.pending.len() == mark && self.peek()? == b'}' {
            return Some(());
        }
        loop {
            self.expect(b'"')?;
            let name = self.string()?;
            self.pending.push(name);
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            let member = self.value(depth_left)?;
            self.pending.push(member);
            self.skip_space();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => return Some(()),
                _ => return None,
            }
            self.skip_space();
        }
    }

    /// Takes members as long as they have the names of the last object of this depth, in its order: rows of a table
    /// are alike, and a name that is known needs neither be read nor be compared with its neighbours.
    fn members_as_before(&mut self, depth_left: usize) -> Option<Members> {
        for index in 0..self.planned(depth_left).len() {
            let name = self.planned(depth_left)[index].written;
            if !self.bytes[self.at..].starts_with(&self.bytes[name.range()]) {
                return Some(Members::Open);
            }
            let start = self.at + 1;
            self.at += name.range().len();
            // Without its quotes and its colon.
            self.pending.push(Item::Plain(Span::between(start, self.at - 2)));
            self.skip_space();
            let member = self.value(depth_left)?;
            self.pending.push(member);
            self.skip_space();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' if index + 1 == self.planned(depth_left).len() => {
                    self.at += 1;
                    return Some(Members::Same);
                }
                b'}' => return Some(Members::Closed),
                _ => return None,
            }
            self.skip_space();
        }
        Some(Members::Open)
    }

    fn planned(&self, depth_left: usize) -> &[Planned] {
        self.plans.get(depth_left).map_or(&[], Vec::as_slice)
    }

    /// Notes the names of an object that was read, in the order in which they stand there.
    fn remember(&mut self, depth_left: usize, mark: usize) {
        if self.plans.len() <= depth_left {
            self.plans.resize_with(depth_left + 1, Vec::new);
        }
        let plan = &mut self.plans[depth_left];
        plan.clear();
        let (members, _) = self.pending[mark..].as_chunks::<2>();
        if members.len() > PLANNED_MAX {
            return;
        }
        for (place, [name, _]) in members.iter().enumerate() {
            match *name {
                Item::Plain(span) if self.bytes.get(span.range().end + 1) == Some(&b':') => {
                    let range = span.range();
                    plan.push(Planned { written: Span::between(range.start - 1, range.end + 2), source: place });
                }
                _ => return plan.clear(),
            }
        }
    }

    /// Notes which member comes at which place in canonical order, once they are sorted.
    fn remember_order(&mut self, depth_left: usize, mark: usize) {
        let (members, _) = self.pending[mark..].as_chunks::<2>();
        let plan = &mut self.plans[depth_left];
        for place in 0..plan.len() {
            let Item::Plain(span) = members[place][0] else { return plan.clear() };
            let written = |planned: &Planned| planned.written.start + 1 == span.start;
            let Some(source) = plan.iter().position(written) else { return plan.clear() };
            plan[place].source = source;
        }
    }

    /// As [`Self::close`], in the order that was noted.
    fn close_as_before(&mut self, depth_left: usize, mark: usize) -> Span {
        let first = self.items.len();
        let (members, _) = self.pending[mark..].as_chunks::<2>();
        let plan = self.plans.get(depth_left).map_or(&[][..], Vec::as_slice);
        for planned in plan {
            self.items.extend_from_slice(&members[planned.source]);
        }
        self.pending.truncate(mark);
        Span::between(first, self.items.len())
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
