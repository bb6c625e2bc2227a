//! The plugin's function under the SDK's harness.

use crate::handle;
use omega_plugin::testing::{Request, run};
use serde_json::json;

#[test]
fn reports_on_a_text() {
    let text = "The cat sat. The dog didn't sit!\n\nA well-known cat, indeed: CAT.";
    assert_eq!(
        run(handle, Request::text(text)).json(),
        json!({
            "bytes": 64,
            "characters": 64,
            "lines": 3,
            "paragraphs": 2,
            "sentences": 3,
            "words": 12,
            "unique_words": 9,
            "average_word_characters": 3.92,
            "average_sentence_words": 4.0,
            "reading_seconds": 4,
            "longest_words": ["well-known", "didn't", "indeed", "cat", "dog", "sat", "sit", "the", "a"],
            "most_frequent_words": [
                { "word": "didn't", "count": 1 },
                { "word": "indeed", "count": 1 },
                { "word": "well-known", "count": 1 },
            ],
        })
    );
}

#[test]
fn counts_characters_not_bytes() {
    let report = run(handle, Request::text("Straße STRASSE straße")).json();
    assert_eq!(report["bytes"], 23);
    assert_eq!(report["characters"], 21);
    assert_eq!(report["unique_words"], 2);
    assert_eq!(
        report["most_frequent_words"],
        json!([{ "word": "straße", "count": 2 }, { "word": "strasse", "count": 1 }])
    );
}

#[test]
fn lists_ten_words_and_no_more() {
    let words = |count: u32| (0..count).map(|n| format!("word{n:02}")).collect::<Vec<_>>().join(" ");
    for (count, listed) in [(10, 10), (11, 10)] {
        let report = run(handle, Request::text(words(count))).json();
        for list in ["longest_words", "most_frequent_words"] {
            let listed_here = report[list].as_array().map(Vec::len);
            assert_eq!(listed_here, Some(listed), "{list} of {count}");
        }
        assert_eq!(report["longest_words"][9], "word09");
    }
}

#[test]
fn declines_a_text_without_words() {
    for text in ["", " \n", "?!…", "🙂"] {
        assert_eq!(run(handle, Request::text(text)).refusal().code, "no_words");
    }
}

#[test]
fn answers_its_examples() {
    let report = run(handle, Request::from_file("examples/article.json")).json();
    assert_eq!(report["sentences"], 5);
    assert_eq!(report["most_frequent_words"][0], json!({ "word": "that", "count": 4 }));
}
