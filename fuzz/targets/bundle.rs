//! A proof bundle: whatever comes, a verdict; and what verifies is a bundle that comes back unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omega_contract::{ProofBundle, Sha256Hex};
use omega_fuzz::{BYTES_MAX, check_round_trip};
use omega_proof::bundle::verify_bundle;

fuzz_target!(|bytes: &[u8]| {
    check_round_trip::<ProofBundle>(bytes);
    let Ok(verdict) = verify_bundle(bytes, None) else { return };
    assert!(bytes.len() as u64 <= BYTES_MAX);
    let other = Sha256Hex::of(b"another head");
    assert!(verify_bundle(bytes, Some(other)).is_err(), "a bundle verified against another ledger's head");
    verify_bundle(bytes, Some(verdict.head_event_hash)).expect("a bundle verifies against its own head");
});
