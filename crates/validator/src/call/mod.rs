//! One call: what goes into a plugin and what comes out of it, checked on both sides (INV-PNP-04).
//!
//! What never happens here: running anything, or quoting data in a refusal.

pub mod output;
pub mod request;

use omega_contract::limits::PAYLOAD_BYTES_MAX;
use omega_contract::{IoDescriptor, Manifest};

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
