//! Answers questions from the files, with or without a writer at work beside it.
//!
//! The index says where to look; what it does not cover yet is read from the segments. Every line that is
//! served is read from its segment and hashed again; a line that is not what it was is an error, never an
//! answer. An index that points at the wrong line is put aside, and the segments are read.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use omega_contract::ports::CallKey;
use omega_contract::{EventKind, PluginId, RunId};
use omega_proof::bundle::PlacedEvent;
use omega_proof::line::Line;

use crate::beginning::Beginning;
use crate::claims::InHistory;
use crate::encode::escaped;
use crate::error::{FaultKind, LedgerError};
use crate::filter::Filter;
use crate::index::{IndexReader, Place};
use crate::query::{DECISION_KINDS, Order, PAGE_EVENTS_MAX, Page, Query};
use crate::segment::{LineReader, Spot, list_segments, segment_path};
use crate::stream::{fault_at, stream_lines};
use crate::tally::{call_number, step_of};

/// Readers of the index that are kept for the next questions.
const IDLE_READERS_MAX: usize = 4;

/// A ledger's folder, to be read.
#[derive(Clone)]
pub(crate) struct View {
    pub(super) dir: PathBuf,
    /// Readers of the index that nobody uses now: each question has one to itself, so that none waits for
    /// another.
    idle: Arc<Mutex<Vec<IndexReader>>>,
}

