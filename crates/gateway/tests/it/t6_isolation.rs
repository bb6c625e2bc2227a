//! T6, isolation: nothing of the host reaches a plugin, nothing of a call reaches another.

use omega_contract::{Payload, Status};
use omega_gateway::request;
use serde_json::Value;

use crate::harness::{Bench, id};

fn report(answer: &omega_gateway::Answer) -> Value {
    match &answer.response.result {
        Some(Payload::Json(json)) => Value::Object(json.data.to_map()),
        other => panic!("{other:?}: {}", answer.response.notes),
    }
}

/// Everything that a guest can look at is empty, stands still or says no.
#[tokio::test(flavor = "multi_thread")]
async fn there_is_nothing_to_see() {
    let bench = Bench::new().await;
    let probe = bench.install("hostile/env-probe").await;
    let seen = report(&bench.text(&probe, "go").await);
    assert_eq!(seen["variables"], Value::Array(Vec::new()));
    assert_eq!(seen["arguments"], Value::Array(Vec::new()));
    assert_eq!(seen["stdin"], "");
    assert_eq!(seen["wall_clock_ns"][0], seen["wall_clock_ns"][1]);
    assert_eq!(seen["monotonic_elapsed_ns"], "0");
    let attempts = seen["attempts"].as_array().unwrap();
    assert!(attempts.len() > 5, "it tried: {attempts:?}");
    let text = seen.to_string();
    for secret in [bench.home.path().to_str().unwrap(), "root:", env!("CARGO_MANIFEST_DIR")] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

/// A static, a thread local, leaked memory and a file: none survives a call, one after the other and at once.
#[tokio::test(flavor = "multi_thread")]
async fn no_call_sees_an_earlier_one() {
    let bench = Bench::new().await;
    let stateful = bench.install("hostile/stateful").await;
    let first = bench.text(&stateful, "go").await;
    let Some(Payload::Text(text)) = &first.response.result else { panic!("{}", first.response.notes) };
    assert_eq!(text.content, "1 1 1 no file None");
    for _ in 0..5 {
        assert_eq!(bench.text(&stateful, "go").await.response.result, first.response.result);
    }
    for answer in futures_util::future::join_all((0..32).map(|_| bench.text(&stateful, "go"))).await {
        assert_eq!(answer.response.result, first.response.result);
    }
}

/// Memory that a call took is another's again: it gets as much on every call, also beside others.
#[tokio::test(flavor = "multi_thread")]
async fn a_hoarder_keeps_nothing() {
    let bench = Bench::new().await;
    let hoarder = bench.install("hostile/memory-hoarder").await;
    bench.install("examples/hello").await;
    let first = bench.text(&hoarder, "go").await;
    for _ in 0..3 {
        let hello = id("hello");
        let (again, other) = tokio::join!(bench.text(&hoarder, "go"), bench.text(&hello, "Ada"));
        assert_eq!((again.response.status, &again.response.result), (first.response.status, &first.response.result));
        assert_eq!(other.response.status, Status::Ok);
    }
}

/// Two callers at once, each with a payload of its own: neither answer holds anything of the other's.
#[tokio::test(flavor = "multi_thread")]
async fn payloads_do_not_mix() {
    let bench = Bench::new().await;
    let hello = bench.install("examples/hello").await;
    let calls = (0..64).map(|n| {
        let (bench, hello) = (&bench, &hello);
        async move {
            let name = format!("caller-{n:03}");
            let answer = bench.invoke(hello, request(Payload::text(&*name))).await;
            (name, answer)
        }
    });
    for (name, answer) in futures_util::future::join_all(calls).await {
        let Some(Payload::Text(text)) = &answer.response.result else { panic!("{}", answer.response.notes) };
        assert!(
            text.content.contains(&name) && text.content.matches("caller-").count() == 1,
            "{name}: {}",
            text.content
        );
    }
}
