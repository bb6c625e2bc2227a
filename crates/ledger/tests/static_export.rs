//! A ledger as a static folder: that it holds alone, that C2SP's tools find what they look for, and that no byte of it can
//! be changed unseen.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::{Path, PathBuf};

use omega_contract::Sha256Hex;
use omega_ledger::{
    FaultKind, Ledger, LedgerError, LedgerFault, LedgerOptions, LedgerVerdict, Strictness, export_static, import_verify,
};
use omega_proof::checkpoint::verify_checkpoint;
use omega_proof::tree::{MemoryTree, leaf_hash};
use proptest::prelude::*;
use support::{call, log_signer, open, options, signer_of};

fn files(dir: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

fn import(dir: &Path) -> Result<LedgerVerdict, LedgerError> {
    import_verify(dir, &log_signer().verifier_key(), Strictness::Standard, |_| ())
}

fn fault(dir: &Path) -> LedgerFault {
    match import(dir) {
        Err(LedgerError::Corrupt(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// A ledger of 540 events in several segments, with events above the newest checkpoint, and its export.
struct Exported {
    ledger: tempfile::TempDir,
    folder: tempfile::TempDir,
}

impl Exported {
    fn new() -> Self {
        let (dir, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for count in [3, 260, 7] {
            let ledger = Ledger::open(dir.path(), LedgerOptions { segment_bytes_max: 100_000, ..options() }).unwrap();
            for number in 0..count {
                call(&ledger, "run", &format!("{count}-{number}"));
            }
            ledger.close().unwrap();
        }
        let ledger = open(dir.path());
        call(&ledger, "run", "above");
        ledger.flush().unwrap();
        let done = export_static(dir.path(), &log_signer().verifier_key(), folder.path()).unwrap();
        assert_eq!((done.head.size, done.files), (540, files(folder.path()).len() as u64));
        Self { ledger: dir, folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

#[test]
fn an_export_verifies_alone_and_is_what_c2sp_says() {
    let exported = Exported::new();
    let verdict = import(exported.path()).unwrap();
    assert_eq!((verdict.events, verdict.tree.newest.unwrap().size, verdict.unfinished_bytes), (540, 540, 0));
    assert!(verdict.segments > 2 && verdict.tree.checkpoints >= 4);
    // As a stranger reads it: checkpoint, tiles and entries by their paths.
    let read = |name: &str| std::fs::read(exported.path().join(name)).unwrap();
    let head = verify_checkpoint(&read("checkpoint"), &log_signer().verifier_key()).unwrap().head;
    let bundles = [read("tile/entries/000"), read("tile/entries/001"), read("tile/entries/002.p/28")].concat();
    let entries: Vec<Sha256Hex> = bundles
        .chunks(34)
        .map(|entry| {
            assert_eq!(entry[..2], [0, 32]);
            Sha256Hex::from_bytes(entry[2..].try_into().unwrap())
        })
        .collect();
    assert_eq!(MemoryTree::of(&entries).head(), head);
    let leaves = [read("tile/0/000"), read("tile/0/001"), read("tile/0/002.p/28")].concat();
    for (leaf, entry) in leaves.chunks(32).zip(&entries) {
        assert_eq!(leaf, leaf_hash(entry).as_bytes());
    }
    let nodes = read("tile/1/000.p/2");
    assert_eq!(nodes[..32], *MemoryTree::of(&entries[..256]).head().root.as_bytes());
    assert_eq!(String::from_utf8(read("log.vkey")).unwrap().trim(), log_signer().verifier_key().to_string());
    // What is there stays there.
    let again = export_static(exported.ledger.path(), &log_signer().verifier_key(), exported.path()).unwrap_err();
    assert!(matches!(again, LedgerError::Write { .. }), "{again}");
    assert!(import_verify(exported.path(), &signer_of(9).verifier_key(), Strictness::Standard, |_| ()).is_err());
}

#[test]
fn each_kind_of_change_is_named() {
    let exported = Exported::new();
    let check = |name: &str, change: fn(&mut Vec<u8>), kind: &str| {
        let path = exported.path().join(name);
        let genuine = std::fs::read(&path).unwrap();
        let mut bytes = genuine.clone();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let fault = fault(exported.path());
        std::fs::write(&path, genuine).unwrap();
        assert!(fault.file == name && fault.to_string().contains(kind), "{name}: {fault}");
        fault.offset
    };
    assert_eq!(check("tile/0/001", |b| b[70] ^= 1, "other hash"), 64);
    assert_eq!(check("tile/1/000.p/2", |b| b[0] ^= 1, "other hash"), 0);
    assert_eq!(check("tile/entries/000", |b| b[40] ^= 1, "other entry"), 34);
    assert_eq!(check("tile/entries/000", |b| b[35] = 31, "other entry"), 34);
    check("tile/entries/002.p/28", |b| b.truncate(900), "truncated");
    check("tile/0/002.p/28", |b| b.push(0), "too long");
    check("checkpoint", |b| b[20] ^= 1, "not the newest");
    let last =
        files(exported.path()).into_iter().rfind(|path| path.extension().is_some_and(|e| e == "ndjson")).unwrap();
    let last = last.file_name().unwrap().to_str().unwrap().to_owned();
    check(&last, |b| drop(b.drain(..=b.iter().position(|b| *b == b'\n').unwrap())), "broken link");
    check(&last, |b| b.truncate(b.len() - 1), "missing newline");
    let gone = exported.path().join("tile/0/000");
    std::fs::remove_file(gone).unwrap();
    assert_eq!(fault(exported.path()).kind, FaultKind::TileMissing);
}

#[test]
fn an_event_more_than_the_checkpoint_covers_is_refused() {
    let exported = Exported::new();
    let newest =
        |dir: &Path| files(dir).into_iter().rfind(|path| path.extension().is_some_and(|e| e == "ndjson")).unwrap();
    let (from, to) = (newest(exported.ledger.path()), newest(exported.path()));
    assert_eq!(from.file_name(), to.file_name());
    std::fs::copy(from, to).unwrap();
    assert_eq!(fault(exported.path()).kind, FaultKind::BeyondCheckpoint { size: 540, found: 542 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Any single edit of any byte of an export is detected, but for the key that it brings, which nobody trusts.
    #[test]
    fn t7_any_single_edit_of_any_byte_of_an_export_is_detected(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        thread_local!(static EXPORTED: Exported = Exported::new());
        EXPORTED.with(|exported| {
            let files: Vec<_> = files(exported.path()).into_iter().filter(|path| !path.ends_with("log.vkey")).collect();
            let path = file.get(&files);
            let genuine = std::fs::read(path).unwrap();
            let mut edited = genuine.clone();
            edited[at.index(genuine.len())] ^= flip;
            std::fs::write(path, edited).unwrap();
            let outcome = import(exported.path());
            std::fs::write(path, genuine).unwrap();
            prop_assert!(matches!(outcome, Err(LedgerError::Corrupt(_))), "{}", path.display());
            Ok(())
        })?;
    }
}
