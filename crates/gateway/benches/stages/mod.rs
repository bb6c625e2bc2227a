//! Where each microsecond of a call goes: the stages one by one, on the same input.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_contract::manifest::SIGNATURE_FILE;
use omega_contract::ports::{GuestOutput, GuestPayload, LaneCall, LaneEnding, LaneRequest};
use omega_contract::{
    Clock as _, EventDraft, EventKind, Lane as _, Payload, Recorder as _, Sha256Hex, Timestamp, TrustedKey,
};
use omega_gateway::{OperatorKey, SystemClock, request, sign_package};
use omega_ledger::{Ledger, LedgerOptions};
use omega_proof::checkpoint::LogSigner;
use omega_proof::key::SecretKey;
use omega_validator::{
    Ceilings, HashedRequest, HeldData, Package, PackageFiles, Refusal, Unverified, Verified, check_output,
    check_request, verify_package,
};

use crate::{files, program, quantiles};

/// Prints the table.
pub(crate) fn table(text: &str, rounds: usize) {
    println!("where the time goes, p50 of {rounds} rounds each");
    let package = package();
    let held = package.manifest().capabilities.iter().copied().collect();
    let print = |stage: &str, took: Vec<Duration>| println!("{stage:<58} {:>8.2} µs", quantiles(took).0);

    print(
        "SHA-256 of the 4 KiB (once a call, not avoidable)",
        time(rounds, || Sha256Hex::of(black_box(text).as_bytes())),
    );
    print("request: ids, timestamp, copy of the text", time(rounds, || request(Payload::text(black_box(text)))));
    let make = || HashedRequest::new(request(Payload::text(text)));
    print("  + canonical form and input hash", time(rounds, make));
    let hashed = Arc::new(make());
    let check = || check_request(&package, &hashed, &held, Ceilings::default()).unwrap();
    print("input against the schema, capability, limits", time(rounds, check));
    let output = guest_output(text);
    print("sandbox: fresh store, call, drop", sandbox(text, rounds));
    let judge = || check_output(&package, output.clone(), &held, Ceilings::default(), &Nothing).unwrap();
    print("result: strict JSON, schema, output hash", time(rounds, judge));
    print("ledger: INVOKE and RESULT, written, acknowledged (relaxed)", ledger(rounds));
    println!();
}

struct Nothing;

impl HeldData for Nothing {
    fn artifact_hash(&self, _artifact_id: &str) -> Result<Option<Sha256Hex>, Refusal> {
        Ok(None)
    }

    fn has_dataset(&self, _source: &str) -> Result<bool, Refusal> {
        Ok(false)
    }
}

fn time<T>(rounds: usize, mut work: impl FnMut() -> T) -> Vec<Duration> {
    (0..rounds)
        .map(|_| {
            let started = Instant::now();
            black_box(work());
            started.elapsed()
        })
        .collect()
}

fn package() -> Verified<Package> {
    let mut files = files("examples/text-stats");
    let key = OperatorKey::generate().unwrap();
    let envelope = sign_package(&PackageFiles::new(files.clone()).unwrap(), &key).unwrap();
    files.insert(SIGNATURE_FILE.to_owned(), Arc::from(envelope));
    let trusted = TrustedKey {
        key_id: key.public().key_id(),
        public_key_pem: key.public().to_pem(),
        label: String::new(),
        plugins: Vec::new(),
        max_capabilities: None,
    };
    verify_package(Unverified(PackageFiles::new(files).unwrap()), &[trusted], Timestamp::EPOCH).unwrap()
}

fn lane_call(text: &str) -> LaneCall {
    let request = LaneRequest {
        request_id: String::new(),
        run_id: String::new(),
        timestamp: Timestamp::EPOCH.to_string(),
        payload: Payload::text(text),
        context: std::collections::BTreeMap::new(),
    };
    LaneCall {
        request: Arc::new(request),
        seed: [0; 32],
        deadline: Instant::now() + Duration::from_secs(10),
        host: Arc::new(NoBrokers),
    }
}

