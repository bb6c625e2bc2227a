//! What a program can ask of its host, and the few functions that the prelude's globals are made with.
//!
//! What never happens here: a decision about what the program may do, which is the gateway's alone.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use base64::Engine as _;
use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use rquickjs::convert::List;
use rquickjs::{Ctx, Exception, Function, Object, Persistent, TypedArray, Value};
use serde_json::Value as Json;

use super::stream::{Broken, Stream, read};
use super::text::{cut, text_of};
use super::zygote::{EXIT_PROTOCOL, EXIT_STREAM};
use crate::frames::{Question, Reply, Says, level};
use crate::limits::ARTIFACT_READ_BYTES_MAX;
use crate::sys;

const LOG_BYTES_MAX: usize = 8 * 1024;
const PROGRESS_BYTES_MAX: usize = 1024;
/// The largest integer that JavaScript's numbers hold exactly.
const INTEGER_MAX: f64 = 9_007_199_254_740_991.0;
/// What is written where bytes are no text.
const REPLACEMENT: char = '\u{fffd}';

/// What the natives share. The stream is there in workers alone.
pub(super) struct Wire {
    stream: RefCell<Option<Stream>>,
    asked: Cell<u64>,
    random: RefCell<ChaCha20Rng>,
    /// Makes the error that a broker's refusal is thrown as.
    broker_error: RefCell<Option<Persistent<Function<'static>>>>,
}

impl Wire {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            stream: RefCell::new(None),
            asked: Cell::new(0),
            random: RefCell::new(ChaCha20Rng::from_seed([0; 32])),
            broker_error: RefCell::new(None),
        })
    }

    pub(super) fn open(&self, stream: Stream) {
        self.stream.replace(Some(stream));
    }

    pub(super) fn seed(&self, seed: [u8; 32]) {
        self.random.replace(ChaCha20Rng::from_seed(seed));
    }

    pub(super) fn set_broker_error(&self, make: Persistent<Function<'static>>) {
        self.broker_error.replace(Some(make));
    }

    /// Speaks with the gateway.
    pub(super) fn with_stream<T>(&self, talk: impl FnOnce(&mut Stream) -> Result<T, Broken>) -> Result<T, Broken> {
        self.stream.borrow_mut().as_mut().map_or(Err(Broken::Stream), talk)
    }

    /// Speaks with the gateway during a call. Without it the process ends: no exception, or the program might go on for nobody.
    fn or_end<T>(&self, talk: impl FnOnce(&mut Stream) -> Result<T, Broken>) -> T {
        match self.with_stream(talk) {
            Ok(value) => value,
            Err(Broken::Protocol) => sys::exit_now(EXIT_PROTOCOL),
            Err(Broken::Stream) => sys::exit_now(EXIT_STREAM),
        }
    }

    fn random(&self) -> f64 {
        // The upper 53 bits, as a fraction: what a double holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let bits = (self.random.borrow_mut().next_u64() >> 11) as f64;
        bits / 9_007_199_254_740_992.0
    }

    fn ask(&self, ctx: &Ctx<'_>, question: &Question) -> rquickjs::Result<Json> {
        let id = self.asked.get() + 1;
        self.asked.set(id);
        let reply = self.or_end(|stream| {
            stream.send(&Says::Ask { id, question })?;
            let body = stream.receive()?.ok_or(Broken::Stream)?;
            match read(&body)? {
                reply @ (Reply::Answer { id: of, .. } | Reply::Refusal { id: of, .. }) if of == id => Ok(reply),
                _ => Err(Broken::Protocol),
            }
        });
        match reply {
            Reply::Answer { value, .. } => Ok(value),
            Reply::Refusal { kind, message, .. } => Err(self.refusal(ctx, &kind, &message)),
        }
    }

    fn refusal(&self, ctx: &Ctx<'_>, kind: &str, message: &str) -> rquickjs::Error {
        let make = self.broker_error.borrow().clone();
        let made = make.map(|make| make.restore(ctx)?.call::<_, Value<'_>>((kind, message)));
        match made {
            Some(Ok(error)) => ctx.throw(error),
            Some(Err(error)) => error,
            None => Exception::throw_message(ctx, message),
        }
    }
}

