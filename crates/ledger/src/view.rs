//! Answers questions from the files, with or without a writer at work beside it.
//!
//! Every line that is served is read from its segment and hashed again; a line that is not what it was is an
//! error, never an answer.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use omega_contract::ports::CallKey;
use omega_contract::{EventKind, RunId, Timestamp};
use omega_proof::bundle::PlacedEvent;
use omega_proof::line::{Line, hash_of_digits};

use crate::claims::InHistory;
use crate::encode::escaped;
use crate::error::{FaultKind, LedgerError};
use crate::filter::Filter;
use crate::mark::Mark;
use crate::query::{
    CallTally, Order, PAGE_EVENTS_MAX, PAGE_RUNS_MAX, Page, Query, RunPage, RunQuery, RunSummary, Stats,
};
use crate::segment::{Spot, list_segments};
use crate::stream::{fault_at, stream_lines};
use crate::tally::{NoPrior, RunRow, Tally, step_of, sum};

/// A ledger's folder, to be read.
#[derive(Debug, Clone)]
pub(crate) struct View {
    dir: PathBuf,
}

impl View {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub(crate) fn query(&self, query: &Query) -> Result<Page, LedgerError> {
        let limit = query.limit.min(PAGE_EVENTS_MAX);
        let events = self.find(query, limit)?;
        let full = events.len() >= limit && limit > 0;
        let next = events.last().filter(|_| full).map(|last| match query.order {
            Order::NewestFirst => query.indexes.start..last.index,
            Order::OldestFirst => last.index + 1..query.indexes.end,
        });
        Ok(Page { events, next: next.filter(|range| !range.is_empty()) })
    }

    /// Every event of a run, oldest first.
    pub(crate) fn run_events(&self, run_id: &RunId) -> Result<Vec<PlacedEvent>, LedgerError> {
        let query = Query { run_id: Some(run_id.clone()), order: Order::OldestFirst, ..Query::default() };
        self.find(&query, usize::MAX)
    }

    pub(crate) fn lifecycle_since(&self, after: Option<u64>) -> Result<Vec<PlacedEvent>, LedgerError> {
        let kinds =
            vec![EventKind::Register, EventKind::Enable, EventKind::Disable, EventKind::Policy, EventKind::Reject];
        let first = after.map_or(0, |after| after.saturating_add(1));
        let query = Query {
            run_id: Some(RunId::system()),
            kinds,
            indexes: first..u64::MAX,
            order: Order::OldestFirst,
            ..Query::default()
        };
        self.find(&query, usize::MAX)
    }

    pub(crate) fn event(&self, index: u64) -> Result<Option<PlacedEvent>, LedgerError> {
        let query = Query { indexes: index..index.saturating_add(1), ..Query::default() };
        Ok(self.find(&query, 1)?.pop())
    }

