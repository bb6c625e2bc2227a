//! Finds words, and counts them without caring how a hash map orders its entries.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A word is a run of letters and digits; an apostrophe or hyphen between two of them belongs to it.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = skip(text, at, |character| !character.is_alphanumeric());
        at = word_end(text, start);
        text.get(start..at).filter(|word| !word.is_empty())
    })
}

/// Where the word that starts here ends.
fn word_end(text: &str, start: usize) -> usize {
    let mut end = skip(text, start, char::is_alphanumeric);
    while let Some(joint @ ('\'' | '’' | '-')) = char_at(text, end) {
        let next = end + joint.len_utf8();
        let beyond = skip(text, next, char::is_alphanumeric);
        if beyond == next {
            break;
        }
        end = beyond;
    }
    end
}

/// The first place from here on where the character does not belong. ASCII, which is most of most texts, is looked at without decoding.
fn skip(text: &str, from: usize, belongs: impl Fn(char) -> bool) -> usize {
    let mut at = from;
    loop {
        let character = match text.as_bytes().get(at) {
            Some(byte) if byte.is_ascii() => char::from(*byte),
            Some(_) => match char_at(text, at) {
                Some(character) => character,
                None => return at,
            },
            None => return at,
        };
        if !belongs(character) {
            return at;
        }
        at += character.len_utf8();
    }
}

fn char_at(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next()
}

/// How often each word occurs.
pub(crate) type Counts<'a> = HashMap<&'a str, u64, BuildHasherDefault<WordHasher>>;

/// A fast hash without a seed. It needs no randomness from the host, and a text made to collide in it wastes only its own
/// call's time.
#[derive(Default)]
pub(crate) struct WordHasher(u64);

impl WordHasher {
    const MULTIPLIER: u64 = 0x517c_c1b7_2722_0a95;

    fn mix(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(Self::MULTIPLIER);
    }
}

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut eight = [0; 8];
            eight.copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(eight));
        }
        let rest = chunks.remainder().iter();
        self.mix(rest.fold(0, |value, byte| (value << 8) | u64::from(*byte)));
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value));
    }

    fn finish(&self) -> u64 {
        // The map takes its bits from both ends; a multiplication leaves the low ones poor.
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    fn check(text: &str, expect: &[&str]) {
        assert_eq!(words(text).collect::<Vec<_>>(), expect, "{text:?}");
    }

    #[test]
    fn finds_words() {
        check("", &[]);
        check(" ,;- ' ", &[]);
        check("one", &["one"]);
        check("One, two;three", &["One", "two", "three"]);
        check("don't well-known 'quoted'", &["don't", "well-known", "quoted"]);
        check("it’s -5 trailing- rock'n'roll", &["it’s", "5", "trailing", "rock'n'roll"]);
        check("a--b x-", &["a", "b", "x"]);
        check("Straße 東京 naïve", &["Straße", "東京", "naïve"]);
    }
}
