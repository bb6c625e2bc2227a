//! What the router asks of the gateway that holds it.

use std::sync::Arc;
use std::time::Instant;

use omega_contract::commitment::Salt;
use omega_contract::ports::BoxFuture;
use omega_contract::{ErrorCode, Host, Meta, Payload, PluginId, Sha256Hex};
use omega_validator::{Call, HeldData, Verified};

use crate::asked::ProgressListener;
use crate::target::Target;

/// A rule said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// Which rule.
    pub code: ErrorCode,
    /// What, where, and what would be right; for people.
    pub message: String,
}

impl Refused {
    /// A refusal with its message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// What the router asks of the gateway: finding, holding and keeping. It decides nothing.
pub trait Services: Send + Sync + 'static {
    /// The enabled version of a plugin, ready to run.
    fn find<'a>(&'a self, plugin_id: &'a PluginId) -> BoxFuture<'a, Result<Arc<Target>, Refused>>;

    /// Whether OMEGA holds what a payload refers to, with the hash that it states and within the limit.
    fn check_payload<'a>(
        &'a self,
        target: &'a Target,
        call: &'a Verified<Call>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<(), Refused>>;

    /// The brokers of one attempt; what the plugin says of its progress goes to `progress`.
    fn brokers(
        &self,
        target: &Target,
        call: &Verified<Call>,
        progress: &ProgressListener,
        deadline: Instant,
    ) -> Arc<dyn CallBrokers>;

    /// What OMEGA holds, by name: what a result may refer to at all.
    fn held(&self) -> &dyn HeldData;

    /// Whether the content that a result refers to has the hash that it states (step 8).
    fn check_result<'a>(&'a self, target: &'a Target, result: &'a Payload) -> BoxFuture<'a, Result<(), Refused>>;

    /// Keeps canonical bytes as an artifact, for replay (`log_level: full`); durable when it returns.
    ///
    /// # Errors
    /// What went wrong; then the call does not run.
    fn keep(&self, bytes: &[u8]) -> Result<Sha256Hex, Refused>;

    /// Makes and keeps the salt of one request's redaction commitments, outside the ledger.
    ///
    /// # Errors
    /// What went wrong; then the call does not run.
    fn salt(&self, run_id: &str, request_id: &str, step: u32) -> Result<Salt, Refused>;
}

/// The brokers of one attempt, and what they were used for.
pub trait CallBrokers: Host {
    /// The `meta` of one BROKER event for each broker that was asked: counts and digests, never bodies.
    fn uses(&self) -> Vec<Meta>;

    /// The guest's log lines, bounded; for the operator, never for the ledger.
    fn log_text(&self) -> String;
}
