//! Alternatives of which at most one can apply: each requires the same member to be its own text.
//!
//! The `jsonschema` crate then looks at that member and evaluates one alternative only, so that recursive
//! unions cost what their one branch costs. This says where it does so, by the same rule; the campaign T4
//! counts that it still does. What never happens here: looking at an instance.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::document::Dialect;
use super::reference::{self, Target};

/// Alternatives below which the crate does not dispatch.
const ALTERNATIVES_MIN: usize = 3;
/// References and `allOf`s that are followed.
const FOLLOWED_MAX: usize = 16;

/// True where an object can match at most one of `alternatives`, told apart by one member.
pub(super) fn exclusive(root: &Value, dialect: Dialect, alternatives: &[Value]) -> bool {
    if alternatives.len() < ALTERNATIVES_MIN {
        return false;
    }
    let reader = Reader { root, dialect };
    let pins: Vec<BTreeMap<&str, &str>> = alternatives.iter().map(|branch| reader.pins(branch)).collect();
    let Some(first) = pins.first() else { return false };
    first.keys().any(|name| {
        let values: Vec<&&str> = pins.iter().filter_map(|pinned| pinned.get(name)).collect();
        values.len() == pins.len() && values.iter().collect::<BTreeSet<_>>().len() == pins.len()
    })
}

struct Reader<'s> {
    root: &'s Value,
    dialect: Dialect,
}

#[derive(Default)]
struct Collected<'s> {
    required: BTreeSet<&'s str>,
    properties: Vec<&'s Map<String, Value>>,
}

impl<'s> Reader<'s> {
    /// The required members of a branch that are fixed to one text.
    fn pins(&self, branch: &'s Value) -> BTreeMap<&'s str, &'s str> {
        let mut collected = Collected::default();
        self.collect(branch, 0, &mut collected);
        let pinned = |name: &&'s str| {
            let value = collected.properties.iter().find_map(|properties| self.pinned(properties.get(*name)?, 0))?;
            Some((*name, value))
        };
        collected.required.iter().filter_map(pinned).collect()
    }

    fn collect(&self, schema: &'s Value, followed: usize, into: &mut Collected<'s>) {
        if followed > FOLLOWED_MAX {
            return;
        }
        if let Some(target) = self.referred(schema) {
            self.collect(target, followed + 1, into);
        }
        if self.reference_alone(schema) {
            return;
        }
        let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        into.required.extend(names.filter_map(Value::as_str));
        into.properties.extend(schema.get("properties").and_then(Value::as_object));
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.collect(part, followed + 1, into);
        }
    }

    /// The one text that a subschema takes.
    fn pinned(&self, schema: &'s Value, followed: usize) -> Option<&'s str> {
        if followed > FOLLOWED_MAX {
            return None;
        }
        if let Some(text) = self.referred(schema).and_then(|target| self.pinned(target, followed + 1)) {
            return Some(text);
        }
        if self.reference_alone(schema) {
            return None;
        }
        match (schema.get("const"), schema.get("enum").and_then(Value::as_array).map(Vec::as_slice)) {
            (Some(Value::String(text)), _) | (_, Some([Value::String(text)])) => Some(text),
            _ => None,
        }
    }

    fn referred(&self, schema: &'s Value) -> Option<&'s Value> {
        match reference::target(schema.get("$ref")?.as_str()?)? {
            Target::Pointer(pointer) => self.root.pointer(&pointer),
            Target::Anchor(_) => None,
        }
    }

    /// Draft-07 ignores everything beside a `$ref`.
    fn reference_alone(&self, schema: &Value) -> bool {
        self.dialect == Dialect::Draft7 && schema.get("$ref").is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn alternatives_are_told_apart_by_one_required_text() {
        let branch = |tag: &str| json!({"required": ["kind"], "properties": {"kind": {"const": tag}}});
        let check = |alternatives: Value, expect: bool| {
            let root = json!({"anyOf": alternatives, "$defs": {"c": branch("c"), "tag": {"enum": ["b"]}}});
            let alternatives = root["anyOf"].as_array().unwrap();
            assert_eq!(exclusive(&root, Dialect::Draft202012, alternatives), expect, "{root}");
        };
        let by_reference = json!({"allOf": [{"required": ["kind"]}], "properties": {"kind": {"$ref": "#/$defs/tag"}}});
        check(json!([branch("a"), branch("b"), branch("c")]), true);
        check(json!([branch("a"), by_reference, {"$ref": "#/$defs/c"}]), true);
        check(json!([branch("a"), branch("b")]), false);
        check(json!([branch("a"), branch("b"), branch("a")]), false);
        check(json!([branch("a"), branch("b"), {"properties": {"kind": {"const": "c"}}}]), false);
        check(
            json!([branch("a"), branch("b"), {"required": ["kind"], "properties": {"kind": {"enum": ["c", "d"]}}}]),
            false,
        );
        check(json!([branch("a"), branch("b"), true]), false);
    }
}