/// The functions that the prelude is given.
pub(super) fn natives<'js>(ctx: &Ctx<'js>, wire: &Rc<Wire>) -> rquickjs::Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    macro_rules! offer {
        ($name:literal, $wire:ident, $function:expr) => {{
            let $wire = Rc::clone(wire);
            native.set($name, Function::new(ctx.clone(), $function)?.with_name($name)?)?;
        }};
    }
    offer!("log", wire, move |ctx, level, message| log(&wire, &ctx, &level, &message));
    offer!("progress", wire, move |ctx, done, message| progress(&wire, &ctx, &done, &message));
    offer!("artifactSize", wire, move |ctx, id| artifact_size(&wire, &ctx, &id));
    offer!("artifactRead", wire, move |ctx, id, offset, length| artifact_read(&wire, ctx, &id, &offset, &length));
    offer!("datasetCount", wire, move |ctx| dataset_count(&wire, &ctx));
    offer!("datasetRead", wire, move |ctx, first, rows| dataset_read(&wire, &ctx, &first, &rows));
    offer!("random", wire, move || wire.random());
    native.set("encode", Function::new(ctx.clone(), encode)?)?;
    native.set("encodeInto", Function::new(ctx.clone(), encode_into)?)?;
    native.set("decode", Function::new(ctx.clone(), decode)?)?;
    Ok(native)
}

fn text<'js>(ctx: &Ctx<'js>, value: &Value<'js>, what: &str) -> rquickjs::Result<String> {
    match value.as_string() {
        Some(string) => text_of(ctx, string),
        None => {
            Err(Exception::throw_type(ctx, &format!("`{what}` must be a string, and is of type {}", value.type_name())))
        }
    }
}

/// A whole number from 0 to `max`.
fn whole<'js>(ctx: &Ctx<'js>, value: &Value<'js>, what: &str, max: f64) -> rquickjs::Result<u64> {
    match value.as_number() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and between zero and 2^53")]
        Some(number) if number >= 0.0 && number.fract() == 0.0 && number <= INTEGER_MAX => Ok(number.min(max) as u64),
        _ => Err(Exception::throw_type(ctx, &format!("`{what}` must be a whole number, zero or more"))),
    }
}

fn small<'js>(ctx: &Ctx<'js>, value: &Value<'js>, what: &str, max: u32) -> rquickjs::Result<u32> {
    Ok(u32::try_from(whole(ctx, value, what, max.into())?).unwrap_or(max))
}

fn log<'js>(wire: &Wire, ctx: &Ctx<'js>, at: &Value<'js>, message: &Value<'js>) -> rquickjs::Result<()> {
    let at = text(ctx, at, "level")?;
    if level(&at).is_err() {
        return Err(Exception::throw_type(ctx, "`level` must be debug, info, warn or error"));
    }
    let message = cut(text(ctx, message, "message")?, LOG_BYTES_MAX);
    wire.or_end(|stream| stream.send(&Says::Log { level: &at, message: &message }));
    Ok(())
}

fn progress<'js>(wire: &Wire, ctx: &Ctx<'js>, done: &Value<'js>, message: &Value<'js>) -> rquickjs::Result<()> {
    let Some(done) = done.as_number() else {
        return Err(Exception::throw_type(ctx, "`done` must be a number from 0 to 1"));
    };
    let done = if done.is_finite() { done.clamp(0.0, 1.0) } else { 0.0 };
    let message = cut(text(ctx, message, "message")?, PROGRESS_BYTES_MAX);
    wire.or_end(|stream| stream.send(&Says::Progress { done, message: &message }));
    Ok(())
}

/// An answer in the form that this question has; another one ends the process.
fn expected<T>(answer: Option<T>) -> T {
    answer.unwrap_or_else(|| sys::exit_now(EXIT_PROTOCOL))
}

