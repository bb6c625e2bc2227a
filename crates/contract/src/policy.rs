//! What a person decided: trusted keys and grants. Each is the canonical content of a POLICY event.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::ids::{KeyId, PluginId};

/// A signing key that a person approved (spec page 2, "Signature").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// SHA-256 of the SPKI DER.
    pub key_id: KeyId,
    /// The public key, SPKI PEM (RFC 8410).
    pub public_key_pem: String,
    /// For people.
    pub label: String,
    /// Which plugin ids it may sign: globs with `*`; empty means every id.
    pub plugins: Vec<String>,
    /// Which capabilities its plugins may ask for; none means every one.
    pub max_capabilities: Option<Vec<Capability>>,
}

/// Somebody outside who sees the log's checkpoints and confirms that each extends the one before (C2SP tlog-witness).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// For people, and to name it on the command line.
    pub name: String,
    /// Its verifier key (C2SP tlog-cosignature).
    pub verifier_key: String,
    /// Where it takes checkpoints: `http://host[:port]/path`, to which `/add-checkpoint` is added; none where its
    /// cosignatures come as files.
    pub url: Option<String>,
}

/// What the operator allows one plugin (spec page 4, "Grants and brokers").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// For which plugin.
    pub plugin_id: PluginId,
    /// For which of its major versions.
    pub major_version: u64,
    /// What.
    pub capability: Capability,
    /// With which bounds; the broker of the capability says which it knows.
    pub params: Map<String, Value>,
}
