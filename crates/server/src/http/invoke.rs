//! Calls of one plugin.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use omega_gateway::Answer;
use omega_gateway::contract::exchange::RequestPolicy;
use omega_gateway::contract::limits::REQUEST_BYTES_MAX;
use omega_gateway::contract::strict_json::present;
use omega_gateway::contract::{
    ErrorCode, Payload, PluginRequest, PluginResponse, RequestId, RunId, Sha256Hex, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::body::{check_media_type, json as read_json};
use super::problem::Problem;
use super::serve::{Asked, json};

/// A response, and where its evidence stands.
#[derive(Debug, Serialize)]
pub(super) struct InvokeAnswer {
    #[serde(flatten)]
    response: PluginResponse,
    run_id: RunId,
    reason: Option<ErrorCode>,
    pub(super) event_index: u64,
    event_hash: Sha256Hex,
}

impl InvokeAnswer {
    /// A sentence for people.
    pub(super) fn notes(&self) -> &str {
        &self.response.notes
    }
}

pub(super) async fn invoke(asked: Asked<'_>, body: Body) -> Result<Response, Problem> {
    let plugin_id = asked.plugin_id()?;
    asked.query.refuse_rest()?;
    check_media_type(asked.headers, &body, "application/json")?;
    let held = asked.read(body, REQUEST_BYTES_MAX).await?;
    let request = read_json::<PartialRequest>(&held.bytes, REQUEST_BYTES_MAX)?.completed();
    let run_id = request.run_id.clone();
    let answer = asked.principal.gateway().invoke(&plugin_id, request).await?;
    // The body's part of the budget is held for as long as what was made of it.
    drop(held);
    answered(run_id, answer)
}

/// What came of the plugin's run is an answer, whatever it was; a refusal before it ran is a problem, and so is a call
/// that was given up.
fn answered(run_id: RunId, answer: Answer) -> Result<Response, Problem> {
    let Answer { response, reason, event_index, event_hash, retry_after, ran, .. } = answer;
    let answer = InvokeAnswer { response, run_id, reason, event_index, event_hash };
    match reason {
        Some(code) if !ran || matches!(code, ErrorCode::Timeout | ErrorCode::Interrupted) => {
            Err(Problem::of_answer(code, answer, retry_after))
        }
        _ => json(&answer),
    }
}

/// A request of which only the payload must be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartialRequest {
    payload: Payload,
    #[serde(default, deserialize_with = "present")]
    request_id: Option<RequestId>,
    #[serde(default, deserialize_with = "present")]
    run_id: Option<RunId>,
    #[serde(default, deserialize_with = "present")]
    timestamp: Option<Timestamp>,
    #[serde(default)]
    context: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "present")]
    policy: Option<RequestPolicy>,
}

impl PartialRequest {
    /// In the contract's form. What was left out is made: ids, the time, an empty context.
    pub(super) fn completed(self) -> PluginRequest {
        let Self { payload, request_id, run_id, timestamp, context, policy } = self;
        let made = omega_gateway::request(payload);
        PluginRequest {
            request_id: request_id.unwrap_or(made.request_id),
            run_id: run_id.unwrap_or(made.run_id),
            timestamp: timestamp.unwrap_or(made.timestamp),
            context,
            policy,
            ..made
        }
    }
}
