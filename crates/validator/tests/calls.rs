//! Requests and results: in order, each refusal with its code.

mod support;

use omega_contract::ports::{GuestOutput, GuestPayload};
use omega_contract::{Capability, ErrorCode};
use omega_validator::{Ceilings, check_output, check_request};
use serde_json::{Value, json};
use support::{Held, every_capability, json_payload, manifest, package, request, text};

fn refuse(payload: &Value, change: impl Fn(&mut Value), code: ErrorCode, expect: &str) {
    let mut manifest = manifest();
    change(&mut manifest);
    let refusal =
        check_request(&package(&manifest), &request(payload), &every_capability(), Ceilings::default()).unwrap_err();
    assert_eq!(refusal.code, code, "{refusal}");
    assert!(refusal.message.contains(expect), "{refusal}");
}

#[test]
fn a_request_that_fits_is_a_call() {
    let package = package(&manifest());
    let request = request(&text("Hello OMEGA"));
    let call = check_request(&package, &request, &every_capability(), Ceilings::default()).unwrap();
    assert_eq!(call.input_hash(), omega_contract::hash(&text("Hello OMEGA")).unwrap());
    assert_eq!(call.canonical_bytes(), omega_contract::canonical_bytes(&text("Hello OMEGA")).unwrap().len() as u64);
    assert_eq!(call.descriptor().kind.as_str(), "text");
}

#[test]
fn requests_are_refused_with_their_code() {
    let drop_text = |m: &mut Value| drop(m["io"]["inputs"].as_array_mut().unwrap().remove(0));
    refuse(&text("a"), drop_text, ErrorCode::PayloadKindRefused, "takes json, binary_ref, dataset_slice, not text");
    refuse(&text(&"a".repeat(10_000)), |_| {}, ErrorCode::PayloadTooLarge, "at most 10000");
    refuse(
        &json_payload(&json!({"n": -1})),
        |_| {},
        ErrorCode::PayloadSchemaMismatch,
        "payload: data.n: has to be at least 0",
    );
    let other_ref = json!({"kind": "json", "data": {}, "schema_ref": "other"});
    refuse(&other_ref, |_| {}, ErrorCode::PayloadSchemaMismatch, "payload.schema_ref: is one of");
}

#[test]
fn results_are_checked() {
    let package = package(&manifest());
    let check = |payload: GuestPayload, expect: Result<(), ErrorCode>| {
        let output = GuestOutput { payload, notes: String::new() };
        let got = check_output(&package, output, &every_capability(), Ceilings::default(), &Held);
        assert_eq!(got.as_ref().map(|_| ()).map_err(|refusal| refusal.code), expect, "{got:?}");
    };
    let json =
        |data: &str| GuestPayload::Json { data: data.into(), schema_ref: "schemas/outputs/json.schema.json".into() };
    check(json(r#"{"n": 1}"#), Ok(()));
    check(json(r#"{"n": -1}"#), Err(ErrorCode::OutputSchemaMismatch));
    check(json(r#"{"n": 1, "n": 1}"#), Err(ErrorCode::OutputNotJson));
    check(json(&" ".repeat(10_000)), Err(ErrorCode::OutputTooLarge));
    let reference = |id: &str, hash: &str| GuestPayload::BinaryRef {
        artifact_id: id.into(),
        artifact_hash: hash.into(),
        mime_type: String::new(),
    };
    let true_hash = omega_contract::Sha256Hex::of(b"bytes").to_string();
    check(reference("known", &true_hash), Ok(()));
    check(reference("unknown", &true_hash), Err(ErrorCode::ArtifactUnknown));
    check(reference("known", &omega_contract::Sha256Hex::of(b"lie").to_string()), Err(ErrorCode::ArtifactHashMismatch));
    let held = [Capability::WriteSuggestion].into();
    let output = GuestOutput { payload: json(r#"{"n": 1}"#), notes: String::new() };
    let denied = check_output(&package, output, &held, Ceilings::default(), &Held);
    assert_eq!(denied.unwrap_err().code, ErrorCode::CapabilityDenied);
}
