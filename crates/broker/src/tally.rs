//! What one call did with each broker, counted: the gateway journals it as one BROKER event each.
//! What never happens here: keeping any of the bytes.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use omega_contract::limits::META_TEXT_BYTES_MAX;
use omega_contract::ports::BrokerError;
use omega_contract::{Meta, Sha256Hex};

use crate::error::StoreError;

/// A service of this room, by the name that events use (spec page 4, "Grants and brokers").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BrokerName {
    /// Reads the artifact that the payload names.
    Artifacts,
    /// Reads the dataset slice that the payload names.
    Datasets,
}

impl BrokerName {
    /// The name in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Artifacts => "artifacts",
            Self::Datasets => "datasets",
        }
    }
}

/// What one attempt of one call did with one broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerUse {
    /// Which broker.
    pub broker: BrokerName,
    /// How often it was asked, refusals included.
    pub uses: u64,
    /// Bytes that the guest was given.
    pub bytes: u64,
    /// How many of the uses were denied: no capability, or not what the payload names.
    pub denied: u64,
    /// How many ended in another refusal or failure.
    pub failed: u64,
    /// The content that was opened.
    pub content_digest: Option<Sha256Hex>,
    /// Why the first of the failed ones failed, for the operator. No host path in it.
    pub fault: Option<String>,
}

impl BrokerUse {
    /// The entries of the BROKER event's `meta`.
    pub fn to_meta(&self) -> Meta {
        let mut meta = Meta::new();
        let mut add = |key: &'static str, value: String| meta.insert(Cow::Borrowed(key), value);
        add("broker", self.broker.as_str().to_owned());
        add("uses", self.uses.to_string());
        add("bytes", self.bytes.to_string());
        add("denied", self.denied.to_string());
        add("failed", self.failed.to_string());
        if let Some(digest) = &self.content_digest {
            add("content_digest", digest.to_string());
        }
        if let Some(fault) = &self.fault {
            add("fault", fault.clone());
        }
        meta
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    uses: AtomicU64,
    bytes: AtomicU64,
    denied: AtomicU64,
    failed: AtomicU64,
    content_digest: OnceLock<Sha256Hex>,
    fault: Mutex<Option<String>>,
}

impl Tally {
    pub(crate) fn begin(&self) {
        self.uses.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn served(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn opened(&self, digest: Sha256Hex) {
        // Set once: a call opens one content.
        let _first_stays = self.content_digest.set(digest);
    }

    pub(crate) fn ended<T>(&self, outcome: &Result<T, BrokerError>) {
        match outcome {
            Ok(_) => {}
            Err(BrokerError::Denied(_)) => {
                self.denied.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                self.note(&error.to_string());
            }
        }
    }

    /// Notes a store's refusal, with more detail than the guest is shown but nothing that the payload said.
    pub(crate) fn fault(&self, error: &StoreError) {
        match error {
            StoreError::UnknownArtifact { .. } | StoreError::UnknownDataset { .. } => {
                self.note(error.code().sentence());
            }
            StoreError::UnknownRow { .. } => self.note("The dataset has no such row."),
            _ => self.note(&error.to_string()),
        }
    }

    /// The first one stays.
    fn note(&self, text: &str) {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if fault.is_none() {
            let end = text.floor_char_boundary(META_TEXT_BYTES_MAX);
            *fault = text.get(..end).map(ToOwned::to_owned);
        }
    }

    /// What was counted; none where the broker was not asked.
    pub(crate) fn summary(&self, broker: BrokerName) -> Option<BrokerUse> {
        let uses = self.uses.load(Ordering::Relaxed);
        (uses > 0).then(|| BrokerUse {
            broker,
            uses,
            bytes: self.bytes.load(Ordering::Relaxed),
            denied: self.denied.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            content_digest: self.content_digest.get().copied(),
            fault: self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        })
    }
}

/// What one call may still use, over all brokers.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) deadline: Instant,
    uses_left: AtomicU64,
    bytes_left: AtomicU64,
}

impl Budget {
    pub(crate) fn new(deadline: Instant, uses_max: u64, bytes_max: u64) -> Self {
        Self { deadline, uses_left: AtomicU64::new(uses_max), bytes_left: AtomicU64::new(bytes_max) }
    }

    /// Takes one use.
    pub(crate) fn take_use(&self) -> Result<(), BrokerError> {
        if Instant::now() >= self.deadline {
            return Err(shown_to_guest(&StoreError::OutOfTime));
        }
        let used_up = |_| BrokerError::LimitExceeded("this call has asked its brokers as often as it may".into());
        take(&self.uses_left, 1).map_err(used_up)
    }

    /// Takes bytes that are about to be given to the guest.
    pub(crate) fn take_bytes(&self, bytes: u64) -> Result<(), StoreError> {
        let left = take(&self.bytes_left, bytes);
        left.map_err(|left| StoreError::TooLarge { bytes_max: left })
    }

    pub(crate) fn bytes_left(&self) -> u64 {
        self.bytes_left.load(Ordering::Relaxed)
    }
}

/// Takes `amount`, or gives back how much is left and takes nothing.
fn take(left: &AtomicU64, amount: u64) -> Result<(), u64> {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(amount)).map(drop)
}

/// What a guest is told of a store's refusal: nothing of the host.
pub(crate) fn shown_to_guest(error: &StoreError) -> BrokerError {
    match error {
        StoreError::UnknownArtifact { .. } => BrokerError::Unknown("OMEGA holds no such artifact".into()),
        StoreError::UnknownDataset { .. } => BrokerError::Unknown("OMEGA holds no such dataset".into()),
        StoreError::UnknownRow { shown, .. } => BrokerError::Unknown(format!("the dataset has no row {shown:?}")),
        StoreError::HashMismatch { .. } => {
            BrokerError::HashMismatch("the bytes that OMEGA holds do not have the hash stated for them".into())
        }
        StoreError::TooLarge { .. } => {
            BrokerError::LimitExceeded("this would be more bytes than this call may read".into())
        }
        StoreError::OutOfTime => BrokerError::LimitExceeded("the time of this call is used up".into()),
        _ => BrokerError::Failed("OMEGA could not read what it holds".into()),
    }
}
