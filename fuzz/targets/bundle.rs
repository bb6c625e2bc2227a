//! A proof bundle: whatever comes, a verdict; and what verifies is one under its own log's key and under no other.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use omega_contract::ProofBundle;
use omega_fuzz::{BYTES_MAX, check_round_trip, seeds, signing_key};
use omega_proof::bundle::verify_bundle;
use omega_proof::note::VerifierKey;

static KEY: LazyLock<VerifierKey> = LazyLock::new(seeds::log_key);
static STRANGER: LazyLock<VerifierKey> = LazyLock::new(|| VerifierKey::new(KEY.name().clone(), signing_key().public()));

fuzz_target!(|bytes: &[u8]| {
    check_round_trip::<ProofBundle>(bytes);
    let Ok(verdict) = verify_bundle(bytes, std::slice::from_ref(&*KEY), &[]) else { return };
    assert!(bytes.len() as u64 <= BYTES_MAX);
    assert!(verdict.events > 0 && verdict.tree.size >= verdict.events);
    assert!(
        verify_bundle(bytes, std::slice::from_ref(&*STRANGER), &[]).is_err(),
        "a bundle verified under a stranger's key"
    );
    assert!(verify_bundle(bytes, &[], &[]).is_err(), "a bundle verified under no key");
});
