//! The zygote's loop: a request with descriptors comes, a worker is born. No plugin code runs in this process, ever.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicI32, Ordering};

use crate::sys::inside::context;
use crate::sys::inside::init;
use crate::sys::inside::kernel::{self, DESCRIPTORS_MAX, Errno};
use crate::sys::inside::plan::{MAGIC, Plan};

/// The helper's end of a zygote's life, which the zygote holds as this descriptor.
const CONTROL: i32 = 3;
/// Workers of one zygote that live at the same time.
pub(crate) const WORKERS_MAX: usize = 256;
/// Bytes of an init's stack: it calls little, and nothing of it recurses.
const STACK_BYTES: usize = 16 * 1024;

const CLONE_VM: u64 = 0x100;
const CLONE_NEWNS: u64 = 0x0002_0000;
const CLONE_CHILD_CLEARTID: u64 = 0x0020_0000;
const CLONE_NEWIPC: u64 = 0x0800_0000;
const CLONE_NEWPID: u64 = 0x2000_0000;
const PR_GET_TID_ADDRESS: i32 = 40;
const EAGAIN: Errno = 11;

/// The descriptors that come with a request, in this order.
#[derive(Clone, Copy)]
pub(crate) struct WorkerDescriptors {
    /// The protocol's stream.
    pub(crate) stream: i32,
    /// Reports go here.
    pub(crate) status: i32,
    pub(crate) stdout: i32,
    pub(crate) stderr: i32,
}

/// What an init is given, at the beginning of its stack's memory: the zygote's own stack goes on.
#[derive(Clone, Copy)]
pub(crate) struct Given {
    pub(crate) plan: &'static Plan,
    pub(crate) descriptors: WorkerDescriptors,
    /// Where the C library keeps the thread's id, for the kernel to set in a copy; 0: unknown.
    pub(crate) thread_id_place: u64,
}

/// The stack of an init, which shares the zygote's memory: a copy of it for each worker would cost as much as the worker.
#[repr(C, align(16))]
struct Stack {
    bytes: UnsafeCell<MaybeUninit<[u8; STACK_BYTES]>>,
    given: UnsafeCell<MaybeUninit<Given>>,
    /// Not zero while its init lives; the kernel clears it.
    alive: AtomicI32,
}

/// All stacks, and the plan. One process has one zygote's loop.
struct Room {
    stacks: [Stack; WORKERS_MAX],
    plan: UnsafeCell<MaybeUninit<Plan>>,
}

// SAFETY: the zygote alone writes, each stack only while it is nobody's, and the plan before anybody reads it.
unsafe impl Sync for Room {}

static ROOM: Room = Room {
    stacks: [const {
        Stack {
            bytes: UnsafeCell::new(MaybeUninit::uninit()),
            given: UnsafeCell::new(MaybeUninit::uninit()),
            alive: AtomicI32::new(0),
        }
    }; WORKERS_MAX],
    plan: UnsafeCell::new(MaybeUninit::zeroed()),
};

/// Serves requests until the helper goes away.
pub(crate) extern "C" fn serve() -> ! {
    let plan = plan();
    let mut thread_id_place = 0_u64;
    // A kernel that does not tell leaves it unknown.
    let _ = kernel::prctl(PR_GET_TID_ADDRESS, (&raw mut thread_id_place).addr() as u64);
    // Ready.
    if answer(0).is_err() {
        kernel::exit(0);
    }
    let mut descriptors = [-1; DESCRIPTORS_MAX];
    loop {
        let mut request = [0_u8; 8];
        let received = kernel::receive(CONTROL, request.as_mut_ptr(), request.len(), &mut descriptors);
        let Ok((8, 4)) = received else {
            // The helper is gone, or speaks another language.
            kernel::exit(if matches!(received, Ok((0, _))) { 0 } else { 70 });
        };
        let [stream, status, stdout, stderr] = descriptors;
        let descriptors_of_it = WorkerDescriptors { stream, status, stdout, stderr };
        let born = bear(Given { plan, descriptors: descriptors_of_it, thread_id_place });
        descriptors.iter().for_each(|descriptor| kernel::close(*descriptor));
        if answer(born.err().unwrap_or(0)).is_err() {
            kernel::exit(0);
        }
    }
}

/// Waits for the plan and checks its form.
fn plan() -> &'static Plan {
    let mut descriptors = [-1; DESCRIPTORS_MAX];
    let size = core::mem::size_of::<Plan>();
    let place = ROOM.plan.get().cast::<Plan>();
    match kernel::receive(CONTROL, place.cast(), size, &mut descriptors) {
        Ok((received, 0)) if received == size => {}
        _ => kernel::exit(70),
    }
    // SAFETY: it was filled as a whole, each bit pattern is a plan, and nothing writes to it from here on.
    let plan = unsafe { &*place };
    let lengths = [plan.refusing, plan.of_program, plan.of_init];
    let sum = lengths.iter().fold(0_usize, |sum, length| sum.saturating_add(*length as usize));
    if plan.magic != MAGIC || lengths.contains(&0) || sum > plan.instructions.len() {
        kernel::exit(70);
    }
    plan
}

/// Tells the helper that something is done, or its `errno`.
fn answer(errno: Errno) -> Result<(), Errno> {
    kernel::send(CONTROL, (&raw const errno).cast(), core::mem::size_of::<Errno>(), None)
}

/// Makes a worker's init, which makes the worker.
fn bear(given: Given) -> Result<(), Errno> {
    let free = ROOM.stacks.iter().find(|stack| stack.alive.load(Ordering::Acquire) == 0);
    let Some(stack) = free else { return Err(EAGAIN) };
    let flags = CLONE_VM | CLONE_CHILD_CLEARTID | CLONE_NEWNS | kernel::SIGCHLD as u64 | own_namespaces(given.plan);
    stack.alive.store(1, Ordering::Release);
    // SAFETY: the stack is nobody's until its init ends, which the kernel tells by clearing `alive`.
    let born = unsafe {
        stack.given.get().cast::<Given>().write(given);
        let top = stack.bytes.get().cast::<u8>().add(STACK_BYTES);
        context::clone_sharing(flags, top, stack.alive.as_ptr(), live, stack.given.get().cast::<Given>())
    };
    if born.is_err() {
        stack.alive.store(0, Ordering::Release);
    }
    born.map(drop)
}

extern "C" fn live(given: *mut Given) -> ! {
    // SAFETY: the zygote wrote it before this process began, and does not touch it while this process lives.
    let given = unsafe { *given };
    init::live(given)
}

#[cfg(not(omega_layer_switches))]
const fn own_namespaces(_plan: &Plan) -> u64 {
    CLONE_NEWPID | CLONE_NEWIPC
}
#[cfg(omega_layer_switches)]
const fn own_namespaces(plan: &Plan) -> u64 {
    if plan.layers_off & (1 << super::plan::stage::NAMESPACES) == 0 { CLONE_NEWPID | CLONE_NEWIPC } else { 0 }
}
