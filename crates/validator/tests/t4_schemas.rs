//! Campaign T4: the schemas of plugins are hostile input.
//!
//! A bomb is refused because its bound is computed, not because a clock ran out: a test that finishes is one
//! that was refused in time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use omega_contract::JsonTree;
use omega_contract::limits::{JSON_DEPTH_MAX, SCHEMA_BYTES_MAX};
use omega_validator::schema::{
    ENUM_VALUES_MAX, EVALUATIONS_MAX, NESTING_MAX, PATTERN_BYTES_MAX, PATTERNS_MAX, SUBSCHEMAS_MAX,
};
use omega_validator::{CompiledSchema, SchemaError, SchemaMismatch};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn compile(schema: &Value) -> Result<CompiledSchema, SchemaError> {
    CompiledSchema::compile(schema.to_string().as_bytes())
}

fn check(schema: &CompiledSchema, instance: &Value) -> Result<(), SchemaMismatch> {
    schema.check(&JsonTree::of_value(instance).unwrap())
}

/// `{"a": {"a": … {}}}`, this many objects deep.
fn nested(depth: usize) -> Value {
    (1..depth).fold(json!({}), |below, _| json!({"a": below}))
}

fn refused(schema: &Value, expect: &str) {
    let error = compile(schema).expect_err(&format!("{schema} is taken"));
    assert!(error.to_string().contains(expect), "{error}");
}

#[test]
fn doubling_references_are_refused() {
    let mut defs = Map::new();
    for level in 0..30 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        defs.insert(format!("d{level}"), json!({"allOf": [next, next]}));
    }
    defs.insert("d30".into(), json!({"type": "string"}));
    let bomb = json!({"$ref": "#/$defs/d0", "$defs": defs});
    assert!(bomb.to_string().len() < 2_500);
    refused(&bomb, "evaluated");
}

#[test]
fn recursion_that_doubles_with_the_depth_is_refused() {
    let down = json!({"properties": {"a": {"$ref": "#"}}});
    refused(&json!({"allOf": [down, down]}), "evaluated");
    refused(&json!({"properties": {"a": {"$ref": "#"}}, "patternProperties": {"a": {"$ref": "#"}}}), "evaluated");
    refused(&json!({"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}), "evaluated");
    refused(&json!({"items": {"$ref": "#"}, "contains": {"$ref": "#"}}), "evaluated");
    refused(&json!({"anyOf": [{"items": {"$ref": "#"}}, {"prefixItems": [{"$ref": "#"}]}]}), "evaluated");
    refused(
        &json!({"additionalProperties": {"$ref": "#"}, "if": {"additionalProperties": {"$ref": "#"}}}),
        "evaluated",
    );
    refused(&json!({"not": {"properties": {"a": {"$ref": "#"}}}, "properties": {"a": {"$ref": "#"}}}), "evaluated");
    let dependent = json!({"properties": {"a": {"$ref": "#"}}});
    refused(&json!({"properties": {"a": {"$ref": "#"}}, "dependentSchemas": {"a": dependent}}), "evaluated");
}

#[test]
fn evaluations_hold_at_the_limit_and_one_past_it() {
    // The root, and one branch for each further evaluation.
    let branches = |count: u64| json!({"allOf": (0..count).map(|_| json!(true)).collect::<Vec<_>>()});
    assert!(compile(&branches(EVALUATIONS_MAX - 1)).is_ok());
    let past = compile(&branches(EVALUATIONS_MAX)).unwrap_err();
    assert_eq!(past, SchemaError::TooManyEvaluations { evaluations: EVALUATIONS_MAX + 1 });
}

#[test]
fn circles_that_never_descend_are_refused() {
    refused(&json!({"$ref": "#"}), "circle");
    refused(&json!({"allOf": [{"anyOf": [{"$ref": "#"}]}]}), "circle");
    refused(&json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}}), "circle");
}

