//! What a program threw, in words. Nothing of what it threw is trusted to be an error, and reading it may throw again.
//!
//! What never happens here: a word that is not bounded.

use rquickjs::{Ctx, Object, Persistent, Value};

use super::text::{cut, cut_lines, text_of};
use crate::frames::ProgramError;

const NAME_BYTES_MAX: usize = 256;
const MESSAGE_BYTES_MAX: usize = 2 * 1024;
const TRACE_BYTES_MAX: usize = 16 * 1024;
/// What the lane knows as the end of a program's memory, whatever the language.
const OUT_OF_MEMORY: &str = "MemoryError";

/// Why work of a program came to nothing.
pub(super) enum Thrown {
    /// It threw this.
    Value(Persistent<Value<'static>>),
    /// The loop says so, as an error of this kind.
    Error { kind: &'static str, message: String },
}

impl Thrown {
    /// A fault in what the program gave.
    pub(super) fn type_error(message: impl Into<String>) -> Self {
        Self::Error { kind: "TypeError", message: message.into() }
    }

    /// What an error of the engine stands for.
    pub(super) fn of(ctx: &Ctx<'_>, error: rquickjs::Error) -> Self {
        match error {
            rquickjs::Error::Exception => Self::Value(Persistent::save(ctx, ctx.catch())),
            rquickjs::Error::Allocation => Self::Error { kind: OUT_OF_MEMORY, message: "out of memory".to_owned() },
            error => Self::type_error(error.to_string()),
        }
    }

    /// In words. Where memory was refused the engine may have thrown an error of its own for it, or had not even the memory for one.
    pub(super) fn describe(self, ctx: &Ctx<'_>, was_refused_memory: bool) -> ProgramError {
        let error = |kind: &str, message: String, traceback: &str| ProgramError {
            kind: cut(kind.to_owned(), NAME_BYTES_MAX),
            message: cut(message, MESSAGE_BYTES_MAX),
            traceback: cut_lines(traceback, TRACE_BYTES_MAX),
        };
        let value = match self {
            Self::Error { .. } if was_refused_memory => return error(OUT_OF_MEMORY, "out of memory".to_owned(), ""),
            Self::Error { kind, message } => return error(kind, message, ""),
            Self::Value(value) => value.restore(ctx),
        };
        let Ok(value) = value else { return error("Error", "it cannot be described".to_owned(), "") };
        if was_refused_memory && value.is_null() {
            return error(OUT_OF_MEMORY, "out of memory".to_owned(), "");
        }
        let Some(object) = value.as_object() else {
            let shown = value.as_string().and_then(|text| text_of(ctx, text).ok());
            let shown = shown.unwrap_or_else(|| format!("a value of type {}", value.type_name()));
            return error("Error", format!("it threw no error, but {shown}"), "");
        };
        let field = |name: &str| text_field(ctx, object, name);
        let kind = field("name").unwrap_or_else(|| "Error".to_owned());
        let message = field("message").unwrap_or_default();
        // A regular expression that finds no memory to be compiled in is told as a fault of its syntax.
        let is_of_memory = kind == "InternalError" || (kind == "SyntaxError" && message == "out of memory");
        if was_refused_memory && is_of_memory {
            return error(OUT_OF_MEMORY, message, &field("stack").unwrap_or_default());
        }
        error(&kind, message, &field("stack").unwrap_or_default())
    }
}

/// A property that is a string, if it can be read.
fn text_field<'js>(ctx: &Ctx<'js>, object: &Object<'js>, name: &str) -> Option<String> {
    let value = object.get::<_, Value<'_>>(name);
    if value.is_err() {
        // Whatever reading it threw.
        ctx.catch();
    }
    text_of(ctx, value.ok()?.as_string()?).ok()
}
