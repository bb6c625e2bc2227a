//! The layers in force, for people and for evidence.
//!
//! What never happens here: a claim that no other module of this room keeps.

use omega_contract::plugin_info::LaneKind;
use omega_contract::ports::{Enforcement, LaneDescription, Layer, LayerState};

use crate::options::{
    CORE_INSTANCES_MAX, HANDLES_MAX, MEMORIES_MAX, STACK_BYTES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX, TICK,
    WasmLaneOptions,
};

pub(crate) fn describe(options: &WasmLaneOptions) -> LaneDescription {
    LaneDescription {
        kind: LaneKind::Wasm,
        engine: format!("wasmtime {}", wasmtime_environ::VERSION),
        determinism: Enforcement::Enforced,
        layers: layers(options),
    }
}

fn layers(options: &WasmLaneOptions) -> Vec<Layer> {
    let rows: [(&'static str, &'static str, String); 12] = [
        (
            "fresh store per call",
            "a call sees nothing of another, or of an earlier one of itself",
            "pooled sandboxes, copy-on-write images, dropped after each call".to_owned(),
        ),
        (
            "linear memory isolation",
            "the guest reaches no memory but its own",
            "bounds by guard pages, signals made traps".to_owned(),
        ),
        (
            "linear memory limit",
            "memory bombs",
            format!("the program's limit, at most {} bytes, {MEMORIES_MAX} memories", options.memory_bytes_ceiling),
        ),
        ("table limit", "table bombs", format!("{TABLE_ELEMENTS_MAX} elements in {TABLES_MAX} tables")),
        ("stack limit", "endless recursion", format!("{STACK_BYTES_MAX} bytes")),
        (
            "epoch deadline",
            "endless loops, and waiting past the deadline",
            format!("looked at every {} µs, waiting cut by a timer", TICK.as_micros()),
        ),
        (
            "fuel",
            "computation past an exact bound, where the program has one",
            "a second engine, made when first needed".to_owned(),
        ),
        (
            "imports by capability",
            "reaching anything that was not granted",
            "any other import is refused when the plugin is registered".to_owned(),
        ),
        (
            "inert WASI 0.2",
            "environment, arguments, files, sockets, terminals",
            "empty, absent or refused; text bounded; clocks and randomness fixed for deterministic plugins".to_owned(),
        ),
        (
            "host call limits",
            "host-call floods, handle bombs, oversized results",
            format!("the program's count and bytes, {HANDLES_MAX} handles"),
        ),
        (
            "deterministic arithmetic",
            "results that depend on the machine",
            "NaN canonicalised, relaxed SIMD deterministic, threads left out".to_owned(),
        ),
        (
            "compile limits",
            "compile bombs",
            format!(
                "size and shape checked first, {} ms, {} at once, {CORE_INSTANCES_MAX} core instances",
                options.prepare_ms_max, options.concurrent_compiles_max
            ),
        ),
    ];
    rows.map(|(name, stops, how)| Layer { name, stops, state: LayerState::InForce(how) }).into()
}
