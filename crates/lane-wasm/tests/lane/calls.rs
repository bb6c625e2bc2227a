//! A guest is called and returns.

use std::sync::Arc;

use omega_contract::payload::{BinaryRefPayload, DatasetSlicePayload};
use omega_contract::ports::{GuestOutput, GuestPayload, LaneCall, LaneEnding};
use omega_contract::{Capability, Payload, Sha256Hex};
use serde_json::json;

use crate::support::imports::{ARTIFACTS, BROKER, DATASETS, LOG};
use crate::support::wat::Guest;
use crate::support::{ARTIFACT, RecordingHost, call, call_on, lane, program, program_with, request, run, text};

#[tokio::test]
async fn a_guest_gives_back_the_text_that_it_was_given() {
    let lane = lane();
    let program = program(Guest::echo().build());
    for content in ["", "hello", "schön ✓", &"x".repeat(500_000)] {
        assert_eq!(text(&run(&lane, &program, call(content)).await), content);
    }
}

#[tokio::test]
async fn every_kind_of_payload_goes_in_and_comes_out() {
    let lane = lane();
    let program = program(Guest::mirror().build());
    let mut text = omega_contract::payload::TextPayload {
        content: "words".to_owned(),
        encoding: omega_contract::payload::Encoding::Utf8,
        metadata: [("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())].into(),
    };
    let pairs = || vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())];
    let json = json!({"z": 1.0, "a": [1e21, "ü", null]});
    let hash = Sha256Hex::of(b"x");
    let cases = [
        (
            Payload::Text(text.clone()),
            GuestPayload::Text { content: "words".to_owned(), encoding: "utf-8".to_owned(), metadata: pairs() },
        ),
        (
            Payload::json(json.as_object().unwrap().clone(), "some:ref").unwrap(),
            // Canonical (RFC 8785): sorted, and 1.0 is 1, so that one hash is one input.
            GuestPayload::Json {
                data: r#"{"a":[1e+21,"ü",null],"z":1}"#.to_owned(),
                schema_ref: "some:ref".to_owned(),
            },
        ),
        (
            Payload::BinaryRef(BinaryRefPayload {
                artifact_id: "id".to_owned(),
                artifact_hash: hash,
                mime_type: "text/csv".to_owned(),
            }),
            GuestPayload::BinaryRef {
                artifact_id: "id".to_owned(),
                artifact_hash: hash.to_string(),
                mime_type: "text/csv".to_owned(),
            },
        ),
        (
            Payload::DatasetSlice(DatasetSlicePayload {
                slice_ids: vec!["2".to_owned(), "1".to_owned()],
                source: "rows".to_owned(),
                filters: std::mem::take(&mut text.metadata),
            }),
            GuestPayload::DatasetSlice {
                slice_ids: vec!["2".to_owned(), "1".to_owned()],
                source: "rows".to_owned(),
                filters: pairs(),
            },
        ),
    ];
    for (payload, expect) in cases {
        let call = LaneCall { request: Arc::new(request(payload)), ..call("") };
        let notes = "1970-01-01T00:00:00.000000Z".to_owned();
        let got = run(&lane, &program, call).await.ending;
        assert_eq!(got, LaneEnding::Finished(GuestOutput { payload: expect, notes }));
    }
}

#[tokio::test]
async fn ids_time_and_context_are_shown() {
    let lane = lane();
    // The number of context entries, and the run id as the code of a refusal.
    let guest = Guest::new(
        "(if (result i32) (i32.eq (local.get $context_length) (i32.const 1))
           (then (call $refuse (local.get $request_id) (local.get $request_id_length)
                               (local.get $run_id) (local.get $run_id_length)))
           (else unreachable))",
    );
    let mut request = request(Payload::text(""));
    request.request_id = "request".to_owned();
    request.run_id = "run".to_owned();
    request.context.insert("key".to_owned(), "value".to_owned());
    let call = LaneCall { request: Arc::new(request), ..call("") };
    let got = run(&lane, &program(guest.build()), call).await.ending;
    assert_eq!(got, LaneEnding::Declined { code: "request".to_owned(), message: "run".to_owned() });
}

#[tokio::test]
async fn the_export_has_the_name_that_the_program_gives() {
    let lane = lane();
    let mut program = program(Guest::echo().export("work").build());
    program.export = "work".to_owned();
    assert_eq!(text(&run(&lane, &program, call("x")).await), "x");
}