fn sandbox(text: &str, rounds: usize) -> Vec<Duration> {
    let lane = omega_lane_wasm::WasmLane::new(omega_lane_wasm::WasmLaneOptions::default()).unwrap();
    let ready = lane.prepare(&program("examples/text-stats")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut took = Vec::new();
        for _ in 0..rounds {
            let call = lane_call(text);
            let started = Instant::now();
            black_box(ready.run(call).await);
            took.push(started.elapsed());
        }
        took
    })
}

fn guest_output(text: &str) -> GuestOutput {
    let lane = omega_lane_wasm::WasmLane::new(omega_lane_wasm::WasmLaneOptions::default()).unwrap();
    let ready = lane.prepare(&program("examples/text-stats")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = runtime.block_on(ready.run(lane_call(text)));
    match report.ending {
        LaneEnding::Finished(output) => {
            assert!(matches!(output.payload, GuestPayload::Json { .. }));
            output
        }
        other => panic!("text-stats did not finish: {other:?}"),
    }
}

fn ledger(rounds: usize) -> Vec<Duration> {
    let folder = tempfile::tempdir().unwrap();
    let origin = "example.com/bench".parse().unwrap();
    let signer = Arc::new(LogSigner::new(origin, SecretKey::from_seed([7; 32])));
    let mut options = LedgerOptions::new(Arc::new(SystemClock::default()), signer);
    options.durability = omega_contract::proof_bundle::Durability::Relaxed;
    let ledger = Ledger::open(folder.path(), options).unwrap();
    let digest = Sha256Hex::of(b"x").to_string();
    let run_id: omega_contract::RunId = SystemClock::default().now().to_string().parse().unwrap();
    let draft = |kind| {
        EventDraft::of_run(kind, run_id.clone())
            .with("attempt", "1")
            .with("lane", "wasm")
            .with("manifest_hash", digest.as_str())
            .with("package_digest", digest.as_str())
            .with("step", "0")
            .with("duration_us", "50")
    };
    time(rounds, || {
        ledger.record(draft(EventKind::Invoke)).unwrap();
        let outcome = ledger.record(draft(EventKind::Result)).unwrap();
        futures_util::FutureExt::now_or_never(ledger.durable(outcome)).unwrap().unwrap();
    })
}

/// No broker answers: the plugin asks none.
struct NoBrokers;

impl omega_contract::Host for NoBrokers {
    fn artifact_size<'a>(
        &'a self,
        _artifact_id: &'a str,
    ) -> omega_contract::ports::BoxFuture<'a, Result<u64, omega_contract::ports::BrokerError>> {
        Box::pin(async { Err(omega_contract::ports::BrokerError::Denied(String::new())) })
    }

    fn artifact_read<'a>(
        &'a self,
        _artifact_id: &'a str,
        _offset_bytes: u64,
        _length_bytes: u32,
    ) -> omega_contract::ports::BoxFuture<'a, Result<Vec<u8>, omega_contract::ports::BrokerError>> {
        Box::pin(async { Err(omega_contract::ports::BrokerError::Denied(String::new())) })
    }

    fn dataset_count(&self) -> omega_contract::ports::BoxFuture<'_, Result<u64, omega_contract::ports::BrokerError>> {
        Box::pin(async { Err(omega_contract::ports::BrokerError::Denied(String::new())) })
    }

    fn dataset_read(
        &self,
        _first: u64,
        _rows_max: u32,
    ) -> omega_contract::ports::BoxFuture<'_, Result<Vec<String>, omega_contract::ports::BrokerError>> {
        Box::pin(async { Err(omega_contract::ports::BrokerError::Denied(String::new())) })
    }

    fn log(&self, _level: omega_contract::ports::GuestLogLevel, _message: &str) {}
}
