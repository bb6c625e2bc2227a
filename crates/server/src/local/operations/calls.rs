//! Calls.

use omega_gateway::contract::{PipelinePolicy, PluginId, PluginRequest};
use omega_gateway::{Answer, PipelineAnswer};

use crate::local::operation::operation;
use crate::local::wire::LARGE_BYTES_MAX;

operation! {
    /// Calls one plugin once.
    Invoke "invoke" {
        /// Which.
        plugin_id: PluginId,
        /// With what.
        request: PluginRequest,
    } -> Answer,
    |self, gateway| gateway.invoke(&self.plugin_id, self.request).await,
    bytes_max: LARGE_BYTES_MAX
}

operation! {
    /// Calls several plugins on one request.
    InvokePipeline "invoke_pipeline" {
        /// Which, and how they follow each other.
        policy: PipelinePolicy,
        /// With what.
        request: PluginRequest,
    } -> PipelineAnswer,
    |self, gateway| gateway.invoke_pipeline(&self.policy, self.request).await,
    bytes_max: LARGE_BYTES_MAX
}
