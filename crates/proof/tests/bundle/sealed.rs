//! What is sealed verifies and says what happened; what cannot be proved is not sealed.

use omega_contract::proof_bundle::LinkedDecision;
use omega_contract::{EventKind, canonical_bytes};
use omega_proof::bundle::{BundleParts, RUN_PREDICATE_TYPE, verify_bundle};
use omega_proof::dsse::{Envelope, IN_TOTO_PAYLOAD_TYPE, Statement};
use serde_json::Value;

use crate::desk::{Desk, PLUGIN, bundle};
use crate::verify;

#[test]
fn a_sealed_bundle_verifies() {
    let bundle = bundle();
    let verdict = verify(&bundle).unwrap();
    assert_eq!((verdict.events, verdict.attempts, verdict.results), (7, 3, 1));
    assert_eq!((verdict.rejects, verdict.errors, verdict.withheld_decisions), (1, 1, 0));
    assert_eq!((verdict.log_key, verdict.head_event_hash), (Desk::vkey(), bundle.head_event_hash));
    let [plugin] = verdict.plugins.as_slice() else { panic!("{:?}", verdict.plugins) };
    assert_eq!((plugin.plugin_id.as_str(), plugin.version.as_str()), (PLUGIN, "1.2.3"));
    assert_eq!((plugin.key_revoked_at.as_deref(), plugin.key_id.len()), (None, 64));
    let mut line = canonical_bytes(&bundle).unwrap();
    line.push(b'\n');
    assert!(verify_bundle(&line, &[Desk::vkey()], &[]).is_ok());
    let pretty = serde_json::to_vec_pretty(&bundle).unwrap();
    assert!(verify_bundle(&pretty, &[Desk::vkey()], &[]).is_ok());
}

#[test]
fn only_what_was_in_force_is_linked() {
    let linked: Vec<(u64, EventKind)> = bundle()
        .links
        .into_iter()
        .map(|link| match link.decision {
            LinkedDecision::Event(event) => (link.index, event.kind),
            LinkedDecision::Withheld(_) => panic!("nothing to hide"),
        })
        .collect();
    // Not the trust in another key, event 2.
    let policy = EventKind::Policy;
    assert_eq!(linked, [(0, policy), (1, policy), (3, EventKind::Register), (4, EventKind::Enable)]);
}

#[test]
fn a_decision_with_paths_of_the_host_is_withheld_and_still_proved() {
    let mut desk = Desk::new();
    let secret = "/srv/sealed";
    let content = format!("{{\"policy\":{{\"protected_paths\":[\"{secret}\"]}}}}");
    desk.decide(EventKind::Policy, "", &[("action", "effective_policy"), ("content", &content)]);
    desk.call("a", "1", EventKind::Result);
    let bundle = desk.export();
    let bytes = String::from_utf8(canonical_bytes(&bundle).unwrap()).unwrap();
    assert!(!bytes.contains(secret));
    let statement = Envelope::parse(attestation(&bundle).as_bytes(), u64::MAX).unwrap();
    let payload = statement.verify(IN_TOTO_PAYLOAD_TYPE, &[desk.signer.verifier_key().public()]).unwrap().bytes;
    assert!(!String::from_utf8(payload).unwrap().contains(secret));
    assert_eq!(verify(&bundle).unwrap().withheld_decisions, 1);
}

fn attestation(bundle: &omega_contract::ProofBundle) -> String {
    serde_json::to_string(&bundle.attestation).unwrap()
}

#[test]
fn a_key_that_was_revoked_after_the_run_is_told() {
    let mut desk = Desk::new();
    desk.call("a", "1", EventKind::Result);
    let before = desk.export();
    let key = verify(&before).unwrap().plugins[0].key_id.clone();
    desk.decide(EventKind::Policy, "", &[("action", "revoke_key"), ("key_id", &key)]);
    // The old proof is as good as it was; a new one tells.
    assert_eq!(verify(&before).unwrap().plugins[0].key_revoked_at, None);
    let after = verify(&desk.export()).unwrap();
    assert_eq!(after.plugins[0].key_revoked_at.as_deref(), Some("2026-11-20T11:18:34.123456Z"));
}

