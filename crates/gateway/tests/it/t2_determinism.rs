//! T2, determinism: a plugin declared deterministic gives the same output and hash for the same input, on
//! every run, after a restart, in another home, under other ids, times and contexts.
//!
//! That `enable_plugin` refuses one that differs is shown beside it (`src/enable.rs`): in the wasm lane
//! determinism is enforced, and no guest here can differ.

use std::collections::BTreeSet;

use omega_contract::{Payload, PluginRequest, Status, Timestamp};
use omega_gateway::request;
use serde_json::json;

use crate::harness::Bench;

const CALLS: usize = 5;

fn inputs() -> [(&'static str, Payload); 4] {
    let text = "One fish, two fish. Red fish, blue fish!\n\nThis one has a little star.";
    let document = json!({"mail": "ada@example.org", "n": [1, 2.5, -0.0, 1e21], "deep": {"b": null, "a": true}});
    let schema_ref = "omega:json-redact:input:document:v1.0.0";
    [
        ("examples/hello", Payload::text("Ada")),
        ("examples/text-stats", Payload::text(text)),
        ("examples/json-redact", Payload::json(document.as_object().unwrap().clone(), schema_ref).unwrap()),
        ("hostile/liar", Payload::text("go")),
    ]
}

fn other_each_time(payload: &Payload, n: usize) -> PluginRequest {
    let mut asked = request(payload.clone());
    asked.context.insert("caller".into(), n.to_string());
    asked.timestamp = Timestamp::from_unix_micros(i64::try_from(n).unwrap() * 1_000_000_007);
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_input_gives_the_same_hash_everywhere() {
    let inputs = inputs();
    let mut outputs = vec![BTreeSet::new(); inputs.len()];
    let mut seen_inputs = vec![BTreeSet::new(); inputs.len()];
    for _home in 0..2 {
        let mut bench = Bench::new().await;
        let mut plugins = Vec::new();
        for (name, _) in &inputs {
            plugins.push(bench.install(name).await);
        }
        for restart in 0..2 {
            for (at, (plugin, (name, payload))) in plugins.iter().zip(&inputs).enumerate() {
                let asked = (0..CALLS).map(|n| bench.invoke(plugin, other_each_time(payload, restart * CALLS + n)));
                for answer in futures_util::future::join_all(asked).await {
                    assert_eq!(answer.response.status, Status::Ok, "{name}: {}", answer.response.notes);
                    outputs[at].insert(answer.response.evidence_hashes.output_hash);
                    seen_inputs[at].insert(answer.response.evidence_hashes.input_hash);
                }
            }
            bench = bench.reopened().await;
        }
    }
    for (at, (name, _)) in inputs.iter().enumerate() {
        assert_eq!((outputs[at].len(), seen_inputs[at].len()), (1, 1), "{name}");
    }
    assert_eq!(
        outputs.into_iter().flatten().collect::<BTreeSet<_>>().len(),
        inputs.len(),
        "and differs between inputs"
    );
}

/// The output hash that a golden file would hold: it is the same on another machine, and it is that of the
/// result's canonical form.
#[tokio::test(flavor = "multi_thread")]
async fn the_output_hash_is_that_of_the_canonical_result() {
    let bench = Bench::new().await;
    let stats = bench.install("examples/text-stats").await;
    let answer = bench.text(&stats, "a b").await;
    let canonical = omega_contract::canonical_bytes(answer.response.result.as_ref().unwrap()).unwrap();
    assert_eq!(answer.response.evidence_hashes.output_hash, omega_contract::Sha256Hex::of(&canonical).to_string());
}

/// The evidence says how determinism is held, and a probabilistic plugin is not claimed to be any.
#[tokio::test(flavor = "multi_thread")]
async fn the_evidence_says_how_determinism_is_held() {
    let bench = Bench::new().await;
    for (name, expect) in [("examples/hello", "deterministic, enforced"), ("examples/headline", "probabilistic")] {
        let plugin = bench.install(name).await;
        let asked = request(Payload::text("A sentence. And another one. And a third one, longer than both."));
        let run_id = asked.run_id.clone();
        bench.invoke(&plugin, asked).await;
        assert_eq!(bench.events(&run_id)[0].meta["determinism"], expect, "{name}");
    }
}

/// Enabling runs each example twice, under other ids, and journals it like any call.
#[tokio::test(flavor = "multi_thread")]
async fn enabling_rehearses_the_examples() {
    let bench = Bench::new().await;
    bench.install("examples/hello").await;
    let lines = bench.ledger_lines();
    let rehearsals = |kind: &str| {
        let kind = format!("\"kind\":\"{kind}\"");
        lines.iter().filter(|line| line.contains("\"run_id\":\"enable-") && line.contains(&kind)).count()
    };
    assert_eq!((rehearsals("INVOKE"), rehearsals("RESULT")), (4, 4), "two examples, twice each");
}
