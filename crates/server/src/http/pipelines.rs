//! Calls of several plugins.

use axum::body::Body;
use axum::response::Response;
use omega_gateway::PipelineAnswer as Answered;
use omega_gateway::contract::limits::REQUEST_BYTES_MAX;
use omega_gateway::contract::{ErrorCode, PipelinePolicy, PipelineStrategy, PluginResponse, Status};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{check_media_type, json as read_json};
use super::invoke::PartialRequest;
use super::problem::Problem;
use super::serve::{Asked, json};

/// What is to run, on what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PipelineRequest {
    policy: PipelinePolicy,
    request: PartialRequest,
}

/// What is to run, on what.
#[derive(ToSchema)]
#[schema(as = PipelineRequest)]
#[expect(dead_code, reason = "says how the contract's own types are written")]
pub(super) struct PipelineRequestText {
    /// Which plugins, and how they follow each other.
    policy: PolicyText,
    /// What they are called with.
    #[schema(value_type = super::openapi::InvokeRequestText)]
    request: (),
}

/// Which plugins run on one request, and how.
#[derive(ToSchema)]
#[schema(as = PipelinePolicy)]
#[expect(dead_code, reason = "says how the contract's own type is written")]
struct PolicyText {
    /// How the steps follow each other.
    strategy: StrategyText,
    /// The plugins, one step each.
    #[schema(min_items = 1, max_items = 64)]
    plugin_ids: Vec<PluginIdText>,
    /// Bounds the whole pipeline, in milliseconds.
    #[schema(minimum = 100, maximum = 86_400_000)]
    timeout_ms: u64,
    /// End at the first step that is not `ok`. A `chain` always does.
    stop_on_failure: bool,
}

/// A plugin's stable name.
#[derive(ToSchema)]
#[schema(as = PluginId, pattern = "^[a-z0-9][a-z0-9._-]{2,63}$")]
#[expect(dead_code, reason = "says how the contract's own type is written")]
struct PluginIdText(String);

/// How the steps of a pipeline follow each other.
#[derive(ToSchema)]
#[schema(as = PipelineStrategy, rename_all = "snake_case")]
#[expect(dead_code, reason = "says how the contract's own type is written")]
enum StrategyText {
    /// One after the other, the same request to each.
    Sequential,
    /// All at once, the same request to each.
    FanOut,
    /// Each step's result is the next step's payload.
    Chain,
}

/// How a call ended, best first.
#[derive(ToSchema)]
#[schema(as = Status, rename_all = "snake_case")]
#[expect(dead_code, reason = "says how the contract's own type is written")]
enum StatusText {
    /// There is a result.
    Ok,
    /// A rule said no, before or after the run, or the plugin declined the input.
    Rejected,
    /// The time ran out.
    Timeout,
    /// The plugin failed: trap, crash, exception.
    Error,
}

/// What a pipeline gave.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PipelineAnswer {
    /// The run that all steps belong to.
    run_id: String,
    /// How the steps followed each other.
    #[schema(value_type = StrategyText)]
    strategy: PipelineStrategy,
    /// One for each plugin, in the order of the policy; fewer where it was stopped early.
    steps: Vec<PipelineStep>,
    /// The worst of the steps.
    #[schema(value_type = StatusText)]
    overall_status: Status,
    /// Wall-clock time of the whole, in milliseconds.
    #[schema(minimum = 0)]
    total_duration_ms: u64,
}

/// One step of a pipeline, and where its evidence stands.
#[derive(Debug, Serialize, ToSchema)]
struct PipelineStep {
    /// The plugin of this step.
    plugin_id: String,
    /// Its place, from 0.
    #[schema(minimum = 0)]
    step_index: u32,
    /// What it gave.
    #[schema(value_type = super::openapi::PluginResponse)]
    response: PluginResponse,
    /// The stable code where the step is not `ok`.
    #[schema(value_type = Option<super::openapi::ErrorCodeText>, required)]
    reason: Option<ErrorCode>,
    /// The index of its outcome's event in the ledger.
    #[schema(minimum = 0)]
    event_index: u64,
    /// That event's hash.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    event_hash: String,
}

impl From<Answered> for PipelineAnswer {
    fn from(answered: Answered) -> Self {
        let Answered { response, steps: evidence } = answered;
        let step =
            |(step, evidence): (omega_gateway::contract::PipelineStep, omega_gateway::StepEvidence)| PipelineStep {
                plugin_id: step.plugin_id.to_string(),
                step_index: step.step_index,
                response: step.response,
                reason: evidence.reason,
                event_index: evidence.event_index,
                event_hash: evidence.event_hash.to_string(),
            };
        Self {
            run_id: response.run_id.to_string(),
            strategy: response.strategy,
            steps: response.steps.into_iter().zip(evidence).map(step).collect(),
            overall_status: response.overall_status,
            total_duration_ms: response.total_duration_ms,
        }
    }
}

pub(super) async fn invoke(asked: Asked<'_>, body: Body) -> Result<Response, Problem> {
    asked.query.refuse_rest()?;
    check_media_type(asked.headers, &body, "application/json")?;
    let held = asked.read(body, REQUEST_BYTES_MAX).await?;
    let PipelineRequest { policy, request } = read_json(&held.bytes, REQUEST_BYTES_MAX)?;
    let request = request.completed();
    for plugin_id in &policy.plugin_ids {
        asked.principal.require(plugin_id)?;
    }
    let answered = asked.principal.gateway().invoke_pipeline(&policy, request).await?;
    drop(held);
    json(&PipelineAnswer::from(answered))
}
