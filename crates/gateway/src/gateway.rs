//! The eight operations (spec page 1).

use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_contract::{
    Caller, Clock, ErrorCode, EventDraft, EventKind, PipelinePolicy, PluginId, PluginInfo, PluginRequest,
    Recorder as _, ValidationReport,
};
use omega_ledger::Ledger;
use omega_registry::{Page, PluginFilter};
use omega_router::{Answer, Asked, Asker, PipelineAnswer, PipelineError, ProgressListener, Router};
use tokio::sync::Semaphore;

use crate::admin::Admin;
use crate::directory::Directory;
use crate::error::GatewayError;
use crate::home::{Config, Home};
use crate::journal::Journal;
use crate::observer::{Activity, CallObserver, ObservedCall};
use crate::services::HomeServices;

/// The one door through which plugins run (INV-PNP-01). Cheap to clone; holds the home until the last
/// clone is dropped.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) inner: Arc<Inner>,
    /// On whose behalf this clone works.
    pub(crate) caller: Caller,
    pub(crate) observer: Option<Arc<dyn CallObserver>>,
    /// Who hears how far its calls are.
    pub(crate) progress: ProgressListener,
}

pub(crate) struct Inner {
    pub(crate) home: Home,
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) services: Arc<HomeServices>,
    pub(crate) router: Router,
    /// Places for builds of environments.
    pub(crate) environment_builds: Semaphore,
}

impl Gateway {
    /// What a person decides and maintains.
    pub fn admin(&self) -> Admin {
        Admin { gateway: self.clone() }
    }

    /// The same gateway on somebody else's behalf: whom the events name as `actor`, and the trace that they name.
    #[must_use]
    pub fn on_behalf_of(&self, caller: Caller) -> Self {
        Self { caller, ..self.clone() }
    }

    /// The same gateway with somebody who hears of each call that it, and clones of it, answer.
    #[must_use]
    pub fn observed_by(&self, observer: Arc<dyn CallObserver>) -> Self {
        Self { observer: Some(observer), ..self.clone() }
    }

    /// The same gateway with somebody who hears how far plugins say they are, in each call that it, and clones of it, make: at most
    /// every 50 ms of a call, with a message of at most 1 KiB. What is heard is a stranger's claim.
    #[must_use]
    pub fn progress_told_to(&self, progress: ProgressListener) -> Self {
        Self { progress, ..self.clone() }
    }

    /// What is going on right now.
    pub fn activity(&self) -> Activity {
        let inner = &self.inner;
        let (calls_running, calls_waiting) = inner.router.activity();
        Activity {
            calls_running,
            calls_waiting,
            plugins_ready: inner.directory.ready_count(),
            events: inner.ledger.head().map_or(0, |head| head.index.saturating_add(1)),
            events_checkpointed: inner.ledger.newest_checkpoint().head().size,
        }
    }

