//! Events of the ledger, page by page.
//!
//! What never happens here: an event of a plugin that the token is not for; a page that grows with what is in it.

use std::sync::Arc;

use axum::response::Response;
use omega_gateway::contract::limits::JSON_INTEGER_MAX;
use omega_gateway::contract::{ApiToken, ErrorCode, Event, EventKind, PluginId, RunId};
use omega_gateway::ledger::{Order, Query as LedgerQuery};
use omega_gateway::{Gateway, GatewayError};

use super::auth::Principal;
use super::problem::Problem;
use super::query::{Query, path_name, whole_number, word};
use super::serve::{Asked, blocking, json, with_type};
use super::views;

/// Events that are read from the ledger at once: a line may have a mebibyte.
const EVENTS_AT_ONCE: usize = 64;
/// Events that are read for one page at most, however few of them the token may see.
const EVENTS_READ_MAX: usize = 4_096;
/// Bytes of a page's events after which it ends.
const PAGE_BYTES_MAX: usize = 4 << 20;
/// The end of a range that has none. 15 digits: every reader of JSON keeps them.
const END_MAX: u64 = 999_999_999_999_999;

pub(super) async fn of_run(asked: Asked<'_>) -> Result<Response, Problem> {
    let Asked { principal, mut query, ref parameters, .. } = asked;
    let run_id: RunId = path_name("run_id", parameters.first().copied().unwrap_or_default())?;
    let limit = query.limit()?;
    let indexes = cursor(&mut query)?.unwrap_or(0..END_MAX);
    query.refuse_rest()?;
    let asked_for = LedgerQuery {
        run_id: Some(run_id.clone()),
        indexes,
        order: Order::OldestFirst,
        limit,
        ..LedgerQuery::default()
    };
    let page = blocking(move || {
        let page = page(&principal, asked_for)?;
        // A page that is empty because of where it begins is none of an unknown run.
        if page.events.is_empty() && page.next.is_none() && !has_any(&principal, &run_id)? {
            return Err(GatewayError::new(ErrorCode::RunUnknown, "the ledger has no such run, or none to show"));
        }
        Ok(page)
    });
    json(&page.await?)
}

/// Whether a run has an event that the token may see. Reads no further than a page.
fn has_any(principal: &Principal, run_id: &RunId) -> Result<bool, GatewayError> {
    let all =
        LedgerQuery { run_id: Some(run_id.clone()), order: Order::OldestFirst, limit: 1, ..LedgerQuery::default() };
    let page = page(principal, all)?;
    Ok(!page.events.is_empty() || page.next.is_some())
}

pub(super) async fn query(asked: Asked<'_>) -> Result<Response, Problem> {
    let Asked { principal, mut query, .. } = asked;
    let plugin_id = query.take("plugin")?;
    if let Some(plugin_id) = &plugin_id {
        principal.require(plugin_id)?;
    }
    let (from, to) = (query.index("from")?, query.index("to")?);
    let indexes = from.unwrap_or(0)..to.unwrap_or(END_MAX);
    let order = query.word("order", &[("asc", Order::OldestFirst), ("desc", Order::NewestFirst)])?;
    let cursor = cursor(&mut query)?;
    let asked_for = LedgerQuery {
        run_id: query.take("run")?,
        plugin_id,
        kinds: kinds(&mut query)?,
        // A cursor narrows: it is what was left of the range that was asked for.
        indexes: cursor.map_or(indexes.clone(), |left| left.start.max(indexes.start)..left.end.min(indexes.end)),
        order: order.unwrap_or(Order::OldestFirst),
        limit: query.limit()?,
        ..LedgerQuery::default()
    };
    query.refuse_rest()?;
    json(&blocking(move || page(&principal, asked_for)).await?)
}

/// What an event stream was asked for, and by whom.
#[derive(Debug, Clone)]
pub struct EventsAsked {
    /// Only of this run.
    pub run_id: Option<RunId>,
    /// Only of this plugin.
    pub plugin_id: Option<PluginId>,
    /// Only of these kinds; of all where empty.
    pub kinds: Vec<EventKind>,
    /// The first index that is meant; none: what comes from now on.
    pub from: Option<u64>,
    /// Whose stream it is.
    pub token: Arc<ApiToken>,
}

