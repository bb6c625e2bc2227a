//! The init of a worker: process 1 of its own pid namespace. It makes the plugin's process, watches it, and tells how it ended.
//!
//! It shares the zygote's memory, on a stack of its own, and none of the zygote's other things. It is a process of its own so that signals and aborts are reported truly, and so that its death is the death of whatever is
//! left. What never happens here: plugin code, or a report that the plugin could have written.

use crate::sys::inside::context;
use crate::sys::inside::kernel::{self, DESCRIPTORS_MAX, Errno, SIGCHLD, SIGKILL, call, nr, nr_any};
use crate::sys::inside::lockdown;
use crate::sys::inside::plan::{MAGIC, Plan, Report, stage, tag};
use crate::sys::inside::zygote::Given;

const MS_NOSUID: u64 = 2;
const MS_NODEV: u64 = 4;
const MS_NOEXEC: u64 = 8;
const CLONE_CHILD_CLEARTID: u64 = 0x0020_0000;
const CLONE_CHILD_SETTID: u64 = 0x0100_0000;
const AF_UNIX: i32 = 1;
const SOCK_SEQPACKET_CLOEXEC: i32 = 5 | 0o2_000_000;
const POLLIN: u16 = 1;
/// `SECCOMP_IOCTL_NOTIF_RECV`: `_IOWR('!', 0, struct seccomp_notif)` of 80 bytes.
const NOTIFICATION_RECEIVE: u64 = 0xc050_2100;

/// `struct seccomp_notif`.
#[repr(C)]
#[derive(Default)]
struct Notification {
    id: u64,
    pid: u32,
    flags: u32,
    number: i32,
    architecture: u32,
    instruction: u64,
    arguments: [u64; 6],
}

/// `struct pollfd`.
#[repr(C)]
struct Poll {
    descriptor: i32,
    wanted: u16,
    happened: u16,
}

/// Sends a report; whether anybody hears it is the helper's affair.
pub(crate) fn report(status: i32, report: Report, descriptor: Option<i32>) -> Result<(), Errno> {
    let report = Report { magic: MAGIC, ..report };
    kernel::send(status, (&raw const report).cast(), core::mem::size_of::<Report>(), descriptor)
}

/// Reports a layer that could not be put in force, and ends.
pub(crate) fn fail(status: i32, stage: u32, errno: Errno) -> ! {
    let _ = report(status, Report { tag: tag::FAILED, stage, code: errno, ..Report::default() }, None);
    kernel::exit(71)
}

/// Lives as the init, in the zygote's memory. The plugin's process, a copy of it, goes back to the interpreter, locked down.
pub(crate) fn live(given: Given) -> ! {
    let Given { plan, descriptors, thread_id_place } = given;
    let status = descriptors.status;
    let demand = |stage: u32, done: Result<i64, Errno>| match done {
        Ok(value) => value as i32,
        Err(errno) => fail(status, stage, errno),
    };
    demand(stage::SESSION, lockdown::die_with_parent());
    demand(stage::PROCESS, kernel::default_action(SIGCHLD));
    let myself = demand(stage::PROCESS, call!(nr_any::PIDFD_OPEN, own_pid(plan), 0_u64));
    if has_tmp(plan) {
        let flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
        let (kind, place) = (c"tmpfs".as_ptr(), c"/tmp".as_ptr());
        demand(stage::TMP, call!(nr::MOUNT, kind, place, kind, flags, plan.tmp_options.as_ptr()));
    }
    // The plugin's process hands the listener of its filter over on this.
    let mut pair = [-1_i32; 2];
    let made = call!(nr::SOCKETPAIR, AF_UNIX, SOCK_SEQPACKET_CLOEXEC, 0_u64, pair.as_mut_ptr());
    demand(stage::PROCESS, made);
    // A copy of the zygote's memory, in which nobody is at work: its only thread waits in the kernel or in code of ours.
    let keeps_thread_id = if thread_id_place == 0 { 0 } else { CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID };
    let (flags, place) = (SIGCHLD as u64 | keeps_thread_id, thread_id_place);
    let forked = if cfg!(target_arch = "x86_64") {
        call!(nr::CLONE, flags, 0_u64, 0_u64, place, 0_u64)
    } else {
        call!(nr::CLONE, flags, 0_u64, 0_u64, 0_u64, place)
    };
    let program = demand(stage::PROCESS, forked);
    if program == 0 {
        lockdown::lock(plan, descriptors, pair[1], myself);
        // SAFETY: this is a copy of the zygote, which is in `enter`.
        unsafe { context::leave() }
    }
    for given_away in &[pair[1], myself, descriptors.stream, descriptors.stdout, descriptors.stderr] {
        kernel::close(*given_away);
    }
    let watched = demand(stage::PROCESS, call!(nr_any::PIDFD_OPEN, program, 0_u64));
    if let Err((stage, errno)) = lockdown::lock_init(plan) {
        fail(status, stage, errno);
    }
    // No listener: the program ended before its filter was there, and has said why.
    let (mut byte, mut sent) = ([0_u8; 1], [-1; DESCRIPTORS_MAX]);
    let listener = match kernel::receive(pair[0], byte.as_mut_ptr(), 1, &mut sent) {
        Ok((1, 1)) => sent[0],
        _ => -1,
    };
    kernel::close(pair[0]);
    let end = watch(program, watched, listener);
    let _ = report(status, end, None);
    kernel::exit(0)
}

