//! Runs and totals: what was added up by the index, and the lines behind it added to that.

use std::collections::HashMap;
use std::ops::ControlFlow;

use omega_contract::{EventKind, RunId};

use crate::error::LedgerError;
use crate::index::IndexReader;
use crate::mark::Mark;
use crate::query::{CallTally, PAGE_RUNS_MAX, RunPage, RunQuery, RunSummary, Stats};
use crate::segment::{Spot, list_segments};
use crate::tally::{CallState, NoPrior, Prior, RunRow, Tally, sum};
use crate::view::View;

impl Prior for IndexReader {
    fn run(&self, escaped_run_id: &str) -> Result<Option<RunRow>, LedgerError> {
        IndexReader::run(self, escaped_run_id)
    }

    fn call(&self, run: u64, call: i64) -> Result<CallState, LedgerError> {
        IndexReader::call(self, run, call)
    }
}

impl View {
    pub(crate) fn runs(&self, query: &RunQuery) -> Result<RunPage, LedgerError> {
        let limit = query.limit.min(PAGE_RUNS_MAX);
        let mut rows = self.with_index(|index, covered| {
            let (mut rows, _) = self.tail(index, covered)?;
            // One more than asked for tells whether there is another page.
            for (name, row) in index.map_or_else(|| Ok(Vec::new()), |index| index.runs(query.before, limit + 1))? {
                rows.entry(name).or_insert(row);
            }
            Ok(rows.into_iter().filter(|(_, row)| row.first_index < query.before).collect::<Vec<_>>())
        })?;
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.first_index));
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(_, row)| row.first_index);
        let runs = rows.into_iter().filter_map(|(name, row)| summary(&name, &row)).collect();
        Ok(RunPage { runs, next })
    }

    pub(crate) fn stats(&self) -> Result<Stats, LedgerError> {
        let segments = list_segments(&self.dir)?;
        let synced_events = Mark::read(&self.dir)?.map_or(0, |mark| mark.next_index);
        let last = self.query(&crate::query::Query { limit: 1, ..crate::query::Query::default() })?.events.pop();
        self.with_index(|index, covered| {
            let (rows, tail) = self.tail(index, covered)?;
            let (mut runs, mut calls) = index.map_or_else(|| Ok((0, CallTally::default())), IndexReader::totals)?;
            for (name, row) in &rows {
                let known = index.map_or(Ok(None), |index| index.run(name))?;
                match known {
                    // The row goes on from what the index has: only what came after is new.
                    Some(known) => calls = minus(&calls, &known.calls),
                    None => runs += 1,
                }
                sum(&mut calls, &row.calls);
            }
            let mut kinds = tail.kinds;
            for (number, events) in index.map_or_else(|| Ok(Vec::new()), IndexReader::kinds)? {
                if let Some(count) = kinds.get_mut(number) {
                    *count += events;
                }
            }
            let first_ts = match index {
                Some(index) if covered.index > 0 => index.first_ts()?,
                _ => tail.first_ts,
            };
            Ok(Stats {
                events: tail.end.index,
                bytes: segments.iter().map(|segment| segment.bytes).sum(),
                segments: segments.len() as u64,
                synced_events,
                head: last.as_ref().map(|last| last.event.event_hash),
                first_ts,
                last_ts: last.as_ref().and_then(|last| last.event.ts.parse().ok()),
                runs,
                kinds: EventKind::ALL.into_iter().zip(kinds).filter(|(_, count)| *count > 0).collect(),
                calls,
                indexed_events: covered.index,
                durability: None,
            })
        })
    }

    /// Adds up the lines that the index does not cover; runs that it knows go on from there.
    fn tail(&self, index: Option<&IndexReader>, from: Spot) -> Result<(HashMap<String, RunRow>, Tail), LedgerError> {
        let prior: &dyn Prior = index.map_or(&NoPrior as &dyn Prior, |index| index);
        let mut tally = Tally::new(prior);
        let mut tail = Tail { end: from, first_ts: None, kinds: [0; EventKind::ALL.len()] };
        tail.end = self.each_line(from, |spot, line| {
            tally.observe(spot.index, line)?;
            tail.first_ts = tail.first_ts.or_else(|| line.ts().parse().ok());
            let number = EventKind::ALL.iter().position(|kind| *kind == line.kind());
            if let Some(count) = number.and_then(|number| tail.kinds.get_mut(number)) {
                *count += 1;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((tally.runs, tail))
    }
}

/// The lines behind the index.
struct Tail {
    end: Spot,
    first_ts: Option<omega_contract::Timestamp>,
    kinds: [u64; EventKind::ALL.len()],
}

fn minus(from: &CallTally, what: &CallTally) -> CallTally {
    CallTally {
        calls: from.calls.saturating_sub(what.calls),
        ok: from.ok.saturating_sub(what.ok),
        rejected: from.rejected.saturating_sub(what.rejected),
        error: from.error.saturating_sub(what.error),
        timeout: from.timeout.saturating_sub(what.timeout),
    }
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
