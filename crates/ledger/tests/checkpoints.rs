//! The tree and its checkpoints: that they are what the events give, whoever is asked, over restarts and key changes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::Path;
use std::sync::Arc;

use omega_contract::{ErrorCode, Sha256Hex};
use omega_ledger::{FaultKind, Ledger, LedgerError, LedgerFault, LedgerOptions, LedgerReader, Query, Strictness};
use omega_proof::checkpoint::{LogSigner, verify_checkpoint};
use omega_proof::key::SecretKey;
use omega_proof::tree::{MemoryTree, TreeHead, check_consistency, check_inclusion};
use proptest::prelude::*;
use support::{CHECKPOINTS, Said, call, log_signer, open, options, signer_of, verify};

/// The hashes of all events, as the segments have them.
fn hashes(dir: &Path) -> Vec<Sha256Hex> {
    let reader = LedgerReader::open(dir).unwrap();
    let query = Query { order: omega_ledger::Order::OldestFirst, limit: usize::MAX, ..Query::default() };
    reader.query(&query).unwrap().events.into_iter().map(|placed| placed.event.event_hash).collect()
}

fn with_key(signer: Arc<LogSigner>) -> LedgerOptions {
    LedgerOptions { log_signer: signer, ..options() }
}

fn calls(ledger: &Ledger, count: usize) {
    let first = ledger.head().map_or(0, |head| head.index);
    for number in 0..count {
        call(ledger, "run", &format!("{first}-{number}"));
    }
}

#[test]
fn checkpoints_are_over_the_tree_that_the_events_give() {
    let dir = tempfile::tempdir().unwrap();
    let small = || LedgerOptions { segment_bytes_max: 40_000, ..options() };
    let mut old: Vec<TreeHead> = Vec::new();
    // Sizes on, before and behind the borders of tiles.
    for count in [0, 1, 127, 1, 3, 250] {
        let ledger = Ledger::open(dir.path(), small()).unwrap();
        calls(&ledger, count);
        let signed = ledger.checkpoint().unwrap();
        let entries = hashes(dir.path());
        let whole = MemoryTree::of(&entries);
        assert_eq!(*signed.head(), whole.head());
        let published = std::fs::read(dir.path().join("checkpoint")).unwrap();
        assert_eq!(published, signed.as_bytes());
        assert_eq!(verify_checkpoint(&published, &log_signer().verifier_key()).unwrap().head, whole.head());
        let indexes: Vec<u64> = (0..entries.len() as u64).collect();
        let proofs = ledger.inclusion(&indexes, signed.head()).unwrap();
        for ((index, entry), proof) in indexes.iter().zip(&entries).zip(&proofs) {
            check_inclusion(entry, *index, signed.head(), proof).unwrap();
        }
        for old in &old {
            let proof = ledger.consistency(old.size, signed.head()).unwrap();
            check_consistency(old, signed.head(), &proof).unwrap();
            assert_eq!(ledger.tree_at(old.size, signed.head()).unwrap(), *old);
        }
        let beyond = ledger.inclusion(&[signed.head().size], signed.head()).unwrap_err();
        assert!(matches!(beyond, LedgerError::NotInTree { .. }), "{beyond}");
        assert!(ledger.consistency(signed.head().size + 1, signed.head()).is_err());
        old.push(*signed.head());
        ledger.close().unwrap();
        let verdict = verify(dir.path(), Strictness::Strict, |_| ()).unwrap();
        assert_eq!(verdict.tree.newest, Some(whole.head()));
    }
    let other = TreeHead { size: 5, root: Sha256Hex::of(b"other") };
    let refused = LedgerReader::open(dir.path()).unwrap().inclusion(&[0], &other).unwrap_err();
    assert!(refused.to_string().contains("the tiles do not give the root of the checkpoint at 5 events"), "{refused}");
}

#[test]
fn a_checkpoint_comes_by_itself_and_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    calls(&ledger, 1);
    ledger.flush().unwrap();
    while ledger.newest_checkpoint().head().size < 2 {
        std::thread::yield_now();
    }
    calls(&ledger, 1);
    ledger.close().unwrap();
    let reader = LedgerReader::open(dir.path()).unwrap();
    assert_eq!(reader.newest_checkpoint(&log_signer().verifier_key()).unwrap().head().size, 4);
    assert!(reader.newest_checkpoint(&signer_of(9).verifier_key()).is_err());
}

