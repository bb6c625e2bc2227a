//! One request, from its first check to its answer.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Method, Request};
use axum::response::{IntoResponse, Response};
use omega_gateway::GatewayError;
use omega_gateway::contract::ErrorCode;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::auth::{self, Principal};
use super::body::{Budget, Held, Incoming};
use super::problem::{Problem, Refusal};
use super::query::Query;
use super::routes::{self, Access, Found, Operation, Parameters};
use super::{HttpState, artifacts, events, guard, invoke, openapi, pipelines, plugins, proofs, register, tiles, views};

/// The state, and what all requests share.
pub(super) struct Served {
    pub(super) state: HttpState,
    budget: Budget,
    /// Places for packages that are being taken in.
    pub(super) packages: Semaphore,
}

impl Served {
    pub(super) fn new(state: HttpState) -> Self {
        let limits = state.options.bodies;
        Self { budget: Budget::new(limits.held_bytes_max), packages: Semaphore::new(limits.packages_max), state }
    }
}

/// What a request asks of an operation that needs a token.
pub(super) struct Asked<'a> {
    pub(super) served: &'a Served,
    pub(super) principal: Principal,
    /// Of the path, undecoded.
    pub(super) parameters: Parameters<'a>,
    pub(super) query: Query,
    pub(super) headers: &'a HeaderMap,
}

impl Asked<'_> {
    /// A parameter of the path, undecoded; the table of routes says how many there are.
    pub(super) fn parameter(&self, number: usize) -> &str {
        self.parameters.get(number).copied().unwrap_or_default()
    }

    /// A body of the request, bounded.
    pub(super) fn incoming(&self, body: Body, bytes_max: u64) -> Result<Incoming, Problem> {
        Incoming::new(self.headers, body, bytes_max)
    }

    /// All of the body, bounded, charged to the budget.
    pub(super) async fn read(&self, body: Body, bytes_max: u64) -> Result<Held, Problem> {
        self.incoming(body, bytes_max)?.read(&self.served.budget).await
    }
}

/// Serves one request.
pub(super) async fn serve(served: Arc<Served>, request: Request<Body>) -> Response {
    let HttpState { options, hooks, .. } = &served.state;
    let (method, mut route) = (known(request.method()), "");
    let (mut response, origin) = match guard::check(&request, options) {
        Err(problem) => (problem.into_response(), None),
        Ok(passed) if passed.is_preflight => (guard::preflight(), passed.origin),
        Ok(passed) => match routes::find(request.method(), request.uri().path()) {
            Found::Route(operation, _) => {
                route = operation.route().path;
                (answer(&served, operation, request).await, passed.origin)
            }
            Found::NoSuchPath => (Problem::no_such_path().into_response(), passed.origin),
            Found::OtherMethods(allow) => (Problem::other_methods(allow).into_response(), passed.origin),
        },
    };
    guard::seal(response.headers_mut(), origin, options);
    hooks.answered(method, route, response.status().as_u16());
    if let Some(refusal) = response.extensions().get::<Refusal>().filter(|_| response.status().is_server_error()) {
        hooks.faulted(refusal);
    }
    response
}

/// A method as metrics name it: what a client makes up is no label.
fn known(method: &Method) -> &'static str {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS];
    let names = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    known.iter().zip(names).find(|(known, _)| *known == method).map_or("other", |(_, name)| name)
}

async fn answer(served: &Served, operation: Operation, request: Request<Body>) -> Response {
    let answered = match permitted(served, operation.route().access, request.headers()) {
        Err(problem) => Err(problem),
        Ok(None) => open(served, operation, request.uri().query()).await,
        Ok(Some(principal)) => ask(served, operation, principal, request).await,
    };
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    if operation.route().method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

/// Who asks, where somebody must.
fn permitted(served: &Served, access: Access, headers: &HeaderMap) -> Result<Option<Principal>, Problem> {
    if access == Access::Open {
        return Ok(None);
    }
    let principal = auth::authorize(&served.state.gateway, headers, access)?;
    match served.state.hooks.unready() {
        Some(ErrorCode::ServerStopping) => Err(Problem::new(ErrorCode::ServerStopping, "")),
        _ => Ok(Some(principal)),
    }
}

async fn ask(
    served: &Served,
    operation: Operation,
    principal: Principal,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let Found::Route(_, parameters) = routes::find(&parts.method, parts.uri.path()) else {
        return Err(Problem::no_such_path());
    };
    let query = Query::parse(parts.uri.query())?;
    let asked = Asked { served, principal, parameters, query, headers: &parts.headers };
    dispatch(operation, asked, body).await
}

async fn open(served: &Served, operation: Operation, query: Option<&str>) -> Result<Response, Problem> {
    Query::parse(query)?.refuse_rest()?;
    match operation {
        Operation::GetOpenApi => Ok(with_type(openapi::document(), "application/json")),
        Operation::GetReadiness => {
            if let Some(code) = served.state.hooks.unready() {
                return Err(Problem::new(code, ""));
            }
            // A ledger that cannot be written says so here.
            served.state.gateway.durable_events().await?;
            json(&views::Health { status: "ready" })
        }
        Operation::GetHealth => json(&views::Health { status: "ok" }),
        _ => Err(Problem::no_such_path()),
    }
}

async fn dispatch(operation: Operation, asked: Asked<'_>, body: Body) -> Result<Response, Problem> {
    match operation {
        Operation::ValidateManifest => register::validate(asked, body).await,
        Operation::RegisterPlugin => register::register(asked, body).await,
        Operation::ListPlugins => plugins::list(asked).await,
        Operation::GetPlugin => plugins::details(asked).await,
        Operation::EnablePlugin => plugins::enable(asked, body).await,
        Operation::DisablePlugin => plugins::disable(asked, body).await,
        Operation::InvokePlugin => invoke::invoke(asked, body).await,
        Operation::InvokePipeline => pipelines::invoke(asked, body).await,
        Operation::GetRun => events::of_run(asked).await,
        Operation::QueryEvents => events::query(asked).await,
        Operation::ExportProof => proofs::export(asked).await,
        Operation::GetCheckpoint => tiles::checkpoint(asked),
        Operation::GetTile | Operation::GetPartialTile => tiles::tile(asked).await,
        Operation::PutArtifact => artifacts::put(asked, body).await,
        Operation::GetArtifact => artifacts::get(asked).await,
        Operation::HeadArtifact => artifacts::head(asked).await,
        Operation::StreamEvents => events::stream(asked),
        Operation::GetMetrics => metrics(asked),
        // Those need no token.
        Operation::GetOpenApi | Operation::GetHealth | Operation::GetReadiness => Err(Problem::no_such_path()),
    }
}

fn metrics(asked: Asked<'_>) -> Result<Response, Problem> {
    asked.query.refuse_rest()?;
    let (text, media_type) = asked.served.state.hooks.metrics();
    Ok(with_type(text, media_type))
}

/// Work that reads files or a database, on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GatewayError> + Send + 'static,
) -> Result<T, Problem> {
    let ended_early = |_| Problem::new(ErrorCode::Io, "a worker ended early");
    Ok(tokio::task::spawn_blocking(work).await.map_err(ended_early)??)
}

/// A JSON answer.
pub(super) fn json(value: &impl Serialize) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(value).map_err(|error| Problem::new(ErrorCode::Io, error.to_string()))?;
    Ok(with_type(bytes, "application/json"))
}

/// An answer of this media type.
pub(super) fn with_type(body: impl Into<Body>, media_type: &'static str) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
