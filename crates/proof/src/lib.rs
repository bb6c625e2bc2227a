//! Verifies evidence: a chain of event lines, the root over a run, a proof bundle, a package's signature.
//!
//! What never happens here: I/O. Bytes come in, a verdict goes out, so that the crate runs anywhere,
//! `wasm32-unknown-unknown` included.

mod base64_exact;

pub mod conformance;
pub mod dsse;
pub mod key;
pub mod package;

pub mod attempts;
pub mod blocks;
pub mod bundle;
pub mod chain;
pub mod disclosure;
pub mod line;
pub mod run_root;

pub mod checkpoint;
pub mod note;
pub mod tree;

#[cfg(test)]
extern crate self as omega_proof;

/// The log in memory of the integration tests, which the unit tests use too.
#[cfg(test)]
#[path = "../tests/desk/mod.rs"]
mod desk;
