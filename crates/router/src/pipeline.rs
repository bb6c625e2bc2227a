//! Pipelines: several plugins on one request (spec page 1, "Pipelines").

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use omega_contract::limits::{PIPELINE_STEPS_MAX, TIMEOUT_MS_MAX, TIMEOUT_MS_MIN};
use omega_contract::manifest::{Direction, IoDescriptor};
use omega_contract::ports::RecorderError;
use omega_contract::{
    ErrorCode, Manifest, Payload, PayloadKind, PipelinePolicy, PipelineResponse, PipelineStep, PipelineStrategy,
    PluginId, Sha256Hex, Status,
};

use omega_validator::{HashedRequest, check_bounds};
use serde::{Deserialize, Serialize};

use crate::asked::{Asked, Asker};
use crate::call::{Answer, CallStages, Router, whole_ms};
use crate::passing::{Passing, Refusal};
use crate::services::Refused;

/// What a pipeline gave, and where its evidence stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineAnswer {
    /// The contract's response.
    pub response: PipelineResponse,
    /// The evidence of each step, in the order of `response.steps`.
    pub steps: Vec<StepEvidence>,
}

/// Where a step's outcome stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEvidence {
    /// The stable code where the step is not `ok`.
    pub reason: Option<ErrorCode>,
    /// The index of its event.
    pub event_index: u64,
    /// Its hash.
    pub event_hash: Sha256Hex,
    /// How long it was in each stage.
    pub stages: CallStages,
}

/// Why a pipeline did not begin.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// It cannot run as it is written; nothing ran.
    #[error("{0}")]
    Refused(Refused),
    /// No evidence could be written.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
}

impl Router {
    /// Runs a pipeline.
    ///
    /// # Errors
    /// [`PipelineError::Refused`] where the policy or the neighbours' kinds do not fit: before anything
    /// runs. [`PipelineError::Recorder`] where no evidence could be written.
    pub async fn pipeline(
        &self,
        policy: &PipelinePolicy,
        asked: impl Into<Asked>,
    ) -> Result<PipelineAnswer, PipelineError> {
        let asked = asked.into();
        let started = Instant::now();
        check_policy(policy).map_err(PipelineError::Refused)?;
        // What would be refused in every step is refused once.
        check_bounds(&asked.request)
            .map_err(|refusal| PipelineError::Refused(Refused::new(refusal.code, refusal.message)))?;
        let until = started + Duration::from_millis(policy.timeout_ms).min(self.policy.timeout_max);
        if policy.strategy == PipelineStrategy::Chain {
            self.check_chain(policy, &asked.request.payload, until).await.map_err(PipelineError::Refused)?;
        }
        let run_id = asked.request.run_id.clone();
        let answers = match policy.strategy {
            PipelineStrategy::Sequential => self.sequential(policy, asked, until).await?,
            PipelineStrategy::FanOut => self.fan_out(policy, asked, until).await?,
            PipelineStrategy::Chain => self.chain(policy, asked, until).await?,
        };
        let overall_status = answers.iter().map(|answer| answer.response.status).max().unwrap_or(Status::Ok);
        let steps = answers
            .iter()
            .map(|answer| StepEvidence {
                reason: answer.reason,
                event_index: answer.event_index,
                event_hash: answer.event_hash,
                stages: answer.stages,
            })
            .collect();
        let response = PipelineResponse {
            run_id,
            strategy: policy.strategy,
            steps: (0..)
                .zip(answers)
                .map(|(step_index, answer)| PipelineStep {
                    plugin_id: answer.response.plugin_id.clone(),
                    response: answer.response,
                    step_index,
                })
                .collect(),
            overall_status,
            total_duration_ms: whole_ms(started),
        };
        Ok(PipelineAnswer { response, steps })
    }

    async fn sequential(
        &self,
        policy: &PipelinePolicy,
        Asked { request, asker }: Asked,
        until: Instant,
    ) -> Result<Vec<Answer>, RecorderError> {
        let request = Arc::new(HashedRequest::new(request));
        let mut answers = Vec::with_capacity(policy.plugin_ids.len());
        for (step, plugin_id) in (0..).zip(&policy.plugin_ids) {
            let answer = self.step((plugin_id, step), &request, &asker, until).await?;
            let failed = answer.response.status != Status::Ok;
            answers.push(answer);
            if failed && policy.stop_on_failure {
                break;
            }
        }
        Ok(answers)
    }

    /// `stop_on_failure` has nothing to stop here: all steps begin at once.
    async fn fan_out(
        &self,
        policy: &PipelinePolicy,
        Asked { request, asker }: Asked,
        until: Instant,
    ) -> Result<Vec<Answer>, RecorderError> {
        let request = Arc::new(HashedRequest::new(request));
        let steps = (0..).zip(&policy.plugin_ids);
        try_join_all(steps.map(|(step, plugin_id)| self.step((plugin_id, step), &request, &asker, until))).await
    }

