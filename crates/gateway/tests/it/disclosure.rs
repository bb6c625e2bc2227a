//! Redacted values: disclosed by who holds the salt, forgotten for ever by who deletes it (spec page 2, "Hashes").

use std::path::PathBuf;

use omega_contract::commitment::Commitment;
use omega_contract::{
    ErrorCode, EventKind, Payload, PipelinePolicy, PipelineStrategy, PluginRequest, RequestId, RunId, Status,
    canonical_bytes,
};
use omega_gateway::{Alleged, Committed, Gateway, GatewayError, HomeReader, OpenOptions, SaltState, request};
use omega_proof::disclosure::{Checked, Disclosure, Part, check_disclosure};
use serde_json::{Value, json};

use crate::harness::{Bench, edit, id, package, run};

fn asked(run_id: &str, request_id: &str, payload: Payload) -> PluginRequest {
    PluginRequest { run_id: run(run_id), request_id: request_id.parse().unwrap(), ..request(payload) }
}

fn request_id(text: &str) -> RequestId {
    text.parse().unwrap()
}

/// `hello`, which keeps nothing of what it is told, at this log level.
async fn bench_with(log_level: &str) -> Bench {
    let bench = Bench::new().await;
    let mut files = package("examples/hello");
    edit(&mut files, |manifest| {
        manifest["evidence"] = json!({"log_level": log_level, "redactions": ["/content", "/metadata/mail", "/none"]});
    });
    bench.install_files(&files).await;
    bench
}

fn letter() -> Payload {
    let mut payload = Payload::text("Ada");
    if let Payload::Text(text) = &mut payload {
        text.metadata.insert("mail".into(), "ada@example.org".into());
    }
    payload
}

fn reader(bench: &Bench) -> HomeReader {
    HomeReader::open(&bench.home).unwrap()
}

fn committed(reader: &HomeReader, part: Part) -> Committed {
    let all = reader.committed(Some(&run("r")), &request_id("q")).unwrap();
    all.into_iter().find(|one| one.part == part).unwrap()
}

