//! A package's signature: whatever statement the trusted key signed, only exactly the files at hand pass.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use omega_fuzz::{package_files, signing_key};
use omega_proof::dsse::{Envelope, IN_TOTO_PAYLOAD_TYPE};
use omega_proof::key::{PublicKey, SecretKey};
use omega_proof::package::{FileDigests, verify_package_signature};

static SECRET: LazyLock<SecretKey> = LazyLock::new(signing_key);
static KEY: LazyLock<PublicKey> = LazyLock::new(|| SECRET.public());
static FILES: LazyLock<FileDigests> = LazyLock::new(package_files);

fuzz_target!(|bytes: &[u8]| {
    // As an envelope from outside, and as a statement that the key itself signed: its author may be hostile too.
    let _ = verify_package_signature(&FILES, bytes, &[&*KEY]);
    let signed = Envelope::sign(IN_TOTO_PAYLOAD_TYPE, bytes, &[&SECRET]).to_bytes();
    if let Ok(verified) = verify_package_signature(&FILES, &signed, &[&*KEY]) {
        assert_eq!(verified.predicate.package_digest, FILES.package_digest(), "another package passed");
    }
});