impl View {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), idle: Arc::default() }
    }

    /// Asks the index, together with where it ends; without one that can be used, `ask` gets none and the start.
    /// An index that turns out to be wrong on the way is put aside, and `ask` is called again without.
    pub(super) fn with_index<T>(
        &self,
        mut ask: impl FnMut(Option<&IndexReader>, Spot) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        if let Some(reader) = self.idle_reader().or_else(|| IndexReader::open(&self.dir)) {
            match reader.at_rest(|reader, coverage| ask(Some(reader), coverage.next)) {
                Err(LedgerError::Index { .. } | LedgerError::IndexDamaged { .. }) => {}
                answer => {
                    let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                    if idle.len() < IDLE_READERS_MAX {
                        idle.push(reader);
                    }
                    return answer;
                }
            }
        }
        ask(None, Beginning::read(&self.dir)?.spot())
    }

    fn idle_reader(&self) -> Option<IndexReader> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // An index that was made anew is another file: whoever keeps the old one open would never see it.
        idle.retain(IndexReader::is_fresh);
        idle.pop()
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
        let begin = Beginning::read(&self.dir)?;
        let row = self.with_index(|index, _| index.map_or(Ok(None), |index| index.run(&escaped(run_id.as_str()))))?;
        if row.is_some_and(|row| row.first_index < begin.first_index) && *run_id != RunId::system() {
            // What is left of it here is not the run.
            return Err(LedgerError::Archived { first_index: begin.first_index });
        }
        let query = Query { run_id: Some(run_id.clone()), order: Order::OldestFirst, ..Query::default() };
        self.find(&query, usize::MAX)
    }

    pub(crate) fn lifecycle_since(&self, after: Option<u64>, limit: usize) -> Result<Vec<PlacedEvent>, LedgerError> {
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
        self.find(&query, limit)
    }

    /// What was decided about these plugins, and what was decided about no plugin, oldest first.
    pub(crate) fn decisions(&self, plugins: &BTreeSet<PluginId>) -> Result<Vec<PlacedEvent>, LedgerError> {
        let query = |plugin_id, kinds: &[EventKind]| Query {
            plugin_id,
            kinds: kinds.to_vec(),
            order: Order::OldestFirst,
            ..Query::default()
        };
        let mut found = self.find(&query(None, &[EventKind::Policy]), usize::MAX)?;
        found.retain(|placed| placed.event.plugin_id.is_empty());
        for plugin_id in plugins {
            found.extend(self.find(&query(Some(plugin_id.clone()), &DECISION_KINDS), usize::MAX)?);
        }
        found.retain(|placed| placed.event.run_id == RunId::system().as_str());
        found.sort_unstable_by_key(|placed| placed.index);
        Ok(found)
    }

    pub(crate) fn event(&self, index: u64) -> Result<Option<PlacedEvent>, LedgerError> {
        let query = Query { indexes: index..index.saturating_add(1), ..Query::default() };
        Ok(self.find(&query, 1)?.pop())
    }

    fn find(&self, query: &Query, limit: usize) -> Result<Vec<PlacedEvent>, LedgerError> {
        let first = Beginning::read(&self.dir)?.first_index;
        let query = &Query { indexes: query.indexes.start.max(first)..query.indexes.end, ..query.clone() };
        let filter = Filter::new(query);
        self.with_index(|index, covered| {
            let indexed = |limit: usize| match index {
                Some(index) if limit > 0 => self.serve(&filter, &index.find(query, covered.index, limit)?),
                _ => Ok(Vec::new()),
            };
            match query.order {
                Order::OldestFirst => {
                    let mut events = indexed(limit)?;
                    events.extend(self.oldest(&filter, covered, limit - events.len())?);
                    Ok(events)
                }
                Order::NewestFirst => {
                    let mut events = self.newest(&filter, covered, limit)?;
                    events.extend(indexed(limit - events.len())?);
                    Ok(events)
                }
            }
        })
    }

    /// Reads the lines at `places`. One that the query does not mean was not found by looking at this ledger.
    fn serve(&self, filter: &Filter, places: &[Place]) -> Result<Vec<PlacedEvent>, LedgerError> {
        let mut readers: HashMap<u64, LineReader> = HashMap::new();
        let mut events = Vec::with_capacity(places.len());
        for place in places {
            let path = segment_path(&self.dir, place.segment);
            let reader = match readers.entry(place.segment) {
                std::collections::hash_map::Entry::Occupied(open) => open.into_mut(),
                std::collections::hash_map::Entry::Vacant(none) => none.insert(pointed_at(*place, &path)?),
            };
            let bytes = reader.line_at(place.offset).map_err(LedgerError::read(&path))?;
            let line = bytes.and_then(|bytes| Line::scan(bytes).ok()).filter(|line| filter.matches(*place, line));
            let event = line.and_then(|line| served(*place, &line).ok());
            events.push(event.ok_or_else(|| elsewhere(*place))?);
        }
        Ok(events)
    }

    /// The first matches from `from` on.
    fn oldest(&self, filter: &Filter, from: Spot, limit: usize) -> Result<Vec<PlacedEvent>, LedgerError> {
        let mut found = Vec::new();
        if limit == 0 || filter.ends_before(from) {
            return Ok(found);
        }
        self.each_line(self.nearest(from, filter.first())?, |spot, line| {
            if filter.is_past(spot, line) {
                return Ok(ControlFlow::Break(()));
            }
            if filter.matches(spot, line) {
                found.push(served(spot, line)?);
            }
            Ok(if found.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(found)
    }

    /// The last matches from `from` on, the newest first: segment by segment from the end, so that a look at
    /// the newest events does not read the ledger.
    fn newest(&self, filter: &Filter, from: Spot, limit: usize) -> Result<Vec<PlacedEvent>, LedgerError> {
        let mut events = Vec::new();
        if filter.ends_before(from) {
            return Ok(events);
        }
        for segment in list_segments(&self.dir)?.iter().rev() {
            if events.len() >= limit || segment.first_index < from.segment {
                break;
            }
            let start = Spot { index: segment.first_index, segment: segment.first_index, offset: 0 };
            let mut found = VecDeque::new();
            self.each_line(start.max(from), |spot, line| {
                if spot.segment != segment.first_index || filter.is_past(spot, line) {
                    return Ok(ControlFlow::Break(()));
                }
                if filter.matches(spot, line) {
                    if found.len() == limit - events.len() {
                        found.pop_front();
                    }
                    found.push_back(served(spot, line)?);
                }
                Ok(ControlFlow::Continue(()))
            })?;
            events.extend(found.into_iter().rev());
        }
        Ok(events)
    }

    /// The last start of a segment that is not after `index`, or `from` where that is later.
    fn nearest(&self, from: Spot, index: u64) -> Result<Spot, LedgerError> {
        let segments = list_segments(&self.dir)?;
        let holder = segments.iter().rev().find(|segment| segment.first_index <= index);
        let start = holder.map(|segment| Spot { index: segment.first_index, segment: segment.first_index, offset: 0 });
        Ok(start.map_or(from, |start| start.max(from)))
    }

    /// What the events below `before` have of a key.
    pub(crate) fn look_up(&self, key: &CallKey, before: u64) -> Result<InHistory, LedgerError> {
        let wanted = WantedCall::new(key);
        let first = Beginning::read(&self.dir)?.first_index;
        self.with_index(|index, covered| {
            let mut answer = InHistory::Nothing;
            if let Some(index) = index
                && let Some(row) = index.run(&wanted.run)?.filter(|row| row.first_index < before)
            {
                answer = InHistory::RunOnly;
                for place in index.invokes(row.first_index, wanted.number(), before)? {
                    // Of what an archive has, the index is all there is.
                    let is_archived = place.index < first;
                    let found =
                        if is_archived { InHistory::Invoke } else { self.at(place, |line| wanted.found_in(line))? };
                    answer = answer.max(found);
                }
            }
            if answer != InHistory::Invoke && covered.index < before {
                self.each_line(covered, |spot, line| {
                    if spot.index >= before || answer == InHistory::Invoke {
                        return Ok(ControlFlow::Break(()));
                    }
                    answer = answer.max(wanted.found_in(line));
                    Ok(ControlFlow::Continue(()))
                })?;
            }
            Ok(answer)
        })
    }

    /// What `read` makes of the line at `place`.
    fn at<T>(&self, place: Place, read: impl FnOnce(&Line<'_>) -> T) -> Result<T, LedgerError> {
        let path = segment_path(&self.dir, place.segment);
        let mut reader = pointed_at(place, &path)?;
        let bytes = reader.line_at(place.offset).map_err(LedgerError::read(&path))?;
        let line = bytes.and_then(|bytes| Line::scan(bytes).ok());
        line.map(|line| read(&line)).ok_or_else(|| elsewhere(place))
    }

    pub(super) fn each_line(
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

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").finish_non_exhaustive()
    }
}

/// The index points at something else than it says.
fn elsewhere(place: Place) -> LedgerError {
    LedgerError::IndexDamaged { cause: format!("event {} is not where it points", place.index) }
}

/// The segment that the index points at.
fn pointed_at(place: Place, path: &Path) -> Result<LineReader, LedgerError> {
    if path.exists() { LineReader::open(path) } else { Err(elsewhere(place)) }
}

/// A call key in the form that lines have.
struct WantedCall {
    run: String,
    request: String,
    step: String,
}

impl WantedCall {
    fn new(key: &CallKey) -> Self {
        let (run, request) = (escaped(key.run_id.as_str()), escaped(key.request_id.as_str()));
        Self { run, request, step: key.step.to_string() }
    }

    fn number(&self) -> i64 {
        call_number(self.request.as_bytes(), &self.step)
    }

    fn found_in(&self, line: &Line<'_>) -> InHistory {
        if line.run_id() != self.run {
            InHistory::Nothing
        } else if line.kind() == EventKind::Invoke && line.request_id() == self.request && step_of(line) == self.step {
            InHistory::Invoke
        } else {
            InHistory::RunOnly
        }
    }
}

/// The event of a line, once its hash was found right.
fn served(spot: Spot, line: &Line<'_>) -> Result<PlacedEvent, LedgerError> {
    let event = line.hash().and_then(|_| line.event()).map_err(|kind| fault_at(spot, FaultKind::Line(kind)))?;
    Ok(PlacedEvent { index: spot.index, event })
}
