//! The lane as the gateway uses it: real interpreters, real sandboxes, this machine's kernel.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../outside/mod.rs"]
mod outside;
mod support;

mod calls;
mod ends;
mod environments;
mod javascript;
mod many;
