//! The lane, from outside: one binary, so that wasmtime is linked once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod calls;
mod determinism;
mod endings;
mod isolation;
mod support;
