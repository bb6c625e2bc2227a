use omega_contract::{EventDraft, EventKind, Meta, ProofBundle, canonical_bytes};
use proptest::prelude::*;

use super::*;
use crate::line::tests::{event, line_of};
use crate::line::{Line, checked_event};

/// A ledger of two runs in turns, event by event; gives the events of run `run`.
struct Desk {
    next: u64,
    head: String,
    run: Vec<PlacedEvent>,
}

impl Desk {
    fn new() -> Self {
        Self { next: 0, head: String::new(), run: Vec::new() }
    }

    fn append(&mut self, draft: EventDraft) -> PlacedEvent {
        let mut event = event(draft.meta);
        event.kind = draft.kind;
        event.run_id = draft.run_id.to_string();
        event.request_id = draft.request_id.map(|id| id.to_string()).unwrap_or_default();
        event.plugin_id = draft.plugin_id.map(|id| id.to_string()).unwrap_or_default();
        event.prev_hash.clone_from(&self.head);
        let event = checked_event(&line_of(&event)).unwrap();
        self.head = event.event_hash.to_string();
        self.next += 1;
        PlacedEvent { index: self.next - 1, event }
    }

    fn call(&mut self, request: &str, attempt: &str, outcome: EventKind) {
        for kind in [EventKind::Invoke, outcome] {
            let mut draft = EventDraft::of_run(kind, "run".parse().unwrap())
                .with("attempt", attempt)
                .with("manifest_hash", Sha256Hex::of(b"manifest").to_string());
            draft.request_id = Some(request.parse().unwrap());
            draft.plugin_id = Some("text-stats".parse().unwrap());
            let placed = self.append(draft);
            self.run.push(placed);
            self.append(EventDraft::of_run(kind, "other".parse().unwrap()));
            self.append(EventDraft::of_run(kind, "other".parse().unwrap()));
        }
    }

    fn parts(&self) -> BundleParts {
        BundleParts {
            proof_id: "01KAGXYZ0123456789ABCDEFGH".into(),
            run_id: "run".parse().unwrap(),
            created_at: Timestamp::from_unix_micros(1_795_173_514_000_001),
            events: self.run.clone(),
            validation_reports: vec![ValidationReport {
                valid: true,
                issues: vec![],
                manifest_hash: Sha256Hex::of(b"manifest").to_string(),
                checked_at: Timestamp::EPOCH,
            }],
            durability: Durability::Batch,
        }
    }

    fn export(&mut self) -> ProofBundle {
        let parts = self.parts();
        let export = self.append(parts.export_draft(self.next).unwrap());
        parts.seal(export).unwrap()
    }
}

fn bundle() -> ProofBundle {
    let mut desk = Desk::new();
    desk.call("a", "1", EventKind::Error);
    desk.call("a", "2", EventKind::Result);
    desk.call("b", "1", EventKind::Reject);
    desk.export()
}

#[test]
fn a_sealed_bundle_verifies() {
    let bundle = bundle();
    let verdict = verify_bundle(&canonical_bytes(&bundle).unwrap(), None).unwrap();
    assert_eq!((verdict.events, verdict.attempts, verdict.results), (7, 3, 1));
    assert_eq!((verdict.rejects, verdict.errors, verdict.head_check), (1, 1, HeadCheck::NotCompared));
    let pretty = serde_json::to_vec_pretty(&bundle).unwrap();
    let verdict = verify_bundle(&pretty, Some(bundle.head_event_hash)).unwrap();
    assert_eq!(verdict.head_check, HeadCheck::Same);
}

#[test]
fn a_second_export_contains_the_first() {
    let mut desk = Desk::new();
    desk.call("a", "1", EventKind::Result);
    let parts = desk.parts();
    let export = desk.append(parts.export_draft(desk.next).unwrap());
    desk.run.push(export);
    assert_eq!(desk.export().events.len(), 4);
}

#[test]
fn what_cannot_be_proved_is_not_sealed() {
    let check = |edit: fn(&mut BundleParts), expect: &str| {
        let mut desk = Desk::new();
        desk.call("a", "1", EventKind::Result);
        let mut parts = desk.parts();
        edit(&mut parts);
        let sealed = parts.export_draft(desk.next).and_then(|draft| {
            let export = desk.append(draft);
            parts.seal(export)
        });
        let fault = sealed.unwrap_err().to_string();
        assert!(fault.contains(expect), "{fault}");
    };
    check(|parts| parts.events.clear(), "no events");
    check(|parts| drop(parts.events.pop()), "request \"a\" has no outcome (its INVOKE is event 0");
    check(|parts| drop(parts.events.remove(0)), "without an open INVOKE");
    check(|parts| parts.validation_reports[0].manifest_hash = "x".into(), "which no event names");
    check(|parts| parts.run_id = "other".parse().unwrap(), "belongs to run \"run\"");
    check(|parts| parts.events[1].index = 0, "its index does not rise");
}

