//! The lockdown of the plugin's process, layer by layer, in the order of spec page 4. After it nothing of the sandbox can be
//! taken back: each layer holds for all that this process will ever do.

use crate::sys::inside::init::{fail, report};
use crate::sys::inside::kernel::{self, DESCRIPTORS_MAX, Errno, SIGCHLD, SIGKILL, call, nr, nr_any};
use crate::sys::inside::landlock;
use crate::sys::inside::plan::{Instruction, MAGIC, Plan, RLIMITS, Report, stage, tag};
use crate::sys::inside::zygote::WorkerDescriptors;

const PR_SET_PDEATHSIG: i32 = 1;
const PR_SET_DUMPABLE: i32 = 4;
const PR_CAPBSET_DROP: i32 = 24;
const PR_SET_SECUREBITS: i32 = 28;
const PR_SET_NO_NEW_PRIVS: i32 = 38;
const PR_CAP_AMBIENT: i32 = 47;
const PR_CAP_AMBIENT_CLEAR_ALL: u64 = 4;
/// No root, no setuid fix-up, no ambient capability: each set and locked; keeping capabilities: locked as not set.
const SECUREBITS_LOCKED: u64 = 0b1110_1111;
/// Capability numbers are below this, in this kernel and the next ones.
const CAPABILITIES: u64 = 64;
const SECCOMP_SET_MODE_FILTER: u64 = 1;
const SECCOMP_FILTER_FLAG_NEW_LISTENER: u64 = 8;
/// Lowered last: descriptors on their way through sockets are counted for all processes of a user, and whoever sends one is refused
/// where they are more than its own limit. So a program, with a lower limit, can not stop another's lockdown.
const RLIMIT_NOFILE: usize = 7;
/// Where the program finds the protocol's stream.
const STREAM: i32 = 3;
const O_CLOEXEC: u64 = 0o2_000_000;

/// `struct sock_fprog`.
#[repr(C)]
struct Program {
    length: u16,
    instructions: *const Instruction,
}

/// Whether a layer is put in force: always, but in builds for the layer tests.
#[cfg(not(omega_layer_switches))]
const fn is_on(_plan: &Plan, _stage: u32) -> bool {
    true
}
#[cfg(omega_layer_switches)]
const fn is_on(plan: &Plan, stage: u32) -> bool {
    plan.layers_off & (1 << stage) == 0
}

/// The kernel kills this process when its parent ends.
pub(crate) fn die_with_parent() -> Result<i64, Errno> {
    kernel::prctl(PR_SET_PDEATHSIG, SIGKILL as u64)
}

/// Locks the plugin's process down; a layer that cannot be put in force ends it. `init` is the pidfd of its init.
pub(crate) fn lock(plan: &Plan, descriptors: WorkerDescriptors, to_init: i32, init: i32) {
    let status = descriptors.status;
    let demand = |stage: u32, done: Result<i64, Errno>| match done {
        Ok(value) => value,
        Err(errno) => fail(status, stage, errno),
    };
    if report(status, Report { tag: tag::BORN, ..Report::default() }, Some(init)).is_err() {
        kernel::exit(71);
    }
    // The helper puts this process into its cgroup, then says so.
    let (mut go, mut none) = ([0_u8; 1], [-1; DESCRIPTORS_MAX]);
    if !matches!(kernel::receive(status, go.as_mut_ptr(), 1, &mut none), Ok((1, 0))) {
        kernel::exit(71);
    }
    demand(stage::SESSION, kernel::default_action(SIGCHLD));
    if is_on(plan, stage::SESSION) {
        demand(stage::SESSION, die_with_parent());
        demand(stage::SESSION, call!(nr::SETSID));
    }
    let (status, to_init) = arrange(plan, descriptors, to_init, &demand);
    let demand = |stage: u32, done: Result<i64, Errno>| match done {
        Ok(value) => value,
        Err(errno) => fail(status, stage, errno),
    };
    if is_on(plan, stage::LIMITS) {
        demand(stage::LIMITS, limit(plan));
    }
    if is_on(plan, stage::CAPABILITIES) {
        demand(stage::CAPABILITIES, drop_capabilities());
    }
    if is_on(plan, stage::NO_NEW_PRIVILEGES) {
        demand(stage::NO_NEW_PRIVILEGES, kernel::prctl(PR_SET_NO_NEW_PRIVS, 1));
    }
    if is_on(plan, stage::DUMPABLE) {
        demand(stage::DUMPABLE, kernel::prctl(PR_SET_DUMPABLE, 0));
    }
    if is_on(plan, stage::LANDLOCK) {
        demand(stage::LANDLOCK, landlock::restrict(plan.landlock_abi));
    }
    let (refusing, rest) = split(&plan.instructions, plan.refusing);
    let (of_program, _) = split(rest, plan.of_program);
    if is_on(plan, stage::SECCOMP) {
        let listener = demand(stage::SECCOMP, filter(refusing, SECCOMP_FILTER_FLAG_NEW_LISTENER)) as i32;
        // From here on a forbidden call waits for the init, which never answers.
        let sent = kernel::send(to_init, [1_u8].as_ptr(), 1, Some(listener)).map(|()| 0);
        demand(stage::SECCOMP, sent);
        kernel::close(listener);
    }
    // Descriptors on their way are counted per user, against the sender's own limit: with the program's, other workers'
    // could keep this one from being made.
    if is_on(plan, stage::LIMITS) {
        demand(stage::LIMITS, set_limit(plan, RLIMIT_NOFILE));
    }
    if is_on(plan, stage::SECCOMP) {
        demand(stage::SECCOMP, filter(of_program, 0));
    }
    kernel::close(to_init);
    // On the stream, which is all that is left: whoever looks from outside now sees what the plugin will have. Written, since
    // messages, which could carry descriptors, are denied by now.
    kernel::close(status);
    let locked = Report { magic: MAGIC, tag: tag::LOCKED, ..Report::default() };
    let size = core::mem::size_of::<Report>();
    if !matches!(call!(nr::WRITE, STREAM, &raw const locked, size), Ok(written) if written == size as i64) {
        kernel::exit(71);
    }
}

