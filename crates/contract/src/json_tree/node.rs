//! Looking at a tree. What never happens here: an allocation, but for [`JsonNode::to_value`].

use std::slice;

use serde_json::{Number, Value};

use super::{Item, JsonTree, Span};
use crate::canonical_value::canonical_order;

/// One value of a tree.
#[derive(Clone, Copy)]
pub struct JsonNode<'t> {
    tree: &'t JsonTree,
    item: &'t Item,
}

/// What a value is.
#[derive(Clone, Copy)]
pub enum JsonKind<'t> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(JsonNumber),
    /// A text, without its escapes.
    Text(&'t str),
    /// An array.
    Array(JsonItems<'t>),
    /// An object.
    Object(JsonMembers<'t>),
}

/// A number of a tree. Whole numbers below 2^53 are integers, however they were written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum JsonNumber {
    /// Within ±(2^53-1).
    Integer(i64),
    /// Any other double.
    Float(f64),
}

impl From<JsonNumber> for Number {
    fn from(number: JsonNumber) -> Self {
        match number {
            JsonNumber::Integer(value) => value.into(),
            JsonNumber::Float(value) => Number::from_f64(value).unwrap_or_else(|| 0.into()),
        }
    }
}

/// The items of an array.
#[derive(Clone, Copy)]
pub struct JsonItems<'t> {
    tree: &'t JsonTree,
    items: &'t [Item],
}

/// The members of an object, in canonical order.
#[derive(Clone, Copy)]
pub struct JsonMembers<'t> {
    tree: &'t JsonTree,
    /// Name and value in turn.
    pairs: &'t [[Item; 2]],
}

impl<'t> JsonNode<'t> {
    pub(super) fn root(tree: &'t JsonTree) -> Self {
        let item = tree.items.last().unwrap_or(&Item::Null);
        Self { tree, item }
    }

    /// Its text, where it is one.
    #[inline]
    pub fn as_text(self) -> Option<&'t str> {
        match *self.item {
            Item::Plain(_) | Item::Escaped(_) => Some(self.tree.text_of(self.item)),
            _ => None,
        }
    }

    /// What it is.
    #[inline]
    pub fn kind(self) -> JsonKind<'t> {
        let tree = self.tree;
        match *self.item {
            Item::Null => JsonKind::Null,
            Item::Bool(value) => JsonKind::Bool(value),
            Item::Integer { value, .. } => JsonKind::Number(JsonNumber::Integer(value)),
            Item::Float { value, .. } => JsonKind::Number(JsonNumber::Float(value)),
            Item::Plain(span) => JsonKind::Text(&tree.text[span.range()]),
            Item::Escaped(span) => JsonKind::Text(&tree.unescaped[span.range()]),
            Item::Array(span) => JsonKind::Array(JsonItems { tree, items: tree.children(span) }),
            Item::Object(span) => JsonKind::Object(JsonMembers { tree, pairs: tree.children(span).as_chunks().0 }),
        }
    }

    /// Where it stands: two values of one tree have two addresses.
    pub fn address(self) -> usize {
        std::ptr::from_ref(self.item).addr()
    }

    /// The value as `serde_json` has it.
    pub fn to_value(self) -> Value {
        match self.kind() {
            JsonKind::Null => Value::Null,
            JsonKind::Bool(value) => Value::Bool(value),
            JsonKind::Number(number) => Value::Number(number.into()),
            JsonKind::Text(text) => Value::String(text.to_owned()),
            JsonKind::Array(items) => items.iter().map(JsonNode::to_value).collect(),
            JsonKind::Object(members) => {
                Value::Object(members.iter().map(|(name, member)| (name.to_owned(), member.to_value())).collect())
            }
        }
    }
}

impl JsonTree {
    #[inline]
    fn children(&self, span: Span) -> &[Item] {
        self.items.get(span.range()).unwrap_or_default()
    }

    /// The text of an item that is one.
    #[inline]
    fn text_of(&self, item: &Item) -> &str {
        match *item {
            Item::Plain(span) => &self.text[span.range()],
            Item::Escaped(span) => &self.unescaped[span.range()],
            _ => "",
        }
    }
}

impl<'t> JsonItems<'t> {
    /// How many.
    pub fn len(self) -> usize {
        self.items.len()
    }

    /// True where there is none.
    pub fn is_empty(self) -> bool {
        self.items.is_empty()
    }

    /// Each of them.
    pub fn iter(self) -> EachItem<'t> {
        EachItem { tree: self.tree, items: self.items.iter() }
    }
}

impl<'t> JsonMembers<'t> {
    /// How many.
    pub fn len(self) -> usize {
        self.pairs.len()
    }

    /// True where there is none.
    pub fn is_empty(self) -> bool {
        self.pairs.is_empty()
    }

    /// Each name with its value.
    pub fn iter(self) -> EachMember<'t> {
        EachMember { tree: self.tree, pairs: self.pairs.iter() }
    }

    /// The value of a member, in a time that grows with the logarithm of their number.
    pub fn get(self, name: &str) -> Option<JsonNode<'t>> {
        let tree = self.tree;
        let found = |item| JsonNode { tree, item };
        if self.pairs.len() <= SCANNED_MAX {
            return self.pairs.iter().find(|[own, _]| tree.text_of(own) == name).map(|[_, item]| found(item));
        }
        let at = self.pairs.binary_search_by(|[own, _]| canonical_order(tree.text_of(own), name)).ok()?;
        self.pairs.get(at).map(|[_, item]| found(item))
    }
}

/// [`JsonItems::iter`].
#[derive(Clone)]
pub struct EachItem<'t> {
    tree: &'t JsonTree,
    items: slice::Iter<'t, Item>,
}

impl<'t> Iterator for EachItem<'t> {
    type Item = JsonNode<'t>;

    #[inline]
    fn next(&mut self) -> Option<JsonNode<'t>> {
        self.items.next().map(|item| JsonNode { tree: self.tree, item })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

/// [`JsonMembers::iter`].
#[derive(Clone)]
pub struct EachMember<'t> {
    tree: &'t JsonTree,
    pairs: slice::Iter<'t, [Item; 2]>,
}

impl<'t> Iterator for EachMember<'t> {
    type Item = (&'t str, JsonNode<'t>);

    #[inline]
    fn next(&mut self) -> Option<(&'t str, JsonNode<'t>)> {
        self.pairs.next().map(|[name, item]| (self.tree.text_of(name), JsonNode { tree: self.tree, item }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.pairs.size_hint()
    }
}

/// Members up to which looking at each is quicker than searching.
const SCANNED_MAX: usize = 8;
