//! What a payload or a result refers to must be there, as it says, and within the limit.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod home;

use std::time::{Duration, Instant};

use home::{Home, pattern, slice};
use omega_broker::{AdmissionError, Brokers, DatasetForm};
use omega_contract::payload::BinaryRefPayload;
use omega_contract::{ErrorCode, Payload, Sha256Hex};

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(10)
}

async fn check(brokers: &Brokers, payload: &Payload, bytes_max: u64, expect: Result<(), [ErrorCode; 2]>) {
    let code = |outcome: Result<(), AdmissionError>| outcome.map_err(|e| e.code());
    let as_payload = code(brokers.check_payload(payload, bytes_max, soon()).await);
    let as_result = code(brokers.check_result(payload, bytes_max, soon()).await);
    assert_eq!(as_payload, expect.map_err(|codes| codes[0]), "payload {payload:?}");
    assert_eq!(as_result, expect.map_err(|codes| codes[1]), "result {payload:?}");
}

fn both(code: ErrorCode) -> Result<(), [ErrorCode; 2]> {
    Err([code, code])
}

const TOO_LARGE: Result<(), [ErrorCode; 2]> = Err([ErrorCode::PayloadTooLarge, ErrorCode::OutputTooLarge]);

fn binary_ref(id: &str, hash: Sha256Hex) -> Payload {
    Payload::BinaryRef(BinaryRefPayload {
        artifact_id: id.into(),
        artifact_hash: hash,
        mime_type: "application/octet-stream".into(),
    })
}

#[tokio::test]
async fn artifacts() {
    let home = Home::new();
    home.put(&pattern(1000), Some("a"));
    home.put(b"other", None);
    let (digest, other) = (Sha256Hex::of(&pattern(1000)), Sha256Hex::of(b"other"));
    let (hex, nothing) = (digest.to_string(), Sha256Hex::of(b"nothing"));
    let brokers = &home.brokers;
    check(brokers, &binary_ref("a", digest), 1000, Ok(())).await;
    check(brokers, &binary_ref(&hex, digest), 1000, Ok(())).await;
    check(brokers, &binary_ref("a", digest), 999, TOO_LARGE).await;
    check(brokers, &binary_ref("a", other), 1000, both(ErrorCode::ArtifactHashMismatch)).await;
    check(brokers, &binary_ref(&hex, other), 1000, both(ErrorCode::ArtifactHashMismatch)).await;
    check(brokers, &binary_ref("a", nothing), 1000, both(ErrorCode::ArtifactHashMismatch)).await;
    check(brokers, &binary_ref(&nothing.to_string(), nothing), 1000, both(ErrorCode::ArtifactUnknown)).await;
    for id in ["b", "", "../a", "/etc/passwd", &hex[1..], &hex.to_uppercase()] {
        check(brokers, &binary_ref(id, digest), 1000, both(ErrorCode::ArtifactUnknown)).await;
    }
}

#[tokio::test]
async fn a_result_must_have_its_true_hash_on_disk() {
    for length in [1000, 200_000] {
        let home = Home::new();
        let payload = home.put(&pattern(length), Some("a"));
        home.change_content(&Sha256Hex::of(&pattern(length)), |bytes| bytes[5] ^= 1);
        // The bytes of a payload are checked when the plugin reads them.
        let reopened = home.reopen();
        reopened.check_payload(&payload, u64::MAX, soon()).await.unwrap();
        let refused = reopened.check_result(&payload, u64::MAX, soon()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::ArtifactHashMismatch, "{length}");
    }
}

#[tokio::test]
async fn dataset_slices() {
    let home = Home::new();
    home.add("d", "id,x\n1,a\n2,b\n", DatasetForm::Csv, "id");
    let row_bytes = r#"{"id":"1","x":"a"}"#.len() as u64;
    let of = |source: &str, ids: &[&str], filters: &[(&str, &str)]| Payload::DatasetSlice(slice(source, ids, filters));
    let brokers = &home.brokers;
    check(brokers, &of("d", &["1", "2"], &[]), 2 * row_bytes, Ok(())).await;
    check(brokers, &of("d", &["1", "2"], &[]), 2 * row_bytes - 1, TOO_LARGE).await;
    check(brokers, &of("d", &["2", "2", "2"], &[]), 2 * row_bytes, TOO_LARGE).await;
    // How much a filter leaves is known only when the rows are read.
    check(brokers, &of("d", &["1", "2"], &[("x", "a")]), row_bytes, Ok(())).await;
    check(brokers, &of("d", &["1", "3"], &[]), 1000, both(ErrorCode::ArtifactUnknown)).await;
    check(brokers, &of("d", &["1", "3"], &[("x", "a")]), 1000, both(ErrorCode::ArtifactUnknown)).await;
    for source in ["e", "", "../d", "D"] {
        check(brokers, &of(source, &["1"], &[]), 1000, both(ErrorCode::ArtifactUnknown)).await;
    }
    let late = brokers.check_payload(&of("d", &["1"], &[]), 1000, Instant::now()).await;
    assert_eq!(late.unwrap_err().code(), ErrorCode::Timeout);
    home.change_content(&brokers.datasets().describe("d").unwrap().digest, |bytes| bytes[3] ^= 1);
    check(&home.reopen(), &of("d", &["1"], &[]), 1000, both(ErrorCode::ArtifactHashMismatch)).await;
}

#[tokio::test]
async fn text_and_json_refer_to_nothing() {
    let home = Home::new();
    check(&home.brokers, &Payload::text("x"), 0, Ok(())).await;
    check(&home.brokers, &Payload::json(serde_json::Map::new(), "schema").unwrap(), 0, Ok(())).await;
}
