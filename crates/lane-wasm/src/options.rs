//! The bounds of the lane. Per-call bounds come with the program (`LaneLimits`); these hold for the
//! whole lane.
//!
//! What never happens here: a value that takes a layer away.

use std::path::PathBuf;
use std::time::Duration;

/// Calls that run at the same time; a further one waits for a sandbox until its deadline.
pub const CONCURRENT_CALLS_MAX: u32 = 256;
/// Bytes of linear memory that any program may be given, whatever its limits say.
pub const MEMORY_BYTES_CEILING: u64 = 1024 * 1024 * 1024;
/// Bytes of WebAssembly stack.
pub const STACK_BYTES_MAX: usize = 512 * 1024;
/// Elements of all tables of a call together.
pub const TABLE_ELEMENTS_MAX: usize = 65_536;
/// Core instances of one component. A component of Python has 38: its libraries are modules, and so is each stub of a
/// WASI interface.
pub const CORE_INSTANCES_MAX: u32 = 64;
/// Linear memories of one component.
pub const MEMORIES_MAX: u32 = 2;
/// Tables of one component.
pub const TABLES_MAX: u32 = 8;
/// Bytes of the image of a memory that is mapped into each call although less than half of it is data. The heap of an
/// interpreter that was started when the component was built: JavaScript's has 2.8 MB of data in 9.5, Python's 11 in 20.
pub const SPARSE_IMAGE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Bytes of bookkeeping that wasmtime holds for one component instance.
pub const INSTANCE_BYTES_MAX: usize = 1024 * 1024;
/// Resource handles that a guest may hold at the same time.
pub const HANDLES_MAX: usize = 1_024;
/// Random bytes that one call to the host may ask for.
pub const RANDOM_BYTES_MAX: u64 = 1024 * 1024;
/// Bytes that a guest may hand over in one call to its host or in its result, on top of the
/// program's `output_bytes_max`: room for the records around the text.
pub const TRANSFER_BYTES_MARGIN: u64 = 64 * 1024;
/// Bytes of a failure's `detail`.
pub const DETAIL_BYTES_MAX: usize = 2 * 1024;
/// How often a running guest's deadline is looked at.
pub const TICK: Duration = Duration::from_micros(500);
/// The tick at which a guest gives way for the first time, after 1 to 1.5 ms; then at each. Most calls are over by then:
/// a tick that comes in their midst is no reason to wait for a slice of each other call.
pub const FREE_TICKS: u64 = 3;

/// Milliseconds that a program may take to be compiled: three times what the costliest admitted code takes on a machine that does nothing else.
pub const PREPARE_MS_MAX: u64 = 180_000;

/// How a lane is set up.
#[derive(Debug, Clone)]
pub struct WasmLaneOptions {
    /// Where compiled code is kept, an absolute path; none: each start compiles anew. The folder is made
    /// with mode 0700 and refused if others can write to it, for what is in it is run.
    pub cache_dir: Option<PathBuf>,
    /// Calls that run at the same time; a further one waits for a sandbox until its deadline.
    pub concurrent_calls_max: u32,
    /// Bytes of linear memory that any program may be given, whatever its limits say.
    pub memory_bytes_ceiling: u64,
    /// Milliseconds that [`prepare`](omega_contract::Lane::prepare) may take, waiting for its turn included. The costliest code that `inspect` lets through
    /// takes one; the rest is for a busy machine.
    pub prepare_ms_max: u64,
    /// Programs that are compiled at the same time.
    pub concurrent_compiles_max: u32,
}

impl Default for WasmLaneOptions {
    fn default() -> Self {
        Self {
            cache_dir: None,
            concurrent_calls_max: CONCURRENT_CALLS_MAX,
            memory_bytes_ceiling: MEMORY_BYTES_CEILING,
            prepare_ms_max: PREPARE_MS_MAX,
            concurrent_compiles_max: 2,
        }
    }
}
