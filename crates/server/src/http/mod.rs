//! The HTTP door (spec page 9): the API of hosts, for whoever has a token.
//!
//! A request passes [`guard`] (is it meant for this server, and not sent by some web page?), [`routes`] (what does it
//! ask for?), [`auth`] (may this token?), and only then what serves it. Each of those fails closed: what none of them
//! lets through is answered with a [`Problem`](problem::Problem).
//!
//! What never happens here: a route for what a person must decide (keys, trust, grants, tokens, removal, archives); a
//! decision of this module's own; a cookie; an answer to a request without a token, but for three routes that say
//! nothing of the home; the server's path names in an answer.

mod artifacts;
mod auth;
mod body;
mod events;
mod guard;
mod invoke;
mod openapi;
mod options;
mod pipelines;
mod plugins;
mod problem;
mod proofs;
mod query;
mod register;
mod routes;
mod serve;
mod status;
mod tiles;
mod views;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use omega_gateway::Gateway;
use omega_gateway::contract::ErrorCode;

pub use body::BodyLimits;
pub use events::EventsAsked;
pub use openapi::document as openapi_document;
pub use options::HttpOptions;
pub use problem::Refusal;
pub use routes::{Access, Operation, ROUTES, Route};

/// What the HTTP door needs.
#[derive(Clone)]
pub struct HttpState {
    /// The gateway behind it.
    pub gateway: Gateway,
    /// What it goes by.
    pub options: Arc<HttpOptions>,
    /// The rest of the server.
    pub hooks: Arc<dyn Hooks>,
}

/// The rest of the server, as the HTTP door sees it.
pub trait Hooks: Send + Sync + 'static {
    /// Why no work is taken now: `server_stopping`. None: it is.
    fn unready(&self) -> Option<ErrorCode> {
        None
    }

    /// The body of an event stream.
    fn events(&self, asked: EventsAsked) -> Body;

    /// The metrics and their media type.
    fn metrics(&self) -> (String, &'static str);

    /// A request was answered; `route` is the path of the table, or `""` where it asked for nothing that there is.
    fn answered(&self, _method: &'static str, _route: &'static str, _status: u16) {}

    /// A request failed by a fault of the server's own, which the client is not told more of.
    fn faulted(&self, _problem: &Refusal) {}
}

/// The API.
pub fn router(state: HttpState) -> Router {
    let served = Arc::new(serve::Served::new(state));
    Router::new().fallback(move |request| serve::serve(Arc::clone(&served), request))
}
