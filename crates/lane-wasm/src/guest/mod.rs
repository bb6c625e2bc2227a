//! What one call holds. A new one is made for each call and dropped with its store.
//!
//! What never happens here: anything shared between calls.

mod budget;
mod clocks;
mod random;
mod stop;
mod text;

use std::sync::Arc;
use std::time::Instant;

use omega_contract::manifest::DeterminismMode;
use omega_contract::ports::{Host, LaneCall, LaneLimits};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::WasiFilesystemCtx;

pub(crate) use budget::MemoryBudget;
pub(crate) use clocks::{GuestClocks, Moment};
pub(crate) use random::GuestRandom;
pub(crate) use stop::GuestStop;
pub(crate) use text::{GuestText, Kept, Source, readable};

use crate::options::HANDLES_MAX;

/// The state behind one guest.
pub(crate) struct Guest {
    /// WASI resources: streams and pollables, nothing else ever.
    pub(crate) table: ResourceTable,
    /// Without any folder: no descriptor can come to be.
    pub(crate) filesystem: WasiFilesystemCtx,
    pub(crate) memory: MemoryBudget,
    pub(crate) text: GuestText,
    pub(crate) clocks: GuestClocks,
    pub(crate) random: GuestRandom,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) host_calls: HostCalls,
}

/// Calls to the host: how many, and how many there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostCalls {
    pub(crate) made: u64,
    pub(crate) max: u64,
}

impl Guest {
    pub(crate) fn new(call: &LaneCall, determinism: DeterminismMode, limits: &LaneLimits, started: Instant) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        Self {
            table,
            filesystem: WasiFilesystemCtx::default(),
            memory: MemoryBudget::new(limits.memory_bytes_max),
            text: GuestText::new(limits.log_bytes_max),
            clocks: GuestClocks::new(determinism, started),
            random: GuestRandom::new(determinism, call.seed),
            host: Arc::clone(&call.host),
            host_calls: HostCalls { made: 0, max: limits.host_calls_max },
        }
    }

    /// Counts one call to the host. Every interface is linked through this.
    pub(crate) fn entered(&mut self) -> &mut Self {
        self.host_calls.made = self.host_calls.made.saturating_add(1);
        self
    }
}

impl HostCalls {
    /// # Errors
    /// [`GuestStop::HostCalls`] once there were too many.
    pub(crate) fn check(self) -> Result<(), GuestStop> {
        if self.made > self.max { Err(GuestStop::HostCalls { max: self.max }) } else { Ok(()) }
    }
}