#[tokio::test]
async fn log_is_linked_for_every_program_and_bounded() {
    let lane = lane();
    let body = "(local.set $a (i32.const 300))
      (loop $again
        (call $log (i32.const 2) (local.get $content) (local.get $length))
        (br_if $again (local.tee $a (i32.sub (local.get $a) (i32.const 1)))))
      (call $reply (i32.const 0) (i32.const 0))";
    let host = Arc::new(RecordingHost::default());
    let report = run(&lane, &program(Guest::new(body).import(LOG).build()), call_on("a line", host.clone())).await;
    assert_eq!(text(&report), "");
    // 4 KiB hold 315 lines of "warn: a line\n".
    assert_eq!(report.facts["log_lines_kept"], "300");
    assert_eq!(host.asked(), vec!["log Warn a line"; 300]);
    let report = run(&lane, &program(Guest::new(body).import(LOG).build()), call(&"x".repeat(100))).await;
    let (kept, dropped) = (&report.facts["log_lines_kept"], &report.facts["log_lines_dropped"]);
    assert_eq!((kept.as_str(), dropped.as_str(), report.facts["host_calls"].as_str()), ("38", "262", "300"));
    assert_eq!(report.output_text, format!("warn: {}\n", "x".repeat(100)).repeat(38));
}

#[tokio::test]
async fn an_artifact_is_read_through_the_host() {
    let lane = lane();
    let guest = Guest::new(
        "(call $read (local.get $content) (local.get $length) (i64.const 4) (i32.const 5) (i32.const 120))
         (call $reply (i32.load (i32.const 124)) (i32.load (i32.const 128)))",
    );
    let program = program_with(guest.import(BROKER).import(ARTIFACTS).build(), &[Capability::ReadBinaryRef]);
    let host = Arc::new(RecordingHost::default());
    let report = run(&lane, &program, call_on("photo", host.clone())).await;
    assert_eq!(text(&report).as_bytes(), &ARTIFACT[4..9]);
    assert_eq!(host.asked(), ["read photo 4 5"]);
}

#[tokio::test]
async fn what_a_broker_says_reaches_the_guest() {
    let lane = lane();
    let guest = Guest::new(
        "(call $size (local.get $content) (local.get $length) (i32.const 120))
         (if (result i32) (i32.load8_u (i32.const 120))
           (then (call $reply (i32.load (i32.const 132)) (i32.load (i32.const 136))))
           (else (call $reply_i64 (i64.load (i32.const 128)))))",
    );
    let program = program_with(guest.import(BROKER).import(ARTIFACTS).build(), &[Capability::ReadBinaryRef]);
    assert_eq!(text(&run(&lane, &program, call("photo")).await), ARTIFACT.len().to_string());
    assert_eq!(text(&run(&lane, &program, call("denied")).await), "not this one");
}

#[tokio::test]
async fn more_than_fits_into_memory_is_not_even_asked_for() {
    let lane = lane();
    let guest = Guest::new(
        "(call $read (local.get $content) (local.get $length) (i64.const 0) (i32.const -1) (i32.const 120))
         (call $reply (i32.load (i32.const 128)) (i32.load (i32.const 132)))",
    );
    let program = program_with(guest.import(BROKER).import(ARTIFACTS).build(), &[Capability::ReadBinaryRef]);
    let host = Arc::new(RecordingHost::default());
    let report = run(&lane, &program, call_on("photo", host.clone())).await;
    assert_eq!(text(&report), "4294967295 bytes asked for, 67108864 bytes of memory");
    assert!(host.asked().is_empty());
}

#[tokio::test]
async fn rows_are_read_through_the_host() {
    let lane = lane();
    let guest = Guest::new(
        "(call $count (i32.const 120))
         (call $rows (i64.sub (i64.load (i32.const 128)) (i64.const 1)) (i32.const 10) (i32.const 140))
         (if (i32.ne (i32.load (i32.const 148)) (i32.const 1)) (then unreachable))
         (local.set $a (i32.load (i32.const 144)))
         (call $reply (i32.load (local.get $a)) (i32.load offset=4 (local.get $a)))",
    );
    let program = program_with(guest.import(BROKER).import(DATASETS).build(), &[Capability::ReadDatasetSlice]);
    let host = Arc::new(RecordingHost::default());
    assert_eq!(text(&run(&lane, &program, call_on("", host.clone())).await), r#"{"row":2}"#);
    assert_eq!(host.asked(), ["count", "rows 2 10"]);
}
