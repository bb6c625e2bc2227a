//! Whatever is done to a bundle is found, and named.

use std::sync::LazyLock;

use omega_contract::proof_bundle::{Durability, LinkedDecision};
use omega_contract::{EventKind, ProofBundle, Sha256Hex, Timestamp, canonical_bytes};
use omega_proof::bundle::{BundleFault, export_meta, verify_bundle};
use omega_proof::run_root::run_root;
use proptest::prelude::*;

use crate::desk::{Desk, ORIGIN, bundle, signer_of};
use crate::verify;

fn refused(bundle: &ProofBundle, expect: &str) {
    let fault = verify(bundle).unwrap_err().to_string();
    assert!(fault.contains(expect), "{expect}: {fault}");
}

#[test]
fn names_what_was_done_to_a_bundle() {
    let check = |edit: fn(&mut ProofBundle), expect: &str| {
        let mut bundle = bundle();
        edit(&mut bundle);
        refused(&bundle, expect);
    };
    check(|b| b.format = "omega.proof/v0".into(), "the format is \"omega.proof/v0\"");
    check(|b| b.proof_id.push('x'), "beside its events");
    check(|b| b.created_at = Timestamp::EPOCH, "beside its events");
    check(|b| b.durability = Durability::Relaxed, "beside its events");
    check(|b| b.validation_reports[0].valid = false, "beside its events");
    check(|b| b.validation_reports.clear(), "beside its events");
    check(|b| b.plugin_manifest_digests.clear(), "beside its events");
    check(|b| drop(b.links.pop()), "beside its events");
    check(|b| b.links.swap(0, 1), "beside its events");
    check(|b| b.origin = "example.com/other".into(), "the bundle is of the log \"example.com/other\"");
    check(|b| b.run_id = "other".parse().unwrap(), "belongs to run");
    check(|b| b.head_event_hash = b.events[0].event_hash, "head_event_hash is not");
    check(|b| b.run.events += 1, "does not confirm the run's events");
    check(|b| b.run.root = b.head_event_hash, "does not confirm the run's events");
    check(|b| drop(b.events.pop()), "7 places for 6 events");
    check(|b| b.inclusion.truncate(b.events.pop().map_or(0, |_| 6)), "the last event is a REJECT");
    check(|b| *b = ProofBundle { events: vec![], inclusion: vec![], ..b.clone() }, "no events");
    check(|b| b.events[1].plugin_id = "other-plugin".into(), "event 1 of the bundle: hash mismatch");
    check(|b| b.events[1].plugin_id = "Other".into(), "event 1 of the bundle: bad field plugin_id");
}

#[test]
fn proofs_lead_to_the_checkpoint_or_nowhere() {
    let check = |edit: fn(&mut ProofBundle), expect: &str| {
        let mut bundle = bundle();
        edit(&mut bundle);
        refused(&bundle, expect);
    };
    let nowhere = "event 2 of the bundle: the inclusion proof does not lead to the root";
    check(|b| b.inclusion[2].index += 1, nowhere);
    check(|b| b.inclusion[2].proof.truncate(2), nowhere);
    check(|b| b.inclusion[2].proof.push(b.head_event_hash), nowhere);
    check(|b| b.inclusion[2].proof.swap(0, 1), nowhere);
    check(|b| b.inclusion[2].proof = b.inclusion[3].proof.clone(), nowhere);
    check(|b| b.inclusion[2].proof.clear(), nowhere);
    check(|b| b.inclusion.swap(2, 3), "event 2 of the bundle: ");
    check(|b| b.inclusion[6].index = u64::MAX >> 11, "there is no leaf");
    check(|b| b.events.swap(2, 3), "event 2 of the bundle: ");
    check(|b| b.links[0].proof.truncate(2), "link at event 0: the inclusion proof does not lead");
    check(|b| b.links[1].proof = b.links[0].proof.clone(), "link at event 1: the inclusion proof does not lead");
}

