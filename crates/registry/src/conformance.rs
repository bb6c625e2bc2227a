//! Which conformance report a package came with.

use omega_contract::{CheckId, KeyId, PluginId, Sha256Hex, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::error::RegistryError;
use crate::projection::{Registry, canonical_text};

/// A report that was taken: verified against the keys that were trusted then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakenConformance {
    /// Whose.
    pub plugin_id: PluginId,
    /// Of which version.
    pub version: Version,
    /// Of which package.
    pub package_digest: Sha256Hex,
    /// Of the report's own bytes.
    pub report_sha256: Sha256Hex,
    /// Who signed it.
    pub key_id: KeyId,
    /// Whether all ten checks passed.
    pub passed: bool,
    /// Those that did not.
    pub failed: Vec<CheckId>,
    /// When the checks were made, as the report says.
    pub checked_at: Timestamp,
    /// The version of the gateway that made them, as the report says.
    pub gateway_version: String,
}

impl Registry {
    /// The report of a package, where one was taken.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn conformance(&self, package_digest: &Sha256Hex) -> Result<Option<TakenConformance>, RegistryError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT content FROM conformance WHERE package_digest = ?1")?;
        let content: Option<String> = statement.query_row([package_digest.to_string()], |row| row.get(0)).optional()?;
        let read = |cell: String| {
            serde_json::from_str(&cell).map_err(|cause| RegistryError::Damaged { what: format!("{cell:?}: {cause}") })
        };
        content.map(read).transpose()
    }
}

/// The package's report; one that it had before is replaced.
pub(crate) fn take(connection: &Connection, taken: &TakenConformance, ts: &str) -> Result<(), RegistryError> {
    connection.execute(
        "INSERT OR REPLACE INTO conformance (package_digest, content, taken_at) VALUES (?1, ?2, ?3)",
        params![taken.package_digest.to_string(), canonical_text(taken)?, ts],
    )?;
    Ok(())
}