#[cfg(not(omega_layer_switches))]
const fn has_tmp(_plan: &Plan) -> bool {
    true
}
#[cfg(omega_layer_switches)]
const fn has_tmp(plan: &Plan) -> bool {
    plan.layers_off & (1 << stage::TMP) == 0
}

/// The pid that this process has for itself.
#[cfg(not(omega_layer_switches))]
const fn own_pid(_plan: &Plan) -> i64 {
    1
}
#[cfg(omega_layer_switches)]
fn own_pid(plan: &Plan) -> i64 {
    const GETPID: i64 = if cfg!(target_arch = "x86_64") { 39 } else { 172 };
    if plan.layers_off & (1 << stage::NAMESPACES) == 0 { 1 } else { call!(GETPID).unwrap_or(1) }
}

/// Waits for the program's end, or for a forbidden call, which ends it.
fn watch(program: i32, watched: i32, listener: i32) -> Report {
    let mut refused = None;
    let mut polls = [
        Poll { descriptor: listener, wanted: POLLIN, happened: 0 },
        Poll { descriptor: watched, wanted: POLLIN, happened: 0 },
    ];
    loop {
        match call!(nr::PPOLL, polls.as_mut_ptr(), 2_u64, 0_u64, 0_u64, 0_u64) {
            Err(kernel::EINTR) => continue,
            Err(_) => break,
            Ok(_) => {}
        }
        if polls[0].happened & POLLIN != 0 {
            let mut notification = Notification::default();
            let received = call!(nr::IOCTL, listener, NOTIFICATION_RECEIVE, &raw mut notification);
            if received.is_ok() {
                // Never answered: the call is not made, whatever becomes of the caller.
                refused = Some(notification.number as u32);
                break;
            }
        }
        if polls[1].happened != 0 {
            break;
        }
        if polls[0].happened != 0 {
            // The program is ending: its filter is gone.
            polls[0].descriptor = -1;
        }
    }
    if refused.is_some() {
        let _ = call!(nr::KILL, program, SIGKILL);
    }
    let (status, cpu_us, memory_kib_peak) = wait(program);
    let used = Report { cpu_us, memory_kib_peak, ..Report::default() };
    match refused {
        Some(number) => Report { tag: tag::REFUSED, syscall: u64::from(number), ..used },
        None if status & 0x7f == 0 => Report { tag: tag::EXITED, code: (status >> 8) & 0xff, ..used },
        None => Report { tag: tag::SIGNALLED, code: status & 0x7f, ..used },
    }
}

/// Waits for the program, reaping what else was left to this init. Its status and what it used.
fn wait(program: i32) -> (i32, u64, u64) {
    // `struct rusage`: two times of seconds and microseconds, then the largest resident size.
    let mut usage = [0_u64; 18];
    let mut status = 0_i32;
    loop {
        match call!(nr::WAIT4, -1_i32, &raw mut status, 0_u64, usage.as_mut_ptr()) {
            Ok(pid) if pid == i64::from(program) => break,
            Ok(_) | Err(kernel::EINTR) => {}
            Err(_) => return (SIGKILL, 0, 0),
        }
    }
    let cpu_us = usage[0].wrapping_mul(1_000_000).wrapping_add(usage[1]);
    let cpu_us = cpu_us.wrapping_add(usage[2].wrapping_mul(1_000_000)).wrapping_add(usage[3]);
    (status, cpu_us, usage[4])
}
