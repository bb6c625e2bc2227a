//! A list of issues in the making. What never happens here: deciding what is an issue.

use omega_contract::{ErrorCode, Issue, Severity, Sha256Hex, Timestamp, ValidationReport};

/// Issues that are listed; what is beyond them is counted in a last one.
pub const ISSUES_MAX: usize = 256;

/// One issue, with the stable code that a refusal because of it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestIssue {
    /// The code.
    pub code: ErrorCode,
    /// The field's path; `""` for the whole.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// Whether it forbids registration.
    pub severity: Severity,
}

/// Issues as they are found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    issues: Vec<ManifestIssue>,
    untold: usize,
}

impl Findings {
    pub(crate) fn error(&mut self, code: ErrorCode, field: impl Into<String>, message: impl Into<String>) {
        self.push(ManifestIssue { code, field: field.into(), message: message.into(), severity: Severity::Error });
    }

    pub(crate) fn warning(&mut self, field: impl Into<String>, message: impl Into<String>) {
        let code = ErrorCode::ManifestInvalid;
        self.push(ManifestIssue { code, field: field.into(), message: message.into(), severity: Severity::Warning });
    }

    pub(crate) fn has_error(&self) -> bool {
        self.issues.iter().any(|issue| issue.severity == Severity::Error)
    }

    /// In the order found, errors before warnings, without repetitions.
    pub(crate) fn into_issues(mut self) -> Vec<ManifestIssue> {
        self.issues.sort_by_key(|issue| issue.severity);
        if self.untold > 0 {
            let message = format!("{} more issues are not listed", self.untold);
            self.issues.push(ManifestIssue {
                code: ErrorCode::ManifestInvalid,
                field: String::new(),
                message,
                severity: Severity::Error,
            });
        }
        self.issues
    }

    fn push(&mut self, issue: ManifestIssue) {
        if self.issues.contains(&issue) {
            return;
        }
        if self.issues.len() < ISSUES_MAX {
            self.issues.push(issue);
        } else {
            self.untold += 1;
        }
    }
}

pub(crate) fn report(issues: &[ManifestIssue], manifest_hash: Option<Sha256Hex>, now: Timestamp) -> ValidationReport {
    let issue = |issue: &ManifestIssue| Issue {
        field: issue.field.clone(),
        message: issue.message.clone(),
        severity: issue.severity,
    };
    ValidationReport {
        valid: issues.iter().all(|issue| issue.severity != Severity::Error),
        issues: issues.iter().map(issue).collect(),
        manifest_hash: manifest_hash.map(|hash| hash.to_string()).unwrap_or_default(),
        checked_at: now,
    }
}
