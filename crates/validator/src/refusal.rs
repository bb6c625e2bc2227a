//! A rule's no: the stable code, and one sentence that says what would be right.
//!
//! What never happens here: data of a payload in the sentence. It names places and expectations, so that
//! it may stand in an event.

use omega_contract::ErrorCode;

/// Why a request or a result was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The stable code.
    pub code: ErrorCode,
    /// What exactly, for people.
    pub message: String,
}

impl Refusal {
    /// A refusal by `code`. The message says what would be right and quotes no data.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
