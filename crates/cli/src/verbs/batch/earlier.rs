//! What the ledger knows of a batch that was cut off: calls whose answers were not written any more.

use std::collections::HashMap;

use omega_gateway::HomeReader;
use omega_gateway::contract::{ErrorCode, EventKind, PluginRequest, RequestId, RunId};
use omega_gateway::ledger::{Order, PAGE_EVENTS_MAX, PlacedEvent, Query};

use crate::fault::Fault;

/// The newest outcomes of a run, by request.
///
/// Answers are written in the order of the lines, so only calls that were under way together are not written yet:
/// far fewer events than one page of the ledger has.
pub(super) struct Earlier {
    run_id: RunId,
    outcomes: HashMap<String, PlacedEvent>,
}

/// What the ledger knows of a request.
pub(super) enum Known<'a> {
    /// It was never sent.
    Nothing,
    /// How it ended.
    Outcome(&'a PlacedEvent),
    /// It was under way when the gateway ended.
    Interrupted,
}

impl Earlier {
    /// Reads the newest events of the run.
    pub(super) fn of(reader: &HomeReader, run_id: &RunId) -> Result<Self, Fault> {
        let query = Query {
            run_id: Some(run_id.clone()),
            kinds: vec![EventKind::Result, EventKind::Reject, EventKind::Error],
            order: Order::NewestFirst,
            limit: PAGE_EVENTS_MAX,
            ..Query::default()
        };
        let page = reader.ledger().query(&query)?;
        let mut outcomes = HashMap::new();
        // The newest come first, and the last attempt's outcome is the call's.
        for placed in page.events {
            let duplicate =
                placed.event.meta.get("reason").map(String::as_str) == Some(ErrorCode::DuplicateRequest.as_str());
            if !duplicate {
                outcomes.entry(placed.event.request_id.clone()).or_insert(placed);
            }
        }
        Ok(Self { run_id: run_id.clone(), outcomes })
    }

    /// What is known of a request.
    pub(super) fn of_request(&self, request: &PluginRequest) -> Known<'_> {
        let id: &RequestId = &request.request_id;
        match self.outcomes.get(id.as_str()).filter(|_| request.run_id == self.run_id) {
            None => Known::Nothing,
            Some(placed) => {
                let reason = placed.event.meta.get("reason").map(String::as_str);
                if reason == Some(ErrorCode::Interrupted.as_str()) {
                    Known::Interrupted
                } else {
                    Known::Outcome(placed)
                }
            }
        }
    }
}
