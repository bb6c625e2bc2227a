//! The canonical text of what was read from another text.
//!
//! What never happens here: a value changed. Items only learn where they stand now.

use super::{Item, Span, number};
use crate::canonical_value::write_text;

/// The canonical text. `items` point into it afterwards.
pub(super) fn rewritten(items: &mut [Item], source: &str, unescaped: &str) -> String {
    // Rarely longer than what it was made from.
    let mut writer = Writer { items, source: source.as_bytes(), unescaped, out: Vec::with_capacity(source.len() + 16) };
    let root = writer.items.len() - 1;
    writer.write(root);
    String::from_utf8(writer.out).expect("made of parts of texts, cut at ASCII")
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
                self.out.push(b'"');
                let start = self.out.len();
                self.out.extend_from_slice(&self.source[span.range()]);
                self.items[at] = Item::Plain(Span::between(start, self.out.len()));
                self.out.push(b'"');
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
                for (index, child) in span.range().enumerate() {
                    match index {
                        0 => {}
                        _ if index % 2 == 0 => self.out.push(b','),
                        _ => self.out.push(b':'),
                    }
                    self.write(child);
                }
                self.out.push(b'}');
            }
            number => number::write(number, self.source, &mut self.out),
        }
    }
}
