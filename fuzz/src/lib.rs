//! What several fuzz targets check in the same way.
//!
//! What never happens here: a verdict softer than a panic. libFuzzer keeps the input of a panic.

pub mod seeds;

// What instrumented code calls is libFuzzer's: the tests are linked with it as the targets are.
use libfuzzer_sys as _;
use omega_contract::{canonical_bytes, strict_json};
use omega_proof::key::SecretKey;
use omega_proof::line::{LINE_PREFIX_BYTES, hash_after_prefix};
use omega_proof::package::FileDigests;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes that a target reads at most; far above what libFuzzer makes.
pub const BYTES_MAX: u64 = 1024 * 1024;

/// A contract type that is read from `bytes` has a canonical form that can be read again and then has the same form.
///
/// Compared in that form, not as values: `2.0` and `2` are one number there and two to `serde_json`.
///
/// # Panics
/// Where it does not.
pub fn check_round_trip<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let Ok(value) = strict_json::parse_as::<T>(bytes, BYTES_MAX) else { return };
    let canonical = canonical_bytes(&value).expect("what was read can be written");
    let again = strict_json::parse_as::<T>(&canonical, u64::MAX).expect("what was written can be read");
    assert_eq!(canonical_bytes(&again).expect("again"), canonical, "the canonical form says something else");
}

/// What the fuzz key signed in the seed of target `envelope`, and nothing else.
pub const SIGNED_PAYLOAD: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v1"}"#;

/// The export that the seeds of target `component` have.
pub const COMPONENT_EXPORT: &str = "handle";

/// The key of the seeds. Known to everybody, trusted by nobody.
pub fn signing_key() -> SecretKey {
    SecretKey::from_seed([7; 32])
}

/// The files that the seeds of target `package_signature` are about.
pub fn package_files() -> FileDigests {
    FileDigests::of_files([("PLUGIN_MANIFEST.json", b"{}".as_slice()), ("plugin.wasm", b"\0asm"), ("README.md", b"")])
}

/// An event line in which the stated hash is the true one; what is too short to state one comes back as it is.
pub fn with_its_hash(line: &[u8]) -> Vec<u8> {
    let Some(rest) = line.get(LINE_PREFIX_BYTES..) else { return line.to_vec() };
    let hash = hash_after_prefix(rest);
    [b"{\"event_hash\":\"".as_slice(), hash.to_hex().as_str().as_bytes(), b"\",", rest].concat()
}
