//! Writing what was decided: the ledger first, the registry after.

use std::sync::Arc;

use omega_contract::ports::Recorded;
use omega_contract::{ErrorCode, EventDraft, EventKind, PluginId, Recorder as _};
use omega_ledger::Ledger;
use omega_registry::{Decision, Registry};
use semver::Version;

use crate::error::GatewayError;

/// The ledger and its projection, and in whose name changes are made.
pub(crate) struct Journal {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) actor: String,
    /// Lifecycle changes come one after the other, so that each sees what the one before decided.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

impl Journal {
    /// Makes a decision durable, then applies it. The caller holds the turn.
    pub(crate) async fn decide(&self, decision: &Decision) -> Result<Recorded, GatewayError> {
        let no_form = |error: serde_json::Error| GatewayError::new(ErrorCode::Io, error.to_string());
        let event = self.write(decision.to_draft(&self.actor).map_err(no_form)?).await?;
        self.catch_up()?;
        Ok(event)
    }

    /// Appends an event and waits until it is durable.
    pub(crate) async fn write(&self, draft: EventDraft) -> Result<Recorded, GatewayError> {
        let event = self.ledger.record(draft)?;
        self.ledger.durable(event).await?;
        Ok(event)
    }

    /// Applies what the ledger holds and the registry does not.
    pub(crate) fn catch_up(&self) -> Result<(), GatewayError> {
        let after = self.registry.applied_index()?;
        let events = self.ledger.lifecycle_since(after)?;
        self.registry.apply(events.iter().map(|placed| (placed.index, &placed.event)))?;
        Ok(())
    }

    /// Journals that an operation on a plugin was refused, and gives the error that names the event.
    pub(crate) async fn refuse(
        &self,
        operation: &'static str,
        plugin_id: &PluginId,
        version: Option<&Version>,
        error: GatewayError,
    ) -> GatewayError {
        let mut draft = EventDraft::system(EventKind::Reject)
            .with("operation", operation)
            .with("reason", error.code.as_str())
            .with("actor", self.actor.as_str());
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
