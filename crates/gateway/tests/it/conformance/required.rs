//! `require_conformance = true`: what enables, and what does not.

use omega_contract::conformance::CONFORMANCE_FILE;
use omega_contract::{
    CheckId, CheckOutcome, ConformanceReport, ConformanceSummary, ErrorCode, EventKind, PluginInfo, PluginRef,
    Timestamp,
};
use omega_gateway::trial::sign_report;
use omega_gateway::{OperatorKey, PackageFiles};
use std::sync::Arc;

use crate::conformance::Files;
use crate::harness::{Bench, id, package, signed};

const REQUIRED: &str = "require_conformance = true\n";

/// A report on these files, as the gate would write it where these checks failed.
fn report(files: &Files, failing: &[CheckId]) -> ConformanceReport {
    let outcome = |id: CheckId| CheckOutcome {
        id,
        name: id.name().into(),
        law: id.law().into(),
        passed: !failing.contains(&id),
        detail: String::new(),
        duration_ms: 1,
    };
    ConformanceReport {
        plugin_id: "hello".into(),
        timestamp: "2026-06-01T00:00:00Z".parse().unwrap(),
        passed: failing.is_empty(),
        checks: CheckId::ALL.map(outcome).into(),
        summary: ConformanceSummary { total: 10, passed_count: 10 - failing.len(), failed_count: failing.len() },
        package_digest: Some(PackageFiles::new(files.clone()).unwrap().digests().package_digest()),
        gateway_version: "0.1.0".into(),
        lane: None,
        layers: Vec::new(),
    }
}

async fn register(bench: &Bench, files: &Files, report: Option<Vec<u8>>) -> PluginInfo {
    let mut all: Files =
        signed(files, &bench.key()).iter().map(|(path, bytes)| (path.to_owned(), bytes.clone())).collect();
    all.extend(report.map(|bytes| (CONFORMANCE_FILE.to_owned(), Arc::from(bytes))));
    bench.gateway.register_plugin(PackageFiles::new(all).unwrap()).await.unwrap()
}

async fn enabled(bench: &Bench) -> Result<(), (ErrorCode, String)> {
    let outcome = bench.gateway.enable_plugin(&id("hello"), None).await;
    outcome.map(|_| ()).map_err(|error| {
        let event = bench.event(error.event_index.unwrap());
        assert_eq!((event.kind, event.meta["reason"].as_str()), (EventKind::Reject, error.code.as_str()));
        (error.code, error.message)
    })
}

fn refused(outcome: Result<(), (ErrorCode, String)>, word: &str) {
    let (code, message) = outcome.unwrap_err();
    assert_eq!(code, ErrorCode::ConformanceMissing, "{message}");
    assert!(message.contains(word), "{message}");
}

