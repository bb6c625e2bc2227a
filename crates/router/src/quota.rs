//! Quotas: how many calls run at once, of one plugin and in all, and how many may wait.
//!
//! The queue is bounded: what does not fit is refused at once (`overloaded`), so that memory stays
//! flat and the surplus learns quickly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many may run and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaPolicy {
    /// Calls that run at once, of all plugins.
    pub calls_max: usize,
    /// Calls of one plugin that wait for its own places. Per plugin, so that one plugin that hangs
    /// cannot fill another's queue.
    pub queue_max: usize,
    /// How long a call waits at most.
    pub queue_wait_max: Duration,
}

impl Default for QuotaPolicy {
    fn default() -> Self {
        Self { calls_max: 256, queue_max: 1_024, queue_wait_max: Duration::from_secs(5) }
    }
}

/// No place and no room to wait, or the wait was in vain (`overloaded`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Overloaded {
    /// The waiting queue is full.
    #[error("all {calls_max} places are taken and {queue_max} calls wait already")]
    QueueFull {
        /// Places.
        calls_max: usize,
        /// Places to wait.
        queue_max: usize,
    },
    /// No place became free in time.
    #[error("no place became free within {waited_ms} ms")]
    WaitedInVain {
        /// How long the call waited, in milliseconds.
        waited_ms: u128,
    },
}

/// A counter of running calls with a bounded queue before it.
#[derive(Debug)]
pub struct Gate {
    places: Arc<Semaphore>,
    places_max: usize,
    waiting: AtomicUsize,
    queue_max: usize,
}

/// A place taken; given back when dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Gate {
    /// A gate with `places_max` places and `queue_max` places to wait.
    pub fn new(places_max: usize, queue_max: usize) -> Self {
        let places_max = places_max.min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(places_max)), places_max, waiting: AtomicUsize::new(0), queue_max }
    }

    /// Takes a place, waiting in line until `until` at the latest.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn enter(&self, until: Instant) -> Result<Place, Overloaded> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(Place { _permit: permit });
        }
        let _line = self.stand_in_line()?;
        let started = Instant::now();
        let acquired = tokio::time::timeout_at(until.into(), Arc::clone(&self.places).acquire_owned()).await;
        match acquired {
            Ok(Ok(permit)) => Ok(Place { _permit: permit }),
            // The semaphore is never closed; if it were, nobody could get in.
            Ok(Err(_)) | Err(_) => Err(Overloaded::WaitedInVain { waited_ms: started.elapsed().as_millis() }),
        }
    }

    /// Places that are taken right now.
    pub fn taken(&self) -> usize {
        self.places_max.saturating_sub(self.places.available_permits())
    }

    /// Calls that wait right now.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn full(&self) -> Overloaded {
        Overloaded::QueueFull { calls_max: self.places_max, queue_max: self.queue_max }
    }

    fn stand_in_line(&self) -> Result<InLine<'_>, Overloaded> {
        let room = |waiting: usize| (waiting < self.queue_max).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, room).map_err(|_| self.full())?;
        Ok(InLine { gate: self })
    }
}

struct InLine<'a> {
    gate: &'a Gate,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.gate.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    fn late() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    #[tokio::test]
    async fn places_and_queue_hold_at_the_limit_and_one_past_it() {
        let gate = Arc::new(Gate::new(2, 1));
        let first = gate.enter(late()).await.unwrap();
        let _second = gate.enter(late()).await.unwrap();
        let waiter = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.enter(late()).await.map(|_| ()) }
        });
        while gate.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let refused = gate.enter(late()).await.unwrap_err();
        assert_eq!(refused, Overloaded::QueueFull { calls_max: 2, queue_max: 1 });
        drop(first);
        waiter.await.unwrap().unwrap();
        assert_eq!(gate.waiting(), 0);
    }

    #[tokio::test]
    async fn a_wait_in_vain_leaves_the_line() {
        let gate = Gate::new(1, 1);
        let _held = gate.enter(late()).await.unwrap();
        assert!(matches!(gate.enter(soon()).await, Err(Overloaded::WaitedInVain { .. })));
        assert_eq!(gate.waiting(), 0);
    }
}
