//! What a lock, an index or a dependency may try. Each is judged by what is in the home afterwards.

use omega_contract::{ErrorCode, EventKind};
use serde_json::json;

use super::index::Index;
use super::{SIX, is_no_environment_code, plugin};
use crate::harness::{Bench, id};

/// Builds in vain: an error of this text, a REJECT that says the same, and nothing in the home that a plugin could use.
async fn refused(bench: &Bench, plugin_id: &str, lock: &str, expect: &str) {
    let error = bench.built(plugin_id, lock).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::EnvironmentUnbuildable, "{}", error.message);
    assert!(error.message.contains(expect), "{plugin_id}: {}", error.message);
    assert!(!error.message.contains(&*bench.home.path().to_string_lossy()), "no path of the host: {}", error.message);
    let event = bench.event(error.event_index.unwrap());
    assert_eq!((event.kind, event.meta["operation"].as_str()), (EventKind::Reject, "build_environment"));
    assert_eq!(bench.environments(), [] as [&str; 0], "{plugin_id}");
    assert_eq!(bench.not_enabled(&id(plugin_id)).await.0.code, ErrorCode::EnvironmentMissing);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_pinned_is_not_registered() {
    let bench = Bench::new().await;
    let error = bench.register(&plugin("loose", &format!("{SIX}\nclick>=8\n"))).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::LockInvalid);
    assert!(error.message.contains("requirements.txt line 3: \"click>=8\" is not pinned"), "{}", error.message);
    assert!(error.report.is_some_and(|report| !report.valid));
    assert_eq!(bench.event(error.event_index.unwrap()).kind, EventKind::Reject);
    let error = bench.gateway.enable_plugin(&id("loose"), None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::PluginRejected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_hash_is_refused() {
    let bench = Bench::new().await;
    let other = SIX.replace("0254", "0255");
    refused(&bench, "forged", &other, "does not have the hash that the lock states: six==1.16.0 from").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_cannot_be_reached_is_said() {
    let bench = Bench::with_config("[lanes.worker]\nindex_url = 'http://127.0.0.1:1/simple'").await;
    refused(&bench, "far-away", SIX, "the package index cannot be reached").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_without_what_its_packages_need_is_refused() {
    let index = Index::new(json!({"upper": {"upper.py": "", "NEEDS": "lower"}, "lower": {"lower.py": ""}}), json!({}));
    let bench = Bench::with_config(&index.config()).await;
    refused(&bench, "half-locked", &index.pin("upper"), "the lock does not hold all that its packages need").await;
    let whole = index.pin("upper") + &index.pin("lower");
    assert!(bench.built("whole", &whole).await.is_ok());
}

/// What an interpreter would run as it starts, or what is no plain file.
#[tokio::test(flavor = "multi_thread")]
async fn a_wheel_that_brings_what_runs_by_itself_is_refused() {
    let index = Index::new(
        json!({
            "pather": {"ok.py": "", "evil.pth": "import os; os.system('id')"},
            "upper": {"evil.PTH": "import os"},
            "site": {"sitecustomize.py": "import os"},
            "user": {"usercustomize/__init__.py": "import os"},
            "nested": {"nested/weights.pth": "no code", "nested/__init__.py": ""},
        }),
        json!({}),
    );
    let bench = Bench::with_config(&index.config()).await;
    refused(&bench, "has-pth", &index.pin("pather"), "a dependency brings evil.pth").await;
    refused(&bench, "has-upper", &index.pin("upper"), "a dependency brings evil.PTH").await;
    refused(&bench, "has-site", &index.pin("site"), "a dependency brings sitecustomize").await;
    refused(&bench, "has-user", &index.pin("user"), "a dependency brings usercustomize").await;
    assert!(bench.built("has-weights", &index.pin("nested")).await.is_ok(), "below a package it is data");
}

/// A wheel cannot write beside its folder, nor bring a link that leads out; scripts are left out.
#[tokio::test(flavor = "multi_thread")]
async fn a_wheel_that_reaches_out_leaves_nothing_outside() {
    let index = Index::new(
        json!({
            "climber": {"climber.py": "", "../../climbed": "x"},
            "linker": {"linker.py": "", "passwd@": "/etc/passwd"},
            "scripted": {"scripted.py": "", "scripted-1.0.data/scripts/tool": "#!python\n"},
        }),
        json!({}),
    );
    let bench = Bench::with_config(&index.config()).await;
    bench.built("climbs", &index.pin("climber")).await.unwrap_err();
    assert_eq!(bench.environments(), [] as [&str; 0]);
    assert!(!bench.home.path().join("climbed").exists() && !bench.home.environments_dir().join("climbed").exists());
    // pip writes what a link would lead to as a file's text: a plain file, or nothing.
    if let Ok(bound) = bench.built("links", &index.pin("linker")).await {
        let file = bench.environment_dir(&bound).join("passwd");
        assert!(std::fs::symlink_metadata(&file).unwrap().is_file());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "/etc/passwd");
    }
    let bound = bench.built("scripts", &index.pin("scripted")).await.unwrap();
    assert!(!bench.environment_dir(&bound).join("bin").exists());
}

/// Its code runs only where the operator said so, and that is in the ledger before it does.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_release_is_built_only_where_that_is_allowed_and_journalled() {
    let marks = tempfile::tempdir().unwrap();
    let mark = marks.path().join("ran");
    let backend = format!(
        "import os, pathlib, zipfile\n\
         pathlib.Path({mark:?}).write_text(' '.join(sorted(os.environ)))\n\
         def build_wheel(folder, config_settings=None, metadata_directory=None):\n\
        \x20   info = 'sourced-1.0.dist-info'\n\
        \x20   with zipfile.ZipFile(os.path.join(folder, 'sourced-1.0-py3-none-any.whl'), 'w') as wheel:\n\
        \x20       wheel.writestr('sourced.py', '')\n\
        \x20       wheel.writestr(info + '/METADATA', 'Metadata-Version: 2.1\\nName: sourced\\nVersion: 1.0\\n')\n\
        \x20       wheel.writestr(info + '/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n\
        \x20       wheel.writestr(info + '/RECORD', '')\n\
        \x20   return 'sourced-1.0-py3-none-any.whl'\n"
    );
    let project = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n";
    let info = "Metadata-Version: 2.1\nName: sourced\nVersion: 1.0\n";
    let index =
        Index::new(json!({}), json!({"sourced": {"backend.py": backend, "pyproject.toml": project, "PKG-INFO": info}}));
    let bench = Bench::with_config(&index.config()).await;
    refused(&bench, "from-source", &index.pin("sourced"), "needs --allow-build").await;
    assert!(!mark.exists(), "nothing of it ran");

    let bound = bench.build("from-source", true).await.unwrap().unwrap();
    assert!(bound.builds_allowed);
    let seen = std::fs::read_to_string(&mark).unwrap();
    assert!(!seen.contains("OMEGA") && !seen.contains("CARGO"), "the gateway's environment is not handed on: {seen}");
    let lines = bench.ledger_lines();
    let at = |action: &str| lines.iter().position(|line| line.contains(&format!("\"action\":\"{action}\""))).unwrap();
    assert!(at("allow_build") < at("bind_environment"));
    let (error, _) = bench.not_enabled(&id("from-source")).await;
    assert!(is_no_environment_code(error.code), "{}", error.message);
}
