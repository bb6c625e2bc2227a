use super::*;
use jsonschema::json::conformance;
use jsonschema::{ValidationError, Validator};
use omega_contract::JsonTree;
use proptest::prelude::*;
use serde_json::json;
use std::sync::LazyLock;

#[test]
fn a_tree_is_what_the_validator_takes_for_json() {
    let tree = JsonTree::of_value(&conformance::document()).unwrap();
    conformance::assert_conformance::<Instances>(&Instance::Tree(tree.root()));
}

#[test]
fn each_payload_is_seen_as_the_value_that_it_is() {
    let hash = omega_contract::Sha256Hex::of(b"x").to_string();
    for value in [
        json!({"kind": "text", "content": "a", "encoding": "utf-8", "metadata": {"k": "v", "l": ""}}),
        json!({"kind": "json", "data": {"a": [1, 0.5, null, true, "x", {}]}, "schema_ref": "r"}),
        json!({"kind": "binary_ref", "artifact_id": "a", "artifact_hash": hash, "mime_type": "m"}),
        json!({"kind": "dataset_slice", "slice_ids": ["1", "2"], "source": "s", "filters": {"f": "v"}}),
    ] {
        let payload: Payload = serde_json::from_value(value.clone()).unwrap();
        let instance = Instance::Payload(&payload);
        assert_eq!(*instance.to_value(), value);
        assert!(instance.equals_value(&value));
        let members = instance.as_object().unwrap();
        assert_eq!(members.len(), value.as_object().unwrap().len());
        for (name, expect) in value.as_object().unwrap() {
            let member = members.get(&Instances::prepare_key(name)).unwrap();
            assert_eq!(*member.to_value(), *expect);
            let mut other = value.clone();
            other[name] = json!(["other"]);
            assert!(!instance.equals_value(&other), "{name}");
        }
        assert!(members.get(&Instances::prepare_key("other")).is_none());
        let mut levels = [LevelSize::default(); 5];
        instance.measure(&mut levels);
        assert_eq!((levels[0].values, levels[1].values), (1, members.len() as u64));
    }
}

#[test]
fn alternatives_are_compared_as_json_schema_compares_them() {
    let tree = JsonTree::of_value(&json!({"a": [1, 2.5, "x"]})).unwrap();
    let equals = |value: Value| Instance::Tree(tree.root()).equals_value(&value);
    assert!(equals(json!({"a": [1.0, 2.5, "x"]})));
    assert!(!equals(json!({"a": [1, 2.5]})) && !equals(json!({"a": [1, 2.5, "x"], "b": 1})));
    assert!(!equals(json!({"b": [1, 2.5, "x"]})) && !equals(json!({"a": [true, 2.5, "x"]})));
}

/// Schemas that use every keyword that asks something of an instance.
fn schemas() -> Vec<Value> {
    vec![
        json!({"type": ["object", "array"], "minProperties": 1, "maxProperties": 2, "minItems": 1, "maxItems": 2}),
        json!({"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"]}),
        json!({"properties": {"a": {"type": "number"}, "b": true}, "required": ["a", "b"], "additionalProperties": false}),
        json!({"properties": {"a": false}, "patternProperties": {"^b": {"type": "null"}}, "additionalProperties": {"type": "array"}}),
        json!({"propertyNames": {"maxLength": 1, "pattern": "^[ab]*$"}, "dependentRequired": {"a": ["b"]}}),
        json!({"propertyNames": {"enum": ["a", "b", "é"]}, "dependentSchemas": {"b": {"required": ["a"]}}}),
        json!({"enum": [1, 2.5, "a", null, [1], {"a": 1}, {"a": [1, "b"]}]}),
        json!({"items": {"const": {"a": 1.0}}}),
        json!({"minimum": 0, "exclusiveMaximum": 3, "multipleOf": 0.5, "minLength": 1, "maxLength": 1}),
        json!({"prefixItems": [{"type": "integer"}], "items": {"type": ["string", "null", "boolean"]}}),
        json!({"contains": {"type": "number"}, "maxContains": 1, "uniqueItems": true}),
        json!({"uniqueItems": true, "unevaluatedItems": false, "prefixItems": [true, true]}),
        json!({"anyOf": [{"type": "string"}, {"required": ["a"]}], "properties": {"b": true}, "unevaluatedProperties": {"type": "integer"}}),
        json!({"oneOf": [{"type": "number"}, {"type": "integer"}, {"type": "object"}]}),
        json!({"if": {"type": "array"}, "then": {"items": {"$ref": "#"}}, "else": {"not": {"const": 1}}}),
        json!({"additionalProperties": {"$ref": "#"}, "items": {"$ref": "#"}, "not": {"enum": [true, "b"]}}),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1..4_i64).prop_map(Value::from),
        prop_oneof![Just(0.5), Just(1.0), Just(2.5), Just(-0.0), Just(1e21), Just(0.1)].prop_map(Value::from),
        "[abé\n]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 3, |inner| {
        let members = proptest::collection::btree_map("[abé\n]{0,2}", inner.clone(), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    /// The verdict and the place are those on `serde_json`'s tree of the same value.
    #[test]
    fn a_tree_passes_where_its_value_passes(value in any_value()) {
        static BOTH: LazyLock<Vec<(Validator, Validator<Instances>)>> = LazyLock::new(|| {
            let both = |schema: Value| {
                let own = jsonschema::options_for::<Instances>().build(&schema).unwrap();
                (jsonschema::validator_for(&schema).unwrap(), own)
            };
            schemas().into_iter().map(both).collect()
        });
        let tree = JsonTree::of_value(&value).unwrap();
        for (theirs, own) in BOTH.iter() {
            prop_assert_eq!(own.is_valid(Instance::Tree(tree.root())), theirs.is_valid(&value), "{}", value);
            let place = |error: Option<ValidationError<'_>>| error.map(|error| (error.instance_path().to_string(), error.kind().keyword().to_owned()));
            // Members are visited in the order of UTF-16 here and of UTF-8 there: the same for these names.
            prop_assert_eq!(place(own.validate(Instance::Tree(tree.root())).err()), place(theirs.validate(&value).err()));
        }
    }
}
