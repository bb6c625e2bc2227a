//! Each error code that the library can give at this stage, provoked through its API, with the event that
//! must record it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use omega_broker::{ArtifactLabel, DatasetForm};
use omega_contract::manifest::{MANIFEST_FILE, SIGNATURE_FILE};
use omega_contract::payload::BinaryRefPayload;
use omega_contract::plugin_info::PluginStatus;
use omega_contract::{
    ErrorCode, EventKind, Payload, PipelinePolicy, PipelineStrategy, PluginRequest, RequestPolicy, Sha256Hex, Status,
    Timestamp,
};
use omega_gateway::{
    Gateway, Home, OpenOptions, OperatorKey, PackageFiles, Page, PluginFilter, package_source, request,
};
use serde_json::json;

use crate::harness::{Bench, edit, id, package, run, signed};

type Files = BTreeMap<String, Arc<[u8]>>;

/// Provoked by [`packages_that_are_not_admitted`].
const ADMISSION: &[ErrorCode] = &[
    ErrorCode::ManifestInvalid,
    ErrorCode::SchemaInvalid,
    ErrorCode::SignatureMissing,
    ErrorCode::SignatureInvalid,
    ErrorCode::KeyUntrusted,
    ErrorCode::PackageDigestMismatch,
    ErrorCode::ApiVersionIncompatible,
    ErrorCode::CapabilityForbidden,
    ErrorCode::ImportForbidden,
    ErrorCode::ComponentInvalid,
    ErrorCode::VersionConflict,
];
/// Provoked by [`refusals_before_anything_runs`].
const REFUSALS: &[ErrorCode] = &[
    ErrorCode::PluginUnknown,
    ErrorCode::PluginNotEnabled,
    ErrorCode::PluginRejected,
    ErrorCode::RequestInvalid,
    ErrorCode::PayloadKindRefused,
    ErrorCode::PayloadSchemaMismatch,
    ErrorCode::DeterminismRequired,
    ErrorCode::DuplicateRequest,
    ErrorCode::ArtifactUnknown,
    ErrorCode::ArtifactHashMismatch,
];
/// Provoked by the other tests of this module.
const HERE: &[ErrorCode] = &[
    ErrorCode::PayloadTooLarge,
    ErrorCode::Overloaded,
    ErrorCode::CircuitOpen,
    ErrorCode::CpuLimit,
    ErrorCode::PipelineInvalid,
    ErrorCode::PackageInvalid,
    ErrorCode::DatasetInvalid,
    ErrorCode::KeyInvalid,
    ErrorCode::RunUnknown,
    ErrorCode::NotFound,
    ErrorCode::HomeMissing,
    ErrorCode::HomeLocked,
    ErrorCode::HomeInvalid,
    ErrorCode::ConfigInvalid,
    ErrorCode::Io,
];
/// Provoked by other modules of this binary.
const BESIDE: &[(ErrorCode, &str)] = &[
    (ErrorCode::CapabilityDenied, "invariants: inv_pnp_06_capabilities"),
    (ErrorCode::Timeout, "hostile: spin, sleeper"),
    (ErrorCode::MemoryLimit, "hostile: memory-bomb"),
    (ErrorCode::PluginTrap, "hostile: trap"),
    (ErrorCode::PluginError, "hostile: exit"),
    (ErrorCode::PluginDeclined, "hostile: decliner"),
    (ErrorCode::OutputNotJson, "hostile: not-json"),
    (ErrorCode::OutputSchemaMismatch, "hostile: wrong-schema"),
    (ErrorCode::OutputTooLarge, "hostile: too-large"),
    (ErrorCode::DisclosureInvalid, "disclosure"),
    (ErrorCode::EvidenceForgotten, "disclosure"),
    (ErrorCode::Interrupted, "t8_fail_closed"),
    (ErrorCode::LaneUnavailable, "t8_fail_closed"),
    (ErrorCode::LedgerUnavailable, "t8_fail_closed"),
    (ErrorCode::LedgerCorrupt, "t7_ledger_integrity"),
    (ErrorCode::ProofInvalid, "t7_ledger_integrity, t8_fail_closed"),
    (ErrorCode::LockInvalid, "environments"),
    (ErrorCode::ConformanceMissing, "conformance::required"),
    (ErrorCode::ConformanceInvalid, "conformance::required"),
    (ErrorCode::PluginCrash, "omega-cli: worker::how_a_program_ends_is_told_apart"),
    (ErrorCode::ProgramInvalid, "omega-cli: worker::what_cannot_be_imported_is_refused_when_it_is_enabled"),
    (ErrorCode::EnvironmentMissing, "environments"),
    (ErrorCode::EnvironmentUnbuildable, "environments"),
    (ErrorCode::EnvironmentChanged, "environments"),
    (ErrorCode::TokenInvalid, "tokens"),
    (ErrorCode::TokenUnknown, "tokens"),
    (ErrorCode::WitnessUnknown, "log"),
    (ErrorCode::EventsArchived, "log"),
    (ErrorCode::WitnessUnavailable, "log"),
    // The wasm lane enforces determinism, so no guest can differ there: a unit test of `enable` lets a
    // scripted lane do it.
    (ErrorCode::Nondeterministic, "src/enable.rs"),
];
/// The library has no door of its own: provoked by the tests of the server.
const DOORS: &[ErrorCode] = &[
    ErrorCode::TokenMissing,
    ErrorCode::ScopeDenied,
    ErrorCode::HostRefused,
    ErrorCode::OriginRefused,
    ErrorCode::ListenUnsafe,
    ErrorCode::ServerStopping,
    ErrorCode::ServerMismatch,
    ErrorCode::ServerUnreachable,
];
#[test]
fn every_code_has_its_place() {
    let beside = BESIDE.iter().map(|(code, _)| *code);
    let lists = [ADMISSION, REFUSALS, HERE, DOORS];
    let mut placed: Vec<ErrorCode> = lists.into_iter().flatten().copied().chain(beside).collect();
    placed.sort_unstable();
    let mut all = ErrorCode::ALL.to_vec();
    all.sort_unstable();
    assert_eq!(placed, all);
}

