//! What a worker says, on its own side and on the gateway's.
//!
//! What never happens here: a check of a result; the router does that.

use std::borrow::Cow;

use omega_contract::ports::{GuestLogLevel, GuestOutput, GuestPayload};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// What a worker says, as it says it.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Says<'a> {
    Loaded,
    LoadFailed {
        error: &'a ProgramError,
    },
    Ask {
        id: u64,
        #[serde(flatten)]
        question: &'a Question,
    },
    Log {
        level: &'a str,
        message: &'a str,
    },
    Progress {
        done: f64,
        message: &'a str,
    },
    Result {
        payload: &'a RawValue,
        notes: &'a str,
    },
    Declined {
        code: &'a str,
        message: &'a str,
    },
    Failed {
        error: &'a ProgramError,
    },
}

/// What a worker said, as the gateway reads it.
#[derive(Debug)]
pub(crate) enum Said {
    Loaded,
    LoadFailed(ProgramError),
    Ask { id: u64, question: Question },
    Log { level: GuestLogLevel, message: String },
    Progress { done: f64, message: String },
    Result(GuestOutput),
    Declined { code: String, message: String },
    Failed(ProgramError),
}

/// What a program asks its host for.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Question {
    ArtifactSize { artifact_id: String },
    ArtifactRead { artifact_id: String, offset: u64, length: u32 },
    DatasetCount,
    DatasetRead { first: u64, rows_max: u32 },
}

/// What a program raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProgramError {
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) traceback: String,
}

/// Every field that a frame can have; which ones it must have depends on its type.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Fields<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    id: Option<u64>,
    op: Option<String>,
    artifact_id: Option<String>,
    offset: Option<u64>,
    length: Option<u32>,
    first: Option<u64>,
    rows_max: Option<u32>,
    level: Option<String>,
    message: Option<String>,
    done: Option<f64>,
    code: Option<String>,
    notes: Option<String>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    error: Option<ProgramError>,
}

/// Reads a frame's body.
pub(crate) fn decode(body: &[u8]) -> Result<Said, String> {
    let mut fields: Fields<'_> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let kind = std::mem::take(&mut fields.kind);
    let said = match &*kind {
        "loaded" => Said::Loaded,
        "load_failed" => Said::LoadFailed(need(fields.error.take(), "error")?),
        "ask" => Said::Ask { id: need(fields.id.take(), "id")?, question: question(&mut fields)? },
        "log" => Said::Log {
            level: level(&need(fields.level.take(), "level")?)?,
            message: need(fields.message.take(), "message")?,
        },
        "progress" => {
            let done = need(fields.done.take(), "done")?;
            if !(0.0..=1.0).contains(&done) {
                return Err(format!("done is {done}"));
            }
            Said::Progress { done, message: need(fields.message.take(), "message")? }
        }
        "result" => {
            let payload = payload(need(fields.payload.take(), "payload")?)?;
            Said::Result(GuestOutput { payload, notes: need(fields.notes.take(), "notes")? })
        }
        "declined" => {
            Said::Declined { code: need(fields.code.take(), "code")?, message: need(fields.message.take(), "message")? }
        }
        "failed" => Said::Failed(need(fields.error.take(), "error")?),
        other => return Err(format!("there is no frame {other:.64}")),
    };
    if fields.is_empty() { Ok(said) } else { Err(format!("a frame {kind} has no such fields")) }
}

impl Fields<'_> {
    fn is_empty(&self) -> bool {
        self.id.is_none()
            && self.op.is_none()
            && self.artifact_id.is_none()
            && self.offset.is_none()
            && self.length.is_none()
            && self.first.is_none()
            && self.rows_max.is_none()
            && self.level.is_none()
            && self.message.is_none()
            && self.done.is_none()
            && self.code.is_none()
            && self.notes.is_none()
            && self.payload.is_none()
            && self.error.is_none()
    }
}

fn need<T>(field: Option<T>, name: &str) -> Result<T, String> {
    field.ok_or_else(|| format!("`{name}` is missing"))
}

fn question(fields: &mut Fields<'_>) -> Result<Question, String> {
    let op = need(fields.op.take(), "op")?;
    Ok(match op.as_str() {
        "artifact_size" => Question::ArtifactSize { artifact_id: need(fields.artifact_id.take(), "artifact_id")? },
        "artifact_read" => Question::ArtifactRead {
            artifact_id: need(fields.artifact_id.take(), "artifact_id")?,
            offset: need(fields.offset.take(), "offset")?,
            length: need(fields.length.take(), "length")?,
        },
        "dataset_count" => Question::DatasetCount,
        "dataset_read" => Question::DatasetRead {
            first: need(fields.first.take(), "first")?,
            rows_max: need(fields.rows_max.take(), "rows_max")?,
        },
        other => return Err(format!("there is no op {other:.64}")),
    })
}

/// A level by its word.
pub(crate) fn level(level: &str) -> Result<GuestLogLevel, String> {
    Ok(match level {
        "debug" => GuestLogLevel::Debug,
        "info" => GuestLogLevel::Info,
        "warn" => GuestLogLevel::Warn,
        "error" => GuestLogLevel::Error,
        other => return Err(format!("there is no level {other:.64}")),
    })
}

/// A payload, shaped and not checked.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct PayloadFields<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    content: Option<String>,
    encoding: Option<String>,
    metadata: Option<Pairs>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    schema_ref: Option<String>,
    artifact_id: Option<String>,
    artifact_hash: Option<String>,
    mime_type: Option<String>,
    slice_ids: Option<Vec<String>>,
    source: Option<String>,
    filters: Option<Pairs>,
}