#[expect(clippy::cast_precision_loss, reason = "sizes and counts are far below 2^53")]
fn count(answer: &Json) -> f64 {
    expected(answer.as_u64()) as f64
}

fn artifact_size<'js>(wire: &Wire, ctx: &Ctx<'js>, id: &Value<'js>) -> rquickjs::Result<f64> {
    let artifact_id = text(ctx, id, "id")?;
    Ok(count(&wire.ask(ctx, &Question::ArtifactSize { artifact_id })?))
}

fn artifact_read<'js>(
    wire: &Wire,
    ctx: Ctx<'js>,
    id: &Value<'js>,
    offset: &Value<'js>,
    length: &Value<'js>,
) -> rquickjs::Result<TypedArray<'js, u8>> {
    let question = Question::ArtifactRead {
        artifact_id: text(&ctx, id, "id")?,
        offset: whole(&ctx, offset, "offset", INTEGER_MAX)?,
        length: small(&ctx, length, "length", ARTIFACT_READ_BYTES_MAX)?,
    };
    let answer = wire.ask(&ctx, &question)?;
    let decoded = answer.as_str().map(|text| base64::engine::general_purpose::STANDARD.decode(text));
    // Copied into the engine's own memory, which is bounded.
    TypedArray::new_copy(ctx, expected(decoded.and_then(Result::ok)))
}

fn dataset_count(wire: &Wire, ctx: &Ctx<'_>) -> rquickjs::Result<f64> {
    Ok(count(&wire.ask(ctx, &Question::DatasetCount)?))
}

fn dataset_read<'js>(
    wire: &Wire,
    ctx: &Ctx<'js>,
    first: &Value<'js>,
    rows: &Value<'js>,
) -> rquickjs::Result<Vec<String>> {
    let question = Question::DatasetRead {
        first: whole(ctx, first, "first", INTEGER_MAX)?,
        rows_max: small(ctx, rows, "rowsMax", u32::MAX)?,
    };
    let answer = wire.ask(ctx, &question)?;
    Ok(expected(serde_json::from_value(answer).ok()))
}

fn encode(ctx: Ctx<'_>, text: String) -> rquickjs::Result<TypedArray<'_, u8>> {
    TypedArray::new_copy(ctx, text)
}

/// As much of a text as fits: its bytes, and how many UTF-16 units were read.
fn encode_into(ctx: Ctx<'_>, text: String, room: f64) -> rquickjs::Result<List<(TypedArray<'_, u8>, usize)>> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length of an array")]
    let part = &text[..text.floor_char_boundary(room as usize)];
    Ok(List((TypedArray::new_copy(ctx, part)?, part.encode_utf16().count())))
}

/// The text of these bytes and how many of them it took: what may be the beginning of a character is left where more is to come.
fn decode<'js>(
    ctx: Ctx<'js>,
    bytes: TypedArray<'js, u8>,
    is_fatal: bool,
    is_last: bool,
) -> rquickjs::Result<List<(String, usize)>> {
    let bytes = sys::bytes_of(&bytes).unwrap_or_default();
    let (mut text, mut rest) = (String::with_capacity(bytes.len()), bytes.as_slice());
    loop {
        let error = match std::str::from_utf8(rest) {
            Ok(part) => {
                text.push_str(part);
                return Ok(List((text, bytes.len())));
            }
            Err(error) => error,
        };
        let (good, bad) = rest.split_at(error.valid_up_to());
        text.push_str(&String::from_utf8_lossy(good));
        if error.error_len().is_none() && !is_last {
            return Ok(List((text, bytes.len() - bad.len())));
        }
        if is_fatal {
            return Err(Exception::throw_type(&ctx, "the bytes are no UTF-8 text"));
        }
        text.push(REPLACEMENT);
        rest = error.error_len().and_then(|length| bad.get(length..)).unwrap_or_default();
    }
}
