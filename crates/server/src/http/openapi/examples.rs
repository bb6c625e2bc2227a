//! Examples: real answers, shortened to what a reader needs.

use serde_json::{Value, json};

const RUN: &str = "01JD0000000000000000000000";
const REQUEST: &str = "01JD0000000000000000000001";
const HASH: &str = "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28";
const TIME: &str = "2026-11-21T12:00:00.000000Z";

fn text(content: &str) -> Value {
    json!({ "kind": "text", "content": content, "encoding": "utf-8", "metadata": {} })
}

/// What users type first.
pub(super) fn call() -> Value {
    json!({ "payload": text("Ada") })
}

/// A request with everything.
pub(super) fn whole_call() -> Value {
    json!({
        "request_id": REQUEST, "run_id": RUN, "timestamp": TIME, "payload": text("Ada"), "context": { "tenant": "blue" },
        "policy": { "deterministic_only": true, "timeout_ms": 1000, "max_retries": 1 },
    })
}

fn response(plugin_id: &str) -> Value {
    json!({
        "request_id": REQUEST, "plugin_id": plugin_id, "status": "ok", "result": text("Hello, Ada!"),
        "evidence_hashes": { "input_hash": HASH, "output_hash": HASH }, "duration_ms": 2, "notes": "",
    })
}

pub(super) fn answer() -> Value {
    let mut answer = response("hello");
    let evidence = json!({ "run_id": RUN, "reason": null, "event_index": 42, "event_hash": HASH });
    if let (Some(answer), Some(evidence)) = (answer.as_object_mut(), evidence.as_object()) {
        answer.extend(evidence.clone());
    }
    answer
}

pub(super) fn pipeline() -> Value {
    json!({
        "policy": { "strategy": "sequential", "plugin_ids": ["hello"], "timeout_ms": 5000, "stop_on_failure": true },
        "request": call(),
    })
}

pub(super) fn pipeline_answer() -> Value {
    json!({
        "run_id": RUN, "strategy": "sequential", "overall_status": "ok", "total_duration_ms": 3,
        "steps": [{
            "plugin_id": "hello", "step_index": 0, "response": response("hello"), "reason": null, "event_index": 42,
            "event_hash": HASH,
        }],
    })
}

pub(super) fn report() -> Value {
    json!({
        "valid": false, "manifest_hash": HASH, "checked_at": TIME,
        "issues": [{ "field": "limits.max_ms", "message": "at least 100", "severity": "error" }],
    })
}

pub(super) fn plugin() -> Value {
    json!({
        "plugin_id": "hello", "name": "Hello", "version": "1.0.0", "status": "enabled",
        "capabilities": ["read_text", "write_suggestion"], "registered_at": TIME, "signature_valid": true, "lane": "wasm",
        "determinism": "deterministic", "key_id": HASH, "package_digest": HASH,
    })
}

pub(super) fn plugin_page() -> Value {
    json!({ "plugins": [plugin()], "next": null })
}

pub(super) fn event_page() -> Value {
    json!({
        "events": [{
            "index": 42,
            "event": {
                "event_hash": HASH, "event_id": "01JD0000000000000000000002", "input_hash": HASH, "kind": "RESULT",
                "meta": { "actor": "ci", "status": "ok" }, "output_hash": HASH, "plugin_id": "hello", "prev_hash": HASH,
                "request_id": REQUEST, "run_id": RUN, "ts": TIME,
            },
        }],
        "next": "43-999999999999999",
    })
}

pub(super) fn artifact() -> Value {
    json!({ "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "size_bytes": 5 })
}
