//! A home that cannot be written: it can be read, opening it says why not, and nothing changes.

use omega_contract::{ErrorCode, Sha256Hex, Timestamp};
use omega_gateway::{Gateway, Home, HomeReader, OpenOptions, Page, PluginFilter};
use omega_ledger::{Query, RunQuery, Strictness};

use super::load;
use super::mounts::{mount_read_only, run_in_private_mounts};
use super::projection::copy_folder;
use crate::harness::{Bench, snapshot};

/// One home was closed, the other was cut off: SQLite's log lies beside its database there.
#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_cannot_be_written_can_be_read() {
    if let Some(folder) = load::home_of_child() {
        for name in ["closed", "cut-off"] {
            read_without_writing(&folder.join(name)).await;
        }
        return;
    }
    let bench = Bench::new().await;
    let hello = bench.install("examples/hello").await;
    bench.text(&hello, "Ada").await;
    let put = bench.gateway.admin().artifacts().put_bytes(b"kept", &omega_broker::ArtifactLabel::default());
    assert_eq!(put.unwrap().digest, Sha256Hex::of(b"kept"));
    bench.gateway.flush().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cut_off = folder.path().join("cut-off");
    copy_folder(bench.home.path(), &cut_off);
    assert!(cut_off.join("registry.sqlite-wal").metadata().unwrap().len() > 0);
    let (home, _kept) = bench.closed();
    let closed = folder.path().join("closed");
    copy_folder(home.path(), &closed);
    assert!(!closed.join("registry.sqlite-wal").exists());
    run_in_private_mounts("crash::read_only::a_home_that_cannot_be_written_can_be_read", folder.path());
}

async fn read_without_writing(path: &std::path::Path) {
    mount_read_only(path);
    let before = snapshot(path);
    let home = Home::open(path).unwrap();
    let reader = HomeReader::open(&home).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let plugins = reader.list_plugins(&PluginFilter::default(), &Page::first(10)).unwrap();
    assert_eq!(plugins.len(), 1);
    let reference = "hello".parse().unwrap();
    assert!(reader.plugin_details(&reference).unwrap().manifest.is_some());
    assert_eq!(reader.trust().unwrap().len(), 1);
    assert!(reader.ledger().stats().unwrap().events > 4);
    assert!(!reader.ledger().query(&Query::default()).unwrap().events.is_empty());
    assert!(!reader.ledger().runs(&RunQuery::default()).unwrap().runs.is_empty());
    reader.brokers().artifacts().copy_to(&Sha256Hex::of(b"kept").to_string(), &mut std::io::sink()).unwrap();
    omega_ledger::verify(&home.ledger_dir(), &home.log_verifier_key().unwrap(), Strictness::Strict, |_| ()).unwrap();

    let error = Gateway::open(&home, OpenOptions::default()).await.err().expect("it cannot be written");
    assert_eq!(error.code, ErrorCode::LedgerUnavailable);
    assert!(error.message.contains("Read-only file system"), "{}", error.message);
    let error = Home::init(&path.join("new"), Timestamp::EPOCH).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Io, "{error}");
    assert_eq!(snapshot(path), before);
}
