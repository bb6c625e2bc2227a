//! A plugin's manifest: whatever comes, a report; and what has no error is a manifest that comes back unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omega_contract::{Manifest, Severity, Timestamp};
use omega_fuzz::check_round_trip;
use omega_validator::{check_manifest, validate_manifest};

fuzz_target!(|bytes: &[u8]| {
    check_round_trip::<Manifest>(bytes);
    let check = check_manifest(bytes);
    let report = validate_manifest(bytes, Timestamp::EPOCH);
    let errors = report.issues.iter().filter(|issue| issue.severity == Severity::Error).count();
    assert_eq!(report.valid, errors == 0, "a report that contradicts itself");
    if report.valid {
        assert!(check.manifest.is_some() && check.manifest_hash.is_some() && check.api_version.is_some());
    }
});
