//! The canonical text of what was read from another text.
//!
//! What never happens here: a value changed. Items only learn where they stand now.

use super::{Item, JsonKind, JsonNode, JsonNumber, Span, Token, number};
use crate::canonical_value::write_text;

/// The canonical text. `items` point into it afterwards.
pub(super) fn rewritten(items: &mut [Item], source: &str, unescaped: &str) -> String {
    // Rarely longer than what it was made from.
    let mut writer = Writer { items, source: source.as_bytes(), unescaped, out: Vec::with_capacity(source.len() + 16) };
    let root = writer.items.len() - 1;
    writer.write(root);
    String::from_utf8(writer.out).expect("made of parts of texts, cut at ASCII")
}

impl JsonNode<'_> {
    /// The value in canonical form.
    pub(super) fn canonical_text(self) -> String {
        let mut out = Vec::new();
        write_node(self, &mut out);
        String::from_utf8(out).expect("JSON is written as UTF-8")
    }
}

/// Recursive, as deep as the reader was.
fn write_node(node: JsonNode<'_>, out: &mut Vec<u8>) {
    match node.kind() {
        JsonKind::Null => out.extend_from_slice(b"null"),
        JsonKind::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        // Where a number of a text that was rewritten stood, nobody knows any more.
        JsonKind::Number(JsonNumber::Integer(value)) => {
            number::write(Item::Integer { value, token: Token::NONE }, &[], out);
        }
        JsonKind::Number(JsonNumber::Float(value)) => {
            number::write(Item::Float { value, token: Token::NONE }, &[], out);
        }
        JsonKind::Text(text) => write_text(text, out),
        JsonKind::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_node(item, out);
            }
            out.push(b']');
        }
        JsonKind::Object(members) => {
            out.push(b'{');
            for (index, (name, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_text(name, out);
                out.push(b':');
                write_node(member, out);
            }
            out.push(b'}');
        }
    }
}

struct Writer<'a> {
    items: &'a mut [Item],
    source: &'a [u8],
    unescaped: &'a str,
    out: Vec<u8>,
}

impl Writer<'_> {
    /// Recursive, as deep as the reader was.
    fn write(&mut self, at: usize) {
        match self.items[at] {
            Item::Null => self.out.extend_from_slice(b"null"),
            Item::Bool(true) => self.out.extend_from_slice(b"true"),
            Item::Bool(false) => self.out.extend_from_slice(b"false"),
            Item::Plain(span) => {
                let start = self.out.len() + 1;
                // With its quotes, which are around it there too.
                let range = span.range();
                self.out.extend_from_slice(&self.source[range.start - 1..=range.end]);
                self.items[at] = Item::Plain(Span::between(start, start + range.len()));
            }
            Item::Escaped(span) => write_text(&self.unescaped[span.range()], &mut self.out),
            Item::Array(span) => {
                self.out.push(b'[');
                for (index, child) in span.range().enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    self.write(child);
                }
                self.out.push(b']');
            }
            Item::Object(span) => {
                self.out.push(b'{');
                for at in span.range().step_by(2) {
                    if at > span.range().start {
                        self.out.push(b',');
                    }
                    self.write_member(at);
                }
                self.out.push(b'}');
            }
            number => number::write(number, self.source, &mut self.out),
        }
    }

    /// Name and value. Where they stand side by side they are copied as one.
    fn write_member(&mut self, at: usize) {
        if let Item::Plain(name) = self.items[at] {
            let (name, start) = (name.range(), self.out.len() + 1);
            let moved = |at: usize| at - name.start + start;
            let end = match self.items[at + 1] {
                Item::Plain(value) if value.range().start == name.end + 3 => {
                    let value = value.range();
                    self.items[at + 1] = Item::Plain(Span::between(moved(value.start), moved(value.end)));
                    Some(value.end + 1)
                }
                Item::Integer { token, .. } | Item::Float { token, .. }
                    if token.length > 0 && token.start as usize == name.end + 2 =>
                {
                    Some(name.end + 2 + usize::from(token.length))
                }
                _ => None,
            };
            if let Some(end) = end {
                self.out.extend_from_slice(&self.source[name.start - 1..end]);
                self.items[at] = Item::Plain(Span::between(start, start + name.len()));
                return;
            }
        }
        self.write(at);
        self.out.push(b':');
        self.write(at + 1);
    }
}
