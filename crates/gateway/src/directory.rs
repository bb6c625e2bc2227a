//! Plugins that are ready to be called: loaded once, verified again, kept until something about them
//! changes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use omega_contract::manifest::Entrypoint;
use omega_contract::plugin_info::{LaneKind, PluginStatus};
use omega_contract::ports::{LaneLimits, LaneProgram};
use omega_contract::{CapabilitySet, ErrorCode, Manifest, PluginId, Sha256Hex, Timestamp};
use omega_environments::EnvironmentStore;
use omega_registry::{PackageStore, PluginRow, Registry};
use omega_router::{BreakerPolicy, LaneFacts, Refused, Target};
use omega_validator::{Package, PackageFiles, Unverified, Verified, verify_package};

use crate::environment::InEnvironment;
use crate::home::Config;
use crate::lanes::Lanes;
use crate::loads::Loads;
use crate::reader::effective;

/// Plugins that are kept ready; the one that was not called for longest goes first.
pub const READY_PLUGINS_MAX: usize = 512;
/// Bytes of the plugins that are kept ready: of their packages' code and of what their lanes keep. The one in use is kept whatever
/// it has. One with an interpreter has some 75 MB, another component less than one.
pub const READY_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Calls that a guest may make to its host in one attempt.
const HOST_CALLS_MAX: u64 = 100_000;
/// Bytes that are kept of a guest's log, standard output and standard error, each.
const LOG_BYTES_MAX: u64 = 64 * 1024;

/// Finds and loads plugins.
pub(crate) struct Directory {
    pub(crate) registry: Arc<Registry>,
    pub(crate) store: PackageStore,
    pub(crate) environments: EnvironmentStore,
    pub(crate) lanes: Lanes,
    pub(crate) config: Config,
    ready: RwLock<HashMap<PluginId, Ready>>,
    /// Counts changes, so that what was loaded before a change is not kept after it.
    generation: AtomicU64,
    /// Counts finds, for the order of last use.
    finds: AtomicU64,
    loads: Loads<Result<(), Refused>>,
}

struct Ready {
    target: Arc<Target>,
    kept_bytes: u64,
    last_find: AtomicU64,
}

impl Directory {
    pub(crate) fn new(
        registry: Arc<Registry>,
        store: PackageStore,
        environments: EnvironmentStore,
        lanes: Lanes,
        config: Config,
    ) -> Self {
        Self {
            registry,
            store,
            environments,
            lanes,
            config,
            ready: RwLock::default(),
            generation: AtomicU64::new(0),
            finds: AtomicU64::new(0),
            loads: Loads::default(),
        }
    }

    /// The enabled version of a plugin, ready to run. Callers that come while it is loaded wait for the
    /// same load, which goes on if they leave.
    pub(crate) async fn find(self: &Arc<Self>, plugin_id: &PluginId) -> Result<Arc<Target>, Refused> {
        loop {
            if let Some(target) = self.peek(plugin_id) {
                return Ok(target);
            }
            // What cannot be called is refused here, without a task.
            self.enabled_row(plugin_id)?;
            let (directory, id) = (Arc::clone(self), plugin_id.clone());
            let load = || async move { directory.load_enabled(&id).await };
            // Who waited looks again: what was loaded may be disabled by now.
            self.loads.join(plugin_id, load).await.unwrap_or_else(|| Err(ended_early(&"it panicked")))?;
        }
    }

    /// Makes the enabled version ready.
    async fn load_enabled(self: &Arc<Self>, plugin_id: &PluginId) -> Result<(), Refused> {
        loop {
            if self.peek(plugin_id).is_some() {
                return Ok(());
            }
            let generation = self.generation.load(Ordering::Acquire);
            let row = self.enabled_row(plugin_id)?;
            let target = self.load(row).await?;
            let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
            // Something changed while it was loaded (disabled, a key revoked): look again.
            if self.generation.load(Ordering::Acquire) == generation {
                self.keep(&mut ready, plugin_id, target);
                return Ok(());
            }
        }
    }

