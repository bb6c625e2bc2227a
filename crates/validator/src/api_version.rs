//! The version contract (spec page 1): which API version a plugin and this gateway speak with each other.

use omega_contract::{ErrorCode, IMPLEMENTED_API_VERSIONS};
use semver::Version;

use crate::npm_range::NpmRange;

/// Why there is no common version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiVersionError {
    /// Not a range in npm grammar.
    #[error("not a SemVer range in npm grammar, such as ^1.0.0, >=1.0.0 <2.0.0 or 1.x")]
    Range,
    /// The range takes none of the versions that the gateway implements.
    #[error("takes none of the API versions of this gateway ({})", IMPLEMENTED_API_VERSIONS.join(", "))]
    NoMatch,
    /// The manifest's own API version is none of those that the gateway implements.
    #[error("is none of the API versions of this gateway ({})", IMPLEMENTED_API_VERSIONS.join(", "))]
    NotImplemented,
}

impl ApiVersionError {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Range => ErrorCode::ManifestInvalid,
            Self::NoMatch | Self::NotImplemented => ErrorCode::ApiVersionIncompatible,
        }
    }
}

/// Bytes of a range that are parsed.
pub const RANGE_BYTES_MAX: usize = 256;

/// The highest implemented API version that satisfies `supported`, a range in npm grammar, provided
/// that `api_version` itself is implemented.
///
/// # Errors
/// [`ApiVersionError`].
pub fn choose_api_version(api_version: &Version, supported: &str) -> Result<Version, ApiVersionError> {
    let highest = highest_match(supported)?;
    if !implemented().any(|version| version == *api_version) {
        return Err(ApiVersionError::NotImplemented);
    }
    Ok(highest)
}

/// The highest implemented API version that satisfies `supported`.
pub(crate) fn highest_match(supported: &str) -> Result<Version, ApiVersionError> {
    let range = parse(supported).ok_or(ApiVersionError::Range)?;
    implemented().filter(|version| satisfies(version, &range)).max().ok_or(ApiVersionError::NoMatch)
}

/// True where `version` satisfies `supported`; false also where `supported` is no range.
pub(crate) fn range_takes(supported: &str, version: &Version) -> bool {
    parse(supported).is_some_and(|range| satisfies(version, &range))
}

pub(crate) fn implemented() -> impl Iterator<Item = Version> {
    IMPLEMENTED_API_VERSIONS.iter().filter_map(|text| Version::parse(text).ok())
}

fn parse(supported: &str) -> Option<NpmRange> {
    if supported.len() > RANGE_BYTES_MAX { None } else { NpmRange::parse(supported) }
}

fn satisfies(version: &Version, range: &NpmRange) -> bool {
    nodejs_semver::Version::parse(version.to_string()).is_ok_and(|version| range.takes(&version))
}
