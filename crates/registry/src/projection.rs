//! The SQLite database that decisions are applied to.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use omega_contract::{Event, Sha256Hex, Timestamp, canonical_bytes};
use rusqlite::ErrorCode::CannotOpen;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use semver::Version;
use serde::Serialize;

use crate::decision::{Decision, RegisteredPackage, RejectedPackage};
use crate::error::RegistryError;

/// How many rejected packages are kept; the oldest goes first.
pub const REJECTED_PACKAGES_MAX: u32 = 1_000;

/// Counts up when the tables change; another number means: rebuild.
const SCHEMA_VERSION: i64 = 1;

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
CREATE TABLE IF NOT EXISTS facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
";

/// The tables, each with the order that makes a dump of it canonical.
const TABLES: [(&str, &str); 3] = [
    ("plugins", "plugin_id, version_key, package_digest"),
    ("trust", "key_id"),
    ("grants", "plugin_id, major_version, capability"),
];

/// The registry's database: a projection of the ledger.
#[derive(Debug)]
pub struct Registry {
    connection: Mutex<Connection>,
}

impl Registry {
    /// Opens or makes the database at `path`.
    ///
    /// # Errors
    /// [`RegistryError::Database`]; [`RegistryError::Damaged`] where it is of another format.
    pub fn open(path: &Path) -> Result<Self, RegistryError> {
        let connection = Connection::open(path)?;
        // The ledger is the truth and is synced; losing the tail of this file costs a catch-up.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found != 0 && found != SCHEMA_VERSION {
            return Err(RegistryError::Damaged { what: format!("format {found} instead of {SCHEMA_VERSION}") });
        }
        connection.execute_batch(SCHEMA)?;
        connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Opens the database at `path` for reading, beside a writer.
    ///
    /// # Errors
    /// [`RegistryError::Database`], also where there is none.
    pub fn open_read_only(path: &Path) -> Result<Self, RegistryError> {
        let connection = match readable(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?) {
            Err(error) if error.sqlite_error_code() == Some(CannotOpen) && is_closed(path) => {
                // A folder that cannot be written, and nobody has the file open: SQLite reads a file with a
                // write-ahead log there only if it is told that nobody will write it.
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
                let uri = immutable_uri(path).ok_or(error)?;
                readable(Connection::open_with_flags(uri, flags)?)?
            }
            opened => opened?,
        };
        Ok(Self { connection: Mutex::new(connection) })
    }

    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic in between leaves at most an open transaction, which SQLite rolls back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last event that was applied or passed over.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn applied(&self) -> Result<Option<Applied>, RegistryError> {
        applied(&self.connection())
    }

    /// Applies the events, in order, in one transaction; those that carry no decision only move
    /// [`Registry::applied`]. Applying an event twice changes nothing.
    ///
    /// # Errors
    /// [`RegistryError`]; then nothing was applied.
    pub fn apply<'a>(&self, events: impl IntoIterator<Item = (u64, &'a Event)>) -> Result<(), RegistryError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let applied = applied(&transaction)?.map(|applied| applied.index);
        apply_all(&transaction, applied, events)?;
        transaction.commit()?;
        Ok(())
    }

    /// Forgets everything and applies these events instead, in one transaction.
    ///
    /// # Errors
    /// [`RegistryError`]; then everything is as it was.
    pub fn replace_by<'a>(&self, events: impl IntoIterator<Item = (u64, &'a Event)>) -> Result<(), RegistryError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        for (table, _) in TABLES {
            transaction.execute(&format!("DELETE FROM {table}"), [])?;
        }
        transaction.execute("DELETE FROM facts", [])?;
        apply_all(&transaction, None, events)?;
        transaction.commit()?;
        Ok(())
    }

    /// Every row of every table as text, in a fixed order: equal projections dump alike.
    ///
    /// # Errors
    /// [`RegistryError::Database`].
    pub fn dump(&self) -> Result<String, RegistryError> {
        let connection = self.connection();
        let mut text = String::new();
        for (table, order) in TABLES {
            let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY {order}"))?;
            let width = statement.column_count();
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let cells: Result<Vec<String>, _> =
                    (0..width).map(|column| row.get_ref(column).map(|cell| format!("{cell:?}"))).collect();
                text.extend([table, "\t", &cells?.join("\t"), "\n"]);
            }
        }
        Ok(text)
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

