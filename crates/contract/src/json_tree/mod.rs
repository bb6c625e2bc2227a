//! A JSON value in its canonical form (RFC 8785), with its structure beside it.
//!
//! The text is what is hashed, measured and handed to a plugin; the structure is what schemas see: one list of
//! items that point into the text, instead of a tree of allocations. It is made once for a payload and shared by
//! all who need it.
//!
//! What never happens here: a text that is not canonical, or a value that [`crate::strict_json`] refuses.

mod build;
mod deserial;
mod node;
mod number;
mod read;
mod serial;
mod write;

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize as _, DeserializeOwned, Error as _, Visitor};
use serde_json::{Map, Value};

pub use node::{EachItem, EachMember, JsonItems, JsonKind, JsonMembers, JsonNode, JsonNumber};

use crate::limits::{JSON_DEPTH_MAX, REQUEST_BYTES_MAX};
use crate::strict_json::{self, JsonError};

/// A JSON value in canonical form.
#[derive(Clone)]
pub struct JsonTree {
    /// Canonical.
    text: String,
    /// Texts that stand in `text` with escapes, without them.
    unescaped: String,
    /// Children of one container stand side by side; the last is the root.
    items: Vec<Item>,
}

/// One value. Of an object the children are name and value in turn, in canonical order.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Item {
    Null,
    Bool(bool),
    /// Within ±(2^53-1).
    Integer {
        value: i64,
        token: Token,
    },
    /// Finite, and not whole unless its magnitude is 10^21 or more.
    Float {
        value: f64,
        token: Token,
    },
    /// A part of the text that stands there without escapes.
    Plain(Span),
    /// A part of [`JsonTree::unescaped`].
    Escaped(Span),
    Array(Span),
    Object(Span),
}

/// Bytes of a text, or items of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u32,
    length: u32,
}

/// Where a number stands in the text that is being read, if it stands there in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token {
    start: u32,
    /// 0: not canonical, or not known to be.
    length: u8,
}

impl Token {
    const NONE: Self = Self { start: 0, length: 0 };
}

impl Span {
    /// `start..end`, which are within [`REQUEST_BYTES_MAX`] by far less than 32 bits.
    fn between(start: usize, end: usize) -> Self {
        let small = |at: usize| u32::try_from(at).expect("a tree is bounded by REQUEST_BYTES_MAX");
        Self { start: small(start), length: small(end - start) }
    }

    fn range(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + self.length as usize
    }
}

impl JsonTree {
    /// Reads one JSON document of at most `bytes_max` bytes, as strictly as [`strict_json::parse`] does.
    ///
    /// # Errors
    /// As [`strict_json::parse`].
    pub fn read(text: String, bytes_max: u64) -> Result<Self, JsonError> {
        Self::read_within(text, bytes_max, JSON_DEPTH_MAX)
    }

    /// As [`JsonTree::read`], nested at most so deep.
    fn read_within(text: String, bytes_max: u64, depth_max: usize) -> Result<Self, JsonError> {
        let bytes_max = bytes_max.min(REQUEST_BYTES_MAX);
        if text.len() as u64 > bytes_max {
            return Err(JsonError::TooLarge { bytes: text.len() as u64, bytes_max });
        }
        match read::read(&text, depth_max) {
            Some(read) => Ok(read.into_tree(text)),
            None => Err(why_not(&text, bytes_max, depth_max)),
        }
    }

    /// Reads one JSON document of at most `bytes_max` bytes as a type: nothing is written for it, and no tree of
    /// `serde_json`'s is made.
    pub(crate) fn read_as<T: DeserializeOwned>(text: &str, bytes_max: u64) -> Result<T, JsonError> {
        let bytes_max = bytes_max.min(TEXT_BYTES_MAX);
        if text.len() as u64 > bytes_max {
            return Err(JsonError::TooLarge { bytes: text.len() as u64, bytes_max });
        }
        let Some(read) = read::read(text, JSON_DEPTH_MAX) else { return Err(why_not(text, bytes_max, JSON_DEPTH_MAX)) };
        T::deserialize(read.over(text.to_owned()).root()).map_err(|error| JsonError::Shape(error.to_string()))
    }

