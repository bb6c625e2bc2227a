//! The background thread that brings to the disk what nobody waits for: the INVOKE of a long call, and in
//! relaxed mode the sync itself.
//!
//! It sleeps while there is nothing to do and ends with the ledger.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::commit::Shared;
use crate::error::LedgerError;
use crate::options::{DISK_CHECK_MS, FLUSH_INTERVAL_MS};
use crate::queue::{Leadership, Queue};
use crate::sync::MutexGuard;

pub(crate) fn spawn_flusher(shared: &Arc<Shared>) -> Result<JoinHandle<()>, LedgerError> {
    let shared = Arc::clone(shared);
    let thread = std::thread::Builder::new().name("omega-ledger-flush".to_owned());
    let failed = |source| LedgerError::Write { doing: "start the thread that flushes", file: String::new(), source };
    thread.spawn(move || flush_until_closing(&shared)).map_err(failed)
}

pub(crate) fn flush_until_closing(shared: &Shared) {
    let mut queue = shared.queue();
    while !queue.closing {
        if queue.flusher_idle {
            queue = sleep_until_stirred(shared, queue);
            continue;
        }
        queue = sleep(shared, queue, FLUSH_INTERVAL_MS);
        if queue.closing {
            break;
        }
        let (unwritten, unsynced) = (!queue.is_empty(), queue.synced < queue.acknowledged);
        if queue.poison.is_some() || (!unwritten && !unsynced) {
            queue.flusher_idle = true;
            continue;
        }
        let lead = unwritten && queue.leadership == Leadership::Free;
        if lead {
            queue.leadership = Leadership::Taken;
        }
        let until = queue.sequence.next_index();
        drop(queue);
        if lead {
            shared.lead(until);
        }
        if unsynced {
            // A failure poisons the ledger, which tells everybody who needs to know.
            let _poisoned = shared.sync_written();
        }
        queue = shared.queue();
    }
}

/// Sleeps until there is something to flush. While the disk is full, looks now and then whether it still is.
fn sleep_until_stirred<'a>(shared: &'a Shared, queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
    if shared.space.is_low() {
        let queue = sleep(shared, queue, DISK_CHECK_MS);
        drop(queue);
        shared.space.check(&*shared.disk);
        return shared.queue();
    }
    shared.flusher.wait(queue).unwrap_or_else(|_| shared.queue())
}

fn sleep<'a>(shared: &'a Shared, queue: MutexGuard<'a, Queue>, milliseconds: u64) -> MutexGuard<'a, Queue> {
    shared.flusher_sleep(queue, Duration::from_millis(milliseconds))
}
