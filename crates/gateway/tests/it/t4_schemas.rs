//! T4, schemas, end to end (drafts, bombs and references: `crates/validator/tests/t4_schemas.rs`).

use std::sync::Arc;

use omega_contract::{ErrorCode, EventKind, Payload, Status};
use omega_gateway::request;
use serde_json::{Value, json};

use crate::harness::{Bench, package};

const INPUT: &str = "schemas/inputs/document.schema.json";
const OUTPUT: &str = "schemas/outputs/redacted.schema.json";
const SCHEMA_REF: &str = "omega:json-redact:input:document:v1.0.0";

/// json-redact under another input or output schema.
async fn with_schema(path: &str, schema: &Value) -> Bench {
    let bench = Bench::new().await;
    let mut files = package("examples/json-redact");
    files.insert(path.to_owned(), Arc::from(schema.to_string().into_bytes()));
    files.retain(|path, _| !path.starts_with("examples/"));
    bench.install_files(&files).await;
    bench
}

fn document(data: &Value) -> omega_contract::PluginRequest {
    request(Payload::json(data.as_object().unwrap().clone(), SCHEMA_REF).unwrap())
}

/// Before the call: what does not match does not run, and the message names the field, not the value.
#[tokio::test(flavor = "multi_thread")]
async fn inputs_are_checked_before_the_call() {
    let schema = json!({"properties": {"data": {
        "type": "object", "required": ["n"], "additionalProperties": false,
        "properties": {"n": {"type": "integer", "minimum": 0}, "word": {"type": "string", "maxLength": 3, "pattern": "^[a-z]+$"}}
    }}});
    let bench = with_schema(INPUT, &schema).await;
    let redact = crate::harness::id("json-redact");
    for good in [json!({"n": 0}), json!({"n": 9, "word": "abc"}), json!({"n": 1.0})] {
        let answer = bench.invoke(&redact, document(&good)).await;
        assert_eq!(answer.response.status, Status::Ok, "{good}: {}", answer.response.notes);
    }
    for bad in [
        json!({}),
        json!({"n": -1}),
        json!({"n": "1"}),
        json!({"n": 0.5}),
        json!({"n": 1, "word": "abcd"}),
        json!({"n": 1, "word": "SECRET"}),
        json!({"n": 1, "more": true}),
    ] {
        let asked = document(&bad);
        let run_id = asked.run_id.clone();
        let answer = bench.invoke(&redact, asked).await;
        let got = (answer.response.status, answer.reason);
        assert_eq!(got, (Status::Rejected, Some(ErrorCode::PayloadSchemaMismatch)), "{bad}");
        assert_eq!(bench.kinds(&run_id), [EventKind::Reject], "{bad}: nothing ran");
        assert!(answer.response.notes.contains("data"), "{}", answer.response.notes);
        let lines = bench.ledger_lines().join("\n");
        assert!(!lines.contains("SECRET") && !lines.contains("more"), "no payload in the ledger");
    }
}

/// After the call: what does not match is not released.
#[tokio::test(flavor = "multi_thread")]
async fn outputs_are_checked_after_the_call() {
    let schema = json!({"properties": {"data": {"type": "object", "properties": {"total": {"maximum": 0}}}}});
    let bench = with_schema(OUTPUT, &schema).await;
    let redact = crate::harness::id("json-redact");
    let clean = bench.invoke(&redact, document(&json!({"a": "nothing"}))).await;
    assert_eq!(clean.response.status, Status::Ok, "{}", clean.response.notes);
    let asked = document(&json!({"a": "ada@example.org"}));
    let run_id = asked.run_id.clone();
    let answer = bench.invoke(&redact, asked).await;
    assert_eq!((answer.response.status, answer.reason), (Status::Rejected, Some(ErrorCode::OutputSchemaMismatch)));
    assert!(answer.response.result.is_none());
    assert_eq!(bench.kinds(&run_id), [EventKind::Invoke, EventKind::Reject]);
    assert_eq!(bench.events(&run_id)[1].output_hash, "", "no hash of what was not released");
}

/// Every example package of this repository takes its own examples.
#[tokio::test(flavor = "multi_thread")]
async fn examples_match_their_own_schemas() {
    let bench = Bench::new().await;
    for name in ["hello", "text-stats", "json-redact", "headline"] {
        let files = package(&format!("examples/{name}"));
        let plugin = bench.install_files(&files).await;
        let mut examples = 0;
        for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("examples/")) {
            let asked = omega_contract::strict_json::parse_as(bytes, 1 << 20).unwrap();
            let answer = bench.invoke(&plugin, asked).await;
            assert_eq!(answer.response.status, Status::Ok, "{path}: {}", answer.response.notes);
            examples += 1;
        }
        assert!(examples > 0, "{name} has examples");
    }
}
