//! A lane, programs and calls for tests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use omega_contract::manifest::DeterminismMode;
use omega_contract::ports::{
    BoxFuture, BrokerError, GuestLogLevel, Host, LaneCall, LaneLimits, LaneProgram, LaneReport, LaneRequest, Progress,
    ReadyProgram,
};
use omega_contract::{Lane, Payload, Sha256Hex};
use omega_lane_worker::{HelperProgram, WorkerLane, WorkerLaneOptions};

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
    let code: Arc<[u8]> = source.as_bytes().into();
    LaneProgram {
        plugin_id: "test.program".parse().expect("a plugin id"),
        package_digest: Sha256Hex::of(source.as_bytes()),
        entry: "program.py".to_owned(),
        files: Arc::new([("program.py".to_owned(), Arc::clone(&code))].into()),
        code,
        environment: None,
        export: "handle".to_owned(),
        capabilities: [].into(),
        determinism: DeterminismMode::Probabilistic,
        limits: LaneLimits {
            memory_bytes_max: 64 * 1024 * 1024,
            fuel_max: None,
            output_bytes_max: 1024 * 1024,
            log_bytes_max: 64 * 1024,
            host_calls_max: 10_000,
        },
    }
}

pub(crate) fn text(content: &str) -> Payload {
    Payload::text(content)
}

pub(crate) fn call(payload: Payload, time: Duration) -> LaneCall {
    let request = LaneRequest {
        request_id: "request".to_owned(),
        run_id: "run".to_owned(),
        timestamp: "2026-01-01T00:00:00.000000Z".to_owned(),
        payload,
        context: BTreeMap::new(),
    };
    LaneCall {
        request: Arc::new(request),
        seed: [7; 32],
        deadline: Instant::now() + time,
        host: Arc::new(Heard::default()),
    }
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
    fn artifact_read<'a>(&'a self, _: &'a str, _: u64, _: u32) -> BoxFuture<'a, Result<Vec<u8>, BrokerError>> {
        Box::pin(async { Err(BrokerError::Denied("none".to_owned())) })
    }
    fn dataset_count(&self) -> BoxFuture<'_, Result<u64, BrokerError>> {
        Box::pin(async { Err(BrokerError::Denied("none".to_owned())) })
    }
    fn dataset_read(&self, _: u64, _: u32) -> BoxFuture<'_, Result<Vec<String>, BrokerError>> {
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
