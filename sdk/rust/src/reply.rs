//! What a plugin answers: an outcome with notes, or a refusal.

use std::{fmt, io};

use crate::{BrokerError, IntoPayload, Payload, PayloadKind};

/// A result together with notes for people.
///
/// ```
/// use omega_plugin::{Refusal, Reply, Text};
///
/// fn handle(text: Text) -> Result<Reply<Text>, Refusal> {
///     let lines = text.content.lines().count();
///     Ok(Reply::new(text).with_notes(format!("{lines} lines")))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply<T> {
    result: T,
    notes: String,
}

impl<T> Reply<T> {
    /// The result without notes, which is the same as returning it bare.
    pub fn new(result: T) -> Self {
        Self { result, notes: String::new() }
    }

    /// The same result with a sentence for people.
    #[must_use]
    pub fn with_notes(mut self, notes: impl Into<String>) -> Self {
        self.notes = notes.into();
        self
    }
}

/// What the gateway gets from a plugin that did its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The result.
    pub payload: Payload,
    /// A sentence for people; may be empty.
    pub notes: String,
}

/// What stands in the `Ok` of a plugin's return type: every [`IntoPayload`] type, and a [`Reply`] of one.
#[diagnostic::on_unimplemented(
    message = "a plugin cannot return `{Self}`",
    label = "not a payload",
    note = "a plugin returns Text, Json<T> (T: Serialize), RawJson, BinaryRef, DatasetSlice or Payload, or a Reply of one of these"
)]
pub trait IntoOutcome {
    /// The value as payload and notes.
    fn into_outcome(self) -> Outcome;
}

impl<T: IntoPayload> IntoOutcome for T {
    fn into_outcome(self) -> Outcome {
        Outcome { payload: self.into_payload(), notes: String::new() }
    }
}

impl<T: IntoPayload> IntoOutcome for Reply<T> {
    fn into_outcome(self) -> Outcome {
        Outcome { payload: self.result.into_payload(), notes: self.notes }
    }
}

/// The plugin declines this input. The gateway answers `rejected`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Machine-readable, the plugin's own; this crate's are the constants below.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

impl Refusal {
    /// The payload is of a kind that the plugin does not take.
    pub const WRONG_PAYLOAD_KIND: &'static str = "wrong_payload_kind";
    /// The payload's JSON does not fit the plugin's type.
    pub const INVALID_JSON: &'static str = "invalid_json";
    /// A row of the dataset does not fit the plugin's type.
    pub const INVALID_ROW: &'static str = "invalid_row";
    /// The artifact is longer than the plugin reads.
    pub const ARTIFACT_TOO_LARGE: &'static str = "artifact_too_large";
    /// Reading failed for a reason that is not the broker's, such as bytes that are not UTF-8.
    pub const UNREADABLE: &'static str = "unreadable";

    /// A refusal with the plugin's own code (such as `no_header`) and a sentence for people.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    pub(crate) fn wrong_kind(wanted: PayloadKind, got: PayloadKind) -> Self {
        Self::new(Self::WRONG_PAYLOAD_KIND, format!("this plugin reads {wanted}, not {got}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<BrokerError> for Refusal {
    fn from(error: BrokerError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<io::Error> for Refusal {
    /// A broker's refusal keeps its code on its way through `std::io::Read`.
    fn from(error: io::Error) -> Self {
        match error.downcast::<BrokerError>() {
            Ok(refused) => refused.into(),
            Err(error) => Self::new(Self::UNREADABLE, error.to_string()),
        }
    }
}
