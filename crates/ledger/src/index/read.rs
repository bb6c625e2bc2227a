//! Asks the index.

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use omega_contract::{Sha256Hex, Timestamp};
use omega_proof::line::Line;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params_from_iter};

use super::{INDEX_FILE, from_sql, kind_number, schema, to_sql};
use crate::encode::escaped;
use crate::error::LedgerError;
use crate::query::{CallTally, DECISION_KINDS, Order, Query};
use crate::segment::{LineReader, Spot, segment_path};
use crate::tally::{CallState, CallStatus, RunRow};

/// How far the index came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// The first event that it does not cover.
    pub(crate) next: Spot,
    /// The hash of the last one that it covers.
    pub(crate) head: Option<Sha256Hex>,
    /// Where that one stands.
    pub(crate) head_spot: Spot,
}

impl Coverage {
    pub(super) fn read(db: &Connection) -> Result<Self, LedgerError> {
        let mut ask = db.prepare_cached(
            "SELECT next_index, segment, offset, head_segment, head_offset, head FROM coverage WHERE id = 0",
        )?;
        let coverage = ask.query_row([], |row| {
            let number = |column: usize| row.get(column).map(from_sql);
            let next = Spot { index: number(0)?, segment: number(1)?, offset: number(2)? };
            let head_spot = Spot { index: next.index.saturating_sub(1), segment: number(3)?, offset: number(4)? };
            let head: Vec<u8> = row.get(5)?;
            Ok(Self { next, head: head.try_into().ok().map(Sha256Hex::from_bytes), head_spot })
        })?;
        Ok(coverage)
    }

    pub(super) fn write(&self, db: &Connection) -> Result<(), LedgerError> {
        let mut put = db.prepare_cached(
            "UPDATE coverage SET next_index = ?1, segment = ?2, offset = ?3, head_segment = ?4, head_offset = ?5, head = ?6",
        )?;
        let head = self.head.map_or_else(Vec::new, |head| head.as_bytes().to_vec());
        let (next, spot) = (self.next, self.head_spot);
        put.execute(rusqlite::params![
            to_sql(next.index),
            to_sql(next.segment),
            to_sql(next.offset),
            to_sql(spot.segment),
            to_sql(spot.offset),
            head,
        ])?;
        Ok(())
    }

    /// Whether the last covered event stands in this ledger where the index says.
    pub(super) fn fits(&self, dir: &Path) -> Result<bool, LedgerError> {
        if self.next.index == 0 {
            return Ok(true);
        }
        let path = segment_path(dir, self.head_spot.segment);
        if !path.exists() {
            return Ok(false);
        }
        let mut reader = LineReader::open(&path)?;
        let line = reader.line_at(self.head_spot.offset).map_err(LedgerError::read(&path))?;
        let hash = line.and_then(|line| Line::scan(line).ok()).and_then(|line| line.hash().ok());
        Ok(hash.is_some() && hash == self.head)
    }
}

/// Where the index says that an event stands.
pub(crate) type Place = Spot;

/// Reads the index, beside its writer.
pub(crate) struct IndexReader {
    db: Connection,
    opened: Instant,
}

/// A reader is opened anew after this many milliseconds.
const READER_LIFE_MS: u64 = 10_000;

impl IndexReader {
    /// The index of the ledger in `dir`; `None` where there is none that can be used: then the segments are read.
    pub(crate) fn open(dir: &Path) -> Option<Self> {
        let path = dir.join(INDEX_FILE);
        if !path.exists() {
            return None;
        }
        let usable = |db: Connection| -> Result<Option<Self>, LedgerError> {
            db.busy_timeout(Duration::from_secs(1))?;
            let fits = schema::is_current(&db)? && Coverage::read(&db)?.fits(dir)?;
            Ok(fits.then(|| Self { db, opened: Instant::now() }))
        };
        let plain = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        if let Some(reader) = plain.ok().and_then(|db| usable(db).ok()) {
            return reader;
        }
        // In a folder that cannot be written, SQLite reads a file with a write-ahead log only if it is told
        // that nobody writes. If somebody did, that log would be there and the open above would have worked.
        let uri = format!("file:{}?immutable=1", uri_path(&path)?);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let still = Connection::open_with_flags(uri, flags).ok()?;
        usable(still).ok().flatten()
    }

    /// Whether it may be used again.
    pub(crate) fn is_fresh(&self) -> bool {
        self.opened.elapsed() < Duration::from_millis(READER_LIFE_MS)
    }

