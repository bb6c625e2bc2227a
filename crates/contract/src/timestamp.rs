//! Points in time, to the microsecond, written as RFC 3339 in UTC.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
///
/// Written as RFC 3339 with exactly six fractional digits and `Z`, so that text order is time order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp {
    unix_micros: i64,
}

/// The text is not an RFC 3339 date and time with an offset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 date and time: {0}")]
pub struct NotTimestamp(String);

/// 9999-12-30T22:00:00.999999Z: the last that has a four-digit year (RFC 3339 has no later) under every
/// offset, and so the last that jiff reads.
const UNIX_MICROS_MAX: i64 = 253_402_207_200_999_999;
/// 0000-01-01T00:00:00Z.
const UNIX_MICROS_MIN: i64 = -62_167_219_200_000_000;

impl Timestamp {
    /// 1970-01-01T00:00:00Z, which deterministic plugins are shown.
    pub const EPOCH: Self = Self { unix_micros: 0 };

    /// From microseconds since the Unix epoch; what RFC 3339 cannot write is clamped to what it can.
    pub const fn from_unix_micros(unix_micros: i64) -> Self {
        let clamped = if unix_micros > UNIX_MICROS_MAX {
            UNIX_MICROS_MAX
        } else if unix_micros < UNIX_MICROS_MIN {
            UNIX_MICROS_MIN
        } else {
            unix_micros
        };
        Self { unix_micros: clamped }
    }

    /// Microseconds since the Unix epoch.
    pub const fn unix_micros(self) -> i64 {
        self.unix_micros
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Days-to-civil after Howard Hinnant's `civil_from_days`; ours because this runs four times a
        // call and a general formatter costs more than the event's hash.
        let seconds = self.unix_micros.div_euclid(1_000_000);
        let micros = self.unix_micros.rem_euclid(1_000_000);
        let (days, second_of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_index = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_index + 2) / 5 + 1;
        let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

impl FromStr for Timestamp {
    type Err = NotTimestamp;

    fn from_str(text: &str) -> Result<Self, NotTimestamp> {
        let refused = || NotTimestamp(text.chars().take(64).collect());
        if !has_the_form(text.as_bytes()) {
            return Err(refused());
        }
        let parsed: jiff::Timestamp = text.parse().map_err(|_| refused())?;
        Ok(Self::from_unix_micros(parsed.as_microsecond()))
    }
}

/// `date-time` of RFC 3339 as the contract's schemas have it, which is less than jiff reads: no leap second (a clock that
/// has one repeats or smears `:59`), nothing left out, nothing added.
fn has_the_form(text: &[u8]) -> bool {
    let Some((head, mut rest)) = text.split_at_checked("2026-01-01T00:00:00".len()) else { return false };
    let as_in = |text: &[u8], form: &[u8]| {
        let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
        text.len() == form.len() && text.iter().zip(form).all(fits)
    };
    let is_head = as_in(head, b"0000-00-00T00:00:00") || as_in(head, b"0000-00-00t00:00:00");
    if !is_head || head.ends_with(b"60") {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&digits) {
            return false;
        }
        rest = fraction.get(digits..).unwrap_or_default();
    }
    matches!(rest, b"Z" | b"z") || as_in(rest, b"+00:00") || as_in(rest, b"-00:00")
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_the_schemas_say_and_no_more() {
        let check = |text: &str, expect: bool| assert_eq!(text.parse::<Timestamp>().is_ok(), expect, "{text}");
        check("2026-02-28T23:59:59Z", true);
        check("2026-02-28t23:59:59.123456789z", true);
        check("2026-02-28T23:59:59+05:30", true);
        check("2026-02-28T23:59:59-00:00", true);
        check("2026-02-28T23:59:60Z", false);
        check("2026-02-30T00:00:00Z", false);
        check("2026-02-28T24:00:00Z", false);
        check("2026-02-28 23:59:59Z", false);
        check("2026-02-28T23:59Z", false);
        check("2026-02-28T23:59:59", false);
        check("2026-02-28T23:59:59.Z", false);
        check("2026-02-28T23:59:59.1234567890Z", false);
        check("2026-02-28T23:59:59+0530", false);
        check("2026-02-28T23:59:59Z[UTC]", false);
        check("", false);
    }

    #[test]
    fn writes_rfc_3339() {
        let check = |unix_micros: i64, expect: &str| {
            assert_eq!(Timestamp::from_unix_micros(unix_micros).to_string(), expect);
        };
        check(0, "1970-01-01T00:00:00.000000Z");
        check(-1, "1969-12-31T23:59:59.999999Z");
        check(951_782_400_000_000, "2000-02-29T00:00:00.000000Z");
        check(1_795_173_514_123_456, "2026-11-20T11:18:34.123456Z");
        check(i64::MAX, "9999-12-30T22:00:00.999999Z");
        check(i64::MIN, "0000-01-01T00:00:00.000000Z");
    }

    #[test]
    fn the_first_and_the_last_read_back() {
        for unix_micros in [i64::MIN, i64::MAX] {
            let at_limit = Timestamp::from_unix_micros(unix_micros);
            assert_eq!(at_limit.to_string().parse(), Ok(at_limit));
        }
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(unix_micros in UNIX_MICROS_MIN..=UNIX_MICROS_MAX) {
            let ours = Timestamp::from_unix_micros(unix_micros);
            prop_assert_eq!(ours.to_string().parse::<Timestamp>().unwrap(), ours);
        }
    }
}
