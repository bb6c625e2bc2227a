//! Which environment a version's dependencies were built into.

use omega_contract::{PluginId, Sha256Hex};
use rusqlite::{Connection, OptionalExtension as _, params};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::error::RegistryError;
use crate::projection::{Registry, canonical_text};
use crate::version_key::version_key;

/// An environment that was built for a version of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundEnvironment {
    /// Whose.
    pub plugin_id: PluginId,
    /// Of which version.
    pub version: Version,
    /// Of which package.
    pub package_digest: Sha256Hex,
    /// The lock's file name.
    pub lock_file: String,
    /// Of the lock's bytes.
    pub lock_sha256: Sha256Hex,
    /// `hash({path: sha256})` of what was built.
    pub env_digest: Sha256Hex,
    /// Whether it holds machine code.
    pub has_native_code: bool,
    /// How many files.
    pub files: u64,
    /// How many bytes.
    pub bytes: u64,
    /// What it was built for: implementation, version, platform and ABI, such as
    /// `cpython 3.11 linux-x86_64 cpython-311-x86_64-linux-gnu`.
    pub interpreter: String,
    /// The interpreter's full version.
    pub interpreter_version: String,
    /// What built it, such as `pip 23.2.1`.
    pub tool: String,
    /// Whether source releases were allowed to run their own code while they were built.
    pub builds_allowed: bool,
}

/// The operator allows a package's dependencies to be built from sources: their code runs with the gateway's rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedBuild {
    /// Whose.
    pub plugin_id: PluginId,
    /// Of which version.
    pub version: Version,
    /// Of which package.
    pub package_digest: Sha256Hex,
    /// Of which lock.
    pub lock_sha256: Sha256Hex,
}

impl Registry {
    /// The environment of a package, where one was built.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn environment(&self, package_digest: &Sha256Hex) -> Result<Option<BoundEnvironment>, RegistryError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT content FROM environments WHERE package_digest = ?1")?;
        let content: Option<String> = statement.query_row([package_digest.to_string()], |row| row.get(0)).optional()?;
        content.as_deref().map(read).transpose()
    }

    /// Every environment that a registered version has.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn environments(&self) -> Result<Vec<BoundEnvironment>, RegistryError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT content FROM environments ORDER BY package_digest")?;
        let mut rows = statement.query([])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            list.push(read(&row.get::<_, String>(0)?)?);
        }
        Ok(list)
    }
}

fn read(cell: &str) -> Result<BoundEnvironment, RegistryError> {
    serde_json::from_str(cell).map_err(|cause| RegistryError::Damaged { what: format!("{cell:?}: {cause}") })
}

/// The package's environment; one that it had before is replaced.
pub(crate) fn bind(connection: &Connection, bound: &BoundEnvironment, ts: &str) -> Result<(), RegistryError> {
    connection.execute(
        "INSERT OR REPLACE INTO environments (package_digest, plugin_id, version_key, content, bound_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            bound.package_digest.to_string(),
            bound.plugin_id.as_str(),
            version_key(&bound.version),
            canonical_text(bound)?,
            ts
        ],
    )?;
    Ok(())
}

/// A version that is forgotten has none.
pub(crate) fn unbind(connection: &Connection, plugin_id: &PluginId, version: &Version) -> Result<(), RegistryError> {
    connection.execute(
        "DELETE FROM environments WHERE plugin_id = ?1 AND version_key = ?2",
        params![plugin_id.as_str(), version_key(version)],
    )?;
    Ok(())
}
