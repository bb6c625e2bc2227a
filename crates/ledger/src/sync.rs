//! The locks of the group commit: the standard library's, or those of a model checker that tries their interleavings
//! (`cargo xtask model`).
//!
//! Only what the queue and its leaders wait on comes from here. Whatever is locked for a moment, with nothing waited for
//! meanwhile, uses the standard library's own.

use std::time::Duration;

#[cfg(all(test, feature = "model"))]
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(all(test, feature = "model")))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

/// Waits until it is notified or `timeout` has passed; none where another thread panicked with the lock in hand.
#[cfg(not(all(test, feature = "model")))]
pub(crate) fn wait_timeout<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    _of: &'a Mutex<T>,
    timeout: Duration,
) -> Option<MutexGuard<'a, T>> {
    condvar.wait_timeout(guard, timeout).ok().map(|(guard, _)| guard)
}

/// The model has no time: whatever may be over is over as soon as another had its turn.
#[cfg(all(test, feature = "model"))]
pub(crate) fn wait_timeout<'a, T>(
    _condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    of: &'a Mutex<T>,
    _timeout: Duration,
) -> Option<MutexGuard<'a, T>> {
    drop(guard);
    shuttle::thread::yield_now();
    of.lock().ok()
}
