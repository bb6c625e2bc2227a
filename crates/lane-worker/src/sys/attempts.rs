//! What the canary tries that no crate offers: each is to be refused by the kernel.
//!
//! What never happens here: a call from anywhere but a canary's process.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

fn done(result: libc::c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Whether a descriptor is open.
pub(crate) fn is_open(descriptor: i32) -> bool {
    // SAFETY: asks for flags, and touches no memory.
    unsafe { libc::fcntl(descriptor, libc::F_GETFD) != -1 }
}

/// Forks; the child, if there is one, ends at once.
pub(crate) fn fork() -> io::Result<()> {
    // SAFETY: a process of one thread, whose child runs nothing.
    match unsafe { libc::fork() } {
        0 => super::exit_now(0),
        forked => done(forked),
    }
}

/// Maps a page that can be executed: of a file, or of nothing.
pub(crate) fn map_code(file: Option<&File>) -> io::Result<()> {
    const PAGE_BYTES: usize = 4096;
    let (flags, descriptor) = match file {
        Some(file) => (libc::MAP_PRIVATE, file.as_raw_fd()),
        None => (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1),
    };
    let access = libc::PROT_READ | libc::PROT_EXEC;
    // SAFETY: a new mapping, at a place of the kernel's choice, that nobody reads.
    let mapped = unsafe { libc::mmap(std::ptr::null_mut(), PAGE_BYTES, access, flags, descriptor, 0) };
    if mapped == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Becomes root.
pub(crate) fn become_root() -> io::Result<()> {
    // SAFETY: touches no memory.
    done(unsafe { libc::setuid(0) })
}

/// Asks to be traced: a forbidden call, which is not survived.
pub(crate) fn trace_me() {
    // SAFETY: touches no memory.
    unsafe { libc::ptrace(libc::PTRACE_TRACEME) };
}
