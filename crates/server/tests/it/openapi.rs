//! The OpenAPI document: the golden copy, and that it holds together.

use std::path::Path;

use serde_json::Value;

use crate::documented::validator;
use crate::harness::World;

/// Writes the golden copy anew where this is set.
const WRITE: &str = "OMEGA_WRITE_OPENAPI";

fn served() -> Value {
    serde_json::from_str(omega_server::http::openapi_document()).unwrap()
}

#[test]
fn the_golden_copy_is_current() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&golden, omega_server::http::openapi_document()).unwrap();
    }
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(&golden).unwrap()).unwrap();
    let old = format!("docs/openapi.json is old; `{WRITE}=1 cargo test -p omega-server --test it` writes it anew");
    assert!(golden == served(), "{old}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_served_to_everybody() {
    let world = World::new().await;
    let answered = world.get("/openapi.json").no_token().send().await;
    assert_eq!(answered.assert_ok(), served());
    world.get("/openapi.json?x=1").no_token().send().await.assert_problem(400, "request_invalid");
}

fn each(value: &Value, found: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            found(key, value);
            each(value, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| each(item, found)),
        _ => {}
    }
}

#[test]
fn what_it_refers_to_is_there() {
    let document = served();
    let mut references = 0;
    each(&document, &mut |_, value| {
        if let Some(pointer) =
            value.as_str().and_then(|text| text.strip_prefix('#')).filter(|text| text.starts_with('/'))
        {
            references += 1;
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    });
    assert!(references > 100, "{references}");
}

#[test]
fn examples_have_the_shape_that_they_are_examples_of() {
    let document = served();
    let mut examples = 0;
    each(&document, &mut |_, content| {
        let named = content["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
        for example in content.get("example").into_iter().chain(named) {
            if let Some(schema) = content.get("schema") {
                examples += 1;
                // A path has text only.
                let text = Value::String(example.to_string());
                let is_valid = validator(schema).is_valid(example) || validator(schema).is_valid(&text);
                assert!(is_valid || content["name"] == "width", "{example} is no {schema}");
            }
        }
    });
    assert!(examples > 15, "{examples}");
}

/// The contract's schemas were moved, and say what they said.
#[test]
fn the_contracts_schemas_mean_what_they_meant() {
    use omega_gateway::contract::schemas::{GATEWAY_EVENT, PLUGIN_MANIFEST_1_1, PLUGIN_REQUEST, PLUGIN_RESPONSE};
    let hash = "0".repeat(64);
    let text = serde_json::json!({ "kind": "text", "content": "a", "encoding": "utf-8", "metadata": {} });
    let reference =
        serde_json::json!({ "kind": "binary_ref", "artifact_id": "a", "artifact_hash": hash, "mime_type": "m/n" });
    let slice = serde_json::json!({ "kind": "dataset_slice", "slice_ids": ["1"], "source": "s", "filters": {} });
    let data = serde_json::json!({ "kind": "json", "data": { "a": [1, null, { "b": 0.5 }] }, "schema_ref": "r" });
    let mut samples = Vec::new();
    for payload in [&text, &reference, &slice, &data, &Value::Null] {
        for broken in [false, true] {
            let mut payload = payload.clone();
            if broken && payload.is_object() {
                payload["more"] = 1.into();
            }
            samples.push(serde_json::json!({
                "request_id": "r", "run_id": "u", "timestamp": "2026-01-01T00:00:00Z", "payload": payload, "context": {},
            }));
            samples.push(serde_json::json!({
                "request_id": "r", "plugin_id": "hello", "status": "ok", "result": payload, "duration_ms": 1, "notes": "",
                "evidence_hashes": { "input_hash": hash, "output_hash": "" },
            }));
        }
    }
    for entrypoint in [
        serde_json::json!({ "type": "worker", "file": "a.wasm", "export": "handle" }),
        serde_json::json!({ "type": "worker", "file": "a.exe", "export": "handle" }),
        serde_json::json!({ "type": "container", "image": "i", "command": [], "mounts": {} }),
        serde_json::json!({ "type": "dataset", "callable": "a:b" }),
        serde_json::json!({ "type": "other" }),
    ] {
        let descriptor = serde_json::json!([{ "kind": "text", "schema_ref": "s", "limits": { "max_bytes": 1 } }]);
        samples.push(serde_json::json!({
            "plugin_id": "abc", "name": "n", "vendor": "v", "description": "", "version": "1.0.0", "api_version": "1.1.0",
            "supported_omega_api_versions": "^1", "capabilities": ["read_text"],
            "io": { "inputs": descriptor, "outputs": descriptor },
            "limits": { "max_bytes": 1, "max_ms": 100, "max_concurrency": 1 },
            "determinism": { "mode": "deterministic", "notes": "" },
            "evidence": { "log_level": "full", "redactions": [] }, "entrypoint": entrypoint,
        }));
    }
    let (mut taken, mut refused) = (0, 0);
    for (name, contract) in [
        ("PluginRequest", PLUGIN_REQUEST),
        ("PluginResponse", PLUGIN_RESPONSE),
        ("PluginManifest", PLUGIN_MANIFEST_1_1),
        ("GatewayEvent", GATEWAY_EVENT),
    ] {
        let contract = jsonschema::validator_for(&serde_json::from_str(contract.text).unwrap()).unwrap();
        let component = validator(&serde_json::json!({ "$ref": format!("#/components/schemas/{name}") }));
        for sample in &samples {
            assert_eq!(contract.is_valid(sample), component.is_valid(sample), "{name}: {sample}");
            if contract.is_valid(sample) { taken += 1 } else { refused += 1 }
        }
    }
    assert!(taken >= 12 && refused >= 12, "{taken} {refused}");
}
