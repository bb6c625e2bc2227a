//! Attempts: how many, how long, and what the breaker learns of them.

use std::sync::Arc;
use std::time::Duration;

use omega_contract::{ErrorCode, EventKind, Status};
use omega_router::Services as _;

use crate::fake_services::{BREAKER_FAILURES, Bench, COOLDOWN, id, key, manifest, policy, request};
use crate::fakes::{Act, Break, Tape};

const TRAP: Act = Act::Fail(ErrorCode::PluginTrap);

fn tape() -> Tape {
    Tape::new(Break::Never)
}

#[tokio::test]
async fn attempts_are_numbered_and_stop_at_success() {
    let bench = Bench::new(tape(), &[TRAP, Act::Fail(ErrorCode::Timeout), Act::Say("out")]);
    let answer = bench.router.call(&id("scripted"), request("r", Some(policy(10_000, 5)))).await.unwrap();
    assert_eq!((answer.response.status, answer.reason), (Status::Ok, None));
    assert_eq!(bench.script().runs(), 3);
    let (invoke, error) = (EventKind::Invoke, EventKind::Error);
    assert_eq!(bench.tape.kinds(), [invoke, error, invoke, error, invoke, EventKind::Result]);
    assert_eq!(bench.tape.meta("attempt"), ["1", "1", "2", "2", "3", "3"]);
    assert_eq!(bench.tape.meta("reason"), ["-", "plugin_trap", "-", "timeout", "-", "-"]);
    assert_eq!(answer.event_index, 5, "the answer names the last outcome");
}

#[tokio::test]
async fn retries_are_as_many_as_asked_for() {
    for (max_retries, expect) in [(0, 1), (1, 2)] {
        let bench = Bench::new(tape(), &[TRAP]);
        let answer = bench.router.call(&id("scripted"), request("r", Some(policy(10_000, max_retries)))).await.unwrap();
        assert_eq!((answer.response.status, answer.reason), (Status::Error, Some(ErrorCode::PluginTrap)));
        assert_eq!(bench.script().runs(), expect);
    }
    let bench = Bench::new(tape(), &[TRAP]);
    bench.router.call(&id("scripted"), request("r", None)).await.unwrap();
    assert_eq!(bench.script().runs(), 1, "without a policy, once");
}

#[tokio::test]
async fn what_a_rule_refused_is_not_tried_again() {
    for (act, reason) in [(Act::Decline, ErrorCode::PluginDeclined), (Act::SayWrong, ErrorCode::OutputSchemaMismatch)] {
        let bench = Bench::new(tape(), &[act]);
        let answer = bench.router.call(&id("scripted"), request("r", Some(policy(10_000, 5)))).await.unwrap();
        assert_eq!((answer.response.status, answer.reason), (Status::Rejected, Some(reason)));
        assert_eq!(bench.tape.kinds(), [EventKind::Invoke, EventKind::Reject]);
        assert!(answer.response.result.is_none());
    }
}

/// An attempt gets the smaller of `max_ms` (1,000) and what remains of `timeout_ms`.
#[tokio::test]
async fn an_attempt_gets_the_smaller_of_its_limit_and_what_remains() {
    for (timeout_ms, at_most, more_than) in [(10_000, 1_000, 500), (400, 400, 0)] {
        let bench = Bench::new(tape(), &[Act::Say("out")]);
        bench.router.call(&id("scripted"), request("r", Some(policy(timeout_ms, 0)))).await.unwrap();
        let (call, began) = bench.script().calls.lock().unwrap()[0].clone();
        let given = call.deadline.saturating_duration_since(began);
        assert!(given <= Duration::from_millis(at_most) && given > Duration::from_millis(more_than), "{given:?}");
    }
    let bench = Bench::new(tape(), &[Act::FailAfter(Duration::from_millis(300)), Act::Say("out")]);
    bench.router.call(&id("scripted"), request("r", Some(policy(900, 1)))).await.unwrap();
    let limits: Vec<u64> = bench.tape.meta("limit_ms").iter().filter_map(|text| text.parse().ok()).collect();
    assert_eq!(limits.len(), 2);
    assert!(limits[0] <= 900 && limits[1] <= 600, "{limits:?}");
}

