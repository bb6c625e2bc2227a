//! The frames between the gateway and a worker (`docs/worker-protocol.md`).
//!
//! What comes is data of a stranger: it is bounded before it is kept, its form is checked, its content is not believed. What never
//! happens here: a check of a result; the router does that.

mod said;

use std::borrow::Cow;

use omega_contract::ports::LaneRequest;
use serde::{Deserialize, Serialize};

pub(crate) use said::{ProgramError, Question, Said, Says, check_payload, decode, level};

/// Bytes before a frame: its length, big-endian.
pub(crate) const HEADER_BYTES: usize = 4;

/// What a worker is told first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Load {
    #[serde(rename = "type")]
    pub(crate) kind: LoadKind,
    pub(crate) plugin_id: String,
    pub(crate) package_digest: String,
    pub(crate) entry: String,
    pub(crate) export: String,
    pub(crate) determinism: String,
    pub(crate) capabilities: Vec<Cow<'static, str>>,
    pub(crate) has_environment: bool,
    pub(crate) limits: LoadLimits,
    pub(crate) seed: String,
}

/// The `type` of a [`Load`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum LoadKind {
    #[serde(rename = "load")]
    Load,
}

/// The bounds that a program may want to know.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadLimits {
    pub(crate) memory_bytes: u64,
    pub(crate) output_bytes: u64,
    pub(crate) log_bytes: u64,
}

/// The call, `R` being its request as the side that holds it knows it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call<R> {
    #[serde(rename = "type")]
    pub(crate) kind: CallKind,
    pub(crate) request: R,
    pub(crate) seed: String,
    pub(crate) time_left_ms: u64,
}

/// The `type` of a [`Call`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum CallKind {
    #[serde(rename = "call")]
    Call,
}

/// A request as the gateway sends it.
#[derive(Debug, Serialize)]
pub(crate) struct CallRequest<'a> {
    request_id: &'a str,
    run_id: &'a str,
    timestamp: &'a str,
    payload: &'a omega_contract::Payload,
    context: &'a std::collections::BTreeMap<String, String>,
}

impl<'a> From<&'a LaneRequest> for CallRequest<'a> {
    fn from(request: &'a LaneRequest) -> Self {
        Self {
            request_id: &request.request_id,
            run_id: &request.run_id,
            timestamp: &request.timestamp,
            payload: &request.payload,
            context: &request.context,
        }
    }
}

/// What a broker said.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Reply {
    Answer { id: u64, value: serde_json::Value },
    Refusal { id: u64, kind: Cow<'static, str>, message: String },
}

/// A frame as it travels.
pub(crate) fn encode(frame: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = vec![0; HEADER_BYTES];
    serde_json::to_writer(&mut bytes, frame)?;
    let length = u32::try_from(bytes.len() - HEADER_BYTES).map_err(serde::ser::Error::custom)?;
    bytes[..HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

/// Collects bytes until they are a frame.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    bytes: Vec<u8>,
}

/// A frame announces more than it may have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong {
    pub(crate) length: u64,
}

impl Incoming {
    /// Where to read to.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The body of the next frame, once it is whole.
    pub(crate) fn next(&mut self, bytes_max: u64) -> Result<Option<Vec<u8>>, TooLong> {
        let Some(header) = self.bytes.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let length = u32::from_be_bytes(*header);
        if u64::from(length) > bytes_max {
            return Err(TooLong { length: length.into() });
        }
        let end = HEADER_BYTES + length as usize;
        if self.bytes.len() < end {
            return Ok(None);
        }
        let rest = self.bytes.split_off(end);
        let mut whole = std::mem::replace(&mut self.bytes, rest);
        whole.drain(..HEADER_BYTES);
        Ok(Some(whole))
    }

    /// Whether a part of a frame is there.
    pub(crate) fn is_cut(&self) -> bool {
        !self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_whole_in_whatever_pieces() {
        let mut bytes = encode(&Reply::Answer { id: 1, value: 2.into() }).unwrap();
        bytes.extend(encode(&Reply::Refusal { id: 2, kind: "denied".into(), message: "no".into() }).unwrap());
        let mut incoming = Incoming::default();
        let mut bodies = Vec::new();
        for byte in &bytes {
            incoming.buffer().push(*byte);
            bodies.extend(incoming.next(1000).unwrap());
        }
        assert_eq!(bodies.len(), 2);
        assert_eq!(bodies[0], br#"{"type":"answer","id":1,"value":2}"#);
        assert!(!incoming.is_cut());
        incoming.buffer().extend([0, 0, 4, 1]);
        assert_eq!(incoming.next(1024), Err(TooLong { length: 1025 }));
        assert_eq!(incoming.next(1025), Ok(None), "at the limit");
        assert!(incoming.is_cut());
    }
}
