//! One call.
use omega_lane_wasm::{WasmLane, WasmLaneOptions};
fn main() {
    let lane = WasmLane::new(WasmLaneOptions::default());
    println!("{}", lane.is_ok());
}