/// What the file says to somebody who has nothing but it and a proof.
async fn outsider(gateway: &Gateway, disclosure: &Disclosure) -> Checked {
    let checked = check_disclosure(&canonical_bytes(disclosure).unwrap()).unwrap();
    let proof = gateway.export_proof(&disclosure.run_id).await.unwrap();
    checked.is_in(&proof.events).unwrap();
    checked
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_and_given_is_disclosed_by_the_whole_of_it() {
    for log_level in ["summary", "full"] {
        let bench = bench_with(log_level).await;
        let answer = bench.invoke(&id("hello"), asked("r", "q", letter())).await;
        assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
        let reader = reader(&bench);
        for (part, payload) in [(Part::Payload, letter()), (Part::Result, answer.response.result.clone().unwrap())] {
            let one = committed(&reader, part);
            assert_eq!((one.salt, one.document.is_some()), (SaltState::Kept, log_level == "full"));
            let disclosure = reader.disclose(&one, Alleged::Whole(payload.clone())).unwrap();
            let checked = outsider(&bench.gateway, &disclosure).await;
            assert_eq!(checked.undisclosed, 0);
            let content = serde_json::to_value(&payload).unwrap()["content"].clone();
            assert_eq!((disclosure.fields[0].pointer.as_str(), &disclosure.fields[0].value), ("/content", &content));
            let error = reader.disclose(&one, Alleged::Whole(Payload::text("Eve"))).unwrap_err();
            assert_eq!(error.code, ErrorCode::DisclosureInvalid);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn single_values_are_disclosed_where_the_redacted_form_was_kept() {
    let bench = bench_with("full").await;
    bench.invoke(&id("hello"), asked("r", "q", letter())).await;
    let reader = reader(&bench);
    let one = committed(&reader, Part::Payload);
    let pointers: Vec<&str> = one.commitments().into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(pointers, ["/content", "/metadata/mail"]);
    let by_field =
        |pointer: &str, value: Value| reader.disclose(&one, Alleged::Fields(vec![(pointer.to_owned(), value)]));
    let disclosure = by_field("/metadata/mail", json!("ada@example.org")).unwrap();
    assert_eq!(outsider(&bench.gateway, &disclosure).await.undisclosed, 1);
    assert!(!serde_json::to_string(&disclosure).unwrap().contains("\"Ada\""), "the other value is not in it");
    for (pointer, value) in
        [("/metadata/mail", json!("eve@example.org")), ("/kind", json!("text")), ("/none", json!(1)), ("", json!(1))]
    {
        assert_eq!(by_field(pointer, value).unwrap_err().code, ErrorCode::DisclosureInvalid, "{pointer}");
    }

    let bench = bench_with("summary").await;
    bench.invoke(&id("hello"), asked("r", "q", letter())).await;
    let reader = self::reader(&bench);
    let one = committed(&reader, Part::Payload);
    let error = reader.disclose(&one, Alleged::Fields(vec![("/content".into(), json!("Ada"))])).unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}

fn salt_files(bench: &Bench) -> Vec<PathBuf> {
    std::fs::read_dir(bench.home.salts_dir()).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The salt is gone from the disk, the decision is in the ledger with who made it, and nothing discloses any more: not
/// with the true values, not after the registry was made anew, not with a salt that came back from a backup.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_is_gone_for_everybody() {
    let bench = bench_with("full").await;
    for name in ["q", "other"] {
        bench.invoke(&id("hello"), asked("r", name, letter())).await;
    }
    let admin = bench.gateway.admin();
    let before = salt_files(&bench);
    let report = admin.forget_evidence(Some(&run("r")), &request_id("q")).await.unwrap();
    assert!(report.is_new);
    let left = salt_files(&bench);
    assert_eq!(left.len(), before.len() - 1, "and no other");
    let gone = before.into_iter().find(|path| !left.contains(path)).unwrap();
    let decision = bench.event(report.event_index);
    assert_eq!((decision.kind, decision.run_id.as_str()), (EventKind::Policy, "system"));
    assert_eq!((decision.meta["action"].as_str(), decision.meta["actor"].as_str()), ("forget_evidence", "tester"));
    assert_eq!((decision.meta["of_run"].as_str(), decision.meta["of_request"].as_str()), ("r", "q"));

    let refused = |bench: &Bench| {
        let reader = reader(bench);
        let one = committed(&reader, Part::Payload);
        assert_eq!(one.salt, SaltState::Forgotten { event_index: report.event_index });
        let error = reader.disclose(&one, Alleged::Whole(letter())).unwrap_err();
        assert_eq!((error.code, error.event_index), (ErrorCode::EvidenceForgotten, Some(report.event_index)));
    };
    refused(&bench);
    let events = || bench.events(&RunId::system()).len();
    let count = events();
    let again = admin.forget_evidence(None, &request_id("q")).await.unwrap();
    assert_eq!((again.is_new, again.event_index, events()), (false, report.event_index, count));

    // A salt that comes back does not bring the value back, and goes when it is forgotten again.
    std::fs::write(&gone, [7; 32]).unwrap();
    refused(&bench);
    admin.forget_evidence(Some(&run("r")), &request_id("q")).await.unwrap();
    assert!(!gone.exists());
    std::fs::write(&gone, [7; 32]).unwrap();
    admin.rebuild_registry().await.unwrap();
    assert!(!gone.exists(), "whoever reads the decisions again carries them out again");

    // As a crash between the decision and the deletion leaves it.
    std::fs::write(&gone, [7; 32]).unwrap();
    drop(admin);
    let (home, _folder) = bench.closed();
    std::fs::remove_file(home.registry_file()).unwrap();
    drop(Gateway::open(&home, OpenOptions::default()).await.unwrap());
    assert!(!gone.exists());
    let proof = Gateway::open(&home, OpenOptions::default()).await.unwrap().export_proof(&run("r")).await.unwrap();
    let keys = [home.log_verifier_key().unwrap()];
    let bytes = canonical_bytes(&proof).unwrap();
    assert!(omega_proof::bundle::verify_bundle(&bytes, &keys, &[]).is_ok(), "proofs stay whole");
}

/// A salt that cannot be deleted: the decision stands, and nothing is served as if it did not.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_salt_that_cannot_be_deleted_stops_the_gateway() {
    let bench = bench_with("full").await;
    bench.invoke(&id("hello"), asked("r", "q", letter())).await;
    let salt = salt_files(&bench).pop().unwrap();
    // A folder of that name cannot be removed as a file, whoever tries.
    let names: Vec<PathBuf> = salt_files(&bench);
    for name in &names {
        std::fs::remove_file(name).unwrap();
        std::fs::create_dir(name).unwrap();
    }
    let error = bench.gateway.admin().forget_evidence(Some(&run("r")), &request_id("q")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Io, "{error}");
    let refused = bench.text(&id("hello"), "Ada").await;
    assert_eq!((refused.response.status, refused.reason), (Status::Rejected, Some(ErrorCode::Io)));
    for name in names {
        std::fs::remove_dir(name).unwrap();
    }
    assert!(!salt.exists());
    assert_eq!(bench.text(&id("hello"), "Ada").await.response.status, Status::Ok);
    assert!(!bench.gateway.admin().forget_evidence(Some(&run("r")), &request_id("q")).await.unwrap().is_new);
}

/// Each step of a pipeline has a salt of its own; forgetting the request forgets all.
#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_a_request_is_forgotten() {
    let bench = bench_with("full").await;
    let policy = PipelinePolicy {
        strategy: PipelineStrategy::Sequential,
        plugin_ids: vec![id("hello"), id("hello")],
        timeout_ms: 10_000,
        stop_on_failure: true,
    };
    bench.gateway.invoke_pipeline(&policy, asked("r", "q", letter())).await.unwrap();
    let all = reader(&bench).committed(None, &request_id("q")).unwrap();
    let found: Vec<_> = all.iter().map(|one| (one.step, one.part)).collect();
    assert_eq!(found, [(0, Part::Payload), (0, Part::Result), (1, Part::Payload), (1, Part::Result)]);
    let content = |one: &Committed| Commitment::of_value(&one.document.as_ref().unwrap()["content"]).unwrap();
    assert_ne!(content(&all[0]), content(&all[2]), "the same payload, another salt");
    let report = bench.gateway.admin().forget_evidence(None, &request_id("q")).await.unwrap();
    assert_eq!(report.steps, [0, 1]);
    let forgotten = reader(&bench).committed(None, &request_id("q")).unwrap();
    assert!(forgotten.iter().all(|one| matches!(one.salt, SaltState::Forgotten { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_refused() {
    let bench = bench_with("summary").await;
    let stats = bench.install("examples/text-stats").await;
    for run_id in ["r", "s"] {
        bench.invoke(&id("hello"), asked(run_id, "q", letter())).await;
    }
    bench.invoke(&stats, asked("r", "open", Payload::text("a b"))).await;
    let admin = bench.gateway.admin();
    let reader = reader(&bench);
    let code = |error: GatewayError| error.code;
    for (run_id, name, expect) in [
        (None, "q", ErrorCode::RequestInvalid),
        (None, "nobody", ErrorCode::NotFound),
        (Some("nowhere"), "q", ErrorCode::NotFound),
        (Some("r"), "open", ErrorCode::NotFound),
    ] {
        let run_id = run_id.map(run);
        let name = request_id(name);
        assert_eq!(code(reader.committed(run_id.as_ref(), &name).unwrap_err()), expect, "{name}");
        assert_eq!(code(admin.forget_evidence(run_id.as_ref(), &name).await.unwrap_err()), expect, "{name}");
    }
    drop(admin);
    let (home, _folder) = bench.closed();
    for entry in std::fs::read_dir(home.salts_dir()).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let reader = HomeReader::open(&home).unwrap();
    let one = committed(&reader, Part::Payload);
    assert_eq!(one.salt, SaltState::Missing, "nobody decided so");
    assert_eq!(code(reader.disclose(&one, Alleged::Whole(letter())).unwrap_err()), ErrorCode::NotFound);
}

/// A call under way could still commit with the salt that it holds in memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_not_forgotten() {
    let bench = Bench::new().await;
    let mut files = package("hostile/sleeper");
    files.retain(|path, _| !path.starts_with("examples/"));
    edit(&mut files, |manifest| manifest["evidence"]["redactions"] = json!(["/content"]));
    let sleeper = bench.install_files(&files).await;
    let gateway = bench.gateway.clone();
    let call = tokio::spawn(async move { gateway.invoke(&sleeper, asked("r", "q", Payload::text("go"))).await });
    while bench.kinds(&run("r")).is_empty() {
        tokio::task::yield_now().await;
    }
    let error = bench.gateway.admin().forget_evidence(None, &request_id("q")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::RequestInvalid, "{error}");
    call.abort();
    assert!(call.await.is_err());
    assert!(bench.gateway.admin().forget_evidence(None, &request_id("q")).await.unwrap().is_new);
}
