//! The program itself, from outside.
//!
//! `xtask demo` builds this test beside `omega`: with a test among what is built, cargo gives every dependency the features that
//! it has under test, and wasmtime is built once for both (see `src/binary.rs`).

use std::process::Command;

fn xtask(words: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(words).output().expect("it was built");
    let text = |bytes| String::from_utf8(bytes).expect("it writes UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn without_a_chore_it_says_what_there_is() {
    let (code, printed, _) = xtask(&[]);
    assert_eq!(code, Some(0));
    for chore in
        ["demo", "test", "guests", "tidy", "readme", "interop", "fuzz", "crash", "model", "bench", "install-tools"]
    {
        assert!(printed.contains(&format!("\n  {chore} ")), "{chore} is not in:\n{printed}");
    }
}

#[test]
fn an_unknown_chore_or_stage_fails() {
    for words in
        [&["dance"][..], &["test", "dance"], &["demo", "now"], &["fuzz", "soon"], &["crash", "0"], &["model", "often"]]
    {
        let (code, _, said) = xtask(words);
        assert_eq!(code, Some(1), "{words:?}");
        assert!(said.starts_with("xtask: "), "{words:?}: {said}");
    }
}

#[test]
fn stages_are_listed() {
    let (code, printed, _) = xtask(&["test", "--list"]);
    assert_eq!(code, Some(0));
    assert!(printed.starts_with("tools ") && printed.contains("\ntests "), "{printed}");
}
