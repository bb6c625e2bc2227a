//! The code that runs inside the sandbox before the plugin does: the zygote's loop, the init of a worker, the lockdown.
//!
//! It is compiled twice: as a module of this crate, for zygotes that are native programs, and by `build.rs` into a library
//! without `std` that a foreign interpreter loads. So it uses nothing but `core` and the kernel, never allocates and never panics: a step that fails is reported with its stage and `errno`, and the worker ends.

pub(crate) mod context;
pub(crate) mod init;
pub(crate) mod kernel;
pub(crate) mod landlock;
pub(crate) mod lockdown;
pub(crate) mod plan;
pub(crate) mod zygote;
