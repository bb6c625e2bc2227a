//! Makes a bundle: first the PROOF_EXPORT event's draft, then, once a checkpoint covers that event, the bundle.
//!
//! What never happens here: a bundle that does not verify handed out.

use std::collections::BTreeSet;

use omega_contract::proof_bundle::{
    Attestation, Durability, Inclusion, Link, LinkedDecision, ManifestDigest, PROOF_FORMAT, RunExtent,
};
use omega_contract::{
    Event, EventDraft, EventKind, PluginId, ProofBundle, RunId, Sha256Hex, Timestamp, ValidationReport,
};

use super::calls::Calls;
use super::fault::BundleFault;
use super::links::{in_force, linked};
use super::verify::check_bundle;
use super::{Placed, Rest, RestLink, attestation, export_meta, manifest_digests};
use crate::checkpoint::{LogSigner, Origin, SignedCheckpoint};
use crate::run_root::run_root;

/// An event and where it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedEvent {
    /// From 0.
    pub index: u64,
    /// The event.
    pub event: Event,
}

impl PlacedEvent {
    const fn placed(&self) -> Placed<'_> {
        Placed { index: self.index, event: &self.event }
    }
}

/// What goes into a bundle beside its PROOF_EXPORT event and its proofs.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleParts {
    /// A ULID.
    pub proof_id: String,
    /// The run.
    pub run_id: RunId,
    /// When it is exported.
    pub created_at: Timestamp,
    /// The log.
    pub origin: Origin,
    /// Every event of the run so far, in order.
    pub events: Vec<PlacedEvent>,
    /// The REGISTER, ENABLE and POLICY events that may have been in force for the run's plugins
    /// ([`plugins_that_ran`]), in order. More than were does not matter, fewer does.
    pub decisions: Vec<PlacedEvent>,
    /// Reports on manifests that the events name.
    pub validation_reports: Vec<ValidationReport>,
    /// Which durability is in force.
    pub durability: Durability,
}

/// What a bundle hangs on: a checkpoint that covers its PROOF_EXPORT event, and the key that signs for the log.
#[derive(Debug, Clone, Copy)]
pub struct Anchor<'l> {
    /// The checkpoint.
    pub checkpoint: &'l SignedCheckpoint,
    /// The notes by which the log changed its key, oldest first.
    pub key_handovers: &'l [String],
    /// The key that signed the checkpoint, and signs the attestation.
    pub signer: &'l LogSigner,
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

