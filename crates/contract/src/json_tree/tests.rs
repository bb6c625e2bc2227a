use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::canonical_bytes;
use crate::limits::REQUEST_BYTES_MAX;

/// The tree and the slow reader: the same answer, the same text, the same value.
fn check(text: &str) {
    let slow = strict_json::parse(text.as_bytes(), 1 << 20);
    let fast = JsonTree::read(text.to_owned(), 1 << 20);
    let (slow, fast) = match (slow, fast) {
        (Ok(slow), Ok(fast)) => (slow, fast),
        (Err(slow), Err(fast)) => return assert_eq!(slow, fast, "{text}"),
        (slow, fast) => panic!("{text:?}: the slow reader says {slow:?}, the fast one {fast:?}"),
    };
    let canonical = String::from_utf8(canonical_bytes(&slow).unwrap()).unwrap();
    assert_eq!(fast.text(), canonical, "{text}");
    check_structure(&fast);
    // Its own text is taken as it is.
    let read = read::read(fast.text(), JSON_DEPTH_MAX).unwrap();
    let again = JsonTree::read(fast.text().to_owned(), 1 << 20).unwrap();
    assert_eq!((again.text(), again.items.len()), (canonical.as_str(), fast.items.len()));
    assert!(read.is_canonical(), "{canonical}");
    assert_eq!(read::read(text, JSON_DEPTH_MAX).unwrap().is_canonical(), text == canonical, "{text}");
    let built = JsonTree::of_value(&slow).unwrap();
    assert_eq!(built.text(), canonical);
    check_structure(&built);
}

/// What stands beside the text is what the text says.
fn check_structure(tree: &JsonTree) {
    let said: Value = serde_json::from_str(tree.text()).unwrap();
    assert_eq!(normal(&tree.root().to_value()), normal(&said));
    assert_eq!(serde_json::to_value(tree.root()).unwrap(), tree.root().to_value());
}

/// Whole numbers alike, however `serde_json` holds them.
fn normal(value: &Value) -> String {
    String::from_utf8(canonical_bytes(value).unwrap()).unwrap()
}

#[test]
fn every_form_as_the_slow_reader_takes_it() {
    for text in [
        "",
        " ",
        "null",
        " true ",
        "false",
        "nul",
        "tru",
        "\u{feff}{}",
        "{}",
        "[]",
        "{ }",
        "[ ]",
        "[1,]",
        "{\"a\":1,}",
        "[,1]",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "{\"a\":1 \"b\":2}",
        "{} {}",
        "[]]",
        "[",
        "{",
        "\"",
        "\"a",
        "{\"a\"",
        "{\"a\":",
        r#"{"b":1,"a":2}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"b":1,"a":2,"b":3}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"":1,"":2}"#,
        r#"{"\ud83e\udd80":1,"\ue000":2}"#,
        "{\"\u{1f980}\":1,\"\u{e000}\":2}",
        "{\"\u{e000}\":2,\"\u{1f980}\":1}",
        r#"{"z":{"y":[1,{"x":2,"w":"v"}]},"a":[]}"#,
        "\t[\r\n1 , 2 ]",
    ] {
        check(text);
    }
}

#[test]
fn every_escape_as_the_slow_reader_takes_it() {
    for text in [
        r#""\"\\\/\b\f\n\r\t""#,
        r#""\"\\\b\f\n\r\t""#,
        r#""\u0000\u001f""#,
        r#""\u001F""#,
        r#""\u0008""#,
        r#""\u000a""#,
        r#""\u0041""#,
        r#""\u00e9""#,
        r#""\u007f""#,
        r#""\u2028""#,
        r#""\ud83e\udd80""#,
        r#""\uD83E\uDD80""#,
        r#""\ud83e""#,
        r#""\ud83ex""#,
        r#""\ud83e\n""#,
        r#""\ud83e\u0041""#,
        r#""\udd80""#,
        r#""\udd80\ud83e""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\u+123""#,
        r#""\x""#,
        r#""\"#,
        r#""a\"#,
        "\"\u{1f}\"",
        "\"\n\"",
        "\"\u{7f}\u{80}\u{2028}\u{1f980}\"",
        r#""\u0000é\u0000""#,
    ] {
        check(text);
        check(&format!("{{{text}:[{text},\"{}\"]}}", "x".repeat(20)));
    }
}

