//! Payloads as schemas see them: JSON values that nobody builds.
//!
//! `jsonschema` asks through traits for what it needs, so a payload is looked at where it is. What never happens
//! here: a copy of the instance, but where an error is made, which takes the value that it is about.

use std::borrow::Cow;
use std::collections::{BTreeMap, btree_map};
use std::ops::RangeFrom;
use std::slice;

use jsonschema::JsonType;
use jsonschema::json::{self, Array, Json, Node, NodeIdentity, Object};
use omega_contract::Payload;
use omega_contract::json_tree::{EachItem, EachMember, JsonItems, JsonKind, JsonMembers, JsonNode};
use serde_json::{Number, Value};

use super::cost::LevelSize;

/// The representation, for `jsonschema`.
pub(super) struct Instances;

/// One value of an instance.
#[derive(Clone, Copy)]
pub(super) enum Instance<'i> {
    /// A whole payload.
    Payload(&'i Payload),
    /// A text of a payload's own.
    Text(&'i str),
    /// Texts by name.
    Named(&'i BTreeMap<String, String>),
    /// Texts in a list.
    Listed(&'i [String]),
    /// A value of a tree.
    Tree(JsonNode<'i>),
    /// The hash that a reference states.
    Hash(&'i omega_contract::Sha256Hex),
}

/// What one value is, in the terms of the trait.
enum Kind<'i> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'i, str>),
    Array(Items<'i>),
    Object(Members<'i>),
}

impl<'i> Instance<'i> {
    fn kind(self) -> Kind<'i> {
        match self {
            Self::Payload(payload) => Kind::Object(Members::Payload(payload)),
            Self::Text(text) => Kind::Text(Cow::Borrowed(text)),
            Self::Named(texts) => Kind::Object(Members::Named(texts)),
            Self::Listed(texts) => Kind::Array(Items::Texts(texts)),
            Self::Hash(hash) => Kind::Text(Cow::Owned(hash.to_string())),
            Self::Tree(node) => match node.kind() {
                JsonKind::Null => Kind::Null,
                JsonKind::Bool(value) => Kind::Bool(value),
                JsonKind::Number(number) => Kind::Number(number.into()),
                JsonKind::Text(text) => Kind::Text(Cow::Borrowed(text)),
                JsonKind::Array(items) => Kind::Array(Items::Tree(items)),
                JsonKind::Object(members) => Kind::Object(Members::Tree(members)),
            },
        }
    }

    /// Counts the values and the bytes of strings and keys at each depth.
    pub(super) fn measure(self, levels: &mut [LevelSize]) {
        let Some((level, below)) = levels.split_first_mut() else { return };
        level.values += 1;
        match self.kind() {
            Kind::Text(text) => level.string_bytes += text.len() as u64,
            Kind::Array(items) => items.elements().for_each(|item| item.measure(below)),
            Kind::Object(members) => {
                for (name, member) in members.members() {
                    level.string_bytes += name.len() as u64;
                    if let Some(next) = below.first_mut() {
                        next.string_bytes += name.len() as u64;
                    }
                    member.measure(below);
                }
            }
            _ => {}
        }
    }
}

/// A name of the schema, to be looked up in an object.
pub(super) type Name = Box<str>;

impl Json for Instances {
    type Node<'i> = Instance<'i>;
    type PreparedKey = Name;
    const KEYS_PER_LOOKUP: usize = 2;
    type StringBuffer = ();

    fn prepare_key(key: &str) -> Name {
        key.into()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(Instance<'_>) -> T) -> T {
        f(Instance::Text(string))
    }
}

impl<'i> Node<'i, Instances> for Instance<'i> {
    type Object = Members<'i>;
    type Array = Items<'i>;
    type Number = Number;

    fn as_object(&self) -> Option<Members<'i>> {
        match *self {
            Self::Tree(node) => match node.kind() {
                JsonKind::Object(members) => Some(Members::Tree(members)),
                _ => None,
            },
            Self::Payload(payload) => Some(Members::Payload(payload)),
            Self::Named(texts) => Some(Members::Named(texts)),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<Items<'i>> {
        match *self {
            Self::Tree(node) => match node.kind() {
                JsonKind::Array(items) => Some(Items::Tree(items)),
                _ => None,
            },
            Self::Listed(texts) => Some(Items::Texts(texts)),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'i, str>> {
        match *self {
            Self::Tree(node) => node.as_text().map(Cow::Borrowed),
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Hash(hash) => Some(Cow::Owned(hash.to_string())),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<Number> {
        match *self {
            Self::Tree(node) => match node.kind() {
                JsonKind::Number(number) => Some(number.into()),
                _ => None,
            },
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match *self {
            Self::Tree(node) => match node.kind() {
                JsonKind::Bool(value) => Some(value),
                _ => None,
            },
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        self.json_type() == JsonType::Null
    }

    fn is_number(&self) -> bool {
        self.json_type() == JsonType::Number
    }

    fn json_type(&self) -> JsonType {
        match *self {
            Self::Tree(node) => match node.kind() {
                JsonKind::Null => JsonType::Null,
                JsonKind::Bool(_) => JsonType::Boolean,
                JsonKind::Number(_) => JsonType::Number,
                JsonKind::Text(_) => JsonType::String,
                JsonKind::Array(_) => JsonType::Array,
                JsonKind::Object(_) => JsonType::Object,
            },
            Self::Payload(_) | Self::Named(_) => JsonType::Object,
            Self::Listed(_) => JsonType::Array,
            Self::Text(_) | Self::Hash(_) => JsonType::String,
        }
    }

    /// Value by value: the default would build a tree for each alternative of an `enum`.
    fn equals_value(&self, expected: &Value) -> bool {
        match (self.kind(), expected) {
            (Kind::Null, Value::Null) => true,
            (Kind::Bool(own), Value::Bool(expected)) => own == *expected,
            (Kind::Number(own), Value::Number(_)) => json::cmp::equal(&Value::Number(own), expected),
            (Kind::Text(own), Value::String(expected)) => own == expected.as_str(),
            (Kind::Array(own), Value::Array(expected)) => {
                own.len() == expected.len()
                    && own.elements().zip(expected).all(|(own, expected)| own.equals_value(expected))
            }
            (Kind::Object(own), Value::Object(expected)) => {
                own.len() == expected.len()
                    && own
                        .members()
                        .all(|(name, own)| expected.get(name).is_some_and(|expected| own.equals_value(expected)))
            }
            _ => false,
        }
    }

    fn to_value(&self) -> Cow<'i, Value> {
        Cow::Owned(match self.kind() {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(value),
            Kind::Number(number) => Value::Number(number),
            Kind::Text(text) => Value::String(text.into_owned()),
            Kind::Array(items) => items.elements().map(|item| item.to_value().into_owned()).collect(),
            Kind::Object(members) => Value::Object(
                members.members().map(|(name, member)| (name.to_owned(), member.to_value().into_owned())).collect(),
            ),
        })
    }

    fn identity(&self) -> Option<NodeIdentity> {
        // A payload and its first field may begin at one address.
        let (address, tag) = match self {
            Self::Payload(payload) => (std::ptr::from_ref::<Payload>(payload).addr(), 1),
            Self::Text(text) => (text.as_ptr().addr(), 2),
            Self::Named(texts) => (std::ptr::from_ref::<BTreeMap<_, _>>(texts).addr(), 3),
            Self::Listed(texts) => (texts.as_ptr().addr(), 4),
            Self::Tree(node) => (node.address(), 5),
            Self::Hash(hash) => (std::ptr::from_ref(*hash).addr(), 6),
        };
        // Texts that are empty may share an address; only what can hold others comes back to itself.
        (tag != 2).then(|| NodeIdentity::tagged(address, tag))
    }
}

/// The members of an object.
#[derive(Clone, Copy)]
pub(super) enum Members<'i> {
    Payload(&'i Payload),
    Named(&'i BTreeMap<String, String>),
    Tree(JsonMembers<'i>),
}

/// Members of a payload, each kind's own, in the order of their names.
fn field(payload: &Payload, index: usize) -> Option<(&'static str, Instance<'_>)> {
    Some(match (payload, index) {
        (Payload::Text(_) | Payload::BinaryRef(_), 2) | (Payload::Json(_) | Payload::DatasetSlice(_), 1) => {
            ("kind", Instance::Text(payload.kind().as_str()))
        }
        (Payload::Text(text), 0) => ("content", Instance::Text(&text.content)),
        (Payload::Text(text), 1) => ("encoding", Instance::Text(text.encoding.as_str())),
        (Payload::Text(text), 3) => ("metadata", Instance::Named(&text.metadata)),
        (Payload::Json(json), 0) => ("data", Instance::Tree(json.data.root())),
        (Payload::Json(json), 2) => ("schema_ref", Instance::Text(&json.schema_ref)),
        (Payload::BinaryRef(binary), 0) => ("artifact_hash", Instance::Hash(&binary.artifact_hash)),
        (Payload::BinaryRef(binary), 1) => ("artifact_id", Instance::Text(&binary.artifact_id)),
        (Payload::BinaryRef(binary), 3) => ("mime_type", Instance::Text(&binary.mime_type)),
        (Payload::DatasetSlice(slice), 0) => ("filters", Instance::Named(&slice.filters)),
        (Payload::DatasetSlice(slice), 2) => ("slice_ids", Instance::Listed(&slice.slice_ids)),
        (Payload::DatasetSlice(slice), 3) => ("source", Instance::Text(&slice.source)),
        _ => return None,
    })
}

fn fields(payload: &Payload) -> impl Iterator<Item = (&'static str, Instance<'_>)> {
    (0..).map_while(move |index| field(payload, index))
}

impl<'i> Object<'i, Instances> for Members<'i> {
    type Node = Instance<'i>;
    type MemberName = &'i str;
    type MembersIter = EachField<'i>;

    fn len(&self) -> usize {
        match self {
            Self::Payload(payload) => fields(payload).count(),
            Self::Named(texts) => texts.len(),
            Self::Tree(members) => members.len(),
        }
    }

    fn get(&self, key: &Name) -> Option<Instance<'i>> {
        match *self {
            Self::Payload(payload) => fields(payload).find(|(name, _)| *name == &**key).map(|(_, member)| member),
            Self::Named(texts) => texts.get(&**key).map(|text| Instance::Text(text)),
            Self::Tree(members) => members.get(key).map(Instance::Tree),
        }
    }

    fn members(&self) -> Self::MembersIter {
        match *self {
            Self::Payload(payload) => EachField::Payload(payload, 0..),
            Self::Named(texts) => EachField::Named(texts.iter()),
            Self::Tree(members) => EachField::Tree(members.iter()),
        }
    }
}

/// Name and value of each member.
pub(super) enum EachField<'i> {
    Payload(&'i Payload, RangeFrom<usize>),
    Named(btree_map::Iter<'i, String, String>),
    Tree(EachMember<'i>),
}

impl<'i> Iterator for EachField<'i> {
    type Item = (&'i str, Instance<'i>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Payload(payload, indexes) => field(payload, indexes.next()?),
            Self::Named(texts) => texts.next().map(|(name, text)| (name.as_str(), Instance::Text(text))),
            Self::Tree(members) => members.next().map(|(name, node)| (name, Instance::Tree(node))),
        }
    }
}

/// The items of an array.
#[derive(Clone, Copy)]
pub(super) enum Items<'i> {
    Texts(&'i [String]),
    Tree(JsonItems<'i>),
}

impl<'i> Array<'i, Instances> for Items<'i> {
    type Node = Instance<'i>;
    type ElementsIter = EachElement<'i>;

    fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Tree(items) => items.len(),
        }
    }

    fn elements(&self) -> EachElement<'i> {
        match self {
            Self::Texts(texts) => EachElement::Texts(texts.iter()),
            Self::Tree(items) => EachElement::Tree(items.iter()),
        }
    }
}

/// Each item.
pub(super) enum EachElement<'i> {
    Texts(slice::Iter<'i, String>),
    Tree(EachItem<'i>),
}

impl<'i> Iterator for EachElement<'i> {
    type Item = Instance<'i>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Texts(texts) => texts.next().map(|text| Instance::Text(text)),
            Self::Tree(items) => items.next().map(Instance::Tree),
        }
    }
}

#[cfg(test)]
mod tests;
