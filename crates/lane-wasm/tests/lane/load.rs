//! Many calls at once, calls that are given up, and calls that hog.

use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_contract::ports::{LaneCall, ProgramExit, ReadyProgram};
use omega_contract::{DeterminismMode, ErrorCode};
use omega_lane_wasm::{WasmLane, WasmLaneOptions};
use tokio::task::JoinSet;

use crate::support::imports::POLL;
use crate::support::wat::Guest;
use crate::support::{call, failure, lane, prepare, program, text};

fn narrow_lane() -> WasmLane {
    WasmLane::new(WasmLaneOptions { concurrent_calls_max: 1, ..WasmLaneOptions::default() }).unwrap()
}

fn spinner(lane: &WasmLane) -> Arc<dyn ReadyProgram> {
    prepare(lane, &program(Guest::new("(loop $for_ever (br $for_ever)) unreachable").build()))
}

fn sleeper(lane: &WasmLane) -> Arc<dyn ReadyProgram> {
    let mut program =
        program(Guest::new("(call $block (call $after (i64.const -1))) unreachable").import(POLL).build());
    program.determinism = DeterminismMode::Probabilistic;
    prepare(lane, &program)
}

fn echo(lane: &WasmLane) -> Arc<dyn ReadyProgram> {
    prepare(lane, &program(Guest::echo().build()))
}

fn deadline_in(duration: Duration) -> LaneCall {
    LaneCall { deadline: Instant::now() + duration, ..call("") }
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_calls_at_once_share_eight_places() {
    let lane = lane();
    let (echo, traps) = (echo(&lane), prepare(&lane, &program(Guest::new("unreachable").build())));
    let mut calls = JoinSet::new();
    for number in 0..1_000 {
        let ready = Arc::clone(if number % 4 == 0 { &traps } else { &echo });
        let call = LaneCall { deadline: Instant::now() + MINUTE, ..call(&number.to_string()) };
        calls.spawn(async move { (number, ready.run(call).await) });
    }
    while let Some(done) = calls.join_next().await {
        let (number, report) = done.unwrap();
        if number % 4 == 0 {
            assert_eq!(failure(&report).1, ProgramExit::Trap);
        } else {
            assert_eq!(text(&report), number.to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_given_up_leaves_its_place() {
    let lane = narrow_lane();
    let echo = echo(&lane);
    for hog in [spinner(&lane), sleeper(&lane)] {
        let task = tokio::spawn(async move { hog.run(deadline_in(MINUTE)).await });
        // While it holds the only place, nobody else gets one.
        while failure_or_text(&*echo, Duration::from_millis(5)).await.is_ok() {}
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(failure_or_text(&*echo, MINUTE).await, Ok(()));
    }
}

/// Whether a call of `ready` gets through within its deadline.
async fn failure_or_text(ready: &dyn ReadyProgram, wait: Duration) -> Result<(), ErrorCode> {
    let report = ready.run(deadline_in(wait)).await;
    match &report.ending {
        omega_contract::ports::LaneEnding::Finished(_) => Ok(()),
        _ => Err(failure(&report).0),
    }
}

#[tokio::test]
async fn waiting_for_a_place_ends_at_the_deadline() {
    let lane = narrow_lane();
    let (hog, echo) = (sleeper(&lane), echo(&lane));
    let hog = hog.run(deadline_in(MINUTE));
    tokio::select! {
        biased;
        _ = hog => panic!("the hog sleeps for a minute"),
        report = echo.run(deadline_in(Duration::from_millis(20))) => {
            let expect = (ErrorCode::Timeout, ProgramExit::Deadline, "no sandbox came free before the deadline");
            assert_eq!(failure(&report), expect);
        }
    }
}

#[tokio::test]
async fn a_busy_guest_lets_others_have_a_turn_on_its_thread() {
    let lane = lane();
    let (hog, echo) = (spinner(&lane), echo(&lane));
    // One thread, and the hog is polled first: only if it yields does the other ever run.
    tokio::select! {
        biased;
        _ = hog.run(deadline_in(MINUTE)) => panic!("the hog spins for a minute"),
        report = echo.run(deadline_in(MINUTE)) => assert_eq!(text(&report), ""),
    }
}

/// A guest that gives way and is at once ready again would keep the runtime from its timers and sockets for some 60 of
/// its slices.
#[tokio::test]
async fn a_busy_guest_gives_way_to_timers_and_sockets() {
    let lane = lane();
    let hog = spinner(&lane);
    let mut hog = hog.run(deadline_in(MINUTE));
    let mut slices = 0;
    let hog = std::future::poll_fn(|context| {
        slices += 1;
        hog.as_mut().poll(context)
    });
    let bell = async {
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        biased;
        _ = hog => panic!("the hog spins for a minute"),
        () = bell => {}
    }
    assert!(slices < 20 * 20, "{slices} slices in 20 times 1 ms");
}
