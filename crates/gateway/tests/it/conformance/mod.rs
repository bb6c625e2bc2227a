//! The conformance gate, and `require_conformance` (spec page 10).
//!
//! What a plugin itself can break is broken by plugins, in `omega-cli`'s tests `conformance::`. What the gateway holds against
//! every plugin is broken here, by a gateway that fails in one thing.

mod faults;
mod required;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use omega_contract::plugin_info::LaneKind;
use omega_contract::{CheckId, ConformanceReport};
use omega_gateway::trial::{GateDesk, TrialOptions, certify, certify_at};
use serde_json::json;

use crate::conformance::faults::{Fault, FaultyDesk};
use crate::harness::{compiled_code, edit, package};

type Files = BTreeMap<String, std::sync::Arc<[u8]>>;

fn written(files: &Files, folder: &Path) {
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn failed(report: &ConformanceReport) -> Vec<&'static str> {
    report.failed().map(|check| check.id.as_str()).collect()
}

/// Compiling is most of a trial's time: all of this binary's have one cache.
fn options() -> TrialOptions {
    TrialOptions { cache_dir: Some(compiled_code()), ..TrialOptions::default() }
}

async fn certified(files: &Files) -> ConformanceReport {
    let folder = tempfile::tempdir().unwrap();
    written(files, folder.path());
    certify(folder.path(), &options()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_this_repository_conform() {
    for name in ["hello", "headline", "text-stats", "json-redact", "csv-profile", "slice-summary"] {
        let report = certified(&package(&format!("examples/{name}"))).await;
        assert!(report.passed && report.is_whole(), "{name}: {:#?}", report.failed().collect::<Vec<_>>());
        assert_eq!((report.plugin_id.as_str(), report.lane.map(LaneKind::as_str)), (name, Some("wasm")));
        assert!(!report.layers.is_empty() && report.package_digest.is_some());
    }
}

/// A gateway that does not hold what it promises: the gate names the one check that it broke.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_fails_in_one_thing_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    written(&package("examples/hello"), folder.path());
    let options = options();
    for (fault, expect, word) in [
        (Fault::None, None, ""),
        (Fault::KeepsState, Some(CheckId::Stateless), "in another order"),
        (Fault::LetsInvalidIn, Some(CheckId::FailClosed), "gave ok"),
        (Fault::CrashesOnOdd, Some(CheckId::FailClosed), "gave error"),
        (Fault::NeverStops, Some(CheckId::Timeout), "after 60000 ms"),
        (Fault::TouchesTheHost, Some(CheckId::NonActuating), "keys/operator.pem"),
        (Fault::LiesAboutOutputs, Some(CheckId::Proof), "the output's hash"),
        (Fault::LiesAboutInputs, Some(CheckId::Proof), "the input's hash"),
        (Fault::ForgesProofs, Some(CheckId::Proof), "does not verify"),
        (Fault::LosesEvents, Some(CheckId::Proof), "the run's proof"),
    ] {
        let desk = FaultyDesk { real: GateDesk { options: &options, source: folder.path() }, fault };
        let report = certify_at(folder.path(), &desk).await;
        assert!(report.is_whole(), "{report:#?}");
        let expect: Vec<&str> = expect.iter().map(|id| id.as_str()).collect();
        assert_eq!(failed(&report), expect, "{fault:?}: {:#?}", report.failed().collect::<Vec<_>>());
        assert!(report.failed().all(|check| check.detail.contains(word)), "{fault:?}: {report:#?}");
    }
}

/// A gateway that gives no answer at all fails what it was asked for, and ends nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_breaks_down_is_a_failed_check() {
    let folder = tempfile::tempdir().unwrap();
    written(&package("examples/hello"), folder.path());
    let options = options();
    let desk = FaultyDesk { real: GateDesk { options: &options, source: folder.path() }, fault: Fault::BreaksDown };
    let report = certify_at(folder.path(), &desk).await;
    assert!(report.is_whole() && report.summary.passed_count == 4, "{report:#?}");
    assert!(report.failed().all(|check| !check.detail.is_empty()), "{report:#?}");
}

/// Whatever lies there, there are ten checks, and what could not be done says why.
#[tokio::test(flavor = "multi_thread")]
async fn no_package_is_so_broken_that_there_is_no_report() {
    let hello = || package("examples/hello");
    let check = async |files: Files, passed_count: usize, id: CheckId, word: &str| {
        let report = certified(&files).await;
        assert!(report.is_whole() && !report.passed, "{report:#?}");
        assert_eq!(report.summary.passed_count, passed_count, "{word}: {report:#?}");
        let outcome = report.checks.iter().find(|check| check.id == id).unwrap();
        assert!(!outcome.passed && outcome.detail.contains(word), "{word}: {outcome:?}");
    };
    check(Files::new(), 0, CheckId::Manifest, "no PLUGIN_MANIFEST.json").await;
    let garbage: Files = [("PLUGIN_MANIFEST.json".to_owned(), std::sync::Arc::from(b"{".as_slice()))].into();
    check(garbage, 0, CheckId::Proof, "not done").await;
    let mut unbuilt = hello();
    unbuilt.remove("plugin.wasm");
    check(unbuilt, 3, CheckId::Stateless, "not done").await;
    let mut no_component = hello();
    no_component.insert("plugin.wasm".to_owned(), std::sync::Arc::from(b"no component".as_slice()));
    check(no_component, 4, CheckId::Determinism, "component_invalid").await;
    let mut no_examples = hello();
    no_examples.retain(|path, _| !path.starts_with("examples/"));
    check(no_examples, 5, CheckId::NonActuating, "no examples").await;
    let mut odd_example = hello();
    odd_example.insert("examples/odd.json".to_owned(), std::sync::Arc::from(b"{}".as_slice()));
    check(odd_example, 9, CheckId::Determinism, "examples/odd.json is no request").await;
    let mut no_lane = hello();
    edit(&mut no_lane, |manifest| manifest["entrypoint"] = json!({"type": "dataset", "callable": "a.b:c"}));
    check(no_lane, 3, CheckId::Timeout, "not done").await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_no_package_has_failed_ten_checks() {
    let folder = tempfile::tempdir().unwrap();
    written(&package("examples/hello"), folder.path());
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
    let report = certify(folder.path(), &options()).await;
    assert!(report.is_whole() && report.summary.passed_count == 0 && report.package_digest.is_none());
    assert!(report.checks.iter().all(|check| check.detail.contains("only plain files")), "{report:#?}");
    let nowhere = certify(&folder.path().join("nowhere"), &options()).await;
    assert!(nowhere.is_whole() && nowhere.summary.passed_count == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_level_of_evidence_and_redactions_are_certified() {
    for (level, redactions) in [("full", json!(["/content"])), ("minimal", json!([])), ("summary", json!(["/content"]))]
    {
        let mut files = package("examples/hello");
        edit(&mut files, |manifest| manifest["evidence"] = json!({"log_level": level, "redactions": redactions}));
        let report = certified(&files).await;
        assert!(report.passed, "{level}: {:#?}", report.failed().collect::<Vec<_>>());
    }
    let mut files = package("examples/hello");
    edit(&mut files, |manifest| manifest["determinism"]["mode"] = json!("probabilistic"));
    let report = certified(&files).await;
    assert!(report.passed, "{:#?}", report.failed().collect::<Vec<_>>());
    assert_eq!(report.checks[3].detail, "declared probabilistic: outputs may differ");
}
