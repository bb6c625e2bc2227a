//! Watching calls from beside: metrics and traces. What an observer sees proves nothing, and it cannot change anything.

use std::time::Duration;

use omega_contract::{Caller, ErrorCode, PluginId, RequestId, RunId, Status};
use omega_router::CallStages;

/// Hears of each call that was answered.
pub trait CallObserver: Send + Sync {
    /// One call, or one step of a pipeline, was answered. Called on the call's own task: quick, or handed on.
    fn answered(&self, call: &ObservedCall<'_>);
}

/// A call that was answered.
#[derive(Debug, Clone, Copy)]
pub struct ObservedCall<'a> {
    /// Who asked.
    pub caller: &'a Caller,
    /// Which plugin; not necessarily one that is there.
    pub plugin_id: &'a PluginId,
    /// In which run.
    pub run_id: &'a RunId,
    /// Under which id.
    pub request_id: &'a RequestId,
    /// How it ended.
    pub status: Status,
    /// Why, where it is not `ok`.
    pub reason: Option<ErrorCode>,
    /// Where the outcome stands.
    pub event_index: u64,
    /// From the request to the answer.
    pub took: Duration,
    /// How long it was in each stage; nothing where a rule refused it before it ran.
    pub stages: CallStages,
}

/// What is going on in a gateway right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// Calls that run.
    pub calls_running: usize,
    /// Calls that wait for one of the gateway's places.
    pub calls_waiting: usize,
    /// Plugins that are kept ready.
    pub plugins_ready: usize,
    /// Events in the ledger.
    pub events: u64,
    /// Events that the newest signed checkpoint covers.
    pub events_checkpointed: u64,
}
