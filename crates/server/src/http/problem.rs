//! How the API says no: RFC 9457 problem details.
//!
//! What never happens here: a path of the host or the system's words in an answer. What is the server's own fault is
//! told by its code's sentence alone; the message goes to the operator.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use omega_gateway::GatewayError;
use omega_gateway::contract::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::invoke::InvokeAnswer;
use super::status::status_of;
use super::views::Report;

/// The media type of a problem.
pub(super) const PROBLEM_TYPE: &str = "application/problem+json";
/// How long to wait before it is worth trying again, where nothing better is known.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);
/// Characters of a detail: what comes from outside decides no answer's size.
const DETAIL_CHARS_MAX: usize = 1_024;

/// Why a request was refused, or could not be served (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Details {
    /// `urn:omega:error:` and the code.
    #[serde(rename = "type")]
    #[schema(pattern = "^urn:omega:error:[a-z0-9_]+$", example = "urn:omega:error:plugin_unknown")]
    kind: String,
    /// What the code means, in one sentence.
    #[schema(example = "No plugin of this id or version is registered.")]
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 404)]
    status: u16,
    /// What and where, for people.
    #[schema(example = "hello is not registered")]
    detail: String,
    /// The stable code, for programs.
    #[schema(value_type = super::openapi::ErrorCodeText, example = "plugin_unknown")]
    code: ErrorCode,
    /// What a person can do about it, in one sentence.
    hint: &'static str,
    /// The index of the ledger's event that records it, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, nullable = false)]
    event_index: Option<u64>,
    /// What validation found, where a package or manifest was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    report: Option<Report>,
    /// The whole answer, where the request was a call and has an outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = super::openapi::InvokeAnswerText, nullable = false)]
    response: Option<InvokeAnswer>,
}

/// A refusal, or a failure.
#[derive(Debug)]
pub(super) struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    code: ErrorCode,
    detail: String,
    event_index: Option<u64>,
    report: Option<Report>,
    response: Option<InvokeAnswer>,
    retry_after: Option<Duration>,
    allow: Vec<&'static Method>,
}

impl Problem {
    /// A problem with the status of its code.
    pub(super) fn new(code: ErrorCode, detail: impl AsRef<str>) -> Self {
        Self(Box::new(Parts {
            status: status_of(code),
            code,
            detail: detail.as_ref().chars().take(DETAIL_CHARS_MAX).collect(),
            event_index: None,
            report: None,
            response: None,
            retry_after: None,
            allow: Vec::new(),
        }))
    }

    /// `request_invalid`.
    pub(super) fn malformed(detail: impl AsRef<str>) -> Self {
        Self::new(ErrorCode::RequestInvalid, detail)
    }

    /// A refusal of HTTP's own: the request is wrong in a way that has a status of its own.
    pub(super) fn of_request(status: StatusCode, detail: &str) -> Self {
        let code = if status == StatusCode::PAYLOAD_TOO_LARGE {
            ErrorCode::PayloadTooLarge
        } else {
            ErrorCode::RequestInvalid
        };
        let mut problem = Self::new(code, detail);
        problem.0.status = status;
        problem
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(ErrorCode::NotFound, "nothing has this path; a `:` in a name is written %3A; see /openapi.json")
    }

    pub(super) fn other_methods(allow: Vec<&'static Method>) -> Self {
        let mut problem = Self::of_request(StatusCode::METHOD_NOT_ALLOWED, "this path goes by another method");
        problem.0.allow = allow;
        problem
    }

    /// An answer that is no outcome of the plugin's.
    pub(super) fn of_answer(code: ErrorCode, answer: InvokeAnswer, retry_after: Option<Duration>) -> Self {
        let mut problem = Self::new(code, answer.notes());
        problem.0.event_index = Some(answer.event_index);
        problem.0.retry_after = retry_after;
        problem.0.response = Some(answer);
        problem
    }
}

impl Parts {
    fn shown_detail(&self) -> String {
        let is_ours = self.status.is_server_error() && self.status != StatusCode::GATEWAY_TIMEOUT;
        if is_ours || self.detail.is_empty() { self.code.sentence().to_owned() } else { self.detail.clone() }
    }

    fn retry_after(&self) -> Option<Duration> {
        let is_passing = self.status == StatusCode::TOO_MANY_REQUESTS || self.code == ErrorCode::ServerStopping;
        self.retry_after.or_else(|| is_passing.then_some(RETRY_AFTER_DEFAULT))
    }
}

impl From<GatewayError> for Problem {
    fn from(error: GatewayError) -> Self {
        let mut problem = Self::new(error.code, error.message);
        problem.0.event_index = error.event_index;
        problem.0.report = error.report.map(|report| Report::from(*report));
        problem
    }
}

/// Said of a response by the server: which code it carries, and what the operator is to know of it.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The stable code.
    pub code: ErrorCode,
    /// What and where; not for clients.
    pub detail: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let parts = *self.0;
        let (code, status, retry_after) = (parts.code, parts.status, parts.retry_after());
        let allow = parts.allow.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(", ");
        let body = Details {
            kind: format!("urn:omega:error:{code}"),
            title: code.sentence(),
            status: status.as_u16(),
            detail: parts.shown_detail(),
            code,
            hint: code.hint(),
            event_index: parts.event_index,
            report: parts.report,
            response: parts.response,
        };
        // Nothing in it can fail to be written; were it so, the status says enough.
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_TYPE));
        if let Some(wait) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, challenge(code));
        }
        if let Some(allow) = HeaderValue::from_str(&allow).ok().filter(|allow| !allow.is_empty()) {
            headers.insert(ALLOW, allow);
        }
        response.extensions_mut().insert(Refusal { code, detail: parts.detail });
        response
    }
}

/// Rounded up: who comes back then does not come too early.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// RFC 6750, section 3: who sent no token is told no error.
fn challenge(code: ErrorCode) -> HeaderValue {
    HeaderValue::from_static(match code {
        ErrorCode::TokenInvalid => r#"Bearer realm="omega", error="invalid_token""#,
        _ => r#"Bearer realm="omega""#,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_here_is_no_clients_business() {
        let shown = |code| Problem::new(code, "/var/lib/omega/home/ledger: no space left").0.shown_detail();
        for code in [ErrorCode::Io, ErrorCode::LedgerUnavailable, ErrorCode::LedgerCorrupt] {
            assert!(!shown(code).contains("/var"), "{code}: {}", shown(code));
        }
        assert!(shown(ErrorCode::RequestInvalid).contains("no space left"), "a client's own fault is told");
    }
}
