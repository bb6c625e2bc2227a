//! The strict JSON reader of spec page 2.
//!
//! UTF-8, no duplicate keys, no NaN, integers within ±(2^53-1), depth at most 64, a size limit
//! before anything is parsed. What it takes is exactly what RFC 8785 can write and every other
//! reader reads alike: the accepted set is closed under canonicalisation.

use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::json_tree::JsonTree;
use crate::limits::{JSON_DEPTH_MAX, JSON_INTEGER_MAX};

/// Why a text is not JSON that the contract takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// More bytes than allowed; nothing was parsed.
    #[error("{bytes} bytes, of which at most {bytes_max} are taken")]
    TooLarge {
        /// The length of the text.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// Nested deeper than is taken there.
    #[error("nested deeper than {depth_max} levels, at byte {offset}")]
    TooDeep {
        /// The limit.
        depth_max: usize,
        /// Where, in bytes from the start.
        offset: usize,
    },
    /// An integer that not every reader keeps.
    #[error("an integer outside ±(2^53-1), at byte {offset}")]
    IntegerRange {
        /// Where, in bytes from the start.
        offset: usize,
    },
    /// Not UTF-8.
    #[error("not UTF-8, at byte {offset}")]
    NotUtf8 {
        /// Where, in bytes from the start.
        offset: usize,
    },
    /// Anything else: broken syntax, a duplicate key, a lone surrogate, a number beyond a double.
    #[error("{0}")]
    Syntax(String),
    /// JSON, but not of the shape that was asked for.
    #[error("{0}")]
    Shape(String),
}

/// Reads one JSON document of at most `bytes_max` bytes.
///
/// # Errors
/// [`JsonError`], naming what and where; never panics, on any bytes.
pub fn parse(bytes: &[u8], bytes_max: u64) -> Result<Value, JsonError> {
    let text = text(bytes, bytes_max)?;
    scan(text.as_bytes())?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = StrictValue.deserialize(&mut reader).map_err(|e| JsonError::Syntax(e.to_string()))?;
    reader.end().map_err(|e| JsonError::Syntax(e.to_string()))?;
    Ok(value)
}

/// Reads one JSON document into a type. Unknown fields are refused where the type says so, and an array is never taken
/// for a struct, which serde's derive would do. (But within an enum with an inner tag: what serde keeps until it knows
/// the tag is not ours to look at.)
///
/// # Errors
/// As [`parse`], and [`JsonError::Shape`] where the document does not fit `T`.
pub fn parse_as<T: DeserializeOwned>(bytes: &[u8], bytes_max: u64) -> Result<T, JsonError> {
    JsonTree::read_as(text(bytes, bytes_max)?, bytes_max)
}

/// A value that [`parse`] gave, or that stands in one, as a type, by the rules of [`parse_as`].
///
/// # Errors
/// As [`parse_as`].
pub fn value_as<T: DeserializeOwned>(value: &Value) -> Result<T, JsonError> {
    let tree = JsonTree::of_value(value)?;
    T::deserialize(tree.root()).map_err(|e| JsonError::Shape(e.to_string()))
}

/// The bytes as text, if they are not too many.
fn text(bytes: &[u8], bytes_max: u64) -> Result<&str, JsonError> {
    if bytes.len() as u64 > bytes_max {
        return Err(JsonError::TooLarge { bytes: bytes.len() as u64, bytes_max });
    }
    std::str::from_utf8(bytes).map_err(|e| JsonError::NotUtf8 { offset: e.valid_up_to() })
}

/// True where `number` is one that [`parse`] takes and RFC 8785 writes in a form that [`parse`]
/// takes again.
pub fn is_interoperable(number: &Number) -> bool {
    if let Some(unsigned) = number.as_u64() {
        return unsigned <= JSON_INTEGER_MAX;
    }
    if let Some(signed) = number.as_i64() {
        return signed.unsigned_abs() <= JSON_INTEGER_MAX;
    }
    // RFC 8785 (ECMAScript) writes whole numbers below 1e21 as integers; those beyond 2^53-1 would not
    // be taken when read again. Every double of that size is whole.
    let magnitude = number.as_f64().map_or(f64::INFINITY, f64::abs);
    #[expect(clippy::cast_precision_loss, reason = "2^53-1 is exact in a double")]
    let integer_max = JSON_INTEGER_MAX as f64;
    magnitude.is_finite() && !(magnitude > integer_max && magnitude < 1e21)
}

/// A whole number is an integer however it is written (JSON Schema 2020-12, "integer"; RFC 8785 writes `1.0` as `1`).
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "whole, and within 2^53-1")]
fn whole(value: f64) -> Option<Number> {
    let is_whole = value.fract() == 0.0 && value.abs() <= JSON_INTEGER_MAX as f64;
    is_whole.then(|| Number::from(value as i64))
}

