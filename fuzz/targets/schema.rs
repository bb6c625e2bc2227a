//! A plugin's JSON Schema and, after a zero byte, an instance: compiled or refused, checked or not, and both quickly.
//!
//! libFuzzer reports an input that takes seconds: a schema is as untrusted as the payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omega_contract::JsonTree;
use omega_fuzz::BYTES_MAX;
use omega_validator::CompiledSchema;

fuzz_target!(|bytes: &[u8]| {
    let mut halves = bytes.splitn(2, |byte| *byte == 0);
    let (Some(schema), instance) = (halves.next(), halves.next().unwrap_or(b"{}")) else { return };
    let Ok(schema) = CompiledSchema::compile(schema) else { return };
    let Ok(instance) = std::str::from_utf8(instance) else { return };
    let Ok(tree) = JsonTree::read(instance.to_owned(), BYTES_MAX) else { return };
    let first = schema.check(&tree).is_ok();
    assert_eq!(schema.check(&tree).is_ok(), first, "two answers to one question");
    let again = JsonTree::read(tree.text().to_owned(), u64::MAX).expect("what was written can be read");
    assert_eq!(schema.check(&again).is_ok(), first, "another answer to the canonical form");
});
