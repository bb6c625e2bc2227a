//! Manifests: every issue at once, each with its field path (spec page 2).
//!
//! A manifest is checked against its contract schema first; then the rules between fields look at whatever
//! parts are there, so that one mistake does not hide the next. What never happens here: stopping at the
//! first issue, or panicking on any bytes.

mod descriptors;
mod findings;
mod rules;
mod shape;

use omega_contract::limits::MANIFEST_BYTES_MAX;
use omega_contract::{ErrorCode, Manifest, Sha256Hex, Timestamp, ValidationReport, strict_json};
use semver::Version;
use serde_json::Value;

pub(crate) use findings::Findings;
pub use findings::{ISSUES_MAX, ManifestIssue};

/// What a look at a manifest found.
#[derive(Debug, Clone)]
pub struct ManifestCheck {
    /// Everything found.
    pub issues: Vec<ManifestIssue>,
    /// `hash(manifest)`; none where the bytes are not JSON that the contract takes.
    pub manifest_hash: Option<Sha256Hex>,
    /// The manifest, where it has the contract's shape; its rules may still be broken.
    pub manifest: Option<Manifest>,
    /// The API version in use, where there is one.
    pub api_version: Option<Version>,
}

/// `validate_manifest` (spec page 1): the report over `bytes`, never a panic.
pub fn validate_manifest(bytes: &[u8], now: Timestamp) -> ValidationReport {
    check_manifest(bytes).report(now)
}

/// As [`validate_manifest`], with the code of each issue and the manifest itself.
pub fn check_manifest(bytes: &[u8]) -> ManifestCheck {
    let mut findings = Findings::default();
    let value = match strict_json::parse(bytes, MANIFEST_BYTES_MAX) {
        Ok(value) => value,
        Err(error) => {
            findings.error(ErrorCode::ManifestInvalid, "", error.to_string());
            return ManifestCheck {
                issues: findings.into_issues(),
                manifest_hash: None,
                manifest: None,
                api_version: None,
            };
        }
    };
    let Ok(canonical) = omega_contract::canonical_bytes(&value) else {
        findings.error(ErrorCode::ManifestInvalid, "", "has no canonical form".to_owned());
        return ManifestCheck {
            issues: findings.into_issues(),
            manifest_hash: None,
            manifest: None,
            api_version: None,
        };
    };
    shape::check(&value, &mut findings);
    let api_version = rules::check(&value, &mut findings);
    // From the canonical form, in which 1.0 is 1: the schema takes both, a Rust integer only the latter.
    let manifest = match serde_json::from_slice::<Manifest>(&canonical) {
        Ok(manifest) => Some(manifest),
        Err(error) => {
            if !findings.has_error() {
                findings.error(ErrorCode::ManifestInvalid, "", error.to_string());
            }
            None
        }
    };
    ManifestCheck {
        issues: findings.into_issues(),
        manifest_hash: Some(Sha256Hex::of(&canonical)),
        manifest,
        api_version,
    }
}

impl ManifestCheck {
    /// The report that callers get.
    pub fn report(&self, now: Timestamp) -> ValidationReport {
        findings::report(&self.issues, self.manifest_hash, now)
    }
}

/// True where `api_version` brings the fields and capabilities of API 1.1. A version that cannot be read
/// counts as such, so that one mistake does not turn into many.
fn has_api_1_1(manifest: &Value) -> bool {
    let version = manifest.get("api_version").and_then(Value::as_str).and_then(|text| Version::parse(text).ok());
    version.is_none_or(|version| (version.major, version.minor) >= (1, 1))
}
