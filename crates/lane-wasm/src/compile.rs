//! Compiles in bounded time: on threads of its own, few at once, each waited for only so long.
//!
//! Cranelift cannot be interrupted. `inspect` therefore refuses what would take long before it gets
//! here, and this module bounds what the caller sees: past the time it is told no, and the thread that
//! still works keeps its slot, so that stubborn programs cannot pile up.
//!
//! What never happens here: code that was not compiled by this process or by its own cache.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use omega_contract::ErrorCode;
use omega_contract::ports::LaneRefusal;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::machine::unavailable;

/// Bytes of stack of a compiling thread.
const COMPILE_STACK_BYTES: usize = 16 * 1024 * 1024;

/// Slots for compiling.
pub(crate) struct Compiler {
    slots: Arc<Slots>,
    time_max: Duration,
}

struct Slots {
    free: Mutex<u32>,
    freed: Condvar,
}

struct Slot(Arc<Slots>);

impl Compiler {
    pub(crate) fn new(slots: u32, time_max: Duration) -> Self {
        Self { slots: Arc::new(Slots { free: Mutex::new(slots), freed: Condvar::new() }), time_max }
    }

    /// Compiles `code`, or takes it from the engine's own cache. Blocks.
    ///
    /// # Errors
    /// `component_invalid`: wasmtime does not take it, or it takes too long. `lane_unavailable`: no slot
    /// came free in time, or there is no thread.
    pub(crate) fn compile(&self, engine: &Engine, code: Arc<[u8]>) -> Result<Component, LaneRefusal> {
        let until = Instant::now() + self.time_max;
        let slot = self.slots.take(until).ok_or_else(|| unavailable("compiler", &"busy with other programs"))?;
        let (sender, receiver) = mpsc::sync_channel(1);
        let engine = engine.clone();
        thread::Builder::new()
            .name("omega-wasm-compile".to_owned())
            .stack_size(COMPILE_STACK_BYTES)
            .spawn(move || {
                let compiled = Component::from_binary(&engine, &code);
                // The image of its memory, now and not in the first call.
                let compiled = compiled.and_then(|it| it.initialize_copy_on_write_image().map(|()| it));
                drop(slot);
                // Nobody waits any more where the time was up.
                let _ = sender.send(compiled);
            })
            .map_err(|error| unavailable("compiler", &error))?;
        let too_long = || Err(invalid(format!("it takes longer than {} ms to compile", self.time_max.as_millis())));
        match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
            // Late is late, also where this thread comes so late itself that the result lies there.
            Ok(_) if Instant::now() > until => too_long(),
            Ok(Ok(component)) => Ok(component),
            Ok(Err(error)) => Err(invalid(format!("wasmtime does not take it: {}", one_line(&error)))),
            Err(mpsc::RecvTimeoutError::Timeout) => too_long(),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(invalid("the compiler fails on it".to_owned())),
        }
    }
}

impl Slots {
    /// Takes a slot; none: `until` came first.
    fn take(self: &Arc<Self>, until: Instant) -> Option<Slot> {
        let mut free = self.lock();
        while *free == 0 {
            let wait = until.checked_duration_since(Instant::now())?;
            free = self.freed.wait_timeout(free, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        *free -= 1;
        Some(Slot(Arc::clone(self)))
    }

    fn lock(&self) -> MutexGuard<'_, u32> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *self.0.lock() += 1;
        self.0.freed.notify_one();
    }
}

fn invalid(detail: String) -> LaneRefusal {
    LaneRefusal { code: ErrorCode::ComponentInvalid, detail }
}

/// An error and its causes on one line.
pub(crate) fn one_line(error: &wasmtime::Error) -> String {
    format!("{error:#}").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn check(compiler: &Compiler, code: &[u8], expect: Result<(), (ErrorCode, &str)>) {
        let got = compiler.compile(&Engine::default(), code.into());
        match (got, expect) {
            (Ok(_), Ok(())) => {}
            (Err(refusal), Err((code, detail))) => {
                assert_eq!(refusal.code, code);
                assert!(refusal.detail.contains(detail), "{}", refusal.detail);
            }
            (got, expect) => panic!("{:?}, not {expect:?}", got.map(|_| ())),
        }
    }

    #[test]
    fn what_wasmtime_does_not_take_is_refused() {
        let compiler = Compiler::new(1, Duration::from_secs(60));
        check(&compiler, TINY, Ok(()));
        check(&compiler, b"(component)", Err((ErrorCode::ComponentInvalid, "wasmtime does not take it")));
        check(&compiler, TINY, Ok(()));
    }

    #[test]
    fn what_takes_too_long_is_refused_and_its_slot_comes_back() {
        let compiler = Compiler::new(1, Duration::ZERO);
        check(&compiler, TINY, Err((ErrorCode::ComponentInvalid, "longer than 0 ms")));
        // Once the thread is done, and not before.
        let slot = compiler.slots.take(Instant::now() + Duration::from_secs(60));
        assert!(slot.is_some());
    }

    #[test]
    fn no_more_compile_at_once_than_there_are_slots() {
        let compiler = Compiler::new(2, Duration::from_millis(1));
        let now = Instant::now();
        let (first, second) = (compiler.slots.take(now), compiler.slots.take(now));
        assert!(first.is_some() && second.is_some());
        check(&compiler, TINY, Err((ErrorCode::LaneUnavailable, "busy")));
        drop(first);
        assert!(compiler.slots.take(Instant::now()).is_some());
    }
}