#[test]
fn many_who_wait_for_a_checkpoint_each_get_one_that_covers_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    std::thread::scope(|scope| {
        for caller in 0..8 {
            let ledger = &ledger;
            scope.spawn(move || {
                for round in 0..10 {
                    let invoke = call(ledger, &caller.to_string(), &round.to_string());
                    assert!(ledger.checkpoint().unwrap().head().size > invoke + 1);
                }
            });
        }
    });
    ledger.close().unwrap();
    let verdict = verify(dir.path(), Strictness::Strict, |_| ()).unwrap();
    assert_eq!((verdict.events, verdict.tree.newest.unwrap().size), (160, 160));
}

#[test]
fn the_log_is_handed_over_from_key_to_key() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (log_signer(), signer_of(8));
    let ledger = open(dir.path());
    calls(&ledger, 3);
    // A key of another log, and the same key: refused, and nothing happened.
    let other = LogSigner::new("example.com/other".parse().unwrap(), SecretKey::from_seed([1; 32]));
    assert!(matches!(ledger.hand_over(other), Err(LedgerError::Handover(_))));
    assert!(ledger.hand_over(LogSigner::new(first.origin().clone(), SecretKey::from_seed([7; 32]))).is_err());
    calls(&ledger, 1);
    ledger.hand_over(LogSigner::new(first.origin().clone(), SecretKey::from_seed([8; 32]))).unwrap();
    calls(&ledger, 2);
    ledger.close().unwrap();

    let retired = Ledger::open(dir.path(), options()).unwrap_err();
    assert!(
        retired.to_string().contains("example.com/test") || retired.code() == ErrorCode::LedgerCorrupt,
        "{retired}"
    );
    let ledger = Ledger::open(dir.path(), with_key(Arc::clone(&second))).unwrap();
    calls(&ledger, 1);
    ledger.close().unwrap();
    // Who trusts the first key follows; who trusts the second only cannot speak for what was before it.
    let of = |key: &LogSigner| omega_ledger::verify(dir.path(), &key.verifier_key(), Strictness::Standard, |_| ());
    let (followed, later) = (of(&first).unwrap().tree, of(&second).unwrap().tree);
    assert_eq!((followed.before_key, followed.newest.unwrap().size), (0, 14));
    assert_eq!((later.checkpoints, later.newest), (followed.checkpoints, followed.newest));
    assert!(later.before_key > 0);
    assert!(of(&signer_of(9)).is_err());
    let reader = LedgerReader::open(dir.path()).unwrap();
    assert_eq!(reader.hand_overs().unwrap().len(), 1);
    assert_eq!(reader.log_keys(&first.verifier_key()).unwrap().latest(), &second.verifier_key());
    assert_eq!(reader.newest_checkpoint(&first.verifier_key()).unwrap().head().size, 14);
}

#[test]
fn a_key_that_just_handed_over_is_told_who_followed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    ledger.hand_over(LogSigner::new(log_signer().origin().clone(), SecretKey::from_seed([8; 32]))).unwrap();
    ledger.close().unwrap();
    match Ledger::open(dir.path(), options()).unwrap_err() {
        LedgerError::LogKey { next } => assert_eq!(next, signer_of(8).verifier_key().to_string()),
        other => panic!("{other}"),
    }
    Ledger::open(dir.path(), with_key(signer_of(8))).unwrap();
}

/// A ledger of 300 events and three checkpoints, the last one over all.
fn home() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for count in [100, 1, 49] {
        let ledger = Ledger::open(dir.path(), LedgerOptions { segment_bytes_max: 60_000, ..options() }).unwrap();
        calls(&ledger, count);
        ledger.close().unwrap();
    }
    dir
}

fn fault_of(outcome: Result<Ledger, LedgerError>) -> LedgerFault {
    match outcome {
        Err(LedgerError::Corrupt(fault)) => fault,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it opened"),
    }
}

