//! The HTTP door from outside: real homes, real guests, the real ledger. One binary, so that wasmtime is linked once.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; one binary, many modules")]

mod artifacts;
mod calls;
mod documented;
mod evidence;
mod fuzz;
mod guard;
mod harness;
mod openapi;
mod packages;
mod plugins;
mod tokens;
mod wire;