    /// Runs `ask` on one state of the index, with how far that came.
    pub(crate) fn at_rest<T>(
        &self,
        ask: impl FnOnce(&Self, Coverage) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.db.execute_batch("BEGIN DEFERRED")?;
        let answer = Coverage::read(&self.db).and_then(|coverage| ask(self, coverage));
        self.db.execute_batch("COMMIT")?;
        answer
    }

    /// The places of up to `limit` covered events that `query` means, in its order.
    pub(crate) fn find(&self, query: &Query, covered: u64, limit: usize) -> Result<Vec<Place>, LedgerError> {
        let (mut first, mut end) = (query.indexes.start, query.indexes.end.min(covered));
        if let Some(since) = query.since {
            first = first.max(self.first_not_before(since, covered)?);
        }
        if let Some(until) = query.until {
            end = end.min(self.first_not_before(until, covered)?);
        }
        let mut text = "SELECT idx, segment, offset FROM event".to_owned();
        let are_decisions = !query.kinds.is_empty() && query.kinds.iter().all(|kind| DECISION_KINDS.contains(kind));
        if are_decisions && query.plugin_id.is_some() && query.run_id.is_none() {
            // The planner would take the index that gives the order for nothing, and with it every call of the plugin.
            text += " INDEXED BY event_decision";
        }
        text += " WHERE idx >= ? AND idx < ?";
        let mut values = vec![Value::Integer(to_sql(first)), Value::Integer(to_sql(end))];
        if let Some(run_id) = &query.run_id {
            let Some(run) = self.run(&escaped(run_id.as_str()))? else { return Ok(Vec::new()) };
            text += " AND run = ?";
            values.push(Value::Integer(to_sql(run.first_index)));
        }
        if let Some(plugin_id) = &query.plugin_id {
            let mut ask = self.db.prepare_cached("SELECT id FROM plugin WHERE name = ?1")?;
            let number: Option<i64> = ask.query_row([plugin_id.as_str()], |row| row.get(0)).optional()?;
            let Some(number) = number else { return Ok(Vec::new()) };
            text += " AND plugin = ?";
            values.push(Value::Integer(number));
        }
        if !query.kinds.is_empty() {
            let numbers = query.kinds.iter().map(|kind| kind_number(*kind));
            let list: Vec<String> = numbers.clone().map(|number| number.to_string()).collect();
            text += " AND kind IN (";
            text += &list.join(", ");
            text += ")";
            if numbers.clone().all(|number| !matches!(number, 3 | 4)) {
                // Said in the words of the partial index, so that it is used.
                text += " AND kind NOT IN (3, 4)";
            }
            if are_decisions && query.plugin_id.is_some() {
                text += " AND kind IN (0, 1, 8)";
            }
        }
        text += match query.order {
            Order::OldestFirst => " ORDER BY idx LIMIT ?",
            Order::NewestFirst => " ORDER BY idx DESC LIMIT ?",
        };
        values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        let mut ask = self.db.prepare_cached(&text)?;
        let places = ask.query_map(params_from_iter(values), place)?.collect::<Result<_, _>>()?;
        Ok(places)
    }

