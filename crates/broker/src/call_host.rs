//! The brokers of one attempt of one call: the port [`Host`] over the stores.
//!
//! What never happens here: reaching an artifact or a dataset that the call's own payload does not name, a
//! byte over the call's limits, or a host path in a text that the guest is shown.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use omega_contract::payload::{BinaryRefPayload, DatasetSlicePayload};
use omega_contract::ports::{BoxFuture, BrokerError, GuestLogLevel};
use omega_contract::{Capability, CapabilitySet, Host, Payload};
use tokio::sync::Mutex;

use crate::artifact::ArtifactStore;
use crate::content::VerifiedContent;
use crate::dataset::{DatasetStore, Slice};
use crate::error::StoreError;
use crate::guest_log::{GuestLog, GuestLogLines};
use crate::off_thread;
use crate::tally::{BrokerName, BrokerUse, Budget, Tally, shown_to_guest};

/// Bytes that a guest may ask for in one read of an artifact.
pub const ARTIFACT_READ_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// What one attempt of one call may use of its brokers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// Bytes given to the guest, over all reads together (spec page 2: a payload's size limit also counts
    /// "over the bytes read through the broker").
    pub read_bytes_max: u64,
    /// Uses of all brokers together; log lines have their own bounds.
    pub uses_max: u64,
    /// Bytes of log lines that are kept.
    pub log_bytes_max: u64,
}

/// The brokers of one attempt of one call. Making one touches no file.
#[derive(Debug)]
pub struct CallHost {
    artifacts: ArtifactBroker,
    datasets: DatasetBroker,
    log: GuestLog,
}

impl CallHost {
    pub(crate) fn new(
        stores: (&Arc<ArtifactStore>, &Arc<DatasetStore>),
        payload: &Payload,
        capabilities: &CapabilitySet,
        limits: CallLimits,
        deadline: Instant,
    ) -> Self {
        let budget = Arc::new(Budget::new(deadline, limits.uses_max, limits.read_bytes_max));
        let (mut artifact, mut slice) = (None, None);
        match payload {
            Payload::BinaryRef(named) => artifact = Some(Arc::new(named.clone())),
            Payload::DatasetSlice(named) => slice = Some(Arc::new(named.clone())),
            Payload::Text(_) | Payload::Json(_) => {}
        }
        let right = |capability| if capabilities.contains(&capability) { Right::Held } else { Right::NotHeld };
        Self {
            artifacts: ArtifactBroker {
                store: Arc::clone(stores.0),
                shared: Shared::new(Arc::clone(&budget), right(Capability::ReadBinaryRef)),
                named: artifact,
            },
            datasets: DatasetBroker {
                store: Arc::clone(stores.1),
                shared: Shared::new(budget, right(Capability::ReadDatasetSlice)),
                named: slice,
                cost_bytes: OnceLock::new(),
            },
            log: GuestLog::new(limits.log_bytes_max),
        }
    }

    /// What the call did with each broker that it asked, for one BROKER event each.
    pub fn uses(&self) -> Vec<BrokerUse> {
        let artifacts = self.artifacts.shared.tally.summary(BrokerName::Artifacts);
        let datasets = self.datasets.shared.tally.summary(BrokerName::Datasets);
        artifacts.into_iter().chain(datasets).collect()
    }

    /// What the call logged.
    pub fn log_lines(&self) -> GuestLogLines {
        self.log.lines()
    }
}

impl Host for CallHost {
    fn artifact_size<'a>(&'a self, artifact_id: &'a str) -> BoxFuture<'a, Result<u64, BrokerError>> {
        Box::pin(self.artifacts.shared.counted(self.artifacts.size(artifact_id)))
    }

