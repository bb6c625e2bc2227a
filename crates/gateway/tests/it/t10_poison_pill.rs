//! T10, poison pill: one plugin that traps, hangs or floods in every call takes nothing from another.

use std::time::Duration;

use omega_contract::{ErrorCode, Payload, Status};
use omega_gateway::{Answer, request};

use crate::harness::{Bench, id};

const POISONED_CALLS: usize = 12;
const GOOD_CALLS: usize = 100;
const BREAKER_FAILURES: usize = 3;

/// Calls the bad one without end in sight and the good one beside it.
async fn beside(bench: &Bench, poison: &str) -> (Vec<Answer>, Vec<Answer>) {
    let (bad, good) = (id(poison), id("hello"));
    let poisoned = async {
        let mut answers = Vec::new();
        for _ in 0..POISONED_CALLS {
            answers.push(bench.text(&bad, "go").await);
        }
        answers
    };
    let served = async {
        let mut answers = Vec::new();
        for n in 0..GOOD_CALLS {
            answers.push(bench.text(&good, &format!("caller {n}")).await);
        }
        answers
    };
    tokio::join!(poisoned, served)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_plugin_serves_on_and_only_the_bad_ones_breaker_opens() {
    let bench = Bench::with_config(&format!("[breaker]\nfailures = {BREAKER_FAILURES}")).await;
    bench.install("examples/hello").await;
    for (poison, status, reason) in [
        ("trap", Status::Error, ErrorCode::PluginTrap),
        ("spin", Status::Timeout, ErrorCode::Timeout),
        ("memory-bomb", Status::Error, ErrorCode::MemoryLimit),
    ] {
        bench.install(&format!("hostile/{poison}")).await;
        let (bad, good) = beside(&bench, &format!("hostile-{poison}")).await;
        assert!(good.iter().all(|answer| answer.response.status == Status::Ok), "beside {poison}");
        let (ran, refused) = bad.split_at(BREAKER_FAILURES);
        for answer in ran {
            assert_eq!((answer.response.status, answer.reason), (status, Some(reason)), "{poison}");
        }
        for answer in refused {
            assert_eq!((answer.response.status, answer.reason), (Status::Rejected, Some(ErrorCode::CircuitOpen)));
            assert!(answer.retry_after.is_some_and(|wait| wait <= Duration::from_secs(30)), "{poison}");
        }
    }
}

/// A flood of log and output lines is bounded and is no failure: no breaker opens, nothing else suffers.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_stays_in_its_own_bed() {
    let bench = Bench::new().await;
    bench.install("examples/hello").await;
    bench.install("hostile/log-flood").await;
    let (bad, good) = beside(&bench, "hostile-log-flood").await;
    assert!(good.iter().all(|answer| answer.response.status == Status::Ok));
    assert!(bad.iter().all(|answer| answer.guest_log.len() <= 4 * 64 * 1024));
    let bytes: usize = bench.ledger_lines().iter().map(String::len).sum();
    assert!(bytes < 4 * 1024 * 1024, "the flood is not in the ledger: {bytes} bytes");
}

/// Callers of a plugin that hangs wait in its own line: another plugin's line is empty, and what does
/// not fit is refused.
#[tokio::test(flavor = "multi_thread")]
async fn the_queue_of_a_hanging_plugin_is_its_own() {
    let toml = "[quotas]\ncalls_max = 64\nqueue_max = 8\n[breaker]\nfailures = 1000";
    let bench = Bench::with_config(toml).await;
    bench.install("examples/hello").await;
    // 16 at once (its `max_concurrency`), 8 wait, the others do not fit.
    let sleeper = bench.install("hostile/sleeper").await;
    bench.text(&sleeper, "go").await;
    let flood = futures_util::future::join_all((0..48).map(|_| bench.text(&sleeper, "go")));
    let served = async {
        let mut all = Vec::new();
        for n in 0..50 {
            all.push(bench.invoke(&id("hello"), request(Payload::text(format!("{n}")))).await);
        }
        all
    };
    let (flooded, served) = tokio::join!(flood, served);
    assert!(served.iter().all(|answer| answer.response.status == Status::Ok));
    let count = |reason| flooded.iter().filter(|answer| answer.reason == Some(reason)).count();
    let (timeouts, overloaded) = (count(ErrorCode::Timeout), count(ErrorCode::Overloaded));
    assert_eq!(timeouts + overloaded, 48);
    assert!(timeouts >= 16 && overloaded > 0, "{timeouts} ran into their time, {overloaded} did not fit");
}