/// The plugins that ran: whose decisions a bundle of these events links.
pub fn plugins_that_ran<'a>(events: impl IntoIterator<Item = &'a PlacedEvent>) -> BTreeSet<PluginId> {
    let invokes = events.into_iter().filter(|placed| placed.event.kind == EventKind::Invoke);
    invokes.filter_map(|placed| placed.event.plugin_id.parse().ok()).collect()
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
        Calls::of(self.events.iter().map(PlacedEvent::placed))?;
        let root = self.run_extent();
        let (indexes, links, digests) = (self.indexes(), self.links()?, self.manifest_digests());
        let rest = Rest {
            created_at: self.created_at,
            durability: self.durability,
            event_indexes: &indexes,
            format: PROOF_FORMAT,
            links: links.iter().map(|(index, decision)| RestLink { decision, index: *index }).collect(),
            origin: self.origin.as_str(),
            plugin_manifest_digests: &digests,
            proof_id: &self.proof_id,
            run_id: &self.run_id,
            validation_reports: &self.validation_reports,
        };
        let bundle_hash = rest.hash().ok_or(BundleFault::RestMismatch)?;
        Ok(EventDraft::of_run(EventKind::ProofExport, self.run_id.clone())
            .with(export_meta::FORMAT, PROOF_FORMAT)
            .with(export_meta::RUN_EVENTS, root.events.to_string())
            .with(export_meta::RUN_ROOT, root.root.to_string())
            .with(export_meta::INDEX, index.to_string())
            .with(export_meta::BUNDLE_HASH, bundle_hash.to_string()))
    }

    /// The indexes of all that the bundle proves to be in the log, with the PROOF_EXPORT event at `export_index`.
    ///
    /// # Errors
    /// [`SealFault`] where the bundle would not verify.
    pub fn proof_indexes(&self, export_index: u64) -> Result<Vec<u64>, SealFault> {
        let links = self.links()?.into_iter().map(|(index, _)| index);
        Ok(self.indexes().into_iter().chain([export_index]).chain(links).collect())
    }

    /// The bundle, once the event of [`BundleParts::export_draft`] has its place in the ledger and a checkpoint covers it.
    /// `inclusion_proof` gives the proof of the event at an index in the checkpoint's tree.
    ///
    /// # Errors
    /// [`SealFault::Unprovable`] where the result does not verify: such a bundle is never handed out. What
    /// `inclusion_proof` gives.
    pub fn seal<E: From<SealFault>>(
        self,
        export: PlacedEvent,
        anchor: Anchor<'_>,
        mut inclusion_proof: impl FnMut(u64) -> Result<Vec<Sha256Hex>, E>,
    ) -> Result<ProofBundle, E> {
        let links = self.links().map_err(SealFault::from)?;
        let (run, plugin_manifest_digests) = (self.run_extent(), self.manifest_digests());
        let events: Vec<PlacedEvent> = self.events.into_iter().chain([export]).collect();
        let mut inclusion = Vec::with_capacity(events.len());
        for placed in &events {
            inclusion.push(Inclusion { index: placed.index, proof: inclusion_proof(placed.index)? });
        }
        let mut with_proofs = Vec::with_capacity(links.len());
        for (index, decision) in links {
            with_proofs.push(Link { index, proof: inclusion_proof(index)?, decision });
        }
        let head_event_hash = events.last().map(|placed| placed.event.event_hash).ok_or(SealFault::NoEvents)?;
        let mut bundle = ProofBundle {
            format: PROOF_FORMAT.to_owned(),
            proof_id: self.proof_id,
            run_id: self.run_id,
            created_at: self.created_at,
            origin: self.origin.to_string(),
            checkpoint: anchor.checkpoint.as_str().to_owned(),
            key_handovers: anchor.key_handovers.to_vec(),
            head_event_hash,
            events: events.into_iter().map(|placed| placed.event).collect(),
            inclusion,
            run,
            links: with_proofs,
            plugin_manifest_digests,
            validation_reports: self.validation_reports,
            durability: self.durability,
            attestation: Attestation { payload: String::new(), payload_type: String::new(), signatures: Vec::new() },
        };
        let statement = statement_of(&bundle).map_err(SealFault::from)?;
        bundle.attestation = attestation::sign(&statement, anchor.signer.key());
        check_bundle(&bundle, &[anchor.signer.verifier_key()], &[]).map_err(SealFault::from)?;
        Ok(bundle)
    }

    /// The decisions that were in force, each as a bundle may have it.
    fn links(&self) -> Result<Vec<(u64, LinkedDecision)>, BundleFault> {
        let decisions: Vec<Placed<'_>> = self.decisions.iter().map(PlacedEvent::placed).collect();
        let chosen = in_force(self.events.iter().map(PlacedEvent::placed), &decisions)?.chosen;
        let chosen = decisions.iter().filter(|placed| chosen.contains(&placed.index));
        Ok(chosen.map(|placed| (placed.index, linked(placed.event))).collect())
    }

    fn run_extent(&self) -> RunExtent {
        let root = run_root(self.events.iter().map(|placed| &placed.event.event_hash));
        RunExtent { events: self.events.len() as u64, root }
    }

    fn indexes(&self) -> Vec<u64> {
        self.events.iter().map(|placed| placed.index).collect()
    }

    fn manifest_digests(&self) -> Vec<ManifestDigest> {
        manifest_digests(self.events.iter().map(|placed| &placed.event))
    }
}

/// The statement that follows from a bundle whose attestation is not made yet.
fn statement_of(bundle: &ProofBundle) -> Result<Vec<u8>, BundleFault> {
    let places = bundle.inclusion.iter().map(|inclusion| inclusion.index);
    let (run, decisions) = super::verify::run_and_decisions(bundle, places);
    let calls = Calls::of(run.iter().copied())?;
    let plugins = in_force(run, &decisions)?.plugins;
    attestation::statement(bundle, &calls, &plugins)
}
