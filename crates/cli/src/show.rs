//! How the words of the contract look to a person: times, sizes, hashes, statuses.

use std::fmt::Display;

use omega_gateway::contract::plugin_info::PluginStatus;
use omega_gateway::contract::{EventKind, Severity, Sha256Hex, Status};

use crate::output::{Cell, Tone};

/// Hex digits of a hash that tables show; `--json` has them all.
const SHORT_HASH_DIGITS: usize = 12;

/// The beginning of a hash.
pub(crate) fn short(hash: &str) -> String {
    hash.chars().take(SHORT_HASH_DIGITS).collect()
}

/// The beginning of a hash.
pub(crate) fn short_hash(hash: &Sha256Hex) -> String {
    short(hash.to_hex().as_str())
}

/// A time as the ledger writes it, to the second, without the letters: `2026-11-20 11:18:34`.
pub(crate) fn when(timestamp: impl Display) -> String {
    format!("{timestamp}").chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// A size for people: `7 B`, `4.1 KiB`, `1.0 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1_024 {
        return format!("{count} B");
    }
    // Tenths are enough for people, and whole numbers keep every digit true.
    let mut tenths = u128::from(count) * 10 / 1_024;
    for unit in UNITS {
        if tenths < 10_240 || unit == "TiB" {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        tenths /= 1_024;
    }
    format!("{count} B")
}

/// A count with its noun: `1 event`, `2 events`.
pub(crate) fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Names with commas, or a word for none.
pub(crate) fn list(names: impl IntoIterator<Item = impl ToString>, none: &str) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}

/// How a call ended.
pub(crate) fn status(status: Status) -> Cell {
    let tone = match status {
        Status::Ok => Tone::Good,
        Status::Rejected => Tone::Warning,
        Status::Timeout | Status::Error => Tone::Bad,
    };
    Cell::new(tone, status.as_str())
}

/// Where a plugin stands.
pub(crate) fn plugin_status(status: PluginStatus) -> Cell {
    let tone = match status {
        PluginStatus::Enabled => Tone::Good,
        PluginStatus::Registered | PluginStatus::Disabled => Tone::Plain,
        PluginStatus::Rejected => Tone::Bad,
    };
    Cell::new(tone, status.as_str())
}

/// What happened.
pub(crate) fn kind(kind: EventKind) -> Cell {
    let tone = match kind {
        EventKind::Result => Tone::Good,
        EventKind::Reject => Tone::Warning,
        EventKind::Error => Tone::Bad,
        _ => Tone::Plain,
    };
    Cell::new(tone, kind.as_str())
}

/// How bad an issue is.
pub(crate) fn severity(severity: Severity) -> Cell {
    match severity {
        Severity::Error => Cell::new(Tone::Bad, "error"),
        Severity::Warning => Cell::new(Tone::Warning, "warning"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let check = |count: u64, expect: &str| assert_eq!(bytes(count), expect);
        check(0, "0 B");
        check(1_023, "1023 B");
        check(1_024, "1.0 KiB");
        check(4_200, "4.1 KiB");
        check(1_048_575, "1023.9 KiB");
        check(1_048_576, "1.0 MiB");
        check(u64::MAX, "16777215.9 TiB");
    }

    #[test]
    fn times_and_counts() {
        assert_eq!(when("2026-11-20T11:18:34.123456Z"), "2026-11-20 11:18:34");
        assert_eq!(count(1_u64, "event"), "1 event");
        assert_eq!(count(0_usize, "event"), "0 events");
    }
}
