//! How the gateway says no outside a response.

use omega_contract::ports::RecorderError;
use omega_contract::{ErrorCode, ValidationReport};
use omega_registry::{RegistryError, StoreError};

use crate::home::HomeError;

/// A refusal or a failure, with its stable code and where its evidence stands.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct GatewayError {
    /// The stable code; it carries a sentence and a hint.
    pub code: ErrorCode,
    /// What and where, for people. No secret, no payload.
    pub message: String,
    /// The index of the event that records it, where one does.
    pub event_index: Option<u64>,
    /// What validation found, where a package or manifest was refused.
    pub report: Option<Box<ValidationReport>>,
}

impl GatewayError {
    /// An error without event and report.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), event_index: None, report: None }
    }

    /// The same error, recorded by this event.
    #[must_use]
    pub fn recorded(mut self, event_index: u64) -> Self {
        self.event_index = Some(event_index);
        self
    }
}

impl From<RecorderError> for GatewayError {
    fn from(error: RecorderError) -> Self {
        Self::new(ErrorCode::LedgerUnavailable, error.to_string())
    }
}

impl From<RegistryError> for GatewayError {
    fn from(error: RegistryError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<StoreError> for GatewayError {
    fn from(error: StoreError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<HomeError> for GatewayError {
    fn from(error: HomeError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