#[test]
fn patterns_are_linear_and_small() {
    let pattern = |text: &str| json!({"pattern": text});
    for taken in ["^[a-z]+$", "(a+)+$", "^\\w{1,64}\\.\\p{L}+$", "\\d{4}-\\d{2}", &"a".repeat(PATTERN_BYTES_MAX)] {
        assert!(compile(&pattern(taken)).is_ok(), "{taken}");
    }
    for bomb in [
        "(?=a)b",
        "(a)\\1",
        "(?<!x)y",
        "((a{1000}){1000}){1000}",
        "(((.{99}){99}){99}){99}",
        "(",
        "[z-a]",
        "(\\p{L}{100}){100}",
        &"a".repeat(PATTERN_BYTES_MAX + 1),
    ] {
        refused(&pattern(bomb), "pattern");
        refused(&json!({"patternProperties": {bomb: true}}), "pattern");
    }
    let many = |count: usize| {
        let entry = |index: usize| (format!("^p{index}$"), json!(true));
        json!({"patternProperties": (0..count).map(entry).collect::<Map<_, _>>()})
    };
    assert!(compile(&many(PATTERNS_MAX)).is_ok());
    refused(&many(PATTERNS_MAX + 1), &format!("{} patterns", PATTERNS_MAX + 1));
}

#[test]
fn a_pattern_that_backtracking_would_never_end_on_ends() {
    let schema = compile(&json!({"pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"})).unwrap();
    assert!(check(&schema, &json!("a".repeat(100_000))).is_err());
}

#[test]
fn sizes_hold_at_the_limit_and_one_past_it() {
    let values = |count: usize| json!({"enum": (0..count).collect::<Vec<_>>()});
    assert!(compile(&values(ENUM_VALUES_MAX)).is_ok());
    refused(&values(ENUM_VALUES_MAX + 1), "4097 values");

    let subschemas = |count: usize| {
        let entry = |index: usize| (format!("d{index}"), json!(true));
        json!({"$defs": (1..count).map(entry).collect::<Map<_, _>>()})
    };
    assert!(compile(&subschemas(SUBSCHEMAS_MAX)).is_ok());
    refused(&subschemas(SUBSCHEMAS_MAX + 1), "4097 subschemas");

    let limit = usize::try_from(SCHEMA_BYTES_MAX).unwrap();
    let sized = |bytes: usize| format!("true{}", " ".repeat(bytes - 4));
    assert!(CompiledSchema::compile(sized(limit).as_bytes()).is_ok());
    assert!(matches!(CompiledSchema::compile(sized(limit + 1).as_bytes()), Err(SchemaError::Json(_))));

    let megabyte = json!({"enum": (0..150_000).collect::<Vec<_>>()});
    refused(&megabyte, "bytes, of which at most 262144");
    let deep = (0..JSON_DEPTH_MAX).fold(json!({}), |below, _| json!({"not": below}));
    refused(&deep, "nested deeper");
}

/// A recursive schema with this many subschemas inside each other for each level of the instance.
fn chain(levels: usize) -> Value {
    (2..levels)
        .fold(json!({"type": "object", "properties": {"a": {"$ref": "#"}}}), |below, _| json!({"anyOf": [below]}))
}

#[test]
fn the_deepest_schema_taken_fits_a_worker_s_stack() {
    let levels = usize::try_from(NESTING_MAX).unwrap() / (JSON_DEPTH_MAX + 1);
    refused(&chain(levels + 1), "levels deep");
    let work = move || {
        let schema = compile(&chain(levels)).unwrap();
        assert_eq!(check(&schema, &nested(JSON_DEPTH_MAX)), Ok(()));
        let wrong = (1..JSON_DEPTH_MAX).fold(json!(1), |below, _| json!({"a": below}));
        let mismatch = check(&schema, &wrong).unwrap_err().to_string();
        assert!(mismatch.starts_with("a.a.a.a.") && mismatch.ends_with(": has to be of type object"), "{mismatch}");
    };
    // What a thread gets that nobody sized: tokio's workers and the threads of the standard library.
    std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(work).unwrap().join().unwrap();
}

