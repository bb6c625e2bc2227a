//! How calls end, told apart, and that the lane is as good as new after each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_contract::ports::{LaneCall, LaneEnding, LaneProgram, ProgramExit};
use omega_contract::{Capability, ErrorCode};
use omega_lane_wasm::WasmLane;

use crate::support::imports::{ARTIFACTS, BROKER, CLOCKS, EXIT, LOG, POLL, STREAMS};
use crate::support::wat::Guest;
use crate::support::{RecordingHost, call, call_on, failure, lane, prepare, program, program_with, run, text};

/// Runs the guest, compares its ending, and then that the lane still works and holds nothing of it.
async fn check(lane: &WasmLane, program: &LaneProgram, expect: (ErrorCode, ProgramExit), detail: &str) {
    check_call(lane, program, || call("input"), expect, detail).await;
}

/// As [`check`], with the call made once the program is compiled: a deadline counts from then.
async fn check_call(
    lane: &WasmLane,
    program: &LaneProgram,
    call: impl FnOnce() -> LaneCall,
    expect: (ErrorCode, ProgramExit),
    detail: &str,
) {
    let ready = prepare(lane, program);
    let report = ready.run(call()).await;
    let (reason, exit, got) = failure(&report);
    assert_eq!((reason, exit), expect, "{got}");
    assert!(got.contains(detail), "{got:?} says nothing of {detail:?}");
    let echo = crate::support::program(Guest::echo().build());
    assert_eq!(text(&run(lane, &echo, crate::support::call("still well")).await), "still well");
}

fn deadline_in(ms: u64) -> LaneCall {
    LaneCall { deadline: Instant::now() + Duration::from_millis(ms), ..call("input") }
}

const TRAP: (ErrorCode, ProgramExit) = (ErrorCode::PluginTrap, ProgramExit::Trap);
const BROKEN: (ErrorCode, ProgramExit) = (ErrorCode::PluginTrap, ProgramExit::ProtocolViolation);
const MEMORY: (ErrorCode, ProgramExit) = (ErrorCode::MemoryLimit, ProgramExit::OutOfMemory);
const DEADLINE: (ErrorCode, ProgramExit) = (ErrorCode::Timeout, ProgramExit::Deadline);

const SPIN: &str = "(loop $for_ever (br $for_ever)) unreachable";

#[tokio::test]
async fn traps_are_told_by_their_kind() {
    let lane = lane();
    let cases = [
        ("unreachable", "unreachable"),
        ("(i32.div_s (i32.const 1) (i32.const 0))", "divide by zero"),
        ("(i32.load (i32.const -4))", "out of bounds memory access"),
        ("(call_indirect (result i32) (i32.const 7))", "undefined element"),
        ("(call_indirect (result i32) (i32.const 0))", "uninitialized element"),
        ("(i32.trunc_f32_s (f32.const nan))", "invalid conversion to integer"),
        ("(call $deeper)", "call stack exhausted"),
    ];
    for (body, detail) in cases {
        let items = "(table 1 funcref) (func $deeper (result i32) (i32.add (call $deeper) (i32.const 1)))";
        check(&lane, &program(Guest::new(body).items(items).build()), TRAP, detail).await;
    }
}

#[tokio::test]
async fn a_trap_in_the_start_function_is_a_trap() {
    let guest = Guest::echo().items("(func $start unreachable) (start $start)");
    check(&lane(), &program(guest.build()), TRAP, "unreachable").await;
}

#[tokio::test]
async fn a_trap_brings_the_last_words_of_standard_error() {
    let body = "(call $write (call $stderr) (i32.const 400) (i32.const 20) (i32.const 120)) unreachable";
    let guest = Guest::new(body).items(r#"(data (i32.const 400) "panicked at 'reason'")"#).import(STREAMS);
    check(&lane(), &program(guest.build()), TRAP, "unreachable` instruction executed; panicked at 'reason'").await;
}

#[tokio::test]
async fn a_trap_brings_a_bounded_backtrace() {
    let name = "long_".repeat(100);
    let items = format!("(func ${name} (result i32) unreachable)");
    let report = run(&lane(), &program(Guest::new(&format!("(call ${name})")).items(&items).build()), call("")).await;
    let lines: Vec<_> = report.output_text.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].ends_with(&name[..128]) && !lines[0].contains(&name[..129]), "{lines:?}");
    let deep = "(func $deeper (result i32) (i32.add (call $deeper) (i32.const 1)))";
    let report = run(&lane(), &program(Guest::new("(call $deeper)").items(deep).build()), call("")).await;
    assert_eq!(report.output_text, "  in function 4 deeper\n".repeat(16));
}

