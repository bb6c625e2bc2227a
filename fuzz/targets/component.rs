//! A WebAssembly component as it comes in a package: it is read and judged before anything is compiled.
//!
//! libFuzzer watches time and memory; here it is held that a verdict does not depend on what is not part of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omega_contract::{Capability, CapabilitySet};
use omega_fuzz::COMPONENT_EXPORT;
use omega_lane_wasm::inspect::inspect;

fuzz_target!(|bytes: &[u8]| {
    let none = CapabilitySet::new();
    let all: CapabilitySet = Capability::ALL.iter().copied().collect();
    let with_nothing = inspect(bytes, COMPONENT_EXPORT, &none);
    let with_all = inspect(bytes, COMPONENT_EXPORT, &all);
    assert_eq!(with_nothing, inspect(bytes, COMPONENT_EXPORT, &none), "the verdict changed");
    assert!(with_nothing.is_err() || with_all.is_ok(), "more capabilities closed a door: {with_all:?}");
    if with_all.is_ok() {
        inspect(bytes, "another", &all).expect_err("an export that is not there");
    }
});
