//! One call, through the steps of spec page 1, "What `invoke` does".

use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_contract::limits::TIMEOUT_MS_MIN;
use omega_contract::ports::{CallKey, ClaimError, LaneRequest, RecorderError};
use omega_contract::{
    Clock, DeterminismMode, ErrorCode, EvidenceHashes, PluginId, PluginResponse, Recorder, Sha256Hex, Status, Timestamp,
};
use omega_validator::{Call, Ceilings, HashedRequest, Verified, check_request};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::asked::Asked;
use crate::attempt::{Outcome, Plan, Verdict};
use crate::breaker::{BreakerPolicy, Health};
use crate::evidence::{self, CallEvidence};
use crate::passing::{About, Admitted, Claim, Passing, Refusal};
use crate::quota::{Gate, Overloaded, QuotaPolicy};
use crate::replay::ReplayOf;
use crate::services::{Refused, Services};
use crate::target::Target;
use crate::turns::Turns;

/// First wait before a retry; doubled each time, with full jitter.
const BACKOFF_FIRST: Duration = Duration::from_millis(50);
/// Longest wait before a retry.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// What bounds every call.
#[derive(Debug, Clone)]
pub struct RouterPolicy {
    /// Places and queues.
    pub quota: QuotaPolicy,
    /// When a failing plugin is left alone.
    pub breaker: BreakerPolicy,
    /// The gateway's ceilings on payloads and results.
    pub ceilings: Ceilings,
    /// Longest call.
    pub timeout_max: Duration,
}

/// How long a call was in each of its stages. For operators: it stands in no event and proves nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallStages {
    /// Finding the plugin, loading it if need be.
    pub find: Duration,
    /// Checking the request and what it refers to.
    pub check: Duration,
    /// Waiting for a place.
    pub wait: Duration,
    /// In the sandbox, with what is around each attempt, and pauses between attempts.
    pub run: Duration,
    /// Until the outcome was durable.
    pub record: Duration,
}

/// What the caller gets: the response, and where its evidence stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The contract's response.
    pub response: PluginResponse,
    /// The stable code where `status` is not `ok`.
    pub reason: Option<ErrorCode>,
    /// The index of the outcome's event.
    pub event_index: u64,
    /// Its hash.
    pub event_hash: Sha256Hex,
    /// Whether the plugin ran: else a rule refused the call before that.
    pub ran: bool,
    /// How long to wait before it is worth trying again, where that is known (`circuit_open`).
    pub retry_after: Option<Duration>,
    /// What the plugin logged and wrote to standard error, bounded; untrusted text for the operator.
    pub guest_log: String,
    /// How long it was in each stage.
    pub stages: CallStages,
}

/// Takes requests to plugins.
pub struct Router {
    pub(crate) recorder: Arc<dyn Recorder>,
    pub(crate) services: Arc<dyn Services>,
    pub(crate) policy: RouterPolicy,
    pub(crate) turns: Turns,
    clock: Arc<dyn Clock>,
    gate: Gate,
}

impl Router {
    /// A router with all its places free.
    pub fn new(
        recorder: Arc<dyn Recorder>,
        services: Arc<dyn Services>,
        clock: Arc<dyn Clock>,
        policy: RouterPolicy,
    ) -> Self {
        let gate = Gate::new(policy.quota.calls_max, policy.quota.queue_max);
        Self { recorder, services, policy, turns: Turns::of_this_machine(), clock, gate }
    }

    /// Calls one plugin once. The answer is released only when its outcome is durable.
    ///
    /// # Errors
    /// [`RecorderError`] where no evidence could be written: then there is no answer either, whatever
    /// the plugin did.
    pub async fn call(&self, plugin_id: &PluginId, asked: impl Into<Asked>) -> Result<Answer, RecorderError> {
        let Asked { request, asker } = asked.into();
        let started = Instant::now();
        let timeout = request.policy.map_or(self.policy.timeout_max, |policy| timeout(policy.timeout_ms));
        let found = self.find(plugin_id, started + timeout.min(self.policy.timeout_max)).await;
        let request = Arc::new(HashedRequest::new(request));
        let found_at = Instant::now();
        let passing = Passing {
            plugin_id,
            request: &request,
            asker: &asker,
            step: 0,
            replays: None,
            until: None,
            started,
            found: found_at,
        };
        match found {
            Ok(target) => self.pass_to(target, passing).await,
            Err(refused) => self.refuse(passing.about(), refused.into(), started).await,
        }
    }

