//! The SQLite database that decisions are applied to.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use omega_contract::{Event, Sha256Hex, Timestamp, canonical_bytes};
use rusqlite::{Connection, OptionalExtension as _, params};
use semver::Version;
use serde::Serialize;

use crate::conformance;
use crate::database::{SCHEMA_VERSION, STATEMENTS_KEPT, discard, format_of, open_or_make, open_to_read};
use crate::decision::{Decision, RegisteredPackage, RejectedPackage};
use crate::environment;
use crate::error::RegistryError;
use crate::version_key::version_key;

/// How many rejected packages are kept; the oldest goes first.
pub const REJECTED_PACKAGES_MAX: u32 = 1_000;

/// The tables of decisions, each with the order that makes a list of its rows canonical.
const TABLES: [(&str, &str); 7] = [
    ("plugins", "plugin_id, version_key, package_digest"),
    ("trust", "key_id"),
    ("grants", "plugin_id, major_version, capability"),
    ("witnesses", "name"),
    ("tokens", "name"),
    ("environments", "package_digest"),
    ("conformance", "package_digest"),
];

/// The registry's database: a projection of the ledger.
#[derive(Debug)]
pub struct Registry {
    connection: Mutex<Connection>,
    path: PathBuf,
}

impl Registry {
    /// Opens or makes the database at `path`. One that this version cannot use (of another format, torn, or no
    /// database at all) is made anew and empty: what it said stands in the ledger, and is applied from there.
    ///
    /// # Errors
    /// [`RegistryError::Database`].
    pub fn open(path: &Path) -> Result<Self, RegistryError> {
        Ok(Self { connection: Mutex::new(open_or_make(path)?), path: path.to_owned() })
    }

    /// Opens the database at `path` for reading, beside a writer.
    ///
    /// # Errors
    /// [`RegistryError::Database`], also where there is none; [`RegistryError::Damaged`] where it is of another
    /// format.
    pub fn open_read_only(path: &Path) -> Result<Self, RegistryError> {
        let connection = open_to_read(path)?;
        let found = format_of(&connection)?;
        if found != SCHEMA_VERSION {
            return Err(RegistryError::Damaged { what: format!("format {found} instead of {SCHEMA_VERSION}") });
        }
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        Ok(Self { connection: Mutex::new(connection), path: path.to_owned() })
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

    /// Puts the database at `other`, which nobody has open, in the place of this one, in whatever state this one is.
    ///
    /// # Errors
    /// [`RegistryError`]; then this one is what is found under its name, which may be nothing: the ledger fills it.
    pub fn replace_by(&self, other: &Path) -> Result<(), RegistryError> {
        let failed = |source| RegistryError::Io { what: "rename the rebuilt database", source };
        self.reopen_after(|path| discard(path).and_then(|()| std::fs::rename(other, path).map_err(failed)))
    }

    /// Makes the database anew and empty: for the ledger to fill.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn begin_anew(&self) -> Result<(), RegistryError> {
        self.reopen_after(discard)
    }

    fn reopen_after(&self, work: impl FnOnce(&Path) -> Result<(), RegistryError>) -> Result<(), RegistryError> {
        let mut connection = self.connection();
        // Closed before its file goes, so that nothing of it is written into another one.
        *connection = Connection::open_in_memory()?;
        let done = work(&self.path);
        *connection = open_or_make(&self.path)?;
        done
    }

    /// Whether the database at `other` holds the same rows. Reads both row by row, so that their size is no matter.
    ///
    /// # Errors
    /// [`RegistryError::Database`].
    pub fn is_same_as(&self, other: &Path) -> Result<bool, RegistryError> {
        self.beside(other, |connection| {
            for (table, order) in TABLES {
                let select = |of: &str| format!("SELECT * FROM {of}.{table} ORDER BY {order}");
                let (mut ours, mut theirs) =
                    (connection.prepare(&select("main"))?, connection.prepare(&select("other"))?);
                if ours.column_count() != theirs.column_count() {
                    return Ok(false);
                }
                let width = ours.column_count();
                let (mut ours, mut theirs) = (ours.query([])?, theirs.query([])?);
                loop {
                    match (ours.next()?, theirs.next()?) {
                        (None, None) => break,
                        (Some(one), Some(other)) => {
                            for column in 0..width {
                                if one.get_ref(column)? != other.get_ref(column)? {
                                    return Ok(false);
                                }
                            }
                        }
                        _ => return Ok(false),
                    }
                }
            }
            Ok(true)
        })
    }