    /// The canonical form of a value.
    ///
    /// # Errors
    /// [`JsonError`] where the value is one that [`strict_json::parse`] never gives.
    pub fn of_value(value: &Value) -> Result<Self, JsonError> {
        build::of_value(value, JSON_DEPTH_MAX)
    }

    /// The canonical text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value itself.
    pub fn root(&self) -> JsonNode<'_> {
        JsonNode::root(self)
    }
}

/// What the places of items can tell apart.
const TEXT_BYTES_MAX: u64 = u32::MAX as u64;

/// Says what is wrong with a text that was refused. The slow reader finds the words.
#[cold]
fn why_not(text: &str, bytes_max: u64, depth_max: usize) -> JsonError {
    match strict_json::parse(text.as_bytes(), bytes_max) {
        Err(error) => error,
        Ok(value) => match build::of_value(&value, depth_max) {
            Err(error) => error,
            // The two readers differ: whatever the text is, it is not taken.
            Ok(_) => JsonError::Syntax("not JSON that is taken here".to_owned()),
        },
    }
}

impl fmt::Debug for JsonTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for JsonTree {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for JsonTree {}

/// The `data` of a json payload: one JSON object in canonical form. A copy shares it.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonData(Arc<JsonTree>);

impl JsonData {
    /// Levels of nesting in it: a response and a request hold it two levels down, and both are read with a depth
    /// of at most [`JSON_DEPTH_MAX`].
    pub const DEPTH_MAX: usize = JSON_DEPTH_MAX - 2;

    /// Reads one JSON object of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// As [`strict_json::parse`], and [`JsonError::Shape`] where it is no object.
    pub fn read(text: impl Into<String>, bytes_max: u64) -> Result<Self, JsonError> {
        Self::of_tree(JsonTree::read_within(text.into(), bytes_max, Self::DEPTH_MAX)?)
    }

    /// The canonical form of an object that is in memory already.
    ///
    /// # Errors
    /// As [`JsonTree::of_value`].
    pub fn of_map(members: Map<String, Value>) -> Result<Self, JsonError> {
        Self::of_tree(build::of_value(&Value::Object(members), Self::DEPTH_MAX)?)
    }

    fn of_tree(tree: JsonTree) -> Result<Self, JsonError> {
        match tree.root().kind() {
            JsonKind::Object(_) => Ok(Self(Arc::new(tree))),
            _ => Err(JsonError::Shape("is one JSON object".to_owned())),
        }
    }

    /// The canonical text.
    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// The object itself.
    pub fn root(&self) -> JsonNode<'_> {
        self.0.root()
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<JsonNode<'_>> {
        match self.root().kind() {
            JsonKind::Object(members) => members.get(name),
            _ => None,
        }
    }

    /// The object as a type of the caller's.
    ///
    /// # Errors
    /// Where it does not fit the type.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        serde_json::from_str(self.text()).map_err(|error| JsonError::Shape(error.to_string()))
    }

    /// The object as a tree of `serde_json`'s.
    pub fn to_map(&self) -> Map<String, Value> {
        match self.root().to_value() {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }
}

impl fmt::Debug for JsonData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl serde::Serialize for JsonData {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.root().serialize(serializer)
    }
}

/// By this name a [`JsonNode`] knows that its canonical text is wanted.
const NEWTYPE_OF_DATA: &str = "omega_contract::JsonData";

impl<'de> serde::Deserialize<'de> for JsonData {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NEWTYPE_OF_DATA, DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = JsonData;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    /// From a [`JsonNode`] alone: whoever else reads JSON gives what is inside, as it does for every newtype.
    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<JsonData, E> {
        JsonData::read(text, REQUEST_BYTES_MAX).map_err(E::custom)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<JsonData, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_newtype_struct<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<JsonData, D::Error> {
        JsonData::of_map(Map::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
