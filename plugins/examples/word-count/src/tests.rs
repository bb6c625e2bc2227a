//! The plugin's function under the SDK's harness.

use omega_plugin::testing::{Request, run};
use serde_json::json;

use crate::handle;

#[test]
fn counts_words() {
    let report = run(handle, Request::text("b a b\u{2003}ccc a\u{feff}\u{1c}d 東京都庁 b")).json();
    let frequent = [("b", 3), ("a", 1), ("ccc", 1), ("a\u{feff}\u{1c}d", 1), ("東京都庁", 1)];
    let frequent: Vec<_> = frequent.iter().map(|(word, count)| json!({"word": word, "count": count})).collect();
    assert_eq!(report, json!({"words": 7, "distinct": 5, "longest": "a\u{feff}\u{1c}d", "frequent": frequent}));
}

#[test]
fn lists_five() {
    let report = run(handle, Request::text("a b c d e f f")).json();
    let words: Vec<_> =
        report["frequent"].as_array().unwrap().iter().map(|each| each["word"].as_str().unwrap()).collect();
    assert_eq!(words, ["f", "a", "b", "c", "d"]);
}

#[test]
fn declines_a_text_without_words() {
    assert_eq!(run(handle, Request::text(" \n\u{3000}")).refusal().code, "no_words");
}

#[test]
fn answers_its_example() {
    assert_eq!(run(handle, Request::from_file("examples/sentence.json")).json()["words"], 9);
}
