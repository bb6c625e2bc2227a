//! Requests and results: each step's refusal with its code, in the order of the specification.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::{Arc, LazyLock};

use omega_contract::limits::{
    CONTEXT_BYTES_MAX, CONTEXT_ENTRIES_MAX, ID_CHARS_MAX, NOTES_BYTES_MAX, RETRIES_MAX, TIMEOUT_MS_MAX, TIMEOUT_MS_MIN,
};
use omega_contract::ports::{GuestOutput, GuestPayload};
use omega_contract::{CapabilitySet, ErrorCode, JsonData, Payload, PluginRequest, Sha256Hex};
use omega_validator::{
    Ceilings, HashedRequest, Output, Package, Refusal, Verified, check_output, check_request, parse_request,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{Held, every_capability, json_payload, manifest, package, request, text};

fn request_value() -> Value {
    json!({
        "request_id": "r", "run_id": "u", "timestamp": "2026-01-01T00:00:00Z", "payload": text("a"), "context": {},
        "policy": {"deterministic_only": false, "timeout_ms": 1000, "max_retries": 0}
    })
}

#[test]
fn requests_are_read_strictly_and_every_wrong_field_is_named() {
    let check = |change: &dyn Fn(&mut Value), expect: &[&str]| {
        let mut value = request_value();
        change(&mut value);
        match (parse_request(value.to_string().as_bytes()), expect) {
            (Ok(request), []) => assert_eq!(serde_json::to_value(request).unwrap()["run_id"], "u"),
            (Err(refusal), expect) if !expect.is_empty() => {
                assert_eq!(refusal.code, ErrorCode::RequestInvalid);
                for part in expect {
                    assert!(refusal.message.contains(part), "{part}: {refusal}");
                }
            }
            (got, _) => panic!("{value}: {got:?}"),
        }
    };
    check(&|_| {}, &[]);
    check(&|r| drop(r.as_object_mut().unwrap().remove("policy")), &[]);
    check(&|r| r["request_id"] = json!("i".repeat(ID_CHARS_MAX)), &[]);
    check(&|r| r["request_id"] = json!("i".repeat(ID_CHARS_MAX + 1)), &["request_id: has at most 128 characters"]);
    check(&|r| r["request_id"] = json!(""), &["request_id: has at least 1 characters"]);
    check(&|r| r["timestamp"] = json!("yesterday"), &["timestamp: has to match the pattern"]);
    check(&|r| r["timestamp"] = json!("2026-02-30T00:00:00Z"), &["not an RFC 3339 date and time"]);
    check(&|r| r["timestamp"] = json!("2026-01-01 00:00:00Z"), &["timestamp:"]);
    check(&|r| r["timestamp"] = json!("2026-01-01T01:00:00+01:00"), &[]);
    check(&|r| r["policy"]["timeout_ms"] = json!(TIMEOUT_MS_MIN), &[]);
    check(&|r| r["policy"]["timeout_ms"] = json!(TIMEOUT_MS_MIN - 1), &["policy.timeout_ms: has to be at least 100"]);
    check(&|r| r["policy"]["timeout_ms"] = json!(100.0), &[]);
    check(&|r| r["policy"]["max_retries"] = json!(RETRIES_MAX + 1), &["policy.max_retries: has to be at most 5"]);
    check(&|r| r["policy"] = json!(null), &["policy: has to be of type object"]);
    check(&|r| r["payload"]["kind"] = json!("blob"), &[r#"payload.kind: has to be one of "text", "json""#]);
    check(&|r| r["payload"]["encoding"] = json!("latin-1"), &[r#"payload.encoding: has to be "utf-8""#]);
    check(&|r| r["payload"]["metadata"]["a"] = json!(1), &["payload.metadata.a: has to be of type string"]);
    check(&|r| r["context"]["a"] = json!({}), &["context.a: has to be of type string"]);
    check(
        &|r| {
            r["extra"] = json!(1);
            r["run_id"] = json!(5);
            r.as_object_mut().unwrap().remove("payload");
        },
        &["extra: is not a field", "run_id: has to be of type string", "payload: is missing"],
    );

    // Of a large request the first fault alone is told, however many there are.
    let mut large = request_value();
    large["context"] = (0..20_000).map(|i| (format!("k{i}"), json!(i))).collect();
    let refusal = parse_request(large.to_string().as_bytes()).unwrap_err();
    assert_eq!(refusal.message.matches(": ").count(), 1, "{refusal}");

    for (bytes, expect) in [
        (&b""[..], "EOF"),
        (b"[]", "the request: has to be of type object"),
        (b"{\"run_id\":1,\"run_id\":1}", "duplicate key"),
        (b"\xf0\x28", "not UTF-8"),
    ] {
        assert!(parse_request(bytes).unwrap_err().message.contains(expect), "{bytes:?}");
    }
}

/// Checks this payload against the manifest as `change` leaves it.
fn outcome(payload: &Value, change: impl Fn(&mut Value)) -> Result<(), Refusal> {
    let mut manifest = manifest();
    change(&mut manifest);
    check_request(&package(&manifest), &request(payload), &every_capability(), Ceilings::default()).map(drop)
}

fn refused(payload: &Value, change: impl Fn(&mut Value), code: ErrorCode, expect: &str) {
    let refusal = outcome(payload, change).unwrap_err();
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
    assert_eq!(serde_json::to_value(&call.request().request().payload).unwrap(), text("Hello OMEGA"));
}

#[test]
fn kinds_and_references_that_the_manifest_does_not_list() {
    let drop_text = |m: &mut Value| drop(m["io"]["inputs"].as_array_mut().unwrap().remove(0));
    refused(&text("a"), drop_text, ErrorCode::PayloadKindRefused, "takes json, binary_ref, dataset_slice, not text");
    let nothing = |m: &mut Value| m["io"]["inputs"] = json!([]);
    refused(&text("a"), nothing, ErrorCode::PayloadKindRefused, "takes nothing, not text");
    let other = json!({"kind": "json", "data": {"n": 1}, "schema_ref": "schemas/outputs/json.schema.json"});
    refused(
        &other,
        |_| {},
        ErrorCode::PayloadSchemaMismatch,
        "is one of the plugin's json inputs: schemas/inputs/json",
    );
    let drop_json = |m: &mut Value| drop(m["io"]["inputs"].as_array_mut().unwrap().remove(1));
    refused(&json_payload(&json!({"n": 1})), drop_json, ErrorCode::PayloadKindRefused, "not json");
}

#[test]
fn json_is_chosen_by_its_schema_ref() {
    let two = |m: &mut Value| {
        m["io"]["inputs"][3] =
            json!({"kind": "json", "schema_ref": "schemas/outputs/text.schema.json", "limits": {"max_bytes": 10_000}});
    };
    assert_eq!(outcome(&json_payload(&json!({"n": 1})), two), Ok(()));
    // The other schema demands `kind: "text"`, which no json payload has.
    let other = json!({"kind": "json", "data": {"n": 1}, "schema_ref": "schemas/outputs/text.schema.json"});
    refused(&other, two, ErrorCode::PayloadSchemaMismatch, r#"payload: kind: has to be "text""#);
}

#[test]
fn the_smallest_of_three_sizes_holds_at_the_limit_and_one_past_it() {
    let bytes = omega_contract::canonical_bytes(&text("")).unwrap().len() as u64;
    let check = |own: u64, whole: u64, ceiling: u64, content: usize| {
        let mut manifest = manifest();
        manifest["io"]["inputs"][0]["limits"]["max_bytes"] = json!(own);
        manifest["limits"]["max_bytes"] = json!(whole);
        let ceilings = Ceilings { payload_bytes_max: ceiling };
        let request = request(&text(&"a".repeat(content)));
        check_request(&package(&manifest), &request, &every_capability(), ceilings)
            .map(drop)
            .map_err(|refusal| refusal.code)
    };
    let (limit, more) = (bytes + 10, bytes + 1000);
    for (own, whole, ceiling) in [(limit, more, more), (more, limit, more), (more, more, limit)] {
        assert_eq!(check(own, whole, ceiling, 10), Ok(()));
        assert_eq!(check(own, whole, ceiling, 11), Err(ErrorCode::PayloadTooLarge));
    }
}

#[test]
fn payloads_meet_the_schema_and_nothing_of_them_is_quoted() {
    refused(
        &json_payload(&json!({"n": -1})),
        |_| {},
        ErrorCode::PayloadSchemaMismatch,
        "payload: data.n: has to be at least 0",
    );
    let secret = json_payload(&json!({"n": "SECRET"}));
    let refusal = outcome(&secret, |_| {}).unwrap_err();
    assert_eq!(refusal.message, "payload: data.n: has to be of type integer");
}

#[test]
fn deterministic_only_refuses_what_is_declared_probabilistic() {
    let probabilistic = |m: &mut Value| m["determinism"]["mode"] = json!("probabilistic");
    let check = |only: bool, change: &dyn Fn(&mut Value)| {
        let mut manifest = manifest();
        change(&mut manifest);
        let mut value = request_value();
        value["policy"]["deterministic_only"] = json!(only);
        let request = HashedRequest::new(serde_json::from_value(value).unwrap());
        check_request(&package(&manifest), &Arc::new(request), &every_capability(), Ceilings::default())
            .map(drop)
            .map_err(|refusal| refusal.code)
    };
    assert_eq!(check(true, &|_| {}), Ok(()));
    assert_eq!(check(false, &probabilistic), Ok(()));
    assert_eq!(check(true, &probabilistic), Err(ErrorCode::DeterminismRequired));
}

#[test]
fn what_a_caller_of_the_library_may_hand_over_is_checked_too() {
    let outcome = |change: &dyn Fn(&mut PluginRequest)| {
        let mut request: PluginRequest = serde_json::from_value(request_value()).unwrap();
        change(&mut request);
        let request = Arc::new(HashedRequest::new(request));
        check_request(&package(&manifest()), &request, &every_capability(), Ceilings::default()).map(drop)
    };
    let check = |change: &dyn Fn(&mut PluginRequest), expect: Result<(), &str>| match (outcome(change), expect) {
        (Ok(()), Ok(())) => {}
        (Err(refusal), Err(expect)) => {
            assert_eq!(refusal.code, ErrorCode::RequestInvalid);
            assert!(refusal.message.contains(expect), "{refusal}");
        }
        (got, _) => panic!("{got:?}"),
    };
    let context = |entries: usize, bytes: usize| {
        move |r: &mut PluginRequest| {
            r.context = (0..entries).map(|i| (format!("{i:04}"), "x".repeat(bytes / entries - 4))).collect();
        }
    };
    check(&context(CONTEXT_ENTRIES_MAX, 4096), Ok(()));
    check(&context(CONTEXT_ENTRIES_MAX + 1, 4096), Err("context: has 257 entries"));
    check(&context(1, CONTEXT_BYTES_MAX), Ok(()));
    check(&context(1, CONTEXT_BYTES_MAX + 1), Err("context: has 65537 bytes"));
    let timeout = |ms: u64| move |r: &mut PluginRequest| r.policy.as_mut().unwrap().timeout_ms = ms;
    check(&timeout(TIMEOUT_MS_MIN), Ok(()));
    check(&timeout(TIMEOUT_MS_MIN - 1), Err("policy.timeout_ms: is 100 to"));
    check(&timeout(TIMEOUT_MS_MAX), Ok(()));
    check(&timeout(TIMEOUT_MS_MAX + 1), Err("policy.timeout_ms"));
    check(&|r| r.policy.as_mut().unwrap().max_retries = RETRIES_MAX, Ok(()));
    check(&|r| r.policy.as_mut().unwrap().max_retries = RETRIES_MAX + 1, Err("policy.max_retries"));
    let with_payload =
        |payload: Value| move |r: &mut PluginRequest| r.payload = serde_json::from_value(payload.clone()).unwrap();
    let no_ids = json!({"kind": "dataset_slice", "slice_ids": [], "source": "s", "filters": {}});
    check(&with_payload(no_ids), Err("payload.slice_ids: has at least one id"));
}

#[test]
fn data_that_not_every_reader_reads_alike_is_no_payload() {
    let check = |any: Value, expect: Result<(), &str>| {
        let data = json!({"n": 1, "any": any});
        let made = Payload::json(data.as_object().unwrap().clone(), "r");
        let read = Payload::json_text(data.to_string(), "r");
        for outcome in [made, read] {
            match (outcome, expect) {
                (Ok(_), Ok(())) => {}
                (Err(error), Err(expect)) => assert!(error.to_string().contains(expect), "{error}"),
                (got, _) => panic!("{got:?}"),
            }
        }
    };
    check(json!(9_007_199_254_740_991_u64), Ok(()));
    check(json!([9_007_199_254_740_992_u64]), Err("an integer outside ±(2^53-1)"));
    check(lists(JsonData::DEPTH_MAX - 1), Ok(()));
    check(lists(JsonData::DEPTH_MAX), Err("nested deeper than 62 levels"));
}

/// `[[…]]`, this many lists deep.
fn lists(depth: usize) -> Value {
    (1..depth).fold(json!([]), |below, _| json!([below]))
}

#[test]
fn the_deepest_data_taken_passes_through_request_and_response() {
    let data = json!({"n": 1, "any": lists(JsonData::DEPTH_MAX - 1)});
    let mut value = request_value();
    value["payload"] = json_payload(&data);
    assert!(parse_request(value.to_string().as_bytes()).is_ok());
    value["payload"]["data"]["any"] = lists(JsonData::DEPTH_MAX);
    assert!(parse_request(value.to_string().as_bytes()).unwrap_err().message.contains("nested deeper"));
}

fn guest_json(data: &str) -> GuestPayload {
    GuestPayload::Json { data: data.into(), schema_ref: "schemas/outputs/json.schema.json".into() }
}

fn guest_text(content: &str, metadata: &[(&str, &str)]) -> GuestPayload {
    let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    GuestPayload::Text { content: content.into(), encoding: "utf-8".into(), metadata }
}

fn result_of(payload: GuestPayload, notes: &str, held: &CapabilitySet) -> Result<Verified<Output>, Refusal> {
    static PACKAGE: LazyLock<Verified<Package>> = LazyLock::new(|| package(&manifest()));
    let output = GuestOutput { payload, notes: notes.into() };
    check_output(&PACKAGE, output, held, Ceilings::default(), &Held)
}

fn check_result(payload: GuestPayload, expect: Result<(), (ErrorCode, &str)>) {
    match (result_of(payload, "", &every_capability()), expect) {
        (Ok(_), Ok(())) => {}
        (Err(refusal), Err((code, message))) => {
            assert_eq!(refusal.code, code, "{refusal}");
            assert!(refusal.message.contains(message), "{refusal}");
        }
        (got, _) => panic!("{got:?}"),
    }
}

#[test]
fn results_are_what_the_manifest_announced() {
    let output = result_of(guest_json(r#" {"n": 1e0, "any": "\u0061"} "#), "done", &every_capability()).unwrap();
    let expect =
        json!({"kind": "json", "data": {"n": 1, "any": "a"}, "schema_ref": "schemas/outputs/json.schema.json"});
    assert_eq!(serde_json::to_value(output.payload()).unwrap(), expect);
    assert_eq!(output.output_hash(), omega_contract::hash(&expect).unwrap());
    assert_eq!(output.notes(), "done");
    let (payload, notes) = output.into_inner().into_parts();
    assert!(matches!(payload, Payload::Json(_)) && notes == "done");

    let mismatch = ErrorCode::OutputSchemaMismatch;
    check_result(guest_json(r#"{"n":-1}"#), Err((mismatch, "result: data.n: has to be at least 0")));
    check_result(guest_json("{}"), Err((mismatch, "result: data: has to have the member \"n\"")));
    let foreign = GuestPayload::Json { data: "{\"n\":1}".into(), schema_ref: "schemas/inputs/json.schema.json".into() };
    check_result(foreign, Err((mismatch, "result.schema_ref: is one of")));
    check_result(guest_text("a", &[("k", "v")]), Ok(()));
    let encoded = GuestPayload::Text { content: String::new(), encoding: "UTF-8".into(), metadata: vec![] };
    check_result(encoded, Err((mismatch, "result.encoding")));
    let slice = |ids: &[&str], source: &str, filters: Vec<(String, String)>| GuestPayload::DatasetSlice {
        slice_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        source: source.into(),
        filters,
    };
    check_result(slice(&["1"], "people", vec![]), Ok(()));
    check_result(slice(&[], "people", vec![]), Err((mismatch, "result.slice_ids")));
    check_result(slice(&["1"], "others", vec![]), Err((ErrorCode::ArtifactUnknown, "the dataset \"others\"")));

    let undeclared = |m: &mut Value| drop(m["io"]["outputs"].as_array_mut().unwrap().remove(0));
    let mut manifest = manifest();
    undeclared(&mut manifest);
    let output = GuestOutput { payload: guest_text("a", &[]), notes: String::new() };
    let refusal =
        check_output(&package(&manifest), output, &every_capability(), Ceilings::default(), &Held).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (mismatch, "result.kind: the manifest declares no output of kind text")
    );
}

#[test]
fn results_are_strict_json() {
    let not_json = ErrorCode::OutputNotJson;
    for (data, expect) in [
        ("", "EOF"),
        ("nothing", "expected"),
        ("[]", "is one JSON object"),
        ("{\"n\":1} {}", "trailing"),
        ("{\"n\":1,\"n\":1}", "has a key twice"),
        ("{\"n\":NaN}", "expected value"),
        ("{\"n\":9007199254740992}", "outside"),
        ("{\"n\":1,\"any\":\"\\ud800\"}", "hex escape"),
    ] {
        check_result(guest_json(data), Err((not_json, expect)));
    }
    check_result(guest_json(&json!({"n": 1, "any": lists(JsonData::DEPTH_MAX - 1)}).to_string()), Ok(()));
    check_result(
        guest_json(&json!({"n": 1, "any": lists(JsonData::DEPTH_MAX)}).to_string()),
        Err((not_json, "nested deeper than 62")),
    );
    check_result(guest_json(&format!("{}{}", "[".repeat(4000), "]".repeat(4000))), Err((not_json, "nested deeper")));
    check_result(guest_text("a", &[("k", "1"), ("k", "2")]), Err((not_json, "metadata: has a key twice")));
}

#[test]
fn results_are_sized_before_they_are_parsed() {
    let too_large = ErrorCode::OutputTooLarge;
    // Not JSON at all, but never looked at.
    check_result(guest_json(&"x".repeat(10_001)), Err((too_large, "at most 10000")));
    let wrong_too = GuestPayload::Text { content: "x".repeat(10_001), encoding: "none".into(), metadata: vec![] };
    check_result(wrong_too, Err((too_large, "at most 10000")));
    let exact = |bytes: usize| {
        let empty = omega_contract::canonical_bytes(&text("")).unwrap().len();
        guest_text(&"a".repeat(bytes - empty), &[])
    };
    check_result(exact(10_000), Ok(()));
    check_result(exact(10_001), Err((too_large, "has 10001 bytes")));
    // Six bytes each in canonical form.
    check_result(guest_text(&"\u{1}".repeat(2_000), &[]), Err((too_large, "at most 10000")));
    let ceilings = Ceilings { payload_bytes_max: 100 };
    let output = GuestOutput { payload: guest_text(&"a".repeat(200), &[]), notes: String::new() };
    let refusal = check_output(&package(&manifest()), output, &every_capability(), ceilings, &Held).unwrap_err();
    assert_eq!(refusal.code, too_large);
}

#[test]
fn a_result_names_only_what_omega_holds_with_its_true_hash() {
    let reference = |id: &str, hash: &str| GuestPayload::BinaryRef {
        artifact_id: id.into(),
        artifact_hash: hash.into(),
        mime_type: String::new(),
    };
    let truth = Sha256Hex::of(b"bytes").to_string();
    check_result(reference("known", &truth), Ok(()));
    check_result(reference("unknown", &truth), Err((ErrorCode::ArtifactUnknown, "does not hold")));
    let lie = Sha256Hex::of(b"lie").to_string();
    check_result(reference("known", &lie), Err((ErrorCode::ArtifactHashMismatch, "has another hash")));
    check_result(
        reference("known", &truth.to_uppercase()),
        Err((ErrorCode::OutputSchemaMismatch, "result.artifact_hash")),
    );
}

#[test]
fn notes_are_plain_and_bounded() {
    let notes = |text: &str| result_of(guest_text("a", &[]), text, &every_capability()).unwrap().notes().to_owned();
    assert_eq!(notes("plain\n\ttext, ünïcödé 🦀"), "plain\n\ttext, ünïcödé 🦀");
    assert_eq!(
        notes("\u{1b}[31mred\u{7}\r\0\u{85}\u{202e}"),
        "\u{fffd}[31mred\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"
    );
    assert_eq!(notes(&"n".repeat(NOTES_BYTES_MAX)).len(), NOTES_BYTES_MAX);
    let cut = notes(&"n".repeat(NOTES_BYTES_MAX + 1));
    assert!(cut.len() == NOTES_BYTES_MAX && cut.ends_with("n […cut]"), "{}", cut.len());
    for shift in 0..4 {
        let cut = notes(&format!("{}{}", "n".repeat(shift), "🦀".repeat(NOTES_BYTES_MAX)));
        assert!(cut.len() <= NOTES_BYTES_MAX && cut.ends_with("🦀 […cut]"));
    }
}

fn any_guest_payload() -> impl Strategy<Value = GuestPayload> {
    let pairs = || proptest::collection::vec((".{0,4}", ".{0,4}"), 0..4);
    let reference = prop_oneof![Just("schemas/outputs/json.schema.json".to_owned()), ".{0,8}"];
    let data = prop_oneof![
        ".{0,40}",
        Just("{\"n\":1}".to_owned()),
        r#"\{"n":[-0-9.e]{1,6}(,"[a-z]{1,3}":[a-z\[\]{}"]{0,6})?\}"#
    ];
    prop_oneof![
        (".{0,20}", prop_oneof![Just("utf-8".to_owned()), ".{0,5}"], pairs())
            .prop_map(|(content, encoding, metadata)| GuestPayload::Text { content, encoding, metadata }),
        (data, reference).prop_map(|(data, schema_ref)| GuestPayload::Json { data, schema_ref }),
        ("known|.{0,5}", "[0-9a-f]{64}|.{0,5}", ".{0,5}").prop_map(|(artifact_id, artifact_hash, mime_type)| {
            GuestPayload::BinaryRef { artifact_id, artifact_hash, mime_type }
        }),
        (proptest::collection::vec(".{0,4}", 0..3), "people|.{0,4}", pairs())
            .prop_map(|(slice_ids, source, filters)| GuestPayload::DatasetSlice { slice_ids, source, filters }),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_the_request_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(parse_request(&bytes).is_err());
    }

    /// Whatever a guest returns: a refusal, or a payload that reads back to the same hash.
    #[test]
    fn no_result_makes_the_check_panic(payload in any_guest_payload(), notes in ".{0,50}") {
        if let Ok(output) = result_of(payload, &notes, &every_capability()) {
            let canonical = omega_contract::canonical_bytes(output.payload()).unwrap();
            prop_assert_eq!(output.output_hash(), Sha256Hex::of(&canonical));
            prop_assert_eq!(output.canonical_bytes(), canonical.len() as u64);
            let again: Payload = omega_contract::strict_json::parse_as(&canonical, 1 << 20).unwrap();
            prop_assert_eq!(omega_contract::canonical_bytes(&again).unwrap(), canonical);
        }
    }
}