    /// The first covered event that is not before `ts`. Time does not run back in a ledger, so that this is a
    /// binary search and needs no index of its own.
    fn first_not_before(&self, ts: Timestamp, covered: u64) -> Result<u64, LedgerError> {
        let mut ask = self.db.prepare_cached("SELECT ts FROM event WHERE idx = ?1")?;
        let (mut low, mut high) = (0, covered);
        while low < high {
            let middle = low + (high - low) / 2;
            // An index that was made after an archive does not have what is in there.
            let at: Option<i64> = ask.query_row([to_sql(middle)], |row| row.get(0)).optional()?;
            if at.is_none_or(|at| at < ts.unix_micros()) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// What a run came to, as far as it is covered.
    pub(crate) fn run(&self, escaped_run_id: &str) -> Result<Option<RunRow>, LedgerError> {
        run_row(&self.db, escaped_run_id)
    }

    /// Up to `limit` covered runs that begin in this range, in that order: where, and their names, escaped.
    pub(crate) fn run_names(&self, begin: Range<u64>, limit: usize) -> Result<Vec<(u64, String)>, LedgerError> {
        let mut ask = self.db.prepare_cached(
            "SELECT first_index, name FROM run WHERE first_index >= ?1 AND first_index < ?2 ORDER BY first_index LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = ask.query_map((to_sql(begin.start), to_sql(begin.end), limit), |row| {
            Ok((row.get(0).map(from_sql)?, row.get(1)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How a call ended last: see [`crate::tally::Prior::call`].
    pub(crate) fn call(&self, run: u64, call: i64) -> Result<CallState, LedgerError> {
        call_state(&self.db, run, call)
    }

    /// The places of a call's INVOKEs below `before`.
    pub(crate) fn invokes(&self, run: u64, call: i64, before: u64) -> Result<Vec<Place>, LedgerError> {
        let mut ask = self.db.prepare_cached(
            "SELECT idx, segment, offset FROM event WHERE run = ?1 AND call = ?2 AND kind = 3 AND idx < ?3",
        )?;
        let places = ask.query_map((to_sql(run), call, to_sql(before)), place)?.collect::<Result<_, _>>()?;
        Ok(places)
    }

    /// Up to `limit` runs that begin below `before`, the newest first.
    pub(crate) fn runs(&self, before: u64, limit: usize) -> Result<Vec<(String, RunRow)>, LedgerError> {
        let mut ask = self.db.prepare_cached(&format!(
            "SELECT {RUN_COLUMNS}, name FROM run WHERE first_index < ?1 ORDER BY first_index DESC LIMIT ?2"
        ))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = ask.query_map((to_sql(before), limit), |row| Ok((row.get(RUN_COLUMN_COUNT)?, to_run(row)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many runs, and how all their calls ended.
    pub(crate) fn totals(&self) -> Result<(u64, CallTally), LedgerError> {
        let sums = "SELECT COUNT(*), SUM(calls), SUM(ok), SUM(rejected), SUM(error), SUM(timeout) FROM run";
        let mut ask = self.db.prepare_cached(sums)?;
        let totals = ask.query_row([], |row| {
            let sum = |column: usize| row.get::<_, Option<i64>>(column).map(|sum| from_sql(sum.unwrap_or(0)));
            let calls = CallTally { calls: sum(1)?, ok: sum(2)?, rejected: sum(3)?, error: sum(4)?, timeout: sum(5)? };
            Ok((sum(0)?, calls))
        })?;
        Ok(totals)
    }

    /// Events by the number of their kind.
    pub(crate) fn kinds(&self) -> Result<Vec<(usize, u64)>, LedgerError> {
        let mut ask = self.db.prepare_cached("SELECT kind, events FROM kind")?;
        let rows = ask.query_map([], |row| {
            Ok((usize::try_from(row.get::<_, i64>(0)?).unwrap_or(usize::MAX), from_sql(row.get(1)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// When the first covered event was.
    pub(crate) fn first_ts(&self) -> Result<Option<Timestamp>, LedgerError> {
        let mut ask = self.db.prepare_cached("SELECT ts FROM event WHERE idx = 0")?;
        Ok(ask.query_row([], |row| row.get(0)).optional()?.map(Timestamp::from_unix_micros))
    }
}

fn place(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place { index: from_sql(row.get(0)?), segment: from_sql(row.get(1)?), offset: from_sql(row.get(2)?) })
}

const RUN_COLUMNS: &str = "first_index, last_index, first_ts, last_ts, events, calls, ok, rejected, error, timeout";
const RUN_COLUMN_COUNT: usize = 10;

pub(super) fn run_row(db: &Connection, escaped_run_id: &str) -> Result<Option<RunRow>, LedgerError> {
    let mut ask = db.prepare_cached(&format!("SELECT {RUN_COLUMNS} FROM run WHERE name = ?1"))?;
    Ok(ask.query_row([escaped_run_id], to_run).optional()?)
}

fn to_run(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let number = |column: usize| row.get(column).map(from_sql);
    let time = |column: usize| row.get(column).map(Timestamp::from_unix_micros);
    Ok(RunRow {
        first_index: number(0)?,
        last_index: number(1)?,
        first_ts: time(2)?,
        last_ts: time(3)?,
        events: number(4)?,
        calls: CallTally {
            calls: number(5)?,
            ok: number(6)?,
            rejected: number(7)?,
            error: number(8)?,
            timeout: number(9)?,
        },
    })
}

pub(super) fn call_state(db: &Connection, run: u64, call: i64) -> Result<CallState, LedgerError> {
    let mut ask =
        db.prepare_cached("SELECT status FROM event WHERE run = ?1 AND call = ?2 ORDER BY idx DESC LIMIT 1")?;
    let state = ask.query_row((to_sql(run), call), |row| {
        let status: Option<i64> = row.get(0)?;
        Ok(status.and_then(CallStatus::from_code).map_or(CallState::Open, CallState::Ended))
    });
    Ok(state.optional()?.unwrap_or(CallState::Unknown))
}

/// A path as SQLite's URI file names want it.
fn uri_path(path: &Path) -> Option<String> {
    Some(path.to_str()?.replace('%', "%25").replace('?', "%3f").replace('#', "%23"))
}
