//! The registry's database falls behind the ledger, or runs ahead of it: what the ledger says holds.

use std::future::Future as _;
use std::path::Path;
use std::task::{Context, Poll, Waker};

use omega_contract::plugin_info::PluginStatus;
use omega_contract::{ErrorCode, EventKind, Status};
use omega_gateway::{Gateway, OpenOptions, Page, PluginFilter};

use super::load::{CHANGING, changing};
use crate::harness::{Bench, id, package};

/// A decision that is in the ledger and could not be applied is in force all the same: the plugin is not served as if
/// nothing had been said, and once it can be applied it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_could_not_be_applied_holds() {
    let bench = Bench::new().await;
    let hello = bench.install("examples/hello").await;
    assert_eq!(bench.text(&hello, "Ada").await.response.status, Status::Ok);
    // What a full disk does, and a test can undo: what was applied cannot be noted.
    let database = rusqlite::Connection::open(bench.home.registry_file()).unwrap();
    database.execute_batch("ALTER TABLE facts RENAME TO hidden").unwrap();
    let error = bench.gateway.disable_plugin(&hello).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Io);
    assert!(bench.ledger_lines().last().unwrap().contains("\"kind\":\"DISABLE\""), "it is decided");

    let answer = bench.text(&hello, "Ada").await;
    assert_eq!((answer.response.status, answer.reason), (Status::Rejected, Some(ErrorCode::Io)));
    assert_eq!(bench.event(answer.event_index).kind, EventKind::Reject);
    let error = bench.gateway.enable_plugin(&hello, None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Io, "nothing is decided on what is out of date");

    database.execute_batch("ALTER TABLE hidden RENAME TO facts").unwrap();
    let answer = bench.text(&hello, "Ada").await;
    assert_eq!(answer.reason, Some(ErrorCode::PluginNotEnabled));
    bench.gateway.enable_plugin(&hello, None).await.unwrap();
    assert_eq!(bench.text(&hello, "Ada").await.response.status, Status::Ok);
    assert!(bench.gateway.admin().rebuild_registry().await.unwrap().identical);
}

/// Whoever asks for a change may go away at any moment. If the ledger has it, it holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_decision_whose_asker_went_away_holds() {
    let bench = Bench::new().await;
    let mut files = package("examples/hello");
    files.retain(|path, _| !path.starts_with("examples/"));
    let hello = bench.install_files(&files).await;
    let busy = bench.install_files(&changing("1.0.0")).await;
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (gateway, busy) = (bench.gateway.clone(), busy.clone());
            tokio::spawn(async move {
                loop {
                    gateway.invoke(&busy, omega_gateway::request(omega_contract::Payload::text("a"))).await.unwrap();
                }
            })
        })
        .collect();
    let mut went_away = 0;
    for _ in 0..12 {
        bench.gateway.enable_plugin(&hello, None).await.unwrap();
        assert_eq!(bench.text(&hello, "Ada").await.response.status, Status::Ok);
        let mut disabling = Box::pin(bench.gateway.disable_plugin(&hello));
        let polled = disabling.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        went_away += usize::from(matches!(polled, Poll::Pending));
        drop(disabling);
        bench.gateway.flush().await.unwrap();
        let lines = bench.ledger_lines();
        let of_hello = |line: &&String| line.contains("\"plugin_id\":\"hello\"") && line.contains("ABLE\"");
        let is_disabled = lines.iter().rfind(of_hello).unwrap().contains("\"DISABLE\"");
        let answer = bench.text(&hello, "Ada").await;
        let expect = if is_disabled { Some(ErrorCode::PluginNotEnabled) } else { None };
        assert_eq!(answer.reason, expect, "went away: {went_away}");
    }
    callers.iter().for_each(tokio::task::JoinHandle::abort);
    assert!(went_away > 0, "no asker went away before its decision was durable");
}

/// A ledger that lost its end (a power cut in relaxed mode, an older copy that was put back) is right, and the registry
/// that saw more is not: neither what is lost nor what comes after.
#[tokio::test(flavor = "multi_thread")]
async fn a_registry_ahead_of_its_ledger_is_made_anew() {
    let bench = Bench::new().await;
    bench.install("examples/hello").await;
    let (home, folder) = bench.closed();
    let older = folder.path().join("older");
    copy_folder(&home.ledger_dir(), &older);
    let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
    let key = home.operator_key().unwrap();
    for version in ["1.0.0", "1.0.1", "1.0.2"] {
        gateway.register_plugin(crate::harness::signed(&changing(version), &key)).await.unwrap();
    }
    gateway.disable_plugin(&id("hello")).await.unwrap();
    drop(gateway);
    std::fs::remove_dir_all(home.ledger_dir()).unwrap();
    std::fs::rename(&older, home.ledger_dir()).unwrap();

    let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
    let rows = || gateway.list_plugins(&PluginFilter::default(), &Page::first(10)).unwrap();
    let known: Vec<_> = rows().into_iter().map(|row| (row.plugin_id, row.status)).collect();
    assert_eq!(known, [(id("hello"), PluginStatus::Enabled)]);
    gateway.register_plugin(crate::harness::signed(&changing("2.0.0"), &key)).await.unwrap();
    assert!(rows().iter().any(|row| row.plugin_id == id(CHANGING)), "what is decided now is seen");
    assert!(gateway.admin().rebuild_registry().await.unwrap().identical);
}

pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&path).unwrap(), target).unwrap();
        } else if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}
