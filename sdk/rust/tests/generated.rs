//! What is derived in this crate equals what it is derived from.

use std::{fs, path::Path};

#[path = "../examples/bindings.rs"]
#[allow(dead_code, reason = "the example's own main")]
mod generator;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn bindings_are_those_of_the_wit() {
    let committed = fs::read_to_string(folder().join("src/bindings.rs")).expect("src/bindings.rs");
    assert!(
        committed == generator::bindings(),
        "src/bindings.rs is not what wit/plugin.wit gives: see examples/bindings.rs"
    );
}

/// The SDK carries its own copy, because it is itself copied out of the repository.
#[test]
fn wit_is_the_contract_s() {
    let contract = folder().join("../../crates/contract");
    if !contract.is_dir() {
        return;
    }
    let theirs = fs::read(contract.join("wit/plugin.wit")).expect("crates/contract/wit/plugin.wit");
    let ours = fs::read(folder().join("wit/plugin.wit")).expect("wit/plugin.wit");
    assert!(ours == theirs, "sdk/rust/wit/plugin.wit and crates/contract/wit/plugin.wit differ");
}