#[test]
fn a_start_refuses_what_contradicts_the_newest_checkpoint_and_changes_nothing() {
    type Damage = fn(&Path);
    fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(path).unwrap();
        change(&mut bytes);
        std::fs::write(path, bytes).unwrap();
    }
    fn last_segment(dir: &Path) -> std::path::PathBuf {
        let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|e| e == "ndjson")).max().unwrap()
    }
    let cases: [(&str, Damage, &str, &str); 14] = [
        ("no checkpoint", |dir| std::fs::remove_file(dir.join("checkpoint")).unwrap(), "checkpoint", "missing"),
        ("no log", |dir| std::fs::remove_file(dir.join("checkpoints.log")).unwrap(), "checkpoints.log", "missing"),
        ("an edited checkpoint", |dir| edit(&dir.join("checkpoint"), |b| b[30] ^= 1), "checkpoint", "not the newest"),
        (
            "an edited log",
            |dir| {
                edit(&dir.join("checkpoints.log"), |b| {
                    let at = b.len() - 2;
                    b[at] ^= 1;
                });
            },
            "checkpoints.log",
            "",
        ),
        (
            "another place in the log",
            |dir| {
                edit(&dir.join("checkpoints.log"), |b| {
                    let text = String::from_utf8(b.clone()).unwrap();
                    let at = text.rfind("{\"length\":").unwrap() + 10;
                    b[at] = if b[at] == b'1' { b'2' } else { b'1' };
                });
            },
            "checkpoints.log",
            "do not end in segment",
        ),
        ("no pack", |dir| std::fs::remove_file(dir.join("tiles/0/000000")).unwrap(), "tiles/0/000000", "missing"),
        ("a short pack", |dir| edit(&dir.join("tiles/0/000000"), |b| b.truncate(9_599)), "tiles/0/000000", "truncated"),
        (
            "a damaged tile",
            |dir| edit(&dir.join("tiles/0/000000"), |b| b[9_590] ^= 1),
            "tiles",
            "root of the checkpoint",
        ),
        ("a damaged node", |dir| edit(&dir.join("tiles/1/000000"), |b| b[5] ^= 1), "tiles", "root of the checkpoint"),
        ("a short ledger", |dir| edit(&last_segment(dir), |b| b.truncate(b.len() - 1)), "ndjson", ""),
        (
            "a ledger that ends earlier",
            |dir| {
                edit(&last_segment(dir), |b| {
                    let start = b[..b.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
                    b.truncate(start);
                });
            },
            "ndjson",
            "truncated: a checkpoint covers 300 events",
        ),
        (
            "a damaged last event",
            |dir| {
                edit(&last_segment(dir), |b| {
                    let at = b.len() - 40;
                    b[at] ^= 1;
                });
            },
            "ndjson",
            "",
        ),
        ("a removed segment", |dir| std::fs::remove_file(last_segment(dir)).unwrap(), "ndjson", ""),
        (
            "a damaged seam",
            |dir| {
                edit(&dir.join("00000000000000000000.ndjson"), |b| {
                    let at = b.len() - 40;
                    b[at] ^= 1;
                });
            },
            "00000000000000000000.ndjson",
            "hash mismatch",
        ),
    ];
    for (name, damage, file, kind) in cases {
        let home = home();
        damage(home.path());
        let before = snapshot(home.path());
        let fault = fault_of(Ledger::open(home.path(), options()));
        assert!(fault.file.contains(file) && fault.kind.to_string().contains(kind), "{name}: {fault}");
        assert_eq!(snapshot(home.path()), before, "{name}: nothing is rewritten");
        assert!(verify(home.path(), Strictness::Standard, |_| ()).is_err(), "{name}");
    }
}

