//! What the router asks: finding, holding and keeping.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use omega_broker::{AdmissionError, ArtifactLabel, Brokers, CallHost, CallLimits};
use omega_contract::commitment::Salt;
use omega_contract::manifest::Direction;
use omega_contract::ports::{BoxFuture, BrokerError, GuestLogLevel, Progress};
use omega_contract::{ErrorCode, Host, Meta, Payload, PluginId, Sha256Hex};
use omega_router::{CallBrokers, ProgressListener, Refused, Services, Target};
use omega_validator::{Call, HeldData, Refusal, Verified};

use crate::directory::Directory;
use crate::journal::Journal;
use crate::salts::Salts;

/// How long the check of a result's reference may take.
const RESULT_CHECK_MAX: Duration = Duration::from_secs(30);
/// A call's progress is not told more often: people look at it.
const PROGRESS_INTERVAL_MIN: Duration = Duration::from_millis(50);
/// Bytes of what a plugin says of its progress that are told.
const PROGRESS_MESSAGE_BYTES_MAX: usize = 1024;

/// The router's services in a home.
pub(crate) struct HomeServices {
    pub(crate) journal: Arc<Journal>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) brokers: Brokers,
    pub(crate) salts: Salts,
}

impl Services for HomeServices {
    fn find<'a>(&'a self, plugin_id: &'a PluginId) -> BoxFuture<'a, Result<Arc<Target>, Refused>> {
        Box::pin(async move {
            self.journal.settle().map_err(|error| Refused::new(error.code, error.message))?;
            self.directory.find(plugin_id).await
        })
    }

    fn check_payload<'a>(
        &'a self,
        target: &'a Target,
        call: &'a Verified<Call>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<(), Refused>> {
        let bytes_max = self.bytes_max(target, Direction::Input, &call.request().request().payload);
        Box::pin(async move {
            let checked = self.brokers.check_payload(&call.request().request().payload, bytes_max, deadline).await;
            checked.map_err(refused_by_broker)
        })
    }

    fn check_result<'a>(&'a self, target: &'a Target, result: &'a Payload) -> BoxFuture<'a, Result<(), Refused>> {
        let bytes_max = self.bytes_max(target, Direction::Output, result);
        Box::pin(async move {
            let until = Instant::now() + RESULT_CHECK_MAX;
            self.brokers.check_result(result, bytes_max, until).await.map_err(refused_by_broker)
        })
    }

    fn held(&self) -> &dyn HeldData {
        self
    }

    fn brokers(
        &self,
        target: &Target,
        call: &Verified<Call>,
        progress: &ProgressListener,
        deadline: Instant,
    ) -> Arc<dyn CallBrokers> {
        let payload = &call.request().request().payload;
        let limits = CallLimits {
            read_bytes_max: self.bytes_max(target, Direction::Input, payload),
            uses_max: target.limits.host_calls_max,
            log_bytes_max: target.limits.log_bytes_max,
        };
        let host = self.brokers.for_call(payload, &target.capabilities, limits, deadline);
        let plugin_id = target.package.manifest().plugin_id.clone();
        Arc::new(JournalledHost { host, plugin_id, progress: progress.clone(), told: Mutex::new(None) })
    }

    fn keep(&self, bytes: &[u8]) -> Result<Sha256Hex, Refused> {
        let kept = self.brokers.artifacts().put_bytes(bytes, &ArtifactLabel::default());
        kept.map(|info| info.digest).map_err(|error| Refused::new(error.code(), error.to_string()))
    }

    fn salt(&self, run_id: &str, request_id: &str, step: u32) -> Result<Salt, Refused> {
        // Of errors only the kind: their text may name a path of the host, and this one reaches the caller.
        self.salts
            .make(run_id, request_id, step)
            .map_err(|error| Refused::new(ErrorCode::Io, format!("a redaction salt cannot be kept: {}", error.kind())))
    }
}

impl HeldData for HomeServices {
    fn artifact_hash(&self, artifact_id: &str) -> Result<Option<Sha256Hex>, Refusal> {
        match self.brokers.artifacts().resolve(artifact_id) {
            Ok(digest) => Ok(Some(digest)),
            Err(error) if error.code() == ErrorCode::ArtifactUnknown => Ok(None),
            Err(error) => Err(Refusal::new(error.code(), error.to_string())),
        }
    }

    fn has_dataset(&self, source: &str) -> Result<bool, Refusal> {
        match self.brokers.datasets().describe(source) {
            Ok(_) => Ok(true),
            Err(error) if error.code() == ErrorCode::ArtifactUnknown => Ok(false),
            Err(error) => Err(Refusal::new(error.code(), error.to_string())),
        }
    }
}

impl HomeServices {
    /// The smallest of the descriptor's, the plugin's and the gateway's limit (spec page 2, "Manifest").
    fn bytes_max(&self, target: &Target, direction: Direction, payload: &Payload) -> u64 {
        let manifest = target.package.manifest();
        let descriptor = manifest.descriptor(direction, payload.kind(), payload.schema_ref());
        let of_descriptor = descriptor.map_or(0, |descriptor| descriptor.limits.max_bytes);
        of_descriptor.min(manifest.limits.max_bytes).min(self.directory.config.ceilings.payload_bytes_max)
    }
}

fn refused_by_broker(error: AdmissionError) -> Refused {
    Refused::new(error.code(), error.to_string())
}

/// The brokers of one attempt, with the record of their use in the words of the ledger.
struct JournalledHost {
    host: Arc<CallHost>,
    plugin_id: PluginId,
    progress: ProgressListener,
    /// When progress was last told.
    told: Mutex<Option<Instant>>,
}

impl CallBrokers for JournalledHost {
    fn uses(&self) -> Vec<Meta> {
        self.host.uses().iter().map(omega_broker::BrokerUse::to_meta).collect()
    }

    fn log_text(&self) -> String {
        self.host.log_lines().to_text()
    }
}

impl Host for JournalledHost {
    fn artifact_size<'a>(&'a self, artifact_id: &'a str) -> BoxFuture<'a, Result<u64, BrokerError>> {
        self.host.artifact_size(artifact_id)
    }

    fn artifact_read<'a>(
        &'a self,
        artifact_id: &'a str,
        offset_bytes: u64,
        length_bytes: u32,
    ) -> BoxFuture<'a, Result<Vec<u8>, BrokerError>> {
        self.host.artifact_read(artifact_id, offset_bytes, length_bytes)
    }

    fn dataset_count(&self) -> BoxFuture<'_, Result<u64, BrokerError>> {
        self.host.dataset_count()
    }

    fn dataset_read(&self, first: u64, rows_max: u32) -> BoxFuture<'_, Result<Vec<String>, BrokerError>> {
        self.host.dataset_read(first, rows_max)
    }

    fn log(&self, level: GuestLogLevel, message: &str) {
        self.host.log(level, message);
    }

    fn progress(&self, progress: &Progress) {
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|told| now.saturating_duration_since(told) < PROGRESS_INTERVAL_MIN) {
            return;
        }
        *told = Some(now);
        drop(told);
        let message = &progress.message[..progress.message.floor_char_boundary(PROGRESS_MESSAGE_BYTES_MAX)];
        self.progress.hear(&self.plugin_id, &Progress { done: progress.done, message: message.to_owned() });
    }
}
