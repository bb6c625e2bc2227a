//! The proof bundle (spec page 3): what an auditor gets of one run, to be verified alone and offline.
//!
//! Data only: no payload, result, context, secret or host path is ever in one.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Hex;
use crate::event::Event;
use crate::ids::{PluginId, RunId};
use crate::report::ValidationReport;
use crate::timestamp::Timestamp;

/// The format of a bundle: everything in it hangs on the log's signed checkpoint.
pub const PROOF_FORMAT: &str = "omega.proof/v1";

/// Everything the ledger has of one run, and what shows that it does.
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
    /// Which log: the first line of its checkpoints.
    pub origin: String,
    /// The log's checkpoint that all proofs lead to: a C2SP signed note, whole.
    pub checkpoint: String,
    /// The notes by which the log changed its key, oldest first.
    pub key_handovers: Vec<String>,
    /// The `event_hash` of the run's PROOF_EXPORT event, the last of `events`.
    pub head_event_hash: Sha256Hex,
    /// Every event of the run, in order, the PROOF_EXPORT event last.
    pub events: Vec<Event>,
    /// Where each event stands in the ledger and the proof of it, in the order of `events`.
    pub inclusion: Vec<Inclusion>,
    /// What the PROOF_EXPORT event recorded of the events before it.
    pub run: RunExtent,
    /// The decisions that were in force for the run's plugins, by their place in the ledger.
    pub links: Vec<Link>,
    /// The manifests of the run's plugins.
    pub plugin_manifest_digests: Vec<ManifestDigest>,
    /// The validation reports of those manifests, as of the export.
    pub validation_reports: Vec<ValidationReport>,
    /// Which durability was in force.
    pub durability: Durability,
    /// What the bundle says, as an in-toto statement that the log's key signed.
    pub attestation: Attestation,
}

/// Where an event stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// Its index, from 0.
    pub index: u64,
    /// Its RFC 6962 inclusion proof in the checkpoint's tree, from the leaf's sibling up.
    pub proof: Vec<Sha256Hex>,
}

/// A decision that was in force: a REGISTER, ENABLE or POLICY event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Where it stands in the ledger, from 0.
    pub index: u64,
    /// Its RFC 6962 inclusion proof in the checkpoint's tree, from the leaf's sibling up.
    pub proof: Vec<Sha256Hex>,
    /// The event.
    pub decision: LinkedDecision,
}

/// A decision as a bundle has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkedDecision {
    /// The whole event.
    Event(Event),
    /// Only its hash, because it names paths of the host. What else stands here is the exporter's word.
    Withheld(WithheldDecision),
}

impl LinkedDecision {
    /// The event's hash.
    pub const fn event_hash(&self) -> Sha256Hex {
        match self {
            Self::Event(event) => event.event_hash,
            Self::Withheld(withheld) => withheld.event_hash,
        }
    }
}

/// A POLICY event that is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithheldDecision {
    /// Its hash, which the proof is of.
    pub event_hash: Sha256Hex,
    /// Its `meta.action`.
    pub action: String,
    /// Its plugin, or `""`.
    pub plugin_id: String,
}

/// A DSSE envelope (secure-systems-lab/dsse) as a bundle carries it: closed, with exactly what DSSE defines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// Base64 of the statement.
    pub payload: String,
    /// `application/vnd.in-toto+json`.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// One signature, by the log's key.
    pub signatures: Vec<AttestationSignature>,
}

/// A signature of an [`Attestation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestationSignature {
    /// SHA-256 of the key's SPKI DER.
    pub keyid: String,
    /// Base64 of the signature.
    pub sig: String,
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
