//! The lane as the gateway uses it: real interpreters, real sandboxes, this machine's kernel.

#[path = "../common/mod.rs"]
mod common;
mod support;

mod calls;
mod ends;
mod environments;
