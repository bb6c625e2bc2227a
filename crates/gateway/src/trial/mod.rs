//! Trials: packages in a home that exists for them alone, and is gone with them (spec page 10).
//!
//! The gateway is the real one, with its lanes, brokers and ledger. What differs is the home: it is made anew in a temporary
//! folder, trusts a key of its own, and grants what the manifest asks for. What never happens here: a look into anybody else's
//! home, or a package that was not signed.

mod endless;
mod gate;
mod host_state;
mod supply;

use std::io;
use std::path::{Path, PathBuf};

use omega_contract::capability::CapabilityApi;
use omega_contract::proof_bundle::Durability;
use omega_contract::{Clock as _, ErrorCode, Grant, Manifest, PluginInfo, PluginRequest, PluginStatus, Sha256Hex};
use omega_registry::PluginRow;
use omega_router::Answer;
use omega_validator::PackageFiles;
use serde_json::{Map, Value};

pub use gate::{GateDesk, certify, certify_at, sign_report};

use crate::clock::SystemClock;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::home::{Breaker, Config, Home, HomeError, LaneSettings, OperatorKey};
use crate::open::OpenOptions;
use crate::request::request;
use crate::sign::signed_package;

/// How a trial is made.
#[derive(Debug, Clone, Default)]
pub struct TrialOptions {
    /// The lanes' settings: those of the home that the package is for, or the defaults.
    pub lanes: LaneSettings,
    /// As [`OpenOptions::worker_helper`].
    pub worker_helper: Option<PathBuf>,
    /// Where what the lanes compiled and found out is kept, besides the trial: the `cache` folder of the home that the package
    /// is for. None: it is made anew. (Unix alone.)
    pub cache_dir: Option<PathBuf>,
    /// Whether dependencies that have only source releases are built, by their own code.
    pub allow_build: bool,
}

/// What became of one example.
#[derive(Debug, Clone)]
pub struct ExampleRun {
    /// Its path in the package.
    pub path: String,
    /// The gateway's answer; or why the example is no request.
    pub answered: Result<Box<Answer>, GatewayError>,
}

/// Whether a name means this example: its path, or its file's name with or without the ending.
fn is_meant(name: &str, path: &str) -> bool {
    let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
    [path, file, file.trim_end_matches(".json")].contains(&name)
}

/// A gateway in a temporary home.
pub struct TrialHome {
    gateway: Gateway,
    key: OperatorKey,
    allow_build: bool,
    /// After the gateway: what it holds must be let go of first.
    folder: tempfile::TempDir,
}

impl TrialHome {
    /// Makes the home and opens it.
    ///
    /// # Errors
    /// `io` without room for temporary files; as [`Gateway::open`].
    pub async fn open(options: &TrialOptions) -> Result<Self, GatewayError> {
        let folder = tempfile::Builder::new().prefix("omega-trial-").tempdir().map_err(|e| unwritable(&e))?;
        host_state::surround(folder.path()).map_err(|e| unwritable(&e))?;
        let home = Home::init(&folder.path().join("home"), SystemClock::default().now())?;
        std::fs::write(home.path().join("omega.toml"), config(options).to_toml()).map_err(|e| unwritable(&e))?;
        #[cfg(unix)]
        if let Some(cache_dir) = &options.cache_dir {
            std::os::unix::fs::symlink(cache_dir, home.path().join("cache")).map_err(|e| unwritable(&e))?;
        }
        let key = home.operator_key().map_err(HomeError::from)?;
        let worker_helper = options.worker_helper.clone();
        let opening = OpenOptions { actor: "trial".to_owned(), worker_helper, ..OpenOptions::default() };
        let gateway = Gateway::open(&home, opening).await?;
        Ok(Self { gateway, key, allow_build: options.allow_build, folder })
    }