#[test]
fn the_attestation_is_an_in_toto_statement_about_the_results() {
    let bundle = bundle();
    let envelope = Envelope::parse(attestation(&bundle).as_bytes(), u64::MAX).unwrap();
    let payload = envelope.verify(IN_TOTO_PAYLOAD_TYPE, &[Desk::vkey().public()]).unwrap().bytes;
    let statement: Statement = serde_json::from_slice(&payload).unwrap();
    assert_eq!(statement.predicate_type, RUN_PREDICATE_TYPE);
    let subjects: Vec<_> = statement.subject.iter().map(|it| (it.name.as_str(), it.sha256_digest().unwrap())).collect();
    let result = bundle.events.iter().find(|event| event.kind == EventKind::Result).unwrap();
    let expect = [("run/run", bundle.head_event_hash), ("result/a/0/2", result.output_hash.parse().unwrap())];
    assert_eq!(subjects, expect);
    let calls = statement.predicate["calls"].as_array().unwrap();
    let decisions: Vec<&str> = calls.iter().map(|call| call["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["ERROR", "RESULT", "REJECT"]);
    assert_eq!((&calls[0]["reason"], &calls[1]["duration_us"]), (&"timeout".into(), &"120".into()));
    assert_eq!(statement.predicate["plugins"][0]["plugin_id"], PLUGIN);
    let policies = statement.predicate["policy"].as_array().unwrap();
    assert!(policies.iter().any(|policy| policy["content"]["policy"]["durability"] == "batch"), "{policies:?}");
    assert_eq!(statement.predicate["plugins"][0].get("key_revoked_at"), None::<&Value>);
}

#[test]
fn a_second_export_contains_the_first() {
    let mut desk = Desk::new();
    desk.call("a", "1", EventKind::Result);
    let parts = desk.parts();
    let export = desk.append_export(parts.export_draft(desk.size()).unwrap());
    desk.run.push(export);
    let bundle = desk.export();
    assert_eq!(bundle.events.len(), 4);
    assert_eq!(verify(&bundle).unwrap().events, 4);
}

#[test]
fn a_run_that_ran_nothing_is_proved_too() {
    let mut desk = Desk::new();
    let refused = desk.append(Desk::event(EventKind::Reject, "run", &[("reason", "plugin_unknown")]));
    desk.run.push(refused);
    let bundle = desk.export_parts(BundleParts { validation_reports: vec![], ..desk.parts() }).unwrap();
    let verdict = verify(&bundle).unwrap();
    assert_eq!((verdict.attempts, verdict.rejects, verdict.plugins.len(), bundle.links.len()), (0, 1, 0, 0));
}

#[test]
fn what_cannot_be_proved_is_not_sealed() {
    let check = |edit: fn(&mut BundleParts), expect: &str| {
        let mut desk = Desk::new();
        desk.others_between = 2;
        desk.call("a", "1", EventKind::Result);
        let mut parts = desk.parts();
        edit(&mut parts);
        let fault = desk.export_parts(parts).unwrap_err().to_string();
        assert!(fault.contains(expect), "{expect}: {fault}");
    };
    check(|parts| parts.events.clear(), "no events");
    check(|parts| drop(parts.events.pop()), "request \"a\" has no outcome (its INVOKE is event 5");
    check(|parts| drop(parts.events.remove(0)), "without an open INVOKE");
    check(|parts| parts.validation_reports[0].manifest_hash = "x".into(), "which no event names");
    check(|parts| parts.run_id = "other".parse().unwrap(), "belongs to run \"run\"");
    check(|parts| parts.events[1].index = 0, "its index does not rise");
    check(|parts| parts.events[1].index = 6, "event 1 of the bundle: broken link");
    check(|parts| parts.events[1].index = 9, "event 1 of the bundle: the inclusion proof does not lead to the root");
    check(|parts| parts.decisions.clear(), "does not link its REGISTER");
    check(|parts| parts.decisions.truncate(4), "does not link its ENABLE");
    check(|parts| drop(parts.decisions.remove(0)), "does not link the trust in its key");
    check(|parts| parts.decisions[3].index = 2, "link at event");
    check(|parts| parts.origin = "another".parse().unwrap(), "the bundle is of the log \"another\"");
}

#[test]
fn a_checkpoint_that_does_not_cover_the_export_seals_nothing() {
    let mut desk = Desk::new();
    desk.call("a", "1", EventKind::Result);
    let early = desk.checkpoint();
    let parts = desk.parts();
    let export = desk.append_export(parts.export_draft(desk.size()).unwrap());
    let signer = &desk.signer;
    let anchor = omega_proof::bundle::Anchor { checkpoint: &early, key_handovers: &[], signer };
    let no_proof = |_| Ok::<_, omega_proof::bundle::SealFault>(Vec::new());
    assert!(parts.seal(export, anchor, no_proof).is_err());
}
