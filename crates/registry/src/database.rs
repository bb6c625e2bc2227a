//! The file of the projection: its tables, and what is done with one that cannot be used.
//!
//! What never happens here: losing anything. All that the file says stands in the ledger.

use std::path::Path;

use rusqlite::ErrorCode::CannotOpen;
use rusqlite::{Connection, OpenFlags};

use crate::error::{RegistryError, is_damage};

/// Counts up when the tables or their content change; a database of another number is made anew.
pub(crate) const SCHEMA_VERSION: i64 = 6;
/// Statements that are kept ready: each filter of the list makes a few.
pub(crate) const STATEMENTS_KEPT: usize = 64;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS plugins (
    plugin_id      TEXT NOT NULL,
    version_key    TEXT NOT NULL,
    package_digest TEXT NOT NULL,
    version        TEXT NOT NULL,
    status         TEXT NOT NULL,
    name           TEXT NOT NULL,
    capabilities   TEXT NOT NULL,
    registered_at  TEXT NOT NULL,
    lane           TEXT,
    determinism    TEXT,
    api_version    TEXT,
    key_id         TEXT,
    manifest_hash  TEXT NOT NULL,
    rejection      TEXT,
    PRIMARY KEY (plugin_id, version_key, package_digest)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS one_per_version ON plugins (plugin_id, version_key) WHERE status <> 'rejected';
CREATE UNIQUE INDEX IF NOT EXISTS one_enabled ON plugins (plugin_id) WHERE status = 'enabled';
-- Each filter of the list in the list's own order.
CREATE INDEX IF NOT EXISTS by_status ON plugins (status, plugin_id, version_key, package_digest);
CREATE INDEX IF NOT EXISTS by_lane ON plugins (lane, plugin_id, version_key, package_digest);
CREATE INDEX IF NOT EXISTS by_lane_status ON plugins (lane, status, plugin_id, version_key, package_digest);
CREATE INDEX IF NOT EXISTS by_digest ON plugins (package_digest);
CREATE INDEX IF NOT EXISTS by_key ON plugins (key_id);
CREATE INDEX IF NOT EXISTS rejected_by_age ON plugins (registered_at) WHERE status = 'rejected';
CREATE TABLE IF NOT EXISTS trust (
    key_id     TEXT PRIMARY KEY,
    content    TEXT NOT NULL,
    trusted_at TEXT NOT NULL,
    revoked_at TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS grants (
    plugin_id     TEXT NOT NULL,
    major_version INTEGER NOT NULL,
    capability    TEXT NOT NULL,
    state         TEXT NOT NULL,
    params        TEXT NOT NULL,
    decided_at    TEXT NOT NULL,
    PRIMARY KEY (plugin_id, major_version, capability)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS witnesses (
    name     TEXT PRIMARY KEY,
    content  TEXT NOT NULL,
    added_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (
    name       TEXT PRIMARY KEY,
    content    TEXT NOT NULL,
    created_at TEXT NOT NULL,
    revoked_at TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS environments (
    package_digest TEXT PRIMARY KEY,
    plugin_id      TEXT NOT NULL,
    version_key    TEXT NOT NULL,
    content        TEXT NOT NULL,
    bound_at       TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS conformance (
    package_digest TEXT PRIMARY KEY,
    content        TEXT NOT NULL,
    taken_at       TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
";

/// The database at `path`, made where there is none, and made anew where it is one that this version cannot use.
pub(crate) fn open_or_make(path: &Path) -> Result<Connection, RegistryError> {
    if let Some(usable) = open_usable(path)? {
        return Ok(usable);
    }
    discard(path)?;
    open_usable(path)?.ok_or_else(|| RegistryError::Damaged { what: "a new database cannot be used".into() })
}

/// The database at `path`, made where there is none; nothing where it is one that this version cannot use.
fn open_usable(path: &Path) -> Result<Option<Connection>, RegistryError> {
    let opened = Connection::open(path).and_then(|connection| {
        // The ledger is the truth and is synced; losing the tail of this file costs a catch-up.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        let found = format_of(&connection)?;
        if found == 0 {
            // In one transaction: a crash leaves no database of this number that lacks a table.
            connection.execute_batch(&format!("BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"))?;
        }
        Ok((connection, found))
    });
    match opened {
        Ok((connection, 0 | SCHEMA_VERSION)) => Ok(Some(connection)),
        Ok(_) => Ok(None),
        Err(error) if is_damage(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn format_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Removes the database at `path`, with what SQLite keeps beside it.
///
/// # Errors
/// [`RegistryError::Io`].
pub fn discard(path: &Path) -> Result<(), RegistryError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        match std::fs::remove_file(&file) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(RegistryError::Io { what: "remove a database of the registry", source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// The database at `path`, to be read beside its writer.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection, RegistryError> {
    match readable(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?) {
        Err(error) if error.sqlite_error_code() == Some(CannotOpen) && is_closed(path) => {
            // A folder that cannot be written, and nobody has the file open: SQLite reads a file with a
            // write-ahead log there only if it is told that nobody will write it.
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            let uri = immutable_uri(path).ok_or(error)?;
            Ok(readable(Connection::open_with_flags(uri, flags)?)?)
        }
        opened => Ok(opened?),
    }
}

/// The connection, once it has read something: opening alone touches no file.
fn readable(connection: Connection) -> rusqlite::Result<Connection> {
    connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Whether the last writer closed the database: then its log was taken in and removed.
fn is_closed(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    path.exists() && !Path::new(&log).exists()
}

/// As SQLite's documentation of URI file names asks; none where the path is no text.
fn immutable_uri(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    Some(format!("file:{}?immutable=1", text.replace('%', "%25").replace('?', "%3f").replace('#', "%23")))
}
