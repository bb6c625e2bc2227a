//! Calls.

use std::sync::{Mutex, PoisonError};

use omega_gateway::contract::{PipelinePolicy, PluginId, PluginRequest};
use omega_gateway::{Answer, Gateway, PipelineAnswer, ProgressListener};
use serde::{Deserialize, Serialize};

use crate::local::Told;
use crate::local::operation::operation;
use crate::local::wire::LARGE_BYTES_MAX;

/// How far a plugin says that it is with a call: a stranger's claim, for people to look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallProgress {
    /// Which plugin.
    pub plugin_id: PluginId,
    /// From 0 to 1.
    pub done: f64,
    /// What it is doing, at most 1 KiB.
    pub message: String,
}

operation! {
    /// Calls one plugin once.
    Invoke "invoke" {
        /// Which.
        plugin_id: PluginId,
        /// With what.
        request: PluginRequest,
    } -> Answer,
    |self, gateway| telling(gateway, self.told).invoke(&self.plugin_id, self.request).await,
    bytes_max: LARGE_BYTES_MAX,
    /// Who hears how far the plugin says it is.
    told: CallProgress
}

operation! {
    /// Calls several plugins on one request.
    InvokePipeline "invoke_pipeline" {
        /// Which, and how they follow each other.
        policy: PipelinePolicy,
        /// With what.
        request: PluginRequest,
    } -> PipelineAnswer,
    |self, gateway| telling(gateway, self.told).invoke_pipeline(&self.policy, self.request).await,
    bytes_max: LARGE_BYTES_MAX,
    /// Who hears how far the plugins say they are.
    told: CallProgress
}

/// The gateway, telling of its calls' progress.
fn telling(gateway: &Gateway, told: Told<CallProgress>) -> Gateway {
    let told = Mutex::new(told);
    gateway.progress_told_to(ProgressListener::new(move |plugin_id, progress| {
        let one = CallProgress { plugin_id: plugin_id.clone(), done: progress.done, message: progress.message.clone() };
        told.lock().unwrap_or_else(PoisonError::into_inner).say(one);
    }))
}
