//! What a plugin may know about the call it answers.

use std::collections::BTreeMap;

/// The call's circumstances: a plugin's optional second argument.
///
/// A plugin declared `deterministic` sees blank ids, a constant timestamp and an empty context, because what influences the
/// result belongs in the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The id of this one request.
    pub request_id: String,
    /// The id of the run that the request is part of.
    pub run_id: String,
    /// When the request was made, RFC 3339.
    pub timestamp: String,
    /// What the caller says beside the payload. Data, never secrets.
    pub context: BTreeMap<String, String>,
}
