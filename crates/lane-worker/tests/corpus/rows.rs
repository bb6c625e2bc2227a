//! The table: each attack, what becomes of it. The host is checked after each row in any case.

use std::time::Duration;

use omega_contract::ErrorCode;
use omega_contract::manifest::DeterminismMode;
use omega_contract::ports::ProgramExit;
use serde_json::{Value, json};

/// What becomes of an attack.
#[derive(Clone)]
pub(crate) enum Expected {
    /// It answers, and none of its attempts went through.
    Held,
    /// It answers this.
    Answers(&'static str),
    /// It does not answer; how it ended, one of these.
    Ends(&'static [(ProgramExit, ErrorCode)]),
    /// It is killed for this forbidden call.
    Refused(&'static str),
    /// A forbidden call is not made; where the program hails signals on itself it may live to see that.
    NeverMade,
    /// It dies of this signal.
    Killed(&'static str),
    /// It is not loaded; the refusal has these words.
    NotLoaded(&'static str),
}

/// One attack.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// A file of `plugins/hostile/worker`, or of `worker-js`.
    pub(crate) program: &'static str,
    pub(crate) how: &'static str,
    pub(crate) input: Value,
    pub(crate) is_native: bool,
    pub(crate) determinism: DeterminismMode,
    pub(crate) memory_bytes_max: u64,
    pub(crate) host_calls_max: u64,
    /// Both calls give the same answer.
    pub(crate) is_same: bool,
    /// Between its import and its call.
    pub(crate) pause: Duration,
    pub(crate) time: Duration,
    pub(crate) expected: Expected,
}

use Expected::{Answers, Ends, Held, Killed, NeverMade, NotLoaded, Refused};

/// While this one runs, another program's first worker is made.
pub(crate) const IN_FLIGHT: &str = "descriptors in flight";

pub(crate) const DEADLINE: &[(ProgramExit, ErrorCode)] = &[(ProgramExit::Deadline, ErrorCode::Timeout)];
pub(crate) const VIOLATION: &[(ProgramExit, ErrorCode)] = &[(ProgramExit::ProtocolViolation, ErrorCode::PluginError)];
pub(crate) const TOO_LARGE: &[(ProgramExit, ErrorCode)] =
    &[(ProgramExit::ProtocolViolation, ErrorCode::OutputTooLarge)];
pub(crate) const FAILS: &[(ProgramExit, ErrorCode)] = &[(ProgramExit::PluginError, ErrorCode::PluginError)];
const EXITS: &[(ProgramExit, ErrorCode)] = &[(ProgramExit::PluginError, ErrorCode::PluginCrash)];
pub(crate) const NO_MEMORY: &[(ProgramExit, ErrorCode)] = &[(ProgramExit::OutOfMemory, ErrorCode::MemoryLimit)];
/// Without a control group a thread of the C library's finds no memory, and ends the process.
const NO_MEMORY_OR_ABORT: &[(ProgramExit, ErrorCode)] =
    &[(ProgramExit::OutOfMemory, ErrorCode::MemoryLimit), (ProgramExit::Signal, ErrorCode::PluginCrash)];

/// Without a control group Python's libraries have words of their own for it.
const NO_MEMORY_OR_ERROR: &[(ProgramExit, ErrorCode)] = &[
    (ProgramExit::OutOfMemory, ErrorCode::MemoryLimit),
    (ProgramExit::Signal, ErrorCode::PluginCrash),
    (ProgramExit::PluginError, ErrorCode::PluginError),
];
/// A thread that ends for want of memory gives its own back, of which the others live on: on a busy machine until the deadline.
const NO_MEMORY_IN_THREADS: &[(ProgramExit, ErrorCode)] = &[
    (ProgramExit::OutOfMemory, ErrorCode::MemoryLimit),
    (ProgramExit::Signal, ErrorCode::PluginCrash),
    (ProgramExit::PluginError, ErrorCode::PluginError),
    (ProgramExit::Deadline, ErrorCode::Timeout),
];

pub(crate) fn row(name: &'static str, program: &'static str, how: &'static str, expected: Expected) -> Row {
    Row {
        name,
        program,
        how,
        input: json!({}),
        is_native: false,
        determinism: DeterminismMode::Probabilistic,
        memory_bytes_max: 64 * 1024 * 1024,
        host_calls_max: 10_000,
        is_same: false,
        pause: Duration::ZERO,
        time: Duration::from_secs(30),
        expected,
    }
}

fn slow(name: &'static str, program: &'static str, how: &'static str, expected: Expected) -> Row {
    Row { time: Duration::from_millis(700), ..row(name, program, how, expected) }
}

fn native(name: &'static str, how: &'static str, expected: Expected) -> Row {
    Row { is_native: true, ..row(name, "native", how, expected) }
}

fn raw(call: &'static str, arguments: Value, expected: Expected) -> Row {
    Row { input: json!({"call": call, "arguments": arguments}), ..row(call, "raw-call", "", expected) }
}

/// All attacks.
pub(crate) fn rows() -> Vec<Row> {
    let mut all = files();
    all.extend(processes());
    all.extend(bombs());
    all.extend(protocol());
    all.extend(endings());
    all.extend(next_calls());
    all.extend(imports());
    all.extend(calls());
    all.extend(machine_code());
    all
}

fn files() -> Vec<Row> {
    vec![
        row("files of the host by path, `..` and folders", "host-files", "", Held),
        row("files of the host by links", "links", "", Held),
        row("/proc, /sys and devices", "proc-and-devices", "", Held),
        row("descriptors, variables, the peer of the stream", "descriptors", "", Held),
        row("writes to everything it can walk to", "writes", "", Held),
        row("devices, pipes and set-id files", "special-files", "", Held),
        row("sockets of every family", "sockets", "", Held),
        slow(IN_FLIGHT, "descriptors-in-flight", "", Ends(DEADLINE)),
        row("terminals", "terminal", "", Held),
    ]
}

fn processes() -> Vec<Row> {
    vec![
        row("processes and programs", "processes", "", Held),
        row("threads without end", "threads", "", Held),
        row("signals to everybody", "signals", "", Held),
        row("raised limits", "limits", "", Held),
        row("somebody else's identity", "identity", "", Held),
        slow("stops itself", "stops-itself", "", Ends(DEADLINE)),
        slow("spins", "never-ends", "spin", Ends(DEADLINE)),
        slow("catastrophic regular expression", "never-ends", "regex", Ends(DEADLINE)),
        slow("integers without end", "never-ends", "integers", Ends(DEADLINE)),
        slow("spins in many threads", "never-ends", "threads", Ends(DEADLINE)),
        slow("timers without pause", "never-ends", "timers", Ends(DEADLINE)),
        slow("sleeps and ignores signals", "never-ends", "sleep", Ends(DEADLINE)),
    ]
}

fn bombs() -> Vec<Row> {
    vec![
        row("memory on the heap", "memory", "heap", Ends(NO_MEMORY)),
        row("memory in shared mappings", "memory", "shared", Ends(NO_MEMORY_OR_ERROR)),
        row("memory of the C library", "memory", "raw", Ends(NO_MEMORY)),
        row("memory in many threads", "memory", "threads", Ends(NO_MEMORY_IN_THREADS)),
        row("memory in files", "memory", "files", Ends(NO_MEMORY)),
        row("memory in the kernel", "memory", "kernel", Held),
        row("memory with a name", "shared-memory", "", Held),
        row("disk", "disk", "", Held),
        row("floods its output", "flood", "", Held),
    ]
}

fn protocol() -> Vec<Row> {
    let frames = |name, how, expected| slow(name, "frames", how, expected);
    vec![
        frames("garbage on the stream", "garbage", Ends(TOO_LARGE)),
        frames("a frame of 1 GiB", "oversized", Ends(TOO_LARGE)),
        frames("a frame that never comes", "announced", Ends(DEADLINE)),
        frames("a frame that is cut", "truncated", Ends(VIOLATION)),
        frames("a frame of nothing", "empty", Ends(VIOLATION)),
        frames("a frame that is no text", "not text", Ends(VIOLATION)),
        frames("a frame of brackets", "deep", Ends(VIOLATION)),
        frames("a frame of a type that is not there", "unknown type", Ends(VIOLATION)),
        frames("a frame with a field more", "unknown field", Ends(VIOLATION)),
        frames("a frame with a field twice", "twice", Ends(VIOLATION)),
        frames("loaded a second time", "loaded again", Ends(VIOLATION)),
        frames("an operation that is not there", "unknown op", Ends(VIOLATION)),
        frames("an artifact that is a path", "path", Held),
        frames("questions without end", "ask flood", Ends(DEADLINE)),
        Row { time: Duration::from_secs(30), ..frames("log lines without end", "log flood", Ends(VIOLATION)) },
        frames("two results", "two results", Answers("first")),
        frames("frames after the result", "after the result", Answers("first")),
        frames("killed in mid-write", "killed in mid-write", Killed("9")),
        frames("closes the stream", "closed", Ends(DEADLINE)),
        frames("does not read its answers", "not read", Ends(DEADLINE)),
        row("answers before it is asked", "early-answer", "", Ends(VIOLATION)),
    ]
}

fn endings() -> Vec<Row> {
    vec![
        row("reads at address 0", "crashes", "null", Killed("11")),
        row("aborts", "crashes", "abort", Killed("6")),
        row("nests without end", "crashes", "nested", Ends(NO_MEMORY_OR_ABORT)),
        row("kills itself", "crashes", "9", Killed("9")),
        row("pretends to be out of processor time", "crashes", "24", Killed("24")),
        row("pretends that a filter killed it", "crashes", "31", Killed("31")),
        row("pretends to have run bad code", "crashes", "4", Killed("4")),
        row("exits with 0", "exits", "_exit", Ends(EXITS)),
        row("exits by a raw call", "exits", "exit_group", Ends(EXITS)),
        row("exits as Python does", "exits", "sys.exit", Ends(FAILS)),
        slow("ends its first thread", "exits", "main thread", Ends(DEADLINE)),
        row("raises what nobody catches", "exits", "raise", Ends(FAILS)),
        row("raises what exits when it is shown", "exits", "liar", Ends(EXITS)),
    ]
}

fn next_calls() -> Vec<Row> {
    vec![
        Row { is_same: true, ..row("poisons the interpreter", "poison", "", Held) },
        Row { is_same: true, ..row("leaves marks on what is shared", "leaves-marks", "", Held) },
        Row { input: json!({"exit_code": 7}), ..row("leaves an exit code", "leaves-marks", "", Ends(EXITS)) },
        Row { is_same: true, ..row("goes on after its answer", "stays", "", Held) },
    ]
}

fn imports() -> Vec<Row> {
    let import = |name, how, expected| row(name, "at-import", how, expected);
    vec![
        import("exits at import", "exits", NotLoaded("with code 0")),
        import("raises at import", "raises", NotLoaded("SystemExit")),
        import("asks for a forbidden call at import", "forbidden", NotLoaded("ptrace")),
        import("dies at import", "dies", NotLoaded("signal 11")),
        import("takes memory at import", "memory", NotLoaded("")),
        import("floods the log at import", "flood", NotLoaded("broke the protocol")),
        import("garbage at import", "garbage", NotLoaded("broke the protocol")),
        import("asks at import", "ask", NotLoaded("broke the protocol")),
        import("floods its output at import", "output", Held),
        Row { pause: Duration::from_millis(300), ..import("spins where it waits", "spins later", Held) },
        import("closes the stream at import", "closes", NotLoaded("")),
    ]
}

/// Calls that end the program, and are named.
const FORBIDDEN: [&str; 32] = [
    "acct",
    "add_key",
    "adjtimex",
    "bpf",
    "chroot",
    "clock_adjtime",
    "clock_settime",
    "delete_module",
    "fanotify_init",
    "finit_module",
    "fsopen",
    "init_module",
    "io_uring_setup",
    "kcmp",
    "kexec_load",
    "keyctl",
    "mount",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "pidfd_getfd",
    "pidfd_open",
    "pidfd_send_signal",
    "pivot_root",
    "process_madvise",
    "quotactl",
    "reboot",
    "request_key",
    "setns",
    "swapon",
    "umount2",
    "vhangup",
];

fn calls() -> Vec<Row> {
    let mut all: Vec<Row> = FORBIDDEN.iter().map(|call| raw(call, json!([0, 0, 0, 0, 0]), Refused(call))).collect();
    all.extend([
        raw("ptrace", json!([16, 1, 0, 0]), Refused("ptrace")),
        raw("process_vm_readv", json!([1, 0, 0, 0, 0, 0]), Refused("process_vm_readv")),
        raw("process_vm_writev", json!([1, 0, 0, 0, 0, 0]), Refused("process_vm_writev")),
        raw("perf_event_open", json!([0, 0, -1, -1, 0]), Refused("perf_event_open")),
        raw("userfaultfd", json!([0]), Refused("userfaultfd")),
        raw("unshare", json!([0x1000_0000]), Refused("unshare")),
        raw("personality", json!([0x0040_0000]), Refused("personality")),
        raw("open_by_handle_at", json!([3, 0, 0]), Refused("open_by_handle_at")),
        raw("name_to_handle_at", json!([-100, 0, 0, 0, 0]), Refused("name_to_handle_at")),
        raw("settimeofday", json!([0, 0]), Refused("settimeofday")),
        raw("sethostname", json!([0, 0]), Refused("sethostname")),
        raw("syslog", json!([2, 0, 0]), Refused("syslog")),
        raw("sysinfo", json!([0]), Held),
        raw("mincore", json!([0, 4096, 0]), Held),
        raw("inotify_init1", json!([0]), Held),
        raw("timer_create", json!([0, 0, 0]), Held),
        raw("splice", json!([0, 0, 1, 0, 1, 0]), Held),
        raw("vmsplice", json!([1, 0, 0, 0]), Held),
        raw("signalfd4", json!([-1, 0, 8, 0]), Held),
        raw("copy_file_range", json!([0, 0, 1, 0, 1, 0]), Held),
        raw("sendmmsg", json!([3, 0, 0, 0]), Held),
    ]);
    if cfg!(target_arch = "x86_64") {
        all.push(raw("iopl", json!([3]), Refused("iopl")));
        all.push(raw("ioperm", json!([0, 1, 1]), Refused("ioperm")));
        all.push(raw("modify_ldt", json!([1, 0, 0]), Refused("modify_ldt")));
    }
    all
}

fn machine_code() -> Vec<Row> {
    let mut all = vec![
        row("machine code in the pure profile", "machine-code", "", Held),
        Row { is_native: true, ..row("machine code in the native profile", "machine-code", "", Held) },
        native("anonymous executable memory", "anonymous", Held),
        native("shared executable memory", "anonymous shared", Held),
        native("memory made executable later", "anonymous later", Held),
        native("executable memory below 4 GiB", "anonymous low", Held),
        native("executes a file of /tmp", "from tmp", Held),
        native("executes a shared file of /tmp", "from tmp shared", Held),
        native("writes by one mapping, executes by another", "two mappings", Held),
        native("changes its own code", "own code", Held),
        native("loads a library of /tmp", "dlopen from tmp", Held),
        native("overflows a native stack", "stack overflow", Killed("11")),
        native("takes memory natively", "memory", Ends(NO_MEMORY_OR_ABORT)),
        Row { time: Duration::from_millis(700), ..native("spins natively", "spin", Ends(DEADLINE)) },
        native("attaches to a process of the host", "ptrace", Refused("ptrace")),
        native("a forbidden call under a hail of signals", "interrupted", NeverMade),
        native("forks natively", "fork", Held),
        native("a namespace natively", "namespace", Refused("unshare")),
        native("a socket natively", "socket", Held),
        native("a call that is not there", "unknown number", Held),
    ];
    if cfg!(target_arch = "x86_64") {
        all.extend([
            native("an x32 call", "x32 getpid", Refused("x32 call 39")),
            native("ptrace by its x32 number", "x32 ptrace", Refused("x32 call 521")),
            native("a number with high bits", "high bits", Held),
            native("ptrace with high bits", "high bits of ptrace", Refused("ptrace")),
            native("a 32-bit call", "int 0x80", Killed("31")),
            native("32-bit code", "far call", Killed("11")),
            native("a privileged instruction", "privileged", Killed("11")),
        ]);
    }
    all
}
