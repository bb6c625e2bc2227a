//! A request: what is taken comes back unchanged from its canonical form, which is taken again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omega_contract::{PluginRequest, canonical_bytes};
use omega_fuzz::check_round_trip;
use omega_validator::parse_request;

fuzz_target!(|bytes: &[u8]| {
    check_round_trip::<PluginRequest>(bytes);
    let Ok(request) = parse_request(bytes) else { return };
    let canonical = canonical_bytes(&request).expect("what was read can be written");
    let again = parse_request(&canonical).expect("what was written can be read");
    assert_eq!(canonical_bytes(&again).expect("again"), canonical, "the canonical form says something else");
});