/// How far a projection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The event's index.
    pub index: u64,
    /// Its hash, where it was noted: whether the ledger still has that event. A power cut may take the end of a ledger
    /// whose events were not synced yet, and leave this file.
    pub event_hash: Option<Sha256Hex>,
}

fn applied(connection: &Connection) -> Result<Option<Applied>, RegistryError> {
    let fact = |name: &str| -> Result<Option<String>, RegistryError> {
        let value = connection.query_row("SELECT value FROM facts WHERE name = ?1", [name], |row| row.get(0));
        Ok(value.optional()?)
    };
    let damaged = |text: &str| RegistryError::Damaged { what: format!("applied_index {text:?}") };
    let Some(text) = fact("applied_index")? else { return Ok(None) };
    let index = text.parse().map_err(|_| damaged(&text))?;
    let event_hash = fact("applied_hash")?.and_then(|text| text.parse().ok());
    Ok(Some(Applied { index, event_hash }))
}

/// Applies what comes after `applied` and moves it.
fn apply_all<'a>(
    connection: &Connection,
    applied: Option<u64>,
    events: impl IntoIterator<Item = (u64, &'a Event)>,
) -> Result<(), RegistryError> {
    let mut last = None;
    for (index, event) in events {
        if last.map(|(last, _)| last).or(applied).is_some_and(|last| index <= last) {
            continue;
        }
        if let Some(decision) = Decision::from_event(index, event)? {
            apply_one(connection, &decision, &event.ts)?;
        }
        last = Some((index, event.event_hash));
    }
    if let Some((index, hash)) = last {
        let mut put = connection.prepare("INSERT OR REPLACE INTO facts (name, value) VALUES (?1, ?2)")?;
        put.execute(["applied_index", &index.to_string()])?;
        put.execute(["applied_hash", &hash.to_string()])?;
    }
    Ok(())
}

/// Text whose order is SemVer order: numbers padded, a release after its pre-releases.
pub(crate) fn version_key(version: &Version) -> String {
    let pre = if version.pre.is_empty() { "~" } else { version.pre.as_str() };
    format!("{:020}.{:020}.{:020}.{pre}", version.major, version.minor, version.patch)
}

fn canonical_text<T: Serialize>(value: &T) -> Result<String, RegistryError> {
    canonical_bytes(value)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .map_err(|cause| RegistryError::Damaged { what: cause.to_string() })
}

fn apply_one(connection: &Connection, decision: &Decision, ts: &str) -> Result<(), RegistryError> {
    debug_assert!(ts.parse::<Timestamp>().is_ok(), "the ledger wrote this timestamp");
    match decision {
        Decision::Register(package) => insert_registered(connection, package, ts)?,
        Decision::Reject(package) => insert_rejected(connection, package, ts)?,
        Decision::Enable { plugin_id, version } => {
            connection.execute(
                "UPDATE plugins SET status = 'disabled' WHERE plugin_id = ?1 AND status = 'enabled'",
                [plugin_id.as_str()],
            )?;
            set_status(connection, plugin_id.as_str(), version, "enabled")?;
        }
        Decision::Disable { plugin_id, version } => set_status(connection, plugin_id.as_str(), version, "disabled")?,
        Decision::Remove { plugin_id, version } => {
            connection.execute(
                "DELETE FROM plugins WHERE plugin_id = ?1 AND version_key = ?2 AND status <> 'rejected'",
                params![plugin_id.as_str(), version_key(version)],
            )?;
        }
        Decision::Trust(key) => {
            connection.execute(
                "INSERT OR REPLACE INTO trust (key_id, content, trusted_at, revoked_at) VALUES (?1, ?2, ?3, NULL)",
                params![key.key_id.to_string(), canonical_text(key)?, ts],
            )?;
        }
        Decision::RevokeKey { key_id } => {
            connection
                .execute("UPDATE trust SET revoked_at = ?2 WHERE key_id = ?1", params![key_id.to_string(), ts])?;
        }
        Decision::Grant(grant) => set_grant(
            connection,
            (grant.plugin_id.as_str(), grant.major_version, grant.capability.as_str()),
            ("granted", &canonical_text(&grant.params)?),
            ts,
        )?,
        Decision::RevokeGrant { plugin_id, major_version, capability } => {
            set_grant(connection, (plugin_id.as_str(), *major_version, capability.as_str()), ("revoked", "{}"), ts)?;
        }
        Decision::EffectivePolicy { policy } => {
            connection.execute(
                "INSERT OR REPLACE INTO facts (name, value) VALUES ('effective_policy', ?1)",
                [canonical_text(policy)?],
            )?;
        }
    }
    Ok(())
}