#[test]
fn everyday_schemas_are_taken() {
    let tree = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/tree", "title": "A tree",
        "type": "object", "required": ["value"], "additionalProperties": false,
        "properties": {"value": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}}
    });
    let any_json = json!({
        "$ref": "#/$defs/json",
        "$defs": {"json": {"anyOf": [
            {"type": ["null", "boolean", "number", "string"]},
            {"type": "array", "items": {"$ref": "#/$defs/json"}},
            {"type": "object", "additionalProperties": {"$ref": "#/$defs/json"}}
        ]}}
    });
    let operation = |name: &str| {
        json!({
            "type": "object", "required": ["op", "left", "right"], "additionalProperties": false,
            "properties": {"left": {"$ref": "#"}, "op": {"const": name}, "right": {"$ref": "#"}}
        })
    };
    let number = json!({"type": "object", "required": ["op", "n"], "properties": {"op": {"const": "number"}, "n": {"type": "number"}}});
    let expression = json!({"oneOf": [number, operation("plus"), operation("minus"), operation("times")]});
    let named = json!({
        "$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/Person",
        "definitions": {
            "Person": {
                "type": "object", "properties": {"name": {"$ref": "#name"}, "friends": {"items": {"$ref": "#/definitions/Person"}}},
                "dependencies": {"friends": ["name"], "name": {"minProperties": 1}}
            },
            "name": {"$id": "#name", "type": "string", "format": "email", "default": "x", "examples": ["y"]}
        }
    });
    let wide: Map<String, Value> = (0..300).map(|i| (format!("field{i}"), json!({"$ref": "#/$defs/s"}))).collect();
    let wide = json!({"properties": wide, "$defs": {"s": {"$anchor": "s", "type": "string"}}, "items": {"$ref": "#s"}});

    let plus = |left: Value| json!({"op": "plus", "left": left, "right": {"op": "number", "n": 1}});
    let sum = (0..20).fold(json!({"op": "number", "n": 1}), |sum, _| plus(sum));
    let cases = [
        (tree, json!({"value": "a", "children": [{"value": "b"}]}), json!({"value": "a", "children": [{"value": 1}]})),
        (any_json, json!([{"a": [1, null]}]), json!(null)),
        (expression, sum, plus(json!({"op": "number", "n": "one"}))),
        (named, json!({"name": "no address", "friends": [{}]}), json!({"friends": []})),
        (wide, json!({"field299": "x"}), json!({"field299": 1})),
        (json!(true), json!(1), Value::Null),
    ];
    for (schema, right, wrong) in cases {
        let compiled = compile(&schema).unwrap_or_else(|error| panic!("{schema}: {error}"));
        assert_eq!(check(&compiled, &right), Ok(()), "{schema}");
        if !wrong.is_null() {
            assert!(check(&compiled, &wrong).is_err(), "{schema} takes {wrong}");
        }
    }
}

