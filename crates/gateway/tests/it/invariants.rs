//! The ten invariants (spec page 1), one test each, named after it.

use std::sync::Arc;

use omega_contract::plugin_info::PluginStatus;
use omega_contract::{
    Capability, ErrorCode, EventKind, Grant, Payload, PipelinePolicy, PipelineStrategy, RequestPolicy, Status,
};
use omega_gateway::{Page, PluginFilter, request};

use crate::harness::{Bench, edit, id, package, run, snapshot};

/// One public type runs plugins: an enabled plugin answers, and every other way to the same bytes
/// (not registered, not enabled, disabled, removed) is refused with evidence.
#[tokio::test(flavor = "multi_thread")]
async fn inv_pnp_01_single_gateway() {
    let bench = Bench::new().await;
    let refused = |answer: omega_gateway::Answer, code: ErrorCode| {
        assert_eq!((answer.response.status, answer.reason), (Status::Rejected, Some(code)));
        assert!(answer.response.result.is_none());
    };
    refused(bench.text(&id("hello"), "a").await, ErrorCode::PluginUnknown);
    bench.register(&package("examples/hello")).await.unwrap();
    refused(bench.text(&id("hello"), "a").await, ErrorCode::PluginNotEnabled);
    bench.gateway.enable_plugin(&id("hello"), None).await.unwrap();
    assert_eq!(bench.text(&id("hello"), "a").await.response.status, Status::Ok);
    bench.gateway.disable_plugin(&id("hello")).await.unwrap();
    refused(bench.text(&id("hello"), "a").await, ErrorCode::PluginNotEnabled);
    let admin = bench.gateway.admin();
    admin.remove_plugin(&id("hello"), None).await.unwrap();
    refused(bench.text(&id("hello"), "a").await, ErrorCode::PluginUnknown);

    // The lanes are not part of the library's surface: what it re-exports names no lane.
    let surface = include_str!("../../src/lib.rs");
    assert!(!surface.contains("pub use omega_lane") && !surface.contains("pub mod lanes"));
}

/// A plugin returns data; nothing on the host changes but the ledger and its index. No grant may
/// reach into a protected path.
#[tokio::test(flavor = "multi_thread")]
async fn inv_pnp_02_non_actuating() {
    let sealed = tempfile::tempdir().unwrap();
    let toml = format!("protected_paths = [{:?}]", sealed.path().display().to_string());
    let bench = Bench::with_config(&toml).await;
    let probe = bench.install("hostile/env-probe").await;
    let beside = bench.beside("host");
    std::fs::create_dir(&beside).unwrap();
    std::fs::write(beside.join("file"), "untouched").unwrap();
    let before = (snapshot(&beside), snapshot(bench.home.path()));
    let answer = bench.text(&probe, "go").await;
    assert_eq!(answer.response.status, Status::Ok, "{:?}", answer.response.notes);
    let after = (snapshot(&beside), snapshot(bench.home.path()));
    assert_eq!(before.0, after.0);
    let changed: Vec<_> = after.1.iter().filter(|(path, hash)| before.1.get(*path) != Some(hash)).collect();
    for (path, _) in changed {
        let name = path.strip_prefix(bench.home.path()).unwrap();
        // The guest's `log_level` is full: its payload and result are kept as evidence.
        let evidence = name.starts_with("ledger") || name.starts_with("artifacts/sha256");
        assert!(evidence, "{} changed", name.display());
    }

    let grant = |folder: std::path::PathBuf| {
        let params = serde_json::json!({"folder": folder}).as_object().unwrap().clone();
        Grant { plugin_id: id("hostile-env-probe"), major_version: 1, capability: Capability::FsWrite, params }
    };
    let error = bench.gateway.admin().grant(grant(sealed.path().join("phase"))).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::CapabilityDenied);
    let error = bench.gateway.admin().grant(grant(sealed.path().parent().unwrap().to_owned())).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::CapabilityDenied, "a folder that holds the protected one");
    bench.gateway.admin().grant(grant(beside)).await.unwrap();
}

/// A deterministic plugin that tries to differ cannot: on every run, with other ids, times and
/// contexts, after a restart, in another home.
#[tokio::test(flavor = "multi_thread")]
async fn inv_pnp_03_determinism_surface() {
    let mut hashes = std::collections::BTreeSet::new();
    for _home in 0..2 {
        let mut bench = Bench::new().await;
        let liar = bench.install("hostile/liar").await;
        for restart in 0..2 {
            for n in 0..3 {
                let mut asked = request(Payload::text("same"));
                asked.context.insert("n".into(), format!("{restart}.{n}"));
                let answer = bench.invoke(&liar, asked).await;
                assert_eq!(answer.response.status, Status::Ok);
                hashes.insert(answer.response.evidence_hashes.output_hash);
            }
            bench = bench.reopened().await;
        }
    }
    assert_eq!(hashes.len(), 1, "{hashes:?}");
}

