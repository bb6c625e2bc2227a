//! The lane as the gateway uses it: real interpreters, real sandboxes, this machine's kernel.

mod support;

mod calls;
