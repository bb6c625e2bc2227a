//! Questions to the registry's database.

use std::str::FromStr;

use omega_contract::plugin_info::{LaneKind, PluginInfo, PluginStatus};
use omega_contract::{
    ApiToken, Capability, DeterminismMode, KeyId, PluginId, Sha256Hex, Timestamp, TrustedKey, Witness,
};
use rusqlite::{Connection, Row};
use semver::Version;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::decision::{GrantState, RejectedPackage};
use crate::error::RegistryError;
use crate::projection::Registry;

/// One registered version, or one rejected package.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginRow {
    /// What everybody is shown.
    pub info: PluginInfo,
    /// `hash(manifest)`, or `""` where the manifest was not readable.
    pub manifest_hash: String,
    /// The API version in use; none for a rejected package.
    pub api_version: Option<Version>,
    /// Why it was rejected, where it was.
    pub rejection: Option<RejectedPackage>,
}

/// One key that is or was trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustRow {
    /// The key and its bounds.
    pub key: TrustedKey,
    /// Since when.
    pub trusted_at: Timestamp,
    /// When it was revoked, where it was.
    pub revoked_at: Option<Timestamp>,
}

/// A token that is or was in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// The token and its bounds.
    pub token: ApiToken,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was taken back, where it was.
    pub revoked_at: Option<Timestamp>,
}

/// What the operator decided on one capability of one plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantRow {
    /// Of which major version.
    pub major_version: u64,
    /// Which capability.
    pub capability: Capability,
    /// Given or taken.
    pub state: GrantState,
    /// With which bounds.
    pub params: Map<String, Value>,
    /// When.
    pub decided_at: Timestamp,
}

/// What [`plugin_row`] reads, in its order.
pub(crate) const PLUGIN_COLUMNS: &str =
    "plugin_id, version, package_digest, status, name, capabilities, registered_at, lane,
    determinism, api_version, key_id, manifest_hash, rejection";

impl Registry {
    /// Every admitted version of an id, oldest version first.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn versions(&self, plugin_id: &PluginId) -> Result<Vec<PluginRow>, RegistryError> {
        self.select("plugin_id = ?1 AND status <> 'rejected' ORDER BY version_key", plugin_id.as_str())
    }

    /// The version of an id that takes calls.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn enabled(&self, plugin_id: &PluginId) -> Result<Option<PluginRow>, RegistryError> {
        Ok(self.select("plugin_id = ?1 AND status = 'enabled'", plugin_id.as_str())?.pop())
    }

    /// Every row of a package digest: the admitted version, or the rejection.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn of_digest(&self, package_digest: &Sha256Hex) -> Result<Option<PluginRow>, RegistryError> {
        Ok(self
            .select("package_digest = ?1 ORDER BY status = 'rejected'", &package_digest.to_string())?
            .into_iter()
            .next())
    }

    /// The rejected packages that claim this id, newest first.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn rejected(&self, plugin_id: &PluginId) -> Result<Vec<PluginRow>, RegistryError> {
        self.select("plugin_id = ?1 AND status = 'rejected' ORDER BY registered_at DESC", plugin_id.as_str())
    }

    /// Every admitted version that a key signed.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn signed_by(&self, key_id: &KeyId) -> Result<Vec<PluginRow>, RegistryError> {
        self.select("key_id = ?1 AND status <> 'rejected' ORDER BY plugin_id, version_key", &key_id.to_string())
    }

    fn select(&self, condition: &str, value: &str) -> Result<Vec<PluginRow>, RegistryError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached(&format!("SELECT {PLUGIN_COLUMNS} FROM plugins WHERE {condition}"))?;
        let mut rows = statement.query([value])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            list.push(plugin_row(row)?);
        }
        Ok(list)
    }

    /// Every key that is or was trusted, by id.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn trust(&self) -> Result<Vec<TrustRow>, RegistryError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT content, trusted_at, revoked_at FROM trust ORDER BY key_id")?;
        let mut rows = statement.query([])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            let revoked_at: Option<String> = row.get(2)?;
            list.push(TrustRow {
                key: json(&row.get::<_, String>(0)?)?,
                trusted_at: text(&row.get::<_, String>(1)?)?,
                revoked_at: revoked_at.as_deref().map(text).transpose()?,
            });
        }
        Ok(list)
    }

    /// Every token that is or was in force, by name.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn tokens(&self) -> Result<Vec<TokenRow>, RegistryError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT content, created_at, revoked_at FROM tokens ORDER BY name")?;
        let mut rows = statement.query([])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            let revoked_at: Option<String> = row.get(2)?;
            list.push(TokenRow {
                token: json(&row.get::<_, String>(0)?)?,
                created_at: text(&row.get::<_, String>(1)?)?,
                revoked_at: revoked_at.as_deref().map(text).transpose()?,
            });
        }
        Ok(list)
    }

    /// The witnesses of the log and since when each is one, by name.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn witnesses(&self) -> Result<Vec<(Witness, Timestamp)>, RegistryError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT content, added_at FROM witnesses ORDER BY name")?;
        let mut rows = statement.query([])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            list.push((json(&row.get::<_, String>(0)?)?, text(&row.get::<_, String>(1)?)?));
        }
        Ok(list)
    }

    /// The keys that may sign packages now.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn trusted_keys(&self) -> Result<Vec<TrustedKey>, RegistryError> {
        Ok(self.trust()?.into_iter().filter(|row| row.revoked_at.is_none()).map(|row| row.key).collect())
    }

    /// What the operator decided on an id, for every major version.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn grants(&self, plugin_id: &PluginId) -> Result<Vec<GrantRow>, RegistryError> {
        self.grants_where("plugin_id = ?1", plugin_id.as_str())
            .map(|rows| rows.into_iter().map(|(_, row)| row).collect())
    }

    /// Every plugin that holds a grant of this capability.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn holders(&self, capability: Capability) -> Result<Vec<(PluginId, GrantRow)>, RegistryError> {
        self.grants_where("capability = ?1 AND state = 'granted'", capability.as_str())
    }

    fn grants_where(&self, condition: &str, value: &str) -> Result<Vec<(PluginId, GrantRow)>, RegistryError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(&format!(
            "SELECT plugin_id, major_version, capability, state, params, decided_at FROM grants
             WHERE {condition} ORDER BY plugin_id, major_version, capability"
        ))?;
        let mut rows = statement.query([value])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            let state = match row.get::<_, String>(3)?.as_str() {
                "granted" => GrantState::Granted,
                "revoked" => GrantState::Revoked,
                other => return Err(damaged(other)),
            };
            let major: i64 = row.get(1)?;
            let grant = GrantRow {
                major_version: u64::try_from(major).map_err(|_| damaged("a negative major version"))?,
                capability: text(&row.get::<_, String>(2)?)?,
                state,
                params: json(&row.get::<_, String>(4)?)?,
                decided_at: text(&row.get::<_, String>(5)?)?,
            };
            list.push((text(&row.get::<_, String>(0)?)?, grant));
        }
        Ok(list)
    }

    /// The ceilings and defaults that were journalled last, as canonical JSON.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn effective_policy(&self) -> Result<Option<String>, RegistryError> {
        let connection = self.connection();
        optional_text(&connection, "SELECT value FROM facts WHERE name = 'effective_policy'")
    }

    /// How many rows there are, by status, in the order of the statuses' names.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn count_by_status(&self) -> Result<Vec<(PluginStatus, u64)>, RegistryError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT status, count(*) FROM plugins GROUP BY status ORDER BY status")?;
        let mut rows = statement.query([])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            let count: i64 = row.get(1)?;
            list.push((status(&row.get::<_, String>(0)?)?, count.unsigned_abs()));
        }
        Ok(list)
    }
}

