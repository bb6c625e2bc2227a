//! What the code inside the sandbox is told, and what it reports: fixed shapes, shared with the helper outside.
//!
//! What never happens here: a pointer, or a length that is not checked by whoever reads it.

/// First word of a plan and of each report, so that a build never speaks to another build's library.
pub(crate) const MAGIC: u32 = 0x4f4d_0001;
/// Instructions of one filter (the kernel's BPF_MAXINSNS).
pub(crate) const FILTER_INSTRUCTIONS_MAX: usize = 4096;
/// Instructions of all filters of a plan together.
pub(crate) const INSTRUCTIONS_MAX: usize = 5120;
/// Bytes of the options that the private `/tmp` is mounted with, a NUL at the end.
pub(crate) const TMP_OPTIONS_BYTES: usize = 128;
/// Resources that Linux limits (RLIM_NLIMITS).
pub(crate) const RLIMITS: usize = 16;

/// One instruction of classic BPF (`struct sock_filter`).
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Instruction {
    /// What it does.
    pub(crate) code: u16,
    /// Instructions to skip where the comparison holds.
    pub(crate) jump_true: u8,
    /// Instructions to skip where it does not.
    pub(crate) jump_false: u8,
    /// Its operand.
    pub(crate) operand: u32,
}

/// One limit (`struct rlimit64`).
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Limit {
    /// What holds.
    pub(crate) soft: u64,
    /// What it could be raised to.
    pub(crate) hard: u64,
}

/// How each worker of a zygote is locked down. Sent once, before the first worker.
#[derive(Debug, Clone)]
#[repr(C)]
pub(crate) struct Plan {
    /// [`MAGIC`].
    pub(crate) magic: u32,
    /// The Landlock ABI to use: the kernel's, or an older one.
    pub(crate) landlock_abi: u32,
    /// Bit `n`: `limits[n]` is set.
    pub(crate) limits_set: u32,
    /// Layers that are left out. Read by builds for the layer tests alone (`--cfg omega_layer_switches`).
    pub(crate) layers_off: u32,
    /// By resource number.
    pub(crate) limits: [Limit; RLIMITS],
    /// Options of the private `/tmp`.
    pub(crate) tmp_options: [u8; TMP_OPTIONS_BYTES],
    /// Instructions of the filter that tells the init of forbidden calls; first in `instructions`.
    pub(crate) refusing: u32,
    /// Instructions of the filter of all other calls; second.
    pub(crate) of_program: u32,
    /// Instructions of the init's own filter; third.
    pub(crate) of_init: u32,
    /// Keeps the size a multiple of eight.
    pub(crate) reserved: u32,
    /// All filters.
    pub(crate) instructions: [Instruction; INSTRUCTIONS_MAX],
}

/// What a report tells.
pub(crate) mod tag {
    /// The program's process lives; the pidfd of its init comes with the report.
    pub(crate) const BORN: u32 = 1;
    /// A layer could not be put in force; the worker ends.
    pub(crate) const FAILED: u32 = 2;
    /// All layers are in force; from here on the plugin's interpreter runs.
    pub(crate) const LOCKED: u32 = 3;
    /// The program ended by itself; `code` is its exit code.
    pub(crate) const EXITED: u32 = 4;
    /// The program was ended by signal `code`.
    pub(crate) const SIGNALLED: u32 = 5;
    /// The program was ended because it asked for the forbidden call `syscall`.
    pub(crate) const REFUSED: u32 = 6;
}

/// The layers in the order in which they are put in force: `stage` of a report, bits of `layers_off`.
pub(crate) mod stage {
    /// Namespaces of its own.
    pub(crate) const NAMESPACES: u32 = 0;
    /// The private `/tmp`.
    pub(crate) const TMP: u32 = 1;
    /// The program's own process.
    pub(crate) const PROCESS: u32 = 2;
    /// Death with the parent and a session of its own.
    pub(crate) const SESSION: u32 = 3;
    /// No inherited descriptor.
    pub(crate) const DESCRIPTORS: u32 = 4;
    /// Resource limits.
    pub(crate) const LIMITS: u32 = 5;
    /// No capability, and none to come.
    pub(crate) const CAPABILITIES: u32 = 6;
    /// No new privileges.
    pub(crate) const NO_NEW_PRIVILEGES: u32 = 7;
    /// Not dumpable.
    pub(crate) const DUMPABLE: u32 = 8;
    /// Landlock.
    pub(crate) const LANDLOCK: u32 = 9;
    /// The filter of system calls.
    pub(crate) const SECCOMP: u32 = 10;
    /// The init's own lockdown.
    pub(crate) const INIT: u32 = 11;
    /// The look from outside. From here on: outside the worker.
    pub(crate) const ATTESTATION: u32 = 16;
    /// The attack on the sandbox at start.
    pub(crate) const CANARY: u32 = 17;
    /// The old root is gone.
    pub(crate) const PRIVATE_ROOT: u32 = 18;
    /// The root and what is in it is not written to.
    pub(crate) const READ_ONLY: u32 = 19;
    /// A network of its own.
    pub(crate) const NETWORK: u32 = 20;
}

/// Whether a layer is left out: never, but in builds for the layer tests.
#[cfg(not(omega_layer_switches))]
pub(crate) const fn is_off(_layers_off: u32, _stage: u32) -> bool {
    false
}
/// Whether a layer is left out.
#[cfg(omega_layer_switches)]
pub(crate) const fn is_off(layers_off: u32, stage: u32) -> bool {
    layers_off & (1 << stage) != 0
}

/// What the code inside tells the helper, on the worker's status socket.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Report {
    /// [`MAGIC`].
    pub(crate) magic: u32,
    /// One of [`tag`].
    pub(crate) tag: u32,
    /// One of [`stage`], of a failure.
    pub(crate) stage: u32,
    /// `errno`, exit code or signal.
    pub(crate) code: i32,
    /// The call that was refused.
    pub(crate) syscall: u64,
    /// Processor time of the program, in microseconds.
    pub(crate) cpu_us: u64,
    /// Its largest resident memory, in KiB.
    pub(crate) memory_kib_peak: u64,
}