    /// Calls that run, and calls that wait for one of the gateway's places, right now.
    pub fn activity(&self) -> (usize, usize) {
        (self.gate.taken(), self.gate.waiting())
    }

    /// The plugin, which may have to be loaded first. That takes of the caller's time and of nobody else's:
    /// when it is over, the load goes on for whoever comes next.
    pub(crate) async fn find(&self, plugin_id: &PluginId, until: Instant) -> Result<Arc<Target>, Refused> {
        let found = tokio::time::timeout_at(until.into(), self.services.find(plugin_id)).await;
        found.unwrap_or_else(|_elapsed| {
            let message = format!("{plugin_id} is being loaded and was not ready in time; it may be called again");
            Err(Refused::new(ErrorCode::Overloaded, message))
        })
    }

    /// Calls a version that is not enabled (yet), for the runs that decide whether it may be. The same
    /// steps, the same evidence.
    ///
    /// # Errors
    /// As [`Router::call`].
    pub async fn call_target(&self, target: Arc<Target>, asked: impl Into<Asked>) -> Result<Answer, RecorderError> {
        self.call_loaded(target, asked.into(), None).await
    }

    /// Calls the version that gave an earlier result once more, enabled or not. The same steps, the same
    /// evidence, and each event names the result that is to be repeated.
    ///
    /// # Errors
    /// As [`Router::call`].
    pub async fn replay(
        &self,
        target: Arc<Target>,
        asked: impl Into<Asked>,
        of: &ReplayOf,
    ) -> Result<Answer, RecorderError> {
        self.call_loaded(target, asked.into(), Some(of)).await
    }

    async fn call_loaded(
        &self,
        target: Arc<Target>,
        Asked { request, asker }: Asked,
        replays: Option<&ReplayOf>,
    ) -> Result<Answer, RecorderError> {
        let started = Instant::now();
        let plugin_id = target.package.manifest().plugin_id.clone();
        let request = Arc::new(HashedRequest::new(request));
        let found = Instant::now();
        let passing = Passing {
            plugin_id: &plugin_id,
            request: &request,
            asker: &asker,
            step: 0,
            replays,
            until: None,
            started,
            found,
        };
        self.pass_to(target, passing).await
    }

    /// A pipeline's step.
    pub(crate) async fn pass(&self, passing: Passing<'_>) -> Result<Answer, RecorderError> {
        let until = passing.until.unwrap_or(passing.started + self.policy.timeout_max);
        match self.find(passing.plugin_id, until).await {
            Ok(target) => self.pass_to(target, Passing { found: Instant::now(), ..passing }).await,
            Err(refused) => self.refuse(passing.about(), refused.into(), passing.started).await,
        }
    }

    async fn pass_to(&self, target: Arc<Target>, passing: Passing<'_>) -> Result<Answer, RecorderError> {
        let about = || passing.about_call_of(&target);
        let checked = check_request(&target.package, passing.request, &target.capabilities, self.policy.ceilings);
        let call = match checked {
            Ok(call) => call,
            Err(refusal) => {
                let refused = Refused::new(refusal.code, refusal.message);
                return self.refuse(about(), refused.into(), passing.started).await;
            }
        };
        let key = passing.key();
        let claim = match self.claim(&key) {
            Ok(claim) => claim,
            Err(ClaimError::Unavailable(error)) => return Err(error),
            Err(ClaimError::Duplicate) => {
                let message =
                    format!("request {} of run {}, step {}, was run before", key.request_id, key.run_id, key.step);
                let refused = Refused::new(ErrorCode::DuplicateRequest, message);
                return self.refuse(about(), refused.into(), passing.started).await;
            }
        };
        match self.admit(Arc::clone(&target), call, &passing).await {
            Ok(admitted) => self.run(admitted, claim, &passing).await,
            Err(refusal) => {
                drop(claim);
                self.refuse(about(), refusal, passing.started).await
            }
        }
    }