/// Every input and output is checked against its schema at run time, before and after the call.
#[tokio::test(flavor = "multi_thread")]
async fn inv_pnp_04_typed_io() {
    let bench = Bench::new().await;
    let stats = bench.install("examples/text-stats").await;
    let before = bench.invoke(&stats, request(Payload::json(serde_json::Map::new(), "x").unwrap())).await;
    assert_eq!(before.reason, Some(ErrorCode::PayloadKindRefused));
    let mut files = package("examples/hello");
    let schema = r#"{"type":"object","required":["content"],"properties":{"content":{"maxLength":3}}}"#;
    let path = files.keys().find(|path| path.starts_with("schemas/inputs/")).unwrap().clone();
    files.insert(path, Arc::from(schema.as_bytes()));
    files.retain(|path, _| !path.starts_with("examples/"));
    let hello = bench.install_files(&files).await;
    assert_eq!(bench.text(&hello, "abc").await.response.status, Status::Ok);
    let past = bench.text(&hello, "abcd").await;
    assert_eq!(past.reason, Some(ErrorCode::PayloadSchemaMismatch));
    assert!(bench.events(&run_of(&bench, &past)).iter().all(|event| event.kind != EventKind::Invoke));
    let wrong = bench.install("hostile/wrong-schema").await;
    let after = bench.text(&wrong, "go").await;
    assert_eq!(after.reason, Some(ErrorCode::OutputSchemaMismatch));
    assert!(after.response.result.is_none(), "what does not match is not released");
}

/// Zero ambient authority: the report of a plugin that tries everything is that of a plugin that has
/// nothing, and the host has no trace of it.
#[tokio::test(flavor = "multi_thread")]
async fn inv_pnp_05_isolation() {
    let bench = Bench::new().await;
    let probe = bench.install("hostile/env-probe").await;
    let first = bench.text(&probe, "go").await;
    let second = bench.text(&probe, "go").await;
    assert_eq!(first.response.status, Status::Ok, "{}", first.response.notes);
    assert_eq!(first.response.result, second.response.result, "no clock, no randomness, nothing to tell calls apart");
    let secret = bench.home.path().display().to_string();
    let shown = serde_json::to_string(&first.response.result).unwrap();
    assert!(!shown.contains(&secret) && !shown.contains("root:"), "{shown}");
    let error = bench.register(&package("hostile/socket-probe")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::ImportForbidden);
    assert!(error.message.contains("wasi:sockets"), "{}", error.message);
}

/// Deny by default: a capability is held only where manifest, grant and ceiling all say so.
#[tokio::test(flavor = "multi_thread")]
async fn inv_pnp_06_capabilities() {
    let error = Bench::new().await.register(&package("hostile/undeclared-import")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::ImportForbidden, "not asked for");

    let bench = Bench::new().await;
    let stats = bench.install("examples/text-stats").await;
    let admin = bench.gateway.admin();
    assert_eq!(bench.text(&stats, "a").await.response.status, Status::Ok);
    admin.revoke_grant(&stats, 1, Capability::ReadText).await.unwrap();
    assert_eq!(bench.text(&stats, "a").await.reason, Some(ErrorCode::CapabilityDenied), "not granted");
    let grant =
        |capability| Grant { plugin_id: stats.clone(), major_version: 1, capability, params: serde_json::Map::new() };
    admin.grant(grant(Capability::ReadText)).await.unwrap();
    assert_eq!(bench.text(&stats, "a").await.response.status, Status::Ok);
    admin.revoke_grant(&stats, 1, Capability::WriteReport).await.unwrap();
    let answer = bench.text(&stats, "a").await;
    assert_eq!(answer.reason, Some(ErrorCode::CapabilityDenied), "the result needs one too");
    assert!(answer.response.result.is_none());

    let ceiling = Bench::with_config("[ceilings]\ncapabilities = ['read_text']\ndefault_grants = ['read_text']").await;
    let stats = ceiling.register(&package("examples/text-stats")).await.unwrap().plugin_id;
    ceiling.gateway.enable_plugin(&stats, None).await.unwrap();
    assert_eq!(ceiling.text(&stats, "a").await.reason, Some(ErrorCode::CapabilityDenied), "above the ceiling");
    let error = ceiling.gateway.admin().grant(grant(Capability::WriteReport)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::CapabilityDenied, "a grant cannot lift the ceiling");
}

/// Each exchange is in the ledger's file before the caller has the answer: INVOKE, then one outcome.
#[tokio::test(flavor = "multi_thread")]
async fn inv_pnp_07_traceability() {
    let bench = Bench::new().await;
    let stats = bench.install("examples/text-stats").await;
    let trap = bench.install("hostile/trap").await;
    for (plugin, outcome) in [(&stats, EventKind::Result), (&trap, EventKind::Error)] {
        let asked = request(Payload::text("a"));
        let run_id = asked.run_id.clone();
        let answer = bench.invoke(plugin, asked).await;
        let lines = bench.ledger_lines();
        let hash = answer.event_hash.to_string();
        assert!(lines.iter().any(|line| line.contains(&hash)), "the answer's event is in the file");
        let kinds: Vec<EventKind> = bench.events(&run_id).iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::Invoke, outcome]);
        let result = &bench.events(&run_id)[1];
        assert_eq!(result.input_hash, answer.response.evidence_hashes.input_hash);
        assert_eq!(result.output_hash, answer.response.evidence_hashes.output_hash);
    }
}

