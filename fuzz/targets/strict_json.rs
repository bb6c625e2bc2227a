//! The strict JSON reader: what it takes is JSON to others too, and closed under RFC 8785.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omega_contract::{canonical_bytes, strict_json};
use omega_fuzz::BYTES_MAX;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = strict_json::parse(bytes, BYTES_MAX) else { return };
    let lenient: Value = serde_json::from_slice(bytes).expect("a strict reader takes no more than a lenient one");
    assert_eq!(value, lenient, "two readers see different things");
    let canonical = canonical_bytes(&value).expect("what was read can be written");
    let again = strict_json::parse(&canonical, u64::MAX).expect("what was written can be read");
    assert_eq!(canonical_bytes(&again).expect("again"), canonical, "the canonical form is not stable");
});
