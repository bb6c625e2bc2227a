//! What a person decides and maintains (spec page 1). Every change is a journalled decision.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use omega_broker::{ArtifactStore, DatasetStore};
use omega_contract::plugin_info::{LaneKind, PluginStatus};
use omega_contract::ports::{LaneDescription, LaneRefusal};
use omega_contract::{Capability, ErrorCode, Event, Grant, KeyId, PluginId, PluginInfo, TrustedKey};
use omega_proof::key::PublicKey;
use omega_registry::{Decision, Registry, discard as discard_database};
use semver::Version;

use crate::error::GatewayError;
use crate::gateway::Gateway;

/// Globs of one trust entry.
const TRUST_GLOBS_MAX: usize = 64;
/// Characters of a label or glob.
const TRUST_TEXT_CHARS_MAX: usize = 128;

/// What a person decides and maintains: keys, trust, grants, removal, rebuilding.
#[derive(Clone)]
pub struct Admin {
    pub(crate) gateway: Gateway,
}

/// What a rebuild of the registry found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RebuildReport {
    /// Lifecycle events that were read.
    pub events_read: u64,
    /// Whether the database that was there said the same.
    pub identical: bool,
}

impl Admin {
    /// Approves a signing key (SPKI PEM): the human decision behind every admission. `plugins` are globs of
    /// the ids that it may sign (`*` stands for any text; none: every id); `max_capabilities` bounds what
    /// its plugins may ask for.
    ///
    /// # Errors
    /// `key_invalid`, `request_invalid` for unusable bounds, `ledger_unavailable`.
    pub async fn trust_key(
        &self,
        public_key_pem: &str,
        label: &str,
        plugins: Vec<String>,
        max_capabilities: Option<Vec<Capability>>,
    ) -> Result<TrustedKey, GatewayError> {
        let key = PublicKey::from_pem(public_key_pem).map_err(|e| GatewayError::new(e.code(), e.to_string()))?;
        let too_long = |text: &str| text.chars().count() > TRUST_TEXT_CHARS_MAX;
        if plugins.len() > TRUST_GLOBS_MAX || plugins.iter().any(|glob| too_long(glob)) || too_long(label) {
            return Err(GatewayError::new(
                ErrorCode::RequestInvalid,
                format!("at most {TRUST_GLOBS_MAX} globs and {TRUST_TEXT_CHARS_MAX} characters for each text"),
            ));
        }
        let trusted = TrustedKey {
            key_id: key.key_id(),
            public_key_pem: key.to_pem(),
            label: label.to_owned(),
            plugins,
            max_capabilities,
        };
        let _turn = self.gateway.inner.journal.turn().await?;
        self.gateway.inner.journal.decide(&self.gateway.caller, &Decision::Trust(trusted.clone())).await?;
        Ok(trusted)
    }

    /// Takes a key's approval back and disables what it signed; gives the plugins that were disabled. Old
    /// proofs stay verifiable.
    ///
    /// # Errors
    /// `key_untrusted` where the key is not trusted, `ledger_unavailable`.
    pub async fn revoke_key(&self, key_id: &KeyId) -> Result<Vec<PluginInfo>, GatewayError> {
        let inner = &self.gateway.inner;
        let _turn = inner.journal.turn().await?;
        if !inner.journal.registry.trusted_keys()?.iter().any(|key| key.key_id == *key_id) {
            return Err(GatewayError::new(ErrorCode::KeyUntrusted, format!("{key_id} is not a trusted key")));
        }
        let signed = inner.journal.registry.signed_by(key_id)?;
        inner.journal.decide(&self.gateway.caller, &Decision::RevokeKey { key_id: *key_id }).await?;
        // At once, and not only as each is disabled below: loading asks for the trust of now.
        for row in &signed {
            inner.directory.forget(&row.info.plugin_id);
        }
        let mut disabled = Vec::new();
        for row in signed {
            if row.info.status == PluginStatus::Enabled {
                let (plugin_id, version) = (row.info.plugin_id.clone(), row.info.version.clone());
                inner.journal.decide(&self.gateway.caller, &Decision::Disable { plugin_id, version }).await?;
                inner.directory.forget(&row.info.plugin_id);
                disabled.push(self.gateway.info_of(&row.info.package_digest)?);
            }
        }
        Ok(disabled)
    }

