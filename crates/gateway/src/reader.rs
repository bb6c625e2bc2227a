//! Looking at a home without holding it: no lock, no lane, no runtime.

use omega_broker::{Brokers, StoreLimits};
use omega_contract::capability::CapabilityApi;
use omega_contract::manifest::MANIFEST_FILE;
use omega_contract::plugin_info::PluginStatus;
use omega_contract::{Capability, CapabilitySet, ErrorCode, Manifest, PluginRef};
use omega_ledger::LedgerReader;
use omega_registry::{
    GrantRow, GrantState, PackageStore, Page, PluginFilter, PluginRow, Registry, TakenConformance, TrustRow,
};
use omega_validator::{DependencyLock, Grants, PackageFiles, check_manifest, effective_capabilities};
use semver::Version;

use crate::environment::LockedDependencies;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::home::{Ceilings, Home};

/// What a home holds, seen from beside its writer.
pub struct HomeReader {
    pub(crate) home: Home,
    pub(crate) registry: Registry,
    pub(crate) ledger: LedgerReader,
}

/// All that is known of one plugin.
#[derive(Debug, Clone)]
pub struct PluginDetails {
    /// The version that was asked for, else the enabled one, else the highest; or the newest rejection.
    pub row: PluginRow,
    /// Its manifest; none for a rejected package.
    pub manifest: Option<Manifest>,
    /// What the operator decided on the id, all major versions.
    pub grants: Vec<GrantRow>,
    /// Request ∩ grant ∩ ceiling, as a call would have it now.
    pub effective_capabilities: CapabilitySet,
    /// What its package locks, and what that was built into; none where it locks nothing.
    pub dependencies: Option<LockedDependencies>,
    /// The conformance report that was taken of its package.
    pub conformance: Option<TakenConformance>,
    /// Every admitted version, oldest first.
    pub versions: Vec<(Version, PluginStatus)>,
}

impl HomeReader {
    /// Opens a home for reading.
    ///
    /// # Errors
    /// `home_invalid` where nothing was ever opened there, `io`.
    pub fn open(home: &Home) -> Result<Self, GatewayError> {
        let never_opened = |what: String| {
            GatewayError::new(
                ErrorCode::HomeInvalid,
                format!("{what}; `omega init` finishes a home by opening it once"),
            )
        };
        let registry = Registry::open_read_only(&home.registry_file()).map_err(|e| never_opened(e.to_string()))?;
        let ledger = LedgerReader::open(&home.ledger_dir())?;
        Ok(Self { home: home.clone(), registry, ledger })
    }

    /// The home that is looked at.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// A page of the plugins, rejected packages among them.
    ///
    /// # Errors
    /// Where the registry's database cannot be read.
    pub fn list_plugins(&self, filter: &PluginFilter, page: &Page) -> Result<Vec<PluginRow>, GatewayError> {
        Ok(self.registry.list(filter, page)?)
    }

    /// All that is known of a plugin.
    ///
    /// # Errors
    /// `plugin_unknown`; `package_digest_mismatch` where the store was changed; `config_invalid`.
    pub fn plugin_details(&self, reference: &PluginRef) -> Result<PluginDetails, GatewayError> {
        let store = PackageStore::open(&self.home.store_dir())?;
        let config = self.home.config().map_err(crate::home::HomeError::from)?;
        details_of(&self.registry, &store, &config.ceilings, reference)
    }

    /// Every key that is or was trusted.
    ///
    /// # Errors
    /// Where the registry's database cannot be read.
    pub fn trust(&self) -> Result<Vec<TrustRow>, GatewayError> {
        Ok(self.registry.trust()?)
    }

    /// The artifacts and datasets, to be read: nothing is made and nothing removed.
    pub fn brokers(&self) -> Brokers {
        Brokers::open_beside(self.home.path(), StoreLimits::default())
    }

    /// The ledger: events, runs, statistics.
    pub fn ledger(&self) -> &LedgerReader {
        &self.ledger
    }
}