#[tokio::test]
async fn no_retry_begins_after_the_deadline() {
    let bench = Bench::new(tape(), &[Act::Hang]);
    let answer = bench.router.call(&id("scripted"), request("r", Some(policy(150, 5)))).await.unwrap();
    assert_eq!((answer.response.status, answer.reason), (Status::Timeout, Some(ErrorCode::Timeout)));
    assert_eq!(bench.script().runs(), 1);
    assert_eq!(bench.tape.kinds(), [EventKind::Invoke, EventKind::Error]);
}

/// Attempts count, not calls; what was refused by the breaker was not run and may come again.
#[tokio::test]
async fn attempts_open_the_breaker_and_a_trial_closes_it() {
    let runs = BREAKER_FAILURES as usize;
    let mut acts = vec![TRAP; runs];
    acts.push(Act::Say("well again"));
    let bench = Bench::new(tape(), &acts);
    let answer = bench.router.call(&id("scripted"), request("first", Some(policy(10_000, 5)))).await.unwrap();
    assert_eq!(answer.reason, Some(ErrorCode::PluginTrap), "the plugin's own end is told, not the breaker's");
    assert_eq!(bench.script().runs(), runs);

    let refused = bench.router.call(&id("scripted"), request("second", None)).await.unwrap();
    assert_eq!((refused.response.status, refused.reason), (Status::Rejected, Some(ErrorCode::CircuitOpen)));
    assert_eq!(refused.retry_after, Some(COOLDOWN));
    assert_eq!(bench.script().runs(), runs);
    assert!(!bench.tape.holds(&key("second", 0)));

    bench.clock.advance(COOLDOWN);
    let answer = bench.router.call(&id("scripted"), request("second", None)).await.unwrap();
    assert_eq!(answer.response.status, Status::Ok);
}

/// What a deterministic plugin is shown does not tell two calls apart; its seed hangs on the input.
#[tokio::test]
async fn a_deterministic_plugin_is_shown_neither_ids_nor_time_nor_context() {
    let mut declared = manifest("scripted", "text", "text");
    declared["determinism"]["mode"] = "deterministic".into();
    let bench = Bench::of(tape(), &[(declared, &[Act::Say("out")])]);
    let shown = Bench::new(tape(), &[Act::Say("out")]);
    for bench in [&bench, &shown] {
        for name in ["a", "b"] {
            let mut asked = request(name, None);
            asked.context.insert("who".into(), name.into());
            bench.router.call(&id("scripted"), asked).await.unwrap();
        }
    }
    let seen = |bench: &Bench| -> Vec<_> {
        let calls = bench.script().calls.lock().unwrap();
        calls.iter().map(|(call, _)| (call.request.as_ref().clone(), call.seed)).collect()
    };
    assert_eq!(seen(&bench)[0], seen(&bench)[1]);
    assert_ne!(seen(&shown)[0].0, seen(&shown)[1].0, "a probabilistic one sees them");
}

/// A target made anew remembers nothing of what the one before it was through.
#[tokio::test]
async fn an_unused_target_has_a_closed_breaker() {
    let bench = Bench::new(tape(), &[TRAP]);
    let target = bench.shelf.find(&id("scripted")).await.unwrap();
    for n in 0..BREAKER_FAILURES {
        bench.router.call(&id("scripted"), request(&format!("r{n}"), None)).await.unwrap();
    }
    let used = bench.router.call_target(Arc::clone(&target), request("used", None)).await.unwrap();
    assert_eq!(used.reason, Some(ErrorCode::CircuitOpen));
    let unused = bench.router.call_target(Arc::new(target.unused()), request("unused", None)).await.unwrap();
    assert_eq!(unused.reason, Some(ErrorCode::PluginTrap));
}