/// For fields that may be left out but, where they are there, are not null.
///
/// # Errors
/// Where the value does not fit.
pub fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// One pass over the raw bytes for what serde cannot tell: the depth, before recursion, and integers
/// that a double would silently round.
fn scan(bytes: &[u8]) -> Result<(), JsonError> {
    let (mut depth, mut at) = (0_usize, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = skip_string(bytes, at),
            b'[' | b'{' => {
                depth += 1;
                if depth > JSON_DEPTH_MAX {
                    return Err(JsonError::TooDeep { depth_max: JSON_DEPTH_MAX, offset: at });
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let end = number_end(bytes, at);
                check_integer(&bytes[at..end], at)?;
                at = end - 1;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// The index of the closing quote, or the last index where there is none (serde then names the fault).
fn skip_string(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn number_end(bytes: &[u8], start: usize) -> usize {
    let in_number = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
    start + bytes[start..].iter().take_while(|byte| in_number(byte)).count()
}

fn check_integer(token: &[u8], offset: usize) -> Result<(), JsonError> {
    let digits = token.strip_prefix(b"-").unwrap_or(token);
    if !digits.iter().all(u8::is_ascii_digit) {
        return Ok(());
    }
    // 2^53-1 has 16 digits; JSON has no leading zeros, so more digits is more.
    let value = std::str::from_utf8(digits).ok().filter(|d| d.len() <= 16).and_then(|d| d.parse::<u64>().ok());
    match value {
        Some(value) if value <= JSON_INTEGER_MAX => Ok(()),
        None if digits.is_empty() => Ok(()),
        _ => Err(JsonError::IntegerRange { offset }),
    }
}

/// Builds a [`Value`], refusing duplicate keys and numbers that do not interoperate.
struct StrictValue;

impl<'de> DeserializeSeed<'de> for StrictValue {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

fn strict_number<E: serde::de::Error>(number: Number) -> Result<Value, E> {
    if is_interoperable(&number) {
        Ok(Value::Number(number))
    } else {
        Err(E::custom("a whole number outside ±(2^53-1)"))
    }
}

impl<'de> Visitor<'de> for StrictValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        strict_number(value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        strict_number(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        strict_number(whole(value).or_else(|| Number::from_f64(value)).ok_or_else(|| E::custom("not a finite number"))?)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(StrictValue)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                let shown: String = key.chars().take(64).collect();
                return Err(A::Error::custom(format_args!("duplicate key {shown:?}")));
            }
            let value = entries.next_value_seed(StrictValue)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        let got = parse(text.as_bytes(), 1 << 20);
        match (got, expect) {
            (Ok(value), Ok(expect)) => assert_eq!(value.to_string(), expect, "{text}"),
            (Err(error), Err(expect)) => assert!(error.to_string().contains(expect), "{text}: {error}"),
            (got, _) => panic!("{text}: {got:?}"),
        }
    }

    #[test]
    fn takes_what_the_contract_takes() {
        check(r#"{"a":[1,-2,0.5,"x",null,true]}"#, Ok(r#"{"a":[1,-2,0.5,"x",null,true]}"#));
        check("9007199254740991", Ok("9007199254740991"));
        check("-9007199254740991", Ok("-9007199254740991"));
        check("9007199254740992", Err("outside ±(2^53-1), at byte 0"));
        check("[-9007199254740992]", Err("outside ±(2^53-1), at byte 1"));
        check("123456789012345678901234567890", Err("outside ±(2^53-1)"));
        check("1e20", Err("outside ±(2^53-1)"));
        check("1e21", Ok("1e+21"));
        check("1e400", Err("out of range"));
        check(r#"{"a":1,"a":2}"#, Err(r#"duplicate key "a""#));
        check(r#"{"a":1,"\u0061":2}"#, Err(r#"duplicate key "a""#));
        check("NaN", Err("expected"));
        check("[1,]", Err("trailing comma"));
        check("{} {}", Err("trailing characters"));
        check(r#""\ud800""#, Err("hex escape"));
        check("", Err("EOF"));
        check("-", Err("EOF"));
        check("\u{feff}{}", Err("expected value"));
        check(r#"{"9007199254740993":"9007199254740993"}"#, Ok(r#"{"9007199254740993":"9007199254740993"}"#));
    }

    #[test]
    fn limits_hold_at_the_limit_and_one_past_it() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(nested(JSON_DEPTH_MAX).as_bytes(), 1 << 20).is_ok());
        let past = parse(nested(JSON_DEPTH_MAX + 1).as_bytes(), 1 << 20);
        assert_eq!(past, Err(JsonError::TooDeep { depth_max: JSON_DEPTH_MAX, offset: JSON_DEPTH_MAX }));
        assert!(parse(b"1234", 4).is_ok());
        assert_eq!(parse(b"12345", 4), Err(JsonError::TooLarge { bytes: 5, bytes_max: 4 }));
        assert_eq!(parse(b"\"a\xff\"", 9), Err(JsonError::NotUtf8 { offset: 2 }));
    }

    #[test]
    fn a_whole_number_is_an_integer_however_it_is_written() {
        let check = |text: &str, expect: &str| {
            assert_eq!(parse(text.as_bytes(), 99).unwrap().to_string(), expect, "{text}");
            let fits = parse_as::<i64>(text.as_bytes(), 99).is_ok();
            assert_eq!(fits, !expect.contains(['.', 'e']), "{text}");
        };
        check("704.0", "704");
        check("7.04e2", "704");
        check("-0.0", "0");
        check("-5e0", "-5");
        check("0.5", "0.5");
        check("9007199254740991.0", "9007199254740991");
        check("1e21", "1e+21");
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Pair {
        first: String,
        second: Option<i64>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    enum Choice {
        Nothing,
        One(Pair),
        Named { pair: Pair },
        Two(u8, u8),
    }

    #[test]
    fn an_array_is_no_struct() {
        fn check<T: DeserializeOwned + fmt::Debug + PartialEq>(text: &str, expect: Result<T, &str>) {
            let got = parse_as::<T>(text.as_bytes(), 1 << 20).map_err(|error| error.to_string());
            if let Ok(value) = parse(text.as_bytes(), 1 << 20) {
                assert_eq!(value_as(&value).map_err(|error| error.to_string()), got, "{text}");
            }
            match expect {
                Ok(expect) => assert_eq!(got.as_ref(), Ok(&expect), "{text}"),
                Err(part) => assert!(got.as_ref().is_err_and(|error| error.contains(part)), "{text}: {got:?}"),
            }
        }
        let pair = || Pair { first: "a".to_owned(), second: Some(-1) };
        check(r#"{"second":-1,"first":"a"}"#, Ok(pair()));
        check(r#"{"first":"a","second":null}"#, Ok(Pair { second: None, ..pair() }));
        check(r#"{"first":"a"}"#, Ok(Pair { second: None, ..pair() }));
        check::<Pair>(r#"["a",-1]"#, Err("invalid type: sequence"));
        check::<Pair>(r#"{"first":"a","third":1}"#, Err("unknown field `third`"));
        check::<Pair>(r#"{"second":1}"#, Err("missing field `first`"));
        check::<Pair>(r#"{"first":7}"#, Err("invalid type: integer `7`"));
        check::<Option<Pair>>(r#"["a",-1]"#, Err("invalid type: sequence"));
        check::<Vec<Pair>>(r#"[["a",-1]]"#, Err("invalid type: sequence"));
        check::<std::collections::BTreeMap<String, Pair>>(r#"{"x":["a",-1]}"#, Err("invalid type: sequence"));
        check(r#"[{"first":"a","second":-1}]"#, Ok(vec![pair()]));
        check(r#""Nothing""#, Ok(Choice::Nothing));
        check(r#"{"One":{"first":"a","second":-1}}"#, Ok(Choice::One(pair())));
        check(r#"{"Named":{"pair":{"first":"a","second":-1}}}"#, Ok(Choice::Named { pair: pair() }));
        check(r#"{"Two":[1,2]}"#, Ok(Choice::Two(1, 2)));
        check::<Choice>(r#"{"Two":[1,2,3]}"#, Err("invalid length"));
        check::<Choice>(r#"{"One":["a",-1]}"#, Err("invalid type: sequence"));
        check::<Choice>(r#"{"Named":[{"first":"a"}]}"#, Err("invalid type: sequence"));
        check::<Choice>(r#"{"Named":{"pair":["a",1]}}"#, Err("invalid type: sequence"));
        check::<Choice>(r#"{"Nothing":null,"One":null}"#, Err("one member"));
        check::<Choice>("7", Err("neither a text nor an object"));
        check::<(String, i64)>(r#"["a",-1]"#, Ok(("a".to_owned(), -1)));
        check::<f64>("0.5", Ok(0.5));
        check::<Map<String, Value>>(
            r#"{"b":[1.0,{"a":1e-7}],"a":"\u00e9"}"#,
            Ok(map(r#"{"a":"é","b":[1,{"a":1e-7}]}"#)),
        );
        check::<Map<String, Value>>("[]", Err("invalid type: sequence"));
        // Its visitor would take it for an empty one.
        check::<Map<String, Value>>("null", Err("invalid type: "));
    }

    fn map(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _outcome_is_free = parse(&bytes, 1 << 20);
        }

        #[test]
        fn never_panics_on_almost_json(text in r#"[\[\]{}",:0-9eE+\-.\\unta ]{0,64}"#) {
            let _outcome_is_free = parse(text.as_bytes(), 1 << 20);
        }

        #[test]
        fn canonical_form_reads_back_alike(number in any::<f64>()) {
            let text = format!("{number:?}");
            if let Ok(value) = parse(text.as_bytes(), 1 << 10) {
                let canonical = crate::canonical_bytes(&value).unwrap();
                let again = parse(&canonical, 1 << 10);
                prop_assert!(again.is_ok(), "{} -> {}", text, String::from_utf8_lossy(&canonical));
                prop_assert_eq!(crate::canonical_bytes(&again.unwrap()).unwrap(), canonical);
            }
        }
    }
}
