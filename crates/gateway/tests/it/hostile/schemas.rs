//! Schemas that would keep a validator busy or make it look elsewhere, and texts that would keep a good one busy.

use std::sync::Arc;

use omega_contract::ErrorCode;
use serde_json::{Value, json};

use super::Expected::{CallRefused, Ends};
use super::wat::Guest;
use super::{Expected, Files, Given, OK, Row};
use crate::harness::edit;

const INPUT: &str = "schemas/inputs/text.schema.json";

const fn schema(name: &'static str, attack: &'static str, change: fn(&mut Files), detail: &'static str) -> Row {
    let expected = Expected::NotRegistered(ErrorCode::SchemaInvalid, detail);
    Row { name, attack, given: Given::Package(change, String::new), expected }
}

const fn text(
    name: &'static str,
    attack: &'static str,
    change: fn(&mut Files),
    text: fn() -> String,
    expected: Expected,
) -> Row {
    Row { name, attack, given: Given::Package(change, text), expected }
}

fn input(files: &mut Files, schema: &Value) {
    files.insert(INPUT.into(), Arc::from(schema.to_string().into_bytes()));
}

/// An input schema with this pattern, and an echo behind it.
fn pattern(files: &mut Files, pattern: &str) {
    input(files, &json!({"type": "object", "properties": {"content": {"pattern": pattern}}}));
    files.insert("plugin.wasm".into(), Guest::echo().build().into());
    edit(files, |manifest| manifest["limits"]["max_ms"] = json!(20_000));
}

pub(super) const ROWS: &[Row] = &[
    schema(
        "doubling-references",
        "refers twice to what refers twice, forty times",
        |files| {
            let mut definitions = serde_json::Map::new();
            for level in 0..40 {
                let next = format!("#/$defs/d{}", level + 1);
                definitions.insert(format!("d{level}"), json!({"allOf": [{"$ref": next}, {"$ref": next}]}));
            }
            definitions.insert("d40".into(), json!(true));
            input(files, &json!({"$ref": "#/$defs/d0", "$defs": definitions}));
        },
        "evaluated",
    ),
    schema(
        "circle-of-references",
        "refers to itself without an end",
        |files| {
            input(
                files,
                &json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
            );
        },
        "circle",
    ),
    schema(
        "remote-reference",
        "refers to a schema on the network",
        |files| {
            input(files, &json!({"$ref": "https://example.org/evil.json"}));
        },
        "$ref",
    ),
    schema(
        "file-reference",
        "refers to a file of the host",
        |files| {
            input(files, &json!({"$ref": "file:///etc/passwd"}));
        },
        "$ref",
    ),
    schema(
        "look-around",
        "has a pattern that only backtracking matches",
        |files| pattern(files, "^(?=(a+)+$)b"),
        "pattern",
    ),
    schema("back-reference", "has a pattern that refers back", |files| pattern(files, "^(a+)+\\1$"), "pattern"),
    schema(
        "counted-pattern",
        "has a pattern that is a billion when it is written out",
        |files| {
            pattern(files, "((a{1000}){1000}){1000}");
        },
        "pattern",
    ),
    schema(
        "unicode-pattern",
        "has a pattern whose classes fill the memory",
        |files| {
            pattern(files, "(\\p{L}{50}\\p{N}{50}){20}");
        },
        "pattern",
    ),
    schema(
        "many-patterns",
        "has a pattern more than is taken",
        |files| {
            let all: Vec<Value> = (0..129).map(|n| json!({"pattern": format!("a{n}")})).collect();
            input(files, &json!({"allOf": all}));
        },
        "patterns",
    ),
    schema(
        "long-pattern",
        "has a pattern of a kilobyte and more",
        |files| pattern(files, &"a".repeat(1_025)),
        "pattern",
    ),
    schema(
        "deep-schema",
        "nests subschemas deeper than JSON may be",
        |files| {
            let text = format!("{}true{}", r#"{"not":"#.repeat(1_000), "}".repeat(1_000));
            files.insert(INPUT.into(), Arc::from(text.into_bytes()));
        },
        "JSON",
    ),
    schema(
        "large-schema",
        "has a schema larger than is taken",
        |files| {
            input(files, &json!({"title": "x".repeat(300_000)}));
        },
        "",
    ),
    schema(
        "long-enum",
        "lists 20,000 values",
        |files| {
            input(files, &json!({"enum": (0..20_000).collect::<Vec<_>>()}));
        },
        "",
    ),
    schema(
        "many-subschemas",
        "has 20,000 subschemas",
        |files| {
            let all: Vec<Value> = (0..20_000).map(|_| json!({})).collect();
            input(files, &json!({"anyOf": all}));
        },
        "",
    ),
    schema(
        "other-dialect",
        "is written in a dialect of its own",
        |files| {
            input(files, &json!({"$schema": "https://example.org/evil", "type": "object"}));
        },
        "$schema",
    ),
    schema(
        "schema-not-json",
        "has a schema that is no JSON",
        |files| {
            files.insert(INPUT.into(), Arc::from(&b"{\"type\": NaN}"[..]));
        },
        "JSON",
    ),
    schema(
        "schema-doubled-key",
        "has a schema with a key twice",
        |files| {
            files.insert(INPUT.into(), Arc::from(&b"{\"type\": \"object\", \"type\": \"string\"}"[..]));
        },
        "JSON",
    ),
    // Patterns that are catastrophic where they are matched by backtracking, and the texts that make them so.
    text(
        "nested-quantifiers",
        "matches nested quantifiers against 300 kB that almost fits",
        |files| {
            pattern(files, "^(a+)+$");
        },
        || "a".repeat(300_000) + "!",
        CallRefused(ErrorCode::PayloadSchemaMismatch),
    ),
    text(
        "nested-quantifiers-that-fit",
        "matches nested quantifiers against 300 kB that fits",
        |files| {
            pattern(files, "^(a+)+$");
        },
        || "a".repeat(300_000),
        Ends(&[OK]),
    ),
    text(
        "exponential-automaton",
        "matches a pattern whose automaton has 2^40 states",
        |files| {
            pattern(files, "[ab]*a[ab]{40}c");
        },
        || "ab".repeat(150_000),
        CallRefused(ErrorCode::PayloadSchemaMismatch),
    ),
];
