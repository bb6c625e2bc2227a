//! The warm parent of JavaScript workers, and the loop that each of them runs. No plugin code runs in the parent, ever.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use omega_contract::manifest::DeterminismMode;
use rquickjs::{Function, Persistent};
use serde_json::value::RawValue;

use super::engine::{Ending, Engine};
use super::stream::{Broken, Stream, read};
use crate::frames::{Call, Load, ProgramError, Says};
use crate::limits::{FRAME_BYTES_MARGIN, IMPORT_MAX};
use crate::sys;

/// Where the package is inside.
const PLUGIN_FOLDER: &str = "/plugin";

/// How the process ends (`docs/worker-protocol.md`).
const EXIT_DONE: i32 = 0;
pub(super) const EXIT_PROTOCOL: i32 = 96;
pub(super) const EXIT_STREAM: i32 = 97;
const EXIT_LOOP: i32 = 98;

/// Becomes a zygote, whose workers serve so.
pub(super) fn run(serve: fn(&Engine, &Path) -> Result<(), Broken>) -> ! {
    let engine = match Engine::warm() {
        Ok(engine) => engine,
        Err(why) => {
            eprintln!("{why}");
            sys::exit_now(EXIT_LOOP);
        }
    };
    if let Err(error) = rehearse(&engine) {
        eprintln!("the rehearsal: {}: {}", error.kind, error.message);
        sys::exit_now(EXIT_LOOP);
    }
    if let Err(error) = sys::ignore_children() {
        eprintln!("{error}");
        sys::exit_now(EXIT_LOOP);
    }
    sys::clear_environment();
    sys::serve_as_zygote();
    // From here on this is a worker, locked down.
    engine.wire.open(Stream::new(sys::worker_stream()));
    let served = catch_unwind(AssertUnwindSafe(|| serve(&engine, Path::new(PLUGIN_FOLDER))));
    // Nothing of the plugin's runs after its call.
    sys::exit_now(match served {
        Ok(Ok(())) => EXIT_DONE,
        Ok(Err(Broken::Protocol)) => EXIT_PROTOCOL,
        Ok(Err(Broken::Stream)) => EXIT_STREAM,
        Err(_) => EXIT_LOOP,
    })
}

/// Runs a program of ours once, so that no worker has to make what the engine makes when it first runs one. It has no memory that another
/// program could reach: a module of no name that can be asked for.
fn rehearse(engine: &Engine) -> Result<(), ProgramError> {
    const PROGRAM: &[u8] = b"export const handle = ({payload}, host) => ({payload, notes: ''});";
    const REQUEST: &str = r#"{"request_id":"","run_id":"","timestamp":"","context":{},"payload":{"kind":"text","content":"x","encoding":"utf-8","metadata":{}}}"#;
    let handle = engine.load("rehearsal", PROGRAM.to_vec(), "handle")?;
    let request = serde_json::from_str(REQUEST).map_err(|error| fault(error.to_string()))?;
    match engine.call(handle, request) {
        Ending::Result { .. } => Ok(()),
        Ending::Failed(error) => Err(error),
        Ending::Declined { message, .. } => Err(fault(message)),
    }
}

/// A failure of what is around the program.
fn fault(message: String) -> ProgramError {
    ProgramError { kind: "Error".to_owned(), message, traceback: String::new() }
}

/// Serves one call.
pub(super) fn serve(engine: &Engine, folder: &Path) -> Result<(), Broken> {
    let wire = &engine.wire;
    let Some(body) = wire.with_stream(Stream::receive)? else { return Ok(()) };
    let load: Load = read(&body)?;
    let is_deterministic = load.determinism == DeterminismMode::Deterministic.as_str();
    let handle = match import(engine, &load, folder, is_deterministic) {
        Ok(handle) => handle,
        Err(error) => return wire.with_stream(|stream| stream.send(&Says::LoadFailed { error: &error })),
    };
    wire.with_stream(|stream| stream.send(&Says::Loaded))?;
    let Some(body) = wire.with_stream(Stream::receive)? else { return Ok(()) };
    let call: Call<&RawValue> = read(&body)?;
    if is_deterministic {
        wire.seed(seed(&call.seed)?);
    }
    engine.allow(Duration::from_millis(call.time_left_ms));
    let ending = engine.call(handle, call.request);
    wire.with_stream(|stream| answer(stream, &ending, &load, engine.rejected()))
}

/// Says how a call ended.
fn answer(stream: &mut Stream, ending: &Ending, load: &Load, rejected: usize) -> Result<(), Broken> {
    if rejected > 0 && !matches!(ending, Ending::Failed(_)) {
        let message = format!("{rejected} promises were rejected, and nobody asked about them");
        stream.send(&Says::Log { level: "warn", message: &message })?;
    }
    match ending {
        Ending::Failed(error) => stream.send(&Says::Failed { error }),
        Ending::Declined { code, message } => stream.send(&Says::Declined { code, message }),
        Ending::Result { payload, notes } => {
            let length = payload.len().saturating_add(notes.len());
            if length as u64 > load.limits.output_bytes.saturating_add(FRAME_BYTES_MARGIN) {
                return stream.announce(length);
            }
            stream.send(&Says::Result { payload: read(payload.as_bytes())?, notes })
        }
    }
}

/// Bounds the engine, seeds it, and imports the program.
fn import(
    engine: &Engine,
    load: &Load,
    folder: &Path,
    is_deterministic: bool,
) -> Result<Persistent<Function<'static>>, ProgramError> {
    let seed = if is_deterministic {
        seed(&load.seed).map_err(|_| fault("its seed is none".to_owned()))?
    } else {
        // Every worker is a copy of one parent: without this all would draw the same numbers.
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| fault(error.to_string()))?;
        seed
    };
    engine.wire.seed(seed);
    engine.limit(load.limits.memory_bytes);
    engine.allow(IMPORT_MAX);
    if is_deterministic {
        engine.stand_still()?;
    }
    let source = fs::read(folder.join(&load.entry)).map_err(|error| fault(format!("{}: {error}", load.entry)))?;
    engine.load(&load.entry, source, &load.export)
}

/// A seed of 64 hexadecimal digits.
fn seed(text: &str) -> Result<[u8; 32], Broken> {
    let mut seed = [0; 32];
    let (digits, rest) = text.as_bytes().as_chunks::<2>();
    if digits.len() != seed.len() || !rest.is_empty() {
        return Err(Broken::Protocol);
    }
    for (byte, digits) in seed.iter_mut().zip(digits) {
        let digits = std::str::from_utf8(digits).map_err(|_| Broken::Protocol)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| Broken::Protocol)?;
    }
    Ok(seed)
}
