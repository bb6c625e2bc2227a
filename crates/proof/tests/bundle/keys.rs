//! Whom a verifier trusts: keys of the log, hand-overs between them, witnesses.

use omega_contract::{EventKind, ProofBundle, canonical_bytes};
use omega_proof::bundle::{BundleFault, verify_bundle};
use omega_proof::checkpoint::WitnessSigner;
use omega_proof::key::SecretKey;
use omega_proof::note::VerifierKey;

use crate::desk::{Desk, ORIGIN, bundle, signer_of};

fn by(bundle: &ProofBundle, keys: &[VerifierKey]) -> Result<VerifierKey, String> {
    let verdict = verify_bundle(&canonical_bytes(bundle).unwrap(), keys, &[]);
    verdict.map(|verdict| verdict.log_key).map_err(|fault| fault.to_string())
}

#[test]
fn trust_comes_from_the_verifier() {
    let bundle = bundle();
    let (own, stranger, other) =
        (Desk::vkey(), signer_of(ORIGIN, 2).verifier_key(), signer_of("example.com/other", 1).verifier_key());
    assert_eq!(by(&bundle, &[other.clone(), stranger.clone(), own.clone()]), Ok(own));
    let check = |keys: &[VerifierKey], expect: &str| {
        let fault = by(&bundle, keys).unwrap_err();
        assert!(fault.contains(expect), "{fault}");
    };
    check(&[], "the keys given are of no log");
    check(&[other], "the keys given are of \"example.com/other\"");
    check(&[stranger], "no key that is trusted for this log signed the checkpoint");
}

/// The log changed its key twice: whoever trusts any of the three follows.
#[test]
fn a_changed_key_is_followed() {
    let mut desk = Desk::new();
    desk.hand_over(2);
    desk.call("a", "1", EventKind::Result);
    desk.hand_over(3);
    let bundle = desk.export();
    let latest = signer_of(ORIGIN, 3).verifier_key();
    for seed in 1..=3 {
        assert_eq!(by(&bundle, &[signer_of(ORIGIN, seed).verifier_key()]), Ok(latest.clone()), "{seed}");
    }
    let fault = by(&bundle, &[signer_of(ORIGIN, 4).verifier_key()]).unwrap_err();
    assert!(fault.contains("there is no signature by"), "{fault}");

    let without = ProofBundle { key_handovers: Vec::new(), ..bundle.clone() };
    let fault = by(&without, &[Desk::vkey()]).unwrap_err();
    assert!(fault.contains("no key that is trusted for this log"), "{fault}");
    let swapped = ProofBundle { key_handovers: bundle.key_handovers.iter().rev().cloned().collect(), ..bundle.clone() };
    assert!(by(&swapped, &[Desk::vkey()]).is_err());
    // A stranger's hand-over to himself, under the log's name.
    let forged = signer_of(ORIGIN, 8).hand_over(&desk.tree.head(), &signer_of(ORIGIN, 9)).unwrap();
    let forged = ProofBundle { key_handovers: vec![forged.as_str().to_owned()], ..bundle };
    assert!(by(&forged, &[Desk::vkey()]).is_err());
}

/// A bundle made with a key that had handed over before.
#[test]
fn a_key_that_handed_over_seals_nothing_later() {
    let mut desk = Desk::new();
    desk.hand_over(2);
    desk.call("a", "1", EventKind::Result);
    desk.signer = signer_of(ORIGIN, 1);
    let bundle = desk.export_parts(desk.parts());
    assert!(bundle.unwrap_err().to_string().contains("not in its term"));
    // Nor does leaving the hand-over out help against who knows the new key.
    desk.handovers.clear();
    let hidden = desk.export();
    assert!(by(&hidden, &[signer_of(ORIGIN, 2).verifier_key()]).is_err());
}

#[test]
fn a_witness_that_is_asked_for_must_have_signed() {
    let witness = |seed| WitnessSigner::new("witness.example/w".parse().unwrap(), SecretKey::from_seed([seed; 32]));
    let key = |seed| witness(seed).witness_key();
    let mut desk = Desk::new();
    desk.call("a", "1", EventKind::Result);
    let parts = desk.parts();
    let export = desk.append_export(parts.export_draft(desk.size()).unwrap());
    let signed = desk.checkpoint();
    let (_, line) = witness(7).cosign(signed.as_bytes(), &Desk::vkey(), 1_795_173_514).unwrap();
    let cosigned = signed.cosigned(&line, &key(7)).unwrap();
    let bundle = desk.seal(parts, export, &cosigned).unwrap();
    let bytes = canonical_bytes(&bundle).unwrap();
    let verdict = verify_bundle(&bytes, &[Desk::vkey()], &[key(7)]).unwrap();
    assert_eq!(verdict.cosignatures[0].time_unix_s, 1_795_173_514);
    assert!(verify_bundle(&bytes, &[Desk::vkey()], &[]).unwrap().cosignatures.is_empty());
    assert!(matches!(verify_bundle(&bytes, &[Desk::vkey()], &[key(7), key(6)]), Err(BundleFault::Witness(_))));
    // The line of a witness that nobody asks for is not looked at; of one that is asked for, every byte counts.
    let line = line.trim_end();
    let forged = format!("{}A{}", &line[..line.len() - 9], &line[line.len() - 8..]);
    let text = String::from_utf8(bytes).unwrap().replace(line, &forged);
    assert!(verify_bundle(text.as_bytes(), &[Desk::vkey()], &[]).is_ok());
    assert!(matches!(verify_bundle(text.as_bytes(), &[Desk::vkey()], &[key(7)]), Err(BundleFault::Witness(_))));
}
