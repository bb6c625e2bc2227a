//! A page of hostile text is a page of text.

use omega_gateway::contract::manifest::DeterminismMode;
use omega_gateway::contract::plugin_info::LaneKind;
use omega_gateway::contract::{Capability, EventKind, KeyId, Sha256Hex, Timestamp};
use omega_gateway::ledger::PlacedEvent;
use omega_gateway::{GrantInForce, RanPackage, RegisteredPackage, RunFacts, SigningKey};

use super::*;
use crate::timeline::tests::{event, run};

/// What would run, close a tag, open an attribute, turn the text, or end the page, if it were taken for markup.
const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title></style><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}}&lt;b&gt;<!--",
    "exe.\u{202e}lmth\u{2066}",
    "\u{0}\u{1b}[2J\u{9b}31m",
];

fn facts(hostile: &str, events: Vec<PlacedEvent>) -> RunFacts {
    let registered = RegisteredPackage {
        plugin_id: "hello".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        name: hostile.to_owned(),
        capabilities: vec![Capability::ReadText],
        lane: LaneKind::Wasm,
        determinism: DeterminismMode::Deterministic,
        api_version: "1.0.0".parse().unwrap(),
        key_id: KeyId(Sha256Hex::of(b"key")),
        manifest_hash: Sha256Hex::of(b"manifest"),
        package_digest: Sha256Hex::of(b"package"),
    };
    let key = SigningKey {
        key_id: registered.key_id,
        label: hostile.to_owned(),
        trusted_by_event: Some(0),
        trusted_by: Some(hostile.to_owned()),
        revoked_by_event: Some(99),
        revoked_at: Some(Timestamp::EPOCH),
    };
    let grant =
        GrantInForce { capability: Capability::ReadText, granted: true, event_index: 5, actor: hostile.to_owned() };
    let package = RanPackage {
        plugin_id: registered.plugin_id.clone(),
        package_digest: registered.package_digest,
        registered: Some(registered),
        registered_by_event: Some(3),
        enabled_by_event: Some(4),
        key: Some(key),
        grants: vec![grant],
    };
    RunFacts {
        run_id: hostile.chars().filter(|c| *c != '\u{0}').collect::<String>().parse().unwrap(),
        packages: vec![package],
        policy: Some(serde_json::json!({"ceilings": hostile})),
        events,
    }
}

fn page(hostile: &str, events: Vec<PlacedEvent>) -> String {
    let facts = facts(hostile, events);
    let verification = Verification {
        facts: vec![(hostile.to_owned(), hostile.to_owned())],
        commands: vec![hostile.to_owned()],
        limits: vec![hostile.to_owned()],
        proof_file: hostile.to_owned(),
        head: Sha256Hex::of(b"head"),
    };
    let timeline = Timeline::of(&facts.events).unwrap();
    Page { facts: &facts, timeline: &timeline, verification: &verification, made_at: Timestamp::EPOCH }.render()
}

/// The names of every tag and attribute of a page, read as a browser reads it: quotes, then angle brackets.
fn markup(page: &str) -> (Vec<String>, Vec<String>) {
    let (mut tags, mut attributes) = (Vec::new(), Vec::new());
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let mut in_quotes = false;
        let end = rest.find(|c| {
            in_quotes ^= c == '"';
            c == '>' && !in_quotes
        });
        let tag = &rest[..end.unwrap()];
        tags.push(tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or_default().to_lowercase());
        let outside_quotes: String = tag.split('"').step_by(2).collect();
        attributes.extend(outside_quotes.split_whitespace().skip(1).map(|name| name.trim_end_matches('=').to_owned()));
        rest = &rest[end.unwrap()..];
        // What stands in the style sheet is ours.
        if tag == "style" {
            rest = &rest[rest.find("</style>").unwrap()..];
        }
    }
    tags.sort();
    tags.dedup();
    attributes.sort();
    attributes.dedup();
    (tags, attributes)
}

/// Whatever the text is, the page has the tags and attributes that a harmless one has.
#[test]
fn hostile_text_is_text() {
    let hostile_run = |hostile: &str| -> Vec<PlacedEvent> {
        let mut events = run();
        for placed in &mut events {
            let event = &mut placed.event;
            for field in [&mut event.plugin_id, &mut event.request_id, &mut event.input_hash, &mut event.output_hash] {
                hostile.clone_into(field);
            }
            for value in event.meta.values_mut().filter(|value| value.parse::<u64>().is_err()) {
                hostile.clone_into(value);
            }
        }
        events
    };
    let expect = markup(&page("harmless", hostile_run("harmless")));
    assert!(!expect.0.iter().any(|tag| ["script", "img", "iframe", "object", "form", "link"].contains(&tag.as_str())));
    assert!(!expect.1.iter().any(|name| name.starts_with("on") || name == "style" || name == "src"), "{expect:?}");
    for hostile in HOSTILE {
        let page = page(hostile, hostile_run(hostile));
        assert_eq!(markup(&page), expect, "{hostile:?}");
        let raw =
            |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(!page.contains(raw), "{hostile:?}");
    }
    let all = HOSTILE.concat();
    let hostile_key = format!("k{all}");
    let long = event(0, 0, EventKind::Invoke, (&all, &hostile_key), &[]);
    assert_eq!(markup(&page("harmless", vec![long])).0.iter().find(|tag| *tag == "script"), None);
}

/// The page's own policy: nothing is fetched, no script runs, and the style sheet that is allowed is the one that is there.
#[test]
fn the_policy_allows_this_style_sheet_and_nothing_else() {
    use base64::Engine as _;
    let page = page("harmless", run());
    let policy = page.split_once("Content-Security-Policy\" content=\"").unwrap().1.split_once('"').unwrap().0;
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let sheet = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256Hex::of(sheet.as_bytes()).as_bytes());
    assert!(policy.contains(&digest), "a browser hashes what stands between the tags");
    for fetched in ["http://", "https://", "url(", "@import", "src="] {
        assert!(!page.contains(fetched), "{fetched}");
    }
}

/// A run of any size gives a page that a browser can show.
#[test]
fn a_large_run_is_cut_and_says_so() {
    let calls = ROWS_MAX as u64 + 10;
    let events: Vec<PlacedEvent> = (0..calls)
        .flat_map(|n| {
            let at = i64::try_from(n).unwrap() * 1_000;
            let request = format!("q{n}");
            let pair = (request.as_str(), "hello");
            [
                event(2 * n, at, EventKind::Invoke, pair, &[("attempt", "1")]),
                event(2 * n + 1, at + 10, EventKind::Result, pair, &[("attempt", "1")]),
            ]
        })
        .collect();
    let page = page("harmless", events);
    assert_eq!(page.matches("<rect").count(), ROWS_MAX);
    assert!(page.contains(&format!("The first {ROWS_MAX} of {calls} attempts.")));
    assert!(page.contains(&format!("The first {ROWS_MAX} of {} events; the proof holds all.", 2 * calls)));
}