    /// Lets `work` see the database at `path` under the name `other`.
    fn beside<T>(
        &self,
        path: &Path,
        work: impl FnOnce(&mut Connection) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let mut connection = self.connection();
        let name =
            path.to_str().ok_or_else(|| RegistryError::Damaged { what: format!("the path {}", path.display()) })?;
        connection.execute("ATTACH DATABASE ?1 AS other", [name])?;
        let done = work(&mut connection);
        connection.execute_batch("DETACH DATABASE other")?;
        done
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

pub(crate) fn canonical_text<T: Serialize>(value: &T) -> Result<String, RegistryError> {
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
            environment::unbind(connection, plugin_id, version)?;
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
        Decision::AddWitness(witness) => {
            connection.execute(
                "INSERT OR REPLACE INTO witnesses (name, content, added_at) VALUES (?1, ?2, ?3)",
                params![witness.name, canonical_text(witness)?, ts],
            )?;
        }
        Decision::RemoveWitness { name } => {
            connection.execute("DELETE FROM witnesses WHERE name = ?1", [name])?;
        }
        Decision::CreateToken(token) => {
            connection.execute(
                "INSERT OR REPLACE INTO tokens (name, content, created_at, revoked_at) VALUES (?1, ?2, ?3, NULL)",
                params![token.name.as_str(), canonical_text(token)?, ts],
            )?;
        }
        Decision::RevokeToken { name } => {
            connection.execute("UPDATE tokens SET revoked_at = ?2 WHERE name = ?1", params![name.as_str(), ts])?;
        }
        Decision::BindEnvironment(bound) => environment::bind(connection, bound, ts)?,
        Decision::TakeConformance(taken) => conformance::take(connection, taken, ts)?,
        // What they decided is seen elsewhere: in the ledger's own files, in the salts that are gone, in what was built.
        Decision::RotateLogKey { .. }
        | Decision::Archive { .. }
        | Decision::ForgetEvidence { .. }
        | Decision::AllowBuild(_) => {}
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
    let forget_rejection = "DELETE FROM plugins WHERE package_digest = ?1 AND status = 'rejected'";
    connection.prepare_cached(forget_rejection)?.execute([package.package_digest.to_string()])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO plugins (plugin_id, version_key, package_digest, version, status, name, capabilities,
            registered_at, lane, determinism, api_version, key_id, manifest_hash, rejection)
         VALUES (?1, ?2, ?3, ?4, 'registered', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, NULL)",
    )?;
    insert.execute(params![
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
    ])?;
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

#[cfg(test)]
pub(crate) mod tests {
    use omega_contract::manifest::DeterminismMode;
    use omega_contract::plugin_info::LaneKind;
    use omega_contract::{Capability, KeyId, Sha256Hex};

    use super::*;

    pub(crate) fn open() -> (tempfile::TempDir, Registry) {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(&folder.path().join("registry.sqlite")).unwrap();
        (folder, registry)
    }

    /// Puts a row in as a REGISTER event would.
    pub(crate) fn registered(connection: &Connection, plugin_id: &str, version: &Version) {
        let package = RegisteredPackage {
            plugin_id: plugin_id.parse().unwrap(),
            version: version.clone(),
            name: plugin_id.to_owned(),
            capabilities: vec![Capability::ReadText],
            lane: LaneKind::Wasm,
            determinism: DeterminismMode::Deterministic,
            api_version: Version::new(1, 0, 0),
            key_id: KeyId(Sha256Hex::of(b"k")),
            manifest_hash: Sha256Hex::of(b"manifest"),
            package_digest: Sha256Hex::of(format!("{plugin_id}@{version}").as_bytes()),
        };
        insert_registered(connection, &package, "2026-01-01T00:00:00.000000Z").unwrap();
    }
}
