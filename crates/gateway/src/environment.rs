//! Environments of Python plugins: built at install, beside everything else that goes on, and journalled when they are whole.
//!
//! What never happens here: a build under the journal's turn; an environment that is used before its decision is in the
//! ledger; a lock that is read from anywhere but the verified package.

use std::collections::BTreeSet;
use std::sync::Arc;

use omega_contract::ports::{BoxFuture, LaneCall, LaneReport, ProgramEnvironment, ReadyProgram};
use omega_contract::{ErrorCode, PluginId};
use omega_environments::{
    BuildOrder, BuildProgress, Built, Cancel, EnvironmentFault, HeldEnvironment, Installer, Interpreter, Sources, build,
};
use omega_registry::{AllowedBuild, BoundEnvironment, Decision, PluginRow};
use omega_router::Refused;
use omega_validator::{DependencyLock, Package, Verified};
use semver::Version;

use crate::directory::{Directory, refused_by_registry};
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::home::{Config, Home};
use crate::lanes::Lanes;

/// Builds of one home at the same time: each fills a disk and a network.
pub(crate) const BUILDS_AT_ONCE: usize = 1;

/// What would install dependencies on this machine, by the configuration: the tool, and for which interpreter (`omega doctor`).
///
/// # Errors
/// `lane_unavailable` without an interpreter, `environment_unbuildable` without a tool.
pub fn environment_tool(home: &Home, config: &Config) -> Result<(String, Interpreter), GatewayError> {
    let interpreter = Lanes::new(home, config, None).interpreter()?;
    let installer = Installer::find(&interpreter)?;
    Ok((installer.name(), interpreter))
}

impl Gateway {
    /// Builds the environment of a version's locked dependencies, for the interpreter of the worker lane; without a version,
    /// of the highest. Nothing where the package locks none. One that is whole and was built for this interpreter stays.
    ///
    /// It takes minutes and a network, so it goes on beside everything else. Dropping the future ends it, and nothing is
    /// left of it. With `allow_build` source releases are built by their own code, with the rights of this process: that is
    /// journalled before it begins.
    ///
    /// # Errors
    /// `plugin_unknown`, `plugin_rejected`, `key_untrusted`, `package_digest_mismatch`, `lane_unavailable` without an
    /// interpreter, `environment_unbuildable`, `io`, `ledger_unavailable`; journalled as REJECT.
    pub async fn build_environment(
        &self,
        plugin_id: &PluginId,
        version: Option<&Version>,
        allow_build: bool,
        hear: impl FnMut(BuildProgress) + Send + 'static,
    ) -> Result<Option<BoundEnvironment>, GatewayError> {
        let journal = &self.inner.journal;
        let built = match self.admitted_row(plugin_id, version) {
            Ok(row) => self.build_for(row, allow_build, hear).await,
            Err(error) => Err(error),
        };
        match built {
            Err(error) if error.event_index.is_none() && error.code != ErrorCode::LedgerUnavailable => {
                Err(journal.refuse(&self.caller, "build_environment", plugin_id, version, error).await)
            }
            outcome => outcome,
        }
    }

    async fn build_for(
        &self,
        row: PluginRow,
        allow_build: bool,
        mut hear: impl FnMut(BuildProgress) + Send + 'static,
    ) -> Result<Option<BoundEnvironment>, GatewayError> {
        let inner = &self.inner;
        let directory = Arc::clone(&inner.directory);
        let digest = row.info.package_digest;
        let package = blocking(move || Ok(directory.verified_package(&digest)?)).await?;
        let Some(lock) = package.lock().cloned() else { return Ok(None) };
        let _place = inner.environment_builds.acquire().await.map_err(|_| ended_early())?;
        // Whoever built before us may have built this one.
        let directory = Arc::clone(&inner.directory);
        let (package, standing) = blocking(move || {
            let standing = directory.environment(&package).is_ok();
            Ok((package, standing))
        })
        .await?;
        if standing {
            return Ok(inner.journal.registry.environment(&digest)?);
        }
        if allow_build {
            let allowed = AllowedBuild {
                plugin_id: row.info.plugin_id.clone(),
                version: row.info.version.clone(),
                package_digest: digest,
                lock_sha256: lock.sha256,
            };
            let _turn = inner.journal.turn().await?;
            inner.journal.decide(&self.caller, &Decision::AllowBuild(allowed)).await?;
        }
        let cancel = CancelOnDrop(Cancel::default());
        let (directory, cancelled, ordered) = (Arc::clone(&inner.directory), cancel.0.clone(), lock.clone());
        let (built, tool, interpreter) = blocking(move || {
            let interpreter = directory.lanes.interpreter()?;
            let installer = Installer::find(&interpreter)?;
            let order = BuildOrder {
                requirements: &ordered.requirements_text(),
                requirements_count: ordered.requirements.len(),
                interpreter: &interpreter,
                installer: &installer,
                sources: &Sources { index_url: directory.config.lanes.worker.index().map(str::to_owned) },
                allow_build,
            };
            let built = build(&directory.environments, &order, &cancelled, &mut hear)?;
            Ok((built, installer.name(), interpreter))
        })
        .await?;
        let inventory = built.inventory();
        let bound = BoundEnvironment {
            plugin_id: row.info.plugin_id.clone(),
            version: row.info.version.clone(),
            package_digest: digest,
            lock_file: lock.file.to_owned(),
            lock_sha256: lock.sha256,
            env_digest: built.env_digest(),
            has_native_code: inventory.has_native_code,
            files: inventory.files.len() as u64,
            bytes: inventory.bytes,
            interpreter: interpreter.tag(),
            interpreter_version: interpreter.version.clone(),
            tool,
            builds_allowed: allow_build,
        };
        drop(package);
        self.bind(bound, built).await.map(Some)
    }

