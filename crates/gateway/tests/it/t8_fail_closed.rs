//! T8, fail-closed: whatever is missing, broken or in doubt, there is a refusal and never a weaker run.

use std::sync::Arc;

use omega_contract::plugin_info::PluginStatus;
use omega_contract::{ErrorCode, EventKind, Payload, Status};
use omega_gateway::{Gateway, Home, OpenOptions, request};

use crate::harness::{Bench, edit, id, package, run};

/// Set in the process that runs under a limit on the size of files.
#[cfg(unix)]
const UNDER_A_LIMIT: &str = "OMEGA_TEST_HOME_UNDER_A_LIMIT";

/// The ledger's file cannot grow any more while calls are made: from then on there is no answer, and what
/// was answered before is there.
///
/// Tests may run as root, whom permissions do not hold. So this test starts itself again under a limit on
/// the size of files (`ulimit -f`), which the ledger, by far the largest file of the home, reaches first.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_grow_gives_no_answer() {
    if let Some(home) = std::env::var_os(UNDER_A_LIMIT) {
        return call_until_there_is_no_answer(std::path::Path::new(&home)).await;
    }
    let bench = Bench::with_config("durability = 'relaxed'").await;
    let hello = bench.install("examples/hello").await;
    while ledger_bytes(&bench.home) < 600 * 1024 {
        futures_util::future::join_all((0..50).map(|_| bench.text(&hello, "Ada"))).await;
        bench.gateway.flush().await.unwrap();
    }
    let (home, _folder) = bench.closed();

    let blocks = (ledger_bytes(&home) + 64 * 1024) / 512;
    let child = std::process::Command::new("sh")
        .arg("-c")
        // Ignored, the signal becomes the error that a full disk would be.
        .arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "t8_fail_closed::a_ledger_that_cannot_grow_gives_no_answer", "--nocapture"])
        .env(UNDER_A_LIMIT, home.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{told}\n{}", String::from_utf8_lossy(&child.stderr));
    let answered: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("answered ")).collect();
    assert!(!answered.is_empty(), "{told}");

    let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
    for run_id in answered {
        let query = omega_ledger::Query { run_id: Some(run(run_id)), ..Default::default() };
        let kinds: Vec<_> = gateway.admin().events(&query).unwrap().events.iter().map(|e| e.event.kind).collect();
        assert_eq!(kinds, [EventKind::Result, EventKind::Invoke], "{run_id} was answered");
    }
}

#[cfg(unix)]
async fn call_until_there_is_no_answer(home: &std::path::Path) {
    let gateway = Gateway::open(&Home::open(home).unwrap(), OpenOptions::default()).await.unwrap();
    let error = loop {
        let asked = request(Payload::text("Ada"));
        let run_id = asked.run_id.clone();
        match gateway.invoke(&id("hello"), asked).await {
            Ok(_) => println!("answered {run_id}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code, ErrorCode::LedgerUnavailable, "{}", error.message);
    // It stays so: no call, no refusal, no change.
    let error = gateway.invoke(&id("hello"), request(Payload::text("Ada"))).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::LedgerUnavailable);
    let error = gateway.invoke(&id("nobody"), request(Payload::text("Ada"))).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::LedgerUnavailable);
    let error = gateway.disable_plugin(&id("hello")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::LedgerUnavailable);
    let error = gateway.export_proof(&run("system")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::LedgerUnavailable);
}

#[cfg(unix)]
fn ledger_bytes(home: &Home) -> u64 {
    let segments = std::fs::read_dir(home.ledger_dir()).unwrap().map(|entry| entry.unwrap());
    segments
        .filter(|entry| entry.path().extension().is_some_and(|ending| ending == "ndjson"))
        .map(|entry| entry.metadata().unwrap().len())
        .sum()
}

/// A plugin of a lane that this gateway does not have is registered and never run another way.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_lane_is_no_reason_to_run_elsewhere() {
    let bench = Bench::new().await;
    let mut files = package("examples/hello");
    files.insert("plugin.py".into(), Arc::from(b"def handle(request): return request".as_slice()));
    edit(&mut files, |manifest| manifest["entrypoint"]["file"] = "plugin.py".into());
    let info = bench.register(&files).await.unwrap();
    let error = bench.gateway.enable_plugin(&info.plugin_id, None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::LaneUnavailable);
    let event = bench.event(error.event_index.unwrap());
    assert_eq!((event.kind, event.meta["reason"].as_str()), (EventKind::Reject, "lane_unavailable"));
    let answer = bench.text(&info.plugin_id, "a").await;
    assert_eq!((answer.response.status, answer.reason), (Status::Rejected, Some(ErrorCode::PluginNotEnabled)));
}

/// Files of the store that are lost or changed: the plugin is refused, with evidence.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_lost_or_changed_a_file_serves_nothing_of_it() {
    for damage in ["lost", "changed", "inventory"] {
        let bench = Bench::new().await;
        let hello = bench.install("examples/hello").await;
        let info = bench
            .gateway
            .list_plugins(&omega_gateway::PluginFilter::default(), &omega_gateway::Page::first(10))
            .unwrap()
            .remove(0);
        let store = bench.home.store_dir();
        let wasm = omega_contract::Sha256Hex::of(&package("examples/hello")["plugin.wasm"]).to_string();
        let blob = store.join("blobs").join(&wasm[..2]).join(&wasm);
        let inventory = store.join("packages").join(format!("{}.json", info.package_digest));
        let bench = {
            match damage {
                "lost" => std::fs::remove_file(&blob).unwrap(),
                "changed" => overwrite(&blob, b"another program"),
                _ => overwrite(&inventory, b"{}"),
            }
            bench.reopened().await
        };
        let asked = request(Payload::text("a"));
        let run_id = asked.run_id.clone();
        let answer = bench.invoke(&hello, asked).await;
        assert_eq!(
            (answer.response.status, answer.reason),
            (Status::Rejected, Some(ErrorCode::PackageDigestMismatch)),
            "{damage}"
        );
        assert_eq!(bench.kinds(&run_id), [EventKind::Reject], "{damage}");
        bench.gateway.disable_plugin(&hello).await.unwrap();
        let error = bench.gateway.enable_plugin(&hello, None).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::PackageDigestMismatch, "{damage}");
    }
}

