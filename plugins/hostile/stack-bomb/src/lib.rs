//! Hostile: recursion without end. Nothing is on the heap; the stack must end it.

use std::hint::black_box;

use omega_plugin::{Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<Text, Refusal> {
    Ok(Text::new(deeper(0).to_string()))
}

/// The sum after the call keeps it from becoming a loop.
#[allow(unconditional_recursion, reason = "that is the attack")]
fn deeper(depth: u64) -> u64 {
    black_box(deeper(black_box(depth + 1))) + black_box(depth)
}
