//! A clock that can be turned, drafts of calls, and an executor that is not tokio.
#![allow(dead_code, reason = "each test file uses its part")]

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use omega_contract::{Clock, EventDraft, EventKind, Recorder, Sha256Hex, Timestamp};
use omega_ledger::{Ledger, LedgerError, LedgerOptions, LedgerVerdict, Progress, Strictness};
use omega_proof::checkpoint::LogSigner;
use omega_proof::key::SecretKey;

/// Moves on by one microsecond each time it is read.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_795_173_514_000_000)))
    }

    pub(crate) fn turn(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed).unsigned_abs())
    }
}

/// The log key of every ledger that a test makes.
pub(crate) fn log_signer() -> Arc<LogSigner> {
    signer_of(7)
}

/// A key of the same log.
pub(crate) fn signer_of(seed: u8) -> Arc<LogSigner> {
    let origin = "example.com/test".parse().unwrap();
    Arc::new(LogSigner::new(origin, SecretKey::from_seed([seed; 32])))
}

/// Verifies with the key of the tests.
pub(crate) fn verify(
    dir: &Path,
    strictness: Strictness,
    progress: impl FnMut(Progress),
) -> Result<LedgerVerdict, LedgerError> {
    omega_ledger::verify(dir, &log_signer().verifier_key(), strictness, progress)
}

pub(crate) fn options() -> LedgerOptions {
    LedgerOptions::new(TestClock::new(), log_signer())
}

pub(crate) fn open(dir: &Path) -> Ledger {
    Ledger::open(dir, options()).unwrap()
}

pub(crate) fn draft(kind: EventKind, run: &str, request: &str, attempt: u32) -> EventDraft {
    let mut draft = EventDraft::of_run(kind, run.parse().unwrap())
        .with("attempt", attempt.to_string())
        .with("step", "0")
        .with("lane", "wasm")
        .with("manifest_hash", Sha256Hex::of(b"manifest").to_string());
    draft.plugin_id = Some("text-stats".parse().unwrap());
    draft.request_id = Some(request.parse().unwrap());
    draft.input_hash = Some(Sha256Hex::of(b"in"));
    draft
}

/// INVOKE and RESULT of one call; gives the index of the INVOKE.
pub(crate) fn call(ledger: &Ledger, run: &str, request: &str) -> u64 {
    let invoke = ledger.record(draft(EventKind::Invoke, run, request, 1)).unwrap();
    ledger.record(draft(EventKind::Result, run, request, 1)).unwrap();
    invoke.index
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, with nothing of tokio around it.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// What the ledger's files said of themselves at a moment: the mark and the checkpoints.
pub(crate) struct Said(Vec<(PathBuf, Vec<u8>)>);

impl Said {
    /// What they say now.
    pub(crate) fn now(dir: &Path, files: &[&str]) -> Self {
        let read = |name: &&str| (dir.join(name), std::fs::read(dir.join(name)).unwrap());
        Self(files.iter().map(read).collect())
    }

    /// Makes them say it again: as after a power cut that took what came later.
    pub(crate) fn again(&self) {
        self.0.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    }
}

/// The files of the checkpoints.
pub(crate) const CHECKPOINTS: [&str; 2] = ["checkpoint", "checkpoints.log"];
