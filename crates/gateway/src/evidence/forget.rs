//! Deleting what could disclose a request's redacted values.

use std::collections::BTreeSet;

use omega_contract::{ErrorCode, RequestId, RunId};
use omega_proof::attempts::Attempts;
use omega_registry::Decision;

use super::{decisions_on, is_redacted, request_events, step_of};
use crate::admin::Admin;
use crate::error::GatewayError;

/// What forgetting a request came to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ForgetReport {
    /// The request's run.
    pub run_id: RunId,
    /// The request.
    pub request_id: RequestId,
    /// Its steps that had redactions.
    pub steps: Vec<u32>,
    /// The decision in the ledger: of now, or of the first time.
    pub event_index: u64,
    /// Whether it was decided now; otherwise it had been before.
    pub is_new: bool,
}

impl Admin {
    /// Deletes the salts of a request's redactions, durably: what they hid cannot be disclosed any more, by anybody.
    /// A journalled decision; deciding it again changes nothing. Without a run the whole ledger is looked through for
    /// the request.
    ///
    /// Hashes, commitments and results stay, so that proofs stay whole. What others were shown of the values or of the
    /// salt, and copies of the home, are beyond this.
    ///
    /// # Errors
    /// `not_found` where there is no such request or nothing of it was redacted; `request_invalid` where several runs
    /// have it, or while it is under way; `io` where a salt cannot be deleted: then nothing is served until it can;
    /// `ledger_unavailable`.
    pub async fn forget_evidence(
        &self,
        run_id: Option<&RunId>,
        request_id: &RequestId,
    ) -> Result<ForgetReport, GatewayError> {
        let inner = &self.gateway.inner;
        let _turn = inner.journal.turn().await?;
        let (run_id, events) = request_events(&*inner.ledger, run_id, request_id)?;
        let mut attempts = Attempts::default();
        let mut steps = BTreeSet::new();
        for placed in &events {
            let event = &placed.event;
            // What does not pair is nothing that is under way.
            let _fault = attempts.observe(event, placed.index);
            let step = step_of(event);
            // A call that was refused after its salt was made has one too, and no event that says so.
            if is_redacted(event) || self.has_salt(&run_id, request_id, step)? {
                steps.insert(step);
            }
        }
        if attempts.open().next().is_some() {
            let message = format!("request {request_id} of run {run_id} is under way; forget it when it has ended");
            return Err(GatewayError::new(ErrorCode::RequestInvalid, message));
        }
        if steps.is_empty() {
            let message = format!("nothing of request {request_id} of run {run_id} was redacted");
            return Err(GatewayError::new(ErrorCode::NotFound, message));
        }
        let decided = decisions_on(&*inner.ledger, &run_id, request_id)?;
        let before = |step: &u32| decided.iter().any(|decision| decision.steps.contains(step));
        let steps: Vec<u32> = steps.into_iter().collect();
        let report = |event_index, is_new| ForgetReport {
            run_id: run_id.clone(),
            request_id: request_id.clone(),
            steps: steps.clone(),
            event_index,
            is_new,
        };
        if let Some(first) = decided.first().filter(|_| steps.iter().all(before)) {
            // The decision stands; a salt that came back, from a backup say, goes again.
            inner.journal.salts.delete(&run_id, request_id, &steps).map_err(|error| unusable(&error))?;
            return Ok(report(first.event_index, false));
        }
        // Applied as any decision is: the salts go before it counts as applied.
        let decision =
            Decision::ForgetEvidence { run_id: run_id.clone(), request_id: request_id.clone(), steps: steps.clone() };
        let event = inner.journal.decide(&self.gateway.caller, &decision).await?;
        Ok(report(event.index, true))
    }

    fn has_salt(&self, run_id: &RunId, request_id: &RequestId, step: u32) -> Result<bool, GatewayError> {
        let salts = &self.gateway.inner.journal.salts;
        salts.is_there(run_id, request_id, step).map_err(|error| unusable(&error))
    }
}

fn unusable(error: &std::io::Error) -> GatewayError {
    GatewayError::new(ErrorCode::Io, format!("a redaction salt: {}", error.kind()))
}
