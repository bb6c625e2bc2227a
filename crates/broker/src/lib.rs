//! What a plugin may ask of the outside, after the grant says yes (spec page 4, "Grants and brokers").
//!
//! [`Brokers`] holds the stores of one home: artifacts, the bytes that `binary_ref` payloads name, and
//! datasets, the rows that `dataset_slice` payloads name. [`Brokers::for_call`] binds them to one attempt of
//! one call as a [`CallHost`], which implements the contract's port [`omega_contract::Host`].
//!
//! What never happens here: deciding what is granted (the caller hands in the effective capabilities), serving
//! a byte that the call's payload does not name or whose hash was not checked, or writing to the ledger.

mod admission;
mod artifact;
mod call_host;
mod content;
pub mod dataset;
mod error;
mod files;
mod guest_log;
mod name;
mod off_thread;
mod records;
mod tally;
mod verified;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use omega_contract::{CapabilitySet, Payload};

pub use admission::AdmissionError;
pub use artifact::{
    ARTIFACT_BYTES_MAX, ARTIFACT_NAMES_MAX, ArtifactInfo, ArtifactLabel, ArtifactPage, ArtifactStore, LIST_PAGE_MAX,
    StoreLimits,
};
pub use call_host::{ARTIFACT_READ_BYTES_MAX, CallHost, CallLimits};
pub use content::{CHUNK_BYTES, VerifiedContent};
pub use dataset::{DatasetForm, DatasetInfo, DatasetPage, DatasetStore};
pub use error::StoreError;
pub use guest_log::{GuestLogLine, GuestLogLines, LOG_LINE_BYTES_MAX, LOG_LINES_MAX};
pub use name::{MEDIA_TYPE_BYTES_MAX, MediaType, NAME_BYTES_MAX, StoreName};
pub use tally::{BrokerName, BrokerUse};

/// The brokers of one home.
#[derive(Debug, Clone)]
pub struct Brokers {
    artifacts: Arc<ArtifactStore>,
    datasets: Arc<DatasetStore>,
}

impl Brokers {
    /// Opens the stores in `home` and removes what a crash left half-written. Blocks on the file system.
    ///
    /// The caller holds the home's lock.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn open(home: &Path, limits: StoreLimits) -> Result<Self, StoreError> {
        let artifacts = Arc::new(ArtifactStore::open(home, limits)?);
        let datasets = Arc::new(DatasetStore::new(Arc::clone(&artifacts)));
        Ok(Self { artifacts, datasets })
    }

    /// The stores in `home` for reading beside whoever holds the home: nothing is made and nothing removed.
    pub fn open_beside(home: &Path, limits: StoreLimits) -> Self {
        let artifacts = Arc::new(ArtifactStore::open_beside(home, limits));
        let datasets = Arc::new(DatasetStore::new(Arc::clone(&artifacts)));
        Self { artifacts, datasets }
    }

    /// The artifacts.
    pub fn artifacts(&self) -> &Arc<ArtifactStore> {
        &self.artifacts
    }

    /// The datasets.
    pub fn datasets(&self) -> &Arc<DatasetStore> {
        &self.datasets
    }

    /// The brokers of one attempt of one call with this payload. Touches no file.
    pub fn for_call(
        &self,
        payload: &Payload,
        capabilities: &CapabilitySet,
        limits: CallLimits,
        deadline: Instant,
    ) -> Arc<CallHost> {
        Arc::new(CallHost::new((&self.artifacts, &self.datasets), payload, capabilities, limits, deadline))
    }

    /// Checks what a payload refers to: the artifact is there, is what `artifact_hash` says and has at most
    /// `bytes_max` bytes; the dataset is there with every row of `slice_ids`, together (where there are no
    /// filters) at most `bytes_max` bytes. Text and JSON pass at once.
    ///
    /// # Errors
    /// [`AdmissionError`] with `artifact_unknown`, `artifact_hash_mismatch` or `payload_too_large`; `timeout`
    /// where `deadline` came first; `io` or `home_invalid` where the store could not say.
    pub async fn check_payload(
        &self,
        payload: &Payload,
        bytes_max: u64,
        deadline: Instant,
    ) -> Result<(), AdmissionError> {
        let stores = (&self.artifacts, &self.datasets);
        admission::check(stores, admission::Side::Payload, payload, bytes_max, deadline).await
    }

    /// Checks what a result refers to, as [`Brokers::check_payload`] does; of an artifact the whole content is
    /// hashed too, unless this process did so before.
    ///
    /// # Errors
    /// As [`Brokers::check_payload`], with `output_too_large` in place of `payload_too_large`.
    pub async fn check_result(
        &self,
        result: &Payload,
        bytes_max: u64,
        deadline: Instant,
    ) -> Result<(), AdmissionError> {
        let stores = (&self.artifacts, &self.datasets);
        admission::check(stores, admission::Side::Result, result, bytes_max, deadline).await
    }
}
