//! How a call ended, told apart (spec page 4: exit evidence).
//!
//! What never happens here: a failure taken for a result. What cannot be told is a trap.

use std::fmt::Write as _;

use omega_contract::ErrorCode;
use omega_contract::ports::{LaneEnding, ProgramExit};
use wasmtime::{Error, Trap, WasmBacktrace};

use crate::bindings::omega::plugin::types as wit;
use crate::exchange;
use crate::guest::{Guest, GuestStop, Kept, readable};
use crate::options::DETAIL_BYTES_MAX;

/// Bytes of a function's name in a backtrace.
const FUNCTION_NAME_BYTES_MAX: usize = 128;

/// What a call into a guest gives.
pub(crate) type Returned = Result<wit::Outcome, wit::Refusal>;

/// The ending of a call that returned.
pub(crate) fn returned(returned: Returned) -> LaneEnding {
    match returned {
        Ok(outcome) => LaneEnding::Finished(exchange::output(outcome)),
        Err(refusal) => LaneEnding::Declined { code: refusal.code, message: refusal.message },
    }
}

/// The ending of a call whose deadline passed.
pub(crate) fn deadline() -> LaneEnding {
    failed(ErrorCode::Timeout, ProgramExit::Deadline, GuestStop::Deadline.to_string())
}

/// The ending of a call that found no free sandbox in its time.
pub(crate) fn no_place() -> LaneEnding {
    failed(ErrorCode::Timeout, ProgramExit::Deadline, "no sandbox came free before the deadline".to_owned())
}

/// The ending of a call that did not return.
pub(crate) fn broken(error: &Error, guest: &Guest) -> LaneEnding {
    if let Some(stop) = error.downcast_ref::<GuestStop>() {
        return stopped(*stop);
    }
    let trap = error.downcast_ref::<Trap>().copied();
    if trap == Some(Trap::OutOfFuel) {
        return failed(ErrorCode::CpuLimit, ProgramExit::CpuLimit, "it used up its fuel".to_owned());
    }
    if guest.memory.refused() && trap != Some(Trap::StackOverflow) {
        let detail =
            format!("it was refused more memory, at most {} bytes are given, and died", guest.memory.bytes_max());
        return failed(ErrorCode::MemoryLimit, ProgramExit::OutOfMemory, with_last_words(detail, guest));
    }
    if let Some(trap) = trap {
        return failed(ErrorCode::PluginTrap, ProgramExit::Trap, with_last_words(trap.to_string(), guest));
    }
    if is_transfer_too_large(error) {
        let detail = "it handed over more bytes at once than it may".to_owned();
        return failed(ErrorCode::OutputTooLarge, ProgramExit::ProtocolViolation, detail);
    }
    // The canonical ABI broken: a pointer out of bounds, text that is not UTF-8, too many handles.
    failed(
        ErrorCode::PluginTrap,
        ProgramExit::ProtocolViolation,
        with_last_words(error.root_cause().to_string(), guest),
    )
}

/// The ending of a guest that the host stopped.
pub(crate) fn stopped(stop: GuestStop) -> LaneEnding {
    let (reason, exit) = match stop {
        GuestStop::Deadline => (ErrorCode::Timeout, ProgramExit::Deadline),
        GuestStop::Exit { .. } => (ErrorCode::PluginError, ProgramExit::PluginError),
        GuestStop::HostCalls { .. } | GuestStop::RandomBytes { .. } => {
            (ErrorCode::PluginError, ProgramExit::ProtocolViolation)
        }
    };
    failed(reason, exit, stop.to_string())
}

/// The functions that the guest was in, innermost first, for the author.
///
/// Names are shown as they stand in the file: demangling what a stranger wrote can take for ever.
pub(crate) fn backtrace(error: &Error) -> String {
    let mut text = String::new();
    for frame in error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::frames).unwrap_or_default() {
        let name = frame.func_name().unwrap_or_default();
        let name = &name[..name.floor_char_boundary(FUNCTION_NAME_BYTES_MAX)];
        let _ = writeln!(text, "  in function {} {name}", frame.func_index());
    }
    readable(text.as_bytes())
}

/// An ending that the lane itself brought about before a guest ran.
pub(crate) fn failed(reason: ErrorCode, exit: ProgramExit, detail: String) -> LaneEnding {
    LaneEnding::Failed { reason, exit, detail: cut(detail) }
}

/// wasmtime's bound on what a guest may hand over has no public error type; its words are pinned by
/// a test, and without them the call still fails, as a protocol violation.
fn is_transfer_too_large(error: &Error) -> bool {
    error.root_cause().to_string().contains("fuel allocated for hostcalls has been exhausted")
}

/// Adds the end of standard error, where a panic says what was wrong.
fn with_last_words(mut detail: String, guest: &Guest) -> String {
    let words = guest.text.read(Kept::error_tail).unwrap_or_default();
    let words = words.trim();
    if !words.is_empty() {
        let _ = write!(detail, "; {words}");
    }
    detail
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(DETAIL_BYTES_MAX));
    text
}
