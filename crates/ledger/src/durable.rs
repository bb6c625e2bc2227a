//! The future that resolves when an event is acknowledged.
//!
//! It works on any executor. While nobody writes and anybody waits, one waiter has been told so and is still
//! listed: if its future is dropped, it passes that on.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use omega_contract::ports::RecorderError;
use omega_contract::proof_bundle::Durability;

use crate::blocking::run_blocking;
use crate::commit::Shared;
use crate::queue::Leadership;

/// Waits for one event.
pub(crate) struct DurableWait<'a> {
    shared: &'a Shared,
    index: u64,
    /// Held while this is listed as a waiter.
    ticket: Option<u64>,
}

impl<'a> DurableWait<'a> {
    pub(crate) const fn new(shared: &'a Shared, index: u64) -> Self {
        Self { shared, index, ticket: None }
    }
}

impl Future for DurableWait<'_> {
    type Output = Result<(), RecorderError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut queue = self.shared.queue();
            let verdict = if self.index < queue.acknowledged {
                Some(Ok(()))
            } else if let Some(cause) = &queue.poison {
                Some(Err(RecorderError { cause: cause.to_string() }))
            } else if self.index >= queue.sequence.next_index() {
                Some(Err(RecorderError { cause: format!("no event {} was recorded", self.index) }))
            } else {
                None
            };
            if (verdict.is_some() || queue.leadership == Leadership::Free)
                && let Some(ticket) = self.ticket.take()
            {
                queue.leave(self.index, ticket);
            }
            if let Some(verdict) = verdict {
                return Poll::Ready(verdict);
            }
            if queue.leadership == Leadership::Taken {
                let ticket = *self.ticket.get_or_insert_with(|| queue.ticket());
                queue.wait(self.index, ticket, context.waker());
                return Poll::Pending;
            }
            queue.leadership = Leadership::Taken;
            drop(queue);
            match self.shared.durability {
                Durability::Batch => run_blocking(|| self.shared.lead(self.index + 1)),
                // A write into the page cache is cheaper than handing the worker's tasks over.
                Durability::Relaxed => self.shared.lead(self.index + 1),
            }
        }
    }
}

impl Drop for DurableWait<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut queue = self.shared.queue();
        queue.leave(self.index, ticket);
        let next = if queue.leadership == Leadership::Free { queue.next_leader() } else { None };
        drop(queue);
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

#[cfg(test)]
#[cfg(not(feature = "model"))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use omega_contract::{Clock, EventDraft, EventKind, Timestamp};

    use super::*;
    use crate::{Ledger, LedgerOptions};

    struct Epoch;

    impl Clock for Epoch {
        fn now(&self) -> Timestamp {
            Timestamp::EPOCH
        }

        fn monotonic(&self) -> std::time::Duration {
            std::time::Duration::ZERO
        }
    }

    #[derive(Default)]
    struct Told(AtomicUsize);

    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// One waiter that can be polled, and how often it was told to look.
    struct Waiter<'a> {
        wait: Option<Pin<Box<DurableWait<'a>>>>,
        told: Arc<Told>,
    }

    impl<'a> Waiter<'a> {
        fn of(shared: &'a Shared, index: u64) -> Self {
            Self { wait: Some(Box::pin(DurableWait::new(shared, index))), told: Arc::default() }
        }

        fn is_ready(&mut self) -> bool {
            let waker = Waker::from(Arc::clone(&self.told));
            self.wait.as_mut().unwrap().as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        }

        fn times_told(&self) -> usize {
            self.told.0.load(Ordering::Relaxed)
        }
    }

    /// A ledger whose flusher has ended: nobody writes but who is polled. With three events recorded.
    fn ledger(dir: &std::path::Path) -> Ledger {
        let ledger = Ledger::open(dir, LedgerOptions::new(Arc::new(Epoch), crate::testing::log_signer())).unwrap();
        ledger.shared().queue().closing = true;
        ledger.shared().flusher.notify_all();
        for _ in 0..3 {
            ledger.shared().record(&EventDraft::system(EventKind::Policy)).unwrap();
        }
        ledger
    }

    #[test]
    fn the_lead_passes_from_a_waiter_that_goes_away_to_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger(dir.path());
        let shared = ledger.shared();
        shared.queue().leadership = Leadership::Taken;
        let mut waiters: Vec<Waiter<'_>> = (0..3).map(|index| Waiter::of(shared, index)).collect();
        assert!(waiters.iter_mut().all(|waiter| !waiter.is_ready()));
        // A leader that wrote nothing gives up: the first waiter is told, and only that one.
        let next = {
            let mut queue = shared.queue();
            queue.leadership = Leadership::Free;
            queue.next_leader()
        };
        next.unwrap().wake();
        assert_eq!(waiters.iter().map(Waiter::times_told).collect::<Vec<_>>(), [1, 0, 0]);
        waiters[0].wait = None;
        assert_eq!(waiters[1].times_told(), 1, "the second was told by the first that went");
        waiters[1].wait = None;
        assert_eq!(waiters[2].times_told(), 1);
        assert!(waiters[2].is_ready(), "it leads");
        assert_eq!(shared.queue().acknowledged, 3);
    }

    #[test]
    fn a_waiter_that_goes_away_while_somebody_leads_tells_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger(dir.path());
        let shared = ledger.shared();
        shared.queue().leadership = Leadership::Taken;
        let mut waiters: Vec<Waiter<'_>> = (0..2).map(|index| Waiter::of(shared, index)).collect();
        assert!(waiters.iter_mut().all(|waiter| !waiter.is_ready()));
        waiters[0].wait = None;
        assert_eq!(waiters[1].times_told(), 0);
        // The leader concludes its batch: who waited for it is told.
        shared.lead(3);
        assert_eq!(waiters[1].times_told(), 1);
        assert!(waiters[1].is_ready());
    }

    #[test]
    fn the_leader_tells_all_that_its_batch_acknowledged() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger(dir.path());
        let shared = ledger.shared();
        shared.queue().leadership = Leadership::Taken;
        let mut waiters: Vec<Waiter<'_>> = [0, 0, 1, 2].map(|index| Waiter::of(shared, index)).into();
        assert!(waiters.iter_mut().all(|waiter| !waiter.is_ready()));
        assert!(waiters.iter_mut().all(|waiter| !waiter.is_ready()), "a second poll lists nobody twice");
        shared.lead(1);
        assert!(waiters.iter().all(|waiter| waiter.times_told() == 1));
        assert!(waiters.iter_mut().all(Waiter::is_ready));
    }
}
