//! What an archive takes away stays provable, and what is left stays whole.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::Path;

use omega_contract::ports::{CallKey, ClaimError};
use omega_contract::{EventKind, Recorder};
use omega_ledger::{
    Archive, FaultKind, Ledger, LedgerError, LedgerOptions, LedgerReader, LedgerVerdict, Order, Query, Strictness,
    check_succession, verify_archive,
};
use omega_proof::tree::check_inclusion;
use support::{call, draft, log_signer, open, options, verify};

fn small() -> LedgerOptions {
    LedgerOptions { segment_bytes_max: 50_000, ..options() }
}

/// Adds so many calls, each in a run of its own.
fn add(dir: &Path, count: u64) {
    let ledger = Ledger::open(dir, small()).unwrap();
    let first = ledger.head().map_or(0, |head| head.index + 1);
    for number in 0..count {
        call(&ledger, &format!("run-{}", first + 2 * number), "a");
        if number % 10 == 0 {
            ledger.flush().unwrap();
        }
    }
    ledger.close().unwrap();
}

fn check_archive(dir: &Path) -> Result<(Archive, LedgerVerdict), LedgerError> {
    verify_archive(dir, &log_signer().verifier_key(), Strictness::Strict, |_| ())
}

fn segments(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|e| e == "ndjson")).count()
}

#[test]
fn archives_and_what_is_left_verify_alone_and_together() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut archives = Vec::new();
    for round in 0..3_u64 {
        add(dir.path(), 400);
        let ledger = Ledger::open(dir.path(), small()).unwrap();
        let to = shelf.path().join(round.to_string());
        let before = 800 * round + 500;
        let archive = ledger.archive(before, &to).unwrap().unwrap();
        assert!(archive.next_index <= before && archive.next_index > before - 200, "{archive:?}");
        // It goes on, and the tree with it.
        call(&ledger, &format!("after-{round}"), "a");
        ledger.close().unwrap();
        let (read, verdict) = check_archive(&to).unwrap();
        assert_eq!((&read, verdict.events), (&archive, archive.next_index));
        assert_eq!(
            verdict.bytes,
            std::fs::read_dir(&to)
                .unwrap()
                .map(|entry| entry.unwrap())
                .filter(|entry| entry.path().extension().is_some_and(|e| e == "ndjson"))
                .map(|entry| entry.metadata().unwrap().len())
                .sum::<u64>()
        );
        archives.push(archive);
        let left = verify(dir.path(), Strictness::Strict, |_| ()).unwrap();
        assert_eq!(left.archived_events, archives.last().unwrap().next_index);
        check_succession(&archives, &left).unwrap();
        // Opened again, whole.
        let ledger = Ledger::open(dir.path(), small()).unwrap();
        assert_eq!((ledger.opening().events, ledger.opening().quarantined.len()), (left.events, 0));
        let first = archives.last().unwrap().next_index;
        let head = *ledger.checkpoint().unwrap().head();
        for index in [first, first + 1, left.events - 1] {
            let event = ledger.event(index).unwrap().unwrap().event;
            let proof = ledger.inclusion(&[index], &head).unwrap().remove(0);
            check_inclusion(&event.event_hash, index, &head, &proof).unwrap();
        }
        assert_eq!(ledger.event(first - 1).unwrap(), None);
    }
    assert!(check_succession(&archives[1..], &verify(dir.path(), Strictness::Standard, |_| ()).unwrap()).is_err());
    assert!(check_succession(&archives[..2], &verify(dir.path(), Strictness::Standard, |_| ()).unwrap()).is_err());
}

#[test]
fn questions_are_about_what_is_left_and_old_calls_are_known() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    add(dir.path(), 300);
    let ledger = Ledger::open(dir.path(), small()).unwrap();
    let archive = ledger.archive(400, &shelf.path().join("0")).unwrap().unwrap();
    ledger.close().unwrap();
    let ledger = Ledger::open(dir.path(), small()).unwrap();
    let oldest = Query { order: Order::OldestFirst, limit: 3, ..Query::default() };
    for page in [ledger.query(&oldest).unwrap(), LedgerReader::open(dir.path()).unwrap().query(&oldest).unwrap()] {
        assert_eq!(page.events[0].index, archive.next_index);
    }
    let run = |index: u64| format!("run-{index}").parse().unwrap();
    assert!(matches!(ledger.run_events(&run(0)), Err(LedgerError::Archived { .. })));
    assert_eq!(ledger.run_events(&run(598)).unwrap().len(), 2);
    let key = |index: u64| CallKey { run_id: run(index), request_id: "a".parse().unwrap(), step: 0 };
    assert_eq!(ledger.claim(&key(0)), Err(ClaimError::Duplicate), "archived, and known");
    assert_eq!(ledger.claim(&key(598)), Err(ClaimError::Duplicate));
    assert_eq!(ledger.claim(&key(600)), Ok(()));
    // An index that is made anew begins where the ledger does.
    ledger.close().unwrap();
    std::fs::remove_file(dir.path().join("index.sqlite")).unwrap();
    let ledger = Ledger::open(dir.path(), small()).unwrap();
    assert_eq!(ledger.stats().unwrap().events, 600);
    assert_eq!(ledger.query(&oldest).unwrap().events[0].index, archive.next_index);
}

