//! The tables of the index.

use rusqlite::Connection;

use crate::error::LedgerError;

/// Raised with each change of the tables or of what is put into them: an index of another number is made anew.
pub(super) const SCHEMA_VERSION: i64 = 2;

/// Runs and calls are stored in their escaped form. A run is known by the index of its first event, so that rows
/// that belong together lie together. INVOKE and RESULT (kinds 3 and 4) are most of a ledger: looking for them
/// by kind would be no faster than reading, so only the others are indexed by kind. What was decided about a plugin
/// (kinds 0, 1, 8) is found without its calls.
const TABLES: &str = "
CREATE TABLE coverage (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    next_index INTEGER NOT NULL, segment INTEGER NOT NULL, offset INTEGER NOT NULL,
    head_segment INTEGER NOT NULL, head_offset INTEGER NOT NULL, head BLOB NOT NULL
);
INSERT INTO coverage VALUES (0, 0, 0, 0, 0, 0, x'');
CREATE TABLE run (
    first_index INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    last_index INTEGER NOT NULL, first_ts INTEGER NOT NULL, last_ts INTEGER NOT NULL, events INTEGER NOT NULL,
    calls INTEGER NOT NULL, ok INTEGER NOT NULL, rejected INTEGER NOT NULL, error INTEGER NOT NULL,
    timeout INTEGER NOT NULL
);
CREATE TABLE plugin (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE kind (kind INTEGER PRIMARY KEY, events INTEGER NOT NULL);
CREATE TABLE event (
    idx INTEGER PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL,
    run INTEGER NOT NULL, plugin INTEGER, kind INTEGER NOT NULL, ts INTEGER NOT NULL,
    call INTEGER, status INTEGER
);
CREATE INDEX event_run ON event (run);
CREATE INDEX event_plugin ON event (plugin) WHERE plugin IS NOT NULL;
CREATE INDEX event_call ON event (run, call) WHERE call IS NOT NULL;
CREATE INDEX event_rare ON event (kind) WHERE kind NOT IN (3, 4);
CREATE INDEX event_decision ON event (plugin, kind) WHERE kind IN (0, 1, 8);
";

/// True where the tables are those of this version.
pub(super) fn is_current(db: &Connection) -> Result<bool, LedgerError> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(version == SCHEMA_VERSION)
}

/// Makes the tables of a new file.
pub(super) fn create(db: &Connection) -> Result<(), LedgerError> {
    db.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use omega_contract::EventKind;

    use super::super::kind_number;

    #[test]
    fn the_kinds_named_in_the_tables_are_these() {
        assert_eq!((kind_number(EventKind::Invoke), kind_number(EventKind::Result)), (3, 4));
        let decisions = crate::query::DECISION_KINDS.map(kind_number);
        assert_eq!(decisions, [0, 1, 8]);
    }
}
