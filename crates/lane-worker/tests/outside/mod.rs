//! What is seen of a lane from outside, for the corpus, the layer tests and others: programs, the host's state before and after.
#![allow(dead_code, reason = "each test target uses a part")]

pub(crate) mod host;
pub(crate) mod programs;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_contract::Payload;
use omega_contract::ports::{Host, LaneCall, LaneRequest};
use omega_lane_worker::{HelperProgram, WorkerLaneOptions};

/// Threads that a program may have where a control group bounds them (`limits::THREADS_MAX`, the init among them).
pub(crate) const THREADS_MAX: u64 = 34;

/// A lane of the test's own.
pub(crate) fn options() -> WorkerLaneOptions {
    WorkerLaneOptions {
        helper: HelperProgram::At(programs::helper()),
        ready_max: 1,
        idle_max: Duration::from_secs(600),
        ..WorkerLaneOptions::default()
    }
}

/// A call with this payload, which has so long.
pub(crate) fn call(payload: Payload, time: Duration, host: Arc<dyn Host>) -> LaneCall {
    let request = LaneRequest {
        request_id: "request".to_owned(),
        run_id: "run".to_owned(),
        timestamp: "2026-01-01T00:00:00.000000Z".to_owned(),
        payload,
        context: BTreeMap::new(),
    };
    LaneCall { request: Arc::new(request), seed: [7; 32], deadline: Instant::now() + time, host }
}
