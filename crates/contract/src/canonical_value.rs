//! Canonical JSON (RFC 8785) of a value that is in memory already.
//!
//! The same bytes as [`crate::canonical_bytes`], several times as fast: this stands on the path of every call,
//! twice. Text is copied in blocks and members that are in order are not sorted again; numbers that are not
//! plain integers are left to `serde_json_canonicalizer`. What never happens here: another result than its.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use crate::canonical::canonical_bytes;
use crate::limits::JSON_INTEGER_MAX;

/// The RFC 8785 canonical form of `value`, as UTF-8 bytes. Recursive: the caller bounds the depth.
///
/// # Errors
/// As [`canonical_bytes`]: none for a value that [`crate::strict_json`] took.
pub fn canonical_value_bytes(value: &Value) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::with_capacity(256);
    write_value(value, &mut bytes)?;
    Ok(bytes)
}

fn write_value(value: &Value, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out)?,
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => write_object(members, out)?,
    }
    Ok(())
}

fn write_object(members: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    out.push(b'{');
    let mut first = true;
    let mut write_member = |(name, member): (&String, &Value)| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        write_text(name, out);
        out.push(b':');
        write_value(member, out)
    };
    if in_canonical_order(members) {
        members.iter().try_for_each(&mut write_member)?;
    } else {
        let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| canonical_order(a, b));
        sorted.into_iter().try_for_each(&mut write_member)?;
    }
    out.push(b'}');
    Ok(())
}

/// True where members stand in the map as canonical form has them.
pub(crate) fn in_canonical_order(members: &Map<String, Value>) -> bool {
    members.keys().is_sorted_by(|a, b| canonical_order(a, b).is_le())
}

/// The order of UTF-16 code units (RFC 8785, section 3.2.3).
///
/// It is that of the UTF-8 bytes, but for characters above U+FFFF: they come before U+E000 to U+FFFF, as their
/// surrogates do. Where two texts differ in such a character, the byte that differs is its first.
#[inline]
pub(crate) fn canonical_order(a: &str, b: &str) -> Ordering {
    const fn rank(byte: u8) -> u8 {
        match byte {
            0xee | 0xef => byte + 0x10,
            0xf0..=0xf4 => byte - 2,
            _ => byte,
        }
    }
    match std::iter::zip(a.as_bytes(), b.as_bytes()).find(|(a, b)| a != b) {
        Some((a, b)) => rank(*a).cmp(&rank(*b)),
        None => a.len().cmp(&b.len()),
    }
}

fn write_number(number: &Number, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let plain = number.as_i64().filter(|integer| integer.unsigned_abs() <= JSON_INTEGER_MAX);
    match plain {
        Some(integer) => {
            out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
            Ok(())
        }
        None => canonical_bytes(number).map(|bytes| out.extend_from_slice(&bytes)),
    }
}

/// Bytes that are looked at together.
const BLOCK_BYTES: usize = 8;

pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut rest = bytes;
    while let Some(at) = first_special(rest) {
        out.extend_from_slice(&rest[..at]);
        write_escaped(rest[at], out);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Where the first byte is that RFC 8785 escapes.
pub(crate) fn first_special(bytes: &[u8]) -> Option<usize> {
    let (blocks, tail) = bytes.as_chunks::<BLOCK_BYTES>();
    for (index, block) in blocks.iter().enumerate() {
        let marks = special_marks(u64::from_le_bytes(*block));
        if marks != 0 {
            return Some(index * BLOCK_BYTES + marks.trailing_zeros() as usize / 8);
        }
    }
    let at = tail.iter().position(|byte| matches!(byte, 0x00..=0x1f | b'"' | b'\\'))?;
    Some(blocks.len() * BLOCK_BYTES + at)
}

/// The highest bit of each byte of `block` that is special, eight at once. Marks above the lowest may be wrong
/// (a borrow runs upwards); the lowest never is.
const fn special_marks(block: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH_BITS: u64 = ONES * 0x80;
    // Of bytes below 0x80: those that are less than `limit`.
    const fn below(block: u64, limit: u64) -> u64 {
        block.wrapping_sub(ONES * limit) & !block
    }
    let quotes = below(block ^ (ONES * b'"' as u64), 1);
    let backslashes = below(block ^ (ONES * b'\\' as u64), 1);
    (below(block, 0x20) | quotes | backslashes) & HIGH_BITS
}

/// A special byte, escaped as RFC 8785, section 3.2.2.2, escapes it.
fn write_escaped(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]);
            return out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn check(value: &Value) {
        let expect = canonical_bytes(value).unwrap();
        let got = canonical_value_bytes(value).unwrap();
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(&expect));
    }

    #[test]
    fn names_are_in_the_order_of_utf_16() {
        let edges =
            [0x00, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xefff, 0xf000, 0xffff, 0x1_0000, 0x1_f980, 0x10_ffff];
        let characters: Vec<char> = edges.into_iter().filter_map(char::from_u32).collect();
        let mut names = vec![String::new()];
        names.extend(characters.iter().map(char::to_string));
        names.extend(
            characters.iter().flat_map(|first| characters.iter().map(move |second| format!("{first}{second}"))),
        );
        for a in &names {
            for b in &names {
                assert_eq!(canonical_order(a, b), a.encode_utf16().cmp(b.encode_utf16()), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn every_character_and_every_order_as_the_crate_writes_them() {
        let all: String =
            (0..0x300).chain([0xd7ff, 0xe000, 0xffff, 0x10000, 0x10_ffff]).filter_map(char::from_u32).collect();
        check(&json!(all));
        // Each byte next to each special one, at each place of a block.
        for special in ["\"", "\\", "\n", "\u{0}", "\u{1f}"] {
            for other in ["a", " ", "!", "#", "[", "]", "\u{7f}", "\u{80}", "é", "\u{1f980}"] {
                for offset in 0..3 * BLOCK_BYTES {
                    check(&json!(format!("{}{special}{}", other.repeat(offset), other.repeat(BLOCK_BYTES))));
                    check(&json!(format!("{}{special}{special}{other}{special}", other.repeat(offset))));
                }
            }
        }
        // By UTF-8 the first of these two comes last, by UTF-16 first.
        check(&json!({"\u{1f980}": 1, "\u{e000}": 2, "a": 3, "": 4, "é": 5}));
        check(&json!([
            0,
            -0.0,
            1.0,
            1e21,
            1e-7,
            0.1,
            9_007_199_254_740_991_i64,
            -9_007_199_254_740_991_i64,
            u64::MAX,
            i64::MIN,
            1e300
        ]));
        check(&json!([null, true, false, {}, [], [{}], {"a": []}]));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<Option<bool>>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[ -~\\n\"\\\\]{0,80}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let members = proptest::collection::btree_map(any::<String>(), inner.clone(), 0..6);
            prop_oneof![
                proptest::collection::vec(inner, 0..6).prop_map(Value::from),
                members.prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_as_the_crate_writes_it(value in any_value()) {
            check(&value);
        }
    }
}
