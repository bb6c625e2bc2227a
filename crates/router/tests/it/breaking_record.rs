//! No evidence, no answer (INV-PNP-07, INV-PNP-10).

use std::sync::Arc;
use std::time::Duration;

use omega_contract::{ErrorCode, EventKind, Status};

use crate::fake_services::{Bench, id, request};
use crate::fakes::{Act, Break, Tape};

/// Wherever the record breaks, the caller gets an error and never an answer.
#[tokio::test]
async fn a_record_that_breaks_gives_no_answer() {
    let cases = [
        (Break::Claiming, Act::Say("out"), 0),
        (Break::Recording(EventKind::Invoke), Act::Say("out"), 0),
        (Break::Recording(EventKind::Result), Act::Say("out"), 1),
        (Break::Waiting(EventKind::Result), Act::Say("out"), 1),
        (Break::Recording(EventKind::Reject), Act::Decline, 1),
        (Break::Waiting(EventKind::Reject), Act::Decline, 1),
        (Break::Recording(EventKind::Error), Act::Fail(ErrorCode::PluginTrap), 1),
        (Break::Waiting(EventKind::Error), Act::Fail(ErrorCode::PluginTrap), 1),
    ];
    for (break_at, act, runs) in cases {
        let bench = Bench::new(Tape::new(break_at), &[act]);
        let answer = bench.router.call(&id("scripted"), request("r", None)).await;
        assert!(answer.is_err(), "{break_at:?}: {answer:?}");
        assert_eq!(bench.script().runs(), runs, "{break_at:?}");
    }
}

/// A refusal is evidence too.
#[tokio::test]
async fn a_refusal_that_cannot_be_recorded_is_no_answer() {
    for break_at in [Break::Recording(EventKind::Reject), Break::Waiting(EventKind::Reject)] {
        let bench = Bench::new(Tape::new(break_at), &[Act::Say("out")]);
        assert!(bench.router.call(&id("nobody"), request("r", None)).await.is_err(), "{break_at:?}");
    }
}

/// The answer waits for the disk, a result's and a refusal's alike.
#[tokio::test]
async fn an_answer_waits_until_its_outcome_is_durable() {
    for (plugin, expect) in [("scripted", EventKind::Result), ("nobody", EventKind::Reject)] {
        let bench = Bench::new(Tape::slow(), &[Act::Say("out")]);
        let router = Arc::clone(&bench.router);
        let call = tokio::spawn(async move { router.call(&id(plugin), request("r", None)).await });
        while bench.tape.kinds().last() != Some(&expect) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert!(!call.is_finished(), "{expect}: the outcome is recorded and not durable");
        bench.tape.disk.add_permits(10);
        let answer = call.await.unwrap().unwrap();
        assert_eq!(answer.response.status == Status::Ok, expect == EventKind::Result);
    }
}
