//! One attempt of one call: INVOKE, the run in a fresh sandbox, and exactly one outcome.

use std::sync::Arc;
use std::time::Instant;

use omega_contract::ports::{
    GuestOutput, Host, LaneCall, LaneEnding, LaneReport, LaneRequest, ProgramExit, Recorded, RecorderError,
};
use omega_contract::{ErrorCode, EventDraft, EventKind, Payload, Recorder, Sha256Hex, Status};
use omega_validator::call::output::plain_notes;
use omega_validator::{Call, Verified, check_output};

use crate::asked::ProgressListener;
use crate::call::Router;
use crate::evidence::{CallEvidence, bounded};
use crate::services::Refused;
use crate::turns::Turn;

/// What every attempt of a call is given alike.
pub(crate) struct Plan<'a> {
    pub(crate) call: &'a Verified<Call>,
    pub(crate) evidence: &'a CallEvidence,
    pub(crate) request: Arc<LaneRequest>,
    pub(crate) seed: [u8; 32],
    pub(crate) progress: &'a ProgressListener,
}

/// How an attempt ended, judged and recorded.
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) event: Recorded,
    pub(crate) guest_log: String,
}

/// A judgement on a lane's report.
pub(crate) struct Verdict {
    pub(crate) status: Status,
    pub(crate) reason: Option<ErrorCode>,
    /// With `hash(result)`, unredacted.
    pub(crate) result: Option<(Payload, Sha256Hex)>,
    pub(crate) notes: String,
}

impl Verdict {
    fn without_result(status: Status, reason: ErrorCode, notes: impl Into<String>) -> Self {
        Self { status, reason: Some(reason), result: None, notes: notes.into() }
    }

    fn refused(refused: Refused) -> Self {
        Self::without_result(Status::Rejected, refused.code, refused.message)
    }
}

/// An INVOKE that has no outcome yet. Dropped so (the caller went away), it writes ERROR `interrupted`.
struct OpenIntent<'a> {
    recorder: &'a dyn Recorder,
    evidence: &'a CallEvidence,
    number: u32,
    open: bool,
}

impl OpenIntent<'_> {
    fn close(mut self, outcome: EventDraft) -> Result<Recorded, RecorderError> {
        self.open = false;
        self.recorder.record(outcome)
    }
}

impl Drop for OpenIntent<'_> {
    fn drop(&mut self) {
        if self.open {
            let draft = self.evidence.outcome(EventKind::Error, self.number, Some(ErrorCode::Interrupted), None);
            // Where the record cannot be written any more, the next start closes the INVOKE.
            let _unwritable = self.recorder.record(draft);
        }
    }
}

impl Router {
    /// Runs one attempt, which begins with this turn. Its outcome is recorded, not yet durable.
    pub(crate) async fn attempt(
        &self,
        plan: &Plan<'_>,
        number: u32,
        deadline: Instant,
        turn: Turn<'_>,
    ) -> Result<Outcome, RecorderError> {
        let evidence = plan.evidence;
        let limit = deadline.saturating_duration_since(Instant::now());
        self.recorder.record(evidence.intent(number, limit))?;
        let intent = OpenIntent { recorder: &*self.recorder, evidence, number, open: true };

        let brokers = self.services.brokers(&evidence.target, plan.call, plan.progress, deadline);
        let host: Arc<dyn Host> = Arc::clone(&brokers) as Arc<dyn Host>;
        let lane_call = LaneCall { request: Arc::clone(&plan.request), seed: plan.seed, deadline, host };
        let run = evidence.target.program.run(lane_call);
        let report = self.turns.run(run, turn, &evidence.target.pace, deadline).await;

        for used in brokers.uses() {
            self.recorder.record(evidence.broker(number, used))?;
        }
        let guest_log = brokers.log_text() + &report.output_text;
        let (verdict, draft) = self.conclude(evidence, number, report).await;
        let event = intent.close(draft)?;
        Ok(Outcome { verdict, event, guest_log })
    }

    /// Judges a report and drafts its event. A result that cannot be kept as its log level demands is
    /// no result.
    async fn conclude(&self, evidence: &CallEvidence, number: u32, report: LaneReport) -> (Verdict, EventDraft) {
        let (ending, report) = split(report);
        let verdict = match ending {
            LaneEnding::Finished(output) => self.judge_output(evidence, output).await,
            LaneEnding::Declined { code, message } => Verdict::without_result(
                Status::Rejected,
                ErrorCode::PluginDeclined,
                bounded(&plain_notes(&format!("{code}: {message}"))),
            ),
            LaneEnding::Failed { reason, detail, .. } => {
                let status = match reason {
                    ErrorCode::Timeout => Status::Timeout,
                    // A lane may see before we do that a result is too large: still a rule, not a failure.
                    ErrorCode::OutputTooLarge => Status::Rejected,
                    _ => Status::Error,
                };
                Verdict::without_result(status, reason, bounded(&plain_notes(&detail)))
            }
        };
        self.commit(evidence, verdict, |kind, reason| evidence.outcome(kind, number, reason, Some(&report)))
    }

    async fn judge_output(&self, evidence: &CallEvidence, output: GuestOutput) -> Verdict {
        let target = &evidence.target;
        let checked =
            check_output(&target.package, output, &target.capabilities, self.policy.ceilings, self.services.held());
        let output = match checked {
            Ok(output) => output.into_inner(),
            Err(refusal) => return Verdict::refused(Refused::new(refusal.code, refusal.message)),
        };
        let output_hash = output.output_hash();
        let (payload, notes) = output.into_parts();
        match self.services.check_result(target, &payload).await {
            Ok(()) => Verdict { status: Status::Ok, reason: None, result: Some((payload, output_hash)), notes },
            Err(refused) => Verdict::refused(refused),
        }
    }

    fn commit(
        &self,
        evidence: &CallEvidence,
        verdict: Verdict,
        draft: impl Fn(EventKind, Option<ErrorCode>) -> EventDraft,
    ) -> (Verdict, EventDraft) {
        let Some((payload, output_hash)) = &verdict.result else {
            let kind = if verdict.status == Status::Rejected { EventKind::Reject } else { EventKind::Error };
            let draft = draft(kind, verdict.reason);
            return (verdict, draft);
        };
        let committed = if evidence.commits_results() {
            evidence.commit(&*self.services, payload, *output_hash, evidence.keeps())
        } else {
            Ok((*output_hash, None))
        };
        match committed {
            Ok((recorded_hash, artifact)) => {
                let mut draft = draft(EventKind::Result, None);
                draft.output_hash = Some(recorded_hash);
                if let Some(artifact) = artifact {
                    draft = draft.with("result_artifact", artifact.to_string());
                }
                (verdict, draft)
            }
            Err(refused) => {
                let draft = draft(EventKind::Reject, Some(refused.code));
                (Verdict::refused(refused), draft)
            }
        }
    }
}

/// The ending by value and the rest of the report, which says in one word how it was.
fn split(report: LaneReport) -> (LaneEnding, LaneReport) {
    let exit = match &report.ending {
        // One that declines has returned, too.
        LaneEnding::Finished(_) | LaneEnding::Declined { .. } => ProgramExit::Finished,
        LaneEnding::Failed { exit, .. } => *exit,
    };
    let empty = LaneEnding::Declined { code: String::new(), message: String::new() };
    let mut rest = report;
    let ending = std::mem::replace(&mut rest.ending, empty);
    rest.facts.insert("exit", exit.as_str().to_owned());
    (ending, rest)
}
