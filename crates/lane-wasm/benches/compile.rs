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
        shapes.push((format!("{locals} locals over {calls} calls"), over(locals, "call 0", calls)));
        let indirect = "(call_indirect (i32.const 0))";
        shapes.push((format!("{locals} locals over {calls} indirect calls"), over(locals, indirect, calls)));
        let get = "(drop (table.get 0 (i32.const 0)))";
        shapes.push((format!("{locals} locals over {calls} table reads"), over(locals, get, calls)));
    }
    let fill = "(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))";
    shapes.push(("500 locals over 1800 fills".to_owned(), over(500, fill, 1_800)));
    shapes.push(("15000 data segments".to_owned(), with(&r#"(data (i32.const 2000) "a")"#.repeat(15_000))));
    shapes
        .push(("50000 passive elements".to_owned(), with(&format!("(func $q) (elem func {})", "$q ".repeat(50_000)))));
    shapes.push(("50000 active elements".to_owned(), with(&active_elements(50_000))));
    shapes.push(("50000 globals".to_owned(), with(&"(global i32 (i32.const 1))".repeat(50_000))));
    shapes.push(("1900000 bytes of one constant".to_owned(), with(&sum(630_000))));
    shapes
}

fn with(items: &str) -> Guest {
    Guest::echo().items(items)
}

fn locals(count: usize) -> String {
    format!("(local {})", "i64 ".repeat(count))
}

/// Each join may come from two places, and all locals are changed before and read after all of them.
fn joins(count: usize, blocks: usize) -> Guest {
    let change: String =
        (0..count).map(|n| format!("(local.set {} (i64.load (i32.const {})))", n + 1, n * 8)).collect();
    let join: String = (0..blocks)
        .map(|n| {
            let local = n % count + 1;
            format!("(if (local.get 0) (then (local.set {local} (i64.mul (local.get {local}) (i64.const 3)))))")
        })
        .collect();
    let read: String = (0..count).map(|n| format!("(i64.store (i32.const {}) (local.get {}))", n * 8, n + 1)).collect();
    with(&format!("(func (param i32) {} {change} {join} {read})", locals(count)))
}

/// Locals read in the innermost of many loops.
fn loops(count: usize, depth: usize) -> Guest {
    let read: String = (0..count).map(|n| format!("(i64.store (i32.const {}) (local.get {}))", n * 8, n + 1)).collect();
    let ends: String = "(br_if 0 (local.get 0)) end ".repeat(depth);
    with(&format!("(func (param i32) {} {} {read} {ends})", locals(count), "loop ".repeat(depth)))
}

/// Values that stay on the operand stack while blocks come and go.
fn operands(count: usize, blocks: usize) -> Guest {
    let push: String = (0..count).map(|n| format!("(i64.load (i32.const {}))", n * 8)).collect();
    let block = "(if (local.get 0) (then (i64.store (i32.const 0) (i64.const 1))))".repeat(blocks);
    let pop = "(local.set 1) (i64.store (i32.const 8) (local.get 1))".repeat(count);
    with(&format!("(func (param i32) (local i64) {push} {block} {pop})"))
}

fn targets(count: usize, values: usize) -> Guest {
    let results = "i32 ".repeat(values);
    let push: String = (0..values).map(|n| format!("(i32.load (i32.const {}))", n * 4)).collect();
    with(&format!(
        "(type $many (func (result {results}))) (func (param i32) (block (type $many)
           (block (type $many) {push} (br_table {} 0 (local.get 0)))) {})",
        "0 1 ".repeat(count / 2),
        "drop ".repeat(values)
    ))
}

fn calls(count: usize, values: usize) -> Guest {
    let all = "i32 ".repeat(values);
    let push: String = (0..values).map(|n| format!("(i32.load (i32.const {}))", n * 4)).collect();
    with(&format!(
        "(type $many (func (param {all}) (result {all}))) (func $f (type $many) unreachable)
         (func {push} {} {})",
        "call $f ".repeat(count),
        "drop ".repeat(values)
    ))
}

fn plain(functions: usize, statements: usize) -> Guest {
    let statement = "(local.set 0 (i64.add (i64.mul (local.get 0) (i64.load (i32.const 80))) (i64.const 7)))";
    with(&format!("(func (param i64) {})", statement.repeat(statements)).repeat(functions))
}

/// Types of functions that are all different: the first parameters are the digits of a number.
fn signatures(count: usize, values: usize) -> Guest {
    let value = |number: usize, bit: usize| if bit < 16 && number >> bit & 1 == 1 { "i64 " } else { "i32 " };
    let signature = |number| (0..values).map(|bit| value(number, bit)).collect::<String>();
    with(&(0..count).map(|number| format!("(type (func (param {})))", signature(number))).collect::<String>())
}

/// Functions that can be reached from outside.
fn entrances(count: usize, values: usize) -> Guest {
    let functions: String = (0..count).map(|n| format!(r#"(func (export "e{n}") (type $entrance))"#)).collect();
    with(&format!("(type $entrance (func (param {}))) {functions}", "i32 ".repeat(values)))
}

/// Locals that live across many of this.
fn over(count: usize, what: &str, times: usize) -> Guest {
    let change: String =
        (0..count).map(|n| format!("(local.set {} (i64.load (i32.const {})))", n + 1, n * 8)).collect();
    let read: String = (0..count).map(|n| format!("(i64.store (i32.const {}) (local.get {}))", n * 8, n + 1)).collect();
    let what = what.replace("call 0", "call $nothing");
    let times = format!("{what} ").repeat(times);
    with(&format!("(table 1 funcref) (func $nothing) (func (param i32) {} {change} {times} {read})", locals(count)))
}

/// Elements whose place is not known before the module starts.
fn active_elements(count: usize) -> String {
    let place = "(offset (i32.add (i32.const 1) (i32.const 0)))";
    format!("(func $q) (table 65000 funcref) (elem (table 0) {place} func {})", "$q ".repeat(count))
}

/// One long constant expression.
fn sum(terms: usize) -> String {
    format!("(global i32 {} (i32.const 0) {})", "(i32.const 0) ".repeat(terms), "(i32.add) ".repeat(terms))
}
