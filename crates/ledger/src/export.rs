//! Exports a run: the PROOF_EXPORT event is appended directly after the run's last event that it counts.
//!
//! What never happens here: an answer about what a bundle must say. `omega-proof` defines that, for whoever makes
//! one and for whoever verifies one.

use std::collections::HashMap;

use omega_contract::ports::{Recorded, Recorder};
use omega_contract::proof_bundle::ManifestDigest;
use omega_contract::{Caller, EventDraft, ProofBundle, RunId, Sha256Hex, Timestamp, ValidationReport};
use omega_proof::bundle::{
    Anchor, BundleParts, PlacedEvent, SealFault, export_meta, manifest_digests, plugins_that_ran,
};

use crate::blocking::run_blocking;
use crate::checkpoints::published_end;
use crate::encode::DraftLine;
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::open_calls::CallPart;
use crate::tree_check::hand_overs;

/// How often a run is read again because events of it were recorded meanwhile.
const EXPORT_TRIES_MAX: usize = 16;

/// What the gateway adds to a run's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRequest {
    /// The run.
    pub run_id: RunId,
    /// A ULID.
    pub proof_id: String,
    /// When it is exported.
    pub created_at: Timestamp,
    /// On whose behalf.
    pub caller: Caller,
}

impl Ledger {
    /// Appends the run's PROOF_EXPORT event, waits until it is durable and a checkpoint covers it, and gives the bundle,
    /// which was verified. `reports` gives the validation reports of the manifests that the run's events name.
    ///
    /// # Errors
    /// [`LedgerError::RunUnknown`]; [`LedgerError::Unprovable`] while a call of the run is open;
    /// [`LedgerError::RunBusy`] where events of the run keep coming; what reading and writing may give.
    pub async fn export_run(
        &self,
        request: ExportRequest,
        reports: impl Fn(&[ManifestDigest]) -> Vec<ValidationReport> + Send,
    ) -> Result<ProofBundle, LedgerError> {
        let (parts, recorded) = run_blocking(|| self.append_export(&request, &reports))?;
        self.durable(recorded).await?;
        run_blocking(|| {
            let event = self.event(recorded.index)?;
            let export = event.filter(|placed| placed.event.event_hash == recorded.event_hash);
            self.seal(parts, export.ok_or(SealFault::NoEvents)?)
        })
    }

    /// Makes the bundle hang on a checkpoint that covers its last event.
    fn seal(&self, parts: BundleParts, export: PlacedEvent) -> Result<ProofBundle, LedgerError> {
        self.checkpoint()?;
        // Read together, and after the wait: the log may have been handed over meanwhile.
        let (checkpoint, signer) = self.newest_and_signer();
        let key_handovers = hand_overs(self.dir(), published_end(self.dir())?)?;
        let key_handovers: Vec<String> = key_handovers.into_iter().map(|placed| placed.line.note).collect();
        let indexes = parts.proof_indexes(export.index)?;
        // Read together: neighbours share most of their paths.
        let proofs = self.inclusion(&indexes, checkpoint.head())?;
        let mut proofs: HashMap<u64, Vec<Sha256Hex>> = indexes.into_iter().zip(proofs).collect();
        let anchor = Anchor { checkpoint: &checkpoint, key_handovers: &key_handovers, signer: &signer };
        let size = checkpoint.head().size;
        parts.seal(export, anchor, |index| proofs.remove(&index).ok_or(LedgerError::NotInTree { size }))
    }

    fn append_export(
        &self,
        request: &ExportRequest,
        reports: &impl Fn(&[ManifestDigest]) -> Vec<ValidationReport>,
    ) -> Result<(BundleParts, Recorded), LedgerError> {
        for _ in 0..EXPORT_TRIES_MAX {
            let watch = self.shared().queue().watch(&request.run_id);
            let outcome = self.try_export(request, reports, watch);
            self.shared().queue().unwatch(watch);
            if let Some(done) = outcome? {
                return Ok(done);
            }
        }
        Err(LedgerError::RunBusy { run_id: request.run_id.clone() })
    }

    /// Reads the run and appends its PROOF_EXPORT event, unless an event of the run came in between.
    fn try_export(
        &self,
        request: &ExportRequest,
        reports: &impl Fn(&[ManifestDigest]) -> Vec<ValidationReport>,
        watch: u64,
    ) -> Result<Option<(BundleParts, Recorded)>, LedgerError> {
        self.flush()?;
        let events = self.run_events(&request.run_id)?;
        if events.is_empty() {
            return Err(LedgerError::RunUnknown { run_id: request.run_id.clone() });
        }
        let decisions = self.written_view()?.decisions(&plugins_that_ran(&events))?;
        let digests = manifest_digests(events.iter().map(|placed: &PlacedEvent| &placed.event));
        let parts = BundleParts {
            proof_id: request.proof_id.clone(),
            run_id: request.run_id.clone(),
            created_at: request.created_at,
            origin: self.newest_and_signer().1.origin().clone(),
            events,
            decisions,
            validation_reports: reports(&digests),
            durability: self.durability(),
        };
        let draft = match parts.export_draft(0) {
            Ok(draft) => draft.asked_by(&request.caller),
            // An event that came in while the run was read may be the outcome that is missed here.
            Err(_) if self.shared().queue().is_touched(watch) => return Ok(None),
            Err(fault) => return Err(fault.into()),
        };
        Ok(self.append_untouched(draft, watch)?.map(|recorded| (parts, recorded)))
    }

    /// Appends `draft` with its own index in it, while no event of the run can come in between.
    fn append_untouched(&self, draft: EventDraft, watch: u64) -> Result<Option<Recorded>, LedgerError> {
        let shared = self.shared();
        let now = shared.clock.now();
        let mut queue = shared.queue();
        if queue.is_touched(watch) {
            return Ok(None);
        }
        let draft = draft.with(export_meta::INDEX, queue.sequence.next_index().to_string());
        let line = DraftLine::new(&draft)?;
        shared.admit(&queue, &line, CallPart::None)?;
        let recorded = queue.append(&line, CallPart::None, &draft.run_id, now);
        shared.stir_flusher(queue);
        Ok(Some(recorded))
    }
}