#[test]
fn nothing_is_resolved_outside_the_document() {
    for reference in [
        "https://json-schema.org/draft/2020-12/schema",
        "http://localhost/x",
        "file:///etc/passwd",
        "other.json",
        "other.json#/a",
        "//host/x",
        "#/missing",
        "#missing",
        "#/properties",
        "",
        "urn:x",
        "#/const",
        "#/default/a",
    ] {
        let schema = json!({"$ref": reference, "properties": {"a": true}, "const": {}, "default": {"a": true}});
        refused(&schema, "names no subschema of this document");
    }
    // A name that is also the dialect's own must not turn local references into the dialect's.
    let impostor = json!({"$id": "https://json-schema.org/draft/2020-12/schema", "items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"type": "string"}}});
    let compiled = compile(&impostor).unwrap();
    assert!(check(&compiled, &json!(["a"])).is_ok() && check(&compiled, &json!([1])).is_err());
}

#[test]
fn what_cannot_be_bounded_is_refused_by_name() {
    for keyword in ["$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$vocabulary"] {
        refused(&json!({"not": {keyword: "#x"}}), &format!("at #/not: `{keyword}` is not taken"));
    }
    refused(&json!({"unevaluatedProperties": false}), "`unevaluatedProperties` is not taken");
    refused(&json!({"unevaluatedItems": false}), "`unevaluatedItems` is not taken");
    refused(&json!({"items": {"$id": "https://example.com/inner"}}), "at #/items: `$id` is not taken");
    refused(&json!({"items": {"$schema": "http://json-schema.org/draft-07/schema#"}}), "the root alone");
    refused(&json!({"dependencies": {}}), "`dependentSchemas`");
    refused(
        &json!({"$schema": "https://json-schema.org/draft/2019-09/schema"}),
        "draft 2020-12 and draft-07 are taken",
    );
    refused(&json!({"$schema": 1}), "draft 2020-12 and draft-07");
    refused(&json!({"$defs": {"a": {"$anchor": "x"}, "b": {"$anchor": "x"}}}), "names two subschemas");
}

#[test]
fn malformed_schemas_are_refused_with_the_place() {
    refused(&json!(1), "a schema is an object, true or false");
    refused(&json!({"properties": {"a": 1}}), "at #/properties/a: a schema is");
    refused(&json!({"properties": []}), "`properties` is an object of schemas");
    refused(&json!({"allOf": {}}), "`allOf` is a list of schemas");
    refused(&json!({"allOf": []}), "at #/allOf: has at least 1 items");
    refused(&json!({"enum": 1}), "`enum` is a list");
    refused(&json!({"pattern": 1}), "`pattern` is a text");
    refused(&json!({"$ref": 1}), "`$ref` is a text");
    refused(&json!({"minLength": -1}), "at #/minLength");
    refused(&json!({"type": "text"}), "at #/type");
    refused(&json!({"maximum": "9"}), "at #/maximum");
    refused(&json!({"items": [true]}), "at #/items");
    assert!(matches!(CompiledSchema::compile(b"{\"a\":1,\"a\":1}"), Err(SchemaError::Json(_))));
}

#[test]
fn exclusive_alternatives_are_bounded_by_their_dearest_and_other_values_by_all() {
    let branch =
        |name: &str, more: Value| json!({"required": ["op"], "properties": {"op": {"const": name}}, "allOf": [more]});
    let down = json!({"properties": {"a": {"$ref": "#"}}});
    let union =
        |dearest: Value| json!({"oneOf": [branch("x", down.clone()), branch("y", dearest), branch("z", down.clone())]});
    assert!(compile(&union(down.clone())).is_ok());
    refused(&union(json!({"allOf": [down, down]})), "evaluated");
    // A list has no member that rules an alternative out: all three look at its items.
    let items = |count: usize| {
        let list = json!({"items": {"$ref": "#"}});
        let more = |index: usize| if index < count { list.clone() } else { json!(true) };
        json!({"anyOf": [branch("x", more(0)), branch("y", more(1)), branch("z", more(2))]})
    };
    assert!(compile(&items(1)).is_ok());
    refused(&items(2), "evaluated");
}

/// The `jsonschema` crate looks at one of the alternatives that a member tells apart: the bound relies on it.
#[test]
fn exclusive_alternatives_are_evaluated_one_at_a_time() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Probe(Arc<AtomicUsize>);
    impl<'i> jsonschema::Keyword<'i> for Probe {
        fn validate(&self, _: &'i Value) -> Result<(), jsonschema::ValidationError<'i>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
        fn is_valid(&self, _: &'i Value) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed);
            true
        }
    }

    let evaluated = Arc::new(AtomicUsize::new(0));
    let branch = |name: &str| {
        json!({
            "required": ["op"], "properties": {"a": {"$ref": "#"}, "op": {"const": name}, "probe": {"x-probe": true}}
        })
    };
    let schema = json!({"anyOf": [branch("x"), branch("y"), branch("z")]});
    let counter = Arc::clone(&evaluated);
    let validator = jsonschema::options()
        .with_keyword("x-probe", move |_: &Map<String, Value>, _: &Value, _| {
            Ok(Box::new(Probe(Arc::clone(&counter))) as Box<dyn for<'i> jsonschema::Keyword<'i>>)
        })
        .build(&schema)
        .unwrap();
    let levels = 20;
    let value = (1..levels).fold(json!({"op": "z", "probe": 0}), |below, _| json!({"a": below, "op": "z", "probe": 0}));
    assert!(validator.is_valid(&value));
    assert_eq!(evaluated.load(Ordering::Relaxed), levels);
    assert!(compile(&schema).is_ok());
}

#[test]
fn an_instance_that_could_take_too_long_is_refused_before_it_is_looked_at() {
    // 999 evaluations of every item, each bounded; together they are not.
    let branches: Vec<Value> = (0..998).map(|n| json!({"minimum": n})).collect();
    let schema = compile(&json!({"items": {"allOf": branches}})).unwrap();
    let items = |count: usize| Value::Array(vec![json!(1000); count]);
    assert_eq!(check(&schema, &items(10_000)), Ok(()));
    assert!(matches!(check(&schema, &items(100_000)), Err(SchemaMismatch::TooCostly { .. })));

    let automaton = compile(&json!({"pattern": "^[ab]*$"})).unwrap();
    let simulated = compile(&json!({"pattern": "[ab]*a[ab]{100}$"})).unwrap();
    let text = json!("ab".repeat(5_000_000));
    assert_eq!(check(&automaton, &text), Ok(()));
    assert!(matches!(check(&simulated, &text), Err(SchemaMismatch::TooCostly { .. })));
}

#[test]
fn mismatches_name_the_place_and_the_expectation_and_quote_no_value() {
    let schema = compile(&json!({
        "type": "object", "additionalProperties": false, "required": ["id"],
        "properties": {
            "id": {"type": "string", "pattern": "^[a-z]+$"},
            "mode": {"enum": ["fast", "slow"]},
            "list": {"items": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"n": {"maximum": 5}}}]}}
        }
    }))
    .unwrap();
    let check = |instance: Value, expect: &str| {
        let mismatch = check(&schema, &instance).unwrap_err().to_string();
        assert_eq!(mismatch, expect);
        assert!(!mismatch.contains("SECRET"));
    };
    check(json!(["SECRET"]), "the whole: has to be of type object");
    check(json!({}), "the whole: has to have the member \"id\"");
    check(json!({"id": "SECRET"}), "id: has to match the pattern \"^[a-z]+$\"");
    check(json!({"id": "a", "mode": "SECRET"}), "mode: has to be one of \"fast\", \"slow\"");
    check(json!({"id": "a", "more": "SECRET"}), "the whole: has no member named \"more\"");
    check(json!({"id": "a", "list": [null, {"n": 6}]}), "list[1].n: has to be at most 5");
    check(json!({"id": "a", "list": ["SECRET"]}), "list[0]: matches none of its alternatives");
}

