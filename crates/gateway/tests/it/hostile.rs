//! The hostile corpus, guest by guest: what the gateway answers, and that nothing else came of it.
//! The attacks and what is expected are told in `plugins/hostile/README.md`.

use std::collections::BTreeSet;
use std::path::Path;

use omega_broker::ArtifactLabel;
use omega_contract::payload::BinaryRefPayload;
use omega_contract::{ErrorCode, EventKind, Payload, Status};
use omega_gateway::request;

use crate::harness::{Bench, id, package, snapshot};

/// What goes in.
#[derive(Clone, Copy)]
enum Asked {
    Text(&'static str),
    /// The artifact that the gateway of the test holds, by reference.
    Artifact,
    /// The id of that artifact, as text.
    ArtifactId,
}

/// What must come of it.
#[derive(Clone, Copy)]
enum Expected {
    Ok,
    Answer(Status, ErrorCode),
    /// `ok`, or one of these.
    OkOr(&'static [(Status, ErrorCode)]),
    /// Registration refuses it and names this.
    ImportForbidden(&'static str),
}

use Asked::{Artifact, ArtifactId, Text};
use Expected::{Answer, ImportForbidden, OkOr};

const TRAP: Expected = Answer(Status::Error, ErrorCode::PluginTrap);
const TIMEOUT: Expected = Answer(Status::Timeout, ErrorCode::Timeout);
const NOT_JSON: Expected = Answer(Status::Rejected, ErrorCode::OutputNotJson);
const MISMATCH: Expected = Answer(Status::Rejected, ErrorCode::OutputSchemaMismatch);
const DECLINED: Expected = Answer(Status::Rejected, ErrorCode::PluginDeclined);
const TOO_LARGE: Expected = Answer(Status::Rejected, ErrorCode::OutputTooLarge);
const FLOOD: Expected = OkOr(&[
    (Status::Timeout, ErrorCode::Timeout),
    (Status::Error, ErrorCode::PluginTrap),
    // More at once than may cross the boundary.
    (Status::Rejected, ErrorCode::OutputTooLarge),
]);

const TABLE: &[(&str, Asked, Expected)] = &[
    ("env-probe", Text("go"), Expected::Ok),
    ("socket-probe", Text("go"), ImportForbidden("wasi:sockets")),
    ("undeclared-import", Text("go"), ImportForbidden("omega:plugin/datasets")),
    ("artifact-thief", Artifact, Expected::Ok),
    ("stateful", Text("go"), Expected::Ok),
    ("liar", Text("go"), Expected::Ok),
    ("spin", Text("go"), TIMEOUT),
    ("sleeper", Text("go"), TIMEOUT),
    ("stack-bomb", Text("go"), TRAP),
    ("memory-bomb", Text("go"), Answer(Status::Error, ErrorCode::MemoryLimit)),
    ("memory-hoarder", Text("go"), OkOr(&[(Status::Error, ErrorCode::MemoryLimit)])),
    ("log-flood", Text("go"), FLOOD),
    ("stdout-flood", Text("go"), FLOOD),
    ("panic-flood", Text("go"), FLOOD),
    ("broker-flood", Artifact, OkOr(&[(Status::Timeout, ErrorCode::Timeout)])),
    ("trap", Text("go"), TRAP),
    ("exit", Text("go"), Answer(Status::Error, ErrorCode::PluginError)),
    ("decliner", Text("go"), DECLINED),
    ("wrong-schema", Text("go"), MISMATCH),
    ("foreign-schema", Text("go"), MISMATCH),
    ("wrong-kind", Text("go"), MISMATCH),
    ("not-json", Text("go"), NOT_JSON),
    ("not-object", Text("go"), NOT_JSON),
    ("two-documents", Text("go"), NOT_JSON),
    ("dup-keys", Text("go"), NOT_JSON),
    ("deep-json", Text("go"), NOT_JSON),
    ("nan-json", Text("go"), NOT_JSON),
    ("big-integer", Text("go"), NOT_JSON),
    ("lone-surrogate", Text("go"), NOT_JSON),
    ("invalid-utf8", Text("go"), TRAP),
    ("too-large", Text("go"), TOO_LARGE),
    ("lying-ref", Text("nobody-has-this"), Answer(Status::Rejected, ErrorCode::ArtifactUnknown)),
    ("lying-ref", ArtifactId, Answer(Status::Rejected, ErrorCode::ArtifactHashMismatch)),
    ("notes-forger", Text("go"), Expected::Ok),
    ("notes-forger", Text("huge"), TOO_LARGE),
    ("refusal-forger", Text("go"), DECLINED),
    ("refusal-forger", Text("huge"), TOO_LARGE),
];

/// Parts of the home that a call may change: evidence, what evidence keeps, and compiled code.
const CALLS_CHANGE: [&str; 4] = ["ledger", "artifacts", "cache", "registry.sqlite-shm"];

#[test]
fn every_guest_has_a_row() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/hostile");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let guests: BTreeSet<String> =
        entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap()).collect();
    let rows: BTreeSet<String> = TABLE.iter().map(|(guest, ..)| (*guest).to_owned()).collect();
    assert_eq!(guests, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_guest_is_held() {
    let bench = Bench::new().await;
    bench.install("examples/hello").await;
    let host = bench.beside("host");
    std::fs::create_dir(&host).unwrap();
    std::fs::write(host.join("file"), "untouched").unwrap();
    let held =
        bench.gateway.admin().artifacts().put_bytes(b"what the gateway holds", &ArtifactLabel::default()).unwrap();
    let mut installed = BTreeSet::new();
    for (guest, asked, expected) in TABLE {
        let name = format!("hostile/{guest}");
        if let ImportForbidden(import) = expected {
            let error = bench.register(&package(&name)).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::ImportForbidden, "{guest}: {}", error.message);
            assert!(error.message.contains(import), "{guest}: {}", error.message);
            assert_eq!(bench.event(error.event_index.unwrap()).kind, EventKind::Reject);
            continue;
        }
        if installed.insert(*guest) {
            bench.install(&name).await;
        }
        let payload = match asked {
            Text(text) => Payload::text(*text),
            ArtifactId => Payload::text(held.digest.to_string()),
            Artifact => Payload::BinaryRef(BinaryRefPayload {
                artifact_id: held.digest.to_string(),
                artifact_hash: held.digest,
                mime_type: "text/plain".into(),
            }),
        };
        call(&bench, guest, payload, *expected).await;
        assert_eq!(std::fs::read(host.join("file")).unwrap(), b"untouched");
        bench.assert_healthy(guest).await;
    }
    let verdict = omega_ledger::verify(&bench.home.ledger_dir(), omega_ledger::Strictness::Strict, |_| {});
    assert!(verdict.is_ok(), "{verdict:?}");
}

async fn call(bench: &Bench, guest: &str, payload: Payload, expected: Expected) {
    let before = (snapshot(&bench.beside("host")), snapshot(bench.home.path()));
    let asked = request(payload);
    let run_id = asked.run_id.clone();
    let answer = bench.invoke(&id(&format!("hostile-{guest}")), asked).await;
    let got = (answer.response.status, answer.reason);
    let fits = match expected {
        Expected::Ok => got == (Status::Ok, None),
        Answer(status, reason) => got == (status, Some(reason)),
        OkOr(others) => got == (Status::Ok, None) || others.iter().any(|(s, r)| got == (*s, Some(*r))),
        ImportForbidden(_) => false,
    };
    assert!(fits, "{guest}: {got:?}, {}", answer.response.notes);

    // One INVOKE and one outcome that says the same, whatever the plugin wrote.
    bench.assert_evidence_whole(&run_id);
    let events = bench.events(&run_id);
    let calls: Vec<_> = events.iter().filter(|event| event.kind != EventKind::Broker).collect();
    let outcome = match got.0 {
        Status::Ok => EventKind::Result,
        Status::Rejected => EventKind::Reject,
        Status::Error | Status::Timeout => EventKind::Error,
    };
    let kinds: Vec<EventKind> = calls.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Invoke, outcome], "{guest}");
    assert_eq!(calls[1].meta.get("reason").map(String::as_str), got.1.map(ErrorCode::as_str), "{guest}");
    assert_eq!(answer.response.result.is_some(), got.0 == Status::Ok, "{guest}");

