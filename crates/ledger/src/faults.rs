//! A disk that fails, tears writes and loses what was not synced; and what the ledger must keep through that.

mod disk;
mod schedules;

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use omega_contract::ports::{Recorded, Recorder};
use omega_contract::proof_bundle::Durability;
use omega_contract::{Clock, EventDraft, EventKind, Timestamp};
use omega_proof::chain::Strictness;

use self::disk::{Fault, FaultyDisk};
use crate::{Ledger, LedgerError, LedgerOptions, verify};

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(1_795_173_514_123_456)
    }

    fn monotonic(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

fn options() -> LedgerOptions {
    LedgerOptions { segment_bytes_max: 3_000, ..LedgerOptions::new(Arc::new(FixedClock), crate::testing::log_signer()) }
}

fn draft(kind: EventKind, number: u64) -> EventDraft {
    let mut draft = EventDraft::of_run(kind, "run".parse().unwrap()).with("attempt", "1");
    draft.request_id = Some(number.to_string().parse().unwrap());
    draft
}

/// Waits for an event on this thread; the flusher may be at work beside it.
fn acknowledged(ledger: &Ledger, recorded: Recorded) -> bool {
    let mut future = pin!(ledger.durable(recorded));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => return outcome.is_ok(),
            Poll::Pending => std::thread::yield_now(),
        }
    }
}

/// Makes calls until the disk fails or `calls` are done; gives the events that were acknowledged.
fn make_calls(ledger: &Ledger, first: u64, calls: u64) -> Vec<Recorded> {
    let mut known = Vec::new();
    for number in first..first + calls {
        let Ok(invoke) = ledger.record(draft(EventKind::Invoke, number)) else { break };
        let Ok(result) = ledger.record(draft(EventKind::Result, number)) else { break };
        if !acknowledged(ledger, result) {
            break;
        }
        known.extend([invoke, result]);
    }
    known
}

/// Opens on a good disk what a bad one left, and holds it against what was acknowledged.
fn check_kept(dir: &Path, known: &[Recorded]) {
    let ledger = Ledger::open(dir, options()).unwrap();
    for recorded in known {
        let found = ledger.event(recorded.index).unwrap().map(|placed| placed.event.event_hash);
        assert_eq!(found, Some(recorded.event_hash), "event {} was acknowledged", recorded.index);
    }
    // What was left open is closed, and going on works.
    make_calls(&ledger, 1_000, 2);
    ledger.close().unwrap();
    let verdict = verify(dir, &crate::testing::log_signer().verifier_key(), Strictness::Strict, |_| ()).unwrap();
    assert_eq!((verdict.synced_events, verdict.unfinished_bytes), (verdict.events, 0));
    let again = Ledger::open(dir, options()).unwrap();
    assert_eq!((again.opening().quarantined.len(), again.opening().interrupted.len()), (0, 0));
}

#[test]
fn a_failed_write_poisons_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::good());
    let ledger = Ledger::open_on(disk.clone(), dir.path(), options()).unwrap();
    let before = make_calls(&ledger, 0, 2);
    disk.fail_after(0, Fault::Eio);
    let recorded = ledger.record(draft(EventKind::Invoke, 7)).unwrap();
    assert!(!acknowledged(&ledger, recorded));
    disk.heal();
    let refused = ledger.record(draft(EventKind::Invoke, 8)).unwrap_err();
    assert!(refused.cause.contains("injected"), "{refused}");
    assert!(matches!(ledger.flush(), Err(LedgerError::Unavailable(_))));
    // What was acknowledged stays so, and can be read.
    assert!(before.iter().all(|recorded| acknowledged(&ledger, *recorded)));
    assert!(ledger.event(before[3].index).unwrap().is_some());
}

#[test]
fn a_disk_that_runs_full_refuses_what_begins_and_takes_what_ends() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::good());
    let reserve = options().disk_reserve_bytes;
    disk.set_free_bytes(reserve);
    let ledger = Ledger::open_on(disk.clone(), dir.path(), options()).unwrap();
    let invoke = ledger.record(draft(EventKind::Invoke, 1)).unwrap();
    disk.set_free_bytes(reserve - 1);
    ledger.shared().space.check(&*disk);
    let refused = ledger.record(draft(EventKind::Invoke, 2)).unwrap_err();
    assert!(refused.cause.contains("are free on its disk"), "{refused}");
    assert!(ledger.record(EventDraft::system(EventKind::Policy)).is_err());
    let result = ledger.record(draft(EventKind::Result, 1)).unwrap();
    assert!(acknowledged(&ledger, result) && acknowledged(&ledger, invoke));
    disk.set_free_bytes(reserve);
    ledger.shared().space.check(&*disk);
    assert_eq!(make_calls(&ledger, 3, 1).len(), 2);
}

#[test]
fn a_full_disk_keeps_no_interrupted_call_from_being_closed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), options()).unwrap();
    ledger.record(draft(EventKind::Invoke, 1)).unwrap();
    ledger.close().unwrap();
    let disk = Arc::new(FaultyDisk::good());
    disk.set_free_bytes(0);
    let ledger = Ledger::open_on(disk, dir.path(), options()).unwrap();
    assert_eq!(ledger.opening().interrupted.len(), 1);
    assert!(ledger.record(draft(EventKind::Invoke, 2)).is_err(), "nothing new begins");
    ledger.close().unwrap();
    check_kept(dir.path(), &[]);
}

#[test]
fn space_is_looked_up_again_after_enough_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::good());
    let ledger = Ledger::open_on(disk.clone(), dir.path(), options()).unwrap();
    disk.set_free_bytes(0);
    let filler = "x".repeat(500_000);
    let refused = (0..40).find_map(|_| {
        let draft = EventDraft::system(EventKind::Policy).with("a", filler.clone());
        let recorded = ledger.record(draft).err();
        ledger.flush().unwrap();
        recorded
    });
    assert!(refused.is_some_and(|refused| refused.cause.contains("are free")));
}

#[test]
fn an_invoke_that_nobody_waits_for_reaches_the_disk() {
    for durability in [Durability::Batch, Durability::Relaxed] {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(FaultyDisk::good());
        let options = LedgerOptions { durability, ..options() };
        let ledger = Ledger::open_on(disk.clone(), dir.path(), options).unwrap();
        let syncs = disk.syncs();
        for number in 0..2 {
            // Asleep, so that it has to be woken.
            while !ledger.shared().queue().flusher_idle {
                std::thread::yield_now();
            }
            let invoke = ledger.record(draft(EventKind::Invoke, number)).unwrap();
            // The flusher's doing: this thread only looks.
            while ledger.shared().queue().synced <= invoke.index {
                std::thread::yield_now();
            }
        }
        assert!(disk.syncs() > syncs);
    }
}

#[test]
fn relaxed_acknowledges_what_a_power_cut_may_take_but_never_tears_the_ledger() {
    for seed in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(FaultyDisk::good());
        let relaxed = LedgerOptions { durability: Durability::Relaxed, ..options() };
        let ledger = Ledger::open_on(disk.clone(), dir.path(), relaxed).unwrap();
        let known = make_calls(&ledger, 0, 15);
        assert_eq!(known.len(), 30);
        disk.fail_after(0, Fault::Eio);
        drop(ledger);
        disk.power_cut(seed);
        check_kept(dir.path(), &[]);
    }
}
