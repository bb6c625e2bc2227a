//! The background thread that keeps the tree and the checkpoints at most a second behind.
//!
//! It learns what is durable from the mark, which is handed to it after each sync, and takes nothing that an append
//! needs. Whoever needs a checkpoint now waits here; the events of all who wait go into one.
//!
//! What never happens here: a second try. What cannot be checkpointed poisons the ledger.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use omega_contract::Sha256Hex;
use omega_contract::ports::RecorderError;
use omega_proof::checkpoint::{LogSigner, SignedCheckpoint};
use omega_proof::note::VerifierKey;
use omega_proof::tree::TreeHead;

use super::grower::Grower;
use crate::commit::Shared;
use crate::error::LedgerError;
use crate::mark::Mark;

/// How often it looks: with the time that a checkpoint takes, none is a second behind.
const TICK_MS: u64 = 800;

/// Hashes that the writer hands over at most (32 MiB). With more to do, the thread reads them from the segments.
const HANDED_EVENTS_MAX: usize = 1024 * 1024;

/// Hashes of events that were written, durable or not, batch by batch.
#[derive(Default)]
pub(crate) struct Handed(Mutex<VecDeque<(u64, Vec<Sha256Hex>)>>);

impl Handed {
    fn chunks(&self) -> MutexGuard<'_, VecDeque<(u64, Vec<Sha256Hex>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, first_index: u64, hashes: &[Sha256Hex]) {
        let mut chunks = self.chunks();
        let waiting: usize = chunks.front().zip(chunks.back()).map_or(0, |((from, _), (last, hashes))| {
            usize::try_from(last - from).unwrap_or(usize::MAX).saturating_add(hashes.len())
        });
        if waiting.saturating_add(hashes.len()) > HANDED_EVENTS_MAX {
            chunks.clear();
        }
        chunks.push_back((first_index, hashes.to_vec()));
    }

    /// The hashes of exactly these events; `None` where some are not here.
    pub(super) fn take(&self, from: u64, until: u64) -> Option<Vec<Vec<Sha256Hex>>> {
        let mut chunks = self.chunks();
        let (mut at, mut taken) = (from, Vec::new());
        while let Some((first_index, hashes)) = chunks.pop_front_if(|(first_index, _)| *first_index < until) {
            if first_index == at {
                at += hashes.len() as u64;
                taken.push(hashes);
            }
        }
        (at == until).then_some(taken)
    }
}

/// What the thread, the ledger's writers and those who wait for a checkpoint share.
pub(crate) struct Checkpointing {
    state: Mutex<State>,
    handed: Handed,
    /// Somebody waits, or the end has come.
    wake: Condvar,
    /// There is a new checkpoint, or there will be none.
    done: Condvar,
}

struct State {
    /// What is durable, as far as was told.
    durable: Mark,
    /// Events below this are to be covered without waiting for the tick.
    wanted: u64,
    newest: Arc<SignedCheckpoint>,
    signer: Arc<LogSigner>,
    next_signer: Option<Arc<LogSigner>>,
    failed: Option<Arc<str>>,
    closing: bool,
    ended: bool,
}

