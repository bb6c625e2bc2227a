//! A run is exported from a ledger's files and verifies alone (spec page 3, "Proof bundle").
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use omega_contract::proof_bundle::LinkedDecision;
use omega_contract::{ErrorCode, EventDraft, EventKind, ProofBundle, Recorder, Timestamp, canonical_bytes};
use omega_ledger::{ExportRequest, Ledger, LedgerError, LedgerOptions};
use omega_proof::bundle::{BundleFault, BundleVerdict, verify_bundle};
use omega_proof::checkpoint::LogSigner;
use omega_proof::key::SecretKey;
use support::{draft, log_signer, open, options, signer_of};

fn request(run: &str) -> ExportRequest {
    ExportRequest {
        run_id: run.parse().unwrap(),
        proof_id: "01KAGXYZ0123456789ABCDEFGH".into(),
        created_at: Timestamp::EPOCH,
        caller: omega_contract::Caller::default(),
    }
}

async fn export(ledger: &Ledger, run: &str) -> Result<ProofBundle, LedgerError> {
    ledger.export_run(request(run), |_| vec![]).await
}

fn verify(bundle: &ProofBundle) -> Result<BundleVerdict, BundleFault> {
    verify_bundle(&canonical_bytes(bundle).unwrap(), &[log_signer().verifier_key()], &[])
}

/// What is decided before a plugin takes calls.
fn admit(ledger: &Ledger, plugin: &str) {
    let decide = |kind, fields: &[(&'static str, &str)]| {
        let mut draft = EventDraft::system(kind);
        for (key, value) in fields {
            draft = draft.with(key, *value);
        }
        draft.plugin_id = (kind != EventKind::Policy).then(|| plugin.parse().unwrap());
        ledger.record(draft).unwrap();
    };
    decide(EventKind::Policy, &[("action", "trust"), ("key_id", "k")]);
    decide(EventKind::Register, &[("package_digest", "d"), ("version", "1.0.0"), ("key_id", "k")]);
    decide(EventKind::Enable, &[("version", "1.0.0")]);
}

fn call(ledger: &Ledger, run: &str, request: &str) {
    for kind in [EventKind::Invoke, EventKind::Result] {
        ledger.record(draft(kind, run, request, 1).with("package_digest", "d")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_recorded_and_proved() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    admit(&ledger, "another");
    admit(&ledger, "text-stats");
    for request in ["a", "b", "c"] {
        call(&ledger, "run", request);
        call(&ledger, "other", request);
    }
    let bundle = export(&ledger, "run").await.unwrap();
    let verdict = verify(&bundle).unwrap();
    assert_eq!((verdict.events, verdict.attempts, verdict.tree.size), (7, 3, 6 + 12 + 1));
    assert_eq!(verdict.head_event_hash, ledger.head().unwrap().event_hash);
    assert_eq!(bundle.plugin_manifest_digests.len(), 1);
    let links: Vec<u64> = bundle.links.iter().map(|link| link.index).collect();
    assert_eq!(links, [3, 4, 5], "the latest trust, and the plugin's own REGISTER and ENABLE");
    let kinds: Vec<_> = ledger.run_events(&"run".parse().unwrap()).unwrap().iter().map(|e| e.event.kind).collect();
    assert_eq!(kinds.last(), Some(&EventKind::ProofExport));

    let unknown = export(&ledger, "nobody").await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::RunUnknown);
    ledger.record(draft(EventKind::Invoke, "run", "d", 1).with("package_digest", "d")).unwrap();
    let open_call = export(&ledger, "run").await.unwrap_err();
    assert!(open_call.to_string().contains("request \"d\" has no outcome"), "{open_call}");
    ledger.record(draft(EventKind::Result, "run", "d", 1).with("package_digest", "d")).unwrap();
    // What was exported before stays true of a longer log.
    assert_eq!(verify(&bundle).unwrap().events, 7);
    assert_eq!(verify(&export(&ledger, "run").await.unwrap()).unwrap().events, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_nobody_admitted_proves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    admit(&ledger, "another");
    call(&ledger, "run", "a");
    let refused = export(&ledger, "run").await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ProofInvalid);
    assert!(refused.to_string().contains("\"text-stats\" ran at event 3 and the bundle does not link its REGISTER"));
}

/// The index finds the same decisions as reading the ledger does, among many of other plugins.
#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_found_with_and_without_the_index() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    for other in 0..50 {
        admit(&ledger, &format!("other-{other}"));
    }
    admit(&ledger, "text-stats");
    for request in 0..200 {
        call(&ledger, if request == 7 { "run" } else { "many" }, &request.to_string());
    }
    let links = |bundle: &ProofBundle| bundle.links.iter().map(|link| link.index).collect::<Vec<_>>();
    let expect = [150, 151, 152];
    assert_eq!(links(&export(&ledger, "run").await.unwrap()), expect);
    ledger.close().unwrap();
    for name in ["index.sqlite", "index.sqlite-wal", "index.sqlite-shm"] {
        let _none = std::fs::remove_file(dir.path().join(name));
    }
    let ledger = open(dir.path());
    let bundle = export(&ledger, "run").await.unwrap();
    assert_eq!(links(&bundle), expect);
    assert!(bundle.links.iter().all(|link| matches!(link.decision, LinkedDecision::Event(_))));
    verify(&bundle).unwrap();
}

fn reopened(dir: &Path, seed: u8) -> Ledger {
    Ledger::open(dir, LedgerOptions { log_signer: signer_of(seed), ..options() }).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_changed_its_key_is_followed_from_the_first_one() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    admit(&ledger, "text-stats");
    call(&ledger, "run", "a");
    let before = export(&ledger, "run").await.unwrap();
    let next = |seed: u8| LogSigner::new(log_signer().origin().clone(), SecretKey::from_seed([seed; 32]));
    ledger.hand_over(next(8)).unwrap();
    let between = export(&ledger, "run").await.unwrap();
    ledger.close().unwrap();
    let ledger = reopened(dir.path(), 8);
    ledger.hand_over(next(9)).unwrap();
    // Directly after: the newest checkpoint is the hand-over itself.
    let after = export(&ledger, "run").await.unwrap();
    let signed_by = |bundle: &ProofBundle, handovers: usize, seed: u8| {
        assert_eq!(bundle.key_handovers.len(), handovers);
        assert_eq!(verify(bundle).unwrap().log_key, signer_of(seed).verifier_key());
    };
    signed_by(&before, 0, 7);
    signed_by(&between, 1, 8);
    signed_by(&after, 2, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_exported_while_others_are_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(dir.path()));
    admit(&ledger, "text-stats");
    call(&ledger, "run", "a");
    let done = Arc::new(AtomicBool::new(false));
    let (writer, ended) = (Arc::clone(&ledger), Arc::clone(&done));
    let writing = std::thread::spawn(move || {
        let mut number = 0;
        while !ended.load(Ordering::Relaxed) {
            call(&writer, "others", &number.to_string());
            writer.flush().unwrap();
            number += 1;
        }
        number
    });
    for exported in 0..10 {
        let verdict = verify(&export(&ledger, "run").await.unwrap()).unwrap();
        assert_eq!(verdict.events, 2 + exported + 1);
    }
    done.store(true, Ordering::Relaxed);
    assert!(writing.join().unwrap() > 0);
}
