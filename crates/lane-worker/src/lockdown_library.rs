//! The root of the library that a foreign interpreter's zygote loads (`build.rs` compiles it): what is under `inside`, without `std`.
#![no_std]

mod sys {
    #[allow(dead_code, reason = "what only the jailer uses of the shared shapes")]
    pub(crate) mod inside;
}

/// Serves as a zygote; returns only in a worker, locked down.
///
/// # Safety
/// Called once, in a process of one thread whose descriptor 3 is the helper's control socket.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn omega_zygote() {
    // SAFETY: as the caller promises.
    unsafe { sys::inside::context::enter(sys::inside::zygote::serve) }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    sys::inside::kernel::exit(72)
}

/// Named by the unwinding tables of `core`'s own code. Nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
