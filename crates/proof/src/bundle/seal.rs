//! Makes a bundle: first the PROOF_EXPORT event's draft, then, once that event has its place, the bundle.

use omega_contract::proof_bundle::{Durability, Inclusion, ManifestDigest, PROOF_FORMAT, RunExtent};
use omega_contract::{Event, EventDraft, EventKind, ProofBundle, RunId, Sha256Hex, Timestamp, ValidationReport};

use super::verify::{BundleFault, check_bundle, check_calls};
use super::{Rest, export_meta, manifest_digests};
use crate::run_root::run_root;

/// An event and where it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedEvent {
    /// From 0.
    pub index: u64,
    /// The event.
    pub event: Event,
}

/// What goes into a bundle beside its PROOF_EXPORT event.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleParts {
    /// A ULID.
    pub proof_id: String,
    /// The run.
    pub run_id: RunId,
    /// When it is exported.
    pub created_at: Timestamp,
    /// Every event of the run so far, in order.
    pub events: Vec<PlacedEvent>,
    /// Reports on manifests that the events name.
    pub validation_reports: Vec<ValidationReport>,
    /// Which durability is in force.
    pub durability: Durability,
}

/// Why no proof can be made of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// There is nothing to prove (`run_unknown`).
    #[error("the run has no events")]
    NoEvents,
    /// The bundle would not verify: a call is still open, a report is of another run's manifest, ….
    #[error("the proof would not verify: {0}")]
    Unprovable(#[from] BundleFault),
}

impl BundleParts {
    /// The PROOF_EXPORT event of this bundle, to be appended at `index`.
    ///
    /// # Errors
    /// [`SealFault`] where the bundle would not verify.
    pub fn export_draft(&self, index: u64) -> Result<EventDraft, SealFault> {
        if self.events.is_empty() {
            return Err(SealFault::NoEvents);
        }
        check_calls(self.events.iter().map(|placed| (&placed.event, placed.index)))?;
        let root = self.run_extent();
        let inclusion = self.inclusion();
        let digests = self.manifest_digests();
        let bundle_hash = self.rest(&inclusion, &digests).hash().ok_or(BundleFault::RestMismatch)?;
        Ok(EventDraft::of_run(EventKind::ProofExport, self.run_id.clone())
            .with(export_meta::FORMAT, PROOF_FORMAT)
            .with(export_meta::RUN_EVENTS, root.events.to_string())
            .with(export_meta::RUN_ROOT, root.root.to_string())
            .with(export_meta::INDEX, index.to_string())
            .with(export_meta::BUNDLE_HASH, bundle_hash.to_string()))
    }

    /// The bundle, once the event of [`BundleParts::export_draft`] has its place in the ledger.
    ///
    /// # Errors
    /// [`SealFault::Unprovable`] where the result does not verify: such a bundle is never handed out.
    pub fn seal(self, export: PlacedEvent) -> Result<ProofBundle, SealFault> {
        let (run, mut inclusion, plugin_manifest_digests) =
            (self.run_extent(), self.inclusion(), self.manifest_digests());
        let head_event_hash = export.event.event_hash;
        let mut events: Vec<Event> = self.events.into_iter().map(|placed| placed.event).collect();
        inclusion.push(Inclusion { index: export.index });
        events.push(export.event);
        let bundle = ProofBundle {
            format: PROOF_FORMAT.to_owned(),
            proof_id: self.proof_id,
            run_id: self.run_id,
            created_at: self.created_at,
            head_event_hash,
            events,
            inclusion,
            run,
            plugin_manifest_digests,
            validation_reports: self.validation_reports,
            durability: self.durability,
        };
        check_bundle(&bundle, Some(head_event_hash))?;
        Ok(bundle)
    }

    fn run_extent(&self) -> RunExtent {
        let hashes: Vec<Sha256Hex> = self.events.iter().map(|placed| placed.event.event_hash).collect();
        RunExtent { events: hashes.len() as u64, root: run_root(&hashes) }
    }

    fn inclusion(&self) -> Vec<Inclusion> {
        self.events.iter().map(|placed| Inclusion { index: placed.index }).collect()
    }

    fn manifest_digests(&self) -> Vec<ManifestDigest> {
        manifest_digests(self.events.iter().map(|placed| &placed.event))
    }

    fn rest<'a>(&'a self, inclusion: &'a [Inclusion], digests: &'a [ManifestDigest]) -> Rest<'a> {
        Rest {
            created_at: self.created_at,
            durability: self.durability,
            format: PROOF_FORMAT,
            inclusion,
            plugin_manifest_digests: digests,
            proof_id: &self.proof_id,
            run_id: &self.run_id,
            validation_reports: &self.validation_reports,
        }
    }
}
