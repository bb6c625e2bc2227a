//! Old events go to an archive; what is left goes on, and never forgets a decision.

use std::sync::Arc;

use omega_contract::{ErrorCode, EventDraft, EventKind, Recorder as _};
use omega_gateway::{Gateway, GatewayError, Home, OpenOptions, Page, PluginFilter, SystemClock};
use omega_ledger::{Ledger, LedgerOptions, Strictness, check_succession, verify_archive};

use super::verify;
use crate::harness::Bench;

/// A home with a plugin, in whose ledger several segments are sealed.
async fn grown() -> (Home, tempfile::TempDir) {
    let bench = Bench::new().await;
    bench.install("examples/hello").await;
    let (home, folder) = bench.closed();
    let mut options = LedgerOptions::new(Arc::new(SystemClock::default()), Arc::new(home.log_signer().unwrap()));
    options.segment_bytes_max = 4_096;
    let ledger = Ledger::open(&home.ledger_dir(), options).unwrap();
    for number in 0..60 {
        ledger.record(EventDraft::system(EventKind::Reject).with("number", number.to_string())).unwrap();
        ledger.flush().unwrap();
    }
    ledger.close().unwrap();
    (home, folder)
}

async fn open(home: &Home) -> Result<Gateway, GatewayError> {
    Gateway::open(home, OpenOptions { actor: "keeper".into(), ..OpenOptions::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_and_what_is_left_are_one_history() {
    let (home, folder) = grown().await;
    let to = folder.path().join("archive");
    let gateway = open(&home).await.unwrap();
    let moved = gateway.admin().archive(u64::MAX, &to).await.unwrap().unwrap();
    assert!(moved.next_index > 40, "{moved:?}");
    assert!(gateway.admin().archive(u64::MAX, &folder.path().join("again")).await.unwrap().is_none());
    // It goes on: calls, refusals of old requests, lists.
    let hello = "hello".parse().unwrap();
    let answer = gateway.invoke(&hello, omega_gateway::request(omega_contract::Payload::text("x"))).await.unwrap();
    assert_eq!(answer.response.status, omega_contract::Status::Ok, "{}", answer.response.notes);
    drop(gateway);
    let key = home.log_verifier_key().unwrap();
    let (archive, _) = verify_archive(&to, &key, Strictness::Strict, |_| ()).unwrap();
    check_succession(&[archive], &verify(&home)).unwrap();
    let gateway = open(&home).await.unwrap();
    assert!(gateway.list_plugins(&PluginFilter::default(), &Page { after: None, rows_max: 9 }).unwrap().len() == 1);
}

/// A registry that is made from what is left would have forgotten what was revoked: it is not made.
#[tokio::test(flavor = "multi_thread")]
async fn a_registry_is_never_made_from_a_ledger_without_its_beginning() {
    let (home, folder) = grown().await;
    let to = folder.path().join("archive");
    let gateway = open(&home).await.unwrap();
    gateway.admin().archive(u64::MAX, &to).await.unwrap().unwrap();
    let refused = gateway.admin().rebuild_registry().await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::EventsArchived, "{refused}");
    drop(gateway);
    let before = std::fs::read(home.registry_file()).unwrap();
    for damage in [Vec::new(), b"no database".repeat(1_000)] {
        std::fs::write(home.registry_file(), damage).unwrap();
        assert_eq!(open(&home).await.err().unwrap().code, ErrorCode::EventsArchived);
    }
    std::fs::remove_file(home.registry_file()).unwrap();
    assert_eq!(open(&home).await.err().unwrap().code, ErrorCode::EventsArchived);
    // Put back, as the hint says, it is made from all of it.
    for entry in std::fs::read_dir(&to).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().ends_with(".ndjson") {
            std::fs::copy(entry.path(), home.ledger_dir().join(entry.file_name())).unwrap();
        }
    }
    crate::crash::projection::copy_folder(&to.join("tiles/0"), &home.ledger_dir().join("tiles/0.put-back"));
    for entry in std::fs::read_dir(home.ledger_dir().join("tiles/0.put-back")).unwrap().map(Result::unwrap) {
        let place = home.ledger_dir().join("tiles/0").join(entry.file_name());
        if !place.exists() {
            std::fs::copy(entry.path(), place).unwrap();
        }
    }
    std::fs::remove_dir_all(home.ledger_dir().join("tiles/0.put-back")).unwrap();
    std::fs::remove_file(home.ledger_dir().join("archived")).unwrap();
    let gateway = open(&home).await.unwrap();
    assert_eq!(gateway.list_plugins(&PluginFilter::default(), &Page { after: None, rows_max: 9 }).unwrap().len(), 1);
    drop(gateway);
    verify(&home);
    assert!(!before.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_archived_into_a_protected_path_or_over_what_is_there() {
    let (home, folder) = grown().await;
    let protected = folder.path().join("sealed");
    std::fs::create_dir(&protected).unwrap();
    let toml = format!("protected_paths = [{:?}]", protected.display().to_string());
    std::fs::write(home.path().join("omega.toml"), toml).unwrap();
    let gateway = open(&home).await.unwrap();
    let refused = gateway.admin().archive(u64::MAX, &protected.join("a")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::CapabilityDenied);
    let taken = folder.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    std::fs::write(taken.join("precious"), "x").unwrap();
    assert_eq!(gateway.admin().archive(u64::MAX, &taken).await.unwrap_err().code, ErrorCode::LedgerUnavailable);
    drop(gateway);
    assert_eq!(std::fs::read_dir(&taken).unwrap().count(), 1);
    assert_eq!(verify(&home).archived_events, 0);
}
