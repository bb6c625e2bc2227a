//! System calls by number, and the constants of `linux/*.h` that are needed here.
//!
//! This is compiled into a library that a foreign interpreter loads, so there is no crate to take them from; and not even the C library's
//! `syscall`, whose `errno` an init would share with its zygote. What never happens here: a retry that hides an error.

use core::arch::asm;
use core::ffi::{c_int, c_void};

/// `errno`.
pub(crate) type Errno = i32;

#[cfg(target_arch = "x86_64")]
pub(crate) mod nr {
    pub(crate) const WRITE: i64 = 1;
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
    pub(crate) const PIPE2: i64 = 293;
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
    pub(crate) const PIPE2: i64 = 59;
    pub(crate) const WRITE: i64 = 64;
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

/// What can be an argument of a call.
pub(crate) trait Word {
    fn word(self) -> u64;
}

macro_rules! words {
    ($($kind:ty)*) => { $(impl Word for $kind {
        fn word(self) -> u64 {
            // Sign-extended, as C would pass it.
            self as i64 as u64
        }
    })* };
}
words! { i32 u32 i64 u64 usize }

impl<T> Word for *const T {
    fn word(self) -> u64 {
        self.addr() as u64
    }
}

impl<T> Word for *mut T {
    fn word(self) -> u64 {
        self.addr() as u64
    }
}

/// A call of the kernel.
///
/// # Safety
/// The arguments are what the kernel expects of this call.
#[cfg(target_arch = "x86_64")]
pub(crate) unsafe fn raw(number: i64, arguments: [u64; 6]) -> Result<i64, Errno> {
    let [first, second, third, fourth, fifth, sixth] = arguments;
    let returned: i64;
    // SAFETY: the kernel's convention: these registers, two of which it overwrites.
    unsafe {
        asm!(
            "syscall", inlateout("rax") number => returned,
            in("rdi") first, in("rsi") second, in("rdx") third, in("r10") fourth, in("r8") fifth, in("r9") sixth,
            lateout("rcx") _, lateout("r11") _, options(nostack),
        );
    }
    checked(returned)
}

/// A call of the kernel.
///
/// # Safety
/// The arguments are what the kernel expects of this call.
#[cfg(target_arch = "aarch64")]
pub(crate) unsafe fn raw(number: i64, arguments: [u64; 6]) -> Result<i64, Errno> {
    let [first, second, third, fourth, fifth, sixth] = arguments;
    let returned: u64;
    // SAFETY: the kernel's convention.
    unsafe {
        asm!(
            "svc 0", in("x8") number, inlateout("x0") first => returned,
            in("x1") second, in("x2") third, in("x3") fourth, in("x4") fifth, in("x5") sixth, options(nostack),
        );
    }
    checked(returned as i64)
}

/// The result of a call, or its error: the last page of addresses is errors.
fn checked(returned: i64) -> Result<i64, Errno> {
    if (-4095..0).contains(&returned) { Err(-returned as Errno) } else { Ok(returned) }
}

macro_rules! call {
    ($number:expr $(, $argument:expr)* $(,)?) => {{
        let given = [$($crate::sys::inside::kernel::Word::word($argument)),*];
        let mut arguments = [0_u64; 6];
        arguments[..given.len()].copy_from_slice(&given);
        // SAFETY: whoever writes `call!` gives what the kernel expects; each pointer among it is to a value that lives until
        // the call returns.
        unsafe { $crate::sys::inside::kernel::raw($number, arguments) }
    }};
}
pub(crate) use call;

pub(crate) fn close(descriptor: i32) {
    let _ = call!(nr::CLOSE, descriptor);
}

/// Ends the process at once.
pub(crate) fn exit(code: i32) -> ! {
    loop {
        let _ = call!(nr::EXIT_GROUP, code);
    }
}

pub(crate) fn prctl(option: i32, argument: u64) -> Result<i64, Errno> {
    call!(nr::PRCTL, option, argument, 0_u64, 0_u64, 0_u64)
}

/// Sets a signal's action to the default one.
pub(crate) fn default_action(signal: i32) -> Result<i64, Errno> {
    // `struct kernel_sigaction` of zeros: SIG_DFL, no flags, empty mask.
    let action = [0_u64; 4];
    call!(nr::RT_SIGACTION, signal, action.as_ptr(), 0_u64, 8_u64)
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
        match call!(nr::RECVMSG, socket, &raw mut message, MSG_CMSG_CLOEXEC) {
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
        match call!(nr::SENDMSG, socket, &raw const message, MSG_NOSIGNAL) {
            Err(EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(_) => return Ok(()),
        }
    }
}
