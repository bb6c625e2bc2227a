//! Text from outside, made harmless for a terminal.
//!
//! Plugin names, descriptions, notes and file names can hold anything. What never happens here: a control
//! character, an escape sequence or a character that turns the direction of text reaches a terminal as such.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Text for one line: every control and direction character is written out, line breaks and tabs included.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    escape(text, is_control)
}

/// Text that may run over several lines: line breaks and tabs stay, every other control character is written out.
pub(crate) fn many_lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_control(c) && !matches!(c, '\n' | '\t'))
}

/// JSON text whose strings hold no control or direction character as such; the document stays the same.
///
/// Outside strings JSON has no such character but white space, and inside them `\u` means the same.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| is_control(c) && !matches!(c, '\n' | '\t' | '\r');
    if !text.chars().any(harmful) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if harmful(c) {
            // All of them are in the Basic Multilingual Plane, so four digits are enough; text takes what is written.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

fn escape(text: &str, harmful: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&harmful) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' if harmful(c) => escaped.push_str("\\n"),
            '\t' if harmful(c) => escaped.push_str("\\t"),
            '\r' => escaped.push_str("\\r"),
            c if harmful(c) => escaped.extend(c.escape_unicode()),
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// C0, DEL, C1, line and paragraph separators, and what turns or hides text: marks, embeddings, overrides
/// and isolates (Unicode Technical Report 36, "Bidirectional Text Spoofing"), zero-width space, byte order mark.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_terminal_gets_through() {
        let check = |text: &str, line: &str, lines: &str| {
            assert_eq!(one_line(text), line);
            assert_eq!(many_lines(text), lines);
        };
        check("plain äöü 🦀", "plain äöü 🦀", "plain äöü 🦀");
        check("a\nb\tc", "a\\nb\\tc", "a\nb\tc");
        check("\u{1b}[2J\u{1b}]0;owned\u{7}", "\\u{1b}[2J\\u{1b}]0;owned\\u{7}", "\\u{1b}[2J\\u{1b}]0;owned\\u{7}");
        check("over\rwritten", "over\\rwritten", "over\\rwritten");
        check("\u{9b}31m", "\\u{9b}31m", "\\u{9b}31m");
        check("exe.\u{202e}txt", "exe.\\u{202e}txt", "exe.\\u{202e}txt");
    }

    #[test]
    fn escaped_json_is_the_same_document() {
        let value = serde_json::json!({"a\u{9b}": "x\u{202e}y\u{1b}\u{7f}\n"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let harmless = json(&text);
        assert!(!harmless.chars().any(|c| is_control(c) && c != '\n'), "{harmless:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&harmless).unwrap(), value);
    }
}
