//! What one field of a file is.

/// Fields that stand for nothing, in lower case.
const NULLS: [&str; 7] = ["", "-", "n/a", "na", "nan", "none", "null"];

/// Numbers beyond this are taken as text, so that no sum or difference of two of them overflows.
const NUMBER_MAX: f64 = 1e300;

/// What one field is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell {
    Null,
    Boolean,
    Integer(f64),
    Number(f64),
    Date,
    DateTime,
    Text,
}

impl Cell {
    /// The narrowest kind that the field, without white space around it, can be read as.
    pub(crate) fn of(field: &str) -> Self {
        let lower = field.to_ascii_lowercase();
        if NULLS.contains(&lower.as_str()) {
            return Self::Null;
        }
        if matches!(lower.as_str(), "true" | "false" | "yes" | "no") {
            return Self::Boolean;
        }
        if let Some(number) = number(field) {
            return number;
        }
        match field.split_at_checked(DATE_BYTES) {
            Some((date, "")) if is_date(date) => Self::Date,
            Some((date, time)) if is_date(date) && is_time(time) => Self::DateTime,
            _ => Self::Text,
        }
    }
}

/// A decimal number as programs write it. `0123` is none: it is a postal code or a phone number, and would lose its zero.
fn number(field: &str) -> Option<Cell> {
    let digits = field.strip_prefix(['-', '+']).unwrap_or(field);
    let padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    if padded || !plain || !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let value: f64 = field.parse().ok().filter(|value: &f64| value.abs() <= NUMBER_MAX)?;
    Some(if digits.bytes().all(|byte| byte.is_ascii_digit()) { Cell::Integer(value) } else { Cell::Number(value) })
}

/// The length of `2026-01-31`.
const DATE_BYTES: usize = 10;

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let [Some(year), Some(month), Some(day), None] = [parts.next(), parts.next(), parts.next(), parts.next()] else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2)) else {
        return false;
    };
    (1..=days(year, month)).contains(&day)
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

/// `T12:30`, ` 12:30:00`, `T12:30:00.123Z`, `T12:30:00+01:00`.
fn is_time(text: &str) -> bool {
    let Some(time) = text.strip_prefix(['T', ' ']) else { return false };
    let (clock, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, "Z"),
    };
    is_clock(clock) && is_zone(zone)
}

fn is_clock(text: &str) -> bool {
    let mut parts = text.split(':');
    let (Some(hour), Some(minute)) = (parts.next(), parts.next()) else { return false };
    let (second, fraction) = parts.next().map_or(("00", None), |last| match last.split_once('.') {
        Some((second, fraction)) => (second, Some(fraction)),
        None => (last, None),
    });
    let in_range = |text: &str, end: u32| digits(text, 2).is_some_and(|value| value < end);
    let fraction_fits = fraction.is_none_or(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    in_range(hour, 24) && in_range(minute, 60) && in_range(second, 61) && fraction_fits && parts.next().is_none()
}

fn is_zone(text: &str) -> bool {
    text == "Z" || text.strip_prefix(['+', '-']).is_some_and(|offset| offset.contains(':') && is_clock(offset))
}

/// Exactly so many digits, as a number.
fn digits(text: &str, count: usize) -> Option<u32> {
    let all_digits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| all_digits)
}

#[cfg(test)]
mod tests {
    use super::Cell;

    #[test]
    fn reads_fields() {
        let check = |field: &str, expect: Cell| assert_eq!(Cell::of(field), expect, "{field:?}");
        for null in ["", "NULL", "n/a", "NaN", "-"] {
            check(null, Cell::Null);
        }
        for boolean in ["true", "False", "YES", "no"] {
            check(boolean, Cell::Boolean);
        }
        check("0", Cell::Integer(0.0));
        check("-17", Cell::Integer(-17.0));
        check("0.5", Cell::Number(0.5));
        check("-1.5e3", Cell::Number(-1500.0));
        check("1e300", Cell::Number(1e300));
        for date in ["2026-01-31", "2024-02-29", "0001-12-01"] {
            check(date, Cell::Date);
        }
        for moment in
            ["2026-01-31T12:30", "2026-01-31 23:59:60", "2026-01-31T12:30:00.123Z", "2026-01-31T12:30:00-08:00"]
        {
            check(moment, Cell::DateTime);
        }
        for text in [
            "x",
            "1e301",
            "1e999",
            "inf",
            "0123",
            "1,5",
            "1.2.3",
            "--1",
            "+",
            ".",
            "e5",
            "2026-02-30",
            "2025-02-29",
            "2026-13-01",
            "2026-1-31",
            "2026-01-31T",
            "2026-01-31T24:00",
            "2026-01-31T12:30:00.",
            "2026-01-31T12:30+0100",
            "ünï-co-de",
        ] {
            check(text, Cell::Text);
        }
    }
}