/// Puts the descriptors where the program expects them and closes all others. The places of the status socket and of
/// the way to the init, which are closed when the lockdown is done.
fn arrange(
    plan: &Plan,
    descriptors: WorkerDescriptors,
    to_init: i32,
    demand: &dyn Fn(u32, Result<i64, Errno>) -> i64,
) -> (i32, i32) {
    const HIGH: i32 = 100;
    let put = |from: i32, to: i32, flags: u64| {
        demand(stage::DESCRIPTORS, call!(nr::DUP3, from, to, flags));
    };
    // First out of the way of the low numbers, then into them.
    let from = [descriptors.stream, descriptors.status, descriptors.stdout, descriptors.stderr, to_init];
    for (descriptor, to) in from.iter().zip(HIGH..) {
        put(*descriptor, to, O_CLOEXEC);
    }
    // A pipe without a writer, of this worker alone: the flags of an open file are shared by all that inherit it, and would be
    // a way from one call to the next.
    let mut input = [-1_i32; 2];
    demand(stage::DESCRIPTORS, call!(nr::PIPE2, input.as_mut_ptr(), O_CLOEXEC));
    if input[0] != 0 {
        put(input[0], 0, 0);
        kernel::close(input[0]);
    }
    kernel::close(input[1]);
    put(HIGH + 2, 1, 0);
    put(HIGH + 3, 2, 0);
    put(HIGH, STREAM, 0);
    put(HIGH + 1, 4, O_CLOEXEC);
    put(HIGH + 4, 5, O_CLOEXEC);
    if is_on(plan, stage::DESCRIPTORS) {
        demand(stage::DESCRIPTORS, call!(nr_any::CLOSE_RANGE, 6_u64, u64::from(u32::MAX), 0_u64));
    }
    (4, 5)
}

fn limit(plan: &Plan) -> Result<i64, Errno> {
    for resource in (0..RLIMITS).filter(|resource| *resource != RLIMIT_NOFILE) {
        set_limit(plan, resource)?;
    }
    Ok(0)
}

fn set_limit(plan: &Plan, resource: usize) -> Result<i64, Errno> {
    if plan.limits_set & (1 << resource) == 0 {
        return Ok(0);
    }
    let limit = &raw const plan.limits[resource];
    call!(nr::PRLIMIT64, 0_u64, resource, limit, 0_u64)
}

fn drop_capabilities() -> Result<i64, Errno> {
    kernel::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)?;
    for capability in 0..CAPABILITIES {
        match kernel::prctl(PR_CAPBSET_DROP, capability) {
            // Past the last one that this kernel knows.
            Err(kernel::EINVAL) => break,
            dropped => dropped?,
        };
    }
    kernel::prctl(PR_SET_SECUREBITS, SECUREBITS_LOCKED)?;
    // `struct __user_cap_header_struct` of version 3, this process; effective, permitted, inheritable: none.
    let header = [0x2008_0522_u32, 0];
    let none = [0_u32; 6];
    call!(nr::CAPSET, header.as_ptr(), none.as_ptr())
}

/// The first so many instructions, and the others.
fn split(instructions: &[Instruction], length: u32) -> (&[Instruction], &[Instruction]) {
    instructions.split_at_checked(length as usize).unwrap_or((&[], &[]))
}

fn filter(instructions: &[Instruction], flags: u64) -> Result<i64, Errno> {
    let program = Program { length: instructions.len() as u16, instructions: instructions.as_ptr() };
    call!(nr::SECCOMP, SECCOMP_SET_MODE_FILTER, flags, &raw const program)
}

/// What of it an init needs for itself: it runs no foreign code, but it stands between the plugin and the zygote.
/// The stage that fails comes with its `errno`.
pub(crate) fn lock_init(plan: &Plan) -> Result<i64, (u32, Errno)> {
    let own = |errno| (stage::INIT, errno);
    drop_capabilities().map_err(own)?;
    kernel::prctl(PR_SET_NO_NEW_PRIVS, 1).map_err(own)?;
    kernel::prctl(PR_SET_DUMPABLE, 0).map_err(own)?;
    let (_, rest) = split(&plan.instructions, plan.refusing);
    let (_, rest) = split(rest, plan.of_program);
    let (of_init, _) = split(rest, plan.of_init);
    filter(of_init, 0).map_err(|errno| (stage::SECCOMP, errno))
}
