//! Replay: what ran runs again, and the results are compared (spec page 3, "Replay").

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use omega_broker::{ArtifactLabel, DatasetForm};
use omega_contract::payload::{BinaryRefPayload, DatasetSlicePayload};
use omega_contract::{
    Capability, ErrorCode, Event, EventDraft, EventKind, Payload, PipelinePolicy, PipelineStrategy, PluginRequest,
    Recorder as _, RunId, Sha256Hex, Status,
};
use omega_gateway::{Gateway, OpenOptions, ReplayReport, ReplayVerdict, ReplayedCall, SystemClock, WhyNot, request};
use omega_ledger::{Ledger, LedgerOptions};
use serde_json::json;

use crate::harness::{Bench, edit, id, package, run};

fn asked(run_id: &str, request_id: &str, payload: Payload) -> PluginRequest {
    PluginRequest { run_id: run(run_id), request_id: request_id.parse().unwrap(), ..request(payload) }
}

async fn replayed(gateway: &Gateway, run_id: &str) -> (ReplayReport, Vec<ReplayedCall>) {
    let mut calls = Vec::new();
    let report = gateway.admin().replay(&run(run_id), |call| calls.push(call.clone())).await.unwrap();
    (report, calls)
}

/// The verdict of a run's only call, as its word, or the word of why not.
async fn verdict(gateway: &Gateway, run_id: &str) -> String {
    let (report, calls) = replayed(gateway, run_id).await;
    assert_eq!(calls.len(), 1, "{report:?}");
    match &calls[0].verdict {
        ReplayVerdict::NotReplayable(why) => match why {
            WhyNot::Package { code, .. } => format!("package {code}"),
            WhyNot::Artifact { part, code, .. } => format!("artifact {part} {code}"),
            WhyNot::Reference { part, code, .. } => format!("reference {part} {code}"),
            WhyNot::NotStored { log_level } => format!("not_stored {log_level}"),
            why => why.as_str().to_owned(),
        },
        verdict => verdict.as_str().to_owned(),
    }
}

const SALES: &[u8] = b"region,amount\nnorth,1\nsouth,2.5\nnorth,\n";
const ROWS: &[u8] = b"{\"id\":\"a\",\"n\":1}\n{\"id\":\"b\",\"n\":2}\n{\"id\":\"c\",\"n\":3}\n";

fn put_sales(gateway: &Gateway) -> Payload {
    let artifact = gateway.admin().artifacts().put_bytes(SALES, &ArtifactLabel::default()).unwrap();
    Payload::BinaryRef(BinaryRefPayload {
        artifact_id: artifact.digest.to_string(),
        artifact_hash: artifact.digest,
        mime_type: "text/csv".into(),
    })
}

fn add_rows(gateway: &Gateway) -> Payload {
    gateway.admin().datasets().add(&"rows".parse().unwrap(), ROWS, DatasetForm::Ndjson, "id").unwrap();
    Payload::DatasetSlice(DatasetSlicePayload {
        slice_ids: vec!["a".into(), "c".into()],
        source: "rows".into(),
        filters: BTreeMap::new(),
    })
}

const CALLS: usize = 1_000;