    /// The gateway.
    pub const fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The temporary folder, in which the home and its surroundings are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Signs a copy of the package with the home's own key, installs what it depends on, grants what it asks for, puts its
    /// samples into the home, and enables it. Another generation of the same version takes the place of the one before.
    ///
    /// # Errors
    /// Any code of registration, of its dependencies and of enabling.
    pub async fn admit(&self, files: PackageFiles) -> Result<PluginInfo, GatewayError> {
        let files = signed_package(files, &self.key)?;
        let manifest = crate::sign::readable_manifest(&files)?;
        supply::samples(&self.gateway, &files)?;
        self.make_room(&manifest, files.digests().package_digest()).await?;
        let info = self.gateway.register_plugin(files).await?;
        let (id, version) = (&info.plugin_id, &info.version);
        self.gateway.build_environment(id, Some(version), self.allow_build, |_| {}).await?;
        for capability in manifest.capabilities.into_iter().filter(|it| it.since() == CapabilityApi::V1_1) {
            let grant =
                Grant { plugin_id: id.clone(), major_version: version.major, capability, params: self.grant_params()? };
            self.gateway.admin().grant(grant).await?;
        }
        self.gateway.enable_plugin(id, Some(version)).await
    }

    /// Calls the admitted plugin once with each of its examples, in the order of their paths; with `chosen`, with those alone.
    /// An example that is no request is told as such, and the others are called.
    ///
    /// # Errors
    /// `not_found` where the package has no example of a chosen name; `ledger_unavailable`.
    pub async fn run_examples(
        &self,
        info: &PluginInfo,
        files: &PackageFiles,
        chosen: &[String],
    ) -> Result<Vec<ExampleRun>, GatewayError> {
        let all = omega_validator::examples(files);
        if let Some(unknown) = chosen.iter().find(|name| !all.iter().any(|(path, _)| is_meant(name, path))) {
            let known = all.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("the package has no example {unknown}; it has {known}");
            return Err(GatewayError::new(ErrorCode::NotFound, message.trim_end_matches("; it has ")));
        }
        let mut runs = Vec::new();
        for (path, read) in all {
            if !chosen.is_empty() && !chosen.iter().any(|name| is_meant(name, &path)) {
                continue;
            }
            let answered = match read {
                Ok(example) => {
                    // Ids of its own: an example is called more than once.
                    let fresh = request(example.payload);
                    let asked = PluginRequest { context: example.context, policy: example.policy, ..fresh };
                    Ok(Box::new(self.gateway.invoke(&info.plugin_id, asked).await?))
                }
                Err(refusal) => Err(GatewayError::new(refusal.code, refusal.message)),
            };
            runs.push(ExampleRun { path, answered });
        }
        Ok(runs)
    }

    /// Forgets another generation of this version: one version has one content.
    async fn make_room(&self, manifest: &Manifest, package_digest: Sha256Hex) -> Result<(), GatewayError> {
        let (id, version) = (&manifest.plugin_id, &manifest.version);
        let rows = self.gateway.inner.journal.registry.versions(id)?;
        let other = |row: &PluginRow| row.info.version == *version && row.info.package_digest != package_digest;
        let Some(row) = rows.into_iter().find(other) else { return Ok(()) };
        if row.info.status == PluginStatus::Enabled {
            self.gateway.disable_plugin(id).await?;
        }
        self.gateway.admin().remove_plugin(id, Some(version)).await?;
        Ok(())
    }

    /// What a grant may need: a folder that is there, and empty.
    fn grant_params(&self) -> Result<Map<String, Value>, GatewayError> {
        let folder = self.folder.path().join(host_state::GRANTED_FOLDER);
        std::fs::create_dir_all(&folder).map_err(|e| unwritable(&e))?;
        Ok([("folder".to_owned(), Value::String(folder.display().to_string()))].into_iter().collect())
    }
}

/// A throw-away home: nothing in it has to survive a power cut, and a plugin that fails its examples is to be asked on.
fn config(options: &TrialOptions) -> Config {
    let breaker = Breaker { failures: u32::MAX, cooldown_ms: 0 };
    let mut config = Config::default();
    (config.durability, config.breaker, config.lanes) = (Durability::Relaxed, breaker, options.lanes.clone());
    config
}

fn unwritable(error: &io::Error) -> GatewayError {
    GatewayError::new(ErrorCode::Io, format!("a temporary home cannot be made: {}", error.kind()))
}
