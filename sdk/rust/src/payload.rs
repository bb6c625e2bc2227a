//! The four kinds of payload, and how types become and come from them.

use std::fmt;

use crate::{BinaryRef, DatasetSlice, RawJson, Refusal, Text};

/// What goes in and out, of any kind. A plugin with inputs of several kinds takes this and matches on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// `kind: "text"`.
    Text(Text),
    /// `kind: "json"`.
    Json(RawJson),
    /// `kind: "binary_ref"`.
    BinaryRef(BinaryRef),
    /// `kind: "dataset_slice"`.
    DatasetSlice(DatasetSlice),
}

impl Payload {
    /// Which of the four it is.
    pub fn kind(&self) -> PayloadKind {
        match self {
            Self::Text(_) => PayloadKind::Text,
            Self::Json(_) => PayloadKind::Json,
            Self::BinaryRef(_) => PayloadKind::BinaryRef,
            Self::DatasetSlice(_) => PayloadKind::DatasetSlice,
        }
    }
}

/// The kind of a [`Payload`]; displayed as the contract spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadKind {
    /// `text`
    Text,
    /// `json`
    Json,
    /// `binary_ref`
    BinaryRef,
    /// `dataset_slice`
    DatasetSlice,
}

impl PayloadKind {
    /// As the contract spells it, such as `binary_ref`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::BinaryRef => "binary_ref",
            Self::DatasetSlice => "dataset_slice",
        }
    }
}

impl fmt::Display for PayloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a plugin's function can take.
#[diagnostic::on_unimplemented(
    message = "a plugin cannot take `{Self}`",
    label = "not a payload",
    note = "a plugin takes Text, Json<T>, RawJson, BinaryRef, DatasetSlice or Payload"
)]
pub trait FromPayload: Sized {
    /// Takes the payload as this type.
    ///
    /// # Errors
    /// A [`Refusal`] where the payload is of another kind or its JSON does not fit.
    fn from_payload(payload: Payload) -> Result<Self, Refusal>;
}

/// What a plugin's function can return.
#[diagnostic::on_unimplemented(
    message = "a plugin cannot return `{Self}`",
    label = "not a payload",
    note = "a plugin returns Text, Json<T> (T: Serialize), RawJson, BinaryRef, DatasetSlice or Payload, or a Reply of one of these"
)]
pub trait IntoPayload {
    /// The value as a payload.
    fn into_payload(self) -> Payload;
}

impl FromPayload for Payload {
    fn from_payload(payload: Payload) -> Result<Self, Refusal> {
        Ok(payload)
    }
}

impl IntoPayload for Payload {
    fn into_payload(self) -> Payload {
        self
    }
}
