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
