//! Blocks the current thread without holding up the other tasks of its runtime.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs `work`, which may wait for the disk. On a worker of a multi-thread tokio runtime its other tasks are
/// handed to another worker meanwhile; anywhere else it just runs. (tokio's `LocalSet` inside a multi-thread
/// runtime allows no blocking at all and panics; nothing of the gateway runs in one.)
pub(crate) fn run_blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}
