//! What a request carries on its way through the steps, and what it is refused with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_contract::ports::CallKey;
use omega_contract::{Caller, PluginId, Recorder, RequestId, RunId, Sha256Hex, Status};
use omega_validator::{Call, HashedRequest, Verified};

use crate::asked::Asker;
use crate::call::CallStages;
use crate::quota::Place;
use crate::replay::ReplayOf;
use crate::services::Refused;
use crate::target::Target;
use crate::turns::Turn;

/// A request on its way through the steps.
pub(crate) struct Passing<'a> {
    pub(crate) plugin_id: &'a PluginId,
    pub(crate) request: &'a Arc<HashedRequest>,
    pub(crate) asker: &'a Asker,
    pub(crate) step: u32,
    /// What it repeats, where it is a replay.
    pub(crate) replays: Option<&'a ReplayOf>,
    /// Bounds the call from outside: a pipeline's end.
    pub(crate) until: Option<Instant>,
    pub(crate) started: Instant,
    /// When its plugin was found, loaded if need be.
    pub(crate) found: Instant,
}

impl<'a> Passing<'a> {
    pub(crate) fn key(&self) -> CallKey {
        let request = self.request.request();
        CallKey { run_id: request.run_id.clone(), request_id: request.request_id.clone(), step: self.step }
    }

    /// Before the plugin is known: nobody has said what of the payload must not be recorded, so the
    /// record gets no hash of it.
    pub(crate) fn about(&self) -> About<'a> {
        let request = self.request.request();
        About {
            plugin_id: self.plugin_id,
            caller: &self.asker.caller,
            run_id: &request.run_id,
            request_id: &request.request_id,
            step: self.step,
            replays: self.replays,
            input_hash: self.request.input_hash(),
            recorded_hash: None,
        }
    }

    /// Once the plugin is known. Where its manifest redacts anything, the record gets no hash of the whole:
    /// a value that can be guessed could be found by its hash.
    pub(crate) fn about_call_of(&self, target: &Target) -> About<'a> {
        let about = self.about();
        let redacts = !target.package.manifest().evidence.redactions.is_empty();
        let recorded_hash = (!redacts).then_some(about.input_hash);
        About { recorded_hash, ..about }
    }
}

/// What a refusal is about.
pub(crate) struct About<'a> {
    pub(crate) plugin_id: &'a PluginId,
    pub(crate) caller: &'a Caller,
    pub(crate) run_id: &'a RunId,
    pub(crate) request_id: &'a RequestId,
    pub(crate) step: u32,
    pub(crate) replays: Option<&'a ReplayOf>,
    /// What the caller is told.
    pub(crate) input_hash: Sha256Hex,
    /// What the record may hold of it.
    pub(crate) recorded_hash: Option<Sha256Hex>,
}

/// A refusal in steps 1 to 5, with what the caller may want to know.
pub(crate) struct Refusal {
    pub(crate) refused: Refused,
    pub(crate) status: Status,
    pub(crate) retry_after: Option<Duration>,
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self { refused, status: Status::Rejected, retry_after: None }
    }
}

/// A request that was let in: what it holds while it runs.
pub(crate) struct Admitted<'a> {
    pub(crate) target: Arc<Target>,
    pub(crate) call: Verified<Call>,
    pub(crate) deadline: Instant,
    pub(crate) places: (Place, Place),
    /// With which its first attempt begins.
    pub(crate) turn: Turn<'a>,
    pub(crate) stages: CallStages,
}

/// Gives a call's key back unless an INVOKE was recorded under it.
pub(crate) struct Claim<'a> {
    pub(crate) recorder: &'a dyn Recorder,
    pub(crate) key: Option<CallKey>,
}

impl Claim<'_> {
    /// There is an INVOKE: the key is used.
    pub(crate) fn keep(mut self) {
        self.key = None;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.recorder.release(key);
        }
    }
}