pub(super) fn stream(asked: Asked<'_>) -> Result<Response, Problem> {
    let Asked { principal, mut query, headers, served, .. } = asked;
    let mut from = query.index("from")?;
    // Who comes back says with this where it was; it counts, whatever the address says.
    let mut last = headers.get_all("last-event-id").iter();
    match (last.next(), last.next()) {
        (None, _) => {}
        (Some(last), None) => {
            let last = whole_number("Last-Event-ID", last.to_str().unwrap_or_default(), 0, JSON_INTEGER_MAX)?;
            from = Some(last + 1);
        }
        _ => return Err(Problem::malformed("more than one `Last-Event-ID`")),
    }
    let asked_for = EventsAsked {
        run_id: query.take("run")?,
        plugin_id: query.take("plugin")?,
        kinds: kinds(&mut query)?,
        from,
        token: principal.shared_token(),
    };
    query.refuse_rest()?;
    if let Some(plugin_id) = &asked_for.plugin_id {
        principal.require(plugin_id)?;
    }
    let body = served.state.hooks.events(asked_for);
    Ok(with_type(body, "text/event-stream"))
}

fn kinds(query: &mut Query) -> Result<Vec<EventKind>, Problem> {
    let known = EventKind::ALL.map(|kind| (kind.as_str(), kind));
    let mut kinds = Vec::new();
    for kind in query.all("kind") {
        let kind = word("kind", &kind, &known)?;
        if kinds.contains(&kind) {
            return Err(Problem::malformed(format!("`kind` names {kind} twice")));
        }
        kinds.push(kind);
    }
    Ok(kinds)
}

fn cursor(query: &mut Query) -> Result<Option<std::ops::Range<u64>>, Problem> {
    let Some(text) = query.text("cursor")? else { return Ok(None) };
    let invalid = || Problem::malformed("`cursor` is not one that this server gave");
    let (start, end) = text.split_once('-').ok_or_else(invalid)?;
    Ok(Some(whole_number("cursor", start, 0, END_MAX)?..whole_number("cursor", end, 0, END_MAX)?))
}

/// Events are read until the page is full.
fn page(principal: &Principal, mut asked_for: LedgerQuery) -> Result<views::EventPage, GatewayError> {
    let limit = asked_for.limit;
    let (mut events, mut events_read, mut bytes) = (Vec::new(), 0, 0);
    if asked_for.indexes.is_empty() {
        return Ok(views::EventPage { events, next: None });
    }
    let ledger = principal.gateway().admin();
    loop {
        asked_for.limit = EVENTS_AT_ONCE.min(limit - events.len());
        let some = ledger.events(&asked_for)?;
        events_read += some.events.len();
        for placed in some.events {
            if principal.sees(&placed.event) {
                bytes += size(&placed.event);
                events.push(views::PlacedEvent { index: placed.index, event: placed.event });
            }
        }
        let Some(next) = some.next else { return Ok(views::EventPage { events, next: None }) };
        if events.len() == limit || events_read >= EVENTS_READ_MAX || bytes >= PAGE_BYTES_MAX {
            let next = format!("{}-{}", next.start, next.end.min(END_MAX));
            return Ok(views::EventPage { events, next: Some(next) });
        }
        asked_for.indexes = next;
    }
}

/// About how much an event takes: what is not bounded elsewhere.
fn size(event: &Event) -> usize {
    event.meta.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() + 512
}

/// Whether a token may have the proof of a run: each of its events is one that it may see, or belongs to no plugin and
/// to no run but this one.
pub(super) fn sees_whole_run(principal: &Principal, gateway: &Gateway, run_id: &RunId) -> Result<bool, GatewayError> {
    if principal.token().covers_all() {
        return Ok(true);
    }
    if *run_id == RunId::system() {
        return Ok(false);
    }
    let mut query = LedgerQuery {
        run_id: Some(run_id.clone()),
        order: Order::OldestFirst,
        limit: EVENTS_AT_ONCE,
        ..LedgerQuery::default()
    };
    loop {
        let some = gateway.admin().events(&query)?;
        if !some.events.iter().all(|placed| is_of_caller(principal, &placed.event)) {
            return Ok(false);
        }
        match some.next {
            Some(next) => query.indexes = next,
            None => return Ok(true),
        }
    }
}

/// See [`sees_whole_run`].
pub(super) fn is_of_caller(principal: &Principal, event: &Event) -> bool {
    event.plugin_id.is_empty() || principal.sees(event)
}
