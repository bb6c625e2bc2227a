use omega_contract::{Meta, Sha256Hex};

use super::*;
use crate::line::tests::event;

/// A decision at `index`, with this meta.
fn decision(index: u64, kind: EventKind, plugin: &str, fields: &[(&'static str, &str)]) -> (u64, Event) {
    let meta: Meta = fields.iter().map(|(key, value)| ((*key).into(), (*value).to_owned())).collect();
    (index, Event { kind, run_id: "system".into(), plugin_id: plugin.into(), ..event(meta) })
}

fn policy(index: u64, plugin: &str, fields: &[(&'static str, &str)]) -> (u64, Event) {
    decision(index, EventKind::Policy, plugin, fields)
}

fn register(index: u64, digest: &str, version: &str, key: &str) -> (u64, Event) {
    let fields = [("package_digest", digest), ("version", version), ("key_id", key)];
    decision(index, EventKind::Register, "p", &fields)
}

fn enable(index: u64, version: &str) -> (u64, Event) {
    decision(index, EventKind::Enable, "p", &[("version", version)])
}

fn trust(index: u64, key: &str) -> (u64, Event) {
    policy(index, "", &[("action", "trust"), ("key_id", key)])
}

fn revoke(index: u64, key: &str) -> (u64, Event) {
    policy(index, "", &[("action", "revoke_key"), ("key_id", key)])
}

fn grant(index: u64, plugin: &str, action: &str, major: u64) -> (u64, Event) {
    let content = format!("{{\"major_version\":{major}}}");
    policy(index, plugin, &[("action", action), ("capability", "llm"), ("content", &content)])
}

fn invoke(index: u64, digest: &str) -> (u64, Event) {
    decision(index, EventKind::Invoke, "p", &[("package_digest", digest)])
}

fn check(run: &[(u64, Event)], decisions: &[(u64, Event)], expect: Result<&[u64], &str>) -> Vec<PluginInForce> {
    fn placed(events: &[(u64, Event)]) -> Vec<Placed<'_>> {
        events.iter().map(|(index, event)| Placed { index: *index, event }).collect()
    }
    match (in_force(placed(run), &placed(decisions)), expect) {
        (Ok(found), Ok(expect)) => {
            assert_eq!(found.chosen.into_iter().collect::<Vec<_>>(), expect);
            found.plugins
        }
        (Err(fault), Err(expect)) => {
            assert!(fault.to_string().contains(expect), "{fault}");
            Vec::new()
        }
        (got, _) => panic!("{got:?}"),
    }
}

#[test]
fn the_latest_before_each_invoke_is_in_force() {
    let decisions = [
        policy(0, "", &[("action", "effective_policy")]),
        trust(1, "k"),
        trust(2, "other"),
        register(3, "d1", "1.0.0", "k"),
        enable(4, "1.0.0"),
        grant(5, "p", "grant", 1),
        grant(6, "p", "grant", 2),
        grant(7, "another", "grant", 1),
        grant(8, "p", "revoke_grant", 1),
        policy(9, "", &[("action", "effective_policy")]),
        // invoke at 10
        register(11, "d2", "2.0.0", "k"),
        enable(12, "2.0.0"),
        // invoke at 13 of the new one, at 14 of the old one: it began before
        enable(20, "2.0.0"),
    ];
    let plugins = check(&[invoke(10, "d1")], &decisions, Ok(&[1, 3, 4, 6, 8, 9]));
    assert_eq!(plugins.len(), 1);
    assert_eq!((plugins[0].version.as_str(), plugins[0].key_revoked_at.as_deref()), ("1.0.0", None));
    let both = [invoke(10, "d1"), invoke(13, "d2"), invoke(14, "d1")];
    assert_eq!(check(&both, &decisions, Ok(&[1, 3, 4, 6, 8, 9, 11, 12])).len(), 2);
    check(&[], &decisions, Ok(&[]));
    check(&[invoke(3, "d1")], &decisions, Err("\"p\" ran at event 3 and the bundle does not link its REGISTER"));
    check(&[invoke(10, "d2")], &decisions, Err("its REGISTER"));
    check(&[invoke(4, "d1")], &decisions, Err("its ENABLE"));
    check(&[invoke(10, "d1")], &decisions[2..], Err("the trust in its key"));
}

#[test]
fn a_key_that_was_revoked_later_is_told() {
    let decisions = [
        trust(0, "k"),
        register(1, "d", "1.0.0", "k"),
        enable(2, "1.0.0"),
        revoke(8, "other"),
        revoke(9, "k"),
        revoke(10, "k"),
    ];
    let plugins = check(&[invoke(5, "d")], &decisions, Ok(&[0, 1, 2, 9]));
    assert_eq!(plugins[0].key_revoked_at.as_deref(), Some("2026-11-20T11:18:34.123456Z"));
    // Revoked and trusted again before the call: nothing was revoked after that.
    let again = [trust(0, "k"), revoke(1, "k"), trust(2, "k"), register(3, "d", "1.0.0", "k"), enable(4, "1.0.0")];
    let plugins = check(&[invoke(5, "d")], &again, Ok(&[2, 3, 4]));
    assert_eq!(plugins[0].key_revoked_at, None);
}

#[test]
fn paths_of_the_host_are_seen() {
    let check = |action: &str, content: &str, expect: bool| {
        let (_, event) = policy(0, "", &[("action", action), ("content", content)]);
        assert_eq!(names_host_paths(&event), expect, "{action} {content}");
        assert_eq!(matches!(linked(&event), LinkedDecision::Withheld(_)), expect);
    };
    for path in ["/srv/data", "C:/data", "c:\\\\data", "\\\\\\\\server\\\\share", "~/data", "file:///srv"] {
        check("grant", &format!("{{\"params\":{{\"roots\":[\"{path}\"]}}}}"), true);
        check("effective_policy", &format!("{{\"policy\":{{\"protected_paths\":[\"{path}\"]}}}}"), true);
        check("revoke_grant", &format!("{{\"{path}\":1}}"), true);
        // A label is the operator's own text.
        check("trust", &format!("{{\"label\":\"{path}\"}}"), false);
    }
    for other in ["https://example.com/a", "a/b", "", "C:", "1:/x", "text/plain"] {
        check("grant", &format!("{{\"params\":{{\"x\":\"{other}\"}}}}"), false);
    }
    check("effective_policy", "not json", true);
    let withheld = |action: &str| WithheldDecision {
        event_hash: Sha256Hex::of(b""),
        action: action.into(),
        plugin_id: String::new(),
    };
    assert!(check_withheld(&withheld("grant")).is_ok());
    assert!(check_withheld(&withheld("trust")).is_err() && check_withheld(&withheld("")).is_err());
}
