//! Why a bundle does not verify.
//!
//! What never happens here: a fault without its place, where it has one.

use omega_contract::proof_bundle::PROOF_FORMAT;
use omega_contract::strict_json::JsonError;
use omega_contract::{EventKind, Sha256Hex};

use crate::attempts::PairingFault;
use crate::checkpoint::{CheckpointFault, HandoverFault};
use crate::dsse::DsseError;
use crate::line::LineFault;
use crate::tree::TreeFault;

/// Why a bundle does not verify (`proof_invalid`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    /// Not JSON that the contract takes, or not of a bundle's shape.
    #[error("not a proof bundle: {0}")]
    NotABundle(#[from] JsonError),
    /// A value is written in another form than the one that the bundle's types have.
    #[error("not a proof bundle: a value is not in its exact form")]
    NotExact,
    /// A format that this verifier does not know.
    #[error("the format is \"{0}\", this verifier knows \"{PROOF_FORMAT}\"")]
    Format(String),
    /// No events at all.
    #[error("the bundle has no events")]
    NoEvents,
    /// Not one place for each event.
    #[error("{inclusion} places for {events} events")]
    InclusionLength {
        /// How many events.
        events: usize,
        /// How many places.
        inclusion: usize,
    },
    /// An event's bytes, fields or link are wrong.
    #[error("event {position} of the bundle: {kind}")]
    Event {
        /// From 0, within the bundle.
        position: usize,
        /// What is wrong.
        kind: LineFault,
    },
    /// An event of another run.
    #[error("event {position} of the bundle belongs to run \"{run_id}\"")]
    OtherRun {
        /// From 0, within the bundle.
        position: usize,
        /// The run that it states.
        run_id: String,
    },
    /// The indexes do not rise.
    #[error("event {position} of the bundle: its index does not rise")]
    IndexOrder {
        /// From 0, within the bundle.
        position: usize,
    },
    /// An event is not where the bundle says, or not in the log at all.
    #[error("event {position} of the bundle: {fault}")]
    NotIncluded {
        /// From 0, within the bundle.
        position: usize,
        /// What is wrong with its proof.
        fault: TreeFault,
    },
    /// The last event is not a PROOF_EXPORT.
    #[error("the last event is a {0}, not the PROOF_EXPORT")]
    LastEvent(EventKind),
    /// The head is not the last event's hash.
    #[error("head_event_hash is not the hash of the PROOF_EXPORT event")]
    HeadMismatch,
    /// The PROOF_EXPORT event does not say what it must, or says something else.
    #[error("the PROOF_EXPORT event does not confirm {0}")]
    ExportMismatch(&'static str),
    /// What stands beside the events is not what was exported.
    #[error("the bundle beside its events is not what was exported")]
    RestMismatch,
    /// The verifier has no key of the bundle's log.
    #[error("the bundle is of the log \"{origin}\"; the keys given are of {known}")]
    OtherLog {
        /// The log that the bundle names.
        origin: String,
        /// The logs whose keys were given, or `no log`.
        known: String,
    },
    /// The checkpoint is not one that a key which is trusted signed, or a hand-over is forged.
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] HandoverFault),
    /// A witness that the verifier asked for did not cosign the checkpoint.
    #[error("witness: {0}")]
    Witness(CheckpointFault),
    /// A link is not what it must be.
    #[error("link at event {index}: {fault}")]
    Link {
        /// Its index in the ledger.
        index: u64,
        /// What is wrong.
        fault: LinkFault,
    },
    /// Links are missing.
    #[error("the plugin \"{plugin_id}\" ran at event {index} and the bundle does not link {missing}")]
    LinkMissing {
        /// The plugin.
        plugin_id: String,
        /// Where its INVOKE stands.
        index: u64,
        /// What is missing.
        missing: &'static str,
    },
    /// The attestation is not the statement that follows from the bundle.
    #[error("the attestation does not say what the bundle says")]
    OtherStatement,
    /// The attestation is not signed by the key that signed the checkpoint.
    #[error("attestation: {0}")]
    Attestation(#[from] DsseError),
    /// The listed manifests are not those that the events name.
    #[error("plugin_manifest_digests are not the manifests that the events name")]
    ManifestDigests,
    /// A report of a manifest that no event names.
    #[error("a validation report of manifest \"{0}\", which no event names")]
    ForeignReport(String),
    /// INVOKEs and outcomes do not pair.
    #[error(transparent)]
    Pairing(#[from] PairingFault),
    /// An attempt began twice.
    #[error("an attempt of request \"{request_id}\" is recorded twice")]
    AttemptTwice {
        /// The request.
        request_id: String,
    },
    /// An attempt has no outcome.
    #[error("request \"{request_id}\" has no outcome (its INVOKE is event {index} of the ledger)")]
    OpenInvoke {
        /// The request.
        request_id: String,
        /// Where its INVOKE stands.
        index: u64,
    },
}

/// What is wrong with a link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// The event's bytes or fields are wrong.
    #[error(transparent)]
    Event(LineFault),
    /// It is not where the bundle says, or not in the log at all.
    #[error(transparent)]
    NotIncluded(TreeFault),
    /// Not a kind of event that is linked, or not of run `system`.
    #[error("a {kind} of run \"{run_id}\" is no decision")]
    NoDecision {
        /// The kind.
        kind: EventKind,
        /// The run that it states.
        run_id: String,
    },
    /// The indexes do not rise, or reach the PROOF_EXPORT event.
    #[error("its index does not rise, or is not before the export")]
    Order,
    /// Nothing of the run happened under it.
    #[error("it was not in force for any call of the run")]
    NotInForce,
    /// It names paths of the host.
    #[error("it names paths of the host, which no bundle may")]
    HostPaths,
    /// Something is withheld that has nothing to hide.
    #[error("a decision \"{action}\" is never withheld")]
    Withheld {
        /// The action that it states.
        action: String,
    },
    /// `meta.content` is not JSON.
    #[error("its content is not JSON: {0}")]
    Content(JsonError),
}

impl LinkFault {
    pub(super) const fn at(self, index: u64) -> BundleFault {
        BundleFault::Link { index, fault: self }
    }
}

/// A hash that a bundle states and its bytes do not have.
pub(super) const fn hash_mismatch(stated: Sha256Hex, computed: Sha256Hex) -> LineFault {
    LineFault::HashMismatch { stated, computed }
}
