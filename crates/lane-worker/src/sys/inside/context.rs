//! What Rust has no words for: a process that shares its parent's memory and begins on a stack of its own, and the way back to the
//! interpreter from a copy of a process whose own stack went on meanwhile.
//!
//! What never happens here: a return into a frame that has ended.

use core::arch::{asm, naked_asm};

use crate::sys::inside::kernel::{Errno, nr};

/// Where the interpreter's stack stood when it called [`enter`]. Written once, before the first worker.
static mut ENTERED_AT: u64 = 0;

/// Called by the interpreter: keeps where it stands, then serves. Only a worker comes back, by [`leave`].
///
/// # Safety
/// Called once, in a process of one thread. `serve` never returns.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn enter(serve: extern "C" fn() -> !) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "lea rax, [rip + {entered_at}]",
        "mov [rax], rsp",
        "call rdi",
        "ud2",
        entered_at = sym ENTERED_AT,
    )
}

/// Comes back from [`enter`], in a copy of the process.
///
/// # Safety
/// The process is a copy of one that is in [`enter`].
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn leave() -> ! {
    naked_asm!(
        "lea rax, [rip + {entered_at}]",
        "mov rsp, [rax]",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
        entered_at = sym ENTERED_AT,
    )
}

/// Called by the interpreter: keeps where it stands, then serves. Only a worker comes back, by [`leave`].
///
/// # Safety
/// Called once, in a process of one thread. `serve` never returns.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn enter(serve: extern "C" fn() -> !) {
    naked_asm!(
        "stp x29, x30, [sp, #-160]!",
        "stp x19, x20, [sp, #16]",
        "stp x21, x22, [sp, #32]",
        "stp x23, x24, [sp, #48]",
        "stp x25, x26, [sp, #64]",
        "stp x27, x28, [sp, #80]",
        "stp d8, d9, [sp, #96]",
        "stp d10, d11, [sp, #112]",
        "stp d12, d13, [sp, #128]",
        "stp d14, d15, [sp, #144]",
        "adrp x9, {entered_at}",
        "add x9, x9, :lo12:{entered_at}",
        "mov x10, sp",
        "str x10, [x9]",
        "blr x0",
        "brk #1",
        entered_at = sym ENTERED_AT,
    )
}

/// Comes back from [`enter`], in a copy of the process.
///
/// # Safety
/// The process is a copy of one that is in [`enter`].
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn leave() -> ! {
    naked_asm!(
        "adrp x9, {entered_at}",
        "add x9, x9, :lo12:{entered_at}",
        "ldr x10, [x9]",
        "mov sp, x10",
        "ldp x19, x20, [sp, #16]",
        "ldp x21, x22, [sp, #32]",
        "ldp x23, x24, [sp, #48]",
        "ldp x25, x26, [sp, #64]",
        "ldp x27, x28, [sp, #80]",
        "ldp d8, d9, [sp, #96]",
        "ldp d10, d11, [sp, #112]",
        "ldp d12, d13, [sp, #128]",
        "ldp d14, d15, [sp, #144]",
        "ldp x29, x30, [sp], #160",
        "ret",
        entered_at = sym ENTERED_AT,
    )
}

/// Makes a process that shares this one's memory and begins with `run(argument)` on its own stack. Its pid.
///
/// # Safety
/// `flags` has `CLONE_VM` and neither `CLONE_THREAD` nor `CLONE_SETTLS`; `stack_top` is the end, aligned to 16 bytes, of memory that nothing else
/// uses until the kernel has cleared `alive`; `run` never returns.
pub(crate) unsafe fn clone_sharing<T>(
    flags: u64,
    stack_top: *mut u8,
    alive: *mut i32,
    run: extern "C" fn(*mut T) -> !,
    argument: *mut T,
) -> Result<i64, Errno> {
    let returned: i64;
    // SAFETY: the parent goes on behind the label with all registers kept; the child never reads the parent's stack.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r13",
            "call r12",
            "ud2",
            "2:",
            inlateout("rax") nr::CLONE => returned,
            in("rdi") flags, in("rsi") stack_top, in("rdx") 0_u64, in("r10") alive, in("r8") 0_u64,
            in("r12") run, in("r13") argument,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x10",
            "blr x9",
            "brk #1",
            "2:",
            in("x8") nr::CLONE, inlateout("x0") flags => returned,
            in("x1") stack_top, in("x2") 0_u64, in("x3") 0_u64, in("x4") alive,
            in("x9") run, in("x10") argument,
        );
    }
    if (-4095..0).contains(&returned) { Err(-returned as Errno) } else { Ok(returned) }
}
