//! Campaign T3: the version contract (spec page 1), in npm's range grammar.
//!
//! What is expected of each range is what npm's own `semver` 7 says of it; `~*.1`, which npm takes in some
//! places and not in others, is no range here.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use omega_contract::ErrorCode;
use omega_validator::api_version::RANGE_BYTES_MAX;
use omega_validator::{ApiVersionError, check_manifest, choose_api_version};
use semver::Version;
use serde_json::json;
use support::manifest;

/// The version in use for a manifest of API `api` with this range.
fn check(api: &str, range: &str, expect: Result<&str, ApiVersionError>) {
    let got = choose_api_version(&Version::parse(api).unwrap(), range);
    assert_eq!(got.map(|version| version.to_string()), expect.map(str::to_owned), "{api} {range:?}");
}

#[test]
fn the_highest_version_in_common_is_used() {
    for (range, expect) in [
        ("^1.0.0", "1.1.0"),
        ("~1.0.0", "1.0.0"),
        ("~1.1", "1.1.0"),
        ("1", "1.1.0"),
        ("1.x", "1.1.0"),
        ("1.X.X", "1.1.0"),
        ("1.0.x", "1.0.0"),
        ("1.0", "1.0.0"),
        ("*", "1.1.0"),
        ("x", "1.1.0"),
        ("1.0.0", "1.0.0"),
        ("=1.0.0", "1.0.0"),
        ("v1.0.0", "1.0.0"),
        ("= v1.1.0", "1.1.0"),
        (">=1.0.0 <2.0.0", "1.1.0"),
        (">=1.0.0 <1.1.0", "1.0.0"),
        (">1.0.0", "1.1.0"),
        ("<1.1.0", "1.0.0"),
        ("<=1.1.0", "1.1.0"),
        ("1.0.0 - 2", "1.1.0"),
        ("1.0.0 - 1.0", "1.0.0"),
        ("0.9.0 - 1.0.9", "1.0.0"),
        ("1.0.0 || 3.0.0", "1.0.0"),
        ("^0.9.0 || ^1.1.0", "1.1.0"),
        ("2.x || <1.1.0", "1.0.0"),
        ("^1.0.0-rc.1", "1.1.0"),
        (">=1.0.0-0", "1.1.0"),
        ("^1", "1.1.0"),
        ("~1", "1.1.0"),
        (" ^1.0.0 ", "1.1.0"),
        (">= 1.0.0", "1.1.0"),
        ("^1.0", "1.1.0"),
        ("1.0.0+build", "1.0.0"),
        ("~>1.0", "1.0.0"),
        ("1.0.0||1.1.0", "1.1.0"),
        ("1.0.0 ||", "1.1.0"),
        ("", "1.1.0"),
        ("^ 1.0", "1.1.0"),
        ("~ 1.0.0", "1.0.0"),
        ("~> 1.0", "1.0.0"),
        (">=v1.0.0", "1.1.0"),
        ("1.*", "1.1.0"),
        ("*.*", "1.1.0"),
        ("1.0.0 - 1.1.0 || 2", "1.1.0"),
        ("<  2", "1.1.0"),
        (">=1.0.0 ^1.0.0 <3", "1.1.0"),
        ("1.x.x - 2", "1.1.0"),
        ("1.0.0 - 1.0.x", "1.0.0"),
        ("1.0.0 1", "1.0.0"),
        ("<=* ^x", "1.1.0"),
        ("^1.0.0\t||\n^2", "1.1.0"),
    ] {
        check("1.0.0", range, Ok(expect));
    }
}

#[test]
fn ranges_that_take_none_of_them_are_incompatible() {
    for range in [
        "^2.0.0",
        "1.2.3 - 2",
        ">1.1.0",
        "<1.0.0",
        "0.x",
        "^0.1.0 || ^2.0.0",
        "1.0.1",
        "~1.2",
        ">=2",
        "1.1.0-rc.1",
        "<0.0.0",
        "1 =2.2.0",
        "<=0.2 =1",
        ">1.0.0 <1.1.0",
        "<x",
        ">*",
    ] {
        check("1.0.0", range, Err(ApiVersionError::NoMatch));
    }
}

#[test]
fn what_is_no_range_is_said_to_be_none() {
    for range in [
        "one",
        "^",
        "1.0.0.0",
        "^1.0.0 and",
        "1..0",
        "=>1.0.0",
        "^a.b.c",
        "&&",
        "1.0.0 -",
        "\u{1f980}",
        "1.0.0 - 2 || bad",
        "1.0.0 foo",
        "01.0.0",
        "1.0.0-",
        "1.0.0,2.0.0",
        "^1.0.0 | ^2",
        "1.0.0-01",
        "1 - 2 - 3",
        "^1.0.0 - 2",
        ">1 - 2",
        "1.0.0 =",
        "99999999999999999999.0.0",
        "1.2.3-",
        "!1.0.0",
        "1.0.0-rc_1",
        "1.x.1",
        "~*.1",
        ">== 1.0.0",
    ] {
        check("1.0.0", range, Err(ApiVersionError::Range));
    }
    let padded = |bytes: usize| format!("1.0.0{}", " ".repeat(bytes - 5));
    check("1.0.0", &padded(RANGE_BYTES_MAX), Ok("1.0.0"));
    check("1.0.0", &padded(RANGE_BYTES_MAX + 1), Err(ApiVersionError::Range));
}

#[test]
fn the_manifest_s_own_version_must_be_one_that_the_gateway_implements() {
    check("1.1.0", "^1.0.0", Ok("1.1.0"));
    for api in ["1.0.1", "1.2.0", "2.0.0", "0.9.0", "1.0.0-rc.1", "1.1.0+build"] {
        check(api, "*", Err(ApiVersionError::NotImplemented));
    }
}

#[test]
fn a_manifest_without_a_version_in_common_is_refused_with_its_own_code() {
    let codes = |api: &str, range: &str| {
        let mut manifest = manifest();
        manifest["api_version"] = json!(api);
        manifest["supported_omega_api_versions"] = json!(range);
        let check = check_manifest(manifest.to_string().as_bytes());
        check.issues.into_iter().map(|issue| (issue.code, issue.field)).collect::<Vec<_>>()
    };
    let incompatible = ErrorCode::ApiVersionIncompatible;
    let range = "supported_omega_api_versions".to_owned();
    assert_eq!(codes("1.0.0", "^1.0.0"), []);
    assert_eq!(codes("1.0.0", "^2.0.0"), [(incompatible, range.clone())]);
    assert_eq!(
        codes("2.0.0", "^1.0.0"),
        [(incompatible, "api_version".to_owned()), (ErrorCode::ManifestInvalid, range.clone())]
    );
    assert_eq!(codes("1.0.0", "no range"), [(ErrorCode::ManifestInvalid, range)]);
}
