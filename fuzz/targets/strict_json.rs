//! The strict JSON readers: what they take is JSON to others too, closed under RFC 8785, and the same for both.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omega_contract::{JsonTree, canonical_bytes, strict_json};
use omega_fuzz::BYTES_MAX;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let slow = strict_json::parse(bytes, BYTES_MAX);
    if let Ok(text) = std::str::from_utf8(bytes) {
        match (JsonTree::read(text.to_owned(), BYTES_MAX), &slow) {
            (Ok(tree), Ok(value)) => {
                let canonical = canonical_bytes(value).expect("what was read can be written");
                assert_eq!(tree.text().as_bytes(), canonical, "the two readers write different texts");
                let stated = canonical_bytes(&tree.root()).expect("what was read can be written");
                assert_eq!(stated, canonical, "the structure is not that of the text");
            }
            (Err(_), Err(_)) => {}
            (tree, slow) => panic!("the two readers differ: {tree:?}, {slow:?}"),
        }
    }
    let Ok(value) = slow else { return };
    let lenient: Value = serde_json::from_slice(bytes).expect("a strict reader takes no more than a lenient one");
    let canonical = canonical_bytes(&value).expect("what was read can be written");
    // Whole numbers are integers to the one, whatever they look like, and so they are in the canonical form of both.
    let others = canonical_bytes(&lenient).expect("what was read can be written");
    assert_eq!(canonical, others, "two readers see different things");
    let again = strict_json::parse(&canonical, u64::MAX).expect("what was written can be read");
    assert_eq!(canonical_bytes(&again).expect("again"), canonical, "the canonical form is not stable");
});
