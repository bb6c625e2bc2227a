//! The plugin's function under the SDK's harness.

use omega_plugin::{
    BrokerError,
    testing::{Request, run},
};
use serde_json::{Value, json};

use crate::{field::COUNTED_VALUES_MAX, handle, summary::FIELDS_MAX};

fn summary(rows: impl IntoIterator<Item = Value>) -> Value {
    run(handle, Request::rows(rows)).json()
}

#[test]
fn summarises_each_field() {
    let report = summary([
        json!({ "country": "GB", "amount": 10, "paid": true }),
        json!({ "country": "DE", "amount": 2.5, "paid": null, "tags": ["x"] }),
        json!({ "country": "GB", "amount": -5, "tags": {} }),
    ]);
    assert_eq!(
        report,
        json!({
            "source": "dataset-under-test",
            "rows": 3,
            "complete_rows": 0,
            "fields": [
                {
                    "name": "amount",
                    "missing": 0,
                    "types": { "null": 0, "boolean": 0, "number": 3, "string": 0, "array": 0, "object": 0 },
                    "distinct": 3,
                    "range": { "min": -5.0, "max": 10.0, "mean": 2.5 },
                    "top_values": [{ "value": "-5", "count": 1 }, { "value": "10", "count": 1 }, { "value": "2.5", "count": 1 }],
                },
                {
                    "name": "country",
                    "missing": 0,
                    "types": { "null": 0, "boolean": 0, "number": 0, "string": 3, "array": 0, "object": 0 },
                    "distinct": 2,
                    "lengths": { "min": 2, "max": 2 },
                    "top_values": [{ "value": "GB", "count": 2 }, { "value": "DE", "count": 1 }],
                },
                {
                    "name": "paid",
                    "missing": 1,
                    "types": { "null": 1, "boolean": 1, "number": 0, "string": 0, "array": 0, "object": 0 },
                    "distinct": 1,
                    "top_values": [{ "value": "true", "count": 1 }],
                },
                {
                    "name": "tags",
                    "missing": 1,
                    "types": { "null": 0, "boolean": 0, "number": 0, "string": 0, "array": 1, "object": 1 },
                    "distinct": 0,
                    "top_values": [],
                },
            ],
        })
    );
}

#[test]
fn counts_complete_rows() {
    let report = summary([
        json!({ "a": 1, "b": 2 }),
        json!({ "a": 1, "b": null }),
        json!({ "b": 1 }),
        json!({ "b": 3, "a": "x" }),
    ]);
    assert_eq!(report["complete_rows"], 2);
    assert_eq!(summary([json!({})])["complete_rows"], 1);
}

#[test]
fn counts_values_up_to_its_limit_and_gives_up_one_past() {
    let distinct = |values: usize| summary((0..values).map(|n| json!({ "n": n })))["fields"][0].clone();
    let counted = distinct(COUNTED_VALUES_MAX);
    assert_eq!(
        (&counted["distinct"], counted["top_values"].as_array().map(Vec::len)),
        (&json!(COUNTED_VALUES_MAX), Some(5))
    );
    let given_up = distinct(COUNTED_VALUES_MAX + 1);
    assert_eq!((&given_up["distinct"], &given_up["top_values"]), (&json!(null), &json!([])));
    assert_eq!(given_up["range"]["max"], json!(1000.0));
}

#[test]
fn shows_a_part_of_long_values() {
    let value =
        |chars: usize| summary([json!({ "a": "ü".repeat(chars) })])["fields"][0]["top_values"][0]["value"].clone();
    assert_eq!(value(60), json!("ü".repeat(60)));
    assert_eq!(value(61), json!("ü".repeat(60) + "…"));
}

#[test]
fn the_mean_of_large_numbers_does_not_overflow() {
    let report = summary([json!({ "n": 1.7e308 }), json!({ "n": 1.7e308 }), json!({ "n": -1.7e308 })]);
    let mean = report["fields"][0]["range"]["mean"].as_f64().expect("a finite mean");
    assert!((mean / 1.7e308 - 1.0 / 3.0).abs() < 1e-9, "{mean}");
}

#[test]
fn summarises_as_many_fields_as_it_says_and_no_more() {
    let rows = |fields: usize| (0..fields).map(|n| json!({ format!("f{n}"): n }));
    assert_eq!(summary(rows(FIELDS_MAX))["fields"].as_array().map(Vec::len), Some(FIELDS_MAX));
    assert_eq!(run(handle, Request::rows(rows(FIELDS_MAX + 1))).refusal().code, "too_many_fields");
}

#[test]
fn declines_a_slice_without_rows() {
    assert_eq!(run(handle, Request::rows([])).refusal().code, "no_rows");
}

#[test]
fn declines_with_the_broker_s_reason() {
    let request = Request::rows([json!({})]).with_broker_error(BrokerError::Unknown("orders".to_owned()));
    assert_eq!(run(handle, request).refusal().code, "broker_unknown");
}

#[test]
fn summarises_its_sample() {
    let rows = include_str!("../samples/orders.ndjson").lines().map(|line| serde_json::from_str(line).expect("a row"));
    let report = summary(rows);
    assert_eq!((&report["rows"], &report["complete_rows"]), (&json!(6), &json!(4)));
    assert_eq!(report["fields"][1]["top_values"][0], json!({ "value": "GB", "count": 3 }));
}