/// Everything recomputed that can be without the log's key: an event taken out, and the run made to look whole.
#[test]
fn a_removed_or_replaced_event_is_found_even_if_its_own_hash_is_right() {
    let mut removed = bundle();
    removed.events.drain(4..6);
    removed.inclusion.drain(4..6);
    removed.run.events = 4;
    removed.run.root = run_root(removed.events[..4].iter().map(|event| &event.event_hash));
    assert_eq!(verify(&removed), Err(BundleFault::ExportMismatch(export_meta::RUN_EVENTS)));

    let mut replaced = bundle();
    let (index, event) = (replaced.inclusion[1].index, &mut replaced.events[1]);
    event.kind = EventKind::Result;
    let line = canonical_bytes(event).unwrap();
    event.event_hash = omega_proof::line::hash_after_prefix(&line[omega_proof::line::LINE_PREFIX_BYTES..]);
    refused(&replaced, "event 1 of the bundle: the inclusion proof does not lead");
    assert_eq!(replaced.inclusion[1].index, index);
}

#[test]
fn another_log_s_checkpoint_is_refused() {
    // The same run in another history under the same name and key: what whoever has home and key can make.
    let mut desk = Desk::new();
    desk.append(Desk::event(EventKind::Recovery, "other", &[]));
    desk.call("a", "1", EventKind::Result);
    let other = desk.export();
    let with = |checkpoint: String| ProofBundle { checkpoint, ..bundle() };
    refused(&with(other.checkpoint), "the inclusion proof does not lead to the root");
    // The true head, signed by somebody else.
    let head = *omega_proof::checkpoint::verify_checkpoint(bundle().checkpoint.as_bytes(), &Desk::vkey())
        .map(|checkpoint| checkpoint.head)
        .as_ref()
        .unwrap();
    refused(&with(signer_of(ORIGIN, 9).sign(&head).as_str().into()), "no key that is trusted for this log");
    refused(&with(signer_of("example.com/other", 1).sign(&head).as_str().into()), "no key that is trusted");
    let forged = bundle().checkpoint.replacen(&format!("\n{}\n", head.size), &format!("\n{}\n", head.size + 1), 1);
    refused(&with(forged), "does not verify");
    refused(&with(String::new()), "not a signed note");
    refused(&with(bundle().checkpoint.trim_end().into()), "not a signed note");
}

/// The same run in another history.
fn other() -> ProofBundle {
    let mut desk = Desk::new();
    desk.call("a", "1", EventKind::Result);
    desk.export()
}

#[test]
fn the_attestation_must_be_the_bundle_s_own() {
    let check = |edit: fn(&mut ProofBundle), expect: &str| {
        let mut bundle = bundle();
        edit(&mut bundle);
        refused(&bundle, expect);
    };
    check(|b| b.attestation = other().attestation, "the attestation does not say what the bundle says");
    check(|b| b.attestation.payload_type.push('x'), "does not say what the bundle says");
    check(|b| b.attestation.signatures.clear(), "no signature");
    check(|b| b.attestation.signatures.push(b.attestation.signatures[0].clone()), "2 signatures");
    check(|b| b.attestation.signatures = other().attestation.signatures, "does not verify");
    check(|b| b.attestation.signatures[0].keyid.clear(), "none of its signatures");
    check(|b| b.attestation.signatures[0].sig.truncate(84), "does not verify");
    check(|b| b.attestation.signatures[0].sig.push('='), "not canonical base64");
}

#[test]
fn another_spelling_of_a_value_is_refused() {
    let text = String::from_utf8(canonical_bytes(&bundle()).unwrap()).unwrap();
    let check = |from: &str, to: &str, expect: &BundleFault| {
        assert!(text.contains(from), "{from}");
        let verdict = verify_bundle(text.replacen(from, to, 1).as_bytes(), &[Desk::vkey()], &[]);
        assert_eq!(verdict.as_ref(), Err(expect), "{to}");
    };
    check("1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z", &BundleFault::NotExact);
    check("1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00.0000004Z", &BundleFault::NotExact);
    let twice =
        verify_bundle(text.replacen('{', "{\"format\":\"omega.proof/v1\",", 1).as_bytes(), &[Desk::vkey()], &[]);
    assert!(matches!(twice, Err(BundleFault::NotABundle(_))), "{twice:?}");
}

