//! The proof bundle: one run, whole, shown to be in a log by that log's signed checkpoint (spec page 3).
//!
//! Three bonds hold it. Each event and each link has an RFC 6962 proof to the checkpoint, which the log's key signed. The
//! PROOF_EXPORT event, one of those events, states how many events the run had before it, the root over them, and the hash
//! of all else that is not proved otherwise. And the attestation, signed by the same key, must be exactly the statement that
//! follows from the rest. So no byte that means something can change.
//!
//! What never happens here: trust in a key that the bundle brings, a payload or a host path in what is sealed, and I/O.

mod attestation;
mod calls;
mod fault;
mod links;
mod seal;
mod verify;

pub use attestation::RUN_PREDICATE_TYPE;
pub use fault::{BundleFault, LinkFault};
pub use links::{PluginInForce, names_host_paths};
pub use seal::{Anchor, BundleParts, PlacedEvent, SealFault, plugins_that_ran};
pub use verify::{BundleVerdict, verify_bundle};

use std::collections::BTreeSet;

use omega_contract::proof_bundle::{Durability, LinkedDecision, ManifestDigest};
use omega_contract::{Event, PluginId, RunId, Sha256Hex, Timestamp, ValidationReport};
use serde::Serialize;

/// Bytes of a bundle as it is read.
pub const BUNDLE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The keys that a PROOF_EXPORT event's `meta` has, and no others.
pub mod export_meta {
    /// The bundle's format.
    pub const FORMAT: &str = "format";
    /// Events of the run before this one, as decimal digits.
    pub const RUN_EVENTS: &str = "run_events";
    /// RFC 6962 root over their hashes.
    pub const RUN_ROOT: &str = "run_root";
    /// This event's own index, as decimal digits.
    pub const INDEX: &str = "index";
    /// The hash of what else the bundle says and nothing else proves.
    pub const BUNDLE_HASH: &str = "bundle_hash";
}

/// What a bundle says that neither the events nor a signature prove. Proofs, checkpoint, hand-overs and attestation are
/// made after the PROOF_EXPORT event, and prove themselves.
#[derive(Serialize)]
struct Rest<'a> {
    created_at: Timestamp,
    durability: Durability,
    event_indexes: &'a [u64],
    format: &'a str,
    links: Vec<RestLink<'a>>,
    origin: &'a str,
    plugin_manifest_digests: &'a [ManifestDigest],
    proof_id: &'a str,
    run_id: &'a RunId,
    validation_reports: &'a [ValidationReport],
}

/// A link without its proof.
#[derive(Serialize)]
struct RestLink<'a> {
    decision: &'a LinkedDecision,
    index: u64,
}

impl Rest<'_> {
    fn hash(&self) -> Option<Sha256Hex> {
        omega_contract::hash(self).ok()
    }
}

/// An event at its place.
#[derive(Debug, Clone, Copy)]
struct Placed<'e> {
    index: u64,
    event: &'e Event,
}

/// The manifests that the events of a run name in `meta.manifest_hash`, each once, in order.
pub fn manifest_digests<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<ManifestDigest> {
    let named = events.into_iter().filter_map(|event| {
        let plugin_id: PluginId = event.plugin_id.parse().ok()?;
        let manifest_hash: Sha256Hex = event.meta.get("manifest_hash")?.parse().ok()?;
        Some((plugin_id, manifest_hash))
    });
    let distinct: BTreeSet<_> = named.collect();
    distinct.into_iter().map(|(plugin_id, manifest_hash)| ManifestDigest { plugin_id, manifest_hash }).collect()
}