/// Every deterministic example but the one that redacts, over text, files, rows and a pipeline, after a restart: each
/// call gives the same, and the replay is a run of its own that says what it repeats.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_calls_of_the_examples_are_the_same() {
    let bench = Bench::new().await;
    for name in ["examples/hello", "examples/text-stats", "examples/csv-profile", "examples/slice-summary"] {
        bench.install(name).await;
    }
    let (sales, rows) = (put_sales(&bench.gateway), add_rows(&bench.gateway));
    let policy = PipelinePolicy {
        strategy: PipelineStrategy::Chain,
        plugin_ids: vec![id("hello"), id("text-stats")],
        timeout_ms: 10_000,
        stop_on_failure: true,
    };
    let piped = bench.gateway.invoke_pipeline(&policy, asked("r", "piped", Payload::text("Ada"))).await.unwrap();
    assert_eq!(piped.response.overall_status, Status::Ok);
    let text = |n: usize| Payload::text(format!("Reader {n} of {CALLS}. Each one is greeted; none is counted twice!"));
    for batch in (0..CALLS - 2).collect::<Vec<_>>().chunks(8) {
        let calls = batch.iter().map(|n| {
            let (plugin, payload) = match n % 4 {
                0 => ("hello", text(*n)),
                1 => ("text-stats", text(*n)),
                2 => ("csv-profile", sales.clone()),
                _ => ("slice-summary", rows.clone()),
            };
            let (gateway, request) = (bench.gateway.clone(), asked("r", &format!("q{n}"), payload));
            async move { gateway.invoke(&id(plugin), request).await.unwrap() }
        });
        for answer in join_all(calls).await {
            assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
        }
    }
    let refused = bench.invoke(&id("hello"), asked("r", "q0", text(0))).await;
    assert_eq!(refused.reason, Some(ErrorCode::DuplicateRequest));

    let bench = bench.reopened().await;
    let before = (bench.events(&run("r")), bench.events(&RunId::system()));
    let (report, calls) = replayed(&bench.gateway, "r").await;
    let counts = (report.same, report.different, report.not_replayable, report.without_result);
    assert_eq!(counts, (CALLS as u64, 0, 0, 1));
    assert!(calls.iter().all(|call| call.assurance.as_ref().unwrap().determinism.as_str() == "enforced"));
    assert_eq!((bench.events(&run("r")), bench.events(&RunId::system())), before, "only its own run is written");

    let own = report.replay_run_id.unwrap();
    bench.assert_evidence_whole(&own);
    let events = bench.events(&own);
    let repeated: Vec<&Event> = events.iter().filter(|event| event.kind != EventKind::Broker).collect();
    assert_eq!(repeated.len(), 2 * CALLS);
    let results: BTreeMap<String, &Event> =
        before.0.iter().map(|event| (event.event_hash.to_string(), event)).collect();
    for event in repeated {
        let of = results[&event.meta["replay_of"]];
        assert_eq!((of.kind, event.meta["replay_of_run"].as_str()), (EventKind::Result, "r"));
        assert_eq!(bench.event(event.meta["replay_of_index"].parse().unwrap()).event_hash, of.event_hash);
        assert_eq!(event.input_hash, of.input_hash);
        assert!(event.kind == EventKind::Invoke || event.output_hash == of.output_hash);
    }
}

/// A guest that passes the audit at enabling and still lies: its result depends on the operator's memory limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_lies_about_being_deterministic_is_different() {
    let bench = Bench::new().await;
    let mut files = package("hostile/memory-hoarder");
    edit(&mut files, |manifest| manifest["determinism"]["mode"] = json!("deterministic"));
    let hoarder = bench.install_files(&files).await;
    let answer = bench.invoke(&hoarder, asked("r", "q", Payload::text("go"))).await;
    assert_eq!(answer.response.status, Status::Ok, "it was enabled as deterministic, and answers");
    let (report, _) = replayed(&bench.gateway, "r").await;
    assert_eq!(report.same, 1, "as long as the limit is the same");
    let own = report.replay_run_id.unwrap();
    assert_eq!(verdict(&bench.gateway, own.as_str()).await, "same", "a replay is a run like any other");
    let (home, _folder) = bench.closed();
    std::fs::write(home.path().join("omega.toml"), "[ceilings]\nmemory_bytes_max = 33554432\n").unwrap();
    let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
    let (report, calls) = replayed(&gateway, "r").await;
    assert_eq!((report.same, report.different), (0, 1), "{calls:?}");
    let ReplayVerdict::Different(difference) = &calls[0].verdict else { panic!("{calls:?}") };
    let limit = &difference.limits[0];
    assert_eq!((&*limit.name, limit.recorded, limit.now), ("memory_bytes_max", Some(67_108_864), Some(33_554_432)));
}