/// A package with one fault for each code of admission, and the code that it must give.
fn faulty_packages(bench: &Bench) -> Vec<(ErrorCode, PackageFiles)> {
    let key = bench.key();
    let hello = package("examples/hello");
    let with = |change: &dyn Fn(&mut Files)| {
        let mut files = hello.clone();
        change(&mut files);
        files
    };
    let manifest = |change: fn(&mut serde_json::Value)| with(&|files| edit(files, change));
    let unsigned = |files: Files| PackageFiles::new(files).unwrap();
    let sign = |files: Files| signed(&files, &key);
    let untouched: Files = signed(&hello, &key).iter().map(|(path, bytes)| (path.to_owned(), bytes.clone())).collect();
    let after_signing = |path: &str, bytes: &[u8]| {
        let mut files = untouched.clone();
        files.insert(path.to_owned(), Arc::from(bytes));
        files
    };
    let envelope = String::from_utf8(untouched[SIGNATURE_FILE].to_vec()).unwrap();
    let at = envelope.find("\"sig\"").unwrap() + 9;
    let other = if envelope.as_bytes()[at] == b'A' { "B" } else { "A" };
    let forged = format!("{}{other}{}", &envelope[..at], &envelope[at + 1..]);
    let schema = hello.keys().find(|path| path.starts_with("schemas/inputs/")).unwrap().clone();
    vec![
        (ErrorCode::ManifestInvalid, unsigned(manifest(|manifest| manifest["name"] = "".into()))),
        (
            ErrorCode::SchemaInvalid,
            sign(with(&|files| {
                files.insert(schema.clone(), Arc::from(br#"{"$ref":"https://example.org/x.json"}"#.as_slice()));
            })),
        ),
        (ErrorCode::SignatureMissing, unsigned(with(&|files| drop(files.remove(SIGNATURE_FILE))))),
        (ErrorCode::SignatureInvalid, unsigned(after_signing(SIGNATURE_FILE, forged.as_bytes()))),
        (ErrorCode::KeyUntrusted, signed(&hello, &OperatorKey::generate().unwrap())),
        (ErrorCode::PackageDigestMismatch, unsigned(after_signing("plugin.wasm", b"another program"))),
        (ErrorCode::ApiVersionIncompatible, sign(manifest(|m| m["supported_omega_api_versions"] = "^2".into()))),
        (ErrorCode::CapabilityForbidden, unsigned(manifest(|m| m["capabilities"] = json!(["network_access"])))),
        (ErrorCode::ImportForbidden, sign(package("hostile/socket-probe"))),
        (
            ErrorCode::ComponentInvalid,
            sign(with(&|files| {
                files.insert("plugin.wasm".into(), Arc::from(b"\0asm no component".as_slice()));
            })),
        ),
        (
            ErrorCode::VersionConflict,
            sign(with(&|files| {
                files.insert("README.md".into(), Arc::from(b"another text".as_slice()));
            })),
        ),
    ]
}

/// Refused, journalled, kept as rejected, and never enabled; the id stays free.
#[tokio::test(flavor = "multi_thread")]
async fn packages_that_are_not_admitted() {
    let bench = Bench::new().await;
    bench.register(&package("examples/hello")).await.unwrap();
    let cases = faulty_packages(&bench);
    assert_eq!(cases.iter().map(|(code, _)| *code).collect::<Vec<_>>(), ADMISSION);
    for (code, files) in cases {
        let error = bench.gateway.register_plugin(files).await.unwrap_err();
        assert_eq!(error.code, code, "{}", error.message);
        assert!(error.report.is_some_and(|report| !report.valid), "{code}");
        let event = bench.event(error.event_index.unwrap());
        assert_eq!((event.kind, event.run_id.as_str()), (EventKind::Reject, "system"), "{code}");
        assert!(event.meta.values().any(|value| value.contains(code.as_str())), "{code}: {:?}", event.meta);
    }
    let filter = |status| PluginFilter { status: Some(status), ..PluginFilter::default() };
    let of = |status| bench.gateway.list_plugins(&filter(status), &Page::first(100)).unwrap();
    // Three of them are `hello` itself, badly signed: the same content, so the same digest, which is known.
    assert_eq!(of(PluginStatus::Rejected).len(), ADMISSION.len() - 3);
    assert_eq!(of(PluginStatus::Registered).len(), 1, "hello, as it was");
    assert!(of(PluginStatus::Rejected).iter().all(|info| !info.signature_valid));
    let bench = bench.reopened().await;
    let error = bench.gateway.enable_plugin(&id("hostile-socket-probe"), None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::PluginRejected);
}

fn strict(mut asked: PluginRequest) -> PluginRequest {
    asked.policy = Some(RequestPolicy { deterministic_only: true, timeout_ms: 1_000, max_retries: 0 });
    asked
}

fn reference(artifact_id: &str, artifact_hash: Sha256Hex) -> PluginRequest {
    let mime_type = "text/csv".to_owned();
    request(Payload::BinaryRef(BinaryRefPayload { artifact_id: artifact_id.into(), artifact_hash, mime_type }))
}

/// Each is one REJECT without INVOKE, and the answer says the same.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_before_anything_runs() {
    let mut bench = Bench::new().await;
    bench.register(&package("examples/headline")).await.unwrap();
    bench.register(&package("hostile/socket-probe")).await.unwrap_err();
    for name in ["examples/csv-profile", "examples/json-redact", "hostile/decliner", "examples/hello"] {
        bench.install(name).await;
    }
    let held = bench.gateway.admin().artifacts().put_bytes(b"a,b\n1,2\n", &ArtifactLabel::default()).unwrap();
    let used = request(Payload::text("a"));
    bench.invoke(&id("hello"), used.clone()).await;
    let mut crowded = request(Payload::text("a"));
    crowded.context =
        (0..=omega_contract::limits::CONTEXT_ENTRIES_MAX).map(|n| (n.to_string(), String::new())).collect();
    let json_of_no_schema = request(Payload::json(serde_json::Map::new(), "of-nobody").unwrap());
    let cases = [
        (ErrorCode::PluginUnknown, "nobody", request(Payload::text("a"))),
        (ErrorCode::PluginNotEnabled, "headline", request(Payload::text("a"))),
        (ErrorCode::PluginRejected, "hostile-socket-probe", request(Payload::text("a"))),
        (ErrorCode::RequestInvalid, "hello", crowded),
        (ErrorCode::PayloadKindRefused, "hello", json_of_no_schema.clone()),
        (ErrorCode::PayloadSchemaMismatch, "json-redact", json_of_no_schema),
        (ErrorCode::DeterminismRequired, "hostile-decliner", strict(request(Payload::text("a")))),
        (ErrorCode::DuplicateRequest, "hello", used.clone()),
        (ErrorCode::ArtifactUnknown, "csv-profile", reference("nobody-has-this", held.digest)),
        (ErrorCode::ArtifactHashMismatch, "csv-profile", reference(&held.digest.to_string(), Sha256Hex::of(b"other"))),
    ];
    assert_eq!(cases.iter().map(|(code, ..)| *code).collect::<Vec<_>>(), REFUSALS);
    for (code, plugin, asked) in cases {
        let invokes = |bench: &Bench| bench.kinds(&asked.run_id).iter().filter(|k| **k == EventKind::Invoke).count();
        let before = invokes(&bench);
        let answer = bench.invoke(&id(plugin), asked.clone()).await;
        assert_eq!(
            (answer.response.status, answer.reason),
            (Status::Rejected, Some(code)),
            "{}",
            answer.response.notes
        );
        assert!(answer.response.result.is_none() && answer.response.evidence_hashes.output_hash.is_empty());
        let event = bench.event(answer.event_index);
        assert_eq!((event.kind, event.meta["reason"].as_str()), (EventKind::Reject, code.as_str()));
        assert_eq!((event.request_id.as_str(), event.event_hash), (asked.request_id.as_str(), answer.event_hash));
        assert_eq!(invokes(&bench), before, "{code}: nothing ran");
    }
    // A restart forgets nothing of what was used.
    bench = bench.reopened().await;
    assert_eq!(bench.invoke(&id("hello"), used).await.reason, Some(ErrorCode::DuplicateRequest));
}

/// At the limit, and one past it: the plugin's, then the gateway's.
#[tokio::test(flavor = "multi_thread")]
async fn payload_too_large_at_the_limit_and_one_past_it() {
    let envelope = omega_contract::canonical_bytes(&Payload::text("")).unwrap().len();
    for (toml, bytes_max) in [(String::new(), 65_536_usize), ("[ceilings]\npayload_bytes_max = 4096".into(), 4_096)] {
        let bench = Bench::with_config(&toml).await;
        let mut files = package("examples/hello");
        edit(&mut files, |manifest| manifest["io"]["inputs"][0]["limits"]["max_bytes"] = json!(65_536));
        edit(&mut files, |manifest| manifest["io"]["outputs"][0]["limits"]["max_bytes"] = json!(1 << 20));
        files.retain(|path, _| !path.starts_with("examples/"));
        for path in files.keys().filter(|path| path.starts_with("schemas/")).cloned().collect::<Vec<_>>() {
            files.insert(path, Arc::from(br#"{"type":"object"}"#.as_slice()));
        }
        let hello = bench.install_files(&files).await;
        let at_limit = "x".repeat(bytes_max - envelope);
        let answer = bench.text(&hello, &at_limit).await;
        assert_ne!(answer.reason, Some(ErrorCode::PayloadTooLarge), "{}", answer.response.notes);
        let past = bench.text(&hello, &format!("{at_limit}x")).await;
        assert_eq!((past.response.status, past.reason), (Status::Rejected, Some(ErrorCode::PayloadTooLarge)));
        assert_eq!(bench.event(past.event_index).meta["reason"], "payload_too_large");
    }
}

/// One runs, one waits in vain, one more does not fit.
#[tokio::test(flavor = "multi_thread")]
async fn overloaded_when_the_queue_is_full_and_when_the_wait_is_in_vain() {
    let bench = Bench::with_config("[quotas]\ncalls_max = 1\nqueue_max = 1\nqueue_wait_ms_max = 20").await;
    let mut files = package("hostile/sleeper");
    edit(&mut files, |manifest| manifest["limits"]["max_concurrency"] = json!(1));
    let sleeper = bench.install_files(&files).await;
    bench.text(&sleeper, "go").await;
    let answers = futures_util::future::join_all((0..3).map(|_| bench.text(&sleeper, "go"))).await;
    let reasons: BTreeSet<_> = answers.iter().map(|answer| answer.reason.map(ErrorCode::as_str)).collect();
    assert_eq!(reasons, [Some("overloaded"), Some("timeout")].into());
    let notes: Vec<_> = answers.iter().filter(|a| a.reason == Some(ErrorCode::Overloaded)).collect();
    assert_eq!(notes.len(), 2);
    assert!(notes.iter().any(|answer| answer.response.notes.contains("wait already")));
    assert!(notes.iter().any(|answer| answer.response.notes.contains("no place became free")));
    assert!(notes.iter().all(|answer| bench.event(answer.event_index).meta["reason"] == "overloaded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn circuit_open_after_as_many_failures_as_configured() {
    let bench = Bench::with_config("[breaker]\nfailures = 2\ncooldown_ms = 300").await;
    let trap = bench.install("hostile/trap").await;
    for expect in [ErrorCode::PluginTrap, ErrorCode::PluginTrap, ErrorCode::CircuitOpen] {
        assert_eq!(bench.text(&trap, "go").await.reason, Some(expect));
    }
    tokio::time::sleep(std::time::Duration::from_millis(350)).await;
    assert_eq!(bench.text(&trap, "go").await.reason, Some(ErrorCode::PluginTrap), "the trial");
    let open = bench.text(&trap, "go").await;
    assert_eq!((open.response.status, open.reason), (Status::Rejected, Some(ErrorCode::CircuitOpen)));
    assert_eq!(bench.event(open.event_index).kind, EventKind::Reject);
}

#[tokio::test(flavor = "multi_thread")]
async fn cpu_limit_by_fuel() {
    let bench = Bench::with_config("[wasm]\nfuel_max = 20000").await;
    let mut files = package("hostile/spin");
    // Time enough, so that it is the fuel that ends.
    edit(&mut files, |manifest| manifest["limits"]["max_ms"] = json!(30_000));
    let spin = bench.install_files(&files).await;
    let answer = bench.text(&spin, "go").await;
    assert_eq!((answer.response.status, answer.reason), (Status::Error, Some(ErrorCode::CpuLimit)));
    let event = bench.event(answer.event_index);
    assert_eq!((event.kind, event.meta["reason"].as_str()), (EventKind::Error, "cpu_limit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pipeline_invalid_is_journalled() {
    let bench = Bench::new().await;
    let policy = PipelinePolicy {
        strategy: PipelineStrategy::FanOut,
        plugin_ids: Vec::new(),
        timeout_ms: 1_000,
        stop_on_failure: false,
    };
    let error = bench.gateway.invoke_pipeline(&policy, request(Payload::text("a"))).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::PipelineInvalid);
    assert_eq!(bench.event(error.event_index.unwrap()).meta["reason"], "pipeline_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_asks_for_in_vain() {
    let bench = Bench::new().await;
    let admin = bench.gateway.admin();
    let error = admin.trust_key("no key", "label", Vec::new(), None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::KeyInvalid);
    let error = admin.event(1_000_000).unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    let error = bench.gateway.export_proof(&run("nobody-ran-this")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::RunUnknown);
    let added = admin.datasets().add(
        &"people".parse().unwrap(),
        b"{\"id\":1}\n{\"id\":1}\n".as_slice(),
        DatasetForm::Ndjson,
        "id",
    );
    assert_eq!(added.unwrap_err().code(), ErrorCode::DatasetInvalid);
}

#[cfg(unix)]
#[test]
fn package_invalid_for_a_link_and_io_for_what_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(MANIFEST_FILE), "{}").unwrap();
    package_source::read(folder.path()).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
    assert_eq!(package_source::read(folder.path()).unwrap_err().code, ErrorCode::PackageInvalid);
    assert_eq!(package_source::read(&folder.path().join("nowhere")).unwrap_err().code, ErrorCode::Io);
}

#[tokio::test(flavor = "multi_thread")]
async fn homes_that_cannot_be_opened() {
    let bench = Bench::new().await;
    let open = |home: Home| async move { Gateway::open(&home, OpenOptions::default()).await.err().unwrap() };
    assert_eq!(open(bench.home.clone()).await.code, ErrorCode::HomeLocked);
    assert_eq!(Home::open(&bench.beside("nowhere")).unwrap_err().code(), ErrorCode::HomeMissing);
    assert_eq!(Home::init(bench.home.path(), Timestamp::EPOCH).unwrap_err().code(), ErrorCode::HomeInvalid);
    let other = Home::init(&bench.beside("other"), Timestamp::EPOCH).unwrap();
    std::fs::write(other.path().join("omega.toml"), "durabilty = 'batch'").unwrap();
    let error = open(other.clone()).await;
    assert_eq!(error.code, ErrorCode::ConfigInvalid);
    assert!(error.message.contains("durability"), "{}", error.message);
    assert!(!other.ledger_dir().exists(), "a broken configuration is never half used");
}