#[test]
fn every_number_as_the_slow_reader_takes_it() {
    for text in [
        "0",
        "-0",
        "1",
        "-1",
        "01",
        "-01",
        "00",
        "+1",
        "-",
        "--1",
        ".5",
        "1.",
        "1.e1",
        "1e",
        "1e+",
        "0x1",
        "1_0",
        "NaN",
        "Infinity",
        "9007199254740991",
        "-9007199254740991",
        "9007199254740992",
        "-9007199254740992",
        "9999999999999999",
        "10000000000000000",
        "18446744073709551616",
        "100000000000000000000000",
        "123456789012345678901234567890",
        "0.0",
        "-0.0",
        "1.0",
        "-1.50",
        "0.5",
        "0.1",
        "0.10",
        "0.000001",
        "0.0000001",
        "0.00000123",
        "0.000000123",
        "123456789012.345",
        "123456789012.3456",
        "99999999999999.9",
        "9007199254740991.0",
        "9007199254740992.0",
        "9007199254740993.0",
        "1e0",
        "1E2",
        "1e-2",
        "1e15",
        "9007199254740991e0",
        "1e16",
        "1e20",
        "1e21",
        "1e+21",
        "1E21",
        "1.5e300",
        "1.7976931348623157e+308",
        "1.7976931348623157e308",
        "1.8e308",
        "1e400",
        "-1e400",
        "1e-400",
        "5e-324",
        "4.9e-324",
        "2e-324",
        "0e999999999999999999999",
        "1e999999999999999999999",
        "1e-999999999999999999999",
        "0.1e1",
        "10e-1",
        "1e-7",
        "1e-6",
        "0.30000000000000004",
        "0.1234567890123456789",
        "2.2250738585072011e-308",
        "333333333.33333329",
        "1e23",
        "8.5e22",
        "0.00000000000000000000001",
        "0.000000000000000000000000000001",
        "1.0000000000000000000000000000001",
        "-5.5",
        "4.35",
        "4.350",
        "295147905179352830000",
        "1424953923781206.2",
        "123456789012345e-3",
        "9.5e-7",
        "0.00000095",
    ] {
        check(text);
        check(&format!("[{text}]"));
        check(&format!("{{\"b\":{text},\"a\":{text}}}"));
    }
}

#[test]
fn the_readers_agree_on_doubles_of_few_digits() {
    // The short way, that knows 15 digits to be exact and canonical, at each place of the point.
    for digits in ["1", "12", "105", "9007199", "123456789012345", "999999999999999", "100000000000001"] {
        for zeros in 0..24 {
            check(&format!("0.{}{digits}", "0".repeat(zeros)));
        }
        for point in 1..digits.len() {
            check(&format!("-{}.{}", &digits[..point], &digits[point..]));
            check(&format!("{}.{}0", &digits[..point], &digits[point..]));
        }
    }
}

#[test]
fn objects_that_are_almost_like_the_one_before() {
    let rows = [
        r#"{"b":1,"a":2}"#,
        r#"{"b":3,"a":{"b":1,"a":2}}"#,
        r#"{"b":1,"a":2,"c":3}"#,
        r#"{"b":1}"#,
        r#"{"b":1,"c":2}"#,
        "{}",
        r#"{"a":1,"b":2}"#,
        r#"{"b":1,"b":2}"#,
        r#"{"b" :1,"a":2}"#,
        r#"{"b":1 , "a": 2 }"#,
        r#"{"b":1,"a":2,}"#,
        r#"{"b":1,}"#,
        r#"{"b":1,"a":2"#,
        r#"{"b":1,"a":}"#,
        r#"{"b":,"a":2}"#,
        r#"{"b":1"a":2}"#,
        r#"{"\u0062":1,"a":2}"#,
        r#"{"bb":1,"a":2}"#,
        r#"{"b":1,"a":2,"b":3}"#,
        r#"{"c":0,"b":1,"a":2}"#,
        r#"{"a":1,"b":2,"a":3}"#,
    ];
    for first in rows {
        for second in rows {
            for third in rows {
                check(&format!("[{first},{second},{third}]"));
            }
        }
    }
    // As many members as are remembered, and one more.
    for count in [16, 17] {
        let row = |by: usize| {
            let members: Vec<String> =
                (0..count).map(|index| format!("\"{}\":{index}", (index * by) % count)).collect();
            format!("{{{}}}", members.join(","))
        };
        check(&format!("[{},{},{},{}]", row(5), row(5), row(3), row(5)));
    }
}

#[test]
fn a_name_is_found_among_few_and_among_many() {
    for count in [0, 1, 8, 9, 40] {
        let names =
            || (0..count).map(|index| ["a", "é", "\u{e000}", "\u{1f980}", "\n"][index % 5].repeat(index / 5 + 1));
        let map: Map<String, Value> = names().zip(0_i64..).map(|(name, index)| (name, index.into())).collect();
        let data = JsonData::of_map(map.clone()).unwrap();
        for (name, index) in names().zip(0_i64..) {
            assert_eq!(data.get(&name).unwrap().to_value(), json!(index), "{name:?} of {count}");
        }
        assert!(data.get("b").is_none() && data.get("").is_none());
        assert_eq!(data.to_map(), map);
        assert_eq!(data.to::<Map<String, Value>>().unwrap(), map);
    }
}

