//! A verifier key: whatever comes, a verdict; and a key has one text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omega_proof::checkpoint::WitnessKey;
use omega_proof::note::VerifierKey;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text, "a key has two texts");
        assert!(text.parse::<WitnessKey>().is_err(), "one text, two types of key");
    }
    if let Ok(key) = text.parse::<WitnessKey>() {
        assert_eq!(key.to_string(), text, "a witness's key has two texts");
    }
});
