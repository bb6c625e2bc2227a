//! The zygote's loop: a request with descriptors comes, a worker is born. No plugin code runs in this process, ever.

use core::ffi::{c_long, c_void};

use crate::sys::inside::init;
use crate::sys::inside::kernel::{self, DESCRIPTORS_MAX, Errno, call, nr};
use crate::sys::inside::plan::{MAGIC, Plan};

/// The helper's end of a zygote's life, which the zygote holds as this descriptor.
const CONTROL: i32 = 3;

const CLONE_NEWNS: u64 = 0x0002_0000;
const CLONE_NEWIPC: u64 = 0x0800_0000;
const CLONE_NEWPID: u64 = 0x2000_0000;

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

/// Serves requests until the helper goes away; returns only in a worker, locked down, where descriptor 3 is the
/// protocol's stream.
///
/// # Safety
/// The process has one thread, and `plan` is room for one plan that nothing else uses.
pub(crate) unsafe fn serve(plan: *mut Plan) {
    let mut descriptors = [-1; DESCRIPTORS_MAX];
    let size = core::mem::size_of::<Plan>();
    match kernel::receive(CONTROL, plan.cast(), size, &mut descriptors) {
        // SAFETY: it was filled as a whole, and each bit pattern is a plan.
        Ok((received, 0)) if received == size && unsafe { (*plan).magic } == MAGIC => {}
        _ => kernel::exit(70),
    }
    // SAFETY: as above; nothing writes to it from here on.
    let plan = unsafe { &*plan };
    let lengths = [plan.of_program, plan.of_init];
    if lengths.contains(&0) || lengths.iter().map(|length| *length as usize).sum::<usize>() > plan.instructions.len() {
        kernel::exit(70);
    }
    // Ready.
    if answer(0).is_err() {
        kernel::exit(0);
    }
    loop {
        let mut request = [0_u8; 8];
        let received = kernel::receive(CONTROL, request.as_mut_ptr(), request.len(), &mut descriptors);
        let Ok((8, 4)) = received else {
            // The helper is gone, or speaks another language.
            kernel::exit(if matches!(received, Ok((0, _))) { 0 } else { 70 });
        };
        let [stream, status, stdout, stderr] = descriptors;
        match bear(plan, WorkerDescriptors { stream, status, stdout, stderr }) {
            // In the worker, locked down.
            Ok(0) => return,
            born => {
                descriptors.iter().for_each(|descriptor| kernel::close(*descriptor));
                if answer(born.err().unwrap_or(0)).is_err() {
                    kernel::exit(0);
                }
            }
        }
    }
}

/// Tells the helper that something is done, or its `errno`.
fn answer(errno: Errno) -> Result<(), Errno> {
    kernel::send(CONTROL, (&raw const errno).cast(), core::mem::size_of::<Errno>(), None)
}

/// Makes a worker's init, which makes the worker. Zero in the worker, another number in the zygote.
fn bear(plan: &Plan, descriptors: WorkerDescriptors) -> Result<i64, Errno> {
    let flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | kernel::SIGCHLD as u64;
    #[cfg(omega_layer_switches)]
    let flags = if plan.layers_off & (1 << super::plan::stage::NAMESPACES) != 0 {
        CLONE_NEWNS | kernel::SIGCHLD as u64
    } else {
        flags
    };
    let none: *const c_void = core::ptr::null();
    // A fork with namespaces of its own: no stack, no thread's storage, no place for a pid.
    let pid = call!(nr::CLONE, flags as c_long, none, none, none, none)?;
    if pid == 0 {
        init::live(plan, descriptors);
    }
    Ok(pid)
}
