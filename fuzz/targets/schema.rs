//! A plugin's JSON Schema and, after a zero byte, an instance: compiled or refused, checked or not, and both quickly.
//!
//! libFuzzer reports an input that takes seconds: a schema is as untrusted as the payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omega_contract::{hash, strict_json};
use omega_fuzz::BYTES_MAX;
use omega_validator::CompiledSchema;

fuzz_target!(|bytes: &[u8]| {
    let mut halves = bytes.splitn(2, |byte| *byte == 0);
    let (Some(schema), instance) = (halves.next(), halves.next().unwrap_or(b"{}")) else { return };
    let Ok(schema) = CompiledSchema::compile(schema) else { return };
    let Ok(instance) = strict_json::parse(instance, BYTES_MAX) else { return };
    let before = hash(&instance).expect("what was read can be written");
    let canonical_bytes =
        omega_contract::canonical_bytes(&instance).expect("what was read can be written").len() as u64;
    let first = schema.check(&instance, canonical_bytes).is_ok();
    assert_eq!(schema.check(&instance, canonical_bytes).is_ok(), first, "two answers to one question");
    assert_eq!(hash(&instance).expect("again"), before);
});