/// A history that was made up is as whole as any other, chain and all; but what it claims was never computed.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_was_made_up_is_different() {
    let bench = Bench::new().await;
    let hello = bench.install("examples/hello").await;
    bench.invoke(&hello, asked("r", "q", Payload::text("Ada"))).await;
    let forged = omega_contract::canonical_bytes(&Payload::text("Goodbye, Ada!")).unwrap();
    let artifact = bench.gateway.admin().artifacts().put_bytes(&forged, &ArtifactLabel::default()).unwrap().digest;
    let events = bench.events(&run("r"));
    let (home, _folder) = bench.closed();
    {
        let signer = Arc::new(home.log_signer().unwrap());
        let options = LedgerOptions::new(Arc::new(SystemClock::default()), signer);
        let ledger = Ledger::open(&home.ledger_dir(), options).unwrap();
        for event in &events {
            let mut draft = EventDraft::of_run(event.kind, run("forged"));
            draft.plugin_id = Some(hello.clone());
            draft.request_id = Some("q".parse().unwrap());
            draft.input_hash = event.input_hash.parse().ok();
            draft.meta = event.meta.clone();
            if event.kind == EventKind::Result {
                draft.output_hash = Some(artifact);
                draft = draft.with("result_artifact", artifact.to_string());
            }
            ledger.record(draft).unwrap();
        }
        ledger.close().unwrap();
    }
    let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
    let proof = gateway.export_proof(&run("forged")).await.unwrap();
    let bytes = omega_contract::canonical_bytes(&proof).unwrap();
    let keys = [home.log_verifier_key().unwrap()];
    assert!(omega_proof::bundle::verify_bundle(&bytes, &keys, &[]).is_ok(), "no proof shows it");
    assert_eq!(verdict(&gateway, "forged").await, "different");
    assert_eq!(verdict(&gateway, "r").await, "same");
}

/// What was recorded of a plugin that may not be repeated, or was not kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_kept_or_not_declared_is_not_replayable() {
    let bench = Bench::new().await;
    let kinds: [(&str, &str, &str); 4] = [
        ("summary", "deterministic", "not_stored summary"),
        ("minimal", "deterministic", "not_stored minimal"),
        ("summary", "probabilistic", "not_deterministic"),
        ("full", "probabilistic", "not_deterministic"),
    ];
    for (n, (level, mode, expect)) in kinds.into_iter().enumerate() {
        let mut files = package("examples/hello");
        edit(&mut files, |manifest| {
            manifest["version"] = json!(format!("2.0.{n}"));
            manifest["evidence"]["log_level"] = json!(level);
            manifest["determinism"]["mode"] = json!(mode);
        });
        let hello = bench.install_files(&files).await;
        let run_id = format!("r{n}");
        bench.invoke(&hello, asked(&run_id, "q", Payload::text("Ada"))).await;
        assert_eq!(verdict(&bench.gateway, &run_id).await, expect, "{level} {mode}");
    }
    let redact = bench.install("examples/json-redact").await;
    let data = json!({"mail": "ada@example.org"}).as_object().unwrap().clone();
    let payload = Payload::json(data, "omega:json-redact:input:document:v1.0.0").unwrap();
    let answer = bench.invoke(&redact, asked("redacted", "q", payload)).await;
    assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
    assert_eq!(verdict(&bench.gateway, "redacted").await, "redacted");
    let error = bench.gateway.admin().replay(&run("nothing"), |_| {}).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::RunUnknown);
}

