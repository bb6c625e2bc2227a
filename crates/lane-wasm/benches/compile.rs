//! How long the costliest programs take to compile that `inspect` lets through: what the bounds in
//! `src/inspect/bounds.rs` are set by.
//!
//! `cargo bench -p omega-lane-wasm --bench compile`, with `-- WORDS` only the shapes whose name has them.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot go on fails")]

#[path = "../tests/lane/support/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod support;

use std::time::Instant;

use omega_contract::ports::Lane;
use omega_lane_wasm::{WasmLane, WasmLaneOptions};
use support::program;
use support::shapes::{
    active_elements, calls, entrances, joins, known_data, loops, operands, over, placed_data, plain, signatures, sum,
    targets, with,
};
use support::wat::Guest;

fn main() {
    let lane = WasmLane::new(WasmLaneOptions { prepare_ms_max: 600_000, ..WasmLaneOptions::default() }).unwrap();
    println!("{:<44} {:>10} {:>12} {:>12}  result", "program", "bytes", "inspect ms", "prepare ms");
    // Without `--bench` (as `cargo test` runs it) one shape shows that it works.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let words = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let chosen = shapes().into_iter().filter(|(name, _)| name.contains(&words));
    for (name, guest) in chosen.take(if measured { usize::MAX } else { 1 }) {
        let code = guest.build();
        let bytes = code.len();
        let program = program(code);
        let started = Instant::now();
        let inspected = lane.inspect(&program);
        let inspect_ms = started.elapsed().as_secs_f64() * 1e3;
        let started = Instant::now();
        let prepared = lane.prepare(&program).map(|_| ());
        let prepare_ms = started.elapsed().as_secs_f64() * 1e3;
        let result = inspected.and(prepared).map_or_else(|refusal| refusal.detail, |()| "ok".to_owned());
        println!("{name:<44} {bytes:>10} {inspect_ms:>12.1} {prepare_ms:>12.1}  {result}");
    }
}

/// Echo guests with further functions, each of a shape that costs more than its bytes suggest.
fn shapes() -> Vec<(String, Guest)> {
    let mut shapes = Vec::new();
    for (locals, blocks) in
        [(100, 10_000), (1_000, 1_000), (1_000, 4_000), (2_000, 4_000), (4_000, 2_000), (200, 39_000)]
    {
        shapes.push((format!("{locals} locals merged in {blocks} joins"), joins(locals, blocks)));
        shapes.push((format!("{locals} locals in {blocks} loops in each other"), loops(locals, blocks)));
        shapes.push((format!("{locals} operands over {blocks} blocks"), operands(locals, blocks)));
    }
    shapes.push(("1000 targets of 500 values".to_owned(), targets(1_000, 500)));
    shapes.push(("10000 targets of 500 values".to_owned(), targets(10_000, 500)));
    shapes.push(("1000 calls of 1000 values".to_owned(), calls(1_000, 1_000)));
    shapes.push(("plain code, 256 KiB in one function".to_owned(), plain(1, 32_000)));
    shapes.push(("plain code, 1 MiB in one function".to_owned(), plain(1, 130_000)));
    shapes.push(("plain code, 4 MiB in 1000 functions".to_owned(), plain(1_000, 500)));
    shapes.push(("tiny functions, 49000".to_owned(), plain(49_000, 1)));
    for (count, values) in [(5, 1_000), (25, 1_000), (2_000, 50), (15_000, 4)] {
        shapes.push((format!("{count} signatures of {values} values"), signatures(count, values)));
        shapes.push((format!("{count} functions of {values} values"), entrances(count, values)));
    }
    for (locals, calls) in [(100, 10_000), (1_000, 1_000), (2_000, 1_500)] {
        shapes.push((format!("{locals} locals over {calls} calls"), over(locals, "(call $nothing)", calls)));
        let indirect = "(call_indirect (i32.const 0))";
        shapes.push((format!("{locals} locals over {calls} indirect calls"), over(locals, indirect, calls)));
        let get = "(drop (table.get 0 (i32.const 0)))";
        shapes.push((format!("{locals} locals over {calls} table reads"), over(locals, get, calls)));
    }
    let fill = "(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))";
    shapes.push(("500 locals over 1800 fills".to_owned(), over(500, fill, 1_800)));
    shapes.push(("5000 data segments".to_owned(), with(&placed_data(5_000))));
    // As many as WebAssembly's validator takes.
    shapes.push(("100000 data segments at known places".to_owned(), known_data(100_000)));
    shapes
        .push(("10000 passive elements".to_owned(), with(&format!("(func $q) (elem func {})", "$q ".repeat(10_000)))));
    shapes.push(("10000 active elements".to_owned(), with(&active_elements(10_000))));
    shapes.push(("50000 globals".to_owned(), with(&"(global i32 (i32.const 1))".repeat(50_000))));
    shapes.push(("1900000 bytes of one constant".to_owned(), with(&sum(630_000))));
    shapes
}
