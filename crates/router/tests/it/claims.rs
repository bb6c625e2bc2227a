//! A call's key: free again where nothing ran, used for ever once there is an INVOKE.

use std::sync::Arc;
use std::time::Duration;

use omega_contract::{ErrorCode, EventKind, Status};
use serde_json::json;

use crate::fake_services::{Bench, QUEUE_MAX, id, key, manifest, policy, request};
use crate::fakes::{Act, Break, Tape};

fn tape() -> Tape {
    Tape::new(Break::Never)
}

/// Wherever a refusal is a matter of the moment, the same request may come again.
#[tokio::test]
async fn a_key_is_free_again_where_nothing_ran() {
    let bench = Bench::new(tape(), &[Act::Say("out")]);
    for code in [ErrorCode::ArtifactUnknown, ErrorCode::ArtifactHashMismatch] {
        *bench.shelf.payload_refusal.lock().unwrap() = Some(code);
        let answer = bench.router.call(&id("scripted"), request("r", None)).await.unwrap();
        assert_eq!((answer.response.status, answer.reason), (Status::Rejected, Some(code)));
        assert!(!bench.tape.holds(&key("r", 0)), "{code}");
    }
    *bench.shelf.payload_refusal.lock().unwrap() = None;
    let answer = bench.router.call(&id("scripted"), request("r", None)).await.unwrap();
    assert_eq!(answer.response.status, Status::Ok);
    assert!(bench.tape.holds(&key("r", 0)));
    let again = bench.router.call(&id("scripted"), request("r", None)).await.unwrap();
    assert_eq!((again.response.status, again.reason), (Status::Rejected, Some(ErrorCode::DuplicateRequest)));
    assert!(bench.tape.holds(&key("r", 0)), "a refused duplicate does not free what it is a duplicate of");
    assert_eq!(bench.script().runs(), 1);
}

/// One runs, as many as fit wait, one more is refused at once and may come again.
#[tokio::test]
async fn the_queue_of_a_plugin_is_bounded() {
    let bench = Bench::new(tape(), &[Act::SayAfter(Duration::from_millis(300)), Act::Say("out")]);
    let mut calls = Vec::new();
    for n in 0..=QUEUE_MAX {
        let (router, asked) = (Arc::clone(&bench.router), request(&format!("r{n}"), Some(policy(5_000, 0))));
        calls.push(tokio::spawn(async move { router.call(&id("scripted"), asked).await.unwrap() }));
        tokio::task::yield_now().await;
    }
    bench.script().begun(1).await;
    let refused = bench.router.call(&id("scripted"), request("surplus", None)).await.unwrap();
    assert_eq!((refused.response.status, refused.reason), (Status::Rejected, Some(ErrorCode::Overloaded)));
    assert!(!bench.tape.holds(&key("surplus", 0)));
    for call in calls {
        assert_eq!(call.await.unwrap().response.status, Status::Ok);
    }
    let answer = bench.router.call(&id("scripted"), request("surplus", None)).await.unwrap();
    assert_eq!(answer.response.status, Status::Ok);
}

/// Who waits longer than its own time is refused without having run.
#[tokio::test]
async fn a_wait_ends_with_the_callers_time() {
    let bench = Bench::new(tape(), &[Act::SayAfter(Duration::from_millis(600)), Act::Say("out")]);
    let (router, asked) = (Arc::clone(&bench.router), request("first", None));
    let first = tokio::spawn(async move { router.call(&id("scripted"), asked).await.unwrap() });
    bench.script().begun(1).await;
    let answer = bench.router.call(&id("scripted"), request("second", Some(policy(100, 0)))).await.unwrap();
    assert_eq!((answer.response.status, answer.reason), (Status::Rejected, Some(ErrorCode::Overloaded)));
    assert_eq!(first.await.unwrap().response.status, Status::Ok);
    assert_eq!(bench.script().runs(), 1);
}

/// The payload of a `full` plugin that cannot be kept: the call does not run, and may come again.
#[tokio::test]
async fn what_cannot_be_kept_as_evidence_does_not_run() {
    let mut full = manifest("scripted", "text", "text");
    full["evidence"] = json!({"log_level": "full", "redactions": []});
    let bench = Bench::of(tape(), &[(full, &[Act::Say("out")])]);
    *bench.shelf.keep_refusal.lock().unwrap() = Some(ErrorCode::Io);
    let answer = bench.router.call(&id("scripted"), request("r", None)).await.unwrap();
    assert_eq!((answer.response.status, answer.reason), (Status::Rejected, Some(ErrorCode::Io)));
    assert_eq!((bench.script().runs(), bench.tape.kinds()), (0, vec![EventKind::Reject]));
    assert!(!bench.tape.holds(&key("r", 0)));
    *bench.shelf.keep_refusal.lock().unwrap() = None;
    let answer = bench.router.call(&id("scripted"), request("r", None)).await.unwrap();
    assert_eq!(answer.response.status, Status::Ok);
    assert_eq!(bench.shelf.kept.lock().unwrap().len(), 2, "the payload and the result");
}

/// The caller goes away while the plugin runs: one ERROR `interrupted`, and the key stays used.
#[tokio::test]
async fn a_dropped_call_is_interrupted_exactly_once() {
    let bench = Bench::new(tape(), &[Act::Hang, Act::Say("out")]);
    {
        let plugin = id("scripted");
        let call = bench.router.call(&plugin, request("r", None));
        tokio::select! {
            biased;
            answer = call => panic!("it hangs: {answer:?}"),
            () = bench.script().begun(1) => {}
        }
    }
    assert_eq!(bench.tape.kinds(), [EventKind::Invoke, EventKind::Error]);
    assert_eq!(bench.tape.meta("reason"), ["-", "interrupted"]);
    assert!(bench.tape.holds(&key("r", 0)));
    let again = bench.router.call(&id("scripted"), request("r", None)).await.unwrap();
    assert_eq!(again.reason, Some(ErrorCode::DuplicateRequest));
    let other = bench.router.call(&id("scripted"), request("other", None)).await.unwrap();
    assert_eq!(other.response.status, Status::Ok, "its place is free again");
}

/// The caller goes away while it waits in line: nothing ran, nothing is left behind.
#[tokio::test]
async fn a_call_dropped_in_the_queue_leaves_nothing() {
    let bench = Bench::new(tape(), &[Act::SayAfter(Duration::from_millis(200)), Act::Say("out")]);
    let (router, asked) = (Arc::clone(&bench.router), request("first", None));
    let first = tokio::spawn(async move { router.call(&id("scripted"), asked).await.unwrap() });
    bench.script().begun(1).await;
    let plugin = id("scripted");
    let waiting = bench.router.call(&plugin, request("second", None));
    assert!(tokio::time::timeout(Duration::from_millis(20), waiting).await.is_err());
    assert!(!bench.tape.holds(&key("second", 0)));
    assert_eq!(first.await.unwrap().response.status, Status::Ok);
    let second = bench.router.call(&id("scripted"), request("second", None)).await.unwrap();
    assert_eq!(second.response.status, Status::Ok);
}
