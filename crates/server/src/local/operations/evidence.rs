//! Evidence of runs: handed out, audited, forgotten.

use omega_gateway::contract::{ProofBundle, RequestId, RunId};
use omega_gateway::{ForgetReport, ReplayReport, ReplayedCall};

use crate::local::operation::operation;

operation! {
    /// Exports the proof of a run.
    ExportProof "export_proof" {
        /// Which.
        run_id: RunId,
    } -> ProofBundle,
    |self, gateway| gateway.export_proof(&self.run_id).await
}

operation! {
    /// Deletes what could disclose a request's redacted values.
    ForgetEvidence "forget_evidence" {
        /// The request's run; without one the whole ledger is looked through.
        run_id: Option<RunId>,
        /// The request.
        request_id: RequestId,
    } -> ForgetReport,
    |self, gateway| gateway.admin().forget_evidence(self.run_id.as_ref(), &self.request_id).await
}

operation! {
    /// Calls every call of a run once more and compares the results; tells of each call as it is done.
    Replay "replay" {
        /// The run.
        run_id: RunId,
    } -> ReplayReport,
    |self, gateway| {
        let Self { run_id, mut told } = self;
        gateway.admin().replay(&run_id, move |call| told.say(call.clone())).await
    },
    /// Who hears of the calls.
    told: ReplayedCall
}
