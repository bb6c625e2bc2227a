//! The worker lane: runs Python and JavaScript programs in locked-down single-use processes (spec page 4, "worker"; `docs/worker-protocol.md`).
//!
//! A helper process, started by the gateway before a plugin is there, makes a zygote for each program: an interpreter in namespaces
//! and a private root of its own that never runs plugin code. The zygote forks workers; each is locked down by native code
//! ([`sys::inside`](self)), looked at from outside, and only then imports the plugin, ahead of the call that it will serve.
//!
//! What this room never does: know manifests, registry or ledger; run plugin code in a process that serves a second call.

#[cfg(not(target_os = "linux"))]
compile_error!("the worker lane is made of Linux's namespaces, seccomp and Landlock");

mod call;
mod canary;
mod channel;
mod describe;
mod frames;
mod jailer;
mod javascript;
mod lane;
mod language;
mod libraries;
pub mod limits;
mod messages;
mod plan;
mod policy;
mod program;
mod python;
mod supervisor;
#[expect(unsafe_code, reason = "system calls that no crate wraps; each block says why it is sound")]
mod sys;
mod worker;

pub use lane::{NativeCode, WorkerLane, WorkerLaneOptions};
pub use messages::CgroupChoice;
pub use policy::Profile;
pub use python::{Interpreter, InterpreterError};
pub use supervisor::{Counts, HelperProgram};

/// Becomes the lane's helper where this process was started as one, and then never returns.
///
/// A program that runs plugins calls this first in its `main`: the helper is this program once more, and has to be it before any
/// thread is started.
pub fn become_helper_if_asked() {
    supervisor::become_helper_if_asked();
}