#[test]
fn what_has_an_open_call_or_no_checkpoint_stays() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ledger = Ledger::open(dir.path(), small()).unwrap();
    assert_eq!(ledger.archive(u64::MAX, &shelf.path().join("0")).unwrap(), None);
    ledger.record(draft(EventKind::Invoke, "open", "a", 1)).unwrap();
    ledger.flush().unwrap();
    for number in 0..200 {
        call(&ledger, "run", &number.to_string());
        ledger.flush().unwrap();
    }
    assert_eq!(ledger.archive(u64::MAX, &shelf.path().join("0")).unwrap(), None, "the first segment has an open call");
    ledger.record(draft(EventKind::Result, "open", "a", 1)).unwrap();
    ledger.flush().unwrap();
    let archive = ledger.archive(u64::MAX, &shelf.path().join("0")).unwrap().unwrap();
    assert_eq!(segments(dir.path()), 1, "the open segment stays");
    assert!(archive.next_index > 300);
    let again = ledger.archive(u64::MAX, &shelf.path().join("0")).unwrap();
    assert_eq!(again, None);
}

#[test]
fn a_crash_after_the_commit_leaves_old_files_that_nobody_reads() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    add(dir.path(), 300);
    let first = std::fs::read(dir.path().join("00000000000000000000.ndjson")).unwrap();
    let ledger = Ledger::open(dir.path(), small()).unwrap();
    ledger.archive(400, &shelf.path().join("0")).unwrap().unwrap();
    ledger.close().unwrap();
    std::fs::write(dir.path().join("00000000000000000000.ndjson"), first).unwrap();
    verify(dir.path(), Strictness::Standard, |_| ()).unwrap();
    drop(open(dir.path()));
    assert!(!dir.path().join("00000000000000000000.ndjson").exists());
}

#[test]
fn a_changed_archive_or_beginning_is_found() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    add(dir.path(), 300);
    let ledger = Ledger::open(dir.path(), small()).unwrap();
    let to = shelf.path().join("0");
    let archive = ledger.archive(400, &to).unwrap().unwrap();
    ledger.close().unwrap();
    let edit = |path: &Path, at: usize| {
        let genuine = std::fs::read(path).unwrap();
        let mut edited = genuine.clone();
        edited[at] ^= 1;
        std::fs::write(path, edited).unwrap();
        genuine
    };
    for (name, at) in [
        ("00000000000000000000.ndjson", 5_000),
        ("tiles/0/000000", 700),
        ("tiles/1/000000", 3),
        ("archive.json", 120),
        ("archive.json", 400),
        ("checkpoint", 40),
        ("checkpoints.log", 200),
    ] {
        let genuine = edit(&to.join(name), at);
        assert!(matches!(check_archive(&to), Err(LedgerError::Corrupt(_))), "{name}");
        std::fs::write(to.join(name), genuine).unwrap();
    }
    check_archive(&to).unwrap();
    // A beginning that was made up.
    let beginning = dir.path().join("archived");
    for at in 0..std::fs::metadata(&beginning).unwrap().len() {
        let genuine = edit(&beginning, usize::try_from(at).unwrap());
        assert!(matches!(verify(dir.path(), Strictness::Standard, |_| ()), Err(LedgerError::Corrupt(_))), "byte {at}");
        assert!(Ledger::open(dir.path(), small()).is_err(), "byte {at}");
        std::fs::write(&beginning, genuine).unwrap();
    }
    std::fs::remove_file(&beginning).unwrap();
    let refused = Ledger::open(dir.path(), small()).unwrap_err();
    assert!(matches!(refused, LedgerError::Corrupt(fault) if fault.kind == FaultKind::BeginningMissing));
    assert!(archive.next_index > 0);
}
