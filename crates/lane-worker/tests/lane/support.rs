//! A lane, programs and calls for tests.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use omega_contract::ports::{
    BoxFuture, BrokerError, GuestLogLevel, Host, LaneCall, LaneProgram, LaneReport, Progress, ReadyProgram,
};
use omega_contract::{Lane, Payload};
use omega_lane_worker::{HelperProgram, WorkerLane, WorkerLaneOptions};

use crate::outside::{self, programs};

pub(crate) fn options() -> WorkerLaneOptions {
    WorkerLaneOptions {
        helper: HelperProgram::At(PathBuf::from(env!("CARGO_BIN_EXE_omega-worker-helper"))),
        ..WorkerLaneOptions::default()
    }
}

/// One lane for all tests of this process.
pub(crate) fn lane() -> &'static WorkerLane {
    static LANE: OnceLock<WorkerLane> = OnceLock::new();
    LANE.get_or_init(|| WorkerLane::new(&options()).unwrap_or_else(|refusal| panic!("{refusal}")))
}

pub(crate) fn program(source: &str) -> LaneProgram {
    programs::program([("program.py".to_owned(), Arc::from(source.as_bytes()))].into())
}

pub(crate) fn text(content: &str) -> Payload {
    Payload::text(content)
}

pub(crate) fn call(payload: Payload, time: Duration) -> LaneCall {
    outside::call(payload, time, Arc::new(Heard::default()))
}

/// Keeps what is logged; offers nothing.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) lines: Mutex<Vec<String>>,
}

impl Host for Heard {
    fn artifact_size<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<u64, BrokerError>> {
        Box::pin(async { Err(BrokerError::Denied("none".to_owned())) })
    }
    fn log(&self, level: GuestLogLevel, message: &str) {
        self.lines.lock().expect("no test panics with it").push(format!("{level:?} {message}"));
    }
    fn progress(&self, progress: &Progress) {
        self.lines.lock().expect("no test panics with it").push(format!("{} {}", progress.done, progress.message));
    }
}

pub(crate) async fn run(ready: &Arc<dyn ReadyProgram>, content: &str) -> LaneReport {
    ready.run(call(text(content), Duration::from_secs(10))).await
}

pub(crate) fn prepare(source: &str) -> Arc<dyn ReadyProgram> {
    lane().prepare(&program(source)).unwrap_or_else(|refusal| panic!("{refusal}"))
}
