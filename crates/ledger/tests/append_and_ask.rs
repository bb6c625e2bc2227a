//! What is recorded is found again, by whoever asks, in whatever way.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use omega_contract::ports::{CallKey, ClaimError};
use omega_contract::{ErrorCode, EventDraft, EventKind, Recorder, Timestamp};
use omega_ledger::{Ledger, LedgerError, LedgerReader, Order, Query, RunQuery};
use support::{block_on, call, draft, open, options};

#[test]
fn pages_go_through_everything_once_in_both_orders() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    for number in 0..25 {
        call(&ledger, if number % 2 == 0 { "even" } else { "odd" }, &number.to_string());
    }
    ledger.flush().unwrap();
    let reader = LedgerReader::open(dir.path()).unwrap();
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let mut query = Query {
            run_id: Some("odd".parse().unwrap()),
            kinds: vec![EventKind::Result],
            order,
            limit: 5,
            ..Query::default()
        };
        let mut seen = Vec::new();
        loop {
            let page = reader.query(&query).unwrap();
            assert_eq!(page, ledger.query(&query).unwrap());
            seen.extend(page.events.iter().map(|placed| placed.index));
            let Some(next) = page.next else { break };
            query.indexes = next;
        }
        let mut expect: Vec<u64> = (0..25).filter(|number| number % 2 == 1).map(|number| 2 * number + 1).collect();
        if order == Order::NewestFirst {
            expect.reverse();
        }
        assert_eq!(seen, expect);
    }
}

#[test]
fn time_narrows_a_query() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    for number in 0..10 {
        call(&ledger, "run", &number.to_string());
    }
    let ts_of = |index: u64| ledger.event(index).unwrap().unwrap().event.ts.parse::<Timestamp>().unwrap();
    let query = Query { since: Some(ts_of(4)), until: Some(ts_of(9)), order: Order::OldestFirst, ..Query::default() };
    let indexes: Vec<_> = ledger.query(&query).unwrap().events.iter().map(|placed| placed.index).collect();
    assert_eq!(indexes, [4, 5, 6, 7, 8]);
    assert_eq!(ledger.event(20).unwrap(), None);
}

#[test]
fn lifecycle_events_come_in_order_from_where_a_projection_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    for kind in [EventKind::Register, EventKind::Policy, EventKind::Reject, EventKind::Enable, EventKind::Disable] {
        ledger.record(EventDraft::system(kind)).unwrap();
        call(&ledger, "run", kind.as_str());
    }
    ledger.record(draft(EventKind::Reject, "run", "x", 1)).unwrap();
    let first_kinds = |after, limit| -> Vec<_> {
        ledger.lifecycle_since(after, limit).unwrap().iter().map(|placed| (placed.index, placed.event.kind)).collect()
    };
    let kinds = |after| first_kinds(after, usize::MAX);
    let all = kinds(None);
    assert_eq!(all.len(), 5);
    assert_eq!(first_kinds(None, 2), all[..2]);
    assert_eq!(first_kinds(Some(3), 2), all[2..4]);
    assert_eq!(all[0], (0, EventKind::Register));
    assert_eq!(kinds(Some(3)), all[2..]);
    assert_eq!(kinds(Some(u64::MAX)), []);
}

#[test]
fn runs_tell_how_their_calls_ended() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    call(&ledger, "first", "a");
    let record = |kind, request: &str, attempt, reason: &str| {
        ledger.record(draft(kind, "second", request, attempt).with("reason", reason)).unwrap();
    };
    // One call that failed, ran out of time, and then gave a result; one refused after and one before the run.
    for (attempt, reason) in [(1, "plugin_trap"), (2, "timeout")] {
        record(EventKind::Invoke, "a", attempt, "");
        record(EventKind::Error, "a", attempt, reason);
    }
    record(EventKind::Invoke, "a", 3, "");
    record(EventKind::Result, "a", 3, "");
    record(EventKind::Invoke, "b", 1, "");
    record(EventKind::Reject, "b", 1, "");
    let mut refused = draft(EventKind::Reject, "second", "c", 1);
    refused.meta.remove("attempt");
    ledger.record(refused).unwrap();
    record(EventKind::Invoke, "d", 1, "");
    record(EventKind::Error, "d", 1, "timeout");
    record(EventKind::Invoke, "e", 1, "");
    let page = ledger.runs(&RunQuery::default()).unwrap();
    assert_eq!(page.runs.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["second", "first"]);
    let calls = page.runs[0].calls;
    assert_eq!((calls.calls, calls.ok, calls.rejected, calls.error, calls.timeout), (5, 1, 2, 0, 1));
    assert_eq!((page.runs[1].events, page.next), (2, None));
    let first = ledger.runs(&RunQuery { limit: 1, ..RunQuery::default() }).unwrap();
    let second = ledger.runs(&RunQuery { limit: 1, before: first.next.unwrap() }).unwrap();
    assert_eq!((second.runs[0].run_id.as_str(), second.next), ("first", None));
    let stats = ledger.stats().unwrap();
    assert_eq!((stats.events, stats.runs, stats.calls.calls), (14, 2, 6));
    assert_eq!(stats.head, ledger.head().map(|head| head.event_hash));
}

#[test]
fn a_key_is_given_once_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let key =
        |request: &str, step| CallKey { run_id: "run".parse().unwrap(), request_id: request.parse().unwrap(), step };
    let ledger = open(dir.path());
    ledger.claim(&key("a", 0)).unwrap();
    assert_eq!(ledger.claim(&key("a", 0)), Err(ClaimError::Duplicate));
    call(&ledger, "run", "a");
    ledger.claim(&key("refused", 0)).unwrap();
    ledger.release(&key("refused", 0));
    ledger.close().unwrap();
    let ledger = open(dir.path());
    assert_eq!(ledger.claim(&key("a", 0)), Err(ClaimError::Duplicate));
    ledger.claim(&key("a", 1)).unwrap();
    ledger.claim(&key("refused", 0)).unwrap();
}

#[test]
fn one_writer_and_any_number_of_readers() {
    let dir = tempfile::tempdir().unwrap();
    assert!(LedgerReader::open(dir.path()).is_err());
    let ledger = open(dir.path());
    call(&ledger, "run", "a");
    ledger.flush().unwrap();
    let refused = Ledger::open(dir.path(), options()).unwrap_err();
    assert!(matches!(refused, LedgerError::Locked { pid } if pid == Some(std::process::id())), "{refused}");
    assert_eq!(refused.code(), ErrorCode::HomeLocked);
    let reader = LedgerReader::open(dir.path()).unwrap();
    assert_eq!(reader.stats().unwrap().events, 2);
    call(&ledger, "run", "b");
    ledger.close().unwrap();
    assert_eq!(reader.stats().unwrap().events, 4);
    assert_eq!(open(dir.path()).opening().events, 4);
}

#[test]
fn an_event_is_durable_on_an_executor_that_is_not_tokio() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let recorded = ledger.record(draft(EventKind::Invoke, "run", "a", 1)).unwrap();
    block_on(ledger.durable(recorded)).unwrap();
    let unknown = omega_contract::ports::Recorded { index: 77, ..recorded };
    assert!(block_on(ledger.durable(unknown)).unwrap_err().cause.contains("no event 77"));
}