/// One bit flipped: of every byte of what signatures and proofs hold, and of every 16th elsewhere, in turn another bit of
/// each. (All bytes take minutes; all were tried.)
#[test]
fn every_single_byte_edit_is_detected() {
    let mut desk = Desk::new();
    desk.hand_over(2);
    desk.call("a", "1", EventKind::Result);
    let bundle = desk.export();
    let bytes = canonical_bytes(&bundle).unwrap();
    let text = std::str::from_utf8(&bytes).unwrap();
    let keys = [signer_of(ORIGIN, 1).verifier_key()];
    assert!(verify_bundle(&bytes, &keys, &[]).is_ok());
    let span = |part: String| {
        let start = text.find(&part).unwrap();
        start..start + part.len()
    };
    let held = [
        span(serde_json::to_string(&bundle.checkpoint).unwrap()),
        span(serde_json::to_string(&bundle.key_handovers).unwrap()),
        span(serde_json::to_string(&bundle.attestation.signatures).unwrap()),
        span(serde_json::to_string(&bundle.inclusion[0]).unwrap()),
        span(serde_json::to_string(&bundle.links[0].proof).unwrap()),
    ];
    let tried = (0..bytes.len()).filter(|at| at % 16 == 0 || held.iter().any(|span| span.contains(at)));
    for at in tried {
        let mut edited = bytes.clone();
        edited[at] ^= 1 << (at / 16 % 8);
        let taken = verify_bundle(&edited, &keys, &[]).is_ok();
        assert!(!taken, "byte {at}: {}", String::from_utf8_lossy(&edited[at.saturating_sub(40)..][..80]));
    }
}

#[test]
fn a_truncated_bundle_is_none() {
    let bytes = canonical_bytes(&bundle()).unwrap();
    for length in (0..bytes.len()).step_by(97) {
        assert!(verify_bundle(&bytes[..length], &[Desk::vkey()], &[]).is_err(), "{length}");
    }
}

/// Made once: a case takes a copy.
static GENUINE: LazyLock<(ProofBundle, Vec<u8>)> = LazyLock::new(|| {
    let bundle = bundle();
    let bytes = canonical_bytes(&bundle).unwrap();
    (bundle, bytes)
});

proptest! {
    #[test]
    fn any_byte_put_in_place_of_another_is_detected(at in any::<usize>(), flip in 1_u8..=255) {
        let mut edited = GENUINE.1.clone();
        let at = at % edited.len();
        edited[at] ^= flip;
        prop_assert!(verify_bundle(&edited, &[Desk::vkey()], &[]).is_err(), "byte {at}");
    }

    #[test]
    fn any_removed_or_inserted_byte_is_detected_or_without_effect(at in any::<usize>(), byte in any::<u8>(), insert in any::<bool>()) {
        let (genuine, mut edited) = GENUINE.clone();
        let at = at % edited.len();
        if insert { edited.insert(at, byte) } else { let _removed = edited.remove(at); }
        if verify_bundle(&edited, &[Desk::vkey()], &[]).is_ok() {
            let same: ProofBundle = omega_contract::strict_json::parse_as(&edited, u64::MAX).unwrap();
            prop_assert_eq!(same, genuine);
        }
    }

    #[test]
    fn never_panics(text in r#"[\[\]{}",:0-9a-z ]{0,64}"#) {
        prop_assert!(verify_bundle(text.as_bytes(), &[Desk::vkey()], &[]).is_err());
    }
}

#[test]
fn hashes_in_a_bundle_are_not_taken_for_granted() {
    let mut bundle = bundle();
    bundle.events[0].event_hash = Sha256Hex::of(b"another");
    refused(&bundle, "event 0 of the bundle: hash mismatch");
    let LinkedDecision::Event(event) = &mut bundle.links[0].decision else { panic!("shown") };
    event.event_hash = Sha256Hex::of(b"another");
    bundle.events[0] = crate::desk::bundle().events[0].clone();
    refused(&bundle, "beside its events");
}