    fn find(&self, query: &Query, limit: usize) -> Result<Vec<PlacedEvent>, LedgerError> {
        let filter = Filter::new(query);
        let mut found: VecDeque<PlacedEvent> = VecDeque::new();
        if limit == 0 {
            return Ok(Vec::new());
        }
        self.each_line(Spot::START, |spot, line| {
            if filter.is_past(spot, line) {
                return Ok(ControlFlow::Break(()));
            }
            if filter.matches(spot, line) {
                if found.len() == limit && query.order == Order::NewestFirst {
                    found.pop_front();
                }
                found.push_back(serve(spot, line)?);
                if found.len() == limit && query.order == Order::OldestFirst {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(match query.order {
            Order::OldestFirst => found.into(),
            Order::NewestFirst => found.into_iter().rev().collect(),
        })
    }

    pub(crate) fn runs(&self, query: &RunQuery) -> Result<RunPage, LedgerError> {
        let limit = query.limit.min(PAGE_RUNS_MAX);
        let mut tally = Tally::new(&NoPrior);
        self.each_line(Spot::START, |spot, line| {
            tally.observe(spot.index, line)?;
            Ok(ControlFlow::Continue(()))
        })?;
        let mut runs: Vec<(String, RunRow)> =
            tally.runs.into_iter().filter(|(_, row)| row.first_index < query.before).collect();
        runs.sort_by_key(|(_, row)| std::cmp::Reverse(row.first_index));
        let more = runs.len() > limit;
        runs.truncate(limit);
        let next = runs.last().filter(|_| more).map(|(_, row)| row.first_index);
        let runs = runs.into_iter().filter_map(|(escaped, row)| summary(&escaped, &row)).collect();
        Ok(RunPage { runs, next })
    }

    pub(crate) fn stats(&self) -> Result<Stats, LedgerError> {
        let segments = list_segments(&self.dir)?;
        let mut tally = Tally::new(&NoPrior);
        let mut kinds = [0_u64; EventKind::ALL.len()];
        let (mut head, mut first_ts, mut last_ts) = (None, None, None::<Timestamp>);
        let end = self.each_line(Spot::START, |spot, line| {
            tally.observe(spot.index, line)?;
            if let Some(count) =
                EventKind::ALL.iter().position(|kind| *kind == line.kind()).and_then(|at| kinds.get_mut(at))
            {
                *count += 1;
            }
            head = Some(hash_of_digits(line.event_hash()));
            last_ts = line.ts().parse().ok();
            first_ts = first_ts.or(last_ts);
            Ok(ControlFlow::Continue(()))
        })?;
        let mut calls = CallTally::default();
        tally.runs.values().for_each(|row| sum(&mut calls, &row.calls));
        Ok(Stats {
            events: end.index,
            bytes: segments.iter().map(|segment| segment.bytes).sum(),
            segments: segments.len() as u64,
            synced_events: Mark::read(&self.dir)?.map_or(0, |mark| mark.next_index),
            head,
            first_ts,
            last_ts,
            runs: tally.runs.len() as u64,
            kinds: EventKind::ALL.into_iter().zip(kinds).filter(|(_, count)| *count > 0).collect(),
            calls,
            indexed_events: 0,
            durability: None,
        })
    }

    /// What the events below `before` have of a key.
    pub(crate) fn look_up(&self, key: &CallKey, before: u64) -> Result<InHistory, LedgerError> {
        let (run, request, step) =
            (escaped(key.run_id.as_str()), escaped(key.request_id.as_str()), key.step.to_string());
        let mut answer = InHistory::Nothing;
        self.each_line(Spot::START, |spot, line| {
            if spot.index >= before {
                return Ok(ControlFlow::Break(()));
            }
            if line.run_id().as_bytes() == run {
                answer = InHistory::RunOnly;
                if line.kind() == EventKind::Invoke && line.request_id().as_bytes() == request && step_of(line) == step
                {
                    answer = InHistory::Invoke;
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(answer)
    }

    fn each_line(
        &self,
        from: Spot,
        mut each: impl FnMut(Spot, &Line<'_>) -> Result<ControlFlow<()>, LedgerError>,
    ) -> Result<Spot, LedgerError> {
        stream_lines(&self.dir, from, |spot, bytes| {
            let line = Line::scan(bytes).map_err(|kind| fault_at(spot, FaultKind::Line(kind)))?;
            each(spot, &line)
        })
    }
}

/// The event of a line, once its hash was found right.
fn serve(spot: Spot, line: &Line<'_>) -> Result<PlacedEvent, LedgerError> {
    let event = line.hash().and_then(|_| line.event()).map_err(|kind| fault_at(spot, FaultKind::Line(kind)))?;
    Ok(PlacedEvent { index: spot.index, event })
}

fn summary(escaped_run_id: &str, row: &RunRow) -> Option<RunSummary> {
    let run_id: RunId = serde_json::from_str(&format!("\"{escaped_run_id}\"")).ok()?;
    Some(RunSummary {
        run_id,
        first_index: row.first_index,
        last_index: row.last_index,
        first_ts: row.first_ts,
        last_ts: row.last_ts,
        events: row.events,
        calls: row.calls,
    })
}
