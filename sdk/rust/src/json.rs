//! The `json` payload: typed, and as the text it travels as.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{FromPayload, IntoPayload, Payload, PayloadKind, Refusal};

/// Says which schema a type of output answers to, so that [`Json::new`] can state it.
pub trait JsonPayload {
    /// The `schema_ref` as the manifest's `io.outputs` writes it: `omega:<plugin_id>:output:<name>:v<x.y.z>`.
    const SCHEMA_REF: &'static str;
}

/// A `json` payload, in or out. `T` is one JSON object: a struct with serde's derives, a map, or `serde_json::Value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T> {
    /// The data.
    pub data: T,
    /// The schema that the data answers to.
    pub schema_ref: Cow<'static, str>,
}

impl<T: JsonPayload> Json<T> {
    /// An output that answers to its type's schema.
    pub fn new(data: T) -> Self {
        Self { data, schema_ref: Cow::Borrowed(T::SCHEMA_REF) }
    }
}

impl<T> Json<T> {
    /// An output of a type that states no schema itself, such as `serde_json::Value`.
    pub fn with_schema_ref(data: T, schema_ref: impl Into<Cow<'static, str>>) -> Self {
        Self { data, schema_ref: schema_ref.into() }
    }
}

impl<T: DeserializeOwned> FromPayload for Json<T> {
    fn from_payload(payload: Payload) -> Result<Self, Refusal> {
        match payload {
            Payload::Json(raw) => raw.parse(),
            other => Err(Refusal::wrong_kind(PayloadKind::Json, other.kind())),
        }
    }
}

impl<T: Serialize> IntoPayload for Json<T> {
    /// # Panics
    /// Where the type's own `Serialize` fails, or a map has keys that are no strings: a fault of the plugin, which the
    /// gateway then reports as one.
    fn into_payload(self) -> Payload {
        let data = match serde_json::to_string(&self.data) {
            Ok(data) => data,
            Err(error) => panic!("the plugin's output cannot be written as JSON: {error}"),
        };
        Payload::Json(RawJson { data, schema_ref: self.schema_ref.into_owned() })
    }
}

/// A `json` payload as it travels: the data as JSON text. For plugins that look at `schema_ref` before they parse, or that
/// write their JSON themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawJson {
    /// One JSON object.
    pub data: String,
    /// The schema that the data answers to.
    pub schema_ref: String,
}

impl RawJson {
    /// The data as a `T`.
    ///
    /// # Errors
    /// A [`Refusal`] with code [`Refusal::INVALID_JSON`] where the data does not fit `T`.
    pub fn parse<T: for<'a> Deserialize<'a>>(self) -> Result<Json<T>, Refusal> {
        match serde_json::from_str(&self.data) {
            Ok(data) => Ok(Json { data, schema_ref: Cow::Owned(self.schema_ref) }),
            Err(error) => Err(Refusal::new(
                Refusal::INVALID_JSON,
                format!("the input's data is not what this plugin reads: {error}"),
            )),
        }
    }
}

impl FromPayload for RawJson {
    fn from_payload(payload: Payload) -> Result<Self, Refusal> {
        match payload {
            Payload::Json(raw) => Ok(raw),
            other => Err(Refusal::wrong_kind(PayloadKind::Json, other.kind())),
        }
    }
}

impl IntoPayload for RawJson {
    fn into_payload(self) -> Payload {
        Payload::Json(self)
    }
}
