//! `word-count`: text to a JSON report of its words. The same plugin in Python and in JavaScript is `word-count-python` and
//! `word-count-js`: for the same text each gives the same bytes.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use omega_plugin::{Json, JsonPayload, Refusal, Text, plugin};
use serde::Serialize;

/// How many words are listed as frequent.
const FREQUENT_MAX: usize = 5;

/// What the plugin answers.
#[derive(Debug, Serialize)]
struct Report {
    words: u64,
    distinct: u64,
    /// The first of the longest, in characters.
    longest: String,
    /// The most frequent; of equals the one that comes first.
    frequent: Vec<Frequency>,
}

/// A word and how often it comes.
#[derive(Debug, Serialize)]
struct Frequency {
    word: String,
    count: u64,
}

impl JsonPayload for Report {
    const SCHEMA_REF: &'static str = "omega:word-count:output:report:v1.0.0";
}

/// Counts the words, which are what stands between white space.
///
/// # Errors
/// Declines a text without any (`no_words`).
#[plugin]
fn handle(text: Text) -> Result<Json<Report>, Refusal> {
    let mut counted: Vec<(&str, u64)> = Vec::new();
    let mut places = BTreeMap::new();
    for word in text.content.split_whitespace() {
        let place = *places.entry(word).or_insert(counted.len());
        if place == counted.len() {
            counted.push((word, 0));
        }
        counted[place].1 += 1;
    }
    let longest = counted
        .iter()
        .map(|(word, _)| *word)
        .reduce(|longest, word| if word.chars().count() > longest.chars().count() { word } else { longest });
    let Some(longest) = longest.map(str::to_owned) else {
        return Err(Refusal::new("no_words", "there are no words to count"));
    };
    let (words, distinct) = (counted.iter().map(|(_, count)| count).sum(), counted.len() as u64);
    // Stable: equals stay in the order in which they came.
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let frequent =
        counted.iter().take(FREQUENT_MAX).map(|(word, count)| Frequency { word: (*word).to_owned(), count: *count });
    Ok(Json::new(Report { words, distinct, longest, frequent: frequent.collect() }))
}