    /// Puts what was built into its place, then journals it: what the ledger names is always there first.
    async fn bind(&self, bound: BoundEnvironment, built: Built) -> Result<BoundEnvironment, GatewayError> {
        let inner = &self.inner;
        let _turn = inner.journal.turn().await?;
        let row = self.admitted_row(&bound.plugin_id, Some(&bound.version))?;
        if row.info.package_digest != bound.package_digest {
            let message = format!("{}@{} is another package by now", bound.plugin_id, bound.version);
            return Err(GatewayError::new(ErrorCode::VersionConflict, message));
        }
        let directory = Arc::clone(&inner.directory);
        blocking(move || Ok(directory.environments.adopt(built)?)).await?;
        inner.journal.decide(&self.caller, &Decision::BindEnvironment(bound.clone())).await?;
        inner.directory.forget(&bound.plugin_id);
        self.sweep_environments().await?;
        Ok(bound)
    }

    /// Removes the environments that no registered version has. Whoever calls holds the journal's turn.
    pub(crate) async fn sweep_environments(&self) -> Result<(), GatewayError> {
        let used: BTreeSet<_> =
            self.inner.journal.registry.environments()?.into_iter().map(|bound| bound.env_digest).collect();
        let directory = Arc::clone(&self.inner.directory);
        blocking(move || Ok(directory.environments.keep_only(&used))).await.map(drop)
    }
}

impl Directory {
    /// The environment of a package as it was journalled, every file of it read again, and held; none where it locks nothing.
    pub(crate) fn environment(&self, package: &Verified<Package>) -> Result<Option<InstalledEnvironment>, Refused> {
        let Some(lock) = package.lock() else { return Ok(None) };
        let missing = |why: String| Refused::new(ErrorCode::EnvironmentMissing, why);
        let bound = self.registry.environment(&package.package_digest()).map_err(refused_by_registry)?;
        let bound = bound.ok_or_else(|| missing(format!("what {} locks is not installed", lock.file)))?;
        if bound.lock_sha256 != lock.sha256 {
            return Err(missing(format!("what is installed is of another {}", lock.file)));
        }
        let interpreter =
            self.lanes.interpreter().map_err(|fault| Refused::new(fault.code(), fault.to_string()))?.tag();
        if bound.interpreter != interpreter {
            let why = format!("it was installed for {}, and the worker lane runs {interpreter}", bound.interpreter);
            return Err(missing(why));
        }
        let refused = |fault: EnvironmentFault| Refused::new(fault.code(), fault.to_string());
        let held = self.environments.hold(&bound.env_digest);
        let found = self.environments.check(&bound.env_digest).map_err(refused)?;
        let environment = ProgramEnvironment {
            folder: self.environments.folder(&bound.env_digest),
            env_digest: bound.env_digest,
            has_native_code: found.has_native_code,
        };
        Ok(Some(InstalledEnvironment { environment, held }))
    }
}

/// The environment of a program, which stays where it is while this lives.
pub(crate) struct InstalledEnvironment {
    pub(crate) environment: ProgramEnvironment,
    pub(crate) held: HeldEnvironment,
}

/// A program that is ready, and the environment that its calls need to the end, removed or replaced though its version may be.
pub(crate) struct InEnvironment {
    pub(crate) program: Arc<dyn ReadyProgram>,
    pub(crate) _held: HeldEnvironment,
}

impl ReadyProgram for InEnvironment {
    fn run(&self, call: LaneCall) -> BoxFuture<'_, LaneReport> {
        self.program.run(call)
    }
}

/// A package's lock, and what became of it, for who looks at a plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct LockedDependencies {
    /// The lock.
    pub lock: DependencyLock,
    /// What it was built into; none: not yet.
    pub environment: Option<BoundEnvironment>,
}

/// Ends a build when nobody waits for it any more.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GatewayError> + Send + 'static,
) -> Result<T, GatewayError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ended_early())?
}

fn ended_early() -> GatewayError {
    GatewayError::new(ErrorCode::Io, "it ended early")
}

impl From<EnvironmentFault> for GatewayError {
    fn from(fault: EnvironmentFault) -> Self {
        Self::new(fault.code(), fault.to_string())
    }
}

impl From<Refused> for GatewayError {
    fn from(refused: Refused) -> Self {
        Self::new(refused.code, refused.message)
    }
}
