//! T7, ledger integrity, end to end (every way to tamper: `crates/ledger/tests/t7_ledger_integrity.rs`).

use std::path::PathBuf;

use omega_contract::proof_bundle::LinkedDecision;
use omega_contract::{ErrorCode, EventKind, Payload, ProofBundle, Status};
use omega_gateway::{Gateway, Home, OpenOptions, request};
use omega_proof::bundle::verify_bundle;

use crate::harness::{Bench, snapshot};

fn segment(home: &Home) -> PathBuf {
    let files = std::fs::read_dir(home.ledger_dir()).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = files.filter(|path| path.extension().is_some_and(|ending| ending == "ndjson")).collect();
    segments.sort();
    segments.remove(0)
}

/// A ledger that was changed while its home was closed is found by `verify`, whatever was changed. Opening it refuses what
/// the newest checkpoint contradicts without the events being read again (spec page 3, "Recovery at start"); it rewrites
/// nothing, and launders nothing: what was changed is found after it as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_ledger_is_found_and_not_mended() {
    type Damage = fn(&str) -> String;
    let damages: [(&str, bool, Damage); 4] = [
        ("one byte", false, |text| text.replacen("\"plugin_id\":\"hello\"", "\"plugin_id\":\"hellp\"", 1)),
        ("a line gone", true, |text| {
            text.lines().enumerate().filter(|(n, _)| *n != 3).map(|(_, l)| format!("{l}\n")).collect()
        }),
        ("two lines swapped", false, |text| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.swap(2, 3);
            lines.iter().map(|line| format!("{line}\n")).collect()
        }),
        ("acknowledged lines cut off", true, |text| text.lines().take(3).map(|line| format!("{line}\n")).collect()),
    ];
    for (what, is_seen_at_open, damage) in damages {
        let bench = Bench::new().await;
        let hello = bench.install("examples/hello").await;
        assert_eq!(bench.text(&hello, "Ada").await.response.status, Status::Ok);
        bench.gateway.flush().await.unwrap();
        let (home, _folder) = bench.closed();
        let file = segment(&home);
        let text = std::fs::read_to_string(&file).unwrap();
        let harmed = damage(&text);
        assert_ne!(harmed, text, "{what}");
        std::fs::write(&file, &harmed).unwrap();
        let is_found = || {
            let key = home.log_verifier_key().unwrap();
            let verdict = omega_ledger::verify(&home.ledger_dir(), &key, omega_ledger::Strictness::Strict, |_| {});
            assert_eq!(verdict.unwrap_err().code(), ErrorCode::LedgerCorrupt, "{what}");
        };
        is_found();
        let before = snapshot(&home.ledger_dir());
        match Gateway::open(&home, OpenOptions::default()).await {
            Err(error) => {
                assert!(is_seen_at_open, "{what}: {}", error.message);
                assert_eq!(error.code, ErrorCode::LedgerCorrupt, "{what}: {}", error.message);
                let after = snapshot(&home.ledger_dir());
                assert!(before.iter().all(|(path, hash)| after.get(path) == Some(hash)), "{what}: rewritten");
            }
            Ok(gateway) => {
                assert!(!is_seen_at_open, "{what}: opened");
                // Events and checkpoints on top of it do not hide it.
                gateway.disable_plugin(&"nobody".parse().unwrap()).await.unwrap_err();
                gateway.admin().checkpoint().await.unwrap();
                drop(gateway);
                let now = std::fs::read_to_string(&file).unwrap();
                assert!(now.starts_with(&harmed), "{what}: rewritten");
                is_found();
            }
        }
    }
}

/// A proof verifies as it was exported, from its bytes alone, and not after any change.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_fails_after_any_change() {
    let bench = Bench::new().await;
    let hello = bench.install("examples/hello").await;
    let asked = request(Payload::text("Ada"));
    let run_id = asked.run_id.clone();
    bench.invoke(&hello, asked).await;
    let proof = bench.gateway.export_proof(&run_id).await.unwrap();
    let bytes = serde_json::to_vec(&proof).unwrap();
    let keys = [bench.gateway.home().log_verifier_key().unwrap()];
    let verdict = verify_bundle(&bytes, &keys, &[]).unwrap();
    assert_eq!((verdict.attempts, verdict.results, verdict.run_id), (1, 1, run_id.clone()));

    let changes: [fn(&mut ProofBundle); 7] = [
        |proof| drop(proof.events.remove(0)),
        |proof| proof.events.swap(0, 1),
        |proof| proof.events[1].output_hash = "0".repeat(64),
        |proof| proof.events[0].plugin_id = "other".into(),
        |proof| drop(proof.events[1].meta.insert("reason".into(), "none".into())),
        |proof| proof.inclusion[0].index += 1,
        |proof| proof.run.events -= 1,
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut tampered = proof.clone();
        change(&mut tampered);
        let verdict = verify_bundle(&serde_json::to_vec(&tampered).unwrap(), &keys, &[]);
        assert!(verdict.is_err(), "change {n}");
    }
    // One byte anywhere in the events.
    let events = String::from_utf8(bytes.clone()).unwrap().find("\"events\":[").unwrap();
    let end = String::from_utf8(bytes.clone()).unwrap().find("\"inclusion\"").unwrap();
    for at in (events + 12..end).step_by(7) {
        let mut tampered = bytes.clone();
        tampered[at] ^= 1;
        assert!(verify_bundle(&tampered, &keys, &[]).is_err(), "byte {at}");
    }
    // Another home's log: its key says nothing about this one.
    let stranger = Bench::new().await;
    let key = stranger.gateway.home().log_verifier_key().unwrap();
    assert!(verify_bundle(&bytes, &[key], &[]).is_err());
    // Who signed the plugin and who enabled it is in it.
    let links: Vec<_> = proof.links.iter().map(|link| &link.decision).collect();
    let has = |kind| links.iter().any(|it| matches!(it, LinkedDecision::Event(event) if event.kind == kind));
    assert!(has(EventKind::Register) && has(EventKind::Enable) && has(EventKind::Policy), "{links:?}");
}

/// What names paths of the host is proved and not shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_names_no_path_of_the_host() {
    let bench = Bench::with_config("protected_paths = [\"/srv/omega-sealed\"]\n").await;
    let hello = bench.install("examples/hello").await;
    let asked = request(Payload::text("Ada"));
    let run_id = asked.run_id.clone();
    bench.invoke(&hello, asked).await;
    let bytes = serde_json::to_vec(&bench.gateway.export_proof(&run_id).await.unwrap()).unwrap();
    let keys = [bench.gateway.home().log_verifier_key().unwrap()];
    assert_eq!(verify_bundle(&bytes, &keys, &[]).unwrap().withheld_decisions, 1);
    let text = String::from_utf8(bytes).unwrap();
    let home = bench.gateway.home().path().display().to_string();
    assert!(!text.contains("omega-sealed") && !text.contains(&home));
}