/// No plugin sees an earlier call of itself, or another's.
#[tokio::test(flavor = "multi_thread")]
async fn inv_pnp_08_no_side_channels() {
    let bench = Bench::new().await;
    let stateful = bench.install("hostile/stateful").await;
    let first = bench.text(&stateful, "go").await;
    assert_eq!(first.response.status, Status::Ok, "{}", first.response.notes);
    let all = futures_util::future::join_all((0..20).map(|_| bench.text(&stateful, "go"))).await;
    for answer in all {
        assert_eq!(answer.response.result, first.response.result);
    }

    bench.install("examples/hello").await;
    bench.install("examples/text-stats").await;
    let shared = bench.beside("shared");
    let grant = |plugin: &str, folder: std::path::PathBuf| Grant {
        plugin_id: id(plugin),
        major_version: 1,
        capability: Capability::FsWrite,
        params: serde_json::json!({"folder": folder}).as_object().unwrap().clone(),
    };
    let admin = bench.gateway.admin();
    admin.grant(grant("hello", shared.clone())).await.unwrap();
    let error = admin.grant(grant("text-stats", shared.join("inner"))).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::CapabilityDenied, "two plugins may not write to one place");
}

/// A plugin and a gateway without an API version in common do not meet; the highest common one is used
/// and journalled.
#[tokio::test(flavor = "multi_thread")]
async fn inv_pnp_09_version_contract() {
    let bench = Bench::new().await;
    let mut files = package("examples/hello");
    edit(&mut files, |manifest| manifest["supported_omega_api_versions"] = ">=2.0.0".into());
    let error = bench.register(&files).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::ApiVersionIncompatible);
    edit(&mut files, |manifest| {
        manifest["supported_omega_api_versions"] = ">=1.0.0".into();
        manifest["api_version"] = "1.2.0".into();
    });
    assert_eq!(bench.register(&files).await.unwrap_err().code, ErrorCode::ApiVersionIncompatible);
    edit(&mut files, |manifest| manifest["api_version"] = "1.0.0".into());
    bench.register(&files).await.unwrap();
    let registered = bench.ledger_lines().into_iter().find(|line| line.contains("\"kind\":\"REGISTER\"")).unwrap();
    assert!(registered.contains(r#"\"api_version\":\"1.1.0\""#), "{registered}");
}

/// Whatever goes wrong, the answer is a refusal with evidence, and nothing is released.
#[tokio::test(flavor = "multi_thread")]
async fn inv_pnp_10_fail_closed() {
    let bench = Bench::new().await;
    let cases = [
        ("hostile/trap", Status::Error, ErrorCode::PluginTrap),
        ("hostile/spin", Status::Timeout, ErrorCode::Timeout),
        ("hostile/memory-bomb", Status::Error, ErrorCode::MemoryLimit),
        ("hostile/not-json", Status::Rejected, ErrorCode::OutputNotJson),
        ("hostile/too-large", Status::Rejected, ErrorCode::OutputTooLarge),
        ("hostile/decliner", Status::Rejected, ErrorCode::PluginDeclined),
    ];
    for (name, status, reason) in cases {
        let plugin = bench.install(name).await;
        let asked = request(Payload::text("go"));
        let run_id = asked.run_id.clone();
        let answer = bench.invoke(&plugin, asked).await;
        assert_eq!(
            (answer.response.status, answer.reason),
            (status, Some(reason)),
            "{name}: {}",
            answer.response.notes
        );
        assert!(answer.response.result.is_none() && answer.response.evidence_hashes.output_hash.is_empty(), "{name}");
        let events = bench.events(&run_id);
        assert_eq!(events.last().unwrap().meta["reason"], reason.as_str(), "{name}");
    }
    let filter = PluginFilter { status: Some(PluginStatus::Enabled), ..PluginFilter::default() };
    assert_eq!(bench.gateway.list_plugins(&filter, &Page::first(100)).unwrap().len(), cases.len());

    let mut strict = request(Payload::text("go"));
    strict.policy = Some(RequestPolicy { deterministic_only: true, timeout_ms: 1_000, max_retries: 0 });
    let answer = bench.invoke(&id("hostile-decliner"), strict).await;
    assert_eq!(answer.reason, Some(ErrorCode::DeterminismRequired));

    let policy = PipelinePolicy {
        strategy: PipelineStrategy::Sequential,
        plugin_ids: Vec::new(),
        timeout_ms: 1_000,
        stop_on_failure: true,
    };
    let error = bench.gateway.invoke_pipeline(&policy, request(Payload::text("a"))).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::PipelineInvalid);
    assert!(error.event_index.is_some(), "a refused pipeline is journalled");
    assert_eq!(bench.gateway.export_proof(&run("no-such-run")).await.unwrap_err().code, ErrorCode::RunUnknown);
}

/// The run of an answer, found by its event.
fn run_of(bench: &Bench, answer: &omega_gateway::Answer) -> omega_contract::RunId {
    let event = bench.gateway.admin().event(answer.event_index).unwrap();
    run(&event.run_id)
}
