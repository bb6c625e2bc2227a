//! Brings the index forward. Only the ledger's writer does this.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use omega_contract::{EventKind, Timestamp};
use omega_proof::line::{Line, hash_of_digits};
use rusqlite::{Connection, OptionalExtension, params};

use super::read::{Coverage, call_state, run_row};
use super::{INDEX_FILE, kind_number, schema, to_sql};
use crate::beginning::Beginning;
use crate::error::{FaultKind, LedgerError};
use crate::segment::Spot;
use crate::stream::{fault_at, stream_lines};
use crate::tally::{CallEvent, CallState, Prior, RunRow, Tally};

/// Writes the index.
pub(crate) struct IndexWriter {
    dir: PathBuf,
    db: Option<Connection>,
}

impl IndexWriter {
    /// Nothing is opened before it is needed.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), db: None }
    }

    /// Indexes up to `events_max` events below `until`; gives the index up to which all are covered. An index
    /// that cannot be used is made anew once.
    pub(crate) fn catch_up(&mut self, until: u64, events_max: u64) -> Result<u64, LedgerError> {
        match self.try_catch_up(until, events_max) {
            Err(LedgerError::IndexDamaged { .. }) => {
                self.discard()?;
                self.try_catch_up(until, events_max)
            }
            outcome => outcome,
        }
    }

    fn try_catch_up(&mut self, until: u64, events_max: u64) -> Result<u64, LedgerError> {
        if self.db.is_none() {
            self.db = Some(self.open()?);
        }
        let Some(db) = &self.db else { return Ok(0) };
        let mut coverage = Coverage::read(db)?;
        let begin = Beginning::read(&self.dir)?;
        if coverage.next.index < begin.first_index {
            coverage.next = begin.spot();
        }
        if coverage.next.index >= until {
            return Ok(coverage.next.index);
        }
        db.execute_batch("BEGIN IMMEDIATE")?;
        match index_events(&self.dir, db, coverage, until.min(coverage.next.index + events_max)) {
            Ok(covered) => {
                db.execute_batch("COMMIT")?;
                Ok(covered)
            }
            Err(error) => {
                // What went wrong first is what is told; the next try begins where this one did.
                let _rolled_back = db.execute_batch("ROLLBACK");
                Err(error)
            }
        }
    }

    fn open(&self) -> Result<Connection, LedgerError> {
        let db = Connection::open(self.dir.join(INDEX_FILE))?;
        // Losing the tail of the index costs a catch-up; a file torn by a power cut would cost a rebuild.
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000;")?;
        db.busy_timeout(std::time::Duration::from_secs(5))?;
        let fresh: i64 = db.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if fresh == 0 {
            schema::create(&db)?;
        }
        if !schema::is_current(&db)? || !Coverage::read(&db)?.fits(&self.dir)? {
            return Err(LedgerError::IndexDamaged {
                cause: "it belongs to another version or another ledger".to_owned(),
            });
        }
        Ok(db)
    }

    /// Removes an index that cannot be used.
    fn discard(&mut self) -> Result<(), LedgerError> {
        self.db = None;
        for suffix in ["", "-wal", "-shm"] {
            let path = self.dir.join(format!("{INDEX_FILE}{suffix}"));
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(LedgerError::write("remove", &path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

struct Recorded<'a>(&'a Connection);

impl Prior for Recorded<'_> {
    fn run(&self, escaped_run_id: &str) -> Result<Option<RunRow>, LedgerError> {
        run_row(self.0, escaped_run_id)
    }

    fn call(&self, run: u64, call: i64) -> Result<CallState, LedgerError> {
        call_state(self.0, run, call)
    }
}

fn index_events(dir: &Path, db: &Connection, coverage: Coverage, until: u64) -> Result<u64, LedgerError> {
    let prior = Recorded(db);
    let mut tally = Tally::new(&prior);
    let mut plugins = HashMap::new();
    let mut kinds = [0_i64; EventKind::ALL.len()];
    let mut covered = coverage;
    let mut insert = db.prepare_cached("INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    stream_lines(dir, covered.next, |spot, bytes| {
        if spot.index >= until {
            return Ok(ControlFlow::Break(()));
        }
        let line = Line::scan(bytes).map_err(|kind| fault_at(spot, FaultKind::Line(kind)))?;
        let (run, event) = tally.observe(spot.index, &line)?;
        let (call, status) = match event {
            CallEvent::Begins { call } => (Some(call), None),
            CallEvent::Ends { call, status } => (Some(call), Some(status.code())),
            CallEvent::Refused(_) | CallEvent::None => (None, None),
        };
        let kind = kind_number(line.kind());
        if let Some(count) = usize::try_from(kind).ok().and_then(|at| kinds.get_mut(at)) {
            *count += 1;
        }
        let plugin = plugin_number(db, &mut plugins, line.plugin_id())?;
        let ts = line.ts().parse().unwrap_or(Timestamp::EPOCH).unix_micros();
        let (idx, segment, offset, run) = (to_sql(spot.index), to_sql(spot.segment), to_sql(spot.offset), to_sql(run));
        insert.execute(params![idx, segment, offset, run, plugin, kind, ts, call, status])?;
        let next = Spot { index: spot.index + 1, offset: spot.offset + bytes.len() as u64 + 1, ..spot };
        covered = Coverage { next, head: Some(hash_of_digits(line.event_hash())), head_spot: spot };
        Ok(ControlFlow::Continue(()))
    })?;
    for (name, row) in &tally.runs {
        put_run(db, name, row)?;
    }
    let mut put_kind = db.prepare_cached(
        "INSERT INTO kind VALUES (?1, ?2) ON CONFLICT (kind) DO UPDATE SET events = events + excluded.events",
    )?;
    for (number, count) in kinds.into_iter().enumerate().filter(|(_, count)| *count > 0) {
        put_kind.execute(params![to_sql(number as u64), count])?;
    }
    covered.write(db)?;
    Ok(covered.next.index)
}

fn plugin_number(
    db: &Connection,
    known: &mut HashMap<String, i64>,
    plugin_id: &str,
) -> Result<Option<i64>, LedgerError> {
    if plugin_id.is_empty() {
        return Ok(None);
    }
    if let Some(number) = known.get(plugin_id) {
        return Ok(Some(*number));
    }
    let mut find = db.prepare_cached("SELECT id FROM plugin WHERE name = ?1")?;
    let number = match find.query_row([plugin_id], |row| row.get(0)).optional()? {
        Some(number) => number,
        None => db.prepare_cached("INSERT INTO plugin (name) VALUES (?1)")?.insert([plugin_id])?,
    };
    known.insert(plugin_id.to_owned(), number);
    Ok(Some(number))
}

fn put_run(db: &Connection, name: &str, row: &RunRow) -> Result<(), LedgerError> {
    let mut put = db.prepare_cached(
        "INSERT INTO run VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (first_index) DO UPDATE SET last_index = excluded.last_index, last_ts = excluded.last_ts,
         events = excluded.events, calls = excluded.calls, ok = excluded.ok, rejected = excluded.rejected,
         error = excluded.error, timeout = excluded.timeout",
    )?;
    let calls = row.calls;
    put.execute(params![
        to_sql(row.first_index),
        name,
        to_sql(row.last_index),
        row.first_ts.unix_micros(),
        row.last_ts.unix_micros(),
        to_sql(row.events),
        to_sql(calls.calls),
        to_sql(calls.ok),
        to_sql(calls.rejected),
        to_sql(calls.error),
        to_sql(calls.timeout),
    ])?;
    Ok(())
}
