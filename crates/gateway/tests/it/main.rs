//! The gateway from outside: real homes, real guests, real ledger. One binary, so that wasmtime is
//! linked once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod embedding;
mod harness;
mod invariants;