/// What the last event of this kind says under `key`.
fn last(bench: &Bench, kind: EventKind, key: &str) -> String {
    let query = omega_ledger::Query { kinds: vec![kind], ..omega_ledger::Query::default() };
    let events = bench.gateway.admin().events(&query).unwrap().events;
    events[0].event.meta.get(key).cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passing_report_by_a_trusted_key_of_the_same_package_enables() {
    let bench = Bench::with_config(REQUIRED).await;
    let hello = package("examples/hello");
    register(&bench, &hello, None).await;
    refused(enabled(&bench).await, "nobody's report");

    // The same package again, with its report beside it.
    register(&bench, &hello, Some(sign_report(&report(&hello, &[]), &bench.key()))).await;
    assert_eq!(last(&bench, EventKind::Policy, "action"), "take_conformance");
    enabled(&bench).await.unwrap();
    let held = bench.gateway.plugin_details(&PluginRef { plugin_id: id("hello"), version: None }).unwrap().conformance;
    assert!(held.is_some_and(|held| held.passed && held.key_id == bench.key().public().key_id()));
    assert!(bench.gateway.admin().rebuild_registry().await.unwrap().identical);
    // The plugin does not see it, and the store does not hold it.
    let stored = std::fs::read_dir(bench.home.store_dir().join("blobs")).unwrap().count();
    assert!(
        stored > 0
            && !crate::harness::snapshot(&bench.home.store_dir()).values().any(|digest| {
                *digest == omega_contract::Sha256Hex::of(&sign_report(&report(&hello, &[]), &bench.key())).to_string()
            })
    );
    bench.assert_healthy("a report").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_report_enables() {
    let hello = package("examples/hello");
    let mut other = hello.clone();
    other.insert("README.md".into(), Arc::from(b"other".as_slice()));
    let stranger = OperatorKey::generate().unwrap();
    for (name, made, word) in [
        ("another package's", report(&other, &[]), "nobody's report"),
        ("a failing one", report(&hello, &[CheckId::Proof]), "CG-09"),
        (
            "one of another plugin",
            ConformanceReport { plugin_id: "other".into(), ..report(&hello, &[]) },
            "nobody's report",
        ),
        (
            "one that counts wrongly",
            ConformanceReport { passed: true, ..report(&hello, &[CheckId::Proof]) },
            "nobody's",
        ),
    ] {
        let bench = Bench::with_config(REQUIRED).await;
        register(&bench, &hello, Some(sign_report(&made, &bench.key()))).await;
        let (code, message) = enabled(&bench).await.unwrap_err();
        assert_eq!(code, ErrorCode::ConformanceMissing, "{name}");
        assert!(message.contains(word), "{name}: {message}");
    }
    let bench = Bench::with_config(REQUIRED).await;
    register(&bench, &hello, Some(sign_report(&report(&hello, &[]), &stranger))).await;
    assert_eq!(last(&bench, EventKind::Reject, "reason"), ErrorCode::ConformanceInvalid.as_str());
    refused(enabled(&bench).await, "nobody's report");
    register(&bench, &hello, Some(b"{".to_vec())).await;
    refused(enabled(&bench).await, "nobody's report");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_word_of_a_revoked_key_counts_no_more() {
    let bench = Bench::with_config(REQUIRED).await;
    let hello = package("examples/hello");
    let auditor = OperatorKey::generate().unwrap();
    let admin = bench.gateway.admin();
    admin.trust_key(&auditor.public().to_pem(), "auditor", vec!["hello".into()], None).await.unwrap();
    register(&bench, &hello, Some(sign_report(&report(&hello, &[]), &auditor))).await;
    admin.revoke_key(&auditor.public().key_id()).await.unwrap();
    refused(enabled(&bench).await, "not trusted any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_speaks_of_the_plugins_that_it_is_trusted_for() {
    let bench = Bench::with_config(REQUIRED).await;
    let hello = package("examples/hello");
    let auditor = OperatorKey::generate().unwrap();
    let admin = bench.gateway.admin();
    admin.trust_key(&auditor.public().to_pem(), "auditor", vec!["other-*".into()], None).await.unwrap();
    register(&bench, &hello, Some(sign_report(&report(&hello, &[]), &auditor))).await;
    refused(enabled(&bench).await, "nobody's report");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_report_does_not_take_a_newer_ones_place() {
    let bench = Bench::with_config(REQUIRED).await;
    let hello = package("examples/hello");
    let older = ConformanceReport { timestamp: Timestamp::EPOCH, ..report(&hello, &[]) };
    register(&bench, &hello, Some(sign_report(&report(&hello, &[CheckId::Timeout]), &bench.key()))).await;
    register(&bench, &hello, Some(sign_report(&older, &bench.key()))).await;
    refused(enabled(&bench).await, "CG-07");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setting_is_a_ceiling_and_its_change_is_journalled() {
    let bench = Bench::new().await;
    let hello = package("examples/hello");
    register(&bench, &hello, None).await;
    enabled(&bench).await.unwrap();
    let (home, folder) = bench.closed();
    std::fs::write(home.path().join("omega.toml"), REQUIRED).unwrap();
    let bench = Bench::of(home, folder).await;
    assert!(last(&bench, EventKind::Policy, "content").contains("\"require_conformance\":true"));
    // What takes calls already goes on; nothing new is let in.
    bench.assert_healthy("the change").await;
    bench.gateway.disable_plugin(&id("hello")).await.unwrap();
    refused(enabled(&bench).await, "nobody's report");
}
