//! Writing what was decided: the ledger first, the registry after.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use omega_contract::ports::Recorded;
use omega_contract::{Caller, ErrorCode, EventDraft, EventKind, PluginId, Recorder as _};
use omega_ledger::{Ledger, LedgerError, PlacedEvent};
use omega_registry::{Decision, Registry};
use semver::Version;
use tokio::sync::MutexGuard;

use crate::directory::Directory;
use crate::error::GatewayError;
use crate::evidence::Forgotten;
use crate::salts::Salts;
use crate::tokens::TokenCache;

/// Events that are read and applied at once: a history of any length takes the memory of so many.
const EVENTS_AT_ONCE: usize = 4_096;

/// The ledger and its projection.
///
/// A decision holds once it is in the ledger, also where it could not be applied after that: because the registry's disk
/// is full, or because whoever asked for it went away half-way. Until it is applied, nothing is served from before it.
pub(crate) struct Journal {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) salts: Salts,
    pub(crate) tokens: TokenCache,
    /// Lifecycle changes come one after the other, so that each sees what the one before decided.
    turn: tokio::sync::Mutex<()>,
    /// Decisions that the ledger may hold and that were not applied.
    unapplied: AtomicU64,
}

impl Journal {
    pub(crate) fn new(ledger: Arc<Ledger>, registry: Arc<Registry>, directory: Arc<Directory>, salts: Salts) -> Self {
        let (turn, unapplied) = (tokio::sync::Mutex::default(), AtomicU64::new(0));
        Self { ledger, registry, directory, salts, tokens: TokenCache::default(), turn, unapplied }
    }

    /// The right to decide, with all that was decided before applied.
    pub(crate) async fn turn(&self) -> Result<MutexGuard<'_, ()>, GatewayError> {
        let turn = self.turn.lock().await;
        self.settle()?;
        Ok(turn)
    }

    /// The right to decide, whether or not what was decided before could be applied.
    pub(crate) async fn turn_unsettled(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Makes a decision durable in the caller's name, then applies it. Whoever asks holds the turn.
    pub(crate) async fn decide(&self, caller: &Caller, decision: &Decision) -> Result<Recorded, GatewayError> {
        let no_form = |error: serde_json::Error| GatewayError::new(ErrorCode::Io, error.to_string());
        let draft = decision.to_draft(caller).map_err(no_form)?;
        let mut deciding = Deciding { journal: self, is_applied: false };
        let event = self.write(draft).await?;
        self.catch_up()?;
        self.tokens.forget();
        deciding.is_applied = true;
        Ok(event)
    }

    /// Applies what was decided and not applied, if there is anything.
    pub(crate) fn settle(&self) -> Result<(), GatewayError> {
        let unapplied = self.unapplied.load(Ordering::Acquire);
        if unapplied == 0 {
            return Ok(());
        }
        // First the ledger's disk: the projection never holds what the ledger could still lose.
        self.ledger.flush()?;
        self.catch_up()?;
        self.directory.forget_all();
        self.tokens.forget();
        // One that came meanwhile is for whoever settles next.
        let _more = self.unapplied.compare_exchange(unapplied, 0, Ordering::AcqRel, Ordering::Relaxed);
        Ok(())
    }

    /// Appends an event and waits until it is durable.
    pub(crate) async fn write(&self, draft: EventDraft) -> Result<Recorded, GatewayError> {
        let event = self.ledger.record(draft)?;
        self.ledger.durable(event).await?;
        Ok(event)
    }

    /// Applies what the ledger holds and the registry does not.
    fn catch_up(&self) -> Result<(), GatewayError> {
        self.bring_forward(&self.registry).map(|_| ())
    }

    /// Whether the registry can be made from the ledger at all: not where decisions of its beginning were archived. A
    /// registry without them would know no plugin and no revocation.
    pub(crate) fn may_begin_anew(&self) -> Result<(), GatewayError> {
        match self.ledger.first_index()? {
            0 => Ok(()),
            first_index => Err(LedgerError::Archived { first_index }.into()),
        }
    }

    /// Applies what the ledger holds and `registry` does not; gives how many events those were.
    pub(crate) fn bring_forward(&self, registry: &Registry) -> Result<u64, GatewayError> {
        if registry.applied()?.is_none() {
            self.may_begin_anew()?;
        }
        let mut applied = 0;
        loop {
            let events =
                self.ledger.lifecycle_since(registry.applied()?.map(|applied| applied.index), EVENTS_AT_ONCE)?;
            self.forget(&events)?;
            registry.apply(events.iter().map(|placed| (placed.index, &placed.event)))?;
            applied += events.len() as u64;
            if events.len() < EVENTS_AT_ONCE {
                return Ok(applied);
            }
        }
    }

    /// Deletes the salts that are to be forgotten. Done again whenever the decisions are read again: a crash between the
    /// two, or salts that came back from a backup, are mended then.
    fn forget(&self, events: &[PlacedEvent]) -> Result<(), GatewayError> {
        for placed in events {
            if let Some(forgotten) = Forgotten::of(placed)? {
                let deleted = self.salts.delete(&forgotten.run_id, &forgotten.request_id, &forgotten.steps);
                deleted.map_err(|error| {
                    GatewayError::new(ErrorCode::Io, format!("a redaction salt cannot be deleted: {}", error.kind()))
                })?;
            }
        }
        Ok(())
    }

    /// At the start: as [`Journal::catch_up`], but a registry that has seen events which the ledger does not have is made
    /// anew. That is what a power cut leaves in relaxed mode, or whoever put an older ledger back.
    pub(crate) fn reconcile(&self) -> Result<(), GatewayError> {
        if let Some(applied) = self.registry.applied()? {
            let found = self.ledger.event(applied.index)?.map(|placed| placed.event.event_hash);
            if found.is_none() || found != applied.event_hash {
                self.may_begin_anew()?;
                self.registry.begin_anew()?;
            }
        }
        self.catch_up()
    }

    /// Journals that an operation on a plugin was refused, and gives the error that names the event.
    pub(crate) async fn refuse(
        &self,
        caller: &Caller,
        operation: &'static str,
        plugin_id: &PluginId,
        version: Option<&Version>,
        error: GatewayError,
    ) -> GatewayError {
        let mut draft = EventDraft::system(EventKind::Reject)
            .with("operation", operation)
            .with("reason", error.code.as_str())
            .asked_by(caller);
        draft.plugin_id = Some(plugin_id.clone());
        if let Some(version) = version {
            draft = draft.with("version", version.to_string());
        }
        match self.write(draft).await {
            Ok(event) => error.recorded(event.index),
            Err(unwritable) => unwritable,
        }
    }
}

/// A decision under way. Dropped before it was applied, it may still be in the ledger.
struct Deciding<'a> {
    journal: &'a Journal,
    is_applied: bool,
}

impl Drop for Deciding<'_> {
    fn drop(&mut self) {
        if !self.is_applied {
            self.journal.unapplied.fetch_add(1, Ordering::AcqRel);
        }
    }
}
