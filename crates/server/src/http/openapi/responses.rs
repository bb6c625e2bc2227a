//! The answers of operations.

use axum::http::{Method, StatusCode};
use omega_gateway::contract::proof_bundle::PROOF_FORMAT;
use serde_json::{Map, Value, json};

use super::contract::reference;
use crate::http::problem::PROBLEM_TYPE;
use crate::http::routes::{Access, Route};

/// Problems that any request may meet before it is known what it asks for.
const OF_ANY: &[u16] = &[400, 403, 414, 431];
/// Problems of what needs a token.
const OF_TOKENS: &[u16] = &[401, 500, 503];
/// Problems of what takes a body.
const OF_BODIES: &[u16] = &[408, 413, 415, 429];

/// Every problem, once.
const PROBLEMS: &[(u16, &str, &str)] = &[
    (400, "Malformed", "The request is malformed, or breaks the contract."),
    (401, "Unauthorized", "There is no token, or it is unknown, expired or revoked."),
    (403, "Forbidden", "The token does not permit it, or the host name or the web page's origin is refused."),
    (404, "NotFound", "What was named does not exist, or is not shown to this token."),
    (408, "TooSlow", "The body came too slowly."),
    (409, "Conflict", "It was done before, exists with other content, or is still going on."),
    (410, "Gone", "It was moved to an archive."),
    (413, "TooLarge", "More than is taken."),
    (414, "PathTooLong", "The path and query are longer than is taken."),
    (415, "MediaType", "The body is of another media type than the operation takes."),
    (422, "Refused", "A rule of the gateway refuses it."),
    (429, "Busy", "All places are taken, or the plugin is being left alone for a while."),
    (431, "HeadersTooLarge", "The headers are larger than is taken."),
    (500, "Fault", "A fault of the server's own; the operator is told more."),
    (503, "Unavailable", "The ledger or the plugin's lane is unavailable, or the server is stopping: nothing ran."),
    (504, "Timeout", "The call did not end within its time. Its outcome is in the ledger."),
];

fn name_of(status: u16) -> &'static str {
    PROBLEMS.iter().find(|(known, ..)| *known == status).map_or("Fault", |(_, name, _)| name)
}

/// The problems as components.
pub(super) fn problems() -> Value {
    let mut components = Map::new();
    for (status, name, description) in PROBLEMS {
        let mut problem = json!({
            "description": description,
            "content": { PROBLEM_TYPE: { "schema": reference("Problem") } },
        });
        let header = match *status {
            401 => Some(("WWW-Authenticate", json!({ "type": "string", "pattern": "^Bearer " }), "RFC 6750.")),
            429 => Some(("Retry-After", json!({ "type": "integer", "minimum": 1 }), "Seconds to wait.")),
            _ => None,
        };
        if let Some((name, schema, description)) = header {
            problem["headers"] = json!({ name: { "description": description, "required": true, "schema": schema } });
        }
        components.insert((*name).to_owned(), problem);
    }
    Value::Object(components)
}

/// Every answer of an operation.
pub(super) fn all(route: &Route, answers: Vec<(u16, Value)>, has_body: bool, problems: &[u16]) -> Value {
    let of_tokens = if route.access == Access::Open { &[][..] } else { OF_TOKENS };
    let of_bodies = if has_body { OF_BODIES } else { &[][..] };
    let mut all = Map::new();
    for status in OF_ANY.iter().chain(of_tokens).chain(of_bodies).chain(problems) {
        all.insert(status.to_string(), problem(*status, &route.method));
    }
    for (status, answer) in answers {
        all.insert(status.to_string(), answer);
    }
    Value::Object(all)
}

fn problem(status: u16, method: &Method) -> Value {
    if *method == Method::HEAD {
        let about = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
        return json!({ "description": format!("{about}, as for GET, without a body.") });
    }
    json!({ "$ref": format!("#/components/responses/{}", name_of(status)) })
}

/// An answer of one media type.
pub(super) fn content(description: &str, media_type: &str, schema: Value) -> Value {
    json!({ "description": description, "content": { media_type: { "schema": schema } } })
}

/// A JSON answer with an example.
pub(super) fn json_answer(description: &str, schema: &str, example: Value) -> Value {
    json!({
        "description": description,
        "content": { "application/json": { "schema": reference(schema), "example": example } },
    })
}

/// The bundle is read by its verifier, not by the client that fetches it.
pub(super) fn proof_bundle() -> Value {
    json!({
        "description": "A proof bundle (omega.proof/v1): to be kept as it is, and verified offline with `omega proof verify`.",
        "type": "object",
        "required": ["format", "proof_id", "run_id", "created_at", "origin", "checkpoint", "head_event_hash", "events"],
        "properties": {
            "format": { "const": PROOF_FORMAT },
            "proof_id": { "type": "string" },
            "run_id": { "type": "string" },
            "created_at": { "type": "string", "format": "date-time" },
            "origin": { "type": "string" },
            "checkpoint": { "description": "The log's checkpoint: a C2SP signed note.", "type": "string" },
            "head_event_hash": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
            "events": { "type": "array", "items": reference("GatewayEvent") },
        },
        "additionalProperties": true,
    })
}
