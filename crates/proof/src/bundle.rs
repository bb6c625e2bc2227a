//! The proof bundle: what its PROOF_EXPORT event must say, and whether a bundle says it (spec page 3).
//!
//! Everything in a bundle hangs on `head_event_hash`, the hash of its PROOF_EXPORT event. That event's `meta`
//! holds the number and the RFC 6962 root of the run's events before it, its own index, and the hash of all
//! else in the bundle; so no byte that means something can change without contradicting the head.
//!
//! What never happens here: trust in the bundle. Whether the head is one that the ledger ever had is for the
//! verifier to say, who kept it.

mod seal;
mod verify;

pub use seal::{BundleParts, PlacedEvent, SealFault};
pub use verify::{BundleFault, BundleVerdict, HeadCheck, verify_bundle};

use std::collections::BTreeSet;

use omega_contract::proof_bundle::{Durability, Inclusion, ManifestDigest};
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
    /// The hash of all else in the bundle.
    pub const BUNDLE_HASH: &str = "bundle_hash";
}

/// All of a bundle that neither is an event nor follows from the events.
#[derive(Serialize)]
struct Rest<'a> {
    created_at: Timestamp,
    durability: Durability,
    format: &'a str,
    inclusion: &'a [Inclusion],
    plugin_manifest_digests: &'a [ManifestDigest],
    proof_id: &'a str,
    run_id: &'a RunId,
    validation_reports: &'a [ValidationReport],
}

impl Rest<'_> {
    fn hash(&self) -> Option<Sha256Hex> {
        omega_contract::hash(self).ok()
    }
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

#[cfg(test)]
mod tests;
