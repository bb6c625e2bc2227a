//! Guests written as component text, a host that records, and a lane to run them on.
#![allow(unreachable_pub, clippy::cast_possible_truncation, reason = "shared by tests and benches; small numbers")]

pub(crate) mod imports;
pub(crate) mod shapes;
pub(crate) mod wat;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use omega_contract::manifest::DeterminismMode;
use omega_contract::ports::{
    BoxFuture, BrokerError, GuestLogLevel, GuestOutput, GuestPayload, Host, Lane, LaneCall, LaneEnding, LaneLimits,
    LaneProgram, LaneRefusal, LaneReport, LaneRequest, ProgramExit, ReadyProgram,
};
use omega_contract::{Capability, ErrorCode, Payload, Sha256Hex};
use omega_lane_wasm::{WasmLane, WasmLaneOptions};

/// A lane with few places, quick to make.
pub(crate) fn lane() -> WasmLane {
    WasmLane::new(WasmLaneOptions { concurrent_calls_max: 8, ..WasmLaneOptions::default() }).unwrap()
}

/// A program of these bytes with the bounds of a usual gateway, holding nothing.
pub(crate) fn program(code: Vec<u8>) -> LaneProgram {
    LaneProgram {
        plugin_id: "test.guest".parse().unwrap(),
        package_digest: Sha256Hex::of(b"package"),
        entry: "plugin.wasm".to_owned(),
        code: code.into(),
        files: Arc::default(),
        environment: None,
        export: "handle".to_owned(),
        capabilities: [].into(),
        determinism: DeterminismMode::Deterministic,
        limits: LaneLimits {
            memory_bytes_max: 64 * 1024 * 1024,
            fuel_max: None,
            output_bytes_max: 1024 * 1024,
            log_bytes_max: 4 * 1024,
            host_calls_max: 10_000,
        },
    }
}

/// As [`program`], holding these capabilities.
pub(crate) fn program_with(code: Vec<u8>, capabilities: &[Capability]) -> LaneProgram {
    LaneProgram { capabilities: capabilities.iter().copied().collect(), ..program(code) }
}

/// A call with a text payload and ten seconds.
pub(crate) fn call(content: &str) -> LaneCall {
    call_on(content, Arc::new(RecordingHost::default()))
}

/// As [`call`], with this host.
pub(crate) fn call_on(content: &str, host: Arc<dyn Host>) -> LaneCall {
    LaneCall {
        request: Arc::new(request(Payload::text(content))),
        seed: [7; 32],
        deadline: Instant::now() + Duration::from_secs(10),
        host,
    }
}

pub(crate) fn request(payload: Payload) -> LaneRequest {
    LaneRequest {
        request_id: String::new(),
        run_id: String::new(),
        timestamp: "1970-01-01T00:00:00.000000Z".to_owned(),
        payload,
        context: BTreeMap::new(),
    }
}

/// The lane's answer to one call of a guest.
pub async fn run(lane: &WasmLane, program: &LaneProgram, call: LaneCall) -> LaneReport {
    prepare(lane, program).run(call).await
}

pub(crate) fn prepare(lane: &WasmLane, program: &LaneProgram) -> Arc<dyn ReadyProgram> {
    lane.prepare(program).unwrap()
}

/// The text that a call returned.
pub(crate) fn text(report: &LaneReport) -> &str {
    match &report.ending {
        LaneEnding::Finished(GuestOutput { payload: GuestPayload::Text { content, .. }, .. }) => content,
        other => panic!("no text: {other:?}, wrote {:?}", report.output_text),
    }
}

/// Reason, exit and detail of a call that failed.
pub(crate) fn failure(report: &LaneReport) -> (ErrorCode, ProgramExit, &str) {
    match &report.ending {
        LaneEnding::Failed { reason, exit, detail } => (*reason, *exit, detail),
        other => panic!("it did not fail: {other:?}"),
    }
}

/// Why a program is not taken.
pub(crate) fn refusal(result: Result<impl Sized, LaneRefusal>) -> (ErrorCode, String) {
    match result {
        Ok(_) => panic!("it was taken"),
        Err(refusal) => (refusal.code, refusal.detail),
    }
}

/// Records what it is asked and serves one artifact and three rows.
#[derive(Default)]
pub(crate) struct RecordingHost {
    pub(crate) asked: Mutex<Vec<String>>,
}

impl RecordingHost {
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn note(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }
}

pub(crate) const ARTIFACT: &[u8] = b"the bytes of the artifact";

impl Host for RecordingHost {
    fn artifact_size<'a>(&'a self, artifact_id: &'a str) -> BoxFuture<'a, Result<u64, BrokerError>> {
        Box::pin(async move {
            self.note(format!("size {artifact_id}"));
            match artifact_id {
                "denied" => Err(BrokerError::Denied("not this one".to_owned())),
                "never" => std::future::pending().await,
                _ => Ok(ARTIFACT.len() as u64),
            }
        })
    }

    fn artifact_read<'a>(
        &'a self,
        artifact_id: &'a str,
        offset_bytes: u64,
        length_bytes: u32,
    ) -> BoxFuture<'a, Result<Vec<u8>, BrokerError>> {
        Box::pin(async move {
            self.note(format!("read {artifact_id} {offset_bytes} {length_bytes}"));
            tokio::task::yield_now().await;
            Ok(ARTIFACT.iter().copied().skip(offset_bytes as usize).take(length_bytes as usize).collect())
        })
    }

    fn dataset_count(&self) -> BoxFuture<'_, Result<u64, BrokerError>> {
        Box::pin(async move {
            self.note("count".to_owned());
            Ok(3)
        })
    }

    fn dataset_read(&self, first: u64, rows_max: u32) -> BoxFuture<'_, Result<Vec<String>, BrokerError>> {
        Box::pin(async move {
            self.note(format!("rows {first} {rows_max}"));
            Ok((first..3).take(rows_max as usize).map(|row| format!("{{\"row\":{row}}}")).collect())
        })
    }

    fn log(&self, level: GuestLogLevel, message: &str) {
        self.note(format!("log {level:?} {message}"));
    }
}