fn optional_text(connection: &Connection, query: &str) -> Result<Option<String>, RegistryError> {
    use rusqlite::OptionalExtension as _;
    Ok(connection.query_row(query, [], |row| row.get(0)).optional()?)
}

fn damaged(what: impl Into<String>) -> RegistryError {
    RegistryError::Damaged { what: what.into() }
}

fn text<T: FromStr>(cell: &str) -> Result<T, RegistryError> {
    cell.parse().map_err(|_| damaged(format!("{cell:?}")))
}

fn json<T: DeserializeOwned>(cell: &str) -> Result<T, RegistryError> {
    serde_json::from_str(cell).map_err(|cause| damaged(format!("{cell:?}: {cause}")))
}

/// A cell that holds an enum's written name.
fn word<T: DeserializeOwned>(cell: String) -> Result<T, RegistryError> {
    serde_json::from_value(Value::String(cell)).map_err(|cause| damaged(cause.to_string()))
}

fn status(cell: &str) -> Result<PluginStatus, RegistryError> {
    word(cell.to_owned())
}

pub(crate) fn plugin_row(row: &Row<'_>) -> Result<PluginRow, RegistryError> {
    let status = status(&row.get::<_, String>(3)?)?;
    let rejection: Option<String> = row.get(12)?;
    let rejection: Option<RejectedPackage> = rejection.as_deref().map(json).transpose()?;
    let api_version: Option<String> = row.get(9)?;
    let key_id: Option<String> = row.get(10)?;
    let lane: Option<LaneKind> = row.get::<_, Option<String>>(7)?.map(word).transpose()?;
    let determinism: Option<DeterminismMode> = row.get::<_, Option<String>>(8)?.map(word).transpose()?;
    Ok(PluginRow {
        info: PluginInfo {
            plugin_id: text(&row.get::<_, String>(0)?)?,
            name: row.get(4)?,
            version: text(&row.get::<_, String>(1)?)?,
            status,
            capabilities: json(&row.get::<_, String>(5)?)?,
            registered_at: text(&row.get::<_, String>(6)?)?,
            signature_valid: status != PluginStatus::Rejected,
            lane,
            determinism,
            key_id: key_id.as_deref().map(text).transpose()?,
            package_digest: text(&row.get::<_, String>(2)?)?,
        },
        manifest_hash: row.get(11)?,
        api_version: api_version.as_deref().map(text).transpose()?,
        rejection,
    })
}
