//! Whether what a payload or a result refers to is there, before anything runs or is released (spec page 1,
//! steps 2 and 8).

use std::sync::Arc;
use std::time::Instant;

use omega_contract::payload::{BinaryRefPayload, DatasetSlicePayload};
use omega_contract::{ErrorCode, Payload};

use crate::artifact::ArtifactStore;
use crate::dataset::DatasetStore;
use crate::error::{StoreError, shown};
use crate::off_thread;

/// Why a reference is not admitted.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// The artifact is there, but is not what `artifact_hash` says.
    #[error("artifact_hash is not the SHA-256 of this artifact")]
    HashMismatch,
    /// What a payload refers to is larger than the plugin may read.
    #[error("the payload refers to {bytes} bytes, of which the plugin may read {bytes_max}")]
    PayloadTooLarge {
        /// What it refers to.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// What a result refers to is larger than it may be.
    #[error("the result refers to {bytes} bytes, of which {bytes_max} are allowed")]
    ResultTooLarge {
        /// What it refers to.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// A store said no, or could not say.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AdmissionError {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::HashMismatch => ErrorCode::ArtifactHashMismatch,
            Self::PayloadTooLarge { .. } => ErrorCode::PayloadTooLarge,
            Self::ResultTooLarge { .. } => ErrorCode::OutputTooLarge,
            Self::Store(error) => error.code(),
        }
    }
}

/// Which side of a call a reference stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Payload,
    Result,
}

impl Side {
    fn require_size(self, bytes: u64, bytes_max: u64) -> Result<(), AdmissionError> {
        match self {
            _ if bytes <= bytes_max => Ok(()),
            Self::Payload => Err(AdmissionError::PayloadTooLarge { bytes, bytes_max }),
            Self::Result => Err(AdmissionError::ResultTooLarge { bytes, bytes_max }),
        }
    }
}

pub(crate) async fn check(
    stores: (&Arc<ArtifactStore>, &Arc<DatasetStore>),
    side: Side,
    payload: &Payload,
    bytes_max: u64,
    deadline: Instant,
) -> Result<(), AdmissionError> {
    match payload {
        Payload::Text(_) | Payload::Json(_) => Ok(()),
        Payload::BinaryRef(named) => check_artifact(stores.0, side, named, bytes_max, deadline).await,
        Payload::DatasetSlice(named) => check_slice(stores.1, side, named, bytes_max, deadline).await,
    }
}

async fn check_artifact(
    store: &Arc<ArtifactStore>,
    side: Side,
    named: &BinaryRefPayload,
    bytes_max: u64,
    deadline: Instant,
) -> Result<(), AdmissionError> {
    let digest = store.resolve(&named.artifact_id)?;
    let unknown = || StoreError::UnknownArtifact { shown: shown(&named.artifact_id) };
    let size_bytes = store.size_bytes(&digest)?.ok_or_else(unknown)?;
    if digest != named.artifact_hash {
        return Err(AdmissionError::HashMismatch);
    }
    side.require_size(size_bytes, bytes_max)?;
    // A payload's bytes are hashed when the plugin reads them; a result's true hash is a promise to the caller.
    if side == Side::Result {
        let store = Arc::clone(store);
        let cost_bytes = if store.is_verified(&digest) { 0 } else { size_bytes };
        off_thread::run(cost_bytes, deadline, move || store.open_content(&digest).map(drop)).await?;
    }
    Ok(())
}

async fn check_slice(
    store: &Arc<DatasetStore>,
    side: Side,
    named: &DatasetSlicePayload,
    bytes_max: u64,
    deadline: Instant,
) -> Result<(), AdmissionError> {
    let cost_bytes = store.slice_cost_bytes(named);
    let filters = named.filters.len();
    let (store, named) = (Arc::clone(store), named.clone());
    let bytes = off_thread::run(cost_bytes, deadline, move || store.slice(&named)?.unfiltered_bytes(deadline)).await?;
    // How much filters leave is known only when the rows are read: then the broker's own limit holds.
    if filters == 0 { side.require_size(bytes, bytes_max) } else { Ok(()) }
}
