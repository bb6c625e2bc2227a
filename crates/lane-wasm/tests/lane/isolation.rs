//! INV-PNP-05 and INV-PNP-08: nothing of the machine, of another call or of an earlier one shows.

use omega_contract::DeterminismMode;

use crate::support::imports::{ENVIRONMENT, PREOPENS, STREAMS, TERMINAL};
use crate::support::wat::Guest;
use crate::support::{call, failure, lane, prepare, program, run, text};

#[tokio::test]
async fn inv_pnp_08_each_call_starts_from_the_same_state() {
    // A global, memory past the data, a table and the size of memory: all as they were.
    let body = "(global.set $count (i64.add (global.get $count) (i64.const 1)))
      (i64.store (i32.const 1000) (i64.add (i64.load (i32.const 1000)) (i64.const 10)))
      (drop (table.grow (ref.func $reply) (i32.const 1)))
      (drop (memory.grow (i32.const 1)))
      (i64.store8 (i32.const 17) (i64.const 0))
      (call $reply_i64 (i64.add
        (i64.add (global.get $count) (i64.load (i32.const 1000)))
        (i64.add (i64.mul (i64.const 100) (i64.extend_i32_u (table.size 0)))
                 (i64.mul (i64.const 1000) (i64.extend_i32_u (memory.size))))))";
    let items = "(global $count (mut i64) (i64.const 0)) (table 0 funcref) (elem declare func $reply)";
    let lane = lane();
    let program = program(Guest::new(body).items(items).build());
    let ready = prepare(&lane, &program);
    for _ in 0..50 {
        // The data segment holds "utf-8", of which the guest destroyed a byte the time before; the
        // encoding that it returns shows it.
        assert_eq!(text(&ready.run(call("")).await), "2111");
    }
}

#[tokio::test]
async fn inv_pnp_08_a_call_finds_nothing_of_one_that_trapped_or_of_another_program() {
    let lane = lane();
    let leaves = "(drop (memory.grow (i32.const 100)))
      (memory.fill (i32.const 300) (i32.const 0x5a) (i32.const 6000000)) unreachable";
    let leaves = prepare(&lane, &program(Guest::new(leaves).build()));
    // The sum of all bytes that nobody wrote.
    let seeks = "(drop (memory.grow (i32.const 100)))
      (local.set $a (i32.const 100000))
      (loop $next
        (local.set $n (i64.add (local.get $n) (i64.load (local.get $a))))
        (br_if $next (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 8))) (i32.const 6000000))))
      (call $reply_i64 (local.get $n))";
    let seeks = prepare(&lane, &program(Guest::new(seeks).build()));
    for _ in 0..20 {
        failure(&leaves.run(call("")).await);
        assert_eq!(text(&seeks.run(call("")).await), "0");
    }
}

#[tokio::test]
async fn inv_pnp_05_environment_arguments_folders_and_terminals_are_empty() {
    let body = "(call $environment (i32.const 120)) (call $arguments (i32.const 128)) (call $cwd (i32.const 136))
      (call $preopens (i32.const 148)) (call $terminal (i32.const 156))
      (call $reply_i64 (i64.extend_i32_u (i32.add
        (i32.add (i32.load (i32.const 124)) (i32.load (i32.const 132)))
        (i32.add (i32.load8_u (i32.const 136)) (i32.add (i32.load (i32.const 152)) (i32.load8_u (i32.const 156)))))))";
    // The process that runs this has an environment and arguments.
    assert!(std::env::vars().count() > 0 && std::env::args().count() > 0);
    let lane = lane();
    for determinism in [DeterminismMode::Deterministic, DeterminismMode::Probabilistic] {
        let mut program = program(Guest::new(body).import(ENVIRONMENT).import(PREOPENS).import(TERMINAL).build());
        program.determinism = determinism;
        let report = run(&lane, &program, call("")).await;
        assert_eq!((text(&report), report.facts["host_calls"].as_str()), ("0", "5"));
    }
}

#[tokio::test]
async fn inv_pnp_05_standard_input_is_closed() {
    let body = "(call $input (call $stdin) (i64.const 10) (i32.const 120))
      (call $reply_i64 (i64.extend_i32_u (i32.add
        (i32.mul (i32.const 10) (i32.load8_u (i32.const 120))) (i32.load8_u (i32.const 124)))))";
    // An error (1), and of its cases `closed` (1).
    let report = run(&lane(), &program(Guest::new(body).import(STREAMS).build()), call("")).await;
    assert_eq!(text(&report), "11");
}

#[tokio::test]
async fn standard_output_is_kept_apart_bounded_and_never_the_gateways() {
    let body = "(call $write (call $stdout) (i32.const 400) (i32.const 4000) (i32.const 120))
      (call $write (call $stdout) (i32.const 400) (i32.const 4000) (i32.const 120))
      (call $reply_i64 (i64.extend_i32_u (i32.load8_u (i32.const 120))))";
    let start = "(func $start (memory.fill (i32.const 400) (i32.const 120) (i32.const 4000))) (start $start)";
    let guest = Guest::new(body).items(start).import(STREAMS);
    let report = run(&lane(), &program(guest.build()), call("")).await;
    // The second write is dropped in part, and still it did not fail.
    assert_eq!(text(&report), "0");
    assert_eq!(report.output_text, "x".repeat(4_096));
    assert_eq!(report.facts["stdout_bytes_dropped"], (8_000 - 4_096).to_string());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn inv_pnp_05_no_descriptor_is_opened_for_a_guest() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let body = "(call $preopens (i32.const 120)) (drop (call $stdout)) (drop (call $stderr)) (drop (call $stdin))
      (call $reply (i32.const 0) (i32.const 0))";
    let ready = prepare(&lane(), &program(Guest::new(body).import(PREOPENS).import(STREAMS).build()));
    text(&ready.run(call("")).await);
    let before = open();
    for _ in 0..200 {
        text(&ready.run(call("")).await);
    }
    // Other tests of this process open and close some; 200 calls would leave far more.
    assert!(open() < before + 100);
}