impl Gateway {
    /// All that is known of a plugin, by the configuration in force.
    ///
    /// # Errors
    /// `plugin_unknown`; `package_digest_mismatch` where the store was changed; where the registry cannot be read.
    pub fn plugin_details(&self, reference: &PluginRef) -> Result<PluginDetails, GatewayError> {
        let inner = &self.inner;
        inner.journal.settle()?;
        details_of(&inner.journal.registry, &inner.directory.store, &inner.config.ceilings, reference)
    }
}

fn details_of(
    registry: &Registry,
    store: &PackageStore,
    ceilings: &Ceilings,
    reference: &PluginRef,
) -> Result<PluginDetails, GatewayError> {
    let rows = registry.versions(&reference.plugin_id)?;
    let versions = rows.iter().map(|row| (row.info.version.clone(), row.info.status)).collect();
    let Some(row) = choose(registry, reference, rows)? else {
        return Err(GatewayError::new(ErrorCode::PluginUnknown, format!("{reference} is not registered")));
    };
    let (manifest, lock) = manifest_of(store, &row)?;
    let dependencies = match lock {
        Some(lock) => {
            let bound = registry.environment(&row.info.package_digest)?;
            let environment = bound.filter(|bound| bound.lock_sha256 == lock.sha256);
            Some(LockedDependencies { lock, environment })
        }
        None => None,
    };
    let grants = registry.grants(&reference.plugin_id)?;
    let conformance = registry.conformance(&row.info.package_digest)?;
    let effective_capabilities =
        manifest.as_ref().map(|manifest| effective(manifest, &grants, ceilings)).unwrap_or_default();
    Ok(PluginDetails { row, manifest, grants, effective_capabilities, dependencies, conformance, versions })
}

fn choose(registry: &Registry, reference: &PluginRef, rows: Vec<PluginRow>) -> Result<Option<PluginRow>, GatewayError> {
    let meant = |row: &PluginRow| reference.version.as_ref().is_none_or(|version| row.info.version == *version);
    let mut candidates: Vec<PluginRow> = rows.into_iter().filter(meant).collect();
    if let Some(enabled) = candidates.iter().position(|row| row.info.status == PluginStatus::Enabled) {
        return Ok(Some(candidates.swap_remove(enabled)));
    }
    if let Some(highest) = candidates.pop() {
        return Ok(Some(highest));
    }
    Ok(registry.rejected(&reference.plugin_id)?.into_iter().find(meant))
}

fn manifest_of(
    store: &PackageStore,
    row: &PluginRow,
) -> Result<(Option<Manifest>, Option<DependencyLock>), GatewayError> {
    if row.info.status == PluginStatus::Rejected {
        return Ok((None, None));
    }
    let files = PackageFiles::new(store.load(&row.info.package_digest)?)
        .map_err(|e| GatewayError::new(ErrorCode::PackageInvalid, e.to_string()))?;
    let manifest = files.get(MANIFEST_FILE).and_then(|bytes| check_manifest(bytes).manifest);
    let lock = manifest.as_ref().and_then(|manifest| DependencyLock::of_entry(&files, &manifest.entrypoint).ok()?);
    Ok((manifest, lock))
}

/// Request ∩ grant ∩ ceiling (INV-PNP-06), with the default grants of `omega.toml` laid under the
/// operator's decisions on this plugin.
pub(crate) fn effective(manifest: &Manifest, rows: &[GrantRow], ceilings: &Ceilings) -> CapabilitySet {
    let mut grants = Grants::default();
    for row in rows.iter().filter(|row| row.major_version == manifest.version.major) {
        match row.state {
            GrantState::Granted => grants.granted.insert(row.capability),
            GrantState::Revoked => grants.revoked.insert(row.capability),
        };
    }
    let withheld = |capability: &Capability| {
        capability.since() == CapabilityApi::V1_0
            && !ceilings.default_grants.contains(capability)
            && !grants.granted.contains(capability)
    };
    let withheld: Vec<Capability> = Capability::ALL.iter().copied().filter(withheld).collect();
    grants.revoked.extend(withheld);
    let ceiling: CapabilitySet = ceilings.capabilities.iter().copied().collect();
    effective_capabilities(&manifest.capabilities, &grants, &ceiling)
}
