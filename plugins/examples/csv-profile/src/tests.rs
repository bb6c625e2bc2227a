//! The plugin's function under the SDK's harness.

use omega_plugin::{
    BrokerError,
    testing::{Request, Run, run},
};
use serde_json::{Value, json};

use crate::{handle, profile::COLUMNS_MAX};

fn profile(file: impl Into<Vec<u8>>) -> Run {
    run(handle, Request::artifact(file, "text/csv"))
}

fn column(profile: &Value, name: &str) -> Value {
    let columns = profile["columns"].as_array().expect("columns");
    columns.iter().find(|column| column["name"] == name).unwrap_or_else(|| panic!("no {name} in {profile}")).clone()
}

#[test]
fn profiles_each_column() {
    let report =
        profile("id,name,price,since,ok\n1,Ada,2.5,2026-01-31,yes\n2,\"Lovelace, A.\",4,2026-02-01,no\n3,,-,,yes\n")
            .json();
    assert_eq!(report["delimiter"], ",");
    assert_eq!(report["has_header"], true);
    assert_eq!((report["rows"].as_u64(), report["ragged_rows"].as_u64()), (Some(3), Some(0)));
    assert_eq!(
        column(&report, "price"),
        json!({
            "name": "price",
            "type": "number",
            "kinds": { "boolean": 0, "integer": 1, "number": 1, "date": 0, "date_time": 0, "text": 0 },
            "nulls": 1,
            "distinct": 2,
            "distinct_is_exact": true,
            "range": { "min": 2.5, "max": 4.0, "mean": 3.25 },
            "lengths": { "min": 1, "max": 3 },
            "examples": ["2.5", "4"],
        })
    );
    for (name, column_type, nulls) in
        [("id", "integer", 0), ("name", "text", 1), ("since", "date", 1), ("ok", "boolean", 0)]
    {
        let column = column(&report, name);
        assert_eq!((&column["type"], &column["nulls"]), (&json!(column_type), &json!(nulls)), "{name}");
    }
    assert_eq!(column(&report, "name")["examples"], json!(["Ada", "Lovelace, A."]));
}

#[test]
fn tells_the_delimiter() {
    for (delimiter, name) in [(',', ","), (';', ";"), ('\t', "\t"), ('|', "|")] {
        let report = profile(format!("a{delimiter}b\n1{delimiter}\"x,;y\"\n2{delimiter}z\n")).json();
        assert_eq!((&report["delimiter"], report["columns"].as_array().map(Vec::len)), (&json!(name), Some(2)));
    }
    let one_column = profile("name\nAda\n").json();
    assert_eq!((&one_column["delimiter"], one_column["columns"].as_array().map(Vec::len)), (&json!(","), Some(1)));
}

#[test]
fn tells_whether_there_is_a_header() {
    for (file, has_header, rows) in
        [("a,b\n1,2\n", true, 1), ("1,2\n3,4\n", false, 2), ("a,a\n1,2\n", false, 2), ("a,\n1,2\n", false, 2)]
    {
        let report = profile(file).json();
        assert_eq!((&report["has_header"], &report["rows"]), (&json!(has_header), &json!(rows)), "{file:?}");
    }
    assert_eq!(profile("1,2\n").json()["columns"][1]["name"], "column_2");
}

#[test]
fn reads_what_spreadsheets_write() {
    let report = profile("\u{feff}name;quote\r\nAda;\"say \"\"hi\"\"\r\nthere\"\r\n").json();
    assert_eq!(report["columns"][0]["name"], "name");
    assert_eq!(report["rows"], 1);
    assert_eq!(column(&report, "quote")["examples"], json!(["say \"hi\"\r\nthere"]));
}

#[test]
fn counts_ragged_rows_and_mixed_kinds() {
    let report = profile("a,b\n1\n1,2,3\nx,2026-01-01\n1,2026-01-01T00:00\n").json();
    assert_eq!(report["ragged_rows"], 2);
    assert_eq!(column(&report, "a")["type"], "mixed");
    assert_eq!(column(&report, "b")["nulls"], 1);
    assert_eq!(
        column(&report, "b")["kinds"],
        json!({ "boolean": 0, "integer": 1, "number": 0, "date": 1, "date_time": 1, "text": 0 })
    );
}

#[test]
fn shows_a_part_of_long_values() {
    let report = profile(format!("a,b\n{},{}\n", "x".repeat(40), "y".repeat(41))).json();
    assert_eq!(column(&report, "a")["examples"], json!(["x".repeat(40)]));
    assert_eq!(column(&report, "b")["examples"], json!(["y".repeat(40) + "…"]));
}

#[test]
fn summarises_as_many_columns_as_it_says_and_no_more() {
    let file = |columns: usize| (0..columns).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
    assert_eq!(profile(file(COLUMNS_MAX)).json()["columns"].as_array().map(Vec::len), Some(COLUMNS_MAX));
    assert_eq!(profile(file(COLUMNS_MAX + 1)).refusal().code, "too_many_columns");
}

#[test]
fn reads_a_file_longer_than_one_answer_of_the_broker() {
    let rows: Vec<String> = (0..20_000).map(|id| format!("{id},{}", id * 2)).collect();
    let file = format!("id,double\n{}", rows.join("\n"));
    let report = profile(file).json();
    assert_eq!((&report["rows"], &column(&report, "id")["range"]["max"]), (&json!(20_000), &json!(19_999.0)));
    assert_eq!(column(&report, "double")["range"]["mean"], json!(19_999.0));
    assert_eq!(column(&report, "id")["distinct_is_exact"], false);
}

#[test]
fn profiles_its_sample() {
    let report = profile(include_bytes!("../samples/sales.csv").as_slice()).json();
    assert_eq!((&report["delimiter"], &report["rows"], &report["ragged_rows"]), (&json!(";"), &json!(6), &json!(0)));
    let types: Vec<(&str, &str)> = report["columns"]
        .as_array()
        .expect("columns")
        .iter()
        .map(|column| (column["name"].as_str().expect("a name"), column["type"].as_str().expect("a type")))
        .collect();
    let expect = [
        ("order", "integer"),
        ("date", "date"),
        ("customer", "text"),
        ("country", "text"),
        ("quantity", "integer"),
        ("unit_price", "number"),
        ("paid", "boolean"),
    ];
    assert_eq!(types, expect);
    assert_eq!(column(&report, "customer")["distinct"], 5);
    assert_eq!(column(&report, "date")["nulls"], 1);
}

#[test]
fn declines_what_is_no_csv() {
    assert_eq!(profile("").refusal().code, "empty");
    let refused = profile(b"a,b\n1,\xff\n".as_slice());
    assert_eq!(
        (refused.refusal().code.as_str(), refused.refusal().message.as_str()),
        ("not_utf8", "line 2 is not UTF-8")
    );
}

#[test]
fn declines_with_the_broker_s_reason() {
    let request =
        Request::artifact("a\n1\n", "text/csv").with_broker_error(BrokerError::LimitExceeded("bytes".to_owned()));
    assert_eq!(run(handle, request).refusal().code, "broker_limit_exceeded");
}
