//! The report: what is counted, and how each number is defined.

use std::cmp::Reverse;

use omega_plugin::JsonPayload;
use serde::Serialize;

use crate::words::{Counts, words};

/// How many words the two lists of the report name at most.
pub(crate) const LISTED_WORDS_MAX: usize = 10;
/// Words shorter than this, in characters, are not listed as frequent: they are mostly articles and prepositions.
pub(crate) const FREQUENT_WORD_CHARS_MIN: u64 = 4;
/// Silent reading of English non-fiction: 238 words per minute (Brysbaert 2019).
pub(crate) const READING_WORDS_PER_MINUTE: u64 = 238;

/// For how much text room is made in advance, in bytes.
const COUNTED_BYTES_EXPECTED: usize = 64 * 1024;

/// What is in a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Report {
    /// UTF-8 bytes.
    pub(crate) bytes: u64,
    /// Unicode scalar values.
    pub(crate) characters: u64,
    /// Lines; a last one without a line feed counts.
    pub(crate) lines: u64,
    /// Blocks of lines with something on them.
    pub(crate) paragraphs: u64,
    /// Runs of text that end in `.`, `!`, `?` or `…` before white space or the end; the last needs no such end.
    pub(crate) sentences: u64,
    /// Runs of letters and digits, with the apostrophes and hyphens inside them.
    pub(crate) words: u64,
    /// Different words, without regard to case.
    pub(crate) unique_words: u64,
    /// Characters per word, to two decimals.
    pub(crate) average_word_characters: f64,
    /// Words per sentence, to two decimals.
    pub(crate) average_sentence_words: f64,
    /// Seconds to read it silently, rounded up.
    pub(crate) reading_seconds: u64,
    /// The longest different words in lower case, longest first, then alphabetically.
    pub(crate) longest_words: Vec<String>,
    /// The most frequent words of four characters or more, most frequent first, then alphabetically.
    pub(crate) most_frequent_words: Vec<Frequency>,
}

/// How often a word occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Frequency {
    /// The word in lower case.
    pub(crate) word: String,
    /// How often.
    pub(crate) count: u64,
}

impl JsonPayload for Report {
    const SCHEMA_REF: &'static str = "omega:text-stats:output:report:v1.0.0";
}

impl Report {
    /// The report on a text, or nothing where it has no words.
    pub(crate) fn on(text: &str) -> Option<Self> {
        let lower = text.to_lowercase();
        // English has a word in six bytes, and half of them are new ones: room for them from the start saves growing.
        let mut counts = Counts::with_capacity_and_hasher(lower.len().min(COUNTED_BYTES_EXPECTED) / 12, <_>::default());
        for word in words(&lower) {
            *counts.entry(word).or_insert(0) += 1;
        }
        if counts.is_empty() {
            return None;
        }
        let count: u64 = counts.values().sum();
        let word_characters: u64 = counts.iter().map(|(word, count)| characters(word) * count).sum();
        let sentences = sentences(text);
        Some(Self {
            bytes: text.len() as u64,
            characters: characters(text),
            lines: text.lines().count() as u64,
            paragraphs: paragraphs(text),
            sentences,
            words: count,
            unique_words: counts.len() as u64,
            average_word_characters: ratio(word_characters, count),
            average_sentence_words: ratio(count, sentences),
            reading_seconds: (count * 60).div_ceil(READING_WORDS_PER_MINUTE),
            longest_words: longest(&counts),
            most_frequent_words: most_frequent(&counts),
        })
    }
}

fn characters(text: &str) -> u64 {
    // Counting is made for long texts; a word is sooner seen to be ASCII.
    let count = if text.is_ascii() { text.len() } else { text.chars().count() };
    count as u64
}

fn paragraphs(text: &str) -> u64 {
    let mut count = 0;
    let mut blank_before = true;
    for line in text.lines() {
        let blank = line.trim().is_empty();
        count += u64::from(blank_before && !blank);
        blank_before = blank;
    }
    count
}

fn sentences(text: &str) -> u64 {
    let mut count = 0;
    let mut words_since_end = false;
    let mut ending = false;
    for character in text.chars() {
        match character {
            '.' | '!' | '?' | '…' => ending = words_since_end,
            '。' | '！' | '？' => {
                // These need no white space after them.
                count += u64::from(words_since_end);
                (words_since_end, ending) = (false, false);
            }
            '"' | '\'' | '”' | '’' | ')' | ']' | '»' => {}
            _ if character.is_whitespace() => {
                count += u64::from(ending);
                words_since_end &= !ending;
                ending = false;
            }
            _ => {
                words_since_end |= character.is_alphanumeric();
                ending = false;
            }
        }
    }
    count + u64::from(words_since_end)
}

/// To two decimals, so that the report reads well and does not show the last bits of a division.
#[allow(clippy::cast_precision_loss, reason = "a text of 2^53 words does not fit in memory")]
fn ratio(numerator: u64, denominator: u64) -> f64 {
    (numerator as f64 * 100.0 / denominator as f64).round() / 100.0
}

fn longest(counts: &Counts<'_>) -> Vec<String> {
    let measured = counts.keys().map(|word| (characters(word), *word));
    top(measured).into_iter().map(|(_, word)| word.to_owned()).collect()
}

fn most_frequent(counts: &Counts<'_>) -> Vec<Frequency> {
    let long_enough = counts.iter().filter(|(word, _)| characters(word) >= FREQUENT_WORD_CHARS_MIN);
    let counted = long_enough.map(|(word, count)| (*count, *word));
    top(counted).into_iter().map(|(count, word)| Frequency { word: word.to_owned(), count }).collect()
}

/// The [`LISTED_WORDS_MAX`] words with the highest values, then alphabetically. The order is total, so how the map hands
/// its entries out does not show.
fn top<'a>(entries: impl Iterator<Item = (u64, &'a str)>) -> Vec<(u64, &'a str)> {
    let mut listed: Vec<(u64, &str)> = Vec::with_capacity(LISTED_WORDS_MAX + 1);
    for entry in entries {
        let before = |other: &(u64, &str)| (Reverse(other.0), other.1) < (Reverse(entry.0), entry.1);
        if listed.len() == LISTED_WORDS_MAX && listed.last().is_some_and(before) {
            continue;
        }
        listed.insert(listed.partition_point(before), entry);
        listed.truncate(LISTED_WORDS_MAX);
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::{paragraphs, sentences};

    #[test]
    fn counts_sentences() {
        let check = |text: &str, expect: u64| assert_eq!(sentences(text), expect, "{text:?}");
        check("", 0);
        check("...", 0);
        check("No end", 1);
        check("One. Two! Three?", 3);
        check("Version 1.2.3 is out. See example.org", 2);
        check("\"Really?!\" he said. \"Yes.\"", 3);
        check("Well... yes.", 2);
        check("一。二！三", 3);
    }

    #[test]
    fn counts_paragraphs() {
        let check = |text: &str, expect: u64| assert_eq!(paragraphs(text), expect, "{text:?}");
        check("", 0);
        check("\n \n", 0);
        check("one\nstill one", 1);
        check("\n\none\n\n\n two\n", 2);
    }
}
