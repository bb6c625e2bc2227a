//! Which sentences of a text could be its headline, and how good each is.

use std::collections::BTreeMap;

/// How many words a headline has.
const WORDS_MIN: usize = 3;
const WORDS_MAX: usize = 14;

/// How many sentences are chosen among.
pub(crate) const CANDIDATES_MAX: usize = 5;

/// Shorter words say little about what a text is about.
const TELLING_WORD_CHARS_MIN: usize = 5;

/// A sentence that could be the headline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate<'a> {
    sentence: &'a str,
    /// How much it says of what the text is about; at least 1.
    pub(crate) score: u64,
}

impl Candidate<'_> {
    /// The sentence as a headline: without its end, on one line.
    pub(crate) fn headline(&self) -> String {
        let words: Vec<&str> = self.sentence.split_whitespace().collect();
        words.join(" ").trim_end_matches(['.', '!', ';', ':', ',']).to_owned()
    }
}

/// The best sentences, best first, then in the order of the text.
pub(crate) fn candidates(text: &str) -> Vec<Candidate<'_>> {
    let mut frequency: BTreeMap<String, u64> = BTreeMap::new();
    for word in telling_words(text) {
        *frequency.entry(word).or_insert(0) += 1;
    }
    let mut found: Vec<Candidate<'_>> = sentences(text)
        .filter(|sentence| (WORDS_MIN..=WORDS_MAX).contains(&sentence.split_whitespace().count()))
        .filter(|sentence| sentence.contains(char::is_alphanumeric))
        .map(|sentence| Candidate { sentence, score: score(sentence, &frequency) })
        .collect();
    found.sort_by_key(|candidate| std::cmp::Reverse(candidate.score));
    found.truncate(CANDIDATES_MAX);
    found
}

/// How often the text uses the sentence's telling words, per word of the sentence.
fn score(sentence: &str, frequency: &BTreeMap<String, u64>) -> u64 {
    let sum: u64 = telling_words(sentence).filter_map(|word| frequency.get(&word)).sum();
    let words = sentence.split_whitespace().count() as u64;
    1 + 10 * sum / words.max(1)
}

fn telling_words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| word.chars().nth(TELLING_WORD_CHARS_MIN - 1).is_some())
        .map(str::to_lowercase)
}

/// Sentences end at `.`, `!` or `?` before white space, and at an empty line.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (sentence, after) = rest.split_at_checked(sentence_bytes(rest))?;
        rest = after;
        Some(sentence.trim())
    })
}

fn sentence_bytes(text: &str) -> usize {
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        let ended = matches!(before, '.' | '!' | '?') && character.is_whitespace();
        if ended || (before == '\n' && character == '\n') {
            return at + character.len_utf8();
        }
        before = character;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{CANDIDATES_MAX, WORDS_MAX, candidates, sentences};

    #[test]
    fn finds_sentences() {
        let check = |text: &str, expect: &[&str]| assert_eq!(sentences(text).collect::<Vec<_>>(), expect, "{text:?}");
        check("", &[]);
        check("One. Two! Three? Four", &["One.", "Two!", "Three?", "Four"]);
        check("Title without end\n\nVersion 1.2 is out.", &["Title without end", "Version 1.2 is out."]);
    }

    #[test]
    fn a_headline_has_so_many_words_and_no_more() {
        let sentence = |words: usize| vec!["word"; words].join(" ");
        for (words, fits) in [(2, false), (3, true), (WORDS_MAX, true), (WORDS_MAX + 1, false)] {
            assert_eq!(candidates(&sentence(words)).len(), usize::from(fits), "{words} words");
        }
    }

    #[test]
    fn the_best_sentences_come_first() {
        let text =
            "It was so. Ledgers remember what ledgers were told. And a ledger is a book. Ledgers, ledgers, ledgers!";
        let headlines: Vec<String> = candidates(text).iter().map(super::Candidate::headline).collect();
        assert_eq!(headlines[0], "Ledgers, ledgers, ledgers");
        assert_eq!(headlines[1], "Ledgers remember what ledgers were told");
        assert_eq!(candidates(&"A short sentence. ".repeat(9)).len(), CANDIDATES_MAX);
    }
}
