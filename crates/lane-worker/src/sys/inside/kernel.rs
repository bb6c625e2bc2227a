//! System calls by number, and the constants of `linux/*.h` that are needed here.
//!
//! This is compiled into a library that a foreign interpreter loads, so there is no crate to take them from: the C library
//! that the interpreter has loaded gives `syscall`, `fork` and `errno`. What never happens here: a retry that hides an error.

use core::ffi::{c_int, c_long, c_void};

unsafe extern "C" {
    pub(crate) fn syscall(number: c_long, ...) -> c_long;
    fn fork() -> c_int;
    fn __errno_location() -> *mut c_int;
}

/// `errno`.
pub(crate) type Errno = i32;

#[cfg(target_arch = "x86_64")]
pub(crate) mod nr {
    pub(crate) const CLOSE: i64 = 3;
    pub(crate) const RT_SIGACTION: i64 = 13;
    pub(crate) const IOCTL: i64 = 16;
    pub(crate) const SENDMSG: i64 = 46;
    pub(crate) const RECVMSG: i64 = 47;
    pub(crate) const SOCKETPAIR: i64 = 53;
    pub(crate) const CLONE: i64 = 56;
    pub(crate) const WAIT4: i64 = 61;
    pub(crate) const KILL: i64 = 62;
    pub(crate) const SETSID: i64 = 112;
    pub(crate) const CAPSET: i64 = 126;
    pub(crate) const PRCTL: i64 = 157;
    pub(crate) const MOUNT: i64 = 165;
    pub(crate) const EXIT_GROUP: i64 = 231;
    pub(crate) const OPENAT: i64 = 257;
    pub(crate) const PPOLL: i64 = 271;
    pub(crate) const DUP3: i64 = 292;
    pub(crate) const PRLIMIT64: i64 = 302;
    pub(crate) const SECCOMP: i64 = 317;
}

#[cfg(target_arch = "aarch64")]
pub(crate) mod nr {
    pub(crate) const DUP3: i64 = 24;
    pub(crate) const IOCTL: i64 = 29;
    pub(crate) const MOUNT: i64 = 40;
    pub(crate) const OPENAT: i64 = 56;
    pub(crate) const CLOSE: i64 = 57;
    pub(crate) const PPOLL: i64 = 73;
    pub(crate) const CAPSET: i64 = 91;
    pub(crate) const EXIT_GROUP: i64 = 94;
    pub(crate) const KILL: i64 = 129;
    pub(crate) const RT_SIGACTION: i64 = 134;
    pub(crate) const SETSID: i64 = 157;
    pub(crate) const PRCTL: i64 = 167;
    pub(crate) const SOCKETPAIR: i64 = 199;
    pub(crate) const SENDMSG: i64 = 211;
    pub(crate) const RECVMSG: i64 = 212;
    pub(crate) const CLONE: i64 = 220;
    pub(crate) const WAIT4: i64 = 260;
    pub(crate) const PRLIMIT64: i64 = 261;
    pub(crate) const SECCOMP: i64 = 277;
}

/// Calls that have one number everywhere.
pub(crate) mod nr_any {
    pub(crate) const PIDFD_OPEN: i64 = 434;
    pub(crate) const CLOSE_RANGE: i64 = 436;
    pub(crate) const LANDLOCK_CREATE_RULESET: i64 = 444;
    pub(crate) const LANDLOCK_ADD_RULE: i64 = 445;
    pub(crate) const LANDLOCK_RESTRICT_SELF: i64 = 446;
}

pub(crate) const SIGKILL: i32 = 9;
pub(crate) const SIGCHLD: i32 = 17;
pub(crate) const EINTR: Errno = 4;
pub(crate) const EINVAL: Errno = 22;

/// The result of a call, or its `errno`.
pub(crate) fn checked(returned: c_long) -> Result<i64, Errno> {
    if returned == -1 {
        // SAFETY: the C library gives each thread a place for it.
        return Err(unsafe { *__errno_location() });
    }
    Ok(returned)
}

macro_rules! call {
    ($number:expr $(, $argument:expr)* $(,)?) => {
        // SAFETY: whoever writes `call!` says why its arguments are what the kernel expects; each pointer among them
        // is to a value that lives until the call returns.
        $crate::sys::inside::kernel::checked(unsafe { $crate::sys::inside::kernel::syscall($number $(, $argument)*) })
    };
}
pub(crate) use call;

/// The C library's fork, which keeps its own idea of the thread in order.
pub(crate) fn fork_process() -> Result<i64, Errno> {
    // SAFETY: the process has one thread.
    checked(c_long::from(unsafe { fork() }))
}

