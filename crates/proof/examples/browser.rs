//! The verifier as a page would load it: a wasm module without imports. `cargo xtask test wasm` builds it for
//! `wasm32-unknown-unknown` and runs it in Node (`tests/interop/check_wasm.mjs`).
//!
//! The page writes the bundle and the key into two buffers that it asks for, and gets a verdict as text in a third. What
//! never happens here: an import. The module can reach nothing but its own memory.

use std::cell::RefCell;

use omega_proof::bundle::verify_bundle;

thread_local! {
    /// What the page writes and reads: the bundle, the verifier key, the verdict.
    static BUFFERS: RefCell<[Vec<u8>; 3]> = RefCell::default();
}

const BUNDLE: usize = 0;
const VKEY: usize = 1;
const VERDICT: usize = 2;

/// Makes buffer `number` so many bytes long and gives its address.
#[expect(unsafe_code, reason = "an export keeps its name by an attribute that is unsafe by name")]
#[unsafe(no_mangle)]
pub extern "C" fn buffer(number: usize, bytes: usize) -> *mut u8 {
    BUFFERS.with_borrow_mut(|buffers| match buffers.get_mut(number) {
        Some(buffer) => {
            buffer.clear();
            buffer.resize(bytes, 0);
            buffer.as_mut_ptr()
        }
        None => std::ptr::null_mut(),
    })
}

/// Verifies the bundle under the key: the verdict's length; its first byte is `+` or `-`.
#[expect(unsafe_code, reason = "an export keeps its name by an attribute that is unsafe by name")]
#[unsafe(no_mangle)]
pub extern "C" fn verify() -> usize {
    BUFFERS.with_borrow_mut(|buffers| {
        let key = std::str::from_utf8(&buffers[VKEY]).unwrap_or_default();
        let verdict = match key.trim_end().parse() {
            Ok(key) => match verify_bundle(&buffers[BUNDLE], &[key], &[]) {
                Ok(verdict) => format!("+{} events of run {}", verdict.events, verdict.run_id),
                Err(fault) => format!("-{fault}"),
            },
            Err(fault) => format!("-{fault}"),
        };
        buffers[VERDICT] = verdict.into_bytes();
        buffers[VERDICT].len()
    })
}

/// Where the verdict is.
#[expect(unsafe_code, reason = "an export keeps its name by an attribute that is unsafe by name")]
#[unsafe(no_mangle)]
pub extern "C" fn verdict() -> *const u8 {
    BUFFERS.with_borrow(|buffers| buffers[VERDICT].as_ptr())
}
