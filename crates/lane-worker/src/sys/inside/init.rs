//! The init of a worker: process 1 of its own pid namespace. It makes the plugin's process, watches it, and tells how it ended.
//!
//! It is a process of its own so that signals and aborts are reported truly, and so that its death is the death of whatever is
//! left. What never happens here: plugin code, or a report that the plugin could have written.

use core::ffi::c_long;

use crate::sys::inside::kernel::{self, DESCRIPTORS_MAX, Errno, SIGCHLD, SIGKILL, call, nr, nr_any};
use crate::sys::inside::lockdown;
use crate::sys::inside::plan::{MAGIC, Plan, Report, stage, tag};
use crate::sys::inside::zygote::WorkerDescriptors;

const MS_NOSUID: u64 = 2;
const MS_NODEV: u64 = 4;
const MS_NOEXEC: u64 = 8;
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

/// Lives as the init. Returns in the plugin's process alone, locked down.
pub(crate) fn live(plan: &Plan, descriptors: WorkerDescriptors) {
    let status = descriptors.status;
    let demand = |stage: u32, done: Result<i64, Errno>| match done {
        Ok(value) => value as i32,
        Err(errno) => fail(status, stage, errno),
    };
    demand(stage::SESSION, lockdown::die_with_parent());
    demand(stage::PROCESS, kernel::default_action(SIGCHLD));
    let myself = demand(stage::PROCESS, call!(nr_any::PIDFD_OPEN, own_pid(plan), 0_u64));
    if report(status, Report { tag: tag::BORN, ..Report::default() }, Some(myself)).is_err() {
        kernel::exit(71);
    }
    kernel::close(myself);
    // The helper puts this process into its cgroup, then says so.
    let mut go = [0_u8; 1];
    let mut none = [-1; DESCRIPTORS_MAX];
    match kernel::receive(status, go.as_mut_ptr(), 1, &mut none) {
        Ok((1, 0)) => {}
        _ => kernel::exit(71),
    }
    #[cfg(omega_layer_switches)]
    let has_tmp = plan.layers_off & (1 << stage::TMP) == 0;
    #[cfg(not(omega_layer_switches))]
    let has_tmp = true;
    if has_tmp {
        let flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
        let mounted =
            call!(nr::MOUNT, c"tmpfs".as_ptr(), c"/tmp".as_ptr(), c"tmpfs".as_ptr(), flags, plan.tmp_options.as_ptr());
        demand(stage::TMP, mounted);
    }
    // The plugin's process hands the listener of its filter over on this.
    let mut pair = [-1_i32; 2];
    let made =
        call!(nr::SOCKETPAIR, c_long::from(AF_UNIX), c_long::from(SOCK_SEQPACKET_CLOEXEC), 0_u64, pair.as_mut_ptr());
    demand(stage::PROCESS, made);
    let program = demand(stage::PROCESS, kernel::fork_process());
    if program == 0 {
        lockdown::lock(plan, descriptors, pair[1]);
        return;
    }
    kernel::close(pair[1]);
    [descriptors.stream, descriptors.stdout, descriptors.stderr].into_iter().for_each(kernel::close);
    let watched = demand(stage::PROCESS, call!(nr_any::PIDFD_OPEN, c_long::from(program), 0_u64));
    if let Err(errno) = lockdown::lock_init(plan) {
        fail(status, stage::INIT, errno);
    }
    // No listener: the program ended before its filter was there, and has said why.
    let listener = match kernel::receive(pair[0], go.as_mut_ptr(), 1, &mut none) {
        Ok((1, 1)) => none[0],
        _ => -1,
    };
    kernel::close(pair[0]);
    let end = watch(program, watched, listener);
    let _ = report(status, end, None);
    kernel::exit(0)
}

/// The pid that this process has for itself.
fn own_pid(_plan: &Plan) -> c_long {
    #[cfg(omega_layer_switches)]
    if _plan.layers_off & (1 << stage::NAMESPACES) != 0 {
        const GETPID: i64 = if cfg!(target_arch = "x86_64") { 39 } else { 172 };
        return call!(GETPID).unwrap_or(1);
    }
    1
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
            let received = call!(nr::IOCTL, c_long::from(listener), NOTIFICATION_RECEIVE, &raw mut notification);
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
        let _ = call!(nr::KILL, c_long::from(program), c_long::from(SIGKILL));
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
        match call!(nr::WAIT4, -1 as c_long, &raw mut status, 0_u64, usage.as_mut_ptr()) {
            Ok(pid) if pid == i64::from(program) => break,
            Ok(_) | Err(kernel::EINTR) => {}
            Err(_) => return (SIGKILL, 0, 0),
        }
    }
    let cpu_us = usage[0].wrapping_mul(1_000_000).wrapping_add(usage[1]);
    let cpu_us = cpu_us.wrapping_add(usage[2].wrapping_mul(1_000_000)).wrapping_add(usage[3]);
    (status, cpu_us, usage[4])
}
