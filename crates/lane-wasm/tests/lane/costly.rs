//! The shapes that cost a compiler most, one for each of its passes and for each piece of code that it writes itself.
//!
//! `bombs` shows that each is refused past its bound; here each is admitted and its compilation ends, at a hundredth of
//! the bound, since this build's compiler is a slow one. `benches/compile.rs` runs them at the bound.

use omega_contract::ports::{Lane, LaneEnding};
use omega_lane_wasm::{WasmLane, WasmLaneOptions};

use crate::support::shapes::{
    active_elements, calls, entrances, joins, known_data, loops, operands, over, placed_data, plain, signatures, sum,
    targets, with,
};
use crate::support::wat::Guest;
use crate::support::{call, program, run};

/// It is admitted, compiled and called, by a lane with a single compiler that was not lost to the one before.
async fn check(name: &str, lane: &WasmLane, guest: Guest) {
    let program = program(guest.build());
    if let Err(refusal) = lane.prepare(&program) {
        panic!("{name}: {refusal}");
    }
    let ending = run(lane, &program, call("still well")).await.ending;
    assert!(matches!(ending, LaneEnding::Finished(_)), "{name}: {ending:?}");
}

#[tokio::test]
async fn what_is_admitted_is_compiled_to_its_end() {
    let cache = tempfile::tempdir().unwrap();
    let lane = WasmLane::new(WasmLaneOptions {
        // The second time, for the call, it is taken from here.
        cache_dir: Some(cache.path().join("cache")),
        concurrent_calls_max: 1,
        concurrent_compiles_max: 1,
        prepare_ms_max: 600_000,
        ..WasmLaneOptions::default()
    })
    .unwrap();
    let fill = "(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))";
    let shapes = [
        ("values merged in blocks", joins(100, 260)),
        ("values read in nested loops", loops(100, 160)),
        ("values that live over blocks", operands(100, 260)),
        ("values that live over calls", over(100, "(call $nothing)", 400)),
        ("values that live over lookups", over(100, "(call_indirect (i32.const 0))", 400)),
        ("values that live over table reads", over(100, "(drop (table.get 0 (i32.const 0)))", 400)),
        ("values that live over bulk operations", over(100, fill, 100)),
        ("targets of a branch", targets(400, 50)),
        ("values of a call", calls(4, 200)),
        ("plain code", plain(1, 2_000)),
        ("tiny functions", plain(80, 1)),
        ("signatures", signatures(2, 400)),
        ("ways in", entrances(2, 400)),
        ("data segments", with(&placed_data(160))),
        ("data at known places", known_data(20_000)),
        ("passive elements", with(&format!("(func $q) (elem func {})", "$q ".repeat(500)))),
        ("active elements", with(&active_elements(500))),
        ("globals", with(&"(global i32 (i32.const 1))".repeat(500))),
        ("a long constant", with(&sum(6_000))),
    ];
    for (name, guest) in shapes {
        check(name, &lane, guest).await;
    }
}