#[tokio::test]
async fn memory_past_the_limit_is_refused_and_named_when_it_kills() {
    let lane = lane();
    // The guest sees -1 and goes on.
    let asks = "(call $reply_i64 (i64.extend_i32_s (i32.eq (memory.grow (i32.const 1024)) (i32.const -1))))";
    let report = run(&lane, &program(Guest::new(asks).build()), call("")).await;
    assert_eq!((text(&report), report.facts["memory_bytes_peak"].as_str()), ("1", "65536"));
    // One page less is granted: 64 MiB are 1,024 pages.
    let asks = "(call $reply_i64 (i64.extend_i32_s (memory.grow (i32.const 1023))))";
    let report = run(&lane, &program(Guest::new(asks).build()), call("")).await;
    assert_eq!((text(&report), report.facts["memory_bytes_peak"].as_str()), ("1", "67108864"));
    // The guest cannot do without.
    let dies = "(if (i32.eq (memory.grow (i32.const 1024)) (i32.const -1)) (then unreachable)) (i32.const 0)";
    check(&lane, &program(Guest::new(dies).build()), MEMORY, "67108864 bytes").await;
    let starts_too_large = Guest::echo().memory("1025");
    check(&lane, &program(starts_too_large.build()), MEMORY, "67108864 bytes").await;
}

#[tokio::test]
async fn memory_is_bounded_over_all_calls_of_grow() {
    let body = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable";
    let mut program = program(Guest::new(body).build());
    program.limits.memory_bytes_max = 10 * 65_536;
    let lane = lane();
    check(&lane, &program, MEMORY, "655360 bytes").await;
    assert_eq!(run(&lane, &program, call("")).await.facts["memory_bytes_peak"], "655360");
}

#[tokio::test]
async fn tables_are_bounded() {
    let grows = "(drop (table.grow (ref.null func) (i32.const 65535)))
                 (if (i32.eq (table.grow (ref.null func) (i32.const 1)) (i32.const -1)) (then unreachable))
                 (call $reply (i32.const 0) (i32.const 0))";
    let lane = lane();
    let holds = program(Guest::new(grows).items("(table 0 funcref)").build());
    assert_eq!(text(&run(&lane, &holds, call("")).await), "");
    check(&lane, &program(Guest::new(grows).items("(table 1 funcref)").build()), MEMORY, "").await;
}

#[tokio::test]
async fn fuel_bounds_computation() {
    let lane = lane();
    let mut endless = program(Guest::new(SPIN).build());
    endless.limits.fuel_max = Some(100_000);
    check(&lane, &endless, (ErrorCode::CpuLimit, ProgramExit::CpuLimit), "fuel").await;
    assert_eq!(run(&lane, &endless, call("")).await.facts["fuel_used"], "100000");
    let mut echo = program(Guest::echo().build());
    echo.limits.fuel_max = Some(100_000);
    let used = run(&lane, &echo, call("x")).await.facts["fuel_used"].clone();
    assert_eq!(run(&lane, &echo, call("x")).await.facts["fuel_used"], used);
    // What it used is enough. Fuel is looked at where functions and loops begin, so some less is enough
    // too, but always the same: a bound in fuel ends a deterministic plugin at the same place everywhere.
    let used: u64 = used.parse().unwrap();
    let mut least = Vec::new();
    for _ in 0..2 {
        let (mut too_little, mut enough) = (0, used);
        while too_little + 1 < enough {
            let middle = u64::midpoint(too_little, enough);
            echo.limits.fuel_max = Some(middle);
            match run(&lane, &echo, call("x")).await.ending {
                LaneEnding::Finished(_) => enough = middle,
                LaneEnding::Failed { reason: ErrorCode::CpuLimit, .. } => too_little = middle,
                other => panic!("{other:?}"),
            }
        }
        least.push(enough);
    }
    assert_eq!(least[0], least[1]);
    assert!(least[0] > used / 2, "{least:?} of {used}");
}

