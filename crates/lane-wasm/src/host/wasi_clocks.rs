//! `wasi:clocks` over the call's own clocks.
//!
//! What never happens here: real time shown to a deterministic plugin.

use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::{DynPollable, subscribe};

use crate::guest::{Guest, Moment};

/// What both clocks say of their resolution, in nanoseconds.
const RESOLUTION_NS: u32 = 1_000;

impl wall_clock::Host for Guest {
    fn now(&mut self) -> Result<wall_clock::Datetime> {
        let now = self.clocks.wall();
        Ok(wall_clock::Datetime { seconds: now.as_secs(), nanoseconds: now.subsec_nanos() })
    }

    fn resolution(&mut self) -> Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime { seconds: 0, nanoseconds: RESOLUTION_NS })
    }
}

impl monotonic_clock::Host for Guest {
    fn now(&mut self) -> Result<monotonic_clock::Instant> {
        Ok(self.clocks.monotonic_ns())
    }

    fn resolution(&mut self) -> Result<monotonic_clock::Duration> {
        Ok(u64::from(RESOLUTION_NS))
    }

    fn subscribe_instant(&mut self, when: monotonic_clock::Instant) -> Result<Resource<DynPollable>> {
        let wait_ns = when.saturating_sub(self.clocks.monotonic_ns());
        self.subscribe(self.clocks.after(wait_ns))
    }

    fn subscribe_duration(&mut self, wait_ns: monotonic_clock::Duration) -> Result<Resource<DynPollable>> {
        self.subscribe(self.clocks.after(wait_ns))
    }
}

impl Guest {
    fn subscribe(&mut self, moment: Moment) -> Result<Resource<DynPollable>> {
        let moment = self.table.push(moment)?;
        subscribe(&mut self.table, moment)
    }
}
