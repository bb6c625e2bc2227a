//! Many callers at once, on every kind of executor, some of whom go away: nobody waits for ever, nothing is lost.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use omega_contract::ports::{CallKey, Recorded};
use omega_contract::proof_bundle::Durability;
use omega_contract::{EventDraft, EventKind, Recorder};
use omega_ledger::{BATCH_EVENTS_MAX, Ledger, LedgerOptions, LedgerReader, QUEUE_EVENTS_MAX, Strictness};
use support::{block_on, draft, open, options, verify};
use tokio::runtime::Builder;

const CALLERS: usize = 64;
const CALLS: usize = 20;

/// One caller's calls; every third wait is given up half-way.
async fn caller(ledger: Arc<Ledger>, number: usize) -> Vec<Recorded> {
    let mut known = Vec::new();
    for call in 0..CALLS {
        let request = format!("{number}-{call}");
        let invoke = ledger.record(draft(EventKind::Invoke, "run", &request, 1)).unwrap();
        tokio::task::yield_now().await;
        let result = ledger.record(draft(EventKind::Result, "run", &request, 1)).unwrap();
        if call % 3 == 0 {
            // Polled once, perhaps told to lead later, and dropped.
            let mut wait = ledger.durable(invoke);
            std::future::poll_fn(|context| std::task::Poll::Ready(wait.as_mut().poll(context).is_ready())).await;
        }
        ledger.durable(result).await.unwrap();
        known.extend([invoke, result]);
    }
    known
}

fn check_all_there(dir: &Path, known: &[Recorded]) {
    let verdict = verify(dir, Strictness::Strict, |_| ()).unwrap();
    assert_eq!((verdict.events, verdict.synced_events), (known.len() as u64, known.len() as u64));
    let indexes: BTreeSet<u64> = known.iter().map(|recorded| recorded.index).collect();
    assert_eq!(indexes, (0..known.len() as u64).collect());
    let reader = LedgerReader::open(dir).unwrap();
    for recorded in known.iter().step_by(97) {
        assert_eq!(reader.event(recorded.index).unwrap().unwrap().event.event_hash, recorded.event_hash);
    }
}

#[test]
fn many_tasks_on_every_runtime() {
    for durability in [Durability::Batch, Durability::Relaxed] {
        for runtime in [Builder::new_current_thread().build(), Builder::new_multi_thread().worker_threads(4).build()] {
            let dir = tempfile::tempdir().unwrap();
            let ledger = Arc::new(Ledger::open(dir.path(), LedgerOptions { durability, ..options() }).unwrap());
            let known: Vec<Recorded> = runtime.unwrap().block_on(async {
                let tasks: Vec<_> = (0..CALLERS).map(|n| tokio::spawn(caller(Arc::clone(&ledger), n))).collect();
                let mut known = Vec::new();
                for task in tasks {
                    known.extend(task.await.unwrap());
                }
                known
            });
            Arc::into_inner(ledger).unwrap().close().unwrap();
            check_all_there(dir.path(), &known);
        }
    }
}

#[test]
fn threads_without_any_runtime() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(dir.path()));
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let ledger = Arc::clone(&ledger);
            std::thread::spawn(move || block_on(caller(ledger, number)))
        })
        .collect();
    let known: Vec<Recorded> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    Arc::into_inner(ledger).unwrap().close().unwrap();
    check_all_there(dir.path(), &known);
}

#[test]
fn callers_on_two_runtimes_and_none_share_batches() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(dir.path()));
    let one = Builder::new_current_thread().build().unwrap();
    let other = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let known: Vec<Recorded> = std::thread::scope(|scope| {
        let on_one = scope.spawn(|| one.block_on(caller(Arc::clone(&ledger), 1)));
        let on_other =
            scope.spawn(|| other.block_on(async { tokio::spawn(caller(Arc::clone(&ledger), 2)).await.unwrap() }));
        let alone = scope.spawn(|| block_on(caller(Arc::clone(&ledger), 3)));
        [on_one, on_other, alone].into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    Arc::into_inner(ledger).unwrap().close().unwrap();
    check_all_there(dir.path(), &known);
}

#[test]
fn a_cancelled_leader_to_be_passes_the_lead_on() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(dir.path()));
    let runtime = Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        for round in 0..50 {
            let request = |n: usize| format!("{round}-{n}");
            let tasks: Vec<_> = (0..32)
                .map(|number| {
                    let ledger = Arc::clone(&ledger);
                    let draft = draft(EventKind::Invoke, "run", &request(number), 1);
                    tokio::spawn(async move {
                        let recorded = ledger.record(draft).unwrap();
                        ledger.durable(recorded).await.unwrap();
                    })
                })
                .collect();
            // Half of them are cut off wherever they are.
            for (number, task) in tasks.into_iter().enumerate() {
                if number % 2 == 0 {
                    task.abort();
                }
                let outcome = task.await;
                assert!(outcome.is_ok() || number % 2 == 0);
            }
        }
    });
}

#[test]
fn a_full_queue_makes_callers_help_and_drops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let draft = EventDraft::of_run(EventKind::Policy, "run".parse().unwrap());
    let events = QUEUE_EVENTS_MAX + BATCH_EVENTS_MAX + 1;
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..events {
                    ledger.record(draft.clone()).unwrap();
                }
            });
        }
    });
    ledger.close().unwrap();
    let verdict = verify(dir.path(), Strictness::Standard, |_| ()).unwrap();
    assert_eq!(verdict.events, 3 * events as u64);
}

#[test]
fn of_equal_claims_exactly_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let key =
        |n: usize| CallKey { run_id: "run".parse().unwrap(), request_id: n.to_string().parse().unwrap(), step: 0 };
    let ledger = open(dir.path());
    support::call(&ledger, "run", "0");
    ledger.close().unwrap();
    // With history, so that winners look it up while losers are already told.
    let ledger = open(dir.path());
    let wins = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for n in 0..200 {
                    if ledger.claim(&key(n)).is_ok() {
                        wins.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(wins.load(Ordering::Relaxed), 199);
}

#[test]
fn readers_beside_a_writer_see_whole_events_only() {
    let dir = tempfile::tempdir().unwrap();
    let small = LedgerOptions { segment_bytes_max: 20_000, ..options() };
    let ledger = Ledger::open(dir.path(), small).unwrap();
    ledger.flush().unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..600 {
                support::call(&ledger, "run", &n.to_string());
                if n % 3 == 0 {
                    ledger.flush().unwrap();
                }
            }
            done.store(true, Ordering::Release);
        });
        let reader = LedgerReader::open(dir.path()).unwrap();
        let mut seen = 0;
        while !done.load(Ordering::Acquire) {
            let events = reader.stats().unwrap().events;
            let verified = verify(dir.path(), Strictness::Standard, |_| ()).unwrap().events;
            assert!(events >= seen && verified >= events, "{seen} {events} {verified}");
            seen = events;
        }
    });
}
