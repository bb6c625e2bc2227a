//! One wasmtime engine with its ticker and its places for calls.
//!
//! What never happens here: a feature or a limit that depends on the program.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use omega_contract::ErrorCode;
use omega_contract::ports::LaneRefusal;
use tokio::sync::Semaphore;
use wasmtime::{
    Cache, CacheConfig, Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    Strategy, WasmBacktraceDetails, WasmFeatures,
};

use crate::inspect::FEATURES;
use crate::options::{
    CORE_INSTANCES_MAX, INSTANCE_BYTES_MAX, MEMORIES_MAX, SPARSE_IMAGE_BYTES_MAX, STACK_BYTES_MAX, TABLE_ELEMENTS_MAX,
    TABLES_MAX, WasmLaneOptions,
};
use crate::ticker::Ticker;

/// Bytes of a fiber's stack: the guest's share, and room for the host functions that run on top of it.
const FIBER_BYTES: usize = STACK_BYTES_MAX + 1536 * 1024;
/// Bytes at the start of a used linear memory that are reset by copying instead of being given back.
const MEMORY_BYTES_KEPT: usize = 512 * 1024;
/// Bytes of a used table that are reset by clearing instead of being given back.
const TABLE_BYTES_KEPT: usize = 32 * 1024;
/// Functions in a backtrace.
const BACKTRACE_FRAMES_MAX: usize = 16;
/// Used places that stay mapped for the program that used them last.
const WARM_PLACES_MAX: u32 = 16;

/// An engine and what belongs to it.
pub(crate) struct Machine {
    pub(crate) engine: Engine,
    pub(crate) ticker: Ticker,
    /// As many permits as the pool has places: with one in hand, instantiating never finds it empty.
    pub(crate) places: Semaphore,
    /// Whether code of this engine counts fuel.
    pub(crate) counting: Counting,
}

/// Whether an engine counts fuel. Counting slows code down, so it has an engine of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    /// Time alone bounds a call.
    Time,
    /// Fuel bounds a call, and time.
    Fuel,
}

impl Machine {
    /// Makes the engine and reserves its pool of sandboxes (address space, not memory).
    ///
    /// # Errors
    /// `lane_unavailable`: this machine cannot give what the pool needs.
    pub(crate) fn new(
        options: &WasmLaneOptions,
        cache: Option<Cache>,
        counting: Counting,
    ) -> Result<Self, LaneRefusal> {
        let engine = Engine::new(&config(options, cache, counting)?).map_err(|error| unavailable("engine", &error))?;
        let ticker = Ticker::start(engine.clone()).map_err(|error| unavailable("epoch ticker", &error))?;
        let places = Semaphore::new(options.concurrent_calls_max as usize);
        Ok(Self { engine, ticker, places, counting })
    }
}

fn config(options: &WasmLaneOptions, cache: Option<Cache>, counting: Counting) -> Result<Config, LaneRefusal> {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .cache(cache)
        // Time: checked at every loop and call.
        .epoch_interruption(true)
        .consume_fuel(counting == Counting::Fuel)
        // The same input gives the same bits on every machine (INV-PNP-03).
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // A guest overflows its own stack before the fiber's end.
        .max_wasm_stack(STACK_BYTES_MAX)
        .async_stack_size(FIBER_BYTES)
        // What no compiler of plugins needs is not there to be attacked; most of it is not even built.
        .wasm_features(WasmFeatures::all().difference(FEATURES), false)
        .wasm_features(FEATURES, true)
        .shared_memory(false)
        .concurrency_support(false)
        // Images: copy-on-write; `inspect` bounds how large they are together.
        .memory_init_cow(true)
        .memory_guaranteed_dense_image_size(SPARSE_IMAGE_BYTES_MAX)
        // Nobody debugs here; what is not generated costs no memory.
        .debug_info(false)
        .generate_address_map(false)
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES_MAX))
        // Otherwise an environment variable decides.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)?));
    Ok(config)
}

fn pool(options: &WasmLaneOptions) -> Result<PoolingAllocationConfig, LaneRefusal> {
    let calls = options.concurrent_calls_max;
    let places = |each: u32| calls.checked_mul(each).ok_or_else(|| refused("concurrent_calls_max is too large"));
    let memory_bytes_max =
        usize::try_from(options.memory_bytes_ceiling).map_err(|_| refused("memory_bytes_ceiling is too large"))?;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .total_core_instances(places(CORE_INSTANCES_MAX)?)
        .total_memories(places(MEMORIES_MAX)?)
        .total_tables(places(TABLES_MAX)?)
        .total_stacks(calls)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_memories_per_module(MEMORIES_MAX)
        .max_tables_per_module(TABLES_MAX)
        .max_component_instance_size(INSTANCE_BYTES_MAX)
        .max_core_instance_size(INSTANCE_BYTES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_memory_size(memory_bytes_max)
        .max_unused_warm_slots(WARM_PLACES_MAX)
        .linear_memory_keep_resident(MEMORY_BYTES_KEPT)
        .table_keep_resident(TABLE_BYTES_KEPT)
        .pagemap_scan(Enabled::Auto);
    Ok(pool)
}

/// Opens wasmtime's own cache of compiled code.
///
/// # Errors
/// `lane_unavailable`: the folder cannot be made, or others can write to it.
pub(crate) fn open_cache(dir: &Path) -> Result<Cache, LaneRefusal> {
    let dir: PathBuf = std::path::absolute(dir).map_err(|error| unavailable("compile cache", &error))?;
    make_private_dir(&dir).map_err(|error| unavailable("compile cache", &error))?;
    let mut config = CacheConfig::new();
    config.with_directory(dir);
    Cache::new(config).map_err(|error| unavailable("compile cache", &error))
}

/// Code in this folder is run without a sandbox: whoever can write to it owns the gateway.
#[cfg(unix)]
fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let found = std::fs::metadata(dir)?;
    let me = rustix::process::geteuid().as_raw();
    if found.uid() != me && found.uid() != 0 {
        return Err(std::io::Error::other(format!("it belongs to another user ({})", found.uid())));
    }
    if found.mode() & 0o022 != 0 {
        return Err(std::io::Error::other(format!("others can write to it (mode {:03o})", found.mode() & 0o777)));
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)
}

/// A layer that this machine does not give.
pub(crate) fn unavailable(layer: &str, cause: &dyn std::fmt::Display) -> LaneRefusal {
    LaneRefusal { code: ErrorCode::LaneUnavailable, detail: format!("wasm lane, {layer}: {cause}") }
}

fn refused(why: &str) -> LaneRefusal {
    unavailable("options", &why)
}
