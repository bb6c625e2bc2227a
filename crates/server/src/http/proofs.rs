//! Proofs of runs, as bytes in canonical form: the same that the command line writes.

use axum::response::Response;
use omega_gateway::contract::{ErrorCode, RunId, canonical_bytes};

use super::auth::denied;
use super::events::{is_of_caller, sees_whole_run};
use super::problem::Problem;
use super::query::path_name;
use super::serve::{Asked, blocking, with_type};

const OF_OTHERS: &str = "the run holds events that this token is not for";

pub(super) async fn export(asked: Asked<'_>) -> Result<Response, Problem> {
    let run_id: RunId = path_name("run_id", asked.parameter(0))?;
    asked.query.refuse_rest()?;
    let (principal, of_run) = (asked.principal.clone(), run_id.clone());
    // Before anything is appended to the run.
    if !blocking(move || sees_whole_run(&principal, principal.gateway(), &of_run)).await? {
        return Err(denied(OF_OTHERS));
    }
    let bundle = asked.principal.gateway().export_proof(&run_id).await?;
    // Another plugin's event may have come between.
    if !bundle.events.iter().all(|event| is_of_caller(&asked.principal, event)) {
        return Err(denied(OF_OTHERS));
    }
    let bytes = canonical_bytes(&bundle).map_err(|error| Problem::new(ErrorCode::Io, error.to_string()))?;
    Ok(with_type(bytes, "application/json"))
}
