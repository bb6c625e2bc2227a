//! The lane, from outside: one binary, so that wasmtime is linked once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bombs;
mod calls;
mod components;
mod costly;
mod determinism;
mod endings;
mod isolation;
mod lane;
mod load;
mod support;
