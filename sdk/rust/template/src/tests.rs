//! `cargo test` runs the plugin's function here, without wasm and without a gateway; and the gate through a real one.

use omega_plugin::testing::{Request, run};

use crate::handle;

#[test]
fn counts_words() {
    let report = run(handle, Request::text("one three two")).json();
    assert_eq!(report["words"], 3);
    assert_eq!(report["longest_word"], "three");
}

#[test]
fn declines_a_text_without_words() {
    assert_eq!(run(handle, Request::text(" \n")).refusal().code, "no_words");
}

#[test]
fn answers_its_example() {
    let report = run(handle, Request::from_file("examples/sentence.json")).json();
    assert_eq!(report["words"], 9);
}

// The ten checks of `omega plugins certify`: needs `omega` on PATH, or in $OMEGA_BIN.
omega_plugin::conformance_gate!();