    // Nothing unbounded, nothing that moves a terminal's cursor or forges a line.
    let notes = &answer.response.notes;
    assert!(notes.len() <= omega_contract::limits::NOTES_BYTES_MAX + 64, "{guest}: {} bytes of notes", notes.len());
    assert!(!notes.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')), "{guest}: {notes:?}");
    assert!(!notes.contains(['\u{202e}', '\u{2066}']), "{guest}: {notes:?}");
    assert!(answer.guest_log.len() <= 4 * 64 * 1024, "{guest}: {} bytes of log", answer.guest_log.len());

    let after = (snapshot(&bench.beside("host")), snapshot(bench.home.path()));
    assert_eq!(before.0, after.0, "{guest}");
    for (path, _) in after.1.iter().filter(|(path, hash)| before.1.get(*path) != Some(hash)) {
        let name = path.strip_prefix(bench.home.path()).unwrap();
        assert!(CALLS_CHANGE.iter().any(|part| name.starts_with(part)), "{guest} changed {}", name.display());
    }
    assert!(
        before.1.keys().all(|path| after.1.contains_key(path) || path.starts_with(bench.home.ledger_dir())),
        "{guest}"
    );
}

/// What the two guests with a report of their own found.
#[tokio::test(flavor = "multi_thread")]
async fn thieves_get_nothing() {
    let bench = Bench::new().await;
    let thief = bench.install("hostile/artifact-thief").await;
    let artifacts = std::sync::Arc::clone(bench.gateway.admin().artifacts());
    let named = artifacts.put_bytes(b"named by the payload", &ArtifactLabel::default()).unwrap();
    artifacts.put_bytes(b"not named", &ArtifactLabel::default()).unwrap();
    let payload = Payload::BinaryRef(BinaryRefPayload {
        artifact_id: named.digest.to_string(),
        artifact_hash: named.digest,
        mime_type: "text/plain".into(),
    });
    let answer = bench.invoke(&thief, request(payload)).await;
    let Some(Payload::Json(report)) = answer.response.result else { panic!("{}", answer.response.notes) };
    let attempts = report.data["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 14);
    for attempt in attempts {
        // Its own artifact by its hash is its own: where id and hash are one, that attempt is honest.
        let own = attempt["artifact_id"] == named.digest.to_string();
        let denied = attempt["size"] == "broker_denied" && attempt["read"] == "broker_denied";
        assert_eq!(denied, !own, "{attempt}");
    }
}
