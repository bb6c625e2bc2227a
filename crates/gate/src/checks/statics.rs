//! CG-01, CG-02, CG-03 and CG-10: every issue that registration would find, each under the check whose law it breaks.

use omega_contract::conformance::CheckId;
use omega_contract::{ErrorCode, Severity};
use omega_validator::{ManifestCheck, ManifestIssue};

use crate::sheet::Verdict;

/// Issues that one detail names.
const NAMED_MAX: usize = 5;

/// The check that an issue belongs to.
pub(crate) fn check_of(issue: &ManifestIssue) -> CheckId {
    let field = issue.field.as_str();
    let of_descriptor = field.starts_with("io.") && (field.ends_with(".schema_ref") || field.contains(".limits"));
    match issue.code {
        ErrorCode::CapabilityForbidden => CheckId::Capabilities,
        ErrorCode::ApiVersionIncompatible => CheckId::Version,
        _ if matches!(field, "api_version" | "supported_omega_api_versions") => CheckId::Version,
        _ if of_descriptor => CheckId::Schemas,
        _ => CheckId::Manifest,
    }
}

/// What forbids registration and belongs to this check.
fn errors_of(id: CheckId, found: &ManifestCheck) -> impl Iterator<Item = &ManifestIssue> {
    found.issues.iter().filter(move |issue| issue.severity == Severity::Error && check_of(issue) == id)
}

/// The verdict of one of the four.
pub(crate) fn judge(id: CheckId, found: &ManifestCheck) -> Verdict {
    let told = |issue: &ManifestIssue| {
        if issue.field.is_empty() { issue.message.clone() } else { format!("{}: {}", issue.field, issue.message) }
    };
    let errors: Vec<String> = errors_of(id, found).map(told).collect();
    if !errors.is_empty() {
        let more = errors.len().saturating_sub(NAMED_MAX);
        let named = errors.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join("; ");
        return Verdict::fail(if more > 0 { format!("{named}; and {more} more") } else { named });
    }
    let Some(manifest) = &found.manifest else {
        // Nothing of its own is wrong, as far as can be seen; what could not be read cannot be right.
        return if found.manifest_hash.is_none() {
            Verdict::fail("the manifest could not be read")
        } else {
            Verdict::pass("no issue; other parts of the manifest are at fault")
        };
    };
    Verdict::pass(match id {
        CheckId::Schemas => {
            let count = manifest.io.inputs.len() + manifest.io.outputs.len();
            format!("{count} descriptors, each with a schema that compiles and a size limit")
        }
        CheckId::Capabilities => {
            let asked: Vec<&str> = manifest.capabilities.iter().map(|capability| capability.as_str()).collect();
            format!("asks for {}", asked.join(", "))
        }
        CheckId::Version => match &found.api_version {
            Some(version) => format!("API {version} is spoken by both sides"),
            None => "no issue".to_owned(),
        },
        _ => "every field is valid".to_owned(),
    })
}
