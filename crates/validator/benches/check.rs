//! What the checks of one call cost, beside a raw SHA-256 of the same bytes.
//!
//! `cargo bench -p omega-validator`. Prints nanoseconds per operation: the median of many rounds.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::Instant;

use omega_contract::ports::{GuestOutput, GuestPayload};
use omega_contract::{PluginRequest, Sha256Hex};
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

    let rows: Vec<Value> = (0..1000).map(|i| json!({"id": i, "name": format!("name {i}"), "ok": true})).collect();
    let hashed = request(&json_payload(&json!({"n": 1, "any": rows})));
    println!("json of 1,000 rows ({} canonical bytes)", hashed.canonical_bytes());
    let plain = hashed.request().clone();
    row("HashedRequest::new", nanoseconds_owned(|| plain.clone(), HashedRequest::new));
}