/// Whether this has the form of a payload: a loop tells its author what the gateway would only refuse.
pub(crate) fn check_payload(raw: &RawValue) -> Result<(), String> {
    payload(raw).map(drop)
}

fn payload(raw: &RawValue) -> Result<GuestPayload, String> {
    let mut fields: PayloadFields<'_> = serde_json::from_str(raw.get()).map_err(|error| format!("payload: {error}"))?;
    let kind = std::mem::take(&mut fields.kind);
    let payload = match &*kind {
        "text" => GuestPayload::Text {
            content: need(fields.content.take(), "content")?,
            encoding: need(fields.encoding.take(), "encoding")?,
            metadata: need(fields.metadata.take(), "metadata")?.0,
        },
        "json" => GuestPayload::Json {
            data: need(fields.data.take(), "data")?.get().to_owned(),
            schema_ref: need(fields.schema_ref.take(), "schema_ref")?,
        },
        "binary_ref" => GuestPayload::BinaryRef {
            artifact_id: need(fields.artifact_id.take(), "artifact_id")?,
            artifact_hash: need(fields.artifact_hash.take(), "artifact_hash")?,
            mime_type: need(fields.mime_type.take(), "mime_type")?,
        },
        "dataset_slice" => GuestPayload::DatasetSlice {
            slice_ids: need(fields.slice_ids.take(), "slice_ids")?,
            source: need(fields.source.take(), "source")?,
            filters: need(fields.filters.take(), "filters")?.0,
        },
        other => return Err(format!("there is no payload of kind {other:.64}")),
    };
    let is_rest_empty = fields.content.is_none()
        && fields.encoding.is_none()
        && fields.metadata.is_none()
        && fields.data.is_none()
        && fields.schema_ref.is_none()
        && fields.artifact_id.is_none()
        && fields.artifact_hash.is_none()
        && fields.mime_type.is_none()
        && fields.slice_ids.is_none()
        && fields.source.is_none()
        && fields.filters.is_none();
    if is_rest_empty { Ok(payload) } else { Err(format!("a payload of kind {kind} has no such fields")) }
}

/// An object of strings that may hold a key twice: that is for the router to see.
#[derive(Debug)]
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_their_fields_and_no_others() {
        let check = |text: &str, is_taken: bool| assert_eq!(decode(text.as_bytes()).is_ok(), is_taken, "{text}");
        check(r#"{"type":"loaded"}"#, true);
        check(r#"{"type":"loaded","notes":""}"#, false);
        check(r#"{"type":"loaded","type":"loaded"}"#, false);
        check(r#"{"type":"log","level":"info","message":"m"}"#, true);
        check(r#"{"type":"log","level":"shout","message":"m"}"#, false);
        check(r#"{"type":"log","level":"info"}"#, false);
        check(r#"{"type":"progress","done":0.5,"message":""}"#, true);
        check(r#"{"type":"progress","done":1.5,"message":""}"#, false);
        check(r#"{"type":"ask","id":1,"op":"dataset_count"}"#, true);
        check(r#"{"type":"ask","id":1,"op":"artifact_read","artifact_id":"a","offset":0,"length":-1}"#, false);
        check(r#"{"type":"ask","id":1,"op":"open","artifact_id":"a"}"#, false);
        check(r#"{"type":"declined","code":"c","message":"m"}"#, true);
        check(r#"{"type":"result","payload":{"kind":"json","data":{"a":[1]},"schema_ref":"s"},"notes":""}"#, true);
        check(
            r#"{"type":"result","payload":{"kind":"json","data":{},"schema_ref":"s","content":""},"notes":""}"#,
            false,
        );
        check(
            r#"{"type":"result","payload":{"kind":"text","content":"","encoding":"utf-8","metadata":{"a":"1","a":"2"}},"notes":""}"#,
            true,
        );
        check(r#"{"type":"result","payload":[],"notes":""}"#, false);
        check("[]", false);
        check("{", false);
    }

    #[test]
    fn what_a_loop_says_is_what_is_heard() {
        let error = ProgramError { kind: "TypeError".into(), message: "m".into(), traceback: "t".into() };
        let heard = |says: &Says<'_>| decode(&serde_json::to_vec(says).unwrap()).unwrap();
        assert!(matches!(heard(&Says::Loaded), Said::Loaded));
        assert!(matches!(heard(&Says::LoadFailed { error: &error }), Said::LoadFailed(heard) if heard == error));
        assert!(matches!(heard(&Says::Failed { error: &error }), Said::Failed(heard) if heard == error));
        assert!(matches!(
            heard(&Says::Log { level: "warn", message: "m" }),
            Said::Log { level: GuestLogLevel::Warn, .. }
        ));
        assert!(matches!(heard(&Says::Progress { done: 0.5, message: "m" }), Said::Progress { .. }));
        assert!(matches!(heard(&Says::Declined { code: "c", message: "m" }), Said::Declined { .. }));
        for question in [
            Question::ArtifactSize { artifact_id: "a".into() },
            Question::ArtifactRead { artifact_id: "a".into(), offset: 1, length: 2 },
            Question::DatasetCount,
            Question::DatasetRead { first: 1, rows_max: 2 },
        ] {
            let asked = heard(&Says::Ask { id: 7, question: &question });
            assert!(matches!(asked, Said::Ask { id: 7, question: heard } if heard == question));
        }
        let payload = RawValue::from_string(r#"{"kind":"json","data":{"a":[1]},"schema_ref":"s"}"#.to_owned()).unwrap();
        let result = heard(&Says::Result { payload: &payload, notes: "n" });
        assert!(matches!(result, Said::Result(GuestOutput { notes, .. }) if notes == "n"));
    }
}
