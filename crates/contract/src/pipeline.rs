//! Pipelines (spec page 1).

use serde::{Deserialize, Serialize};

use crate::exchange::{PluginResponse, Status};
use crate::ids::{PluginId, RunId};

/// Which plugins run on one request, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelinePolicy {
    /// In which order, and on what input.
    pub strategy: PipelineStrategy,
    /// The plugins, one step each.
    pub plugin_ids: Vec<PluginId>,
    /// Bounds the whole pipeline, in milliseconds.
    pub timeout_ms: u64,
    /// End at the first step that is not `ok`. A `chain` always does: it has nothing to pass on.
    pub stop_on_failure: bool,
}

/// How the steps of a pipeline follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PipelineStrategy {
    /// One after the other, the same request to each.
    Sequential,
    /// All at once, the same request to each.
    FanOut,
    /// Each step's result is the next step's payload (API 1.1).
    Chain,
}

impl PipelineStrategy {
    /// The strategy as it is written in the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::FanOut => "fan_out",
            Self::Chain => "chain",
        }
    }
}

/// What a pipeline gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineResponse {
    /// The request's run.
    pub run_id: RunId,
    /// How the steps followed each other.
    pub strategy: PipelineStrategy,
    /// One result per plugin, in the order of the policy; fewer where it was stopped early.
    pub steps: Vec<PipelineStep>,
    /// The worst of the steps.
    pub overall_status: Status,
    /// Wall-clock time of the whole, in milliseconds.
    pub total_duration_ms: u64,
}

/// One step of a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineStep {
    /// The plugin of this step.
    pub plugin_id: PluginId,
    /// What it gave.
    pub response: PluginResponse,
    /// Its place, from 0.
    pub step_index: u32,
}