    /// Plugins that are kept ready.
    pub(crate) fn ready_count(&self) -> usize {
        self.ready.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn keep(&self, ready: &mut HashMap<PluginId, Ready>, plugin_id: &PluginId, target: Arc<Target>) {
        let code_bytes = target.package.code().map_or(0, |code| code.len() as u64);
        let kept_bytes = code_bytes.saturating_add(target.program.kept_bytes());
        let last_find = AtomicU64::new(self.finds.fetch_add(1, Ordering::Relaxed));
        let uses = ready.iter().map(|(id, it)| (it.last_find.load(Ordering::Relaxed), it.kept_bytes, id.clone()));
        for gone in evicted(uses.collect(), READY_PLUGINS_MAX - 1, READY_BYTES_MAX.saturating_sub(kept_bytes)) {
            ready.remove(&gone);
        }
        ready.insert(plugin_id.clone(), Ready { target, kept_bytes, last_find });
    }

    fn peek(&self, plugin_id: &PluginId) -> Option<Arc<Target>> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        let found = ready.get(plugin_id)?;
        found.last_find.store(self.finds.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Some(Arc::clone(&found.target))
    }

    fn enabled_row(&self, plugin_id: &PluginId) -> Result<PluginRow, Refused> {
        if let Some(row) = self.registry.enabled(plugin_id).map_err(refused_by_registry)? {
            return Ok(row);
        }
        let code = if !self.registry.versions(plugin_id).map_err(refused_by_registry)?.is_empty() {
            ErrorCode::PluginNotEnabled
        } else if !self.registry.rejected(plugin_id).map_err(refused_by_registry)?.is_empty() {
            ErrorCode::PluginRejected
        } else {
            ErrorCode::PluginUnknown
        };
        Err(Refused::new(code, format!("{plugin_id}: {}", code.sentence())))
    }

    /// Loads one admitted version: reads it by digest, verifies it again with the keys that are trusted
    /// now, and makes it ready in its lane.
    pub(crate) async fn load(self: &Arc<Self>, row: PluginRow) -> Result<Arc<Target>, Refused> {
        if row.info.status == PluginStatus::Rejected {
            return Err(Refused::new(ErrorCode::PluginRejected, "a rejected package is never loaded"));
        }
        self.load_package(row.info.package_digest).await
    }

    /// As [`Directory::load`], of the package of this digest, which the ledger names: whether it is enabled,
    /// disabled or removed now. The keys that are trusted now must still allow it.
    pub(crate) async fn load_package(self: &Arc<Self>, package_digest: Sha256Hex) -> Result<Arc<Target>, Refused> {
        let directory = Arc::clone(self);
        tokio::task::spawn_blocking(move || directory.load_blocking(&package_digest))
            .await
            .map_err(|error| ended_early(&error))?
    }

    fn load_blocking(&self, package_digest: &Sha256Hex) -> Result<Arc<Target>, Refused> {
        let package = Arc::new(self.verified_package(package_digest)?);
        let environment = self.environment(&package)?;
        let manifest = package.manifest();
        let capabilities = self.effective_capabilities(manifest)?;
        let lane_kind = manifest
            .entrypoint
            .lane()
            .ok_or_else(|| Refused::new(ErrorCode::LaneUnavailable, "the entry file's ending names no lane"))?;
        let lane = self.lanes.get(lane_kind)?;
        let (environment, held) = environment.map(|found| (found.environment, found.held)).unzip();
        let program = LaneProgram { environment, ..self.program(&package, capabilities.clone()) };
        let ready = lane.prepare(&program).map_err(|refusal| Refused::new(refusal.code, refusal.detail))?;
        let ready = match held {
            Some(held) => Arc::new(InEnvironment { program: ready, _held: held }),
            None => ready,
        };
        let description = lane.describe_for(&program);
        let facts = LaneFacts {
            kind: lane_kind,
            engine: description.engine,
            determinism: description.determinism,
            layers: description.layers.iter().map(|layer| layer.name).collect::<Vec<_>>().join(", "),
        };
        let queue_max = usize::try_from(self.config.quotas.queue_max).unwrap_or(usize::MAX);
        let settings = (queue_max, self.breaker_policy());
        Ok(Arc::new(Target::new(package, ready, capabilities, facts, program.limits, settings)))
    }

    pub(crate) fn verified_package(&self, package_digest: &Sha256Hex) -> Result<Verified<Package>, Refused> {
        let files = self.store.load(package_digest).map_err(|error| Refused::new(error.code(), error.to_string()))?;
        let files =
            PackageFiles::new(files).map_err(|error| Refused::new(ErrorCode::PackageInvalid, error.to_string()))?;
        let trusted = self.registry.trusted_keys().map_err(refused_by_registry)?;
        verify_package(Unverified(files), &trusted, Timestamp::EPOCH)
            .map_err(|rejection| Refused::new(rejection.code, rejection.message))
    }

    /// What the lane is told of a package, but for the environment of its dependencies.
    pub(crate) fn program(&self, package: &Package, capabilities: CapabilitySet) -> LaneProgram {
        let manifest = package.manifest();
        let export = match &manifest.entrypoint {
            Entrypoint::Worker { export, .. } => export.clone(),
            Entrypoint::Container { .. } | Entrypoint::Dataset { .. } => String::new(),
        };
        let ceilings = &self.config.ceilings;
        let memory_bytes_max = match manifest.entrypoint.lane() {
            Some(LaneKind::Worker) => self.config.lanes.worker.memory_bytes_max,
            _ => ceilings.memory_bytes_max,
        };
        let output_bytes_max = manifest.io.outputs.iter().map(|output| output.limits.max_bytes).max().unwrap_or(0);
        LaneProgram {
            plugin_id: manifest.plugin_id.clone(),
            package_digest: package.package_digest(),
            entry: package.entry().unwrap_or_default().to_owned(),
            files: package.files().shared(),
            environment: None,
            code: package.code().cloned().unwrap_or_else(|| Arc::from([])),
            export,
            capabilities,
            determinism: manifest.determinism.mode,
            limits: LaneLimits {
                memory_bytes_max,
                fuel_max: (self.config.wasm.fuel_max > 0).then_some(self.config.wasm.fuel_max),
                output_bytes_max: output_bytes_max.min(manifest.limits.max_bytes).min(ceilings.payload_bytes_max),
                log_bytes_max: LOG_BYTES_MAX,
                host_calls_max: HOST_CALLS_MAX,
            },
        }
    }

    /// Request ∩ grant ∩ ceiling (INV-PNP-06).
    fn effective_capabilities(&self, manifest: &Manifest) -> Result<CapabilitySet, Refused> {
        let rows = self.registry.grants(&manifest.plugin_id).map_err(refused_by_registry)?;
        Ok(effective(manifest, &rows, &self.config.ceilings))
    }

    fn breaker_policy(&self) -> BreakerPolicy {
        BreakerPolicy {
            failures: self.config.breaker.failures,
            cooldown: std::time::Duration::from_millis(self.config.breaker.cooldown_ms),
        }
    }

    /// Forgets a plugin that changed; calls in flight keep what they have.
    pub(crate) fn forget(&self, plugin_id: &PluginId) {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::AcqRel);
        ready.remove(plugin_id);
    }