/// Any schema of these keywords, recursive references among them.
fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(true)),
        Just(json!({"type": "string"})),
        Just(json!({"$ref": "#"})),
        Just(json!({"$ref": "#/$defs/d"})),
        Just(json!({"minimum": 3})),
        Just(json!({"enum": [1, "a", {}]})),
        Just(json!({"pattern": "a|b"})),
        Just(json!({"uniqueItems": true})),
        Just(json!({"required": ["a"]})),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..3).prop_map(|list| json!({"anyOf": list})),
            proptest::collection::vec(inner.clone(), 1..3).prop_map(|list| json!({"allOf": list})),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| json!({"properties": {"a": a}, "additionalProperties": b})),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({"items": a, "contains": b})),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({"if": a, "then": b})),
            (inner.clone(), inner).prop_map(|(a, b)| json!({"not": a, "patternProperties": {"^a": b}})),
        ]
    })
}

proptest! {
    /// What is taken ends, on the widest and deepest of instances; nothing panics.
    #[test]
    fn any_schema_that_is_taken_ends(root in any_schema(), part in any_schema()) {
        let schema = json!({"allOf": [root], "$defs": {"d": part}});
        if let Ok(compiled) = compile(&schema) {
            let deep = nested(JSON_DEPTH_MAX);
            let wide = (0..10).fold(json!({}), |below, _| json!({"a": below, "b": [below, 1]}));
            for instance in [deep, wide] {
                let _outcome_is_free = check(&compiled, &instance);
            }
        }
    }


    #[test]
    fn never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _outcome_is_free = CompiledSchema::compile(&bytes);
    }
}
