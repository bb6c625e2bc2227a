//! The log of one call: bounded lines of plain text.
//!
//! What never happens here: a guest's text reaching a terminal or a file with control characters in it, or
//! one message taking more than one line.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use omega_contract::ports::GuestLogLevel;

/// Bytes of one line; the rest is cut, and the cut is marked with `…`.
pub const LOG_LINE_BYTES_MAX: usize = 8 * 1024;
/// Lines that one call may leave, whatever their length.
pub const LOG_LINES_MAX: usize = 10_000;

/// One line that a guest logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestLogLine {
    /// How much it matters.
    pub level: GuestLogLevel,
    /// One line of text without control characters.
    pub message: String,
}

/// What a call logged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuestLogLines {
    /// The lines that were kept, in order.
    pub lines: Vec<GuestLogLine>,
    /// How many were dropped because the call had no room left.
    pub dropped: u64,
}

impl GuestLogLines {
    /// The lines as text, each with its level, and a last one that says how many are missing.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for GuestLogLine { level, message } in &self.lines {
            let level = match level {
                GuestLogLevel::Debug => "debug",
                GuestLogLevel::Info => "info",
                GuestLogLevel::Warn => "warn",
                GuestLogLevel::Error => "error",
            };
            let _writing_to_a_string_never_fails = writeln!(text, "{level}: {message}");
        }
        if self.dropped > 0 {
            let _writing_to_a_string_never_fails = writeln!(text, "({} lines dropped)", self.dropped);
        }
        text
    }
}

#[derive(Debug)]
pub(crate) struct GuestLog {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    kept: GuestLogLines,
    bytes_left: u64,
}

impl GuestLog {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { state: Mutex::new(State { kept: GuestLogLines::default(), bytes_left: bytes_max }) }
    }

    pub(crate) fn write(&self, level: GuestLogLevel, message: &str) {
        let message = plain_line(message);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // An empty message takes room too.
        match state.bytes_left.checked_sub(message.len() as u64 + 1) {
            Some(left) if state.kept.lines.len() < LOG_LINES_MAX => {
                state.bytes_left = left;
                state.kept.lines.push(GuestLogLine { level, message });
            }
            _ => state.kept.dropped += 1,
        }
    }

    pub(crate) fn lines(&self) -> GuestLogLines {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).kept.clone()
    }
}

/// Replaces what a terminal or a reader of lines would obey, and cuts at [`LOG_LINE_BYTES_MAX`].
fn plain_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len().min(LOG_LINE_BYTES_MAX));
    for character in message.chars() {
        let shown = if is_obeyed(character) { char::REPLACEMENT_CHARACTER } else { character };
        if line.len() + shown.len_utf8() > LOG_LINE_BYTES_MAX {
            // Room for the mark itself.
            line.truncate(line.floor_char_boundary(LOG_LINE_BYTES_MAX - '…'.len_utf8()));
            line.push('…');
            break;
        }
        line.push(shown);
    }
    line
}

/// Control characters (C0, C1, DEL), line and paragraph separators, and what turns the direction of text.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_plain() {
        let check = |message: &str, expect: &str| assert_eq!(plain_line(message), expect, "{message:?}");
        check("plain, ünïcode, 🦀", "plain, ünïcode, 🦀");
        check("a\nerror: forged", "a\u{fffd}error: forged");
        check("\u{1b}[31mred\u{7}", "\u{fffd}[31mred\u{fffd}");
        check("a\u{9b}b\u{7f}\0\r\t", "a\u{fffd}b\u{fffd}\u{fffd}\u{fffd}\u{fffd}");
        check("a\u{202e}b\u{2066}c\u{2028}d", "a\u{fffd}b\u{fffd}c\u{fffd}d");
    }

    #[test]
    fn a_line_is_cut_one_byte_past_its_limit() {
        let at = "x".repeat(LOG_LINE_BYTES_MAX);
        assert_eq!(plain_line(&at), at);
        for past in [format!("{at}x"), "🦀".repeat(LOG_LINE_BYTES_MAX), "\0".repeat(LOG_LINE_BYTES_MAX)] {
            let line = plain_line(&past);
            assert!(line.len() <= LOG_LINE_BYTES_MAX && line.ends_with('…'), "{}", line.len());
        }
    }

    #[test]
    fn what_is_over_the_bounds_is_counted_and_dropped() {
        let log = GuestLog::new(10);
        for message in ["1234", "1234", "", "x"] {
            log.write(GuestLogLevel::Info, message);
        }
        let kept = log.lines();
        assert_eq!((kept.lines.len(), kept.dropped), (2, 2));
        assert_eq!(kept.to_text(), "info: 1234\ninfo: 1234\n(2 lines dropped)\n");

        let log = GuestLog::new(u64::MAX);
        for _ in 0..=LOG_LINES_MAX {
            log.write(GuestLogLevel::Debug, "");
        }
        assert_eq!((log.lines().lines.len(), log.lines().dropped), (LOG_LINES_MAX, 1));
    }
}