    async fn chain(
        &self,
        policy: &PipelinePolicy,
        Asked { mut request, asker }: Asked,
        until: Instant,
    ) -> Result<Vec<Answer>, RecorderError> {
        let mut answers: Vec<Answer> = Vec::with_capacity(policy.plugin_ids.len());
        for (step, plugin_id) in (0..).zip(&policy.plugin_ids) {
            if let Some(result) = answers.last().and_then(|answer| answer.response.result.clone()) {
                request.payload = match self.find(plugin_id, until).await {
                    Ok(target) => addressed_to(target.package.manifest(), result),
                    // Disabled since the check, say: the step's own refusal says so.
                    Err(_) => result,
                };
            }
            let hashed = Arc::new(HashedRequest::new(request.clone()));
            let answer = self.step((plugin_id, step), &hashed, &asker, until).await?;
            let has_result = answer.response.result.is_some();
            answers.push(answer);
            if !has_result {
                break;
            }
        }
        Ok(answers)
    }

    async fn step(
        &self,
        (plugin_id, step): (&PluginId, u32),
        request: &Arc<HashedRequest>,
        asker: &Asker,
        until: Instant,
    ) -> Result<Answer, RecorderError> {
        let started = Instant::now();
        let passing =
            Passing { plugin_id, request, asker, step, replays: None, until: Some(until), started, found: started };
        if started >= until {
            let refused = Refused::new(ErrorCode::Timeout, "the pipeline's time ran out before this step began");
            let refusal = Refusal { refused, status: Status::Timeout, retry_after: None };
            return self.refuse(passing.about(), refusal, started).await;
        }
        self.pass(passing).await
    }

    /// Kinds of neighbours, before anything runs.
    async fn check_chain(&self, policy: &PipelinePolicy, payload: &Payload, until: Instant) -> Result<(), Refused> {
        let mut given: Vec<PayloadKind> = vec![payload.kind()];
        for (step, plugin_id) in policy.plugin_ids.iter().enumerate() {
            let target = self.find(plugin_id, until).await?;
            let manifest = target.package.manifest();
            let inputs = kinds(&manifest.io.inputs);
            if !given.iter().any(|kind| inputs.contains(kind)) {
                return Err(invalid(format!(
                    "step {step}, {plugin_id}, takes {}, and what comes before it gives {}",
                    words(&inputs),
                    words(&given)
                )));
            }
            let json_inputs = inputs.iter().filter(|kind| **kind == PayloadKind::Json).count();
            if step > 0 && given.contains(&PayloadKind::Json) && json_inputs > 1 {
                return Err(invalid(format!(
                    "step {step}, {plugin_id}, takes json under {json_inputs} schemas; a chain cannot tell which one is meant"
                )));
            }
            given = kinds(&manifest.io.outputs);
        }
        Ok(())
    }
}

fn check_policy(policy: &PipelinePolicy) -> Result<(), Refused> {
    if policy.plugin_ids.is_empty() || policy.plugin_ids.len() > PIPELINE_STEPS_MAX {
        return Err(invalid(format!("plugin_ids: 1 to {PIPELINE_STEPS_MAX} plugins, not {}", policy.plugin_ids.len())));
    }
    if !(TIMEOUT_MS_MIN..=TIMEOUT_MS_MAX).contains(&policy.timeout_ms) {
        return Err(invalid(format!("timeout_ms: {TIMEOUT_MS_MIN} to {TIMEOUT_MS_MAX}, not {}", policy.timeout_ms)));
    }
    Ok(())
}

fn invalid(message: String) -> Refused {
    Refused::new(ErrorCode::PipelineInvalid, message)
}

fn kinds(descriptors: &[IoDescriptor]) -> Vec<PayloadKind> {
    descriptors.iter().map(|descriptor| descriptor.kind).collect()
}

fn words(kinds: &[PayloadKind]) -> String {
    kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
}

/// A result on its way to the next plugin: JSON carries the schema that the next one takes, which
/// then validates it. Where that is the same schema reference, nothing changes.
fn addressed_to(manifest: &Manifest, result: Payload) -> Payload {
    match result {
        Payload::Json(mut json) => {
            let same = manifest.descriptor(Direction::Input, PayloadKind::Json, Some(&json.schema_ref)).is_some();
            let only = manifest.descriptor(Direction::Input, PayloadKind::Json, None);
            if let Some(descriptor) = only.filter(|_| !same) {
                json.schema_ref.clone_from(&descriptor.schema_ref.0);
            }
            Payload::Json(json)
        }
        other => other,
    }
}
