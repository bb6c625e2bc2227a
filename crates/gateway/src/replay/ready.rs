//! All that a call needs to be repeated, fetched and checked before anything runs.
//!
//! What never happens here: a package other than the one that ran, or bytes whose hash was not checked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_broker::StoreError;
use omega_contract::{Capability, DeterminismMode, ErrorCode, Payload, Sha256Hex, strict_json};
use omega_router::Target;

use super::recorded::Recorded;
use super::verdict::WhyNot;
use super::{LOADED_MAX, Replay};

/// How long hashing what a payload or result refers to may take.
const REFERENCE_CHECK_MAX: Duration = Duration::from_secs(600);
/// Bytes of a stored payload or result: no ceiling of a gateway is above this.
const STORED_BYTES_MAX: u64 = omega_contract::limits::REQUEST_BYTES_MAX;

/// A call that can be repeated.
pub(super) struct Ready {
    pub(super) target: Arc<Target>,
    pub(super) payload: Payload,
}

impl Replay<'_> {
    /// Fetches what the call needs; the first reason that keeps it from being repeated, the gravest first.
    pub(super) async fn ready(&mut self, recorded: &Recorded) -> Result<Ready, WhyNot> {
        let declared = |mode: &DeterminismMode, text: &String| text.split(',').next() == Some(mode.as_str());
        if recorded.determinism.as_ref().is_some_and(|text| !declared(&DeterminismMode::Deterministic, text)) {
            return Err(WhyNot::NotDeterministic);
        }
        if recorded.is_redacted {
            return Err(WhyNot::Redacted);
        }
        let not_stored = || WhyNot::NotStored { log_level: recorded.log_level().into() };
        let payload_artifact = recorded.payload_artifact.ok_or_else(not_stored)?;
        let result_artifact = recorded.result_artifact.ok_or_else(not_stored)?;
        // What is stored and what the event commits to are one thing, or the events contradict each other.
        if payload_artifact.to_string() != recorded.input_hash {
            return Err(WhyNot::Unsaid("the payload's hash twice alike".into()));
        }
        if result_artifact.to_string() != recorded.output_hash {
            return Err(WhyNot::Unsaid("the result's hash twice alike".into()));
        }
        let package_digest = recorded.package_digest.ok_or(WhyNot::Unsaid("which package ran".into()))?;
        let target = self.target(package_digest).await?;
        if target.package.manifest().determinism.mode != DeterminismMode::Deterministic {
            return Err(WhyNot::NotDeterministic);
        }
        let payload = self.stored("payload", payload_artifact).await?;
        let result = self.stored("result", result_artifact).await?;
        let needed = [Capability::to_read(payload.kind()), Capability::to_write(result.kind())];
        if let Some(capability) = needed.into_iter().find(|needed| !target.capabilities.contains(needed)) {
            return Err(WhyNot::Capability { capability });
        }
        self.check_references("payload", &payload).await?;
        self.check_references("result", &result).await?;
        self.check_dataset(&payload, recorded.dataset_digest)?;
        Ok(Ready { target, payload })
    }

    /// The very package that ran.
    async fn target(&mut self, package_digest: Sha256Hex) -> Result<Arc<Target>, WhyNot> {
        if let Some(known) = self.loaded.get(&package_digest) {
            return known.clone();
        }
        let directory = &self.admin.gateway.inner.directory;
        let loaded = directory
            .load_package(package_digest)
            .await
            .map_err(|refused| WhyNot::Package { code: refused.code, message: refused.message });
        if self.loaded.len() >= LOADED_MAX {
            self.loaded.clear();
        }
        self.loaded.insert(package_digest, loaded.clone());
        loaded
    }

    /// A payload or result that was kept, its hash checked.
    async fn stored(&self, part: &'static str, digest: Sha256Hex) -> Result<Payload, WhyNot> {
        let unusable = |code, message: String| WhyNot::Artifact { part: part.into(), code, message };
        let store = Arc::clone(self.admin.artifacts());
        let read = move || -> Result<Vec<u8>, StoreError> {
            let size_bytes = store.size_bytes(&digest)?.unwrap_or_default();
            let mut bytes = Vec::new();
            if size_bytes <= STORED_BYTES_MAX {
                store.copy_to(&digest.to_string(), &mut bytes)?;
            }
            Ok(bytes)
        };
        let bytes = tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| unusable(ErrorCode::Io, error.to_string()))?
            .map_err(|error| unusable(error.code(), error.to_string()))?;
        // The bytes have the hash that the ledger holds; what they say is judged like any request.
        strict_json::parse_as(&bytes, STORED_BYTES_MAX)
            .map_err(|error| unusable(ErrorCode::ArtifactHashMismatch, error.to_string()))
    }

    /// Everything that is named is there and has, byte for byte, the hash that is stated: a plugin that is shown a
    /// changed artifact would be blamed for the change.
    async fn check_references(&self, part: &'static str, payload: &Payload) -> Result<(), WhyNot> {
        let until = Instant::now() + REFERENCE_CHECK_MAX;
        let brokers = &self.admin.gateway.inner.services.brokers;
        let checked = brokers.check_result(payload, u64::MAX, until).await;
        checked.map_err(|error| WhyNot::Reference { part: part.into(), code: error.code(), message: error.to_string() })
    }

    /// A payload names a dataset by its name alone: what it was stands in the BROKER event.
    fn check_dataset(&self, payload: &Payload, recorded: Option<Sha256Hex>) -> Result<(), WhyNot> {
        let (Payload::DatasetSlice(slice), Some(recorded)) = (payload, recorded) else { return Ok(()) };
        let unusable = |code, message| WhyNot::Reference { part: "payload".into(), code, message };
        let dataset = self.admin.datasets().describe(&slice.source);
        let found = dataset.map_err(|error| unusable(error.code(), error.to_string()))?.digest;
        if found == recorded {
            return Ok(());
        }
        let message = format!("dataset {} was {recorded} and is {found}", slice.source);
        Err(unusable(ErrorCode::ArtifactHashMismatch, message))
    }
}