pub(crate) fn close(descriptor: i32) {
    let _ = call!(nr::CLOSE, c_long::from(descriptor));
}

/// Ends the process at once.
pub(crate) fn exit(code: i32) -> ! {
    loop {
        let _ = call!(nr::EXIT_GROUP, c_long::from(code));
    }
}

pub(crate) fn prctl(option: i32, argument: u64) -> Result<i64, Errno> {
    call!(nr::PRCTL, c_long::from(option), argument, 0_u64, 0_u64, 0_u64)
}

/// Sets a signal's action to the default one.
pub(crate) fn default_action(signal: i32) -> Result<i64, Errno> {
    // `struct kernel_sigaction` of zeros: SIG_DFL, no flags, empty mask.
    let action = [0_u64; 4];
    call!(nr::RT_SIGACTION, c_long::from(signal), action.as_ptr(), 0_u64, 8_u64)
}

#[repr(C)]
pub(crate) struct Buffer {
    pub(crate) base: *mut c_void,
    pub(crate) length: usize,
}

/// `struct msghdr`.
#[repr(C)]
struct Message {
    name: *mut c_void,
    name_length: u32,
    buffers: *mut Buffer,
    buffers_length: usize,
    control: *mut c_void,
    control_length: usize,
    flags: c_int,
}

/// Descriptors that one message carries at most.
pub(crate) const DESCRIPTORS_MAX: usize = 4;
const SOL_SOCKET: i32 = 1;
const SCM_RIGHTS: i32 = 1;
const MSG_NOSIGNAL: i32 = 0x4000;
const MSG_CMSG_CLOEXEC: i32 = 0x4000_0000;

/// `struct cmsghdr` and room for descriptors.
#[repr(C, align(8))]
struct Control {
    length: usize,
    level: c_int,
    kind: c_int,
    descriptors: [c_int; DESCRIPTORS_MAX],
}

const CONTROL_HEADER: usize = core::mem::size_of::<usize>() + 2 * core::mem::size_of::<c_int>();

/// Receives one message and the descriptors that come with it; how many bytes and descriptors there were.
pub(crate) fn receive(
    socket: i32,
    into: *mut u8,
    length: usize,
    descriptors: &mut [i32; DESCRIPTORS_MAX],
) -> Result<(usize, usize), Errno> {
    let mut buffer = Buffer { base: into.cast(), length };
    let mut control = Control { length: 0, level: 0, kind: 0, descriptors: [-1; DESCRIPTORS_MAX] };
    let mut message = Message {
        name: core::ptr::null_mut(),
        name_length: 0,
        buffers: &raw mut buffer,
        buffers_length: 1,
        control: (&raw mut control).cast(),
        control_length: core::mem::size_of::<Control>(),
        flags: 0,
    };
    let received = loop {
        match call!(nr::RECVMSG, c_long::from(socket), &raw mut message, c_long::from(MSG_CMSG_CLOEXEC)) {
            Err(EINTR) => {}
            other => break other?,
        }
    };
    let carried = message.control_length >= CONTROL_HEADER
        && control.level == SOL_SOCKET
        && control.kind == SCM_RIGHTS
        && control.length >= CONTROL_HEADER;
    let count = if carried { ((control.length - CONTROL_HEADER) / 4).min(DESCRIPTORS_MAX) } else { 0 };
    *descriptors = control.descriptors;
    Ok((usize::try_from(received).unwrap_or(0), count))
}

/// Sends one message, with a descriptor where there is one.
pub(crate) fn send(socket: i32, from: *const u8, length: usize, descriptor: Option<i32>) -> Result<(), Errno> {
    let mut buffer = Buffer { base: from.cast_mut().cast(), length };
    let mut control = Control {
        length: CONTROL_HEADER + 4,
        level: SOL_SOCKET,
        kind: SCM_RIGHTS,
        descriptors: [descriptor.unwrap_or(-1), -1, -1, -1],
    };
    let message = Message {
        name: core::ptr::null_mut(),
        name_length: 0,
        buffers: &raw mut buffer,
        buffers_length: 1,
        control: if descriptor.is_some() { (&raw mut control).cast() } else { core::ptr::null_mut() },
        control_length: if descriptor.is_some() { CONTROL_HEADER + 8 } else { 0 },
        flags: 0,
    };
    loop {
        match call!(nr::SENDMSG, c_long::from(socket), &raw const message, c_long::from(MSG_NOSIGNAL)) {
            Err(EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(_) => return Ok(()),
        }
    }
}
