//! Reads the keywords of each subschema, and writes down again only what was understood: that is what gets
//! compiled.
//!
//! What never happens here: passing on a keyword that was not looked at.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::document::{Alternatives, Children, Dialect, Node, NodeId};
use super::pattern::PATTERNS_MAX;
use super::{SchemaError, pattern, reference};
use crate::field_path::shown;

/// Subschemas of one schema.
pub const SUBSCHEMAS_MAX: usize = 4_096;
/// Values of one `enum`, and names of one `required`.
pub const ENUM_VALUES_MAX: usize = 4_096;

/// A document while it is read.
pub(super) struct Reader {
    dialect: Dialect,
    pub nodes: Vec<Node>,
    pub by_pointer: HashMap<String, NodeId>,
    pub by_anchor: HashMap<String, NodeId>,
    /// Each `$ref` as it is written, and where.
    pub references: Vec<(NodeId, String)>,
    pub alternatives: Vec<Alternatives>,
    patterns: usize,
    pub has_alternatives: bool,
}

/// One subschema while it is read.
struct Frame<'s> {
    id: NodeId,
    pointer: String,
    source: &'s Map<String, Value>,
    understood: Map<String, Value>,
}

impl Frame<'_> {
    fn wrong(&self, keyword: &'static str, expected: &'static str) -> SchemaError {
        SchemaError::Keyword { at: reference::fragment(&self.pointer), keyword, expected }
    }

    fn refused(&self, keyword: &'static str, why: &'static str) -> SchemaError {
        SchemaError::Refused { at: reference::fragment(&self.pointer), keyword, why }
    }
}

