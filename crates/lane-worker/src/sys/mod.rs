//! The only place with `unsafe`: what the kernel offers and no crate wraps, and the code that runs inside the sandbox.
//!
//! What never happens here: a decision. Each function does one thing that the kernel does, and says what went wrong.

#[expect(
    clippy::cast_lossless,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::verbose_bit_mask,
    reason = "the kernel's words: pids, descriptors and status bits as its headers define them"
)]
#[allow(
    dead_code,
    reason = "most of it runs in the library that an interpreter loads; native zygotes call it from here"
)]
pub(crate) mod inside;

pub(crate) mod attempts;
pub(crate) mod memory;

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd};

use inside::plan::{MAGIC, Plan, Report, is_off, stage};

/// The namespaces of a zygote.
const ZYGOTE_NAMESPACES: libc::c_int = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// Forks into new namespaces of every kind. The child's pid; none in the child.
///
/// # Errors
/// What the kernel says, and where this process has more than one thread: a fork would then copy locks that
/// nobody opens.
pub(crate) fn fork_into_namespaces(layers_off: u32) -> io::Result<Option<i32>> {
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("this process has more than one thread"));
    }
    let shared = if is_off(layers_off, stage::NETWORK) { libc::CLONE_NEWNET } else { 0 };
    let flags = libc::c_long::from((ZYGOTE_NAMESPACES & !shared) | libc::SIGCHLD);
    // SAFETY: a fork of a process of one thread: no stack, no thread's storage, no place for a pid is given.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0_usize, 0_usize, 0_usize, 0_usize) };
    match i32::try_from(pid) {
        Ok(-1) => Err(io::Error::last_os_error()),
        Ok(0) => Ok(None),
        Ok(pid) => Ok(Some(pid)),
        Err(_) => Err(io::Error::other("the kernel gave an odd pid")),
    }
}

/// Ends this process without running anything of it: the end of a forked child that could not go on.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}

/// The Landlock ABI of this kernel; 0: it has none, or it is switched off.
pub(crate) fn landlock_abi() -> u32 {
    const VERSION: libc::c_ulong = 1;
    // SAFETY: with this flag and no attributes the call reads and writes nothing.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0_usize, 0_usize, VERSION) };
    u32::try_from(abi).unwrap_or(0)
}

/// `struct mount_attr`.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// What a mount is never used for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MountRules {
    /// Nothing is written.
    pub(crate) read_only: bool,
    /// Nothing is executed or mapped as code.
    pub(crate) no_code: bool,
}

