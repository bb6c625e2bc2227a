//! What is loaded when: at enable, or by the first of the callers that come together.

use omega_contract::{ErrorCode, Payload, RequestPolicy, Status};
use omega_gateway::request;

use crate::harness::{Bench, edit, id, package};

const CALLERS: usize = 64;

/// What `enable` rehearsed is what the first caller gets: nothing is read again.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_call_after_enable_needs_no_load() {
    let bench = Bench::new().await;
    let hello = bench.install("examples/hello").await;
    let store = bench.home.path().join("store");
    std::fs::rename(&store, bench.beside("store")).unwrap();
    let answer = bench.text(&hello, "Ada").await;
    assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);

    // Once it was disabled, nothing is left of it: it must be loaded again, and cannot be.
    bench.gateway.disable_plugin(&hello).await.unwrap();
    assert_eq!(bench.text(&hello, "Ada").await.reason, Some(ErrorCode::PluginNotEnabled));
    assert!(bench.gateway.enable_plugin(&hello, None).await.is_err());
    std::fs::rename(bench.beside("store"), &store).unwrap();
    bench.gateway.enable_plugin(&hello, None).await.unwrap();
    bench.assert_healthy("its store is back").await;
}

/// After a restart all first callers wait for the load (that it is one: `loads`), and are served.
#[tokio::test(flavor = "multi_thread")]
async fn first_callers_wait_for_the_load_and_are_served() {
    let bench = Bench::with_config("[quotas]\nqueue_wait_ms_max = 60000").await;
    let mut files = package("examples/hello");
    // Time for all of them on a slow machine: this is about the load, not about speed.
    edit(&mut files, |manifest| manifest["limits"]["max_ms"] = 60_000.into());
    bench.install_files(&files).await;
    let bench = bench.reopened().await;
    let calls = (0..CALLERS).map(|_| async { bench.text(&id("hello"), "Ada").await });
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
    }
}

/// A caller that goes away while its plugin is loaded, or has too little time, spoils nothing for the next.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_caller_that_leaves_does_not_end_the_load() {
    let bench = Bench::new().await;
    let hello = bench.install("examples/hello").await;
    let bench = bench.reopened().await;
    tokio::select! {
        biased;
        _ = bench.text(&hello, "Ada") => {}
        () = tokio::task::yield_now() => {}
    }
    let mut hasty = request(Payload::text("Ada"));
    hasty.policy = Some(RequestPolicy { deterministic_only: false, timeout_ms: 100, max_retries: 0 });
    let run_id = hasty.run_id.clone();
    let answer = bench.invoke(&hello, hasty).await;
    assert!(
        answer.response.status == Status::Ok
            || answer.reason == Some(ErrorCode::Overloaded)
            || answer.reason == Some(ErrorCode::Timeout),
        "{}",
        answer.response.notes
    );
    bench.assert_evidence_whole(&run_id);
    bench.assert_healthy("its first callers left").await;
}
