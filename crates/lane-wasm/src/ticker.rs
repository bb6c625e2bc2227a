//! Advances an engine's epoch, so that running guests look at their deadline.
//!
//! One thread per engine. It sleeps for good while no call is in flight, so an idle gateway burns no
//! CPU; it lingers a little before that, so a busy one pays no wake-up per call.
//!
//! What never happens here: a decision about a call. The callback in its store decides.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, Thread};

use wasmtime::Engine;

use crate::options::TICK;

/// Ticks without a call after which the thread sleeps: 50 ms.
const LINGER_TICKS: u32 = 100;

/// The thread and its switchboard. Dropping it ends the thread.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
    join: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    calls: AtomicUsize,
    parked: AtomicBool,
    stop: AtomicBool,
    ticks: AtomicU64,
}

/// While one of these lives, the epoch advances.
pub(crate) struct Running<'a>(&'a Shared);

impl Ticker {
    /// Starts the thread, asleep.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(engine: Engine) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let join = thread::Builder::new().name("omega-wasm-epoch".to_owned()).spawn(move || tick(&theirs, &engine))?;
        Ok(Self { shared, thread: join.thread().clone(), join: Some(join) })
    }

    /// Keeps the epoch advancing until the returned guard is dropped.
    pub(crate) fn run(&self) -> Running<'_> {
        // The thread sets `parked` and then looks at `calls`; here it is the other way round. With a
        // total order over the four accesses at least one side sees the other.
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        if self.shared.parked.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(&self.shared)
    }

    /// How often the epoch was advanced so far.
    #[cfg(test)]
    pub(crate) fn ticks(&self) -> u64 {
        self.shared.ticks.load(Ordering::SeqCst)
    }

    /// Whether the thread sleeps.
    #[cfg(test)]
    pub(crate) fn is_parked(&self) -> bool {
        self.shared.parked.load(Ordering::SeqCst)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.thread.unpark();
        if let Some(join) = self.join.take() {
            // A tick cannot panic; were it to, there would be nothing left to stop.
            let _ = join.join();
        }
    }
}

fn tick(shared: &Shared, engine: &Engine) {
    let mut idle_ticks = 0;
    while !shared.stop.load(Ordering::SeqCst) {
        if shared.calls.load(Ordering::SeqCst) > 0 {
            idle_ticks = 0;
        } else {
            idle_ticks += 1;
        }
        if idle_ticks > LINGER_TICKS {
            shared.parked.store(true, Ordering::SeqCst);
            while shared.calls.load(Ordering::SeqCst) == 0 && !shared.stop.load(Ordering::SeqCst) {
                thread::park();
            }
            shared.parked.store(false, Ordering::SeqCst);
            idle_ticks = 0;
        }
        thread::sleep(TICK);
        engine.increment_epoch();
        shared.ticks.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Waits until it holds; gives up, and fails, after a time that no working machine takes.
    fn wait_until(what: &str, holds: impl Fn() -> bool) {
        let started = Instant::now();
        while !holds() {
            assert!(started.elapsed() < Duration::from_secs(60), "never: {what}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn it_ticks_while_calls_run_and_sleeps_when_none_does() {
        let ticker = Ticker::start(Engine::default()).unwrap();
        for _ in 0..3 {
            wait_until("asleep", || ticker.is_parked());
            let asleep_at = ticker.ticks();
            thread::sleep(20 * TICK);
            assert_eq!(ticker.ticks(), asleep_at);

            let (first, second) = (ticker.run(), ticker.run());
            wait_until("ticking", || ticker.ticks() > asleep_at + 2 * u64::from(LINGER_TICKS));
            drop(first);
            let one_left = ticker.ticks();
            wait_until("ticking", || ticker.ticks() > one_left + 2 * u64::from(LINGER_TICKS));
            drop(second);
        }
    }

    #[test]
    fn its_thread_ends_with_it_asleep_or_not() {
        for asleep in [true, false] {
            let ticker = Ticker::start(Engine::default()).unwrap();
            if asleep {
                wait_until("asleep", || ticker.is_parked());
            }
            let shared = Arc::downgrade(&ticker.shared);
            drop(ticker);
            // The thread held the other half.
            assert_eq!(shared.strong_count(), 0);
        }
    }
}
