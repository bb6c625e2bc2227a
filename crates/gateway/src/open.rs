//! Opening a home: the ledger first, then what is projected from it, then the lanes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use omega_broker::{Brokers, StoreLimits};
use omega_contract::{Caller, Clock, ErrorCode, Recorder, TrustedKey, canonical_bytes};
use omega_environments::EnvironmentStore;
use omega_ledger::{Ledger, LedgerError, LedgerOptions, LedgerReader};
use omega_proof::note::VerifierKey;
use omega_registry::{Decision, PackageStore, Registry};
use omega_router::{BreakerPolicy, ProgressListener, QuotaPolicy, Router, RouterPolicy, Services};
use omega_validator::Ceilings;
use tokio::sync::Semaphore;

use crate::clock::SystemClock;
use crate::directory::Directory;
use crate::environment::BUILDS_AT_ONCE;
use crate::error::GatewayError;
use crate::gateway::{Gateway, Inner};
use crate::home::{Config, Home};
use crate::journal::Journal;
use crate::lanes::Lanes;
use crate::salts::Salts;
use crate::services::HomeServices;

/// How a home is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// How long to wait for another process to let go of the home.
    pub wait: Duration,
    /// In whose name changes are made: the OS user or API principal. It stands in events.
    pub actor: String,
    /// The program that the worker lane starts as its helper; none: this one, whose `main` calls
    /// [`become_helper_if_asked`](crate::become_helper_if_asked) first.
    pub worker_helper: Option<PathBuf>,
}

impl Default for OpenOptions {
    /// No waiting, and the user that the environment names.
    fn default() -> Self {
        let actor = std::env::var("USER").or_else(|_| std::env::var("USERNAME")).unwrap_or_else(|_| "unknown".into());
        Self { wait: Duration::ZERO, actor, worker_helper: None }
    }
}

impl Gateway {
    /// Opens a home and holds it: recovers the ledger, brings the registry up to date, starts the lanes.
    ///
    /// The first opening trusts the operator's own key; a change of what bounds plugins in `omega.toml`
    /// is journalled.
    ///
    /// # Errors
    /// `home_locked` where another process holds it, `ledger_corrupt`, `ledger_unavailable`,
    /// `config_invalid`, `home_invalid`, `io`.
    pub async fn open(home: &Home, options: OpenOptions) -> Result<Self, GatewayError> {
        Self::open_with_clock(home, options, Arc::new(SystemClock::default())).await
    }