fn insert_registered(connection: &Connection, package: &RegisteredPackage, ts: &str) -> Result<(), RegistryError> {
    connection.execute(
        "DELETE FROM plugins WHERE package_digest = ?1 AND status = 'rejected'",
        [package.package_digest.to_string()],
    )?;
    connection.execute(
        "INSERT INTO plugins (plugin_id, version_key, package_digest, version, status, name, capabilities,
            registered_at, lane, determinism, api_version, key_id, manifest_hash, rejection)
         VALUES (?1, ?2, ?3, ?4, 'registered', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, NULL)",
        params![
            package.plugin_id.as_str(),
            version_key(&package.version),
            package.package_digest.to_string(),
            package.version.to_string(),
            package.name,
            canonical_text(&package.capabilities)?,
            ts,
            package.lane.as_str(),
            package.determinism.as_str(),
            package.api_version.to_string(),
            package.key_id.to_string(),
            package.manifest_hash.to_string(),
        ],
    )?;
    Ok(())
}

fn insert_rejected(connection: &Connection, package: &RejectedPackage, ts: &str) -> Result<(), RegistryError> {
    // A digest that was admitted stays admitted: a later refusal of the same bytes is only an event.
    let admitted: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM plugins WHERE package_digest = ?1 AND status <> 'rejected')",
        [package.package_digest.to_string()],
        |row| row.get(0),
    )?;
    if admitted {
        return Ok(());
    }
    connection.execute(
        "DELETE FROM plugins WHERE package_digest = ?1 AND status = 'rejected'",
        [package.package_digest.to_string()],
    )?;
    connection.execute(
        "INSERT INTO plugins (plugin_id, version_key, package_digest, version, status, name, capabilities,
            registered_at, lane, determinism, api_version, key_id, manifest_hash, rejection)
         VALUES (?1, ?2, ?3, ?4, 'rejected', ?5, '[]', ?6, NULL, NULL, NULL, NULL, ?7, ?8)",
        params![
            package.plugin_id.as_str(),
            version_key(&package.version),
            package.package_digest.to_string(),
            package.version.to_string(),
            package.name,
            ts,
            package.report.manifest_hash,
            canonical_text(package)?,
        ],
    )?;
    connection.execute(
        "DELETE FROM plugins WHERE status = 'rejected' AND package_digest IN (
            SELECT package_digest FROM plugins WHERE status = 'rejected'
            ORDER BY registered_at DESC, package_digest LIMIT -1 OFFSET ?1)",
        [REJECTED_PACKAGES_MAX],
    )?;
    Ok(())
}

fn set_status(connection: &Connection, id: &str, version: &Version, status: &str) -> Result<(), RegistryError> {
    connection.execute(
        "UPDATE plugins SET status = ?3 WHERE plugin_id = ?1 AND version_key = ?2 AND status <> 'rejected'",
        params![id, version_key(version), status],
    )?;
    Ok(())
}

fn set_grant(
    connection: &Connection,
    (plugin_id, major_version, capability): (&str, u64, &str),
    (state, grant_params): (&str, &str),
    ts: &str,
) -> Result<(), RegistryError> {
    let major_version = i64::try_from(major_version)
        .map_err(|_| RegistryError::Damaged { what: format!("major version {major_version}") })?;
    connection.execute(
        "INSERT OR REPLACE INTO grants (plugin_id, major_version, capability, state, params, decided_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![plugin_id, major_version, capability, state, grant_params, ts],
    )?;
    Ok(())
}
