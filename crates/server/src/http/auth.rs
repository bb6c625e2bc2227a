//! Who asks, and what they may.
//!
//! What never happens here: a token that is taken from anywhere but `Authorization`; a difference, in what a client is
//! told, between a token that never was, one that has expired and one that was revoked.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use omega_gateway::Gateway;
use omega_gateway::contract::{ApiToken, Caller, ErrorCode, Event, PluginId, TraceParent};
use omega_gateway::proof::bundle::names_host_paths;

use super::problem::Problem;
use super::routes::Access;

/// Whoever holds the token that a request came with.
#[derive(Clone)]
pub(super) struct Principal {
    token: Arc<ApiToken>,
    gateway: Gateway,
}

impl std::fmt::Debug for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Principal").field(&self.token.name).finish()
    }
}

impl Principal {
    /// The token.
    pub(super) fn token(&self) -> &ApiToken {
        &self.token
    }

    /// The token, to be kept.
    pub(super) fn shared_token(&self) -> Arc<ApiToken> {
        Arc::clone(&self.token)
    }

    /// The gateway on the token's behalf: events name it as the actor.
    pub(super) const fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Whether it may see an event: one of its plugins, and not the bounds of a grant, which may name folders of the host.
    pub(super) fn sees(&self, event: &Event) -> bool {
        let is_of_its_own = || event.plugin_id.parse().is_ok_and(|id| self.token.covers(&id));
        self.token.covers_all() || (is_of_its_own() && !names_host_paths(event))
    }

    /// # Errors
    /// `scope_denied` where the token is not for this plugin.
    pub(super) fn require(&self, plugin_id: &PluginId) -> Result<(), Problem> {
        if self.token.covers(plugin_id) { Ok(()) } else { Err(denied(format!("the token is not for {plugin_id}"))) }
    }
}

pub(super) fn denied(why: impl AsRef<str>) -> Problem {
    Problem::new(ErrorCode::ScopeDenied, why)
}

/// Finds who asks and whether a token of theirs opens `access`.
pub(super) fn authorize(gateway: &Gateway, headers: &HeaderMap, access: Access) -> Result<Principal, Problem> {
    let token = gateway.token_of(secret(headers)?).map_err(|error| match error.code {
        ErrorCode::TokenInvalid => Problem::new(ErrorCode::TokenInvalid, "no such token is in force"),
        _ => Problem::from(error),
    })?;
    let (scope, whole) = match access {
        Access::Open | Access::Token => (None, false),
        Access::Scope(scope) => (Some(scope), false),
        Access::WholeScope(scope) => (Some(scope), true),
    };
    if let Some(scope) = scope.filter(|scope| !token.has(*scope)) {
        return Err(denied(format!("this takes a token with the scope `{scope}`")));
    }
    if whole && !token.covers_all() {
        return Err(denied("this takes a token for every plugin: what is asked for is no single one's"));
    }
    let caller = Caller::new(token.name.as_str()).traced(trace(headers));
    Ok(Principal { token: Arc::new(token), gateway: gateway.on_behalf_of(caller) })
}

fn secret(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, more) = (values.next(), values.next());
    let missing = || Problem::new(ErrorCode::TokenMissing, "there is no `Authorization: Bearer …`");
    let invalid = || Problem::new(ErrorCode::TokenInvalid, "`Authorization` is not `Bearer` and a token");
    let value = value.ok_or_else(missing)?;
    if more.is_some() {
        return Err(invalid());
    }
    let (scheme, secret) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(invalid)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(secret.trim_start_matches(' ')) } else { Err(invalid()) }
}

/// W3C Trace Context: one that is not valid, or stands twice, is as none.
fn trace(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all("traceparent").iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    value.to_str().ok()?.parse().ok()
}
