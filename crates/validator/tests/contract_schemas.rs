//! The contract's types and its hand-written JSON Schemas say the same.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeSet;

use jsonschema::Validator;
use omega_contract::capability::CapabilityApi;
use omega_contract::limits::{
    CONCURRENCY_MAX, CONTEXT_ENTRIES_MAX, ID_CHARS_MAX, RETRIES_MAX, TIMEOUT_MS_MAX, TIMEOUT_MS_MIN,
};
use omega_contract::schemas::{
    self, ContractSchema, GATEWAY_EVENT, PLUGIN_MANIFEST, PLUGIN_MANIFEST_1_1, PLUGIN_REQUEST, PLUGIN_RESPONSE,
};
use omega_contract::{
    Capability, DeterminismMode, Event, EventKind, EvidenceHashes, LogLevel, Manifest, Payload, PayloadKind,
    PluginRequest, PluginResponse, RequestPolicy, Sha256Hex, Status, Timestamp,
};
use omega_validator::CompiledSchema;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

fn value(schema: ContractSchema) -> Value {
    serde_json::from_str(schema.text).unwrap()
}

fn compiled(schema: ContractSchema) -> Validator {
    jsonschema::options().offline().build(&value(schema)).unwrap()
}

#[test]
fn the_contract_s_own_schemas_pass_the_policy_for_plugins_schemas() {
    for schema in schemas::ALL {
        CompiledSchema::compile(schema.text.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", schema.file_name));
        assert_eq!(value(schema)["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
}

fn manifest_1_1(entrypoint: Value) -> Value {
    let mut manifest = support::manifest();
    manifest["api_version"] = json!("1.1.0");
    manifest["entrypoint"] = entrypoint;
    manifest["publisher"] = json!("acme");
    manifest["homepage"] = json!("https://example.com");
    manifest["license"] = json!("MIT");
    manifest["authors"] = json!(["A"]);
    manifest["config_schema"] = json!({});
    manifest
}

fn payloads() -> [Value; 4] {
    let hash = Sha256Hex::of(b"x").to_string();
    [
        json!({"kind": "text", "content": "a", "encoding": "utf-8", "metadata": {"k": "v"}}),
        json!({"kind": "json", "data": {"a": 1}, "schema_ref": "r"}),
        json!({"kind": "binary_ref", "artifact_id": "a", "artifact_hash": hash, "mime_type": "m"}),
        json!({"kind": "dataset_slice", "slice_ids": ["1"], "source": "s", "filters": {"f": "v"}}),
    ]
}

fn request(payload: &Value) -> Value {
    json!({
        "request_id": "r", "run_id": "u", "timestamp": "2026-01-01T00:00:00Z", "payload": payload, "context": {"c": "d"},
        "policy": {"deterministic_only": true, "timeout_ms": 100, "max_retries": 0}
    })
}

fn response(result: &Value) -> Value {
    let hash = Sha256Hex::of(b"x").to_string();
    json!({
        "request_id": "r", "plugin_id": "abc", "status": "ok", "result": result,
        "evidence_hashes": {"input_hash": hash, "output_hash": ""}, "duration_ms": 1, "notes": ""
    })
}

fn event() -> Value {
    let hash = Sha256Hex::of(b"x").to_string();
    json!({
        "event_id": "e", "run_id": "r", "ts": "2026-01-01T00:00:00.000000Z", "kind": "INVOKE", "plugin_id": "", "request_id": "",
        "input_hash": hash, "output_hash": "", "prev_hash": hash, "event_hash": hash, "meta": {"a": "b"}
    })
}

/// Every document that comes from `right` by taking a member away, adding one, or putting a value of another
/// type in the place of one.
fn neighbours(right: &Value) -> Vec<Value> {
    // What is inside values that may be anything says nothing.
    let mut places = support::places(right, |at| at.ends_with("/data") || at.ends_with("/config_schema"));
    places.retain(|at| !at.ends_with("/config_schema"));
    let others = [json!(null), json!(true), json!(12), json!("text"), json!([1]), json!({"x-other": 1})];
    let mut all = Vec::new();
    for place in &places {
        let at = right.pointer(place).unwrap();
        let differs = |other: &&Value| std::mem::discriminant(*other) != std::mem::discriminant(at);
        // serde reads a struct from a list of its fields too; what comes from outside meets the schema first.
        for other in others.iter().filter(differs).filter(|other| !(at.is_object() && other.is_array())) {
            let mut changed = right.clone();
            *changed.pointer_mut(place).unwrap() = other.clone();
            all.push(changed);
        }
        for name in at.as_object().into_iter().flat_map(Map::keys) {
            let mut changed = right.clone();
            changed.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name);
            all.push(changed);
        }
        if at.is_object() {
            let mut changed = right.clone();
            changed.pointer_mut(place).unwrap()["x-added"] = json!(1);
            all.push(changed);
        }
    }
    all
}

fn in_step<T: DeserializeOwned>(schema: ContractSchema, right: &Value) {
    let validator = compiled(schema);
    let type_takes = |value: &Value| serde_json::from_value::<T>(value.clone()).is_ok();
    assert!(validator.is_valid(right) && type_takes(right), "{}: {right}", schema.file_name);
    let neighbours = neighbours(right);
    assert!(neighbours.len() > 40, "{} changes are too few to show anything", neighbours.len());
    for changed in neighbours {
        let (by_schema, by_type) = (validator.is_valid(&changed), type_takes(&changed));
        assert_eq!(by_schema, by_type, "{} takes: {by_schema}, the type takes: {by_type}: {changed}", schema.file_name);
    }
}

#[test]
fn types_and_schemas_take_and_refuse_the_same() {
    in_step::<Manifest>(PLUGIN_MANIFEST, &support::manifest());
    for entrypoint in [
        json!({"type": "worker", "file": "a.py", "export": "run"}),
        json!({"type": "container", "image": "i", "command": ["c"], "mounts": {"dataset": "/d", "out": "/o", "work": "/w"}}),
        json!({"type": "dataset", "callable": "pkg.mod:func"}),
    ] {
        in_step::<Manifest>(PLUGIN_MANIFEST_1_1, &manifest_1_1(entrypoint));
    }
    for payload in payloads() {
        in_step::<PluginRequest>(PLUGIN_REQUEST, &request(&payload));
        in_step::<PluginResponse>(PLUGIN_RESPONSE, &response(&payload));
    }
    in_step::<PluginResponse>(PLUGIN_RESPONSE, &response(&Value::Null));
    in_step::<Event>(GATEWAY_EVENT, &event());
}

#[test]
fn version_1_0_knows_nothing_of_1_1() {
    let frozen = compiled(PLUGIN_MANIFEST);
    for added in ["config_schema", "publisher", "homepage", "license", "authors"] {
        let mut manifest = support::manifest();
        manifest[added] = manifest_1_1(json!({}))[added].clone();
        assert!(!frozen.is_valid(&manifest), "{added}");
    }
}

#[test]
fn enumerations_are_the_same() {
    let check = |schema: ContractSchema, pointer: &str, names: &[&str]| {
        let listed: BTreeSet<String> = serde_json::from_value(value(schema).pointer(pointer).unwrap().clone()).unwrap();
        let named: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(listed, named, "{} {pointer}", schema.file_name);
    };
    let all: Vec<&str> = Capability::ALL.iter().map(|c| c.as_str()).collect();
    let of_1_0: Vec<&str> =
        Capability::ALL.iter().filter(|c| c.since() == CapabilityApi::V1_0).map(|c| c.as_str()).collect();
    check(PLUGIN_MANIFEST, "/properties/capabilities/items/enum", &of_1_0);
    check(PLUGIN_MANIFEST_1_1, "/properties/capabilities/items/enum", &all);
    let kinds = PayloadKind::ALL.map(PayloadKind::as_str);
    let modes = [DeterminismMode::Deterministic, DeterminismMode::Probabilistic].map(DeterminismMode::as_str);
    for schema in [PLUGIN_MANIFEST, PLUGIN_MANIFEST_1_1] {
        check(schema, "/$defs/descriptor/properties/kind/enum", &kinds);
        check(schema, "/properties/determinism/properties/mode/enum", &modes);
        let levels = [LogLevel::Full, LogLevel::Summary, LogLevel::Minimal].map(|level| json!(level));
        let levels: Vec<&str> = levels.iter().filter_map(Value::as_str).collect();
        check(schema, "/properties/evidence/properties/log_level/enum", &levels);
    }
    for schema in [PLUGIN_REQUEST, PLUGIN_RESPONSE] {
        check(schema, "/$defs/payload/properties/kind/enum", &kinds);
    }
    let statuses = [Status::Ok, Status::Rejected, Status::Error, Status::Timeout].map(Status::as_str);
    check(PLUGIN_RESPONSE, "/properties/status/enum", &statuses);
    check(GATEWAY_EVENT, "/properties/kind/enum", &EventKind::ALL.map(EventKind::as_str));
}

#[test]
fn limits_are_the_same() {
    let check = |schema: ContractSchema, pointer: &str, limit: u64| {
        assert_eq!(value(schema).pointer(pointer), Some(&json!(limit)), "{} {pointer}", schema.file_name);
    };
    for schema in [PLUGIN_MANIFEST, PLUGIN_MANIFEST_1_1] {
        check(schema, "/properties/limits/properties/max_ms/minimum", TIMEOUT_MS_MIN);
        check(schema, "/properties/limits/properties/max_ms/maximum", TIMEOUT_MS_MAX);
        check(schema, "/properties/limits/properties/max_concurrency/maximum", CONCURRENCY_MAX.into());
    }
    for id in ["request_id", "run_id"] {
        check(PLUGIN_REQUEST, &format!("/properties/{id}/maxLength"), ID_CHARS_MAX as u64);
    }
    check(PLUGIN_REQUEST, "/properties/context/maxProperties", CONTEXT_ENTRIES_MAX as u64);
    check(PLUGIN_REQUEST, "/properties/policy/properties/timeout_ms/minimum", TIMEOUT_MS_MIN);
    check(PLUGIN_REQUEST, "/properties/policy/properties/timeout_ms/maximum", TIMEOUT_MS_MAX);
    check(PLUGIN_REQUEST, "/properties/policy/properties/max_retries/maximum", RETRIES_MAX.into());
}

fn any_payload() -> impl Strategy<Value = Payload> {
    let map = || proptest::collection::btree_map(any::<String>(), any::<String>(), 0..3);
    let data = proptest::collection::btree_map(any::<String>(), any::<Option<i32>>(), 0..3);
    let hash = any::<[u8; 32]>().prop_map(Sha256Hex::from_bytes);
    let json = |value: Value| serde_json::from_value(value).unwrap();
    prop_oneof![
        (any::<String>(), map()).prop_map(move |(content, metadata)| {
            json(json!({"kind": "text", "content": content, "encoding": "utf-8", "metadata": metadata}))
        }),
        (data, any::<String>())
            .prop_map(move |(data, schema_ref)| json(json!({"kind": "json", "data": data, "schema_ref": schema_ref}))),
        (any::<String>(), hash, any::<String>()).prop_map(move |(id, hash, mime)| {
            json(json!({"kind": "binary_ref", "artifact_id": id, "artifact_hash": hash, "mime_type": mime}))
        }),
        (proptest::collection::vec(any::<String>(), 1..3), any::<String>(), map()).prop_map(
            move |(ids, source, filters)| {
                json(json!({"kind": "dataset_slice", "slice_ids": ids, "source": source, "filters": filters}))
            }
        ),
    ]
}

fn any_timestamp() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_unix_micros)
}

fn any_policy() -> impl Strategy<Value = RequestPolicy> {
    (any::<bool>(), TIMEOUT_MS_MIN..=TIMEOUT_MS_MAX, 0..=RETRIES_MAX).prop_map(
        |(deterministic_only, timeout_ms, max_retries)| RequestPolicy { deterministic_only, timeout_ms, max_retries },
    )
}

proptest! {
    #[test]
    fn every_request_of_the_type_is_one_of_the_schema(
        ids in (".{1,128}", ".{1,128}"), timestamp in any_timestamp(), payload in any_payload(),
        policy in proptest::option::of(any_policy())
    ) {
        let request = PluginRequest {
            request_id: ids.0.parse().unwrap(), run_id: ids.1.parse().unwrap(), timestamp, payload,
            context: [("a".to_owned(), "b".to_owned())].into(), policy,
        };
        let bytes = omega_contract::canonical_bytes(&request).unwrap();
        prop_assert!(compiled(PLUGIN_REQUEST).is_valid(&serde_json::from_slice(&bytes).unwrap()));
        prop_assert_eq!(omega_validator::parse_request(&bytes).unwrap(), request);
    }

    #[test]
    fn every_response_of_the_type_is_one_of_the_schema(
        status in prop_oneof![Just(Status::Ok), Just(Status::Rejected), Just(Status::Timeout), Just(Status::Error)],
        result in proptest::option::of(any_payload()), duration_ms in 0_u64..(1 << 53), notes in any::<String>(),
        plugin_id in "[a-z0-9][a-z0-9._-]{2,63}"
    ) {
        let output_hash = result.as_ref().map(|payload| omega_contract::hash(payload).unwrap().to_string()).unwrap_or_default();
        let response = PluginResponse {
            request_id: "r".parse().unwrap(), plugin_id: plugin_id.parse().unwrap(), status, result,
            evidence_hashes: EvidenceHashes { input_hash: String::new(), output_hash }, duration_ms, notes,
        };
        let value = serde_json::to_value(&response).unwrap();
        prop_assert!(compiled(PLUGIN_RESPONSE).is_valid(&value), "{}", value);
        prop_assert_eq!(serde_json::from_value::<PluginResponse>(value).unwrap(), response);
    }

    #[test]
    fn every_event_of_the_type_is_one_of_the_schema(
        kind in proptest::sample::select(EventKind::ALL.to_vec()), ts in any_timestamp(), hash in any::<[u8; 32]>(),
        texts in any::<[String; 3]>(), first in any::<bool>()
    ) {
        let hash = Sha256Hex::from_bytes(hash);
        let [event_id, run_id, value] = texts;
        let event = Event {
            event_hash: hash, event_id, input_hash: String::new(), kind, meta: [("reason".into(), value)].into(),
            output_hash: hash.to_string(), plugin_id: String::new(),
            prev_hash: if first { String::new() } else { hash.to_string() },
            request_id: String::new(), run_id, ts: ts.to_string(),
        };
        let value = serde_json::to_value(&event).unwrap();
        prop_assert!(compiled(GATEWAY_EVENT).is_valid(&value), "{}", value);
        prop_assert_eq!(serde_json::from_value::<Event>(value).unwrap(), event);
    }
}