    fn artifact_read<'a>(
        &'a self,
        artifact_id: &'a str,
        offset_bytes: u64,
        length_bytes: u32,
    ) -> BoxFuture<'a, Result<Vec<u8>, BrokerError>> {
        Box::pin(self.artifacts.shared.counted(self.artifacts.read(artifact_id, offset_bytes, length_bytes)))
    }

    fn dataset_count(&self) -> BoxFuture<'_, Result<u64, BrokerError>> {
        Box::pin(self.datasets.shared.counted(self.datasets.count()))
    }

    fn dataset_read(&self, first: u64, rows_max: u32) -> BoxFuture<'_, Result<Vec<String>, BrokerError>> {
        Box::pin(self.datasets.shared.counted(self.datasets.read(first, rows_max)))
    }

    fn log(&self, level: GuestLogLevel, message: &str) {
        self.log.write(level, message);
    }
}

/// Whether the plugin effectively holds the capability of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    Held,
    NotHeld,
}

/// What every broker of a call has: its right, its budget, its tally, and what it opened.
#[derive(Debug)]
struct Shared<T> {
    right: Right,
    budget: Arc<Budget>,
    tally: Arc<Tally>,
    opened: Arc<Mutex<Opened<T>>>,
}

/// What a call opened. A refusal stays for the rest of the call: asking again does not hash again.
#[derive(Debug)]
enum Opened<T> {
    NotYet,
    Open(T),
    Refused(BrokerError),
}

impl<T: Send + 'static> Shared<T> {
    fn new(budget: Arc<Budget>, right: Right) -> Self {
        Self { right, budget, tally: Arc::default(), opened: Arc::new(Mutex::new(Opened::NotYet)) }
    }

    /// Counts one use, whatever comes of it, and lets it happen only within the call's bounds.
    async fn counted<V>(&self, work: impl Future<Output = Result<V, BrokerError>>) -> Result<V, BrokerError> {
        self.tally.begin();
        let outcome = match self.budget.take_use() {
            Ok(()) => work.await,
            Err(refusal) => Err(refusal),
        };
        self.tally.ended(&outcome);
        outcome
    }

    fn require_right(&self, capability: Capability) -> Result<(), BrokerError> {
        match self.right {
            Right::Held => Ok(()),
            Right::NotHeld => Err(BrokerError::Denied(format!("the capability {} is not held", capability.as_str()))),
        }
    }

    /// Opens what the payload names, if this is the first use, and does `work` with it.
    async fn with<V: Send + 'static>(
        &self,
        cost_bytes: impl FnOnce(&Opened<T>) -> u64,
        open: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
        work: impl FnOnce(&mut T, &Budget) -> Result<V, StoreError> + Send + 'static,
    ) -> Result<V, BrokerError> {
        let mut opened = Arc::clone(&self.opened).lock_owned().await;
        let (budget, tally) = (Arc::clone(&self.budget), Arc::clone(&self.tally));
        let cost_bytes = cost_bytes(&opened);
        let told = |error: StoreError, tally: &Tally| {
            tally.fault(&error);
            shown_to_guest(&error)
        };
        let outcome = off_thread::run(cost_bytes, self.budget.deadline, move || {
            if let Opened::NotYet = *opened {
                *opened = match open() {
                    Ok(open) => Opened::Open(open),
                    Err(error) => Opened::Refused(told(error, &tally)),
                };
            }
            Ok(match &mut *opened {
                Opened::Open(open) => work(open, &budget).map_err(|error| told(error, &tally)),
                Opened::Refused(refusal) => Err(refusal.clone()),
                Opened::NotYet => Err(shown_to_guest(&StoreError::OutOfTime)),
            })
        })
        .await;
        outcome.unwrap_or_else(|error| Err(told(error, &self.tally)))
    }
}

#[derive(Debug)]
struct ArtifactBroker {
    store: Arc<ArtifactStore>,
    shared: Shared<VerifiedContent>,
    named: Option<Arc<BinaryRefPayload>>,
}

impl ArtifactBroker {
    async fn size(&self, artifact_id: &str) -> Result<u64, BrokerError> {
        let named = self.allowed(artifact_id)?;
        self.with_content(named, 0, |content, _| Ok(content.size_bytes())).await
    }

