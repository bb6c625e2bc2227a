//! The SDK's promises to an author, through the harness: what a function gets, what becomes of what it answers.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, Read as _},
};

use omega_plugin::{
    BinaryRef, BrokerError, Call, DatasetSlice, Json, JsonPayload, Payload, PayloadKind, RawJson, Refusal, Reply, Text,
    log::{self, Level},
    plugin,
    testing::{LogLine, Request, run},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
struct Point {
    x: i64,
    y: i64,
}

impl JsonPayload for Point {
    const SCHEMA_REF: &'static str = "omega:points:output:point:v1.0.0";
}

/// The attribute's result is an ordinary function: every test below could call it so too.
#[plugin]
fn swap(point: Json<Point>) -> Result<Json<Point>, Refusal> {
    let Point { x, y } = point.data;
    Ok(Json::new(Point { x: y, y: x }))
}

fn echo_text(text: Text) -> Result<Text, Refusal> {
    Ok(text)
}

fn echo_artifact(artifact: BinaryRef) -> Result<BinaryRef, Refusal> {
    Ok(artifact)
}

fn echo_slice(slice: DatasetSlice) -> Result<DatasetSlice, Refusal> {
    Ok(slice)
}

fn read_all(artifact: BinaryRef) -> Result<Text, Refusal> {
    artifact.read_text(100_000).map(Text::new)
}

fn points(slice: DatasetSlice) -> Result<Json<Point>, Refusal> {
    let mut sum = Point { x: 0, y: 0 };
    for row in slice.rows::<Point>() {
        let row = row?;
        sum.x += row.x;
        sum.y += row.y;
    }
    Ok(Json::new(sum))
}

#[test]
fn typed_json_goes_in_and_out() {
    let answer = run(swap, Request::json("any", &Point { x: 1, y: 2 }));
    assert_eq!(answer.json(), json!({ "x": 2, "y": 1 }));
    assert_eq!(answer.notes(), "");
    let Payload::Json(raw) = &answer.outcome().payload else { panic!("json") };
    assert_eq!(raw.schema_ref, "omega:points:output:point:v1.0.0");
}

#[test]
fn untyped_json_keeps_the_schema_it_is_given() {
    let echo = |input: Json<Value>| -> Result<Json<Value>, Refusal> {
        let schema_ref = format!("{}-seen", input.schema_ref);
        Ok(Json::with_schema_ref(input.data, schema_ref))
    };
    let answer = run(echo, Request::json("s", &json!({ "a": [1, "ü", null] })));
    assert_eq!(answer.json(), json!({ "a": [1, "ü", null] }));
    let Payload::Json(RawJson { schema_ref, .. }) = &answer.outcome().payload else { panic!("json") };
    assert_eq!(schema_ref, "s-seen");
}

#[test]
fn json_that_does_not_fit_is_declined_before_the_call() {
    for data in [json!({ "x": 1 }), json!({ "x": "1", "y": 2 }), json!({ "x": 1.5, "y": 2 })] {
        assert_eq!(run(swap, Request::json("any", &data)).refusal().code, Refusal::INVALID_JSON, "{data}");
    }
    let broken = RawJson { data: "{\"x\":1,".to_owned(), schema_ref: "any".to_owned() };
    assert_eq!(run(swap, Request::of(broken)).refusal().code, Refusal::INVALID_JSON);
}

fn check(sent: PayloadKind, taken: PayloadKind, answer: &Result<omega_plugin::Outcome, Refusal>) {
    match answer {
        Ok(outcome) => assert!(sent == taken && outcome.payload.kind() == taken),
        Err(refusal) => {
            assert!(sent != taken, "{refusal}");
            assert_eq!(refusal.code, Refusal::WRONG_PAYLOAD_KIND);
            assert_eq!(refusal.message, format!("this plugin reads {taken}, not {sent}"));
        }
    }
}

#[test]
fn another_kind_is_declined_before_the_call() {
    let requests = || {
        [
            (PayloadKind::Text, Request::text("t")),
            (PayloadKind::Json, Request::json("s", &json!({ "x": 1, "y": 1 }))),
            (PayloadKind::BinaryRef, Request::artifact("b", "text/plain")),
            (PayloadKind::DatasetSlice, Request::rows([json!({})])),
        ]
    };
    for (kind, request) in requests() {
        check(kind, PayloadKind::Text, &run(echo_text, request).answer);
    }
    for (kind, request) in requests() {
        check(kind, PayloadKind::Json, &run(swap, request).answer);
    }
    for (kind, request) in requests() {
        check(kind, PayloadKind::BinaryRef, &run(echo_artifact, request).answer);
    }
    for (kind, request) in requests() {
        check(kind, PayloadKind::DatasetSlice, &run(echo_slice, request).answer);
    }
    for (kind, request) in requests() {
        let any = |payload: Payload| -> Result<Text, Refusal> { Ok(Text::new(payload.kind().as_str())) };
        assert_eq!(run(any, request).text(), kind.as_str());
    }
}

#[test]
fn notes_go_beside_the_result() {
    let noted = |text: Text| -> Result<Reply<Text>, Refusal> { Ok(Reply::new(text).with_notes("as it was")) };
    let answer = run(noted, Request::text("t"));
    assert_eq!((answer.text(), answer.notes()), ("t", "as it was"));
}

#[test]
fn the_second_argument_is_the_call() {
    let who = |_: Text, call: &Call| -> Result<Text, Refusal> {
        let Call { request_id, run_id, timestamp, context } = call;
        Ok(Text::new(format!("{request_id} {run_id} {timestamp} {context:?}")))
    };
    let blank = run(who, Request::text(""));
    assert_eq!(blank.text(), "  1970-01-01T00:00:00Z {}");
    let call = Call {
        request_id: "q".to_owned(),
        run_id: "r".to_owned(),
        timestamp: "2026-01-01T00:00:00Z".to_owned(),
        context: BTreeMap::new(),
    };
    let called = run(who, Request::text("").with_call(call).with_context("k", "v"));
    assert_eq!(called.text(), "q r 2026-01-01T00:00:00Z {\"k\": \"v\"}");
}

#[test]
fn log_lines_are_kept_in_order() {
    let chatty = |text: Text| -> Result<Text, Refusal> {
        log::debug("d");
        log::info(format_args!("{} bytes", text.content.len()));
        log::warn("w");
        log::error("e");
        Err(Refusal::new("no", "declined after logging"))
    };
    let answer = run(chatty, Request::text("four"));
    let line = |level, message: &str| LogLine { level, message: message.to_owned() };
    let expect =
        [line(Level::Debug, "d"), line(Level::Info, "4 bytes"), line(Level::Warn, "w"), line(Level::Error, "e")];
    assert_eq!(answer.logs, expect);
    assert_eq!(answer.refusal().code, "no");
}

#[test]
fn an_artifact_is_read_whole_and_in_parts() {
    let long = "0123456789".repeat(9_999);
    assert_eq!(run(read_all, Request::artifact(long.as_str(), "text/plain")).text(), long);
    assert_eq!(run(read_all, Request::artifact("", "text/plain")).text(), "");

    let parts = |artifact: BinaryRef| -> Result<Text, Refusal> {
        assert_eq!(artifact.size()?, 99_990);
        assert_eq!(artifact.read_at(99_985, 100)?, b"56789");
        assert_eq!(artifact.read_at(99_990, 100)?, b"");
        assert_eq!(artifact.read_at(u64::MAX, 100)?, b"");
        let mut reader = artifact.reader();
        let mut head = [0; 3];
        reader.read_exact(&mut head)?;
        assert_eq!(&head, b"012");
        Ok(Text::new(reader.lines().map_while(Result::ok).map(|line| line.len().to_string()).collect::<String>()))
    };
    assert_eq!(run(parts, Request::artifact(long, "text/plain")).text(), "99987");
}

#[test]
fn an_artifact_may_have_as_many_bytes_as_the_plugin_reads_and_no_more() {
    assert_eq!(run(read_all, Request::artifact("x".repeat(100_000), "text/plain")).text().len(), 100_000);
    let refused = run(read_all, Request::artifact("x".repeat(100_001), "text/plain"));
    assert_eq!(refused.refusal().code, Refusal::ARTIFACT_TOO_LARGE);
}

#[test]
fn bytes_that_are_no_text_are_declined_with_their_place() {
    let declined = run(read_all, Request::artifact(b"ab\xff".as_slice(), "text/plain"));
    let refusal = declined.refusal();
    assert_eq!(refusal.code, Refusal::UNREADABLE);
    assert_eq!(refusal.message, "the artifact is not UTF-8 text at byte 2");
}

#[test]
fn only_what_the_request_names_can_be_read() {
    let thief = |artifact: BinaryRef| -> Result<Text, Refusal> {
        let other = BinaryRef { artifact_id: "another".to_owned(), ..artifact };
        Ok(Text::new(format!("{} bytes", other.size()?)))
    };
    assert_eq!(run(thief, Request::artifact("mine", "text/plain")).refusal().code, "broker_denied");

    let named = |hash: &str| BinaryRef {
        artifact_id: "a".to_owned(),
        artifact_hash: hash.to_owned(),
        mime_type: "text/plain".to_owned(),
    };
    assert_eq!(run(read_all, Request::of(named(""))).refusal().code, "broker_unknown");
    let lying = Request::of(named(&"0".repeat(64))).with_bytes("b");
    assert_eq!(run(read_all, lying).refusal().code, "broker_hash_mismatch");

    let rows_of_a_text = |_: Text| -> Result<Text, Refusal> {
        let slice = DatasetSlice { slice_ids: vec![], source: String::new(), filters: BTreeMap::new() };
        slice.count()?;
        Ok(Text::default())
    };
    assert_eq!(run(rows_of_a_text, Request::text("t")).refusal().code, "broker_denied");
}

#[test]
fn a_broker_s_no_becomes_a_refusal_with_its_code() {
    let why = || "because".to_owned();
    for (error, code) in [
        (BrokerError::Denied(why()), "broker_denied"),
        (BrokerError::Unknown(why()), "broker_unknown"),
        (BrokerError::HashMismatch(why()), "broker_hash_mismatch"),
        (BrokerError::LimitExceeded(why()), "broker_limit_exceeded"),
        (BrokerError::Failed(why()), "broker_failed"),
    ] {
        let whole = Request::artifact("b", "text/plain").with_broker_error(error.clone());
        assert_eq!(run(read_all, whole).refusal().code, code);

        let streamed = |artifact: BinaryRef| -> Result<Text, Refusal> {
            let mut text = String::new();
            artifact.reader().read_to_string(&mut text)?;
            Ok(Text::new(text))
        };
        let request = Request::artifact("b", "text/plain").with_broker_error(error.clone());
        let refused = run(streamed, request);
        assert_eq!(refused.refusal().code, code);
        assert!(refused.refusal().message.ends_with(": because"), "{}", refused.refusal());

        let rows = Request::rows([json!({ "x": 1, "y": 1 })]).with_broker_error(error);
        assert_eq!(run(points, rows).refusal().code, code);
    }
}

#[test]
fn bytes_that_are_not_text_are_unreadable_as_text() {
    let streamed = |artifact: BinaryRef| -> Result<Text, Refusal> {
        let mut text = String::new();
        artifact.reader().read_to_string(&mut text)?;
        Ok(Text::new(text))
    };
    let refused = run(streamed, Request::artifact(vec![0xff, 0xfe], "text/plain"));
    assert_eq!(refused.refusal().code, Refusal::UNREADABLE);
}

#[test]
fn rows_come_typed_page_by_page() {
    for count in [0_i64, 1, 255, 256, 257, 600] {
        let rows = (0..count).map(|n| json!({ "x": n, "y": 1, "extra": null }));
        let answer = run(points, Request::rows(rows));
        assert_eq!(answer.json(), json!({ "x": count * (count - 1) / 2, "y": count }), "{count} rows");
    }
    let counted = |slice: DatasetSlice| -> Result<Text, Refusal> { Ok(Text::new(slice.count()?.to_string())) };
    assert_eq!(run(counted, Request::rows((0..300).map(|_| json!({})))).text(), "300");
}

#[test]
fn a_row_that_does_not_fit_is_named_and_ends_the_rows() {
    let rows = (0..300).map(|n| if n == 270 { json!({ "x": "?" }) } else { json!({ "x": n, "y": 0 }) });
    let refused = run(points, Request::rows(rows));
    assert_eq!(refused.refusal().code, Refusal::INVALID_ROW);
    assert!(refused.refusal().message.starts_with("row 270 of the slice"), "{}", refused.refusal());

    let after = |slice: DatasetSlice| -> Result<Text, Refusal> {
        let mut rows = slice.rows::<Point>();
        assert!(rows.next().is_some_and(|row| row.is_err()));
        assert!(rows.next().is_none());
        Ok(Text::default())
    };
    run(after, Request::rows([json!({}), json!({ "x": 1, "y": 1 })])).outcome();
}

#[test]
fn requests_are_read_as_the_contract_writes_them() {
    let request = |payload: &str, more: &str| {
        let text = format!(
            r#"{{"request_id":"q","run_id":"r","timestamp":"2026-01-01T00:00:00Z","payload":{payload},"context":{{}}{more}}}"#
        );
        Request::from_json(&text)
    };
    let text = r#"{"kind":"text","content":"ü","encoding":"utf-8","metadata":{"a":"b"}}"#;
    let policy = r#","policy":{"deterministic_only":true,"timeout_ms":100,"max_retries":0}"#;
    let answer = run(echo_text, request(text, policy));
    assert_eq!(answer.outcome().payload, Payload::Text(Text::new("ü").with_metadata("a", "b")));
    let point = r#"{"kind":"json","data":{"x":1,"y":2},"schema_ref":"s"}"#;
    assert_eq!(run(swap, request(point, "")).json(), json!({ "x": 2, "y": 1 }));
    let slice = r#"{"kind":"dataset_slice","slice_ids":["1"],"source":"s","filters":{}}"#;
    let rows = [json!({ "x": 5, "y": 6 })];
    assert_eq!(run(points, request(slice, "").with_rows(rows)).json(), json!({ "x": 5, "y": 6 }));
    let sha256_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let artifact = format!(
        r#"{{"kind":"binary_ref","artifact_id":"a","artifact_hash":"{sha256_of_abc}","mime_type":"text/plain"}}"#
    );
    assert_eq!(run(read_all, request(&artifact, "").with_bytes("abc")).text(), "abc");
}

#[test]
#[should_panic(expected = "not a request")]
fn what_is_not_a_request_of_the_contract_is_said_so() {
    Request::from_json(r#"{"payload":{"kind":"text","content":"no ids","encoding":"utf-8","metadata":{}}}"#);
}

#[test]
fn a_panic_leaves_no_host_behind() {
    let panics = |_: Text| -> Result<Text, Refusal> { panic!("on purpose") };
    let caught = std::panic::catch_unwind(|| run(panics, Request::text("")));
    assert!(caught.is_err());
    assert_eq!(run(echo_text, Request::text("next")).text(), "next");
}
