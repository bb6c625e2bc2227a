//! What a request's redactions hide: who holds the salt can disclose it, and who deletes the salt cannot any more
//! (spec page 2, "Hashes").
//!
//! What never happens here: a value disclosed that was not committed to, or a deletion that is not in the ledger.

mod forget;
mod reveal;

use omega_contract::{ErrorCode, Event, EventKind, RequestId, RunId};
use omega_ledger::{Order, PAGE_EVENTS_MAX, Page, PlacedEvent, Query};
use omega_registry::{Decision, FORGET_EVIDENCE};

pub use self::forget::ForgetReport;
pub use self::reveal::{Alleged, Committed, SaltState};
use crate::error::GatewayError;

/// Runs that are named where a request id is not unique.
const RUNS_NAMED_MAX: usize = 8;

/// A decision that a request's redactions are not to be disclosed any more, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forgotten {
    pub(crate) event_index: u64,
    pub(crate) run_id: RunId,
    pub(crate) request_id: RequestId,
    pub(crate) steps: Vec<u32>,
}

impl Forgotten {
    /// The decision that an event carries, where it is one of these.
    pub(crate) fn of(placed: &PlacedEvent) -> Result<Option<Self>, GatewayError> {
        let event = &placed.event;
        let is_one = event.kind == EventKind::Policy
            && event.run_id == RunId::system().as_str()
            && event.meta.get("action").is_some_and(|action| action == FORGET_EVIDENCE);
        if !is_one {
            return Ok(None);
        }
        Ok(match Decision::from_event(placed.index, event)? {
            Some(Decision::ForgetEvidence { run_id, request_id, steps }) => {
                Some(Self { event_index: placed.index, run_id, request_id, steps })
            }
            _ => None,
        })
    }
}

/// Whoever answers questions to the ledger: its writer, or a reader beside it.
trait Asked {
    fn ask(&self, query: &Query) -> Result<Page, GatewayError>;
}

impl Asked for omega_ledger::Ledger {
    fn ask(&self, query: &Query) -> Result<Page, GatewayError> {
        Ok(self.query(query)?)
    }
}

impl Asked for omega_ledger::LedgerReader {
    fn ask(&self, query: &Query) -> Result<Page, GatewayError> {
        Ok(self.query(query)?)
    }
}

/// Lets `each` see every event that the query means, page by page.
fn for_each(
    ledger: &impl Asked,
    mut query: Query,
    mut each: impl FnMut(PlacedEvent) -> Result<(), GatewayError>,
) -> Result<(), GatewayError> {
    query.limit = PAGE_EVENTS_MAX;
    loop {
        let page = ledger.ask(&query)?;
        page.events.into_iter().try_for_each(&mut each)?;
        let Some(next) = page.next else { return Ok(()) };
        query.indexes = next;
    }
}

/// Every event of a request, oldest first, and its run. Without a run the whole ledger is looked through.
fn request_events(
    ledger: &impl Asked,
    run_id: Option<&RunId>,
    request_id: &RequestId,
) -> Result<(RunId, Vec<PlacedEvent>), GatewayError> {
    let query = Query { run_id: run_id.cloned(), order: Order::OldestFirst, ..Query::default() };
    let mut found: Vec<PlacedEvent> = Vec::new();
    let mut runs: Vec<String> = Vec::new();
    for_each(ledger, query, |placed| {
        if placed.event.request_id == request_id.as_str() {
            if !runs.contains(&placed.event.run_id) && runs.len() <= RUNS_NAMED_MAX {
                runs.push(placed.event.run_id.clone());
            }
            if runs.len() == 1 {
                found.push(placed);
            }
        }
        Ok(())
    })?;
    match &runs[..] {
        [] => {
            let place = run_id.map_or_else(|| "the ledger".to_owned(), |run_id| format!("run {run_id}"));
            Err(GatewayError::new(ErrorCode::NotFound, format!("{place} has no request {request_id}")))
        }
        [run] => {
            let run = run.parse().map_err(|_| GatewayError::new(ErrorCode::NotFound, "the request has no run"))?;
            Ok((run, found))
        }
        several => {
            let named = several.iter().take(RUNS_NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
            let message = format!("several runs have a request {request_id}: {named}; name the one that is meant");
            Err(GatewayError::new(ErrorCode::RequestInvalid, message))
        }
    }
}

/// The decisions that concern a request, oldest first.
fn decisions_on(ledger: &impl Asked, run_id: &RunId, request_id: &RequestId) -> Result<Vec<Forgotten>, GatewayError> {
    let query = Query {
        run_id: Some(RunId::system()),
        kinds: vec![EventKind::Policy],
        order: Order::OldestFirst,
        ..Query::default()
    };
    let mut found = Vec::new();
    for_each(ledger, query, |placed| {
        found.extend(Forgotten::of(&placed)?.filter(|told| told.run_id == *run_id && told.request_id == *request_id));
        Ok(())
    })?;
    Ok(found)
}

fn step_of(event: &Event) -> u32 {
    event.meta.get("step").and_then(|step| step.parse().ok()).unwrap_or(0)
}

fn is_redacted(event: &Event) -> bool {
    event.meta.get("redacted").is_some_and(|redacted| redacted == "true")
}