    async fn read(&self, artifact_id: &str, offset_bytes: u64, length_bytes: u32) -> Result<Vec<u8>, BrokerError> {
        let named = self.allowed(artifact_id)?;
        if length_bytes > ARTIFACT_READ_BYTES_MAX {
            let text = format!("one read gives at most {ARTIFACT_READ_BYTES_MAX} bytes");
            return Err(BrokerError::LimitExceeded(text));
        }
        let read = move |content: &mut VerifiedContent, budget: &Budget| {
            let served = content.size_bytes().saturating_sub(offset_bytes).min(length_bytes.into());
            budget.take_bytes(served)?;
            content.read_at(offset_bytes, usize::try_from(served).unwrap_or(usize::MAX))
        };
        let bytes = self.with_content(named, length_bytes, read).await?;
        self.shared.tally.served(bytes.len() as u64);
        Ok(bytes)
    }

    /// The artifact of the payload, where the capability is held and the guest asks for that one.
    fn allowed(&self, artifact_id: &str) -> Result<&Arc<BinaryRefPayload>, BrokerError> {
        self.shared.require_right(Capability::ReadBinaryRef)?;
        let denied = || BrokerError::Denied("this call's payload does not name this artifact".into());
        self.named.as_ref().filter(|named| named.artifact_id == artifact_id).ok_or_else(denied)
    }

    async fn with_content<V: Send + 'static>(
        &self,
        named: &Arc<BinaryRefPayload>,
        length_bytes: u32,
        work: impl FnOnce(&mut VerifiedContent, &Budget) -> Result<V, StoreError> + Send + 'static,
    ) -> Result<V, BrokerError> {
        let cost = |opened: &Opened<VerifiedContent>| {
            let to_hash = match opened {
                Opened::NotYet if !self.store.is_verified(&named.artifact_hash) => {
                    self.store.size_bytes(&named.artifact_hash).ok().flatten().unwrap_or_default()
                }
                _ => 0,
            };
            to_hash.saturating_add(length_bytes.into())
        };
        let (store, named, tally) = (Arc::clone(&self.store), Arc::clone(named), Arc::clone(&self.shared.tally));
        let open = move || {
            if store.resolve(&named.artifact_id)? != named.artifact_hash {
                return Err(StoreError::HashMismatch { digest: named.artifact_hash });
            }
            let content = store.open_content(&named.artifact_hash)?;
            tally.opened(content.digest());
            Ok(content)
        };
        self.shared.with(cost, open, work).await
    }
}

#[derive(Debug)]
struct DatasetBroker {
    store: Arc<DatasetStore>,
    shared: Shared<Slice>,
    named: Option<Arc<DatasetSlicePayload>>,
    cost_bytes: OnceLock<u64>,
}

impl DatasetBroker {
    async fn count(&self) -> Result<u64, BrokerError> {
        self.with_slice(|slice, budget| slice.count(budget.deadline)).await
    }

    async fn read(&self, first: u64, rows_max: u32) -> Result<Vec<String>, BrokerError> {
        let read = move |slice: &mut Slice, budget: &Budget| {
            let rows = slice.read(first, rows_max, budget.bytes_left(), budget.deadline)?;
            let bytes = bytes_of(&rows);
            budget.take_bytes(bytes)?;
            Ok(rows)
        };
        let rows = self.with_slice(read).await?;
        self.shared.tally.served(bytes_of(&rows));
        Ok(rows)
    }

    async fn with_slice<V: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Slice, &Budget) -> Result<V, StoreError> + Send + 'static,
    ) -> Result<V, BrokerError> {
        self.shared.require_right(Capability::ReadDatasetSlice)?;
        let denied = || BrokerError::Denied("this call's payload names no dataset slice".into());
        let named = Arc::clone(self.named.as_ref().ok_or_else(denied)?);
        let cost_bytes = *self.cost_bytes.get_or_init(|| self.store.slice_cost_bytes(&named));
        let (store, tally) = (Arc::clone(&self.store), Arc::clone(&self.shared.tally));
        let open = move || {
            let slice = store.slice(&named)?;
            tally.opened(slice.dataset().digest);
            Ok(slice)
        };
        self.shared.with(|_| cost_bytes, open, work).await
    }
}

fn bytes_of(rows: &[String]) -> u64 {
    rows.iter().map(|row| row.len() as u64).sum()
}
