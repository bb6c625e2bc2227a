//! The guests of `plugins/hostile`: built by a compiler, packed as their authors would.

use std::sync::Arc;

use omega_broker::ArtifactLabel;
use omega_contract::payload::BinaryRefPayload;
use omega_contract::{ErrorCode, Payload, Status};
use omega_gateway::request;

use super::Asked::{Artifact, ArtifactId, Text};
use super::Expected::{Ends, NotRegistered};
use super::{
    Asked, DECLINED, Expected, Given, MEMORY, MISMATCH, NOT_JSON, OK, PLUGIN_ERROR, Row, TIMEOUT, TOO_LARGE, TRAP,
};
use crate::harness::Bench;

/// A flood may end well, in time, at a bound, or for handing over too much at once.
const FLOOD: Expected = Ends(&[OK, TIMEOUT, TRAP, PLUGIN_ERROR, TOO_LARGE]);

const fn guest(name: &'static str, attack: &'static str, asked: Asked, expected: Expected) -> Row {
    Row { name, attack, given: Given::Guest(asked), expected }
}

pub(super) const ROWS: &[Row] = &[
    guest("env-probe", "looks for anything of the host that it can see or touch", Text("go"), Ends(&[OK])),
    guest(
        "socket-probe",
        "imports sockets, to connect and to listen",
        Text("go"),
        NotRegistered(ErrorCode::ImportForbidden, "wasi:sockets"),
    ),
    guest(
        "undeclared-import",
        "imports a broker without the capability that opens it",
        Text("go"),
        NotRegistered(ErrorCode::ImportForbidden, "omega:plugin/datasets"),
    ),
    guest("artifact-thief", "asks the broker for artifacts that nobody named", Artifact, Ends(&[OK])),
    guest("stateful", "leaves state for its next call", Text("go"), Ends(&[OK])),
    guest("liar", "answers with clocks, randomness, ids and addresses", Text("go"), Ends(&[OK])),
    guest("spin", "computes for ever, without a call to its host", Text("go"), Ends(&[TIMEOUT])),
    guest("regex-bomb", "matches a catastrophic regular expression by backtracking", Text("go"), Ends(&[TIMEOUT])),
    guest("inflate-bomb", "unpacks forty kilobytes that stand for terabytes", Text("go"), Ends(&[MEMORY])),
    guest("sleeper", "sleeps for an hour in its host", Text("go"), Ends(&[TIMEOUT])),
    guest("stack-bomb", "recurses without end", Text("go"), Ends(&[TRAP])),
    guest("memory-bomb", "takes memory until it is refused, and aborts", Text("go"), Ends(&[MEMORY])),
    guest("memory-hoarder", "takes memory until it is refused, and answers", Text("go"), Ends(&[OK, MEMORY])),
    guest("log-flood", "writes 100,000 log lines and one of 16 MiB", Text("go"), FLOOD),
    guest("stdout-flood", "writes 64 MiB to each of its outputs", Text("go"), FLOOD),
    guest("panic-flood", "panics with 8 MiB of control characters and forged lines", Text("go"), FLOOD),
    guest("broker-flood", "reads its own artifact over and over", Artifact, Ends(&[OK, TIMEOUT])),
    guest("trap", "panics in the middle of the call", Text("go"), Ends(&[TRAP])),
    guest("exit", "exits with success in the middle of the call", Text("go"), Ends(&[PLUGIN_ERROR])),
    guest("decliner", "declines, in its own words", Text("go"), Ends(&[DECLINED])),
    guest("wrong-schema", "breaks its own output schema", Text("go"), Ends(&[MISMATCH])),
    guest("foreign-schema", "claims the schema of another plugin", Text("go"), Ends(&[MISMATCH])),
    guest("wrong-kind", "answers with another kind of payload", Text("go"), Ends(&[MISMATCH])),
    guest("not-json", "answers with JSON that is none", Text("go"), Ends(&[NOT_JSON])),
    guest("not-object", "answers with JSON that is no object", Text("go"), Ends(&[NOT_JSON])),
    guest("two-documents", "answers with one document and then another", Text("go"), Ends(&[NOT_JSON])),
    guest("dup-keys", "answers with a key that stands twice", Text("go"), Ends(&[NOT_JSON])),
    guest("deep-json", "answers with arrays nested 1,000 deep", Text("go"), Ends(&[NOT_JSON])),
    guest("nan-json", "answers with NaN and infinities", Text("go"), Ends(&[NOT_JSON])),
    guest("big-integer", "answers with an integer that not every reader keeps", Text("go"), Ends(&[NOT_JSON])),
    guest("lone-surrogate", "answers with half a character", Text("go"), Ends(&[NOT_JSON])),
    guest("invalid-utf8", "answers with text that is not UTF-8", Text("go"), Ends(&[TRAP])),
    guest("too-large", "answers with twice what it may", Text("go"), Ends(&[TOO_LARGE])),
    guest(
        "lying-ref",
        "names an artifact that nobody has",
        Text("nobody-has-this"),
        Ends(&[(Status::Rejected, Some(ErrorCode::ArtifactUnknown))]),
    ),
    guest(
        "lying-ref",
        "names an artifact with a made-up hash",
        ArtifactId,
        Ends(&[(Status::Rejected, Some(ErrorCode::ArtifactHashMismatch))]),
    ),
    guest("notes-forger", "forges ledger lines and terminal escapes in its notes", Text("go"), Ends(&[OK])),
    guest("notes-forger", "hands over 8 MiB of notes", Text("huge"), Ends(&[TOO_LARGE])),
    guest("refusal-forger", "declines in the words of the gateway", Text("go"), Ends(&[DECLINED])),
    guest("refusal-forger", "declines in 4 MiB of words", Text("huge"), Ends(&[TOO_LARGE])),
];

/// What the thief reports: only the artifact that the payload names was shown to it.
#[tokio::test(flavor = "multi_thread")]
async fn thieves_get_nothing() {
    let bench = Bench::new().await;
    let thief = bench.install("hostile/artifact-thief").await;
    let artifacts = Arc::clone(bench.gateway.admin().artifacts());
    let named = artifacts.put_bytes(b"named by the payload", &ArtifactLabel::default()).unwrap();
    artifacts.put_bytes(b"not named", &ArtifactLabel::default()).unwrap();
    let payload = Payload::BinaryRef(BinaryRefPayload {
        artifact_id: named.digest.to_string(),
        artifact_hash: named.digest,
        mime_type: "text/plain".into(),
    });
    let answer = bench.invoke(&thief, request(payload)).await;
    let Some(Payload::Json(report)) = answer.response.result else { panic!("{}", answer.response.notes) };
    let report = report.data.to_map();
    let attempts = report["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 14);
    for attempt in attempts {
        // Its own artifact by its hash is its own: where id and hash are one, that attempt is honest.
        let own = attempt["artifact_id"] == named.digest.to_string();
        let denied = attempt["size"] == "broker_denied" && attempt["read"] == "broker_denied";
        assert_eq!(denied, !own, "{attempt}");
    }
}
