//! One call: what goes into a plugin and what comes out of it, checked on both sides (INV-PNP-04).
//!
//! What never happens here: running anything, or quoting data in a refusal.

pub mod output;
mod payload_value;
pub mod request;

use omega_contract::limits::{JSON_DEPTH_MAX, PAYLOAD_BYTES_MAX};
use omega_contract::strict_json::is_interoperable;
use omega_contract::{IoDescriptor, Manifest};
use serde_json::Value;

/// Levels of nesting in the `data` of a json payload: a response and a request hold it two levels down, and
/// both are read with a depth of at most [`JSON_DEPTH_MAX`].
pub const DATA_DEPTH_MAX: usize = JSON_DEPTH_MAX - 2;

/// The gateway's own bounds on calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceilings {
    /// Canonical bytes of a payload or a result.
    pub payload_bytes_max: u64,
}

impl Default for Ceilings {
    fn default() -> Self {
        Self { payload_bytes_max: PAYLOAD_BYTES_MAX }
    }
}

impl Ceilings {
    /// The size limit of a payload: the smallest of descriptor, manifest and ceiling (spec page 2).
    fn bytes_max(self, manifest: &Manifest, descriptor: &IoDescriptor) -> u64 {
        descriptor.limits.max_bytes.min(manifest.limits.max_bytes).min(self.payload_bytes_max)
    }
}

/// Why data is not JSON that the contract takes, though it is a JSON value.
fn data_fault(data: &Value, depth_left: usize) -> Option<&'static str> {
    match data {
        Value::Array(_) | Value::Object(_) if depth_left == 0 => Some("is nested too deep"),
        Value::Array(items) => items.iter().find_map(|item| data_fault(item, depth_left - 1)),
        Value::Object(members) => members.values().find_map(|member| data_fault(member, depth_left - 1)),
        Value::Number(number) if !is_interoperable(number) => Some("has an integer outside ±(2^53-1)"),
        _ => None,
    }
}
