//! Replay: re-executes what a run's deterministic plugins did and compares the results (spec page 3).
//!
//! What ran is loaded by the digest that the ledger names, verified again with the keys that are trusted now, and called
//! through the router and its lane like any other call; each repeated call is an INVOKE and an outcome of the replay's
//! own run, and names what it repeats. What never happens here: a plugin run another way, a change of the run that is
//! replayed, or a call taken for the same that was not run.

mod ready;
mod recorded;
mod verdict;

use std::collections::HashMap;
use std::sync::Arc;

use omega_contract::{PluginRequest, RunId, Sha256Hex};
use omega_ledger::{Order, Query};
use omega_router::Target;

use self::ready::Ready;
use self::recorded::{Observed, Recorded, Recording};
pub use self::verdict::{Assurance, ChangedLimit, Difference, ReplayVerdict, ReplayedCall, WhyNot};
use self::verdict::{Began, changed_limits, judge};
use crate::admin::Admin;
use crate::error::GatewayError;

/// Events that are read at once: a run of any length takes the memory of so many.
const EVENTS_AT_ONCE: usize = 1_024;
/// Packages that are kept loaded while a run is replayed.
const LOADED_MAX: usize = 64;

/// What a replay of a run came to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReplayReport {
    /// The run that was replayed.
    pub run_id: RunId,
    /// The run that holds the repeated calls; none where nothing was repeated.
    pub replay_run_id: Option<RunId>,
    /// Calls with the same result.
    pub same: u64,
    /// Calls with another result, or none.
    pub different: u64,
    /// Calls of which it could not be found out.
    pub not_replayable: u64,
    /// Attempts and refusals that gave no result: there is nothing to compare.
    pub without_result: u64,
}

impl Admin {
    /// Calls every `ok` call of a run once more, from what is stored, and compares the hashes of the results. `told`
    /// hears of each call as it is done, in the order of the ledger. Events that come into the run meanwhile are not
    /// looked at.
    ///
    /// # Errors
    /// `run_unknown`; `ledger_unavailable`, `ledger_corrupt`. Whatever else keeps a call from being repeated is that
    /// call's [`WhyNot`].
    pub async fn replay(
        &self,
        run_id: &RunId,
        mut told: impl FnMut(&ReplayedCall) + Send,
    ) -> Result<ReplayReport, GatewayError> {
        let end = self.gateway.inner.ledger.head().map_or(0, |head| head.index.saturating_add(1));
        let mut query = Query {
            run_id: Some(run_id.clone()),
            order: Order::OldestFirst,
            limit: EVENTS_AT_ONCE,
            indexes: 0..end,
            ..Query::default()
        };
        let mut replay = Replay::new(self);
        let mut report = ReplayReport {
            run_id: run_id.clone(),
            replay_run_id: None,
            same: 0,
            different: 0,
            not_replayable: 0,
            without_result: 0,
        };
        let (mut recording, mut events) = (Recording::default(), 0);
        loop {
            let page = self.page(&query).await?;
            events += page.events.len();
            for placed in page.events {
                match recording.observe(run_id, placed) {
                    Observed::Nothing => {}
                    Observed::WithoutResult => report.without_result += 1,
                    Observed::Call(recorded) => {
                        let call = replay.call(*recorded).await?;
                        *match call.verdict {
                            ReplayVerdict::Same => &mut report.same,
                            ReplayVerdict::Different(_) => &mut report.different,
                            ReplayVerdict::NotReplayable(_) => &mut report.not_replayable,
                        } += 1;
                        told(&call);
                    }
                }
            }
            let Some(next) = page.next else { break };
            query.indexes = next;
        }
        if events == 0 {
            let code = omega_contract::ErrorCode::RunUnknown;
            return Err(GatewayError::new(code, format!("the ledger has no run {run_id}")));
        }
        report.replay_run_id = replay.repeated.then_some(replay.run_id);
        Ok(report)
    }

    async fn page(&self, query: &Query) -> Result<omega_ledger::Page, GatewayError> {
        let (ledger, query) = (Arc::clone(&self.gateway.inner.ledger), query.clone());
        let page = tokio::task::spawn_blocking(move || ledger.query(&query)).await;
        Ok(page.map_err(|error| GatewayError::new(omega_contract::ErrorCode::Io, error.to_string()))??)
    }
}

/// A replay under way.
struct Replay<'a> {
    admin: &'a Admin,
    run_id: RunId,
    repeated: bool,
    loaded: HashMap<Sha256Hex, Result<Arc<Target>, WhyNot>>,
}

impl<'a> Replay<'a> {
    fn new(admin: &'a Admin) -> Self {
        let run_id = format!("replay-{}", ulid::Ulid::generate()).parse().expect("33 characters");
        Self { admin, run_id, repeated: false, loaded: HashMap::new() }
    }

    async fn call(&mut self, recorded: Recorded) -> Result<ReplayedCall, GatewayError> {
        let mut call = ReplayedCall {
            event_index: recorded.of.event_index,
            plugin_id: recorded.plugin_id.clone(),
            request_id: recorded.request_id.clone(),
            step: recorded.step,
            package_digest: recorded.package_digest,
            output_hash: recorded.output_hash.clone(),
            verdict: ReplayVerdict::Same,
            replay_event_index: None,
            assurance: None,
        };
        match self.ready(&recorded).await {
            Err(why) => call.verdict = ReplayVerdict::NotReplayable(why),
            Ok(ready) => self.repeat(&recorded, ready, &mut call).await?,
        }
        Ok(call)
    }

    /// Runs it and says what came of it.
    async fn repeat(&mut self, recorded: &Recorded, ready: Ready, call: &mut ReplayedCall) -> Result<(), GatewayError> {
        let inner = &self.admin.gateway.inner;
        let Ready { target, payload } = ready;
        let request = PluginRequest {
            // Unique in the replay's run: an event is replayed once.
            request_id: format!("event-{}", recorded.of.event_index).parse().expect("at most 26 characters"),
            run_id: self.run_id.clone(),
            timestamp: inner.clock.now(),
            payload,
            context: std::collections::BTreeMap::new(),
            // None: the plugin's own `max_ms`, the most time that a call of it may have.
            policy: None,
        };
        let limits = changed_limits(
            (recorded.memory_bytes_max, recorded.fuel_max),
            (target.limits.memory_bytes_max, target.limits.fuel_max),
        );
        call.assurance = Some(Assurance {
            determinism: target.lane.determinism,
            engine: target.lane.engine.clone(),
            recorded_engine: recorded.engine.clone(),
        });
        self.repeated = true;
        let asked = self.admin.gateway.asked(request);
        // With a breaker of its own: one call that fails must not keep the next from being looked at.
        let answer = inner.router.replay(Arc::new(target.unused()), asked, &recorded.of).await?;
        let began = if answer.reason.is_none() || self.has_begun(answer.event_index)? { Began::Yes } else { Began::No };
        call.replay_event_index = Some(answer.event_index);
        call.verdict = judge(&recorded.output_hash, &answer, began, limits);
        Ok(())
    }

    /// Whether an outcome is that of an attempt: a refusal before anything ran names none.
    fn has_begun(&self, event_index: u64) -> Result<bool, GatewayError> {
        Ok(self.admin.event(event_index)?.meta.contains_key("attempt"))
    }
}