/// Sets what the mount at this descriptor, and each mount below it, is never used for: set-id bits and devices in any case.
///
/// # Errors
/// What the kernel says.
pub(crate) fn restrict_mount(mount: BorrowedFd<'_>, rules: MountRules) -> io::Result<()> {
    let mut set = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
    if rules.read_only {
        set |= libc::MOUNT_ATTR_RDONLY;
    }
    if rules.no_code {
        set |= libc::MOUNT_ATTR_NOEXEC;
    }
    let attributes = MountAttributes { set, clear: 0, propagation: 0, user_namespace: 0 };
    let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    // SAFETY: an empty path of the descriptor, and attributes of the size that is stated; both live until it returns.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A plan as it is sent to a zygote.
pub(crate) fn plan_bytes(plan: &Plan) -> &[u8] {
    // SAFETY: it is `repr(C)`, made of integers alone, and has no padding: each part's size is a multiple of the next one's alignment.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(plan).cast(), size_of::<Plan>()) }
}

/// Bytes of a report.
pub(crate) const REPORT_BYTES: usize = size_of::<Report>();

/// A report that came on a status socket; none where it is none.
pub(crate) fn report(bytes: &[u8]) -> Option<Report> {
    if bytes.len() != REPORT_BYTES {
        return None;
    }
    // SAFETY: it has the size of a report, is read without regard to alignment, and each bit pattern is one.
    let report: Report = unsafe { std::ptr::read_unaligned(bytes.as_ptr().cast()) };
    (report.magic == MAGIC).then_some(report)
}

/// A zeroed plan.
pub(crate) fn empty_plan() -> Box<Plan> {
    // SAFETY: integers alone; zero is a value of each.
    let mut plan: Box<Plan> = unsafe { Box::<Plan>::new_zeroed().assume_init() };
    plan.magic = MAGIC;
    plan
}

/// Closes what this process inherited: all descriptors from 3 up but this one.
pub(crate) fn close_above(kept: BorrowedFd<'_>) {
    let kept = libc::c_long::from(kept.as_raw_fd());
    for (first, last) in [(3, kept - 1), (kept + 1, libc::c_long::from(i32::MAX))] {
        if first <= last {
            // SAFETY: this process has begun just now and owns no other descriptor.
            unsafe { libc::syscall(libc::SYS_close_range, first, last, 0_usize) };
        }
    }
}

/// Puts a copy of a descriptor at a number, to be inherited.
///
/// # Errors
/// What the kernel says.
pub(crate) fn place_descriptor(descriptor: BorrowedFd<'_>, number: i32) -> io::Result<()> {
    let from = descriptor.as_raw_fd();
    // SAFETY: nothing else in this process, which is about to become another program, owns that number.
    let done = unsafe { if from == number { libc::fcntl(from, libc::F_SETFD, 0) } else { libc::dup2(from, number) } };
    if done == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Becomes the program of this open file, which need not be in this process's root. Returns what keeps it from that.
pub(crate) fn execute(program: BorrowedFd<'_>, arguments: &[CString], environment: &[CString]) -> io::Error {
    let pointers = |texts: &[CString]| texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect();
    let (arguments, environment): (Vec<_>, Vec<_>) = (pointers(arguments), pointers(environment));
    // SAFETY: two lists of strings, each ended by a null; they live until it returns, which it does only where it fails.
    unsafe { libc::fexecve(program.as_raw_fd(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Children of this process are gone when they end: nobody waits for them.
///
/// # Errors
/// What the kernel says.
pub(crate) fn ignore_children() -> io::Result<()> {
    // SAFETY: sets an action that runs no code of this process.
    let before = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Leaves this process, which has one thread, without environment variables.
pub(crate) fn clear_environment() {
    // SAFETY: nobody else reads them meanwhile.
    unsafe { libc::clearenv() };
}

/// Serves as the zygote that this process is, which has one thread; returns in a worker, locked down, for each of them once.
pub(crate) fn serve_as_zygote() {
    // SAFETY: the caller's is the only thread, this is called once, and the stack goes on below this frame; `serve` never returns.
    unsafe { inside::context::enter(inside::zygote::serve) }
}

/// The protocol's stream of the worker that this process is.
pub(crate) fn worker_stream() -> File {
    const STREAM: i32 = 3;
    // SAFETY: the lockdown put it there, and nothing else in this process owns that number.
    unsafe { File::from_raw_fd(STREAM) }
}

/// The bytes of a typed array; none where its buffer is gone.
pub(crate) fn bytes_of(array: &rquickjs::TypedArray<'_, u8>) -> Option<Vec<u8>> {
    // SAFETY: they are copied before any JavaScript runs again.
    unsafe { array.as_bytes() }.map(<[u8]>::to_vec)
}

/// The version of the engine.
pub(crate) fn engine_version() -> &'static str {
    // SAFETY: a text of the engine's own, ended by a zero, that is there for as long as the program.
    unsafe { std::ffi::CStr::from_ptr(rquickjs::qjs::JS_GetVersion()) }.to_str().unwrap_or("unknown")
}

/// Gives this process, and all that it starts, the usual place at the processors: a gateway that runs with a better one keeps it
/// from plugins.
///
/// # Errors
/// What the kernel says.
pub(crate) fn take_usual_priority() -> io::Result<()> {
    let usual = libc::sched_param { sched_priority: 0 };
    // SAFETY: of this process, with a parameter that lives until it returns.
    let done = unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const usual) };
    if done == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: asks for this process's own; -1 is an answer as well as an error, and either is below zero.
    if unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) } < 0 {
        // SAFETY: of this process, to a lower one.
        let done = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 0) };
        if done == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
