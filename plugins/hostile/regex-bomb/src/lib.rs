//! Hostile: matches `(a+)+b` against forty letters `a` by backtracking, which takes 2^40 steps.

use std::hint::black_box;

use omega_plugin::{Refusal, Text, plugin};

const LETTERS: usize = 40;

#[plugin]
fn handle(_: Text) -> Result<Text, Refusal> {
    let text = black_box("a".repeat(LETTERS));
    Ok(Text::new(if is_match(text.as_bytes()) { "it matches" } else { "it does not match" }))
}

/// Whether groups of letters and then a `b` are all of the text: each way to cut it into groups is tried.
fn is_match(text: &[u8]) -> bool {
    let letters = text.iter().take_while(|byte| **byte == b'a').count();
    (1..=letters).rev().any(|group| {
        let rest = &text[group..];
        black_box(rest) == b"b" || is_match(rest)
    })
}
