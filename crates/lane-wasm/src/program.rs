//! A program that is ready, and its calls.
//!
//! What never happens here: a store that serves two calls, or one that outlives its call.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use omega_contract::ErrorCode;
use omega_contract::manifest::DeterminismMode;
use omega_contract::ports::{
    BoxFuture, LaneCall, LaneEnding, LaneLimits, LaneReport, LaneRequest, ProgramExit, ReadyProgram,
};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout_at;
use wasmtime::component::{ComponentExportIndex, InstancePre};
use wasmtime::{Store, UpdateDeadline};

use crate::bindings::omega::plugin::types as wit;
use crate::ending::{self, Returned};
use crate::exchange::RequestParts;
use crate::guest::{Guest, GuestStop, Kept};
use crate::machine::{Counting, Machine};
use crate::options::{FREE_TICKS, TRANSFER_BYTES_MARGIN};

/// A compiled, linked component. Immutable; calls share it.
pub(crate) struct WasmProgram {
    pub(crate) machine: Arc<Machine>,
    pub(crate) instance: InstancePre<Guest>,
    pub(crate) export: ComponentExportIndex,
    pub(crate) determinism: DeterminismMode,
    pub(crate) limits: LaneLimits,
}

impl ReadyProgram for WasmProgram {
    fn run(&self, call: LaneCall) -> BoxFuture<'_, LaneReport> {
        Box::pin(self.run_call(call))
    }

    /// Machine code with the images of memories, which are there once more to be mapped.
    fn kept_bytes(&self) -> u64 {
        let compiled = self.instance.component().image_range();
        (compiled.end as usize - compiled.start as usize) as u64
    }
}

impl WasmProgram {
    async fn run_call(&self, call: LaneCall) -> LaneReport {
        let started = Instant::now();
        let Some(_place) = self.place(call.deadline, started).await else {
            return report(ending::no_place(), started, BTreeMap::new(), String::new());
        };
        let _running = self.machine.ticker.run();
        // Declared after the place: it is dropped, and its sandbox free, before the place is.
        let mut store = match self.store(&call, started) {
            Ok(store) => store,
            Err(error) => {
                let ending = ending::failed(ErrorCode::LaneUnavailable, ProgramExit::Trap, error.to_string());
                return report(ending, started, BTreeMap::new(), String::new());
            }
        };
        let returned = timeout_at(call.deadline.into(), self.enter(&mut store, &call.request)).await;
        let guest = store.data();
        let mut output_text = guest.text.read(Kept::text).unwrap_or_default();
        let ending = match returned {
            Err(_elapsed) => ending::deadline(),
            Ok(Err(error)) => {
                output_text.push_str(&ending::backtrace(&error));
                ending::broken(&error, guest)
            }
            // WASI calls are counted as they come and judged here: the same count, the same ending.
            Ok(Ok(returned)) => match guest.host_calls.check() {
                Ok(()) => ending::returned(returned),
                Err(stop) => ending::stopped(stop),
            },
        };
        let facts = self.facts(&store);
        drop(store);
        report(ending, started, facts, output_text)
    }

    /// Waits for a sandbox; none: the deadline came first.
    async fn place(&self, deadline: Instant, now: Instant) -> Option<SemaphorePermit<'_>> {
        if now >= deadline {
            return None;
        }
        match self.machine.places.try_acquire() {
            Ok(permit) => Some(permit),
            // The semaphore is never closed: an error can only be the deadline.
            Err(_) => timeout_at(deadline.into(), self.machine.places.acquire()).await.ok()?.ok(),
        }
    }

    fn store(&self, call: &LaneCall, started: Instant) -> wasmtime::Result<Store<Guest>> {
        let guest = Guest::new(call, self.determinism, &self.limits, started);
        let mut store = Store::try_new(&self.machine.engine, guest)?;
        store.limiter(|guest| &mut guest.memory);
        let transfer_bytes_max = self.limits.output_bytes_max.saturating_add(TRANSFER_BYTES_MARGIN);
        store.set_hostcall_fuel(usize::try_from(transfer_bytes_max).unwrap_or(usize::MAX));
        store.set_max_component_handles(crate::options::HANDLES_MAX);
        if let (Counting::Fuel, Some(fuel)) = (self.machine.counting, self.limits.fuel_max) {
            store.set_fuel(fuel)?;
        }
        let deadline = call.deadline;
        store.set_epoch_deadline(FREE_TICKS);
        store.epoch_deadline_callback(move |context| {
            if Instant::now() >= deadline {
                return Err(GuestStop::Deadline.into());
            }
            context.data().host_calls.check()?;
            // Whatever else is ready on this thread comes first, and what its timers and sockets wait for.
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
        Ok(store)
    }

    /// Instantiates and calls. Both run guest code, so both are inside the deadline.
    async fn enter(&self, store: &mut Store<Guest>, request: &LaneRequest) -> wasmtime::Result<Returned> {
        let parts = RequestParts::new(request);
        let instance = self.instance.instantiate_async(&mut *store).await?;
        let handle = instance.get_typed_func::<(wit::Request<'_>,), (Returned,)>(&mut *store, &self.export)?;
        let (returned,) = handle.call_async(&mut *store, (parts.record(),)).await?;
        Ok(returned)
    }

    /// Facts for the event's `meta`. What did not happen is left out.
    fn facts(&self, store: &Store<Guest>) -> BTreeMap<&'static str, String> {
        let guest = store.data();
        let mut facts = BTreeMap::new();
        let mut note = |name, count: u64| {
            if count > 0 {
                facts.insert(name, count.to_string());
            }
        };
        note("memory_bytes_peak", guest.memory.bytes_peak());
        note("host_calls", guest.host_calls.made);
        guest.text.read(|kept| {
            note("log_lines_kept", kept.log_lines_kept);
            note("log_lines_dropped", kept.log_lines_dropped);
            note("stdout_bytes_dropped", kept.output.dropped_bytes);
            note("stderr_bytes_dropped", kept.error.dropped_bytes);
        });
        // Asked only where there is some: wasmtime's "there is none" costs more than all the rest here.
        if let Some(fuel_max) = self.limits.fuel_max {
            note("fuel_used", fuel_max.saturating_sub(store.get_fuel().unwrap_or(fuel_max)));
        }
        facts
    }
}

fn report(
    ending: LaneEnding,
    started: Instant,
    facts: BTreeMap<&'static str, String>,
    output_text: String,
) -> LaneReport {
    LaneReport { ending, duration: started.elapsed(), facts, output_text }
}
