//! The proof bundle (spec page 3): what an auditor gets of one run.
//!
//! Data only: no payload, result, context, secret or host path is ever in one.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Hex;
use crate::event::Event;
use crate::ids::{PluginId, RunId};
use crate::report::ValidationReport;
use crate::timestamp::Timestamp;

/// The format of a bundle that carries no checkpoint yet: it proves that its events are whole and
/// belong together, and is anchored by `head_event_hash`, which the verifier compares with one that
/// somebody else kept. (`omega.proof/v1` adds checkpoint, inclusion proofs and attestation.)
pub const PROOF_FORMAT: &str = "omega.proof/v0";

/// Everything the ledger has of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofBundle {
    /// [`PROOF_FORMAT`].
    pub format: String,
    /// A ULID.
    pub proof_id: String,
    /// The run.
    pub run_id: RunId,
    /// When it was exported.
    pub created_at: Timestamp,
    /// The `event_hash` of the run's PROOF_EXPORT event, the last of `events`.
    pub head_event_hash: Sha256Hex,
    /// Every event of the run, in order, the PROOF_EXPORT event last.
    pub events: Vec<Event>,
    /// Where each event stands in the ledger, in the order of `events`.
    pub inclusion: Vec<Inclusion>,
    /// What the PROOF_EXPORT event recorded of the events before it.
    pub run: RunExtent,
    /// The manifests of the run's plugins.
    pub plugin_manifest_digests: Vec<ManifestDigest>,
    /// The validation reports of those manifests, as of the export.
    pub validation_reports: Vec<ValidationReport>,
    /// Which durability was in force.
    pub durability: Durability,
}

/// Where an event stands in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// Its index, from 0.
    pub index: u64,
}

/// How many events a run had, and the root over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunExtent {
    /// Events before the PROOF_EXPORT event.
    pub events: u64,
    /// RFC 6962 root over their event hashes (leaf entry: the 32 raw bytes).
    pub root: Sha256Hex,
}

/// Which manifest a plugin of the run had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestDigest {
    /// The plugin.
    pub plugin_id: PluginId,
    /// `hash(manifest)`.
    pub manifest_hash: Sha256Hex,
}

/// When an append is acknowledged (spec page 3, "Durability").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// After `fdatasync` of its batch.
    Batch,
    /// After the write; synced at least every 50 ms. For benchmarks and throw-away homes.
    Relaxed,
}

impl Durability {
    /// The word in configuration and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Relaxed => "relaxed",
        }
    }
}