#[tokio::test]
async fn a_guest_that_exits_reported_a_failure_of_its_own() {
    for (status, detail) in [(0, "exit(0)"), (1, "exit(1)")] {
        let guest = Guest::new(&format!("(call $exit (i32.const {status})) unreachable")).import(EXIT);
        check(&lane(), &program(guest.build()), (ErrorCode::PluginError, ProgramExit::PluginError), detail).await;
    }
}

#[tokio::test]
async fn a_busy_loop_is_stopped_at_its_deadline() {
    let lane = lane();
    let program = program(Guest::new(SPIN).build());
    let started = Instant::now();
    check_call(&lane, &program, || deadline_in(50), DEADLINE, "deadline").await;
    assert!(started.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn an_endless_start_function_and_an_endless_allocator_are_stopped() {
    let lane = lane();
    let start = Guest::echo().items(&format!("(func $start {SPIN}) (start $start)"));
    check_call(&lane, &program(start.build()), || deadline_in(20), DEADLINE, "deadline").await;
    let allocator = Guest::echo().text().replace(
        "(func (export \"realloc\") (param i32 i32 i32 i32) (result i32)",
        &format!("(func (export \"realloc\") (param i32 i32 i32 i32) (result i32) {SPIN})\n (func (param i32 i32 i32 i32) (result i32)"),
    );
    check_call(&lane, &program(wat::parse_str(allocator).unwrap()), || deadline_in(20), DEADLINE, "deadline").await;
}

#[tokio::test]
async fn a_waiting_guest_is_stopped_at_its_deadline() {
    let lane = lane();
    let bodies = [
        // An hour, and for ever.
        "(call $block (call $after (i64.const 3600000000000))) unreachable",
        "(call $block (call $after (i64.const -1))) unreachable",
        "(i32.store (i32.const 400) (call $after (i64.const -1)))
         (call $poll (i32.const 400) (i32.const 1) (i32.const 120)) unreachable",
    ];
    for body in bodies {
        let mut program = program(Guest::new(body).import(POLL).build());
        program.determinism = omega_contract::DeterminismMode::Probabilistic;
        check_call(&lane, &program, || deadline_in(20), DEADLINE, "deadline").await;
    }
}

#[tokio::test]
async fn a_slow_host_does_not_outlast_the_deadline() {
    let guest = Guest::new("(call $size (local.get $content) (local.get $length) (i32.const 120)) unreachable");
    let program = program_with(guest.import(BROKER).import(ARTIFACTS).build(), &[Capability::ReadBinaryRef]);
    let host = Arc::new(RecordingHost::default());
    let call = || LaneCall { deadline: deadline_in(20).deadline, ..call_on("never", host.clone()) };
    check_call(&lane(), &program, call, DEADLINE, "deadline").await;
    assert_eq!(host.asked(), ["size never"]);
}

#[tokio::test]
async fn a_deadline_in_the_past_runs_nothing() {
    let guest =
        Guest::new("(call $log (i32.const 1) (local.get $content) (local.get $length)) unreachable").import(LOG);
    let host = Arc::new(RecordingHost::default());
    let call = || LaneCall { deadline: Instant::now(), ..call_on("", host.clone()) };
    check_call(&lane(), &program(guest.build()), call, DEADLINE, "deadline").await;
    assert!(host.asked().is_empty());
}

#[tokio::test]
async fn host_calls_are_bounded() {
    const FLOOD: (ErrorCode, ProgramExit) = (ErrorCode::PluginError, ProgramExit::ProtocolViolation);
    let lane = lane();
    let calls = |times: u32, one: &str| {
        format!(
            "(local.set $a (i32.const {times}))
             (loop $again {one} (br_if $again (local.tee $a (i32.sub (local.get $a) (i32.const 1)))))
             (call $reply (i32.const 0) (i32.const 0))"
        )
    };
    let log = "(call $log (i32.const 0) (i32.const 0) (i32.const 0))";
    let wall = "(call $wall (i32.const 120))";
    for (one, import) in [(log, LOG), (wall, CLOCKS)] {
        let at_the_limit = program(Guest::new(&calls(10_000, one)).import(import).build());
        assert_eq!(text(&run(&lane, &at_the_limit, call("")).await), "");
        let past_it = program(Guest::new(&calls(10_001, one)).import(import).build());
        check(&lane, &past_it, FLOOD, "more than 10000 calls").await;
        let endless = program(Guest::new(&calls(0, one)).import(import).build());
        check(&lane, &endless, FLOOD, "more than 10000 calls").await;
    }
}

#[tokio::test]
async fn handles_are_bounded() {
    let guest = Guest::new("(loop $more (drop (call $stdout)) (br $more)) unreachable").import(STREAMS);
    check(&lane(), &program(guest.build()), BROKEN, "").await;
}

#[tokio::test]
async fn results_are_bounded_as_they_are_handed_over() {
    let lane = lane();
    let reply =
        |length: u32| format!("(drop (memory.grow (i32.const 40))) (call $reply (i32.const 0) (i32.const {length}))");
    let mut program = program(Guest::new(&reply(1024 * 1024)).build());
    assert_eq!(text(&run(&lane, &program, call("")).await).len(), 1024 * 1024);
    program.code = Guest::new(&reply(1024 * 1024 + 65_536 + 1)).build().into();
    let expect = (ErrorCode::OutputTooLarge, ProgramExit::ProtocolViolation);
    check(&lane, &program, expect, "more bytes at once").await;
    // So is a list of a billion pairs that is not there.
    let list = "(drop (call $reply (i32.const 0) (i32.const 0)))
      (i32.store (i32.const 92) (i32.const 1000000000)) (i32.const 64)";
    program.code = Guest::new(list).build().into();
    let report = run(&lane, &program, call("")).await;
    assert_eq!(failure(&report).1, ProgramExit::ProtocolViolation);
}

#[tokio::test]
async fn a_broken_canonical_abi_is_a_protocol_violation() {
    let lane = lane();
    let cases = [
        ("(i32.const -4)", "out of bounds"),
        ("(i32.const 63)", "aligned"),
        ("(call $reply (i32.const -1) (i32.const 9))", "out of bounds"),
        ("(call $reply (i32.const 0) (i32.const 0x7fffffff))", "out of bounds"),
        ("(i32.store8 (i32.const 400) (i32.const 0xff)) (call $reply (i32.const 400) (i32.const 1))", "utf-8"),
        (
            "(drop (call $reply (i32.const 0) (i32.const 0))) (i32.store8 (i32.const 68) (i32.const 9)) (i32.const 64)",
            "",
        ),
    ];
    for (body, detail) in cases {
        check(&lane, &program(Guest::new(body).build()), BROKEN, detail).await;
    }
}

#[tokio::test]
async fn a_declined_input_is_no_failure() {
    let guest = Guest::new("(call $refuse (i32.const 16) (i32.const 5) (local.get $content) (local.get $length))");
    let got = run(&lane(), &program(guest.build()), call("the message")).await.ending;
    assert_eq!(got, LaneEnding::Declined { code: "utf-8".to_owned(), message: "the message".to_owned() });
}

#[tokio::test]
async fn details_are_bounded() {
    let body =
        "(loop $more (call $write (local.tee $b (call $stderr)) (i32.const 400) (i32.const 4000) (i32.const 120))
      (br_if $more (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 1))) (i32.const 20)))) unreachable";
    let guest = Guest::new(body)
        .items("(func $start (memory.fill (i32.const 400) (i32.const 120) (i32.const 4000))) (start $start)");
    let report = run(&lane(), &program(guest.import(STREAMS).build()), call("")).await;
    assert_eq!(failure(&report).2.len(), 2_048);
    let kept = "x".repeat(4_096);
    assert!(report.output_text.starts_with(&kept));
    assert!(report.output_text.len() < kept.len() + 200, "{}", report.output_text);
    assert_eq!(report.facts["stderr_bytes_dropped"], (20 * 4_000 - 4_096).to_string());
}