    fn claim(&self, key: &CallKey) -> Result<Claim<'_>, ClaimError> {
        self.recorder.claim(key)?;
        Ok(Claim { recorder: &*self.recorder, key: Some(key.clone()) })
    }

    /// Steps 2 (references) and 4.
    async fn admit(
        &self,
        target: Arc<Target>,
        call: Verified<Call>,
        passing: &Passing<'_>,
    ) -> Result<Admitted<'_>, Refusal> {
        let deadline = self.deadline(&target, passing);
        self.services.check_payload(&target, &call, deadline).await?;
        let checked = Instant::now();
        let wait_until = deadline.min(Instant::now() + self.policy.quota.queue_wait_max);
        // The plugin's own place first: a plugin that hangs holds up its own callers, not everybody's.
        let own = target.gate.enter(wait_until).await.map_err(overloaded)?;
        let shared = self.gate.enter(wait_until).await.map_err(overloaded)?;
        let turn = self.turns.begin(&target.pace, wait_until).await.map_err(overloaded)?;
        let stages = CallStages {
            find: passing.found.saturating_duration_since(passing.started),
            check: checked.saturating_duration_since(passing.found),
            wait: checked.elapsed(),
            ..CallStages::default()
        };
        Ok(Admitted { target, call, deadline, places: (own, shared), turn, stages })
    }

    /// When the whole call ends: the request's `timeout_ms`, the ceiling, the pipeline's end. Who names no
    /// time has the plugin's, from when it was found: that it had to be loaded first takes none of it.
    fn deadline(&self, target: &Target, passing: &Passing<'_>) -> Instant {
        let (from, timeout_ms) = match passing.request.request().policy {
            Some(policy) => (passing.started, policy.timeout_ms),
            None => (passing.found, target.package.manifest().limits.max_ms),
        };
        let deadline = from + timeout(timeout_ms).min(self.policy.timeout_max);
        passing.until.map_or(deadline, |until| deadline.min(until))
    }

    /// Steps 5 to 9, with retries.
    async fn run(
        &self,
        admitted: Admitted<'_>,
        claim: Claim<'_>,
        passing: &Passing<'_>,
    ) -> Result<Answer, RecorderError> {
        let began = Instant::now();
        let Admitted { target, call, deadline, places: _held, turn, stages } = admitted;
        let mut turn = Some(turn);
        let evidence = match CallEvidence::prepare(&*self.services, Arc::clone(&target), &call, passing) {
            Ok(evidence) => evidence,
            Err(refused) => {
                drop((turn, claim));
                return self.refuse(passing.about_call_of(&target), refused.into(), passing.started).await;
            }
        };
        let plan = Plan {
            call: &call,
            evidence: &evidence,
            request: lane_request(&target, &call),
            seed: seed(&target, &call),
            progress: &passing.asker.progress,
        };
        let max_retries = passing.request.request().policy.map_or(0, |policy| policy.max_retries);
        let mut claim = Some(claim);
        let mut last: Option<Outcome> = None;
        for number in 1..=u32::from(max_retries) + 1 {
            let turn = match turn.take() {
                Some(turn) => turn,
                None => match self.turns.begin(&target.pace, deadline).await {
                    Ok(turn) => turn,
                    Err(_) => break,
                },
            };
            let passage = match target.breaker.admit(self.clock.monotonic()) {
                Ok(passage) => passage,
                Err(_) if last.is_some() => break,
                Err(open) => {
                    drop((turn, claim));
                    let refusal = circuit_open(passing.plugin_id, open.retry_after);
                    return self.refuse(passing.about_call_of(&target), refusal, passing.started).await;
                }
            };
            // From here on there is an INVOKE: the key is used.
            if let Some(claim) = claim.take() {
                claim.keep();
            }
            let attempt_max = Duration::from_millis(target.package.manifest().limits.max_ms);
            let attempt_deadline = deadline.min(Instant::now() + attempt_max);
            let outcome = self.attempt(&plan, number, attempt_deadline, turn).await?;
            let failed = matches!(outcome.verdict.status, Status::Error | Status::Timeout);
            passage.tell(if failed { Health::Failed } else { Health::Sound }, self.clock.monotonic());
            last = Some(outcome);
            let pause = backoff(number);
            if !failed || u32::from(max_retries) < number || Instant::now() + pause >= deadline {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        let outcome = last.expect("the loop runs at least once and every way out of it before an outcome returns");
        let ended = Instant::now();
        self.recorder.durable(outcome.event).await?;
        let stages = CallStages { run: ended.saturating_duration_since(began), record: ended.elapsed(), ..stages };
        Ok(answer(passing, outcome, stages))
    }

    /// One REJECT without INVOKE; the answer is released when it is durable.
    pub(crate) async fn refuse(
        &self,
        about: About<'_>,
        refusal: Refusal,
        started: Instant,
    ) -> Result<Answer, RecorderError> {
        let event = self.recorder.record(evidence::refusal(&about, &refusal.refused))?;
        self.recorder.durable(event).await?;
        let response = PluginResponse {
            request_id: about.request_id.clone(),
            plugin_id: about.plugin_id.clone(),
            status: refusal.status,
            result: None,
            evidence_hashes: EvidenceHashes { input_hash: about.input_hash.to_string(), output_hash: String::new() },
            duration_ms: whole_ms(started),
            notes: refusal.refused.message,
        };
        Ok(Answer {
            response,
            reason: Some(refusal.refused.code),
            event_index: event.index,
            event_hash: event.event_hash,
            ran: false,
            retry_after: refusal.retry_after,
            guest_log: String::new(),
            stages: CallStages::default(),
        })
    }
}

fn timeout(timeout_ms: u64) -> Duration {
    Duration::from_millis(timeout_ms.max(TIMEOUT_MS_MIN))
}

fn overloaded(full: Overloaded) -> Refused {
    Refused::new(ErrorCode::Overloaded, full.to_string())
}

fn circuit_open(plugin_id: &PluginId, retry_after: Duration) -> Refusal {
    let message =
        format!("{plugin_id} failed too often in a row; a trial call may pass in {} ms", retry_after.as_millis());
    Refusal {
        refused: Refused::new(ErrorCode::CircuitOpen, message),
        status: Status::Rejected,
        retry_after: Some(retry_after),
    }
}

/// What the guest is shown. A deterministic plugin sees nothing that differs between two calls with
/// the same payload (spec page 2, "Determinism").
fn lane_request(target: &Target, call: &Call) -> Arc<LaneRequest> {
    let request = call.request().request();
    let payload = request.payload.clone();
    Arc::new(match target.package.manifest().determinism.mode {
        DeterminismMode::Deterministic => LaneRequest {
            request_id: String::new(),
            run_id: String::new(),
            timestamp: Timestamp::EPOCH.to_string(),
            payload,
            context: std::collections::BTreeMap::new(),
        },
        DeterminismMode::Probabilistic => LaneRequest {
            request_id: request.request_id.to_string(),
            run_id: request.run_id.to_string(),
            timestamp: request.timestamp.to_string(),
            payload,
            context: request.context.clone(),
        },
    })
}

/// SHA-256(package_digest ‖ input_hash), over the raw bytes of both (spec page 2, "Determinism").
fn seed(target: &Target, call: &Call) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(target.package.package_digest().as_bytes());
    digest.update(call.input_hash().as_bytes());
    digest.finalize().into()
}

/// Exponential with full jitter: between half and the whole of 50 ms · 2^(n-1), at most 2 s.
fn backoff(attempt: u32) -> Duration {
    let ceiling = BACKOFF_FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(BACKOFF_MAX);
    ceiling.mul_f64(0.5 + fastrand::f64() / 2.0)
}

fn answer(passing: &Passing<'_>, outcome: Outcome, stages: CallStages) -> Answer {
    let Outcome { verdict: Verdict { status, reason, result, notes }, event, guest_log } = outcome;
    let (result, output_hash) = result.unzip();
    let response = PluginResponse {
        request_id: passing.request.request().request_id.clone(),
        plugin_id: passing.plugin_id.clone(),
        status,
        result,
        evidence_hashes: EvidenceHashes {
            input_hash: passing.request.input_hash().to_string(),
            output_hash: output_hash.map(|hash| hash.to_string()).unwrap_or_default(),
        },
        duration_ms: whole_ms(passing.started),
        notes,
    };
    Answer {
        response,
        reason,
        event_index: event.index,
        event_hash: event.event_hash,
        ran: true,
        retry_after: None,
        guest_log,
        stages,
    }
}

pub(crate) fn whole_ms(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}
