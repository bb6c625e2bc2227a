//! What a plugin effectively holds: request ∩ grant ∩ ceiling (INV-PNP-06). Deny by default.

use omega_contract::capability::CapabilityApi;
use omega_contract::{Capability, CapabilitySet};

/// What the operator decided for one plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Granted by name.
    pub granted: CapabilitySet,
    /// Taken away by name. Wins over everything.
    pub revoked: CapabilitySet,
}

impl Grants {
    /// True where the operator allows it: not revoked, and either of API 1.0, which every plugin is
    /// granted by default, or granted by name, which each capability of API 1.1 needs.
    pub fn allow(&self, capability: Capability) -> bool {
        let by_default = capability.since() == CapabilityApi::V1_0;
        !self.revoked.contains(&capability) && (by_default || self.granted.contains(&capability))
    }
}

/// The capabilities that are requested by the manifest, allowed by the grants and within the ceiling.
pub fn effective_capabilities(requested: &[Capability], grants: &Grants, ceiling: &CapabilitySet) -> CapabilitySet {
    requested.iter().copied().filter(|capability| grants.allow(*capability) && ceiling.contains(capability)).collect()
}
