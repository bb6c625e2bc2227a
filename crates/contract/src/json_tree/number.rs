//! Numbers: from their text, exactly, and whether that text is their canonical form (ECMA-262, `Number::toString`).
//!
//! What never happens here: a number that loses digits without being refused (integers), or that another reader
//! of doubles reads differently.

use super::{Item, Token};
use crate::limits::JSON_INTEGER_MAX;

/// Powers of ten that a double holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// Significant digits that every double keeps (IEEE 754: `DBL_DIG`): two decimals that differ within them are two
/// doubles, so such a decimal without trailing zeros is the shortest text of its double.
const KEPT_DIGITS: usize = 15;
/// Below this ECMAScript writes an exponent.
const PLAIN_MIN: f64 = 1e-6;

/// The number at the start of `bytes`, and how many bytes it has.
pub(super) fn read(bytes: &[u8], start: usize) -> Option<(Item, usize)> {
    let negative = bytes.first() == Some(&b'-');
    let first = usize::from(negative);
    let mut at = first;
    let mut mantissa = 0_u64;
    let mut take_digits = |at: &mut usize| {
        let from = *at;
        while let Some(digit) = bytes.get(*at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit <= 9) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            *at += 1;
        }
        *at - from
    };
    let whole_digits = take_digits(&mut at);
    if whole_digits == 0 || (whole_digits > 1 && bytes.get(first) == Some(&b'0')) {
        return None;
    }
    let mut fraction_digits = 0;
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        fraction_digits = take_digits(&mut at);
        if fraction_digits == 0 {
            return None;
        }
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at = exponent_end(bytes, at)?;
    } else if fraction_digits == 0 {
        // 2^53-1 has 16 digits; JSON has no leading zeros, so more digits is more.
        let integer = i64::try_from(mantissa).ok().filter(|_| whole_digits <= 16 && mantissa <= JSON_INTEGER_MAX)?;
        let canonical = !(negative && integer == 0);
        return Some((integer_item(if negative { -integer } else { integer }, start, at, canonical), at));
    } else if whole_digits + fraction_digits <= KEPT_DIGITS {
        // Both are exact in a double, so their quotient is the nearest double.
        #[expect(clippy::cast_precision_loss, reason = "at most 15 digits")]
        let magnitude = mantissa as f64 / EXACT_POWERS[fraction_digits];
        let value = if negative { -magnitude } else { magnitude };
        let canonical = bytes[at - 1] != b'0' && magnitude >= PLAIN_MIN;
        return Some((float_item(value, start, at, canonical)?, at));
    }
    let text = std::str::from_utf8(&bytes[..at]).ok()?;
    let value: f64 = text.parse().ok()?;
    let canonical = value.is_finite() && ryu_js::Buffer::new().format_finite(value) == text;
    Some((float_item(value, start, at, canonical)?, at))
}

fn exponent_end(bytes: &[u8], at: usize) -> Option<usize> {
    let signed = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
    let first = at + 1 + signed;
    let digits = bytes.get(first..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0).then_some(first + digits)
}

fn token(start: usize, length: usize, canonical: bool) -> Token {
    match (u32::try_from(start), u8::try_from(length)) {
        (Ok(start), Ok(length)) if canonical => Token { start, length },
        _ => Token::NONE,
    }
}

fn integer_item(value: i64, start: usize, length: usize, canonical: bool) -> Item {
    Item::Integer { value, token: token(start, length, canonical) }
}

fn float_item(value: f64, start: usize, length: usize, canonical: bool) -> Option<Item> {
    // What is whole and has come here was written with a point or an exponent: RFC 8785 writes neither.
    Some(match of_f64(value)? {
        Item::Float { value, .. } => Item::Float { value, token: token(start, length, canonical) },
        integer => integer,
    })
}

/// A double, if it is one that interoperates (as [`crate::strict_json::is_interoperable`]).
pub(super) fn of_f64(value: f64) -> Option<Item> {
    #[expect(clippy::cast_precision_loss, reason = "2^53-1 is exact in a double")]
    const INTEGER_MAX: f64 = JSON_INTEGER_MAX as f64;
    let magnitude = value.abs();
    if !magnitude.is_finite() || (magnitude > INTEGER_MAX && magnitude < 1e21) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within ±(2^53-1)")]
    if magnitude <= INTEGER_MAX && magnitude.fract() == 0.0 {
        return Some(Item::Integer { value: value as i64, token: Token::NONE });
    }
    Some(Item::Float { value, token: Token::NONE })
}

/// Writes a number in canonical form.
pub(super) fn write(item: Item, source: &[u8], out: &mut Vec<u8>) {
    match item {
        Item::Integer { token, .. } | Item::Float { token, .. } if token.length > 0 => {
            let start = token.start as usize;
            out.extend_from_slice(&source[start..start + usize::from(token.length)]);
        }
        Item::Integer { value, .. } => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
        Item::Float { value, .. } => {
            out.extend_from_slice(ryu_js::Buffer::new().format_finite(value).as_bytes());
        }
        _ => {}
    }
}
