//! What the checks of one call cost, beside a raw SHA-256 of the same bytes.
//!
//! `cargo bench -p omega-validator`. Prints nanoseconds per operation: the median of many rounds.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use omega_contract::ports::{GuestOutput, GuestPayload};
use omega_contract::{Payload, PluginRequest, Sha256Hex, strict_json};
use omega_validator::{Ceilings, HashedRequest, check_output, check_request, parse_request};
use serde_json::{Value, json};
use support::{Held, every_capability, json_payload, manifest, package, request, text};

const ROUNDS: usize = 201;
const OPERATIONS: u32 = 200;

/// The median over rounds of the time of one operation, in nanoseconds.
fn nanoseconds<T>(mut operation: impl FnMut() -> T) -> u128 {
    let mut rounds: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..OPERATIONS {
                black_box(operation());
            }
            start.elapsed().as_nanos() / u128::from(OPERATIONS)
        })
        .collect();
    rounds.sort_unstable();
    rounds[ROUNDS / 2]
}

/// Operations that use up their input: made before each, timed without the making and the dropping.
fn nanoseconds_owned<I, T>(make: impl Fn() -> I, mut operation: impl FnMut(I) -> T) -> u128 {
    let mut operations: Vec<u128> = (0..ROUNDS * 10)
        .map(|_| {
            let input = make();
            let start = Instant::now();
            let output = black_box(operation(input));
            let elapsed = start.elapsed().as_nanos();
            drop(output);
            elapsed
        })
        .collect();
    operations.sort_unstable();
    operations[operations.len() / 2]
}

fn row(what: &str, nanoseconds: u128) {
    println!("{what:<44} {nanoseconds:>8} ns");
}

fn main() {
    let package = package(&manifest());
    let held = every_capability();
    let sentence = "The quick brown fox jumps over the lazy dog. ";
    let four_kib: String = sentence.chars().cycle().take(4096).collect();
    let payload: Value = text(&four_kib);
    let canonical = omega_contract::canonical_bytes(&payload).unwrap();
    let plain: PluginRequest = serde_json::from_value(json!({
        "request_id": "r", "run_id": "u", "timestamp": "2026-01-01T00:00:00Z", "payload": payload, "context": {}
    }))
    .unwrap();
    let bytes = serde_json::to_vec(&plain).unwrap();

    println!("4 KiB text ({} canonical bytes)", canonical.len());
    row("raw SHA-256 of the canonical bytes", nanoseconds(|| Sha256Hex::of(&canonical)));
    row("canonical form of the payload", nanoseconds(|| omega_contract::canonical_bytes(&plain.payload)));
    row("parse_request", nanoseconds(|| parse_request(&bytes)));
    row("HashedRequest::new", nanoseconds_owned(|| plain.clone(), HashedRequest::new));
    let hashed = request(&payload);
    let ceilings = Ceilings::default();
    row("check_request", nanoseconds(|| check_request(&package, &hashed, &held, ceilings)));

    let report =
        json!({"n": 12, "any": {"words": 812, "lines": 60, "longest": ["quick", "brown"], "mean": 4.2}}).to_string();
    let output = || GuestOutput {
        payload: GuestPayload::Json { data: report.clone(), schema_ref: "schemas/outputs/json.schema.json".into() },
        notes: "done".into(),
    };
    println!("json report of {} bytes", report.len());
    row("check_output", nanoseconds_owned(output, |output| check_output(&package, output, &held, ceilings, &Held)));
    let text_output = || GuestOutput {
        payload: GuestPayload::Text { content: four_kib.clone(), encoding: "utf-8".into(), metadata: vec![] },
        notes: String::new(),
    };
    println!("4 KiB text result");
    row(
        "check_output",
        nanoseconds_owned(text_output, |output| check_output(&package, output, &held, ceilings, &Held)),
    );

    for bytes in [4 << 10, 64 << 10, 1 << 20] {
        json_input(bytes);
    }
}

/// Rows of about 60 bytes, as a service writes them: names not in order, numbers with a point.
fn json_input(bytes: usize) {
    let written = |i: usize| {
        let (kind, value) = (["heat", "light", "sound"][i % 3], i % 1_000);
        format!(r#"{{"id":{i},"name":"sensor {i}","kind":"{kind}","value":{value}.25}}"#)
    };
    let rows: Vec<String> = (0..bytes / 64).map(written).collect();
    let text = format!(r#"{{"n":1,"any":[{}]}}"#, rows.join(","));
    let mut manifest = manifest();
    manifest["limits"]["max_bytes"] = json!(4 << 20);
    manifest["io"]["inputs"][1]["limits"]["max_bytes"] = json!(4 << 20);
    let mut files = support::files(&manifest);
    files.insert("schemas/inputs/json.schema.json".into(), rows_schema().to_string().into_bytes());
    let package =
        support::verify(&support::signed_by(files, &support::operator()), &[support::trusted(&support::operator())]);
    let (package, held, ceilings) = (package.unwrap(), every_capability(), Ceilings::default());
    let payload = |text: &str| Payload::json_text(text, "schemas/inputs/json.schema.json").unwrap();
    let asked =
        |payload: Payload| PluginRequest { payload, ..request(&json_payload(&json!({"n": 1}))).request().clone() };
    let made = payload(&text);
    let Payload::Json(data) = &made else { return };
    println!("json of {} bytes, {} of them canonical", text.len(), data.data.text().len());
    let rounds = (64 << 10) / bytes.min(64 << 10);
    let row = |what: &str, operation: &mut dyn FnMut()| {
        row(what, nanoseconds_few(rounds, operation));
    };
    row("raw SHA-256 of the text", &mut || {
        black_box(Sha256Hex::of(text.as_bytes()));
    });
    row("strict_json::parse", &mut || drop(black_box(strict_json::parse(text.as_bytes(), 4 << 20))));
    row("payload from text", &mut || drop(black_box(payload(&text))));
    row("payload from canonical text", &mut || drop(black_box(payload(data.data.text()))));
    let map = data.data.to_map();
    row("clone of a map", &mut || drop(black_box(map.clone())));
    row("payload from a map, and its clone", &mut || {
        drop(black_box(Payload::json(map.clone(), "schemas/inputs/json.schema.json")));
    });
    row("HashedRequest::new", &mut || drop(black_box(HashedRequest::new(asked(made.clone())))));
    let hashed = Arc::new(HashedRequest::new(asked(made.clone())));
    row("check_request", &mut || drop(black_box(check_request(&package, &hashed, &held, ceilings).unwrap())));
}

fn rows_schema() -> Value {
    let row = json!({
        "type": "object", "required": ["id", "name", "kind", "value"], "additionalProperties": false,
        "properties": {
            "id": {"type": "integer", "minimum": 0}, "name": {"type": "string"}, "kind": {"type": "string"},
            "value": {"type": "number"},
        },
    });
    let any = json!({"type": "array", "items": row});
    let data = json!({"type": "object", "properties": {"n": true, "any": any}});
    json!({"type": "object", "properties": {"kind": {"const": "json"}, "data": data}})
}

/// As [`nanoseconds`], for what takes long.
fn nanoseconds_few(operations: usize, operation: &mut dyn FnMut()) -> u128 {
    let mut rounds: Vec<u128> = (0..21)
        .map(|_| {
            let start = Instant::now();
            (0..operations).for_each(|_| operation());
            start.elapsed().as_nanos() / operations as u128
        })
        .collect();
    rounds.sort_unstable();
    rounds[rounds.len() / 2]
}
