//! A DSSE envelope: none verifies but with the very payload that the key signed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use omega_fuzz::{BYTES_MAX, SIGNED_PAYLOAD, signing_key};
use omega_proof::dsse::{Envelope, IN_TOTO_PAYLOAD_TYPE};
use omega_proof::key::PublicKey;

static KEY: LazyLock<PublicKey> = LazyLock::new(|| signing_key().public());

fuzz_target!(|bytes: &[u8]| {
    let Ok(envelope) = Envelope::parse(bytes, BYTES_MAX) else { return };
    let again = Envelope::parse(&envelope.to_bytes(), u64::MAX).expect("what was written can be read");
    assert_eq!(envelope, again, "the written envelope says something else");
    if let Ok(verified) = envelope.verify(IN_TOTO_PAYLOAD_TYPE, &[&*KEY]) {
        assert_eq!(verified.bytes, SIGNED_PAYLOAD, "a signature over something that was never signed");
        assert_eq!(verified.key_id, KEY.key_id());
    }
});
