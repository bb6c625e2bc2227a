//! A checkpoint, a hand-over: whatever comes, a verdict; none verifies but with a text that the log's keys signed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use omega_fuzz::seeds;
use omega_proof::checkpoint::{LogKeys, unverified_checkpoint, verify_checkpoint};
use omega_proof::note::{SignedNote, VerifierKey};

static KEY: LazyLock<VerifierKey> = LazyLock::new(seeds::log_key);
/// The texts that the log signed: those of the seeds.
static SIGNED: LazyLock<Vec<String>> = LazyLock::new(|| {
    let seeds = seeds::all().into_iter().filter(|seed| seed.target == "checkpoint");
    seeds.map(|seed| unverified_checkpoint(&seed.bytes).expect("a made seed").to_text()).collect()
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = SignedNote::parse(bytes) {
        assert_eq!(note.to_bytes(), bytes, "a note has two forms");
    }
    if let Ok(checkpoint) = verify_checkpoint(bytes, &KEY) {
        assert!(SIGNED.contains(&checkpoint.to_text()), "a signature over something that was never signed");
    }
    if let Ok(keys) = LogKeys::follow(&KEY, &[bytes]) {
        assert_eq!(keys.terms().len(), 2, "a hand-over to nobody");
        assert!(verify_checkpoint(bytes, keys.latest()).is_ok(), "a hand-over that the new key did not sign");
    }
});