/// Overwrites a file of the store, which is written once and may be read-only.
fn overwrite(path: &std::path::Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A key that is no longer approved: what it signed is disabled at once, cannot be enabled again, and
/// cannot be registered anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_takes_its_plugins_with_it() {
    let bench = Bench::new().await;
    let hello = bench.install("examples/hello").await;
    assert_eq!(bench.text(&hello, "a").await.response.status, Status::Ok);
    let key_id = bench.key().public().key_id();
    let disabled = bench.gateway.admin().revoke_key(&key_id).await.unwrap();
    assert_eq!(
        disabled.iter().map(|info| (info.plugin_id.as_str(), info.status)).collect::<Vec<_>>(),
        [("hello", PluginStatus::Disabled)]
    );
    assert_eq!(bench.text(&hello, "a").await.reason, Some(ErrorCode::PluginNotEnabled));
    let error = bench.gateway.enable_plugin(&hello, None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::KeyUntrusted);
    let error = bench.register(&package("examples/text-stats")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::KeyUntrusted);
    let bench = bench.reopened().await;
    let error = bench.gateway.enable_plugin(&hello, None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::KeyUntrusted, "a restart does not approve it again");
}

/// The caller goes away: the plugin is stopped and the ledger says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_is_journalled_as_interrupted() {
    let bench = Bench::new().await;
    let sleeper = bench.install("hostile/sleeper").await;
    // The first call loads it, so that the next is soon at work.
    bench.text(&sleeper, "go").await;
    let asked = request(Payload::text("go"));
    let run_id = asked.run_id.clone();
    let call = bench.gateway.invoke(&sleeper, asked.clone());
    let watch = async {
        while bench.kinds(&run_id).is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        answer = call => panic!("it sleeps: {answer:?}"),
        () = watch => {}
    }
    assert_eq!(bench.kinds(&run_id), [EventKind::Invoke, EventKind::Error]);
    assert_eq!(bench.events(&run_id)[1].meta["reason"], ErrorCode::Interrupted.as_str());
    let again = bench.invoke(&sleeper, asked).await;
    assert_eq!(again.reason, Some(ErrorCode::DuplicateRequest));
}

/// The process dies between INVOKE and outcome: the next start closes the call, and it stays used.
#[tokio::test(flavor = "multi_thread")]
async fn an_invoke_left_by_a_kill_is_closed_at_the_next_start() {
    let bench = Bench::new().await;
    let sleeper = bench.install("hostile/sleeper").await;
    bench.text(&sleeper, "go").await;
    let asked = request(Payload::text("go"));
    let run_id = asked.run_id.clone();
    let copied = async {
        while !bench.ledger_lines().iter().any(|line| line.contains(run_id.as_str())) {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        // What a kill would leave right now.
        copy(bench.home.path(), &bench.beside("killed"));
    };
    let (answer, ()) = tokio::join!(bench.invoke(&sleeper, asked.clone()), copied);
    assert_eq!(answer.reason, Some(ErrorCode::Timeout), "the call was under way while the home was copied");

    let killed = Home::open(&bench.beside("killed")).unwrap();
    let gateway = Gateway::open(&killed, OpenOptions::default()).await.unwrap();
    assert_eq!(gateway.admin().opening().interrupted.len(), 1);
    let query =
        omega_ledger::Query { run_id: Some(run_id), order: omega_ledger::Order::OldestFirst, ..Default::default() };
    let events = gateway.admin().events(&query).unwrap().events;
    let seen: Vec<_> =
        events.iter().map(|placed| (placed.event.kind, placed.event.meta.get("reason").cloned())).collect();
    assert_eq!(seen, [(EventKind::Invoke, None), (EventKind::Error, Some("interrupted".to_owned()))]);
    let again = gateway.invoke(&sleeper, asked).await.unwrap();
    assert_eq!(again.reason, Some(ErrorCode::DuplicateRequest));
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        // A link leads out of the home, to what the tests share.
        if from.is_dir() && !from.is_symlink() {
            copy(&from, &to);
        } else if from.is_file() {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

/// A proof of a run that is not there is refused; a call under way has no proof yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_under_way_has_no_proof() {
    let bench = Bench::new().await;
    let error = bench.gateway.export_proof(&run("nobody-ran-this")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::RunUnknown);
    let sleeper = bench.install("hostile/sleeper").await;
    bench.text(&sleeper, "go").await;
    let asked = request(Payload::text("go"));
    let run_id = asked.run_id.clone();
    let export = async {
        while bench.kinds(&run_id).is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        bench.gateway.export_proof(&run_id).await.unwrap_err()
    };
    let (answer, error) = tokio::join!(bench.invoke(&sleeper, asked), export);
    assert_eq!((answer.reason, error.code), (Some(ErrorCode::Timeout), ErrorCode::ProofInvalid));
    bench.gateway.export_proof(&run_id).await.unwrap();
}
