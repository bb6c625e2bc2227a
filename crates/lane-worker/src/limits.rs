//! The bounds of the lane. Those of a call come with the program (`LaneLimits`); these hold for every worker.
//!
//! What never happens here: a value that takes a layer away.

use std::time::Duration;

/// The user and group that a plugin is inside its sandbox; outside it is the lane's.
pub const INSIDE_ID: u32 = 1000;
/// The user and group outside, where the gateway runs as root: nobody's, and nobody else's.
pub const DEDICATED_ID: u32 = 1_979_000_000;
/// Bytes of the private `/tmp`, and of any file.
pub const TMP_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Files and folders of the private `/tmp`.
pub const TMP_FILES_MAX: u64 = 1_024;
/// Descriptors that a program may hold open.
pub const DESCRIPTORS_OPEN_MAX: u64 = 256;
/// Threads of a program.
pub const THREADS_MAX: u64 = 32;
/// Seconds of processor time of a worker: the deadline of a call is far below it.
pub const CPU_SECONDS_MAX: u64 = 3_600;
/// Signals that may wait to be delivered.
pub const SIGNALS_PENDING_MAX: u64 = 64;
/// Bytes of a thread's stack.
pub const STACK_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Bytes of address space over the limit on memory: stacks, reserved arenas, mapped files.
pub const ADDRESS_BYTES_MARGIN: u64 = 512 * 1024 * 1024;
/// The oldest Landlock ABI that the lane runs with: Debian 12's (decision 21).
pub const LANDLOCK_ABI_MIN: u32 = 2;
/// The newest one that is used.
pub const LANDLOCK_ABI_MAX: u32 = 6;
/// Bytes that a frame may have over the largest result: the words around it.
pub const FRAME_BYTES_MARGIN: u64 = 64 * 1024;
/// Bytes of a failure's `detail`.
pub const DETAIL_BYTES_MAX: usize = 2 * 1024;
/// Bytes that one question about an artifact gets.
pub const ARTIFACT_READ_BYTES_MAX: u32 = 1024 * 1024;
/// An import may take so long.
pub const IMPORT_MAX: Duration = Duration::from_secs(60);
