//! What a validation found.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// The result of `validate_manifest` (spec page 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationReport {
    /// True where no issue is an error.
    pub valid: bool,
    /// Everything found, all at once.
    pub issues: Vec<Issue>,
    /// `hash(manifest)`, or `""` where the bytes are not JSON that the contract takes.
    pub manifest_hash: String,
    /// When.
    pub checked_at: Timestamp,
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issue {
    /// The field's path, such as `io.inputs[0].limits.max_bytes`; `""` for the whole.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// Whether it forbids registration.
    pub severity: Severity,
}

/// Whether an issue forbids registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}
