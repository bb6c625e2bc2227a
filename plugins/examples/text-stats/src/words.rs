//! Finds words, and counts them without caring how a hash map orders its entries.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A word is a run of letters and digits; an apostrophe or hyphen between two of them belongs to it.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(char::is_alphanumeric)?;
        let from = rest.get(start..)?;
        let (word, after) = from.split_at_checked(word_bytes(from))?;
        rest = after;
        Some(word)
    })
}

/// The length in bytes of the word that the text starts with.
fn word_bytes(text: &str) -> usize {
    let mut end = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, character)) = chars.next() {
        let joins =
            matches!(character, '\'' | '’' | '-') && chars.peek().is_some_and(|(_, next)| next.is_alphanumeric());
        if !character.is_alphanumeric() && !joins {
            break;
        }
        end = at + character.len_utf8();
    }
    end
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