    /// Grants one capability to one plugin and major version. In force from the next call on.
    ///
    /// # Errors
    /// `capability_denied` above the ceiling, for a folder inside a protected path, or for an `fs_write`
    /// folder that overlaps another plugin's; `plugin_unknown`; `request_invalid`; `ledger_unavailable`.
    pub async fn grant(&self, grant: Grant) -> Result<(), GatewayError> {
        let inner = &self.gateway.inner;
        let _turn = inner.journal.turn().await?;
        self.known(&grant.plugin_id)?;
        if !inner.config.ceilings.capabilities.contains(&grant.capability) {
            return Err(GatewayError::new(
                ErrorCode::CapabilityDenied,
                format!("`{}` is above the ceiling in omega.toml", grant.capability),
            ));
        }
        self.check_folders(&grant)?;
        let plugin_id = grant.plugin_id.clone();
        inner.journal.decide(&self.gateway.caller, &Decision::Grant(grant)).await?;
        inner.directory.forget(&plugin_id);
        Ok(())
    }

    /// Takes one capability back, a default one too. In force from the next call on.
    ///
    /// # Errors
    /// `plugin_unknown`, `ledger_unavailable`.
    pub async fn revoke_grant(
        &self,
        plugin_id: &PluginId,
        major_version: u64,
        capability: Capability,
    ) -> Result<(), GatewayError> {
        let inner = &self.gateway.inner;
        let _turn = inner.journal.turn().await?;
        self.known(plugin_id)?;
        let decision = Decision::RevokeGrant { plugin_id: plugin_id.clone(), major_version, capability };
        inner.journal.decide(&self.gateway.caller, &decision).await?;
        inner.directory.forget(plugin_id);
        Ok(())
    }

    /// Forgets a version; without one, the highest. It must not be enabled. Its events and its files by
    /// digest stay, so that evidence can still be checked.
    ///
    /// # Errors
    /// `plugin_unknown`, `plugin_rejected`; `request_invalid` where it is enabled; `ledger_unavailable`.
    pub async fn remove_plugin(
        &self,
        plugin_id: &PluginId,
        version: Option<&Version>,
    ) -> Result<PluginInfo, GatewayError> {
        let inner = &self.gateway.inner;
        let _turn = inner.journal.turn().await?;
        let info = self.gateway.admitted_row(plugin_id, version)?.info;
        if info.status == PluginStatus::Enabled {
            return Err(GatewayError::new(
                ErrorCode::RequestInvalid,
                format!("{plugin_id}@{} is enabled; disable it first", info.version),
            ));
        }
        let decision = Decision::Remove { plugin_id: plugin_id.clone(), version: info.version.clone() };
        inner.journal.decide(&self.gateway.caller, &decision).await?;
        self.gateway.sweep_environments().await?;
        Ok(info)
    }

    /// Makes the registry's database anew from the ledger, compares it with the one that was there and
    /// takes its place.
    ///
    /// # Errors
    /// `ledger_corrupt`, `io`; the old database stays then.
    pub async fn rebuild_registry(&self) -> Result<RebuildReport, GatewayError> {
        let inner = &self.gateway.inner;
        let _turn = inner.journal.turn_unsettled().await;
        let scratch = inner.home.path().join("registry.rebuild.sqlite");
        discard_database(&scratch)?;
        let rebuilt = Registry::open(&scratch)?;
        let events_read = inner.journal.bring_forward(&rebuilt)?;
        drop(rebuilt);
        let registry = &inner.journal.registry;
        // One that cannot even be read is another one.
        let identical = registry.is_same_as(&scratch).unwrap_or(false);
        if !identical {
            registry.replace_by(&scratch)?;
            inner.directory.forget_all();
            inner.journal.tokens.forget();
        }
        discard_database(&scratch)?;
        Ok(RebuildReport { events_read, identical })
    }

    /// Events of the ledger, those just recorded among them.
    ///
    /// # Errors
    /// `ledger_corrupt`, `io`.
    pub fn events(&self, query: &omega_ledger::Query) -> Result<omega_ledger::Page, GatewayError> {
        Ok(self.gateway.inner.ledger.query(query)?)
    }

    /// The event at this index.
    ///
    /// # Errors
    /// `not_found` past the end, `ledger_corrupt`, `io`.
    pub fn event(&self, index: u64) -> Result<Event, GatewayError> {
        let found = self.gateway.inner.ledger.event(index)?;
        found
            .map(|placed| placed.event)
            .ok_or_else(|| GatewayError::new(ErrorCode::NotFound, format!("the ledger has no event {index}")))
    }

