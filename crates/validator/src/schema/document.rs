//! A schema document as subschemas and the edges between them, references resolved.
//!
//! What never happens here: an edge to anything outside the document.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::reader::Reader;
use super::reference::{self, Target};
use super::{SchemaError, discriminator};
use crate::field_path::shown;

/// The two dialects that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// 2020-12; also where `$schema` is absent.
    Draft202012,
    /// Draft-07.
    Draft7,
}

pub(super) type NodeId = usize;

/// One subschema: what its own keywords cost, and which subschemas it applies to what.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Its JSON Pointer.
    pub pointer: String,
    /// Work units of its own keywords on one value.
    pub weight: u64,
    /// Sixteenths of a work unit on each byte of a string.
    pub string_sixteenths: u64,
    /// Work units on each value below, of keywords that look at everything below (`uniqueItems`, `const`, `enum`).
    pub reads_below: u64,
    /// Applied to the same value.
    pub in_place: Vec<NodeId>,
    /// Applied to the same value, of each group at most one where the value is an object.
    pub exclusive: Vec<Vec<NodeId>>,
    /// Applied to members of an object.
    pub members: Children<String>,
    /// Applied to members of an array.
    pub items: Children<usize>,
}

/// What is applied to the children of a value.
#[derive(Debug)]
pub(super) struct Children<K> {
    /// By name or position.
    pub keyed: BTreeMap<K, NodeId>,
    /// To the children that `keyed` does not name.
    pub rest: Option<NodeId>,
    /// To any child, whatever else is.
    pub any: Vec<NodeId>,
}

impl<K> Default for Children<K> {
    fn default() -> Self {
        Self { keyed: BTreeMap::new(), rest: None, any: Vec::new() }
    }
}

/// A schema document, read.
#[derive(Debug)]
pub(super) struct Document {
    pub dialect: Dialect,
    /// Every subschema; the first is the root.
    pub nodes: Vec<Node>,
    /// The document again, with nothing in it but what was understood.
    pub understood: Value,
    /// True where the schema has `anyOf`, `oneOf` or `contains`, whose faults come in bundles.
    pub has_alternatives: bool,
}

impl Document {
    pub(super) fn read(schema: &Value) -> Result<Self, SchemaError> {
        let dialect = dialect(schema)?;
        let mut reader = Reader::new(dialect);
        let (root, understood) = reader.subschema(schema, String::new())?;
        debug_assert_eq!(root, 0);
        let mut document = Self { dialect, nodes: reader.nodes, understood, has_alternatives: reader.has_alternatives };
        document.resolve(reader.references, &reader.by_pointer, &reader.by_anchor)?;
        document.place_alternatives(reader.alternatives);
        Ok(document)
    }

    /// Points each reference at its target, as an edge and in what was understood.
    fn resolve(
        &mut self,
        references: Vec<(NodeId, String)>,
        by_pointer: &HashMap<String, NodeId>,
        by_anchor: &HashMap<String, NodeId>,
    ) -> Result<(), SchemaError> {
        for (node, reference) in references {
            let at = &self.nodes[node].pointer;
            let target = match reference::target(&reference) {
                Some(Target::Pointer(pointer)) => by_pointer.get(&pointer),
                Some(Target::Anchor(name)) => by_anchor.get(&name),
                None => None,
            };
            let Some(&target) = target else {
                return Err(SchemaError::Reference { at: reference::fragment(at), reference: shown(&reference) });
            };
            let fragment = reference::fragment(&self.nodes[target].pointer);
            if let Some(Value::Object(object)) = self.understood.pointer_mut(&self.nodes[node].pointer) {
                object.insert("$ref".into(), Value::String(fragment));
            }
            self.nodes[node].in_place.push(target);
        }
        Ok(())
    }

    /// Makes edges of alternatives, once references are resolved through which they may be told apart.
    fn place_alternatives(&mut self, alternatives: Vec<Alternatives>) {
        for Alternatives { node, keyword, branches } in alternatives {
            let pointer = reference::join(&self.nodes[node].pointer, keyword);
            let written = self.understood.pointer(&pointer).and_then(Value::as_array);
            let exclusive =
                written.is_some_and(|written| discriminator::exclusive(&self.understood, self.dialect, written));
            if exclusive {
                self.nodes[node].exclusive.push(branches);
            } else {
                self.nodes[node].in_place.extend(branches);
            }
        }
    }
}

/// The branches of one `anyOf` or `oneOf`.
pub(super) struct Alternatives {
    pub node: NodeId,
    pub keyword: &'static str,
    pub branches: Vec<NodeId>,
}

fn dialect(schema: &Value) -> Result<Dialect, SchemaError> {
    match schema.get("$schema") {
        None => Ok(Dialect::Draft202012),
        Some(Value::String(uri)) => match uri.trim_end_matches('#') {
            "https://json-schema.org/draft/2020-12/schema" => Ok(Dialect::Draft202012),
            "http://json-schema.org/draft-07/schema" => Ok(Dialect::Draft7),
            other => Err(SchemaError::Draft { found: shown(other) }),
        },
        Some(other) => Err(SchemaError::Draft { found: shown(&other.to_string()) }),
    }
}
