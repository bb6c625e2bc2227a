//! What the lane adds to wasmtime: one call of a component through `ReadyProgram::run`, beside the same
//! component on the same kind of engine with nothing around it (new store, instantiate, call, drop).
//!
//! `cargo bench -p omega-lane-wasm --bench call`

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot go on fails")]

mod raw;
#[path = "../tests/lane/support/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_contract::ports::{Lane, LaneCall, LaneEnding, LaneProgram};
use omega_lane_wasm::{WasmLane, WasmLaneOptions};
use raw::Raw;
use support::wat::Guest;
use support::{RecordingHost, program, request};

const WARM_UP: usize = 500;
const ROUNDS: usize = 20_000;

/// Without `--bench` (as `cargo test` runs it) a few rounds show that it works.
fn rounds() -> usize {
    if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 10 }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let lane = WasmLane::new(WasmLaneOptions::default()).unwrap();
    println!("{}, one thread, {} calls each, text of 4 KiB\n", lane.describe().engine, rounds());
    println!("{:<16} {:<16} {:>9} {:>9} {:>12} {:>8}", "guest", "", "p50 µs", "p99 µs", "lane - raw", "ratio");
    let mut guests = vec![("echo (text)".to_owned(), Guest::echo().build())];
    guests.extend(rust_guests());
    for (name, code) in guests {
        compare(&runtime, &lane, &name, &program(code));
    }
}

/// Guests of `plugins/`, where they were built (`cargo xtask guests`).
fn rust_guests() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/wasm32-wasip2/release");
    let read = |name: &str| Some((name.to_owned(), std::fs::read(folder.join(format!("{name}.wasm"))).ok()?));
    ["hello", "text_stats"].into_iter().filter_map(read).collect()
}

fn compare(runtime: &tokio::runtime::Runtime, lane: &WasmLane, name: &str, program: &LaneProgram) {
    let content = "The quick brown fox jumps over the lazy dog, twice.\n".repeat(80);
    let request = Arc::new(request(omega_contract::Payload::text(&content[..4096])));
    let host = Arc::new(RecordingHost::default());
    let ready = lane.prepare(program).unwrap();
    let raw = Raw::new(program);
    let lane_call = || LaneCall {
        request: Arc::clone(&request),
        seed: [0; 32],
        deadline: Instant::now() + Duration::from_secs(10),
        host: host.clone(),
    };
    runtime.block_on(async {
        let mut took: [Vec<Duration>; 3] = std::array::from_fn(|_| Vec::with_capacity(rounds()));
        // In turn, so that whatever else the machine does strikes all alike.
        for round in 0..WARM_UP + rounds() {
            let started = Instant::now();
            raw.call(&content[..4096]);
            let sync_done = Instant::now();
            raw.call_async(&content[..4096]).await;
            let async_done = Instant::now();
            let report = ready.run(lane_call()).await;
            let lane_done = Instant::now();
            assert!(!matches!(report.ending, LaneEnding::Failed { .. }), "{report:?}");
            if round >= WARM_UP {
                took[0].push(sync_done - started);
                took[1].push(async_done - sync_done);
                took[2].push(lane_done - async_done);
            }
        }
        show(name, took);
    });
}

fn show(name: &str, mut took: [Vec<Duration>; 3]) {
    let [sync, fiber, lane] = took.each_mut().map(|times| percentiles(times));
    println!("{name:<16} {:<16} {:>9.2} {:>9.2}", "raw", sync.0, sync.1);
    println!("{:<16} {:<16} {:>9.2} {:>9.2}", "", "raw, async", fiber.0, fiber.1);
    println!(
        "{:<16} {:<16} {:>9.2} {:>9.2} {:>12.2} {:>8.3}",
        "",
        "lane",
        lane.0,
        lane.1,
        lane.0 - sync.0,
        lane.0 / sync.0
    );
}

fn percentiles(times: &mut [Duration]) -> (f64, f64) {
    times.sort_unstable();
    let at = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1e6;
    (at(50), at(99))
}