/// The package that ran is the one that is run, whatever became of it since; but not without a trusted signature, its
/// files, or what it may do.
#[tokio::test(flavor = "multi_thread")]
async fn the_package_that_ran_runs_again() {
    let bench = Bench::new().await;
    let admin = bench.gateway.admin();
    let hello = bench.install("examples/hello").await;
    bench.invoke(&hello, asked("r", "q", Payload::text("Ada"))).await;
    let ran = bench.events(&run("r"))[0].meta["package_digest"].clone();

    // Another version, which would answer otherwise: it is made of another plugin's code.
    let mut other = package("hostile/liar");
    edit(&mut other, |manifest| {
        manifest["plugin_id"] = json!("hello");
        manifest["version"] = json!("9.0.0");
    });
    let schemas: Vec<_> = other.keys().filter(|path| path.starts_with("schemas/")).cloned().collect();
    assert!(!schemas.is_empty());
    edit(&mut other, |manifest| {
        for way in ["inputs", "outputs"] {
            let path = schemas.iter().find(|path| path.contains(way)).unwrap();
            manifest["io"][way][0]["schema_ref"] = json!(path);
        }
    });
    bench.install_files(&other).await;
    let now = bench.text(&hello, "Ada").await;
    assert_ne!(bench.event(now.event_index).meta["package_digest"], ran);
    assert_eq!(verdict(&bench.gateway, "r").await, "same", "another version is enabled");
    admin.remove_plugin(&hello, Some(&"1.0.0".parse().unwrap())).await.unwrap();
    let (report, calls) = replayed(&bench.gateway, "r").await;
    assert_eq!(report.same, 1, "its version was removed, its files stay: {calls:?}");
    let events = bench.events(&report.replay_run_id.unwrap());
    assert!(events.iter().all(|event| event.meta["package_digest"] == ran));

    admin.revoke_grant(&hello, 1, Capability::ReadText).await.unwrap();
    assert_eq!(verdict(&bench.gateway, "r").await, "capability");
    let grant = omega_contract::Grant {
        plugin_id: hello.clone(),
        major_version: 1,
        capability: Capability::ReadText,
        params: serde_json::Map::new(),
    };
    admin.grant(grant).await.unwrap();
    assert_eq!(verdict(&bench.gateway, "r").await, "same");

    let inventory = bench.home.store_dir().join("packages").join(format!("{ran}.json"));
    let kept = std::fs::read(&inventory).unwrap();
    std::fs::write(&inventory, "{}").unwrap();
    assert_eq!(verdict(&bench.gateway, "r").await, "package package_digest_mismatch");
    std::fs::remove_file(&inventory).unwrap();
    assert_eq!(verdict(&bench.gateway, "r").await, "package package_digest_mismatch");
    std::fs::write(&inventory, kept).unwrap();
    assert_eq!(verdict(&bench.gateway, "r").await, "same");

    let before = bench.events(&RunId::system()).len();
    admin.revoke_key(&bench.key().public().key_id()).await.unwrap();
    assert_eq!(verdict(&bench.gateway, "r").await, "package key_untrusted");
    assert!(bench.events(&RunId::system()).len() > before);
}

/// A file of the artifact store, changed or gone.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_must_be_what_the_ledger_commits_to() {
    let bench = Bench::new().await;
    let profile = bench.install("examples/csv-profile").await;
    let summary = bench.install("examples/slice-summary").await;
    let (sales, rows) = (put_sales(&bench.gateway), add_rows(&bench.gateway));
    bench.invoke(&profile, asked("file", "q", sales)).await;
    bench.invoke(&summary, asked("rows", "q", rows)).await;
    let events = bench.events(&run("file"));
    let payload = events[0].meta["payload_artifact"].clone();
    let result = events.last().unwrap().meta["result_artifact"].clone();
    let dataset = bench.gateway.admin().datasets().describe("rows").unwrap();
    let referenced = Sha256Hex::of(SALES).to_string();
    let (home, _folder) = bench.closed();
    let artifacts = home.artifacts_dir().join("sha256");
    let rows_file = dataset.digest.to_string();
    let cases = [
        ("file", &payload, "artifact payload"),
        ("file", &result, "artifact result"),
        ("file", &referenced, "reference payload"),
        ("rows", &rows_file, "reference payload"),
    ];
    for (run_id, name, expect) in cases {
        let path = artifacts.join(name);
        let kept = std::fs::read(&path).unwrap();
        let mut changed = kept.clone();
        changed[0] ^= 1;
        for (content, code) in [(Some(changed), "artifact_hash_mismatch"), (None, "artifact_unknown")] {
            match content {
                Some(content) => std::fs::write(&path, content).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            // Another process each time: what was verified once is not hashed again in one.
            let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
            assert_eq!(verdict(&gateway, run_id).await, format!("{expect} {code}"), "{name}");
        }
        std::fs::write(&path, kept).unwrap();
        let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
        assert_eq!(verdict(&gateway, run_id).await, "same", "{name}");
    }

    // The same name, other rows: the payload names a dataset by its name alone.
    let records = home.artifacts_dir().join("datasets");
    for entry in std::fs::read_dir(&records).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
    assert_eq!(verdict(&gateway, "rows").await, "reference payload artifact_unknown");
    let other = b"{\"id\":\"a\",\"n\":100}\n{\"id\":\"c\",\"n\":300}\n".as_slice();
    gateway.admin().datasets().add(&"rows".parse().unwrap(), other, DatasetForm::Ndjson, "id").unwrap();
    assert_eq!(verdict(&gateway, "rows").await, "reference payload artifact_hash_mismatch");
}
