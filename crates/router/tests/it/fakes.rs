//! A plugin that follows a script and a record that fails where it is told to.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use omega_contract::ports::{
    BoxFuture, CallKey, ClaimError, GuestOutput, GuestPayload, LaneCall, LaneEnding, LaneReport, ProgramExit,
    ReadyProgram, Recorded, Recorder, RecorderError,
};
use omega_contract::{Clock, ErrorCode, EventDraft, EventKind, Sha256Hex, Timestamp};
use tokio::sync::Semaphore;

/// What the plugin does in one run.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    /// Answers with this text.
    Say(&'static str),
    /// Answers JSON where its manifest says text.
    SayWrong,
    /// Declines.
    Decline,
    /// Fails with this code.
    Fail(ErrorCode),
    /// Takes so long, then fails with a trap.
    FailAfter(Duration),
    /// Takes so long, then answers.
    SayAfter(Duration),
    /// Never ends by itself; its deadline is kept.
    Hang,
}

/// A program that acts by its script; the last act is repeated.
pub struct Script {
    acts: Vec<Act>,
    /// What each run was given.
    pub calls: Mutex<Vec<(LaneCall, Instant)>>,
    ended: AtomicUsize,
    calm: AtomicBool,
}

impl Script {
    pub fn new(acts: &[Act]) -> Self {
        Self { acts: acts.to_vec(), calls: Mutex::default(), ended: AtomicUsize::new(0), calm: AtomicBool::new(false) }
    }

    pub fn runs(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// From now on it answers, whatever its script says.
    pub fn calm(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    /// Waits until a run has begun.
    pub async fn begun(&self, runs: usize) {
        while self.runs() < runs {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn report(ending: LaneEnding) -> LaneReport {
    LaneReport { ending, duration: Duration::ZERO, facts: BTreeMap::new(), output_text: String::new() }
}

fn failed(reason: ErrorCode, exit: ProgramExit) -> LaneReport {
    report(LaneEnding::Failed { reason, exit, detail: "as the script says".into() })
}

fn said(text: &str) -> LaneReport {
    let payload = GuestPayload::Text { content: text.into(), encoding: "utf-8".into(), metadata: Vec::new() };
    report(LaneEnding::Finished(GuestOutput { payload, notes: String::new() }))
}

impl ReadyProgram for Script {
    fn run(&self, call: LaneCall) -> BoxFuture<'_, LaneReport> {
        let deadline = call.deadline;
        let act = {
            let mut calls = self.calls.lock().unwrap();
            calls.push((call, Instant::now()));
            if self.calm.load(Ordering::Relaxed) {
                Act::SayAfter(Duration::from_millis(1))
            } else {
                self.acts[(calls.len() - 1).min(self.acts.len() - 1)]
            }
        };
        Box::pin(async move {
            let report = match act {
                Act::Say(text) => said(text),
                Act::SayWrong => {
                    let payload = GuestPayload::Json { data: "{}".into(), schema_ref: "other".into() };
                    report(LaneEnding::Finished(GuestOutput { payload, notes: String::new() }))
                }
                Act::Decline => report(LaneEnding::Declined { code: "no".into(), message: "not mine".into() }),
                Act::Fail(reason) => failed(reason, ProgramExit::Trap),
                Act::FailAfter(wait) => {
                    tokio::time::sleep(wait).await;
                    failed(ErrorCode::PluginTrap, ProgramExit::Trap)
                }
                Act::SayAfter(wait) => {
                    tokio::time::sleep(wait).await;
                    said("late")
                }
                Act::Hang => {
                    tokio::time::sleep_until(deadline.into()).await;
                    failed(ErrorCode::Timeout, ProgramExit::Deadline)
                }
            };
            self.ended.fetch_add(1, Ordering::Relaxed);
            report
        })
    }
}

/// Where the record breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    Never,
    /// When an event of this kind is recorded, and ever after.
    Recording(EventKind),
    /// When an event of this kind is waited for, and ever after.
    Waiting(EventKind),
    /// When a key is claimed.
    Claiming,
}

/// A record in memory.
pub struct Tape {
    pub events: Mutex<Vec<EventDraft>>,
    keys: Mutex<HashSet<CallKey>>,
    break_at: Break,
    broken: Mutex<bool>,
    /// Permits to become durable; closed: no waiting.
    pub disk: Semaphore,
}

impl Tape {
    pub fn new(break_at: Break) -> Self {
        let disk = Semaphore::new(Semaphore::MAX_PERMITS);
        Self { events: Mutex::default(), keys: Mutex::default(), break_at, broken: Mutex::new(false), disk }
    }

    /// A record whose disk answers only when [`Tape::disk`] gets permits.
    pub fn slow() -> Self {
        Self { disk: Semaphore::new(0), ..Self::new(Break::Never) }
    }

    pub fn kinds(&self) -> Vec<EventKind> {
        self.events.lock().unwrap().iter().map(|event| event.kind).collect()
    }

    /// The values of one `meta` key, `-` where it is not there.
    pub fn meta(&self, key: &str) -> Vec<String> {
        let events = self.events.lock().unwrap();
        events.iter().map(|event| event.meta.get(key).cloned().unwrap_or_else(|| "-".into())).collect()
    }

    pub fn holds(&self, key: &CallKey) -> bool {
        self.keys.lock().unwrap().contains(key)
    }

    fn check(&self, fails: bool) -> Result<(), RecorderError> {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        *broken |= fails;
        if *broken { Err(RecorderError { cause: "the script says so".into() }) } else { Ok(()) }
    }
}

impl Recorder for Tape {
    fn record(&self, draft: EventDraft) -> Result<Recorded, RecorderError> {
        self.check(self.break_at == Break::Recording(draft.kind))?;
        let mut events = self.events.lock().unwrap();
        let index = events.len() as u64;
        events.push(draft);
        Ok(Recorded { index, event_hash: Sha256Hex::of(&index.to_le_bytes()) })
    }

    fn durable(&self, event: Recorded) -> BoxFuture<'_, Result<(), RecorderError>> {
        Box::pin(async move {
            let kind = self.kinds()[usize::try_from(event.index).unwrap()];
            tokio::task::yield_now().await;
            let _permit = self.disk.acquire().await.unwrap();
            self.check(self.break_at == Break::Waiting(kind))
        })
    }

    fn claim(&self, key: &CallKey) -> Result<(), ClaimError> {
        self.check(self.break_at == Break::Claiming)?;
        if self.keys.lock().unwrap().insert(key.clone()) { Ok(()) } else { Err(ClaimError::Duplicate) }
    }

    fn release(&self, key: &CallKey) {
        assert!(self.keys.lock().unwrap().remove(key), "a key is released once, by who holds it");
    }
}

/// A clock that stands until it is moved.
#[derive(Default)]
pub struct HandClock {
    monotonic: Mutex<Duration>,
}

impl HandClock {
    pub fn advance(&self, by: Duration) {
        *self.monotonic.lock().unwrap() += by;
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    fn monotonic(&self) -> Duration {
        *self.monotonic.lock().unwrap()
    }
}
