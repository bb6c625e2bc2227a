//! A plugin that can be called: the enabled version, ready in its lane.

use std::sync::Arc;

use omega_contract::ports::{Enforcement, LaneLimits, ReadyProgram};
use omega_contract::{CapabilitySet, plugin_info::LaneKind};
use omega_validator::{Package, Verified};

use crate::breaker::{Breaker, BreakerPolicy};
use crate::quota::Gate;
use crate::turns::Pace;

/// What of the lane goes into evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneFacts {
    /// Which lane.
    pub kind: LaneKind,
    /// Engine and version.
    pub engine: String,
    /// How determinism is held there.
    pub determinism: Enforcement,
    /// The layers in force, comma-separated.
    pub layers: String,
}

/// The enabled version of a plugin, its quota and its breaker.
pub struct Target {
    /// What was verified at admission, and again when it was loaded.
    pub package: Arc<Verified<Package>>,
    /// Ready in its lane.
    pub program: Arc<dyn ReadyProgram>,
    /// What it effectively holds.
    pub capabilities: CapabilitySet,
    /// Where it runs.
    pub lane: LaneFacts,
    /// The bounds of each call.
    pub limits: LaneLimits,
    pub(crate) gate: Gate,
    pub(crate) breaker: Breaker,
    pub(crate) pace: Pace,
    settings: (usize, BreakerPolicy),
}

impl Target {
    /// A target with an empty queue and a closed breaker.
    pub fn new(
        package: Arc<Verified<Package>>,
        program: Arc<dyn ReadyProgram>,
        capabilities: CapabilitySet,
        lane: LaneFacts,
        limits: LaneLimits,
        settings: (usize, BreakerPolicy),
    ) -> Self {
        let places_max = usize::try_from(package.manifest().limits.max_concurrency).unwrap_or(usize::MAX);
        let (gate, breaker) = (Gate::new(places_max, settings.0), Breaker::new(settings.1));
        Self { package, program, capabilities, lane, limits, gate, breaker, pace: Pace::default(), settings }
    }

    /// The same, as if it had never been called.
    #[must_use]
    pub fn unused(&self) -> Self {
        let (package, program) = (Arc::clone(&self.package), Arc::clone(&self.program));
        let (capabilities, lane, limits) = (self.capabilities.clone(), self.lane.clone(), self.limits.clone());
        Self::new(package, program, capabilities, lane, limits, self.settings)
    }
}