#[test]
fn names_what_was_done_to_a_bundle() {
    let check = |edit: fn(&mut ProofBundle), expect: &str| {
        let mut bundle = bundle();
        edit(&mut bundle);
        let fault = verify_bundle(&canonical_bytes(&bundle).unwrap(), None).unwrap_err().to_string();
        assert!(fault.contains(expect), "{expect}: {fault}");
    };
    check(|b| b.format = "omega.proof/v9".into(), "the format is");
    check(|b| b.proof_id.push('x'), "beside its events");
    check(|b| b.created_at = Timestamp::EPOCH, "beside its events");
    check(|b| b.durability = Durability::Relaxed, "beside its events");
    check(|b| b.validation_reports[0].valid = false, "beside its events");
    check(|b| b.validation_reports.clear(), "beside its events");
    check(|b| b.plugin_manifest_digests.clear(), "beside its events");
    check(|b| b.inclusion[2].index += 1, "beside its events");
    check(|b| b.inclusion[6].index += 1, "does not confirm index");
    check(|b| b.run_id = "other".parse().unwrap(), "belongs to run");
    check(|b| b.head_event_hash = b.events[0].event_hash, "head_event_hash is not");
    check(|b| b.run.events += 1, "does not confirm the run's events");
    check(|b| b.run.root = b.head_event_hash, "does not confirm the run's events");
    check(|b| drop(b.events.pop()), "7 indexes for 6 events");
    check(|b| b.inclusion.truncate(b.events.pop().map_or(0, |_| 6)), "the last event is a REJECT");
    check(|b| *b = ProofBundle { events: vec![], inclusion: vec![], ..b.clone() }, "no events");
    check(|b| b.events[1].plugin_id = "other-plugin".into(), "event 1 of the bundle: hash mismatch");
    check(|b| b.events[1].plugin_id = "Other".into(), "event 1 of the bundle: bad field plugin_id");
}

#[test]
fn a_dropped_or_replaced_event_is_found_even_if_its_own_hash_is_right() {
    let mut dropped = bundle();
    dropped.events.remove(4);
    dropped.events.remove(4);
    dropped.inclusion.drain(4..6);
    dropped.run.events = 4;
    dropped.run.root = crate::run_root::run_root(dropped.events[..4].iter().map(|event| &event.event_hash));
    let fault = verify_bundle(&canonical_bytes(&dropped).unwrap(), None).unwrap_err();
    assert_eq!(fault, BundleFault::ExportMismatch(export_meta::RUN_EVENTS));

    let mut replaced = bundle();
    replaced.events[1].kind = EventKind::Result;
    let line = line_of(&replaced.events[1]);
    replaced.events[1].event_hash = Line::scan(&line).unwrap().hash().unwrap();
    let fault = verify_bundle(&canonical_bytes(&replaced).unwrap(), None).unwrap_err();
    assert_eq!(fault, BundleFault::ExportMismatch("the run's events"));
}

#[test]
fn a_bundle_made_anew_is_found_by_whoever_kept_the_head() {
    let genuine = bundle();
    let mut desk = Desk::new();
    desk.call("a", "1", EventKind::Result);
    let forged = canonical_bytes(&desk.export()).unwrap();
    assert!(verify_bundle(&forged, None).is_ok());
    let fault = verify_bundle(&forged, Some(genuine.head_event_hash)).unwrap_err();
    assert!(matches!(fault, BundleFault::OtherHead { .. }), "{fault}");
}

#[test]
fn neighbours_must_be_linked() {
    let mut desk = Desk::new();
    let first = desk.append(EventDraft::of_run(EventKind::Policy, "run".parse().unwrap()));
    desk.head = Sha256Hex::of(b"another ledger").to_string();
    let second = desk.append(EventDraft::of_run(EventKind::Policy, "run".parse().unwrap()));
    desk.run = vec![first, second];
    let mut parts = desk.parts();
    parts.validation_reports.clear();
    let export = desk.append(parts.export_draft(desk.next).unwrap());
    let fault = parts.seal(export).unwrap_err().to_string();
    assert!(fault.contains("event 1 of the bundle: broken link"), "{fault}");
}

#[test]
fn another_spelling_of_a_value_is_refused() {
    let text = String::from_utf8(canonical_bytes(&bundle()).unwrap()).unwrap();
    let check = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        assert_eq!(verify_bundle(text.replacen(from, to, 1).as_bytes(), None), Err(BundleFault::NotExact), "{to}");
    };
    check("1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z");
    check("1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00.0000004Z");
}

proptest! {
    #[test]
    fn any_single_byte_edit_is_detected(at in any::<usize>(), flip in 1_u8..=255) {
        let bytes = canonical_bytes(&bundle()).unwrap();
        let mut edited = bytes.clone();
        let at = at % bytes.len();
        edited[at] ^= flip;
        prop_assert!(verify_bundle(&edited, None).is_err(), "byte {at}: {}", String::from_utf8_lossy(&edited));
    }

    #[test]
    fn any_removed_or_inserted_byte_is_detected_or_without_effect(at in any::<usize>(), byte in any::<u8>(), insert in any::<bool>()) {
        let genuine = bundle();
        let mut edited = canonical_bytes(&genuine).unwrap();
        let at = at % edited.len();
        if insert { edited.insert(at, byte) } else { let _removed = edited.remove(at); }
        if verify_bundle(&edited, None).is_ok() {
            let same: ProofBundle = omega_contract::strict_json::parse_as(&edited, BUNDLE_BYTES_MAX).unwrap();
            prop_assert_eq!(same, genuine);
        }
    }

    #[test]
    fn never_panics(text in r#"[\[\]{}",:0-9a-z ]{0,64}"#) {
        prop_assert!(verify_bundle(text.as_bytes(), None).is_err());
    }
}

#[test]
fn unknown_meta_of_an_ordinary_event_is_data() {
    let digests = manifest_digests([&event(Meta::from([("manifest_hash".into(), "not a hash".into())]))]);
    assert!(digests.is_empty());
}
