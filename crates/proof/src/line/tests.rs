use omega_contract::Meta;
use proptest::prelude::*;

use super::*;

pub(crate) fn event(meta: Meta) -> Event {
    Event {
        event_hash: Sha256Hex::of(b""),
        event_id: "01KAGXYZ0123456789ABCDEFGH".into(),
        input_hash: "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28".into(),
        kind: EventKind::Invoke,
        meta,
        output_hash: String::new(),
        plugin_id: "text-stats".into(),
        prev_hash: String::new(),
        request_id: "r-1".into(),
        run_id: "run".into(),
        ts: "2026-11-20T11:18:34.123456Z".into(),
    }
}

/// The canonical line of `event` with its true hash: the long way round, by the specification's words.
pub(crate) fn line_of(event: &Event) -> Vec<u8> {
    let mut value = serde_json::to_value(event).unwrap();
    value.as_object_mut().unwrap().remove("event_hash");
    let hash = omega_contract::hash(&value).unwrap();
    value["event_hash"] = hash.to_string().into();
    canonical_bytes(&value).unwrap()
}

fn plain() -> Vec<u8> {
    line_of(&event([("attempt".into(), "1".into()), ("lane".into(), "wasm".into())].into()))
}

#[test]
fn takes_what_the_canonical_writer_writes() {
    let odd = "\u{0}\u{8}\t\n\u{c}\r\u{1f}\u{7f}\"\\/ é🦀\u{2028}";
    let mut event = event([("a".into(), odd.into()), ("b c".into(), String::new())].into());
    event.run_id = odd.into();
    let bytes = line_of(&event);
    let line = Line::scan(&bytes).unwrap();
    assert_eq!(line.hash().unwrap().to_hex().as_bytes(), line.event_hash());
    event.event_hash = line.hash().unwrap();
    assert_eq!(line.event().unwrap(), event);
    assert_eq!(strict_event(&bytes).unwrap(), event);
    assert_eq!(line.meta().get("b c"), Some(""));
    assert_eq!(line.meta().get("c"), None);
}

#[test]
fn names_what_is_wrong() {
    let check = |from: &str, to: &str, expect: &str| {
        let text = String::from_utf8(plain()).unwrap();
        assert!(text.contains(from), "{from}");
        let fault = checked_event(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(fault.to_string().contains(expect), "{from} -> {to}: {fault}");
    };
    check("text-stats", "text-stat5", "hash mismatch: the line states ");
    check("INVOKE", "INVOK", "expected a kind of event at byte ");
    check("{\"event_hash\"", " {\"event_hash\"", "at byte 0 of the line");
    check("\"attempt\":\"1\",", "\"zz\":\"1\",", "keys of meta in order");
    check("\"attempt\":\"1\",", "\"lane\":\"1\",", "keys of meta in order");
    check("\"attempt\":\"1\"", "\"attempt\":1", "expected :\" at byte");
    check("run\"", "\\u0072un\"", "a canonical escape");
    check("run\"", "\\u000a\"", "a canonical escape");
    check("run\"", "\\u001F\"", "a canonical escape");
    check("run\"", "\\/\"", "a canonical escape");
    check("run\"", "\t\"", "no control character");
    check("56Z\"}", "56Z\"}x", "the end of the line");
    check("56Z\"}", "56Z\",\"x\":\"\"}", "expected } at byte");
    check("56Z\"}", "56Z", "the end of a string");
    check("b22f", "B22f", "64 lower-case hex digits");
    check("b22f", "22f", "64 lower-case hex digits");
    let mut bytes = plain();
    bytes[100] = 0xff;
    assert_eq!(checked_event(&bytes).unwrap_err(), LineFault::NotUtf8 { at: 100 });
}

#[test]
fn strict_checks_each_field() {
    let check = |edit: fn(&mut Event), expect: &str| {
        let mut event = event(Meta::new());
        edit(&mut event);
        let bytes = line_of(&event);
        assert!(checked_event(&bytes).is_ok(), "{expect}");
        let fault = strict_event(&bytes).unwrap_err();
        assert!(matches!(fault, LineFault::Shape { field, .. } if field == expect), "{expect}: {fault}");
    };
    check(|e| e.event_id = "x".into(), "event_id");
    check(|e| e.event_id.replace_range(..1, "8"), "event_id");
    check(|e| e.event_id.replace_range(..1, "I"), "event_id");
    check(|e| e.plugin_id = "X".into(), "plugin_id");
    check(|e| e.run_id = String::new(), "run_id");
    check(|e| e.run_id = "x".repeat(129), "run_id");
    check(|e| e.request_id = "x".repeat(129), "request_id");
    check(|e| e.ts = "2026-11-20T11:18:34Z".into(), "ts");
    check(|e| e.ts = "2026-11-20T12:18:34.123456+01:00".into(), "ts");
    let mut longest = event(Meta::new());
    longest.run_id = "x".repeat(128);
    longest.request_id = "é".repeat(128);
    assert!(strict_event(&line_of(&longest)).is_ok());
}

#[test]
fn a_line_has_a_largest_length() {
    let with_value = |bytes: usize| line_of(&event([("a".into(), "x".repeat(bytes))].into()));
    let fixed = with_value(0).len();
    // The newline counts.
    assert!(checked_event(&with_value(EVENT_LINE_BYTES_MAX - 1 - fixed)).is_ok());
    assert_eq!(checked_event(&with_value(EVENT_LINE_BYTES_MAX - fixed)), Err(LineFault::TooLong));
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _outcome_is_free = checked_event(&bytes);
    }

    /// The scanner and the strict reader say the same of every line that is one edit away from a good one.
    #[test]
    fn agrees_with_the_canonical_writer(at in 0_usize..600, byte in any::<u8>(), text in ".{0,12}") {
        let mut bytes = line_of(&event([("a".into(), text.clone()), ("b".into(), text)].into()));
        let at = at % bytes.len();
        bytes[at] = byte;
        let scanned = Line::scan(&bytes).is_ok();
        let parsed: Result<Event, _> = strict_json::parse_as(&bytes, EVENT_LINE_BYTES_MAX as u64);
        let canonical = parsed.is_ok_and(|event| {
            let hash = |text: &str| text.is_empty() || text.parse::<Sha256Hex>().is_ok();
            let hashes = hash(&event.input_hash) && hash(&event.output_hash) && hash(&event.prev_hash);
            let keys = event.meta.keys().all(|key| key.bytes().all(|b| (0x20..0x80).contains(&b) && b != b'"' && b != b'\\'));
            canonical_bytes(&event).unwrap() == bytes && hashes && keys
        });
        prop_assert!(scanned == canonical, "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_single_edit_of_a_line_is_detected(at in 0_usize..600, flip in 1_u8..=255, text in "\\PC{0,12}") {
        let mut bytes = line_of(&event([("a".into(), text)].into()));
        let at = at % bytes.len();
        bytes[at] ^= flip;
        prop_assert!(checked_event(&bytes).is_err(), "{}", String::from_utf8_lossy(&bytes));
    }
}
