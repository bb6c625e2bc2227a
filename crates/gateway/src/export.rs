//! `export_proof`: what an auditor gets of one run.

use omega_contract::manifest::MANIFEST_FILE;
use omega_contract::proof_bundle::ManifestDigest;
use omega_contract::{ProofBundle, RunId, Timestamp, ValidationReport};
use omega_ledger::ExportRequest;

use crate::error::GatewayError;
use crate::gateway::Gateway;

impl Gateway {
    /// The proof of one run: every event of it, with what a verifier needs to see that they are whole.
    /// Data only; a PROOF_EXPORT event is appended first and is part of it.
    ///
    /// # Errors
    /// `run_unknown`; `proof_invalid` while a call of the run is under way; `overloaded` where events of
    /// the run keep coming; `ledger_unavailable`, `ledger_corrupt`.
    pub async fn export_proof(&self, run_id: &RunId) -> Result<ProofBundle, GatewayError> {
        let created_at = self.inner.clock.now();
        let export = ExportRequest {
            run_id: run_id.clone(),
            proof_id: ulid::Ulid::generate().to_string(),
            created_at,
            caller: self.caller.clone(),
        };
        let reports = |digests: &[ManifestDigest]| {
            digests.iter().filter_map(|digest| self.report_on(digest, created_at)).collect()
        };
        Ok(self.inner.ledger.export_run(export, reports).await?)
    }

    /// The report on a manifest of the run, where its package is still in the store.
    fn report_on(&self, digest: &ManifestDigest, now: Timestamp) -> Option<ValidationReport> {
        let wanted = digest.manifest_hash.to_string();
        let rows = self.inner.journal.registry.versions(&digest.plugin_id).ok()?;
        let row = rows.into_iter().find(|row| row.manifest_hash == wanted)?;
        let files = self.inner.directory.store.load(&row.info.package_digest).ok()?;
        Some(omega_validator::validate_manifest(files.get(MANIFEST_FILE)?, now))
    }
}
