//! A piece of text with a meaning: what tables and lines are made of.

use super::style::Tone;
use super::untrusted;

/// Harmless text on one line, with its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// Makes text harmless and gives it a meaning.
    pub(crate) fn new(tone: Tone, text: impl AsRef<str>) -> Self {
        Self { text: untrusted::one_line(text.as_ref()).into_owned(), tone }
    }

    /// Text that means nothing special.
    pub(crate) fn plain(text: impl AsRef<str>) -> Self {
        Self::new(Tone::Plain, text)
    }

    /// Text for completeness.
    pub(crate) fn faint(text: impl AsRef<str>) -> Self {
        Self::new(Tone::Faint, text)
    }

    /// The text, harmless.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The meaning.
    pub(crate) const fn tone(&self) -> Tone {
        self.tone
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::plain(text)
    }
}
