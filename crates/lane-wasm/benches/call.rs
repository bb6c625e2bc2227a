//! What the lane adds to wasmtime: one call of a component through `ReadyProgram::run`, beside the same
//! component on the same kind of engine with nothing around it (new store, instantiate, call, drop).
//!
//! `cargo bench -p omega-lane-wasm --bench call [-- WORDS]`, with words only the guests whose name has them. Those that hold an
//! interpreter (`cargo xtask components`) are compiled once and then taken from a cache in `target/tmp`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot go on fails")]

mod raw;
#[path = "../tests/lane/support/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_contract::ports::{Lane, LaneCall, LaneEnding};
use omega_lane_wasm::{WasmLane, WasmLaneOptions};
use raw::Raw;
use support::wat::Guest;
use support::{RecordingHost, program, request};

const WARM_UP: usize = 500;
const ROUNDS: usize = 20_000;
/// Of a guest that takes milliseconds.
const ROUNDS_OF_INTERPRETERS: usize = 2_000;

/// Without `--bench` (as `cargo test` runs it) a few rounds show that it works.
fn is_measured() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// A guest, how often it is called, and how often in a row: one that takes milliseconds works on tens of megabytes, which
/// three copies of it in turn would take from each other's caches.
struct Case {
    name: String,
    code: Vec<u8>,
    rounds: usize,
    in_a_row: usize,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let options = WasmLaneOptions { cache_dir: Some(cache()), prepare_ms_max: 600_000, ..WasmLaneOptions::default() };
    let lane = WasmLane::new(options).unwrap();
    println!("{}, one thread, text of 4 KiB\n", lane.describe().engine);
    println!("{:<20} {:<12} {:>9} {:>9} {:>12} {:>8}", "guest", "", "p50 µs", "p99 µs", "lane - raw", "ratio");
    let words = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    for case in cases().into_iter().filter(|case| case.name.contains(&words)) {
        compare(&runtime, &lane, &case);
    }
}

/// Compiled code of both sides, which are set differently and do not find each other's.
fn cache() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled-by-bench")
}

/// The echo, and guests of `plugins/` where they were built (`cargo xtask guests`, `cargo xtask components`).
fn cases() -> Vec<Case> {
    let rounds = if is_measured() { ROUNDS } else { 10 };
    let mut cases = vec![Case { name: "echo (text)".to_owned(), code: Guest::echo().build(), rounds, in_a_row: 1 }];
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/packages/examples");
    let mut add = |name: &str, rounds, in_a_row| {
        let code = std::fs::read(folder.join(name).join("plugin.wasm")).ok();
        cases.extend(code.map(|code| Case { name: name.to_owned(), code, rounds, in_a_row }));
    };
    ["hello", "text-stats", "word-count"].into_iter().for_each(|name| add(name, rounds, 1));
    if is_measured() {
        // This build's compiler needs a minute for each; one that is not measured, many.
        ["word-count-python", "word-count-js"].into_iter().for_each(|name| add(name, ROUNDS_OF_INTERPRETERS, 50));
    }
    cases
}

fn compare(runtime: &tokio::runtime::Runtime, lane: &WasmLane, case: &Case) {
    let (rounds, program) = (case.rounds, &program(case.code.clone()));
    let content = "The quick brown fox jumps over the lazy dog, twice.\n".repeat(80);
    let request = Arc::new(request(omega_contract::Payload::text(&content[..4096])));
    let host = Arc::new(RecordingHost::default());
    let started = Instant::now();
    let ready = lane.prepare(program).unwrap();
    if started.elapsed() > Duration::from_secs(1) {
        println!("{:<20} made ready in {:.1} s", case.name, started.elapsed().as_secs_f64());
    }
    let raw = Raw::with_cache(program, Some(&cache()));
    let lane_call = || LaneCall {
        request: Arc::clone(&request),
        seed: [0; 32],
        deadline: Instant::now() + Duration::from_secs(10),
        host: host.clone(),
    };
    runtime.block_on(async {
        let mut took: [Vec<Duration>; 3] = std::array::from_fn(|_| Vec::with_capacity(rounds));
        let in_a_row = case.in_a_row;
        // In turn, so that whatever else the machine does strikes all alike.
        for round in 0..(WARM_UP.min(rounds) + rounds).div_ceil(in_a_row) {
            let keep = round * in_a_row >= WARM_UP.min(rounds);
            for (which, took) in took.iter_mut().enumerate() {
                for call in 0..in_a_row {
                    let started = Instant::now();
                    match which {
                        0 => raw.call(&content[..4096]),
                        1 => raw.call_async(&content[..4096]).await,
                        _ => {
                            let report = ready.run(lane_call()).await;
                            assert!(!matches!(report.ending, LaneEnding::Failed { .. }), "{report:?}");
                        }
                    }
                    // The first ones in a row warm it up.
                    if keep && call * 5 >= in_a_row - 1 {
                        took.push(started.elapsed());
                    }
                }
            }
        }
        show(&case.name, took);
    });
}

fn show(name: &str, mut took: [Vec<Duration>; 3]) {
    let [sync, fiber, lane] = took.each_mut().map(|times| percentiles(times));
    println!("{name:<20} {:<12} {:>9.2} {:>9.2}", "raw", sync.0, sync.1);
    println!("{:<20} {:<12} {:>9.2} {:>9.2}", "", "raw, async", fiber.0, fiber.1);
    println!(
        "{:<20} {:<12} {:>9.2} {:>9.2} {:>12.2} {:>8.3}",
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
