//! Turns at the processor: what runs first where more is ready than there are processors.
//!
//! A lane may run a call on the caller's task from its beginning to its end. Then whatever waits for a processor waits
//! in the runtime's own queue, which has no bound and knows no quota: a surplus is refused as late as everything else is
//! served. So a call that was let in takes a turn before it runs, and gives way once to whatever else is ready: calls
//! that come are looked at, and let in or refused, before those that were let in run. A turn ends when the run waits for
//! something or ends.
//!
//! A plugin whose calls hold a processor for longer has turns of another kind, one a slice, of which there is one less
//! than there are processors while quick calls come: who is quick never waits for who is slow.
//!
//! Turns are an order, not a right: where none ended for a while, those that have them are not being polled by their
//! callers, and who waits goes on without one. Quotas bound what may run; this does not.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use omega_contract::ports::{BoxFuture, LaneReport};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::quota::Overloaded;

/// Turns for each processor: one that runs, and one that is ready where the other gave way.
const PER_PROCESSOR: usize = 2;
/// Who holds a processor for longer at once is slow.
const QUICK_MAX: Duration = Duration::from_millis(1);
/// A plugin with so many slow calls in a row is taken for slow from the beginning of its next: one alone may have been
/// held up by whatever else the machine does.
const SLOW_CALLS: u8 = 2;
/// A turn is much shorter than this; where none ended for so long, nobody is at work on one.
const STALLED: Duration = Duration::from_millis(20);
/// For so long after a quick call one processor is kept free of slow ones.
const QUICK_EXPECTED: Duration = Duration::from_millis(50);
/// A call that finds all turns free need not give way. Where a runtime has one thread all calls find them so, however
/// many wait for it: one in so many gives way all the same, and those that come meanwhile find its turn taken.
const LONE_CALLS: u64 = 128;

/// All turns of a router.
#[derive(Debug)]
pub(crate) struct Turns {
    quick: Semaphore,
    quick_max: usize,
    slow: Semaphore,
    /// One more for the slow while no quick calls come.
    spare: Semaphore,
    /// Turns that ended so far.
    ended: AtomicU64,
    /// Calls that found all turns free.
    lone: AtomicU64,
    since: Instant,
    /// When a quick call last began, in microseconds.
    last_quick: AtomicU64,
}

/// A turn, or that it goes without one.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// How long a plugin's calls held the processor of late.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    slow_in_a_row: AtomicU8,
}

impl Pace {
    fn is_slow(&self) -> bool {
        self.slow_in_a_row.load(Ordering::Relaxed) >= SLOW_CALLS
    }

    fn tell(&self, is_slow: bool) {
        let before = self.slow_in_a_row.load(Ordering::Relaxed);
        let after = if is_slow { before.saturating_add(1) } else { 0 };
        if after != before {
            self.slow_in_a_row.store(after, Ordering::Relaxed);
        }
    }
}

impl Turns {
    pub(crate) fn of_this_machine() -> Self {
        Self::of(std::thread::available_parallelism().map_or(1, usize::from))
    }

    fn of(processors: usize) -> Self {
        let quick_max = processors * PER_PROCESSOR;
        Self {
            quick: Semaphore::new(quick_max),
            quick_max,
            slow: Semaphore::new(processors.saturating_sub(1).max(1)),
            spare: Semaphore::new(usize::from(processors > 1)),
            ended: AtomicU64::new(0),
            lone: AtomicU64::new(0),
            since: Instant::now(),
            last_quick: AtomicU64::new(0),
        }
    }

    /// Waits for the turn with which a call of such a plugin begins.
    ///
    /// # Errors
    /// [`Overloaded`] where it did not come in time.
    pub(crate) async fn begin(&self, pace: &Pace, until: Instant) -> Result<Turn<'_>, Overloaded> {
        let asked = Instant::now();
        let is_slow = pace.is_slow();
        let finds_all_free = !is_slow && self.quick.available_permits() == self.quick_max;
        let turn = if is_slow {
            self.slice(until).await
        } else {
            self.last_quick.store(self.micros(asked), Ordering::Relaxed);
            self.wait(&self.quick, until).await
        };
        if !finds_all_free || self.lone.fetch_add(1, Ordering::Relaxed) % LONE_CALLS == LONE_CALLS - 1 {
            tokio::task::yield_now().await;
            // Whoever was late to be let in is not late to be run: it counts neither as a call nor against the plugin.
            if Instant::now() >= until {
                return Err(Overloaded::WaitedInVain { waited_ms: asked.elapsed().as_millis() });
            }
        }
        Ok(turn)
    }

    /// Polls a run that begins with this turn, which ends when it waits for something. A run that is slow takes a
    /// turn for each further slice.
    pub(crate) async fn run(
        &self,
        mut run: BoxFuture<'_, LaneReport>,
        turn: Turn<'_>,
        pace: &Pace,
        until: Instant,
    ) -> LaneReport {
        let (mut turn, mut is_slow) = (Some(turn), false);
        loop {
            let began = Instant::now();
            let polled = poll_fn(|context| Poll::Ready(run.as_mut().poll(context))).await;
            is_slow |= began.elapsed() > QUICK_MAX;
            drop(turn.take());
            if let Poll::Ready(report) = polled {
                pace.tell(is_slow);
                return report;
            }
            woken().await;
            if is_slow {
                turn = Some(self.slice(until).await);
            }
        }
    }

    /// A turn for a slice of what is slow.
    async fn slice(&self, until: Instant) -> Turn<'_> {
        let quick_before = self.micros(Instant::now()).saturating_sub(self.last_quick.load(Ordering::Relaxed));
        if u128::from(quick_before) > QUICK_EXPECTED.as_micros()
            && let Ok(permit) = self.spare.try_acquire()
        {
            return Turn { turns: self, _permit: Some(permit) };
        }
        self.wait(&self.slow, until).await
    }

    async fn wait<'a>(&'a self, turns: &'a Semaphore, until: Instant) -> Turn<'a> {
        if let Ok(permit) = turns.try_acquire() {
            return Turn { turns: self, _permit: Some(permit) };
        }
        let mut acquired = pin!(turns.acquire());
        loop {
            let ended = self.ended.load(Ordering::Relaxed);
            let look = Instant::now() + STALLED;
            match tokio::time::timeout_at(look.min(until).into(), acquired.as_mut()).await {
                Ok(permit) => return Turn { turns: self, _permit: permit.ok() },
                Err(_) if look >= until || self.ended.load(Ordering::Relaxed) == ended => {
                    return Turn { turns: self, _permit: None };
                }
                Err(_) => {}
            }
        }
    }

    fn micros(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.since).as_micros()).unwrap_or(u64::MAX)
    }
}

/// Until this task is woken: whoever left its waker behind is asked again then.
async fn woken() {
    let mut is_woken = false;
    poll_fn(|_| if std::mem::replace(&mut is_woken, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

#[cfg(test)]
mod tests;