impl Reader {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            nodes: Vec::new(),
            by_pointer: HashMap::new(),
            by_anchor: HashMap::new(),
            references: Vec::new(),
            alternatives: Vec::new(),
            patterns: 0,
            has_alternatives: false,
        }
    }

    /// Reads one subschema and everything below it. The strict reader bounds the depth of this recursion.
    pub(super) fn subschema(&mut self, schema: &Value, pointer: String) -> Result<(NodeId, Value), SchemaError> {
        let id = self.nodes.len();
        if id >= SUBSCHEMAS_MAX {
            return Err(SchemaError::TooMany { what: "subschemas", count: id + 1, count_max: SUBSCHEMAS_MAX });
        }
        self.nodes.push(Node { pointer: pointer.clone(), weight: 1, ..Node::default() });
        self.by_pointer.insert(pointer.clone(), id);
        match schema {
            Value::Bool(_) => Ok((id, schema.clone())),
            Value::Object(source) => {
                let mut frame = Frame { id, pointer, source, understood: Map::new() };
                self.identity(&mut frame)?;
                self.assertions(&mut frame)?;
                self.in_place(&mut frame)?;
                self.of_objects(&mut frame)?;
                self.of_arrays(&mut frame)?;
                self.definitions(&mut frame)?;
                Ok((id, Value::Object(frame.understood)))
            }
            _ => Err(SchemaError::Invalid {
                at: reference::fragment(&pointer),
                cause: "a schema is an object, true or false".into(),
            }),
        }
    }

    /// `$ref`, anchors, and the identifiers that are refused.
    fn identity(&mut self, frame: &mut Frame<'_>) -> Result<(), SchemaError> {
        const DYNAMIC: &str = "what it means depends on the path of evaluation; use `$ref`";
        for keyword in ["$dynamicRef", "$recursiveRef", "$recursiveAnchor", "$dynamicAnchor"] {
            if frame.source.contains_key(keyword) {
                return Err(frame.refused(keyword, DYNAMIC));
            }
        }
        if frame.source.contains_key("$vocabulary") {
            return Err(frame.refused("$vocabulary", "it belongs to a meta-schema"));
        }
        if frame.id != 0 && frame.source.contains_key("$schema") {
            return Err(frame.refused("$schema", "the root alone names the dialect"));
        }
        match frame.source.get("$id") {
            None => {}
            Some(Value::String(id)) if self.dialect == Dialect::Draft7 && id.starts_with('#') => {
                self.anchor(frame, "$id", id.trim_start_matches('#'))?;
            }
            // The root's own name changes nothing, since references are local.
            Some(Value::String(_)) if frame.id == 0 => {}
            Some(_) => return Err(frame.refused("$id", "only the root may have a name; use `$anchor` or `#/…`")),
        }
        match frame.source.get("$anchor") {
            Some(Value::String(name)) if self.dialect == Dialect::Draft202012 => self.anchor(frame, "$anchor", name)?,
            Some(_) if self.dialect == Dialect::Draft202012 => return Err(frame.wrong("$anchor", "is a name")),
            _ => {}
        }
        match frame.source.get("$ref") {
            None => {}
            Some(Value::String(reference)) => {
                // Filled in once every subschema is known; until then it names the root.
                frame.understood.insert("$ref".into(), Value::String("#".into()));
                self.references.push((frame.id, reference.clone()));
            }
            Some(_) => return Err(frame.wrong("$ref", "is a text")),
        }
        Ok(())
    }

    fn anchor(&mut self, frame: &Frame<'_>, keyword: &'static str, name: &str) -> Result<(), SchemaError> {
        if self.by_anchor.insert(name.to_owned(), frame.id).is_some() {
            return Err(frame.wrong(keyword, "names two subschemas"));
        }
        Ok(())
    }

    /// Keywords that look at the value and apply no subschema.
    fn assertions(&mut self, frame: &mut Frame<'_>) -> Result<(), SchemaError> {
        const PLAIN: [&str; 12] = [
            "type",
            "multipleOf",
            "maximum",
            "exclusiveMaximum",
            "minimum",
            "exclusiveMinimum",
            "maxItems",
            "minItems",
            "maxProperties",
            "minProperties",
            "maxLength",
            "minLength",
        ];
        let node = frame.id;
        for keyword in PLAIN {
            if Self::copy(frame, keyword).is_some() {
                self.nodes[node].weight += 1;
            }
        }
        for keyword in ["maxLength", "minLength"] {
            if frame.source.contains_key(keyword) {
                self.nodes[node].string_sixteenths += 1;
            }
        }
        if let Some(Value::Bool(true)) = Self::copy(frame, "uniqueItems") {
            // Arrays of up to 15 items are compared pairwise, longer ones hashed.
            self.nodes[node].reads_below += 16;
            self.nodes[node].weight += 1;
        }
        if let Some(value) = Self::copy(frame, "const") {
            self.compares_with(node, value);
        }
        for keyword in ["enum", "required"] {
            let Some(value) = Self::copy(frame, keyword) else { continue };
            let Value::Array(values) = value else { return Err(frame.wrong(keyword, "is a list")) };
            if values.len() > ENUM_VALUES_MAX {
                return Err(SchemaError::TooMany {
                    what: "values in one list",
                    count: values.len(),
                    count_max: ENUM_VALUES_MAX,
                });
            }
            for value in values {
                self.compares_with(node, value);
            }
        }
        if let Some(value) = Self::copy(frame, "pattern") {
            let Value::String(text) = value else { return Err(frame.wrong("pattern", "is a text")) };
            self.pattern(frame, text)?;
        }
        self.dependent_required(frame)
    }

    fn copy<'s>(frame: &mut Frame<'s>, keyword: &'static str) -> Option<&'s Value> {
        let value = frame.source.get(keyword)?;
        frame.understood.insert(keyword.into(), value.clone());
        Some(value)
    }

    fn compares_with(&mut self, node: NodeId, value: &Value) {
        self.nodes[node].weight += 1;
        self.nodes[node].reads_below += u64::from(value.is_array() || value.is_object());
    }

    fn pattern(&mut self, frame: &Frame<'_>, text: &str) -> Result<(), SchemaError> {
        self.patterns += 1;
        if self.patterns > PATTERNS_MAX {
            return Err(SchemaError::TooMany { what: "patterns", count: self.patterns, count_max: PATTERNS_MAX });
        }
        let Some(sixteenths) = pattern::sixteenths_per_byte(text) else {
            return Err(SchemaError::Pattern { at: reference::fragment(&frame.pointer), pattern: shown(text) });
        };
        self.nodes[frame.id].weight += 4;
        self.nodes[frame.id].string_sixteenths += sixteenths;
        Ok(())
    }

    fn dependent_required(&mut self, frame: &mut Frame<'_>) -> Result<(), SchemaError> {
        let Some(value) = Self::copy(frame, "dependentRequired") else { return Ok(()) };
        let Value::Object(lists) = value else { return Err(frame.wrong("dependentRequired", "is an object")) };
        for list in lists.values() {
            let Value::Array(names) = list else {
                return Err(frame.wrong("dependentRequired", "holds lists of names"));
            };
            self.nodes[frame.id].weight += 1 + names.len() as u64;
        }
        Ok(())
    }

    /// Keywords that apply subschemas to the same value.
    fn in_place(&mut self, frame: &mut Frame<'_>) -> Result<(), SchemaError> {
        let all = self.list(frame, "allOf")?;
        self.nodes[frame.id].in_place.extend(all);
        for keyword in ["anyOf", "oneOf"] {
            let branches = self.list(frame, keyword)?;
            if !branches.is_empty() {
                self.has_alternatives = true;
                self.alternatives.push(Alternatives { node: frame.id, keyword, branches });
            }
        }
        for keyword in ["not", "if", "then", "else"] {
            let branch = self.single(frame, keyword)?;
            self.nodes[frame.id].in_place.extend(branch);
        }
        let dependent = self.map(frame, "dependentSchemas")?;
        self.nodes[frame.id].in_place.extend(dependent.into_values());
        self.dependencies(frame)
    }

    /// Draft-07's `dependencies`: a name to a schema or to a list of names.
    fn dependencies(&mut self, frame: &mut Frame<'_>) -> Result<(), SchemaError> {
        let Some(value) = frame.source.get("dependencies") else { return Ok(()) };
        if self.dialect == Dialect::Draft202012 {
            return Err(frame.refused("dependencies", "2020-12 has `dependentSchemas` and `dependentRequired` instead"));
        }
        let Value::Object(entries) = value else { return Err(frame.wrong("dependencies", "is an object")) };
        let mut understood = Map::new();
        let base = reference::join(&frame.pointer, "dependencies");
        for (name, entry) in entries {
            if let Value::Array(names) = entry {
                self.nodes[frame.id].weight += 1 + names.len() as u64;
                understood.insert(name.clone(), entry.clone());
            } else {
                let (id, schema) = self.subschema(entry, reference::join(&base, name))?;
                self.nodes[frame.id].in_place.push(id);
                understood.insert(name.clone(), schema);
            }
        }
        frame.understood.insert("dependencies".into(), Value::Object(understood));
        Ok(())
    }

    /// Keywords that apply subschemas to the members of an object.
    fn of_objects(&mut self, frame: &mut Frame<'_>) -> Result<(), SchemaError> {
        const UNEVALUATED: &str =
            "what it covers depends on the other keywords' outcomes; use `additionalProperties` or `items`";
        for keyword in ["unevaluatedProperties", "unevaluatedItems"] {
            if frame.source.contains_key(keyword) {
                return Err(frame.refused(keyword, UNEVALUATED));
            }
        }
        let keyed = self.map(frame, "properties")?;
        let patterns = self.map(frame, "patternProperties")?;
        for text in patterns.keys() {
            self.pattern(frame, text)?;
        }
        let rest = self.single(frame, "additionalProperties")?;
        let names = self.single(frame, "propertyNames")?;
        let node = &mut self.nodes[frame.id];
        node.weight += keyed.len() as u64;
        let any = patterns.into_values().chain(names).collect();
        node.members = Children { keyed: keyed.into_iter().collect(), rest, any };
        Ok(())
    }

    /// Keywords that apply subschemas to the members of an array.
    fn of_arrays(&mut self, frame: &mut Frame<'_>) -> Result<(), SchemaError> {
        let listed = matches!(frame.source.get("items"), Some(Value::Array(_)));
        let (positions, rest) = match self.dialect {
            Dialect::Draft202012 => (self.list(frame, "prefixItems")?, self.single(frame, "items")?),
            Dialect::Draft7 if listed => (self.list(frame, "items")?, self.single(frame, "additionalItems")?),
            Dialect::Draft7 => (Vec::new(), self.single(frame, "items")?),
        };
        let contains = self.single(frame, "contains")?;
        self.has_alternatives |= contains.is_some();
        if self.dialect == Dialect::Draft202012 {
            Self::copy(frame, "minContains");
            Self::copy(frame, "maxContains");
        }
        let node = &mut self.nodes[frame.id];
        node.weight += positions.len() as u64;
        node.items =
            Children { keyed: positions.into_iter().enumerate().collect(), rest, any: contains.into_iter().collect() };
        Ok(())
    }

    /// Places where subschemas wait to be referred to.
    fn definitions(&mut self, frame: &mut Frame<'_>) -> Result<(), SchemaError> {
        self.map(frame, "$defs")?;
        self.map(frame, "definitions")?;
        Ok(())
    }

    fn single(&mut self, frame: &mut Frame<'_>, keyword: &'static str) -> Result<Option<NodeId>, SchemaError> {
        let Some(value) = frame.source.get(keyword) else { return Ok(None) };
        let (id, understood) = self.subschema(value, reference::join(&frame.pointer, keyword))?;
        frame.understood.insert(keyword.into(), understood);
        Ok(Some(id))
    }

    fn list(&mut self, frame: &mut Frame<'_>, keyword: &'static str) -> Result<Vec<NodeId>, SchemaError> {
        let Some(value) = frame.source.get(keyword) else { return Ok(Vec::new()) };
        let Value::Array(schemas) = value else { return Err(frame.wrong(keyword, "is a list of schemas")) };
        let base = reference::join(&frame.pointer, keyword);
        let (mut ids, mut understood) = (Vec::new(), Vec::new());
        for (index, schema) in schemas.iter().enumerate() {
            let (id, schema) = self.subschema(schema, format!("{base}/{index}"))?;
            ids.push(id);
            understood.push(schema);
        }
        frame.understood.insert(keyword.into(), Value::Array(understood));
        Ok(ids)
    }

    fn map(&mut self, frame: &mut Frame<'_>, keyword: &'static str) -> Result<BTreeMap<String, NodeId>, SchemaError> {
        let Some(value) = frame.source.get(keyword) else { return Ok(BTreeMap::new()) };
        let Value::Object(schemas) = value else { return Err(frame.wrong(keyword, "is an object of schemas")) };
        let base = reference::join(&frame.pointer, keyword);
        let (mut ids, mut understood) = (BTreeMap::new(), Map::new());
        for (name, schema) in schemas {
            let (id, schema) = self.subschema(schema, reference::join(&base, name))?;
            ids.insert(name.clone(), id);
            understood.insert(name.clone(), schema);
        }
        frame.understood.insert(keyword.into(), Value::Object(understood));
        Ok(ids)
    }
}
