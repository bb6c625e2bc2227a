//! What the registry tells of a plugin (spec page 2, "Other records").

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::digest::Sha256Hex;
use crate::ids::{KeyId, PluginId};
use crate::manifest::DeterminismMode;
use crate::timestamp::Timestamp;

/// One registered version of a plugin, or one rejected package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginInfo {
    /// The plugin's id. A rejected package may claim an id that it does not reserve.
    pub plugin_id: PluginId,
    /// The manifest's name.
    pub name: String,
    /// The manifest's version.
    pub version: Version,
    /// Where it stands.
    pub status: PluginStatus,
    /// What the manifest asks for, as written there.
    pub capabilities: Vec<String>,
    /// When it was registered or rejected.
    pub registered_at: Timestamp,
    /// Whether a trusted key's signature over exactly these files was verified.
    pub signature_valid: bool,
    /// The lane it runs in; none where the manifest does not tell.
    pub lane: Option<LaneKind>,
    /// What the manifest declares.
    pub determinism: Option<DeterminismMode>,
    /// The key that signed it.
    pub key_id: Option<KeyId>,
    /// `hash({path: sha256})` over every file of the package but the signature.
    pub package_digest: Sha256Hex,
}

/// Where a plugin stands (spec page 1, "Layers").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginStatus {
    /// Admitted, never enabled yet.
    Registered,
    /// Takes calls.
    Enabled,
    /// Takes no calls.
    Disabled,
    /// Not admitted; can never be enabled.
    Rejected,
}

impl PluginStatus {
    /// The status as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Rejected => "rejected",
        }
    }
}

impl std::fmt::Display for PluginStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kinds of isolated places where plugins run (spec page 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneKind {
    /// WebAssembly components.
    Wasm,
    /// Python and JavaScript in locked-down single-use processes.
    Worker,
    /// OCI images.
    Container,
}

impl LaneKind {
    /// The lane's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wasm => "wasm",
            Self::Worker => "worker",
            Self::Container => "container",
        }
    }
}

impl std::fmt::Display for LaneKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
