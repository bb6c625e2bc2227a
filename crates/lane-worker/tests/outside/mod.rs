//! What is seen of a lane from outside, for the corpus, the layer tests and others: programs, the host's state before and after.
#![allow(dead_code, reason = "each test target uses a part")]

pub(crate) mod host;
pub(crate) mod programs;

use std::time::Duration;

use omega_lane_worker::{HelperProgram, WorkerLaneOptions};

/// Threads that a program may have where a control group bounds them (`limits::THREADS_MAX`, the init among them).
pub(crate) const THREADS_MAX: u64 = 34;

/// A lane of the test's own.
pub(crate) fn options() -> WorkerLaneOptions {
    WorkerLaneOptions {
        helper: HelperProgram::At(programs::helper()),
        ready_max: 1,
        idle_max: Duration::from_secs(600),
        ..WorkerLaneOptions::default()
    }
}
