//! A tree from a value that is in memory already.
//!
//! What never happens here: a value taken that the strict reader would refuse.

use serde_json::{Map, Value};

use super::{Item, JsonTree, Span, Token, number};
use crate::canonical_value::{canonical_order, in_canonical_order, write_text};
use crate::limits::{JSON_INTEGER_MAX, REQUEST_BYTES_MAX};
use crate::strict_json::JsonError;

/// The tree of `value`, nested at most so deep.
pub(super) fn of_value(value: &Value, depth_max: usize) -> Result<JsonTree, JsonError> {
    let mut builder = Builder {
        depth_max,
        out: Vec::with_capacity(256),
        items: Vec::new(),
        pending: Vec::new(),
        unescaped: String::new(),
    };
    let root = builder.value(value, depth_max)?;
    let Builder { out, mut items, unescaped, .. } = builder;
    items.push(root);
    Ok(JsonTree { text: String::from_utf8(out).expect("JSON is written as UTF-8"), unescaped, items })
}

struct Builder {
    depth_max: usize,
    out: Vec<u8>,
    items: Vec<Item>,
    pending: Vec<Item>,
    unescaped: String,
}

impl Builder {
    fn value(&mut self, value: &Value, depth_left: usize) -> Result<Item, JsonError> {
        self.bounded()?;
        Ok(match value {
            Value::Null => self.word("null", Item::Null),
            Value::Bool(true) => self.word("true", Item::Bool(true)),
            Value::Bool(false) => self.word("false", Item::Bool(false)),
            Value::Number(number) => {
                let item = item_of(number).ok_or(JsonError::IntegerRange { offset: self.out.len() })?;
                number::write(item, &[], &mut self.out);
                item
            }
            Value::String(text) => self.text(text)?,
            Value::Array(items) => {
                let depth_left = self.deeper(depth_left)?;
                let mark = self.pending.len();
                self.out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    let item = self.value(item, depth_left)?;
                    self.pending.push(item);
                }
                self.out.push(b']');
                Item::Array(self.close(mark))
            }
            Value::Object(members) => {
                let depth_left = self.deeper(depth_left)?;
                let mark = self.pending.len();
                self.members(members, depth_left)?;
                Item::Object(self.close(mark))
            }
        })
    }

    fn members(&mut self, members: &Map<String, Value>, depth_left: usize) -> Result<(), JsonError> {
        let mut sorted: Vec<(&String, &Value)>;
        let mut in_map;
        let ordered: &mut dyn Iterator<Item = (&String, &Value)> = if in_canonical_order(members) {
            in_map = members.iter();
            &mut in_map
        } else {
            sorted = members.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| canonical_order(a, b));
            &mut sorted.into_iter()
        };
        self.out.push(b'{');
        for (index, (name, member)) in ordered.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            let name = self.text(name)?;
            self.pending.push(name);
            self.out.push(b':');
            let member = self.value(member, depth_left)?;
            self.pending.push(member);
        }
        self.out.push(b'}');
        Ok(())
    }

    fn deeper(&self, depth_left: usize) -> Result<usize, JsonError> {
        let too_deep = JsonError::TooDeep { depth_max: self.depth_max, offset: self.out.len() };
        depth_left.checked_sub(1).ok_or(too_deep)
    }

    fn word(&mut self, word: &str, item: Item) -> Item {
        self.out.extend_from_slice(word.as_bytes());
        item
    }

    fn text(&mut self, text: &str) -> Result<Item, JsonError> {
        let start = self.out.len() + 1;
        write_text(text, &mut self.out);
        self.bounded()?;
        let end = self.out.len() - 1;
        if end - start == text.len() {
            return Ok(Item::Plain(Span::between(start, end)));
        }
        let start = self.unescaped.len();
        self.unescaped.push_str(text);
        Ok(Item::Escaped(Span::between(start, self.unescaped.len())))
    }

    fn bounded(&self) -> Result<(), JsonError> {
        let bytes = self.out.len() as u64;
        if bytes <= REQUEST_BYTES_MAX {
            return Ok(());
        }
        Err(JsonError::TooLarge { bytes, bytes_max: REQUEST_BYTES_MAX })
    }

    fn close(&mut self, mark: usize) -> Span {
        let first = self.items.len();
        self.items.extend_from_slice(&self.pending[mark..]);
        self.pending.truncate(mark);
        Span::between(first, self.items.len())
    }
}

fn item_of(number: &serde_json::Number) -> Option<Item> {
    if number.is_f64() {
        return number.as_f64().and_then(number::of_f64);
    }
    let value = number.as_i64().filter(|integer| integer.unsigned_abs() <= JSON_INTEGER_MAX)?;
    Some(Item::Integer { value, token: Token::NONE })
}