    /// What each lane enforces on this machine, or why it cannot run.
    pub fn lanes(&self) -> Vec<(LaneKind, Result<LaneDescription, LaneRefusal>)> {
        self.gateway.inner.directory.lanes.describe()
    }

    /// What recovery found and did when the home was opened.
    pub fn opening(&self) -> &omega_ledger::OpenReport {
        self.gateway.inner.ledger.opening()
    }

    /// The artifacts that `binary_ref` payloads name.
    pub fn artifacts(&self) -> &Arc<ArtifactStore> {
        self.gateway.inner.services.brokers.artifacts()
    }

    /// The datasets that `dataset_slice` payloads name.
    pub fn datasets(&self) -> &Arc<DatasetStore> {
        self.gateway.inner.services.brokers.datasets()
    }

    fn known(&self, plugin_id: &PluginId) -> Result<(), GatewayError> {
        self.gateway.admitted_row(plugin_id, None).map(|_| ())
    }

    /// The folder that an `fs_*` grant names: outside every protected path (INV-PNP-02), and for
    /// `fs_write` apart from every other plugin's (INV-PNP-08).
    fn check_folders(&self, grant: &Grant) -> Result<(), GatewayError> {
        if !matches!(grant.capability, Capability::FsRead | Capability::FsWrite) {
            return Ok(());
        }
        let inner = &self.gateway.inner;
        let folder = granted_folder(grant.params.get("folder"))?;
        let denied = |message: String| Err(GatewayError::new(ErrorCode::CapabilityDenied, message));
        self.gateway.check_outside_protected(&folder)?;
        if grant.capability == Capability::FsWrite {
            for (holder, held) in inner.journal.registry.holders(Capability::FsWrite)? {
                let other = granted_folder(held.params.get("folder"))?;
                if holder != grant.plugin_id && overlap(&folder, &other) {
                    return denied(format!("{} overlaps what {holder} may write to", folder.display()));
                }
            }
        }
        Ok(())
    }
}

impl Gateway {
    /// Refuses a folder that overlaps a protected path (INV-PNP-02).
    pub(crate) fn check_outside_protected(&self, folder: &Path) -> Result<(), GatewayError> {
        let folder = resolved(folder);
        for protected in &self.inner.config.protected_paths {
            if overlap(&folder, &resolved(protected)) {
                let message = format!("{} and the protected path {} overlap", folder.display(), protected.display());
                return Err(GatewayError::new(ErrorCode::CapabilityDenied, message));
            }
        }
        Ok(())
    }
}

fn granted_folder(param: Option<&serde_json::Value>) -> Result<PathBuf, GatewayError> {
    let text = param.and_then(serde_json::Value::as_str).map(Path::new).filter(|path| path.is_absolute());
    let folder = text.ok_or_else(|| {
        GatewayError::new(ErrorCode::RequestInvalid, "a file grant has a parameter `folder`, an absolute path")
    })?;
    Ok(resolved(folder))
}

/// The path without links as far as it exists, so that a link cannot hide where it leads.
fn resolved(path: &Path) -> PathBuf {
    let mut existing = path.to_owned();
    let mut rest = Vec::new();
    loop {
        if let Ok(canonical) = existing.canonicalize() {
            return rest.iter().rev().fold(canonical, |path, name| path.join(name));
        }
        match (existing.file_name().map(ToOwned::to_owned), existing.parent()) {
            (Some(name), Some(parent)) => {
                rest.push(name);
                existing = parent.to_owned();
            }
            _ => return path.to_owned(),
        }
    }
}

fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_overlap_where_one_holds_the_other() {
        let check = |one: &str, other: &str, expect: bool| {
            assert_eq!(overlap(Path::new(one), Path::new(other)), expect, "{one} {other}");
        };
        check("/a/b", "/a", true);
        check("/a", "/a/b", true);
        check("/a", "/a", true);
        check("/a/bc", "/a/b", false);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_does_not_hide_where_it_leads() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        std::fs::create_dir(&real).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let expect = real.canonicalize().unwrap().join("new/deep");
        assert_eq!(resolved(&link.join("new/deep")), expect);
    }
}
