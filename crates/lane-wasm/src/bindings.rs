//! The WIT world of the contract, as Rust: host traits for what a guest may import, and the records
//! that go in and out. Generated from `crates/contract/wit/plugin.wit`.
//!
//! What never happens here: behaviour.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::pedantic, elided_lifetimes_in_paths)]
// The macro's `Plugin::call_handle` skips a type check that its constructor made. The lane does not
// use it: the export's name comes from the manifest and is checked by `Instance::get_typed_func`.
#![allow(unsafe_code, reason = "emitted by wasmtime's bindgen!, unused here")]

wasmtime::component::bindgen!({
    path: "../contract/wit",
    world: "plugin",
    // Borrowed on the way in: a payload is copied once, into the guest's memory.
    ownership: Borrowing { duplicate_if_necessary: true },
    imports: {
        "omega:plugin/log.write": trappable,
        default: async | trappable,
    },
});
