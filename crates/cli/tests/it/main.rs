//! The command as a person and a script meet it: the real binary in homes of its own.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test says what it shows by its name, and stops where it cannot go on"
)]

#[cfg(target_os = "linux")]
mod worker;
mod world;

mod artifacts;
mod audit;
mod authoring;
mod bad_input;
mod batch;
mod calls;
mod conformance;
mod demo;
mod errors;
mod evidence;
mod help;
mod keys;
mod languages;
mod log;
mod packages;
mod scaffold;
mod serve;
mod streams;
mod tokens;