    /// On whose behalf this clone works: at first the user that opened it.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The home that this gateway holds.
    pub fn home(&self) -> &Home {
        &self.inner.home
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// How many events are on disk for good: whoever is shown no more than these is never shown what a power cut takes
    /// back (in relaxed mode: what is written).
    ///
    /// # Errors
    /// `ledger_unavailable`.
    pub async fn durable_events(&self) -> Result<u64, GatewayError> {
        let Some(head) = self.inner.ledger.head() else { return Ok(0) };
        self.inner.ledger.durable(head).await?;
        Ok(head.index.saturating_add(1))
    }

    /// Checks a manifest's bytes: every issue at once. Never fails and never panics, on any bytes.
    pub fn validate_manifest(&self, bytes: &[u8]) -> ValidationReport {
        omega_validator::validate_manifest(bytes, self.inner.clock.now())
    }

    /// A page of the plugins, by id, then version. Rejected packages are listed with the id that they claim.
    ///
    /// # Errors
    /// Where the registry's database cannot be read.
    pub fn list_plugins(&self, filter: &PluginFilter, page: &Page) -> Result<Vec<PluginInfo>, GatewayError> {
        let rows = self.inner.journal.registry.list(filter, page)?;
        Ok(rows.into_iter().map(|row| row.info).collect())
    }

    /// Calls one plugin once: spec page 1, "What `invoke` does". Every way in which a rule or the plugin
    /// says no is an [`Answer`] with its `status` and reason.
    ///
    /// Dropping the future ends the plugin; its outcome is then journalled as `interrupted`.
    ///
    /// # Errors
    /// `ledger_unavailable` alone: where no evidence can be written there is no answer.
    pub async fn invoke(&self, plugin_id: &PluginId, request: PluginRequest) -> Result<Answer, GatewayError> {
        let Some(observer) = &self.observer else {
            return Ok(self.inner.router.call(plugin_id, self.asked(request)).await?);
        };
        let (began, run_id) = (Instant::now(), request.run_id.clone());
        let answer = self.inner.router.call(plugin_id, self.asked(request)).await?;
        observer.answered(&ObservedCall {
            caller: &self.caller,
            plugin_id,
            run_id: &run_id,
            request_id: &answer.response.request_id,
            status: answer.response.status,
            reason: answer.reason,
            event_index: answer.event_index,
            took: began.elapsed(),
            stages: answer.stages,
        });
        Ok(answer)
    }

    /// Calls several plugins on one request.
    ///
    /// # Errors
    /// `pipeline_invalid` (or the code that keeps a step's plugin from being found, in a `chain`) where it
    /// cannot begin: journalled, nothing ran. `ledger_unavailable` where no evidence can be written.
    pub async fn invoke_pipeline(
        &self,
        policy: &PipelinePolicy,
        request: PluginRequest,
    ) -> Result<PipelineAnswer, GatewayError> {
        let mut draft = EventDraft::of_run(EventKind::Reject, request.run_id.clone()).asked_by(&self.caller);
        draft.request_id = Some(request.request_id.clone());
        match self.inner.router.pipeline(policy, self.asked(request)).await {
            Ok(answer) => {
                self.tell_of_steps(&answer);
                Ok(answer)
            }
            Err(PipelineError::Recorder(error)) => Err(error.into()),
            Err(PipelineError::Refused(refused)) => {
                let draft = draft.with("reason", refused.code.as_str()).with("operation", "invoke_pipeline");
                let event = self.inner.journal.write(draft).await?;
                Err(GatewayError::new(refused.code, refused.message).recorded(event.index))
            }
        }
    }

    fn tell_of_steps(&self, answer: &PipelineAnswer) {
        let Some(observer) = &self.observer else { return };
        for (step, evidence) in answer.response.steps.iter().zip(&answer.steps) {
            observer.answered(&ObservedCall {
                caller: &self.caller,
                plugin_id: &step.plugin_id,
                run_id: &answer.response.run_id,
                request_id: &step.response.request_id,
                status: step.response.status,
                reason: evidence.reason,
                event_index: evidence.event_index,
                took: Duration::from_millis(step.response.duration_ms),
                stages: evidence.stages,
            });
        }
    }

    pub(crate) fn asked(&self, request: PluginRequest) -> Asked {
        Asked { request, asker: Asker { caller: self.caller.clone(), progress: self.progress.clone() } }
    }

    /// Writes and syncs what is pending. Calls that are under way go on; their events are flushed when
    /// the last clone of the gateway is dropped.
    ///
    /// # Errors
    /// `ledger_unavailable`.
    pub async fn flush(&self) -> Result<(), GatewayError> {
        let ledger = Arc::clone(&self.inner.ledger);
        tokio::task::spawn_blocking(move || ledger.flush())
            .await
            .map_err(|error| GatewayError::new(ErrorCode::LedgerUnavailable, error.to_string()))??;
        Ok(())
    }
}