    /// As [`Gateway::open`], by another clock than the machine's: for a host that has a better one, and for tests.
    /// Deadlines and breakers go by its monotonic side. Its wall time stands in events, where it never runs back.
    ///
    /// # Errors
    /// As [`Gateway::open`].
    pub async fn open_with_clock(
        home: &Home,
        options: OpenOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, GatewayError> {
        let config = home.config().map_err(crate::home::HomeError::from)?;
        let (home, opened_config, opened_clock) = (home.clone(), config.clone(), Arc::clone(&clock));
        let gateway = tokio::task::spawn_blocking(move || assemble(home, opened_config, opened_clock, options))
            .await
            .map_err(|error| GatewayError::new(ErrorCode::Io, format!("opening ended early: {error}")))??;
        match gateway.bring_up().await {
            // The registry is damaged, and nothing but a projection of the ledger, which is not.
            Err(error) if error.code == ErrorCode::HomeInvalid => {
                gateway.inner.journal.may_begin_anew()?;
                gateway.inner.journal.registry.begin_anew()?;
                gateway.bring_up().await?;
            }
            outcome => outcome?,
        }
        Ok(gateway)
    }

    async fn bring_up(&self) -> Result<(), GatewayError> {
        self.inner.journal.reconcile()?;
        self.sweep_environments().await?;
        self.trust_operator().await?;
        self.journal_policy().await
    }

    /// The operator's key is trusted once, when the home is first opened. Revoked later, it stays so.
    async fn trust_operator(&self) -> Result<(), GatewayError> {
        let journal = &self.inner.journal;
        if !journal.registry.trust()?.is_empty() {
            return Ok(());
        }
        let key = self.inner.home.operator_key().map_err(crate::home::HomeError::from)?.public();
        let trusted = TrustedKey {
            key_id: key.key_id(),
            public_key_pem: key.to_pem(),
            label: "operator".to_owned(),
            plugins: Vec::new(),
            max_capabilities: None,
        };
        journal.decide(&self.caller, &Decision::Trust(trusted)).await.map(|_| ())
    }

    async fn journal_policy(&self) -> Result<(), GatewayError> {
        let journal = &self.inner.journal;
        let policy = self.inner.config.effective_policy();
        let no_form = |error: serde_json::Error| GatewayError::new(ErrorCode::ConfigInvalid, error.to_string());
        let canonical = String::from_utf8_lossy(&canonical_bytes(&policy).map_err(no_form)?).into_owned();
        if journal.registry.effective_policy()?.as_deref() == Some(canonical.as_str()) {
            return Ok(());
        }
        journal.decide(&self.caller, &Decision::EffectivePolicy { policy }).await.map(|_| ())
    }
}

fn assemble(home: Home, config: Config, clock: Arc<dyn Clock>, options: OpenOptions) -> Result<Gateway, GatewayError> {
    let ledger = Arc::new(open_ledger(&home, &config, &clock, options.wait)?);
    let registry = Arc::new(Registry::open(&home.registry_file())?);
    let store = PackageStore::open(&home.store_dir())?;
    let environments = EnvironmentStore::open(&home.environments_dir());
    let lanes = Lanes::new(&home, &config, options.worker_helper);
    let directory = Arc::new(Directory::new(Arc::clone(&registry), store, environments, lanes, config.clone()));
    let brokers = Brokers::open(home.path(), StoreLimits::default())
        .map_err(|error| GatewayError::new(error.code(), error.to_string()))?;
    let salts = Salts::in_folder(home.salts_dir());
    let journal = Arc::new(Journal::new(Arc::clone(&ledger), registry, Arc::clone(&directory), salts.clone()));
    let services = Arc::new(HomeServices {
        journal: Arc::clone(&journal),
        directory: Arc::clone(&directory),
        brokers,
        salts: salts.clone(),
    });
    let router = Router::new(
        Arc::clone(&ledger) as Arc<dyn Recorder>,
        Arc::clone(&services) as Arc<dyn Services>,
        Arc::clone(&clock),
        router_policy(&config),
    );
    let environment_builds = Semaphore::new(BUILDS_AT_ONCE);
    let inner = Inner { home, config, clock, ledger, journal, directory, services, router, environment_builds };
    Ok(Gateway {
        inner: Arc::new(inner),
        caller: Caller::new(&options.actor),
        observer: None,
        progress: ProgressListener::default(),
    })
}

/// Opens the ledger with the key that it goes by. A hand-over that a crash cut off behind the ledger's part is finished.
fn open_ledger(home: &Home, config: &Config, clock: &Arc<dyn Clock>, wait: Duration) -> Result<Ledger, GatewayError> {
    let open = |signer| {
        let mut options = LedgerOptions::new(Arc::clone(clock), Arc::new(signer));
        options.durability = config.durability;
        options.lock_wait = wait;
        Ledger::open(&home.ledger_dir(), options)
    };
    let signer = home.log_signer()?;
    let key = signer.verifier_key();
    match open(signer) {
        // Checkpoints by a key that is not the one at hand look like forged ones, until the hand-overs are followed.
        Err(error @ (LedgerError::LogKey { .. } | LedgerError::Corrupt(_))) => match latest_log_key(home) {
            Ok(latest) if latest != key && home.is_next_log_key(&latest) => {
                home.adopt_next_log_key()?;
                Ok(open(home.log_signer()?)?)
            }
            Ok(latest) if latest != key => Err(GatewayError::new(
                ErrorCode::ConfigInvalid,
                format!(
                    "the log goes by the key {latest}, which is not the one at hand; `log_key` in omega.toml names its file"
                ),
            )),
            _ => Err(error.into()),
        },
        opened => Ok(opened?),
    }
}

/// The key that the log goes by, found by following its hand-overs.
fn latest_log_key(home: &Home) -> Result<VerifierKey, GatewayError> {
    let trusted = home.log_verifier_key()?;
    Ok(LedgerReader::open(&home.ledger_dir())?.log_keys(&trusted)?.latest().clone())
}

fn router_policy(config: &Config) -> RouterPolicy {
    let places = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    RouterPolicy {
        quota: QuotaPolicy {
            calls_max: places(config.quotas.calls_max),
            queue_max: places(config.quotas.queue_max),
            queue_wait_max: Duration::from_millis(config.quotas.queue_wait_ms_max),
        },
        breaker: BreakerPolicy {
            failures: config.breaker.failures,
            cooldown: Duration::from_millis(config.breaker.cooldown_ms),
        },
        ceilings: Ceilings { payload_bytes_max: config.ceilings.payload_bytes_max },
        timeout_max: Duration::from_millis(config.ceilings.timeout_ms_max),
    }
}

impl From<LedgerError> for GatewayError {
    fn from(error: LedgerError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
