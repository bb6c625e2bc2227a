//! Calls of one plugin.

use axum::body::Body;
use axum::response::Response;
use omega_gateway::contract::limits::REQUEST_BYTES_MAX;
use omega_gateway::contract::{Clock as _, ErrorCode, PluginRequest, PluginResponse, RunId, Sha256Hex};
use omega_gateway::{Answer, SystemClock};
use serde::Serialize;
use serde_json::{Map, Value};

use super::body::{check_media_type, json as read_json, object};
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
    let request = completed(read_json(&held.bytes, REQUEST_BYTES_MAX)?)?;
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

/// A request in the contract's form. What may be left out and is, is made: ids, the time, an empty context.
pub(super) fn completed(mut request: Map<String, Value>) -> Result<PluginRequest, Problem> {
    let made = || Value::String(ulid::Ulid::generate().to_string());
    request.entry("request_id").or_insert_with(made);
    request.entry("run_id").or_insert_with(made);
    request.entry("timestamp").or_insert_with(|| Value::String(SystemClock::default().now().to_string()));
    request.entry("context").or_insert_with(|| Value::Object(Map::new()));
    for field in ["payload", "policy"] {
        if request.get(field).is_some_and(|value| !value.is_object()) {
            return Err(Problem::malformed(format!("`{field}` is no object")));
        }
    }
    object(Value::Object(request), "the request")
}
