//! Where blocking work is done: short work right here, long work on the runtime's blocking threads.
//!
//! Reading or hashing 64 KiB takes some tens of microseconds, about what a hand-over to another thread and
//! back costs, so up to [`INLINE_BYTES_MAX`] is done inline. `spawn_blocking` rather than `block_in_place`:
//! the latter does not work on a current-thread runtime.

use std::time::Instant;

use tokio::runtime::Handle;

use crate::error::StoreError;

/// Bytes that are read or hashed inline on an async thread.
pub(crate) const INLINE_BYTES_MAX: u64 = 64 * 1024;

/// Does `work`, which touches about `cost_bytes`. The wait ends at `deadline`, the work then runs to its end:
/// a content that took too long to hash is known when the next call asks for it.
///
/// Outside a tokio runtime all work is done inline. A runtime needs its time driver (`enable_time`).
///
/// # Errors
/// Those of `work`, and [`StoreError::OutOfTime`].
pub(crate) async fn run<T: Send + 'static>(
    cost_bytes: u64,
    deadline: Instant,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let runtime = match Handle::try_current() {
        Ok(runtime) if cost_bytes > INLINE_BYTES_MAX => runtime,
        _ => return work(),
    };
    let Ok(joined) = tokio::time::timeout_at(deadline.into(), runtime.spawn_blocking(work)).await else {
        return Err(StoreError::OutOfTime);
    };
    joined.unwrap_or_else(|join| {
        Err(StoreError::Io { action: "read the store off the async threads", source: std::io::Error::other(join) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(10)
    }

    #[tokio::test]
    async fn work_is_done_inline_at_the_limit_and_elsewhere_one_past_it() {
        let here = thread::current().id();
        let ran_on = |cost_bytes| run(cost_bytes, soon(), || Ok(thread::current().id()));
        assert_eq!(ran_on(INLINE_BYTES_MAX).await.unwrap(), here);
        assert_ne!(ran_on(INLINE_BYTES_MAX + 1).await.unwrap(), here);
    }

    #[tokio::test]
    async fn the_wait_ends_at_the_deadline_and_the_work_goes_on() {
        let (let_go, held) = mpsc::channel::<()>();
        let (done, ended) = mpsc::channel();
        let deadline = Instant::now() + Duration::from_millis(10);
        let outcome = run(u64::MAX, deadline, move || {
            // Held until let go; broken, this test fails after a while rather than never.
            let _either = held.recv_timeout(Duration::from_secs(20));
            done.send(()).map_err(|e| StoreError::Io { action: "tell", source: std::io::Error::other(e) })
        });
        assert!(matches!(outcome.await, Err(StoreError::OutOfTime)));
        drop(let_go);
        assert_eq!(ended.recv(), Ok(()));
    }

    #[tokio::test]
    async fn a_panic_in_the_work_is_a_failure_of_the_store() {
        let outcome = run(u64::MAX, soon(), || -> Result<(), StoreError> { panic!("on purpose") });
        assert!(matches!(outcome.await, Err(StoreError::Io { .. })));
    }
}