impl Checkpointing {
    /// Of a ledger that is durable up to `durable`, and whose newest checkpoint is `newest`.
    pub(crate) fn new(durable: Mark, newest: SignedCheckpoint, signer: Arc<LogSigner>) -> Self {
        let state = State {
            durable,
            wanted: 0,
            newest: Arc::new(newest),
            signer,
            next_signer: None,
            failed: None,
            closing: false,
            ended: false,
        };
        Self { state: Mutex::new(state), handed: Handed::default(), wake: Condvar::new(), done: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment: a panic leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the hashes of what was written, for when it is durable.
    pub(crate) fn written(&self, first_index: u64, hashes: &[Sha256Hex]) {
        self.handed.put(first_index, hashes);
    }

    /// Takes note of what became durable. Costs a lock that nobody holds for long.
    pub(crate) fn became_durable(&self, mark: Mark) {
        let mut state = self.state();
        if mark.next_index > state.durable.next_index {
            state.durable = mark;
        }
    }

    /// The newest checkpoint there is.
    pub(crate) fn newest(&self) -> Arc<SignedCheckpoint> {
        Arc::clone(&self.state().newest)
    }

    /// The key that signs now.
    pub(crate) fn verifier_key(&self) -> VerifierKey {
        self.state().signer.verifier_key()
    }

    /// The newest checkpoint and the key that signed it last.
    pub(crate) fn newest_and_signer(&self) -> (Arc<SignedCheckpoint>, Arc<LogSigner>) {
        let state = self.state();
        (Arc::clone(&state.newest), Arc::clone(&state.signer))
    }

    /// Waits for a checkpoint over the events below `size`, which are durable.
    pub(crate) fn wait_for(&self, size: u64) -> Result<Arc<SignedCheckpoint>, LedgerError> {
        let mut state = self.state();
        loop {
            if state.newest.head().size >= size {
                return Ok(Arc::clone(&state.newest));
            }
            state.check()?;
            if size > state.wanted {
                state.wanted = size;
                self.wake.notify_all();
            }
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until the log is handed over to `next`.
    pub(crate) fn hand_over(&self, next: LogSigner) -> Result<Arc<SignedCheckpoint>, LedgerError> {
        let mut state = self.state();
        while state.next_signer.is_some() {
            state.check()?;
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        // Found out here, so that a wrong key is an answer and not the end of the ledger.
        state.signer.hand_over(&TreeHead::EMPTY, &next)?;
        let next = Arc::new(next);
        state.next_signer = Some(Arc::clone(&next));
        self.wake.notify_all();
        loop {
            if Arc::ptr_eq(&state.signer, &next) {
                return Ok(Arc::clone(&state.newest));
            }
            state.check()?;
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes the thread end, after a last checkpoint over all that is durable.
    pub(crate) fn close(&self) {
        self.state().closing = true;
        self.wake.notify_all();
    }

    /// What went wrong, if anything did.
    pub(crate) fn outcome(&self) -> Result<(), LedgerError> {
        match &self.state().failed {
            Some(cause) => Err(RecorderError { cause: cause.to_string() }.into()),
            None => Ok(()),
        }
    }

    /// Sleeps until there is something to do; gives what.
    fn next_work(&self) -> Work {
        let mut state = self.state();
        loop {
            let size = state.newest.head().size;
            if state.closing || state.next_signer.is_some() || state.wanted > size {
                break;
            }
            let tick = Duration::from_millis(TICK_MS);
            let (woken, slept) = self.wake.wait_timeout(state, tick).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if slept.timed_out() && state.durable.next_index > state.newest.head().size {
                break;
            }
        }
        Work { mark: state.durable, next_signer: state.next_signer.clone(), is_last: state.closing }
    }
}

impl State {
    fn check(&self) -> Result<(), LedgerError> {
        match &self.failed {
            Some(cause) => Err(RecorderError { cause: cause.to_string() }.into()),
            None if self.ended => Err(RecorderError { cause: "the ledger is closed".to_owned() }.into()),
            None => Ok(()),
        }
    }
}

struct Work {
    mark: Mark,
    next_signer: Option<Arc<LogSigner>>,
    is_last: bool,
}

pub(crate) fn spawn_checkpointer(
    shared: &Arc<Shared>,
    checkpointing: &Arc<Checkpointing>,
    grower: Grower,
) -> Result<JoinHandle<()>, LedgerError> {
    let (shared, checkpointing) = (Arc::clone(shared), Arc::clone(checkpointing));
    let thread = std::thread::Builder::new().name("omega-ledger-tree".to_owned());
    let failed = |source| LedgerError::Write { doing: "start the thread of the tree", file: String::new(), source };
    thread.spawn(move || checkpoint_until_closing(&shared, &checkpointing, grower)).map_err(failed)
}

fn checkpoint_until_closing(shared: &Shared, checkpointing: &Checkpointing, mut grower: Grower) {
    // Also where this panics: whoever waits must not wait for ever.
    let _ended = Ended(checkpointing);
    loop {
        let Work { mark, next_signer, is_last } = checkpointing.next_work();
        let outcome = match &next_signer {
            Some(next) => grower.hand_over(&mark, &checkpointing.handed, Arc::clone(next)),
            None => grower.cover(&mark, &checkpointing.handed),
        };
        let mut state = checkpointing.state();
        match outcome {
            Ok(newest) => {
                if newest.as_bytes() != state.newest.as_bytes() {
                    state.newest = Arc::new(newest.clone());
                }
                if let Some(next) = next_signer {
                    state.signer = next;
                    state.next_signer = None;
                }
            }
            Err(error) => {
                let cause: Arc<str> = format!("the tree cannot go on: {error}").into();
                state.failed = Some(Arc::clone(&cause));
                drop(state);
                shared.fail(&cause);
                return;
            }
        }
        drop(state);
        checkpointing.done.notify_all();
        if is_last {
            return;
        }
    }
}

struct Ended<'a>(&'a Checkpointing);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.state().ended = true;
        self.0.done.notify_all();
    }
}