    /// Puts the version that was just enabled, and was loaded under the same turn of the journal, in the
    /// place of the one before: its first callers find it loaded.
    pub(crate) fn replace(&self, plugin_id: &PluginId, target: Arc<Target>) {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::AcqRel);
        ready.remove(plugin_id);
        self.keep(&mut ready, plugin_id, target);
    }

    /// As [`Directory::forget`], of every plugin.
    pub(crate) fn forget_all(&self) {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::AcqRel);
        ready.clear();
    }
}

fn ended_early(cause: &dyn std::fmt::Display) -> Refused {
    Refused::new(ErrorCode::LaneUnavailable, format!("loading ended early: {cause}"))
}

/// A plugin that is kept ready: when it was last found, its bytes, and which it is.
type Use = (u64, u64, PluginId);

/// Which have to go so that at most so many are left, with at most so many bytes: those that were not found for longest.
fn evicted(mut uses: Vec<Use>, plugins_max: usize, kept_bytes_max: u64) -> Vec<PluginId> {
    let (mut plugins, mut kept_bytes) = (uses.len(), uses.iter().map(|(_, bytes, _)| bytes).sum::<u64>());
    uses.sort_unstable();
    let goes = |(_, bytes, plugin_id): Use| {
        let is_over = plugins > plugins_max || kept_bytes > kept_bytes_max;
        (plugins, kept_bytes) = (plugins.saturating_sub(1), kept_bytes.saturating_sub(bytes));
        is_over.then_some(plugin_id)
    };
    uses.into_iter().map_while(goes).collect()
}

pub(crate) fn refused_by_registry(error: omega_registry::RegistryError) -> Refused {
    Refused::new(error.code(), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_found_for_longest_goes_first() {
        let check = |uses: &[(u64, u64)], plugins_max, kept_bytes_max, gone: &[usize]| {
            let id = |at: usize| format!("plugin-{at}").parse::<PluginId>().unwrap();
            let uses = uses.iter().enumerate().map(|(at, (found, bytes))| (*found, *bytes, id(at))).collect();
            let expect: Vec<_> = gone.iter().copied().map(id).collect();
            assert_eq!(evicted(uses, plugins_max, kept_bytes_max), expect);
        };
        check(&[], 0, 0, &[]);
        check(&[(2, 5), (1, 5)], 2, 10, &[]);
        check(&[(2, 5), (1, 5)], 1, 10, &[1]);
        check(&[(2, 5), (1, 5)], 2, 9, &[1]);
        check(&[(2, 5), (3, 5), (1, 1)], 3, 5, &[2, 0]);
        check(&[(1, 1), (2, 50)], 2, 0, &[0, 1]);
    }
}