fn snapshot(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if !entry.to_string_lossy().contains("index.sqlite") {
                files.push((entry.clone(), std::fs::read(entry).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn an_older_checkpoint_put_back_is_refused() {
    let dir = home();
    let old = Said::now(dir.path(), &["checkpoint"]);
    for _ in 0..3 {
        let ledger = open(dir.path());
        calls(&ledger, 1);
        ledger.close().unwrap();
    }
    old.again();
    let fault = fault_of(Ledger::open(dir.path(), options()));
    assert_eq!((fault.file.as_str(), &fault.kind), ("checkpoint", &FaultKind::CheckpointNotNewest));
    assert!(verify(dir.path(), Strictness::Standard, |_| ()).is_err());
}

#[test]
fn a_checkpoint_ahead_of_the_mark_binds() {
    // The mark is not synced: after a power cut it may be older than the checkpoint.
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    calls(&ledger, 2);
    ledger.flush().unwrap();
    let mark = Said::now(dir.path(), &["synced"]);
    calls(&ledger, 2);
    ledger.close().unwrap();
    mark.again();
    let ledger = open(dir.path());
    assert_eq!((ledger.opening().events, ledger.opening().quarantined.len()), (8, 0));
    drop(ledger);
    mark.again();
    let segment = dir.path().join("00000000000000000000.ndjson");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes.truncate(bytes.len() - 1);
    std::fs::write(&segment, bytes).unwrap();
    let fault = fault_of(Ledger::open(dir.path(), options()));
    assert_eq!(fault.kind, FaultKind::TruncatedBelowCheckpoint { size: 8 });
    // An old mark of another ledger is none of this one.
    let other = tempfile::tempdir().unwrap();
    let ledger = open(other.path());
    calls(&ledger, 2);
    ledger.close().unwrap();
    let home = home();
    std::fs::copy(other.path().join("synced"), home.path().join("synced")).unwrap();
    let fault = fault_of(Ledger::open(home.path(), options()));
    assert_eq!(fault.kind, FaultKind::MarkOfAnother);
}

#[test]
fn what_lies_above_the_checkpoint_is_made_again() {
    let dir = home();
    let before = Said::now(dir.path(), &CHECKPOINTS);
    let ledger = open(dir.path());
    calls(&ledger, 300);
    ledger.close().unwrap();
    // The packs have more than the checkpoint says, and garbage behind that; the log has a torn line.
    before.again();
    let log = dir.path().join("checkpoints.log");
    let torn = [std::fs::read(&log).unwrap(), b"{\"length\":12".to_vec()].concat();
    std::fs::write(&log, torn).unwrap();
    for pack in ["tiles/0/000000", "tiles/1/000000", "tiles/0/000001", "tiles/3/000000"] {
        let path = dir.path().join(pack);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let garbage = [std::fs::read(&path).unwrap_or_default(), vec![7; 4_000]].concat();
        std::fs::write(&path, garbage).unwrap();
    }
    let ledger = open(dir.path());
    assert_eq!(ledger.opening().events, 900);
    assert_eq!(*ledger.checkpoint().unwrap().head(), MemoryTree::of(&hashes(dir.path())).head());
    ledger.close().unwrap();
    verify(dir.path(), Strictness::Standard, |_| ()).unwrap();
}

#[test]
fn a_checkpoint_that_was_logged_and_not_published_is_published() {
    let dir = home();
    let published = Said::now(dir.path(), &["checkpoint"]);
    let ledger = open(dir.path());
    calls(&ledger, 1);
    ledger.close().unwrap();
    published.again();
    verify(dir.path(), Strictness::Standard, |_| ()).unwrap();
    drop(open(dir.path()));
    let reader = LedgerReader::open(dir.path()).unwrap();
    assert_eq!(reader.newest_checkpoint(&log_signer().verifier_key()).unwrap().head().size, 302);
    // The same with a line that did not reach the disk whole: nobody saw it, and it is cut off.
    let log = dir.path().join("checkpoints.log");
    let whole = std::fs::read(&log).unwrap();
    std::fs::write(&log, [whole.clone(), vec![0; 300], b"AAAA\",\"segment\":0}\n".to_vec()].concat()).unwrap();
    verify(dir.path(), Strictness::Standard, |_| ()).unwrap();
    drop(open(dir.path()));
    assert_eq!(std::fs::read(&log).unwrap(), whole);
}

/// What a file of the ledger is compared against: bytes of packs above the checkpoint are derived and say nothing.
fn covered_bytes(name: &str, length: usize, size: u64) -> usize {
    let level: u32 = match name.strip_prefix("tiles/").and_then(|rest| rest.split('/').next()) {
        Some(level) => level.parse().unwrap(),
        None => return length,
    };
    usize::try_from((size >> (8 * level)) * 32).unwrap().min(length)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Any single edit of any byte of segment, mark, tile, checkpoint or log is detected.
    #[test]
    fn t7_any_single_edit_of_any_byte_of_any_file_is_detected(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        thread_local!(static HOME: tempfile::TempDir = home());
        HOME.with(|home| {
            let files: Vec<_> = snapshot(home.path()).into_iter().filter(|(path, _)| !path.ends_with("lock")).collect();
            let (path, genuine) = file.get(&files);
            let name = path.strip_prefix(home.path()).unwrap().to_str().unwrap();
            let mut edited = genuine.clone();
            edited[at.index(covered_bytes(name, genuine.len(), 300))] ^= flip;
            std::fs::write(path, edited).unwrap();
            let outcome = verify(home.path(), Strictness::Standard, |_| ());
            std::fs::write(path, genuine).unwrap();
            prop_assert!(matches!(outcome, Err(LedgerError::Corrupt(_))), "{name}");
            Ok(())
        })?;
    }
}
