//! The HTTP door (spec page 9): the API of hosts, for whoever has a token.
//!
//! A request passes [`guard`] (is it meant for this server, and not sent by some web page?), [`routes`] (what does it
//! ask for?), [`auth`] (may this token?), and only then what serves it. Each of those fails closed: what none of them
//! lets through is answered with a [`Problem`].
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
use omega_gateway::contract::{ErrorCode, PluginId};
use omega_gateway::{Answer, Gateway};

pub use auth::Principal;
pub use body::BodyLimits;
pub use openapi::document as openapi_document;
pub use options::HttpOptions;
pub use problem::{Problem, Refusal};
pub use query::Query;
pub use routes::{Access, Operation, ROUTES, Route};

/// What the HTTP door needs.
#[derive(Clone)]
pub struct HttpState {
    /// The gateway behind it.
    pub gateway: Gateway,
    /// What it goes by.
    pub options: Arc<HttpOptions>,
    /// What the rest of the server is told and asked.
    pub hooks: Arc<dyn Hooks>,
    /// Serves `GET /v1/events` and `GET /metrics`, which have passed every check when they come: the request carries a
    /// [`Principal`], whose plugins bound what may be shown.
    pub extra: Router,
}

/// What the rest of the server is told of, and asked.
pub trait Hooks: Send + Sync + 'static {
    /// Why no work is taken now: `server_stopping`, or `ledger_unavailable`. None: it is.
    fn unready(&self) -> Option<ErrorCode> {
        None
    }

    /// A call, or a step of a pipeline, came to this.
    fn called(&self, _plugin_id: &PluginId, _answer: &Answer) {}
}

/// Nobody is told.
impl Hooks for () {}

/// The API. Every response carries its [`Operation`] as an extension where the request asked for one, and a
/// [`Refusal`] where it is a problem: for metrics and the operator's log, not for clients.
pub fn router(state: HttpState) -> Router {
    let served = Arc::new(serve::Served::new(state));
    Router::new().fallback(move |request| serve::serve(Arc::clone(&served), request))
}