#[test]
fn limits_hold_at_the_limit_and_one_past_it() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(JsonTree::read(nested(JSON_DEPTH_MAX), 1 << 20).is_ok());
    let past = JsonTree::read(nested(JSON_DEPTH_MAX + 1), 1 << 20);
    assert_eq!(past, Err(JsonError::TooDeep { depth_max: JSON_DEPTH_MAX, offset: JSON_DEPTH_MAX }));
    assert_eq!(JsonTree::read("12345".into(), 4), Err(JsonError::TooLarge { bytes: 5, bytes_max: 4 }));
    assert!(JsonTree::read("1234".into(), 4).is_ok());

    let objects = |depth: usize| "{\"a\":".repeat(depth - 1) + "{}" + &"}".repeat(depth - 1);
    assert!(JsonTree::read(objects(JSON_DEPTH_MAX), 1 << 20).is_ok());
    for deep in [objects(JSON_DEPTH_MAX + 1), nested(JSON_DEPTH_MAX - 1).replacen("[]", "[{\"a\":{}}]", 1)] {
        assert!(matches!(JsonTree::read(deep, 1 << 20), Err(JsonError::TooDeep { .. })));
    }

    let data = |depth: usize| format!("{{\"a\":{}}}", nested(depth - 1));
    let value = |depth: usize| serde_json::from_str(&data(depth)).unwrap();
    assert!(JsonData::read(data(JsonData::DEPTH_MAX), 1 << 20).is_ok());
    assert!(JsonData::of_map(value(JsonData::DEPTH_MAX)).is_ok());
    for refused in [
        JsonData::read(data(JsonData::DEPTH_MAX + 1), 1 << 20).unwrap_err(),
        JsonData::of_map(value(JsonData::DEPTH_MAX + 1)).unwrap_err(),
    ] {
        assert!(matches!(refused, JsonError::TooDeep { depth_max: JsonData::DEPTH_MAX, .. }), "{refused}");
    }

    let longest = usize::try_from(REQUEST_BYTES_MAX).unwrap() - 2;
    let long = |bytes: usize| Value::String("x".repeat(bytes));
    assert_eq!(JsonTree::of_value(&long(longest)).unwrap().text().len() as u64, REQUEST_BYTES_MAX);
    assert!(matches!(JsonTree::of_value(&long(longest + 1)), Err(JsonError::TooLarge { .. })));
}

#[test]
fn values_that_no_reader_gives_are_refused() {
    for value in [json!(u64::MAX), json!(i64::MIN), json!(1e20), json!([{"a": [9_007_199_254_740_992_u64]}])] {
        assert!(matches!(JsonTree::of_value(&value), Err(JsonError::IntegerRange { .. })), "{value}");
    }
    assert_eq!(JsonData::read("[1]", 9), Err(JsonError::Shape("is one JSON object".into())));
}

fn json_text() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| format!("{value:?}")),
        any::<f64>().prop_map(|value| format!("{value:e}")),
        (any::<i32>(), -9..9_i32)
            .prop_map(|(mantissa, exponent)| format!("{}", f64::from(mantissa) * 10_f64.powi(exponent))),
        "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?",
    ];
    let character = prop_oneof![
        "[ -!#-\\[\\]-~]",
        "\\\\[\"\\\\/bfnrt]",
        "\\\\u00[01][0-9a-fA-F]",
        "\\\\u[0-9a-f]{4}",
        "[é\u{e000}\u{1f980}]"
    ];
    let string = proptest::collection::vec(character, 0..12).prop_map(|parts| format!("\"{}\"", parts.concat()));
    let short = "\"[ab\u{e000}\u{1f980}]{0,2}\"";
    let space = "[ \\n]{0,1}";
    let leaf = prop_oneof![number, string.clone(), Just("null".to_owned()), Just("true".to_owned())];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let member = (prop_oneof![string.clone(), short.boxed()], space, inner.clone())
            .prop_map(|(name, space, value)| format!("{name}{space}:{value}"));
        let alike = (proptest::collection::vec((short, inner.clone()), 1..5), 2..4_usize, any::<prop::sample::Index>());
        prop_oneof![
            alike.prop_map(|(members, rows, odd)| {
                let members: Vec<String> = members.into_iter().map(|(name, value)| format!("{name}:{value}")).collect();
                let row = format!("{{{}}}", members.join(","));
                let fewer = format!("{{{}}}", members[odd.index(members.len())..].join(","));
                format!("[{},{fewer},{row}]", vec![row.as_str(); rows].join(","))
            }),
            (proptest::collection::vec(inner, 0..6), space)
                .prop_map(|(items, space)| format!("[{space}{}]", items.join(","))),
            proptest::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_json_as_the_slow_reader_takes_it(text in json_text()) {
        check(&text);
    }

    #[test]
    fn any_json_cut_and_changed_as_the_slow_reader_takes_it(text in json_text(), at in any::<prop::sample::Index>(), byte in "[\\[\\]{}\",:0-9eE+\\-.\\\\unta ]{0,2}") {
        let at = (0..=text.len()).rev().filter(|at| text.is_char_boundary(*at)).nth(at.index(text.chars().count() + 1)).unwrap_or(0);
        check(&text[..at]);
        let next = text[at..].chars().next().map_or(0, char::len_utf8);
        check(&format!("{}{byte}{}", &text[..at], &text[at + next..]));
    }

    #[test]
    fn any_almost_json_as_the_slow_reader_takes_it(text in r#"[\[\]{}",:0-9eE+\-.\\unta ]{0,64}"#) {
        check(&text);
    }
}
