//! Requests for tests: of each kind, built in code or read from a package's `examples/`.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::host::{Named, sha256_hex};
use crate::{BinaryRef, BrokerError, Call, DatasetSlice, IntoPayload, Payload, RawJson, Text};

/// One request to run a function with.
#[derive(Debug)]
pub struct Request {
    payload: Payload,
    call: Call,
    bytes: Option<Vec<u8>>,
    rows: Option<Vec<String>>,
    broker_error: Option<BrokerError>,
}

impl Request {
    /// A request with any payload. Its ids are blank, its timestamp constant and its context empty, which is what a
    /// deterministic plugin sees.
    pub fn of(payload: impl IntoPayload) -> Self {
        Self {
            payload: payload.into_payload(),
            call: Call {
                request_id: String::new(),
                run_id: String::new(),
                timestamp: "1970-01-01T00:00:00Z".to_owned(),
                context: BTreeMap::new(),
            },
            bytes: None,
            rows: None,
            broker_error: None,
        }
    }

    /// A `text` request without metadata.
    pub fn text(content: impl Into<String>) -> Self {
        Self::of(Text::new(content))
    }

    /// A `json` request.
    ///
    /// # Panics
    /// Where the data cannot be written as JSON.
    pub fn json(schema_ref: impl Into<String>, data: &impl Serialize) -> Self {
        Self::of(RawJson {
            data: serde_json::to_string(data).expect("the test's data can be written as JSON"),
            schema_ref: schema_ref.into(),
        })
    }

    /// A `binary_ref` request that names these bytes by their true hash.
    pub fn artifact(bytes: impl Into<Vec<u8>>, mime_type: impl Into<String>) -> Self {
        let bytes = bytes.into();
        Self::of(BinaryRef {
            artifact_id: "artifact-under-test".to_owned(),
            artifact_hash: sha256_hex(&bytes),
            mime_type: mime_type.into(),
        })
        .with_bytes(bytes)
    }

    /// A `dataset_slice` request that names these rows, by the keys `row-0`, `row-1` and so on.
    pub fn rows(rows: impl IntoIterator<Item = Value>) -> Self {
        let rows: Vec<Value> = rows.into_iter().collect();
        Self::of(DatasetSlice {
            slice_ids: (0..rows.len()).map(|row| format!("row-{row}")).collect(),
            source: "dataset-under-test".to_owned(),
            filters: BTreeMap::new(),
        })
        .with_rows(rows)
    }

    /// A request as the contract writes it, such as a file of `examples/`. Give the bytes or rows that it names with
    /// [`with_bytes`](Self::with_bytes) or [`with_rows`](Self::with_rows).
    ///
    /// # Panics
    /// Where the text is not a request of the contract.
    pub fn from_json(text: &str) -> Self {
        match serde_json::from_str::<Written>(text) {
            Ok(written) => written.into(),
            Err(error) => panic!("not a request: {error}"),
        }
    }

    /// A request from a file of `examples/`, by its path from the package's folder.
    ///
    /// # Panics
    /// Where there is no such file, or it is not a request of the contract.
    pub fn from_file(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        match fs::read_to_string(path) {
            Ok(text) => Self::from_json(&text),
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }

    /// The same request, where OMEGA holds these bytes under the name in the payload. Their hash should be the payload's.
    #[must_use]
    pub fn with_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.bytes = Some(bytes.into());
        self
    }

    /// The same request, where the slice has these rows.
    #[must_use]
    pub fn with_rows(mut self, rows: impl IntoIterator<Item = Value>) -> Self {
        self.rows = Some(rows.into_iter().map(|row| row.to_string()).collect());
        self
    }

    /// The same request, where the brokers answer every question with this error.
    #[must_use]
    pub fn with_broker_error(mut self, error: BrokerError) -> Self {
        self.broker_error = Some(error);
        self
    }

    /// The same request with other circumstances.
    #[must_use]
    pub fn with_call(mut self, call: Call) -> Self {
        self.call = call;
        self
    }

    /// The same request with one more entry in its context.
    #[must_use]
    pub fn with_context(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.call.context.insert(name.into(), value.into());
        self
    }

    pub(super) fn into_parts(self) -> (Payload, Call, Named, Option<BrokerError>) {
        let named = Named::by(&self.payload, self.bytes, self.rows);
        (self.payload, self.call, named, self.broker_error)
    }
}

/// The contract's request, as it is written in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    request_id: String,
    run_id: String,
    timestamp: String,
    payload: WrittenPayload,
    context: BTreeMap<String, String>,
    #[serde(default, rename = "policy")]
    _policy: Option<Value>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum WrittenPayload {
    Text { content: String, encoding: Utf8, metadata: BTreeMap<String, String> },
    Json { data: serde_json::Map<String, Value>, schema_ref: String },
    BinaryRef { artifact_id: String, artifact_hash: String, mime_type: String },
    DatasetSlice { slice_ids: Vec<String>, source: String, filters: BTreeMap<String, String> },
}

#[derive(Deserialize)]
enum Utf8 {
    #[serde(rename = "utf-8")]
    Utf8,
}

impl From<Written> for Request {
    fn from(written: Written) -> Self {
        Self::of(Payload::from(written.payload)).with_call(Call {
            request_id: written.request_id,
            run_id: written.run_id,
            timestamp: written.timestamp,
            context: written.context,
        })
    }
}

impl From<WrittenPayload> for Payload {
    fn from(written: WrittenPayload) -> Self {
        match written {
            WrittenPayload::Text { content, encoding: Utf8::Utf8, metadata } => Self::Text(Text { content, metadata }),
            WrittenPayload::Json { data, schema_ref } => {
                Self::Json(RawJson { data: Value::Object(data).to_string(), schema_ref })
            }
            WrittenPayload::BinaryRef { artifact_id, artifact_hash, mime_type } => {
                Self::BinaryRef(BinaryRef { artifact_id, artifact_hash, mime_type })
            }
            WrittenPayload::DatasetSlice { slice_ids, source, filters } => {
                Self::DatasetSlice(DatasetSlice { slice_ids, source, filters })
            }
        }
    }
}
