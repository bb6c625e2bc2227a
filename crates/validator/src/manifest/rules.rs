//! The rules between a manifest's fields. Each looks at what is there and passes over what is not: that a
//! field is missing or of the wrong type was said already.

use omega_contract::capability::{CapabilityApi, FORBIDDEN_CAPABILITIES};
use omega_contract::limits::MAX_MS_WARN_ABOVE;
use omega_contract::manifest::{MANIFEST_FILE, SIGNATURE_FILE, is_plain_path};
use omega_contract::{Capability, ErrorCode};
use semver::Version;
use serde_json::Value;

use super::{Findings, descriptors, has_api_1_1};
use crate::api_version::{self, ApiVersionError};
use crate::field_path::shown;

/// Applies every rule; the API version in use, where there is one.
pub(super) fn check(manifest: &Value, findings: &mut Findings) -> Option<Version> {
    let capabilities = capabilities(manifest, findings);
    descriptors::check(manifest, &capabilities, findings);
    limits(manifest, findings);
    redactions(manifest, findings);
    entrypoint(manifest, findings);
    versions(manifest, findings)
}

fn capabilities(manifest: &Value, findings: &mut Findings) -> Vec<Capability> {
    let names = manifest.get("capabilities").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let deterministic = manifest.pointer("/determinism/mode").and_then(Value::as_str) == Some("deterministic");
    let api_1_1 = has_api_1_1(manifest);
    let mut held = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let Some(name) = name.as_str() else {
            findings.error(ErrorCode::ManifestInvalid, field(index), "is the name of a capability");
            continue;
        };
        if FORBIDDEN_CAPABILITIES.contains(&name) {
            let message = format!("{name} is never given to a plugin; ask for a brokered capability instead");
            findings.error(ErrorCode::CapabilityForbidden, field(index), message);
            continue;
        }
        let Ok(capability) = name.parse::<Capability>() else {
            let known = Capability::ALL.iter().filter(|c| api_1_1 || c.since() == CapabilityApi::V1_0);
            let known = known.map(|capability| capability.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("{:?} is no capability; there are {known}", shown(name));
            findings.error(ErrorCode::ManifestInvalid, field(index), message);
            continue;
        };
        if capability.since() == CapabilityApi::V1_1 {
            if !api_1_1 {
                let message = format!("{name} is a capability of API 1.1; raise api_version to 1.1.0 or remove it");
                findings.error(ErrorCode::ManifestInvalid, field(index), message);
            }
            if deterministic {
                let message = format!(
                    "a deterministic plugin may not hold {name}: what it brings in differs between runs; declare \
                     determinism.mode probabilistic or remove it"
                );
                findings.error(ErrorCode::ManifestInvalid, field(index), message);
            }
        }
        held.push(capability);
    }
    held
}

fn field(index: usize) -> String {
    format!("capabilities[{index}]")
}

fn limits(manifest: &Value, findings: &mut Findings) {
    let max_ms = manifest.pointer("/limits/max_ms").and_then(Value::as_u64);
    if max_ms.is_some_and(|max_ms| max_ms > MAX_MS_WARN_ABOVE) {
        findings
            .warning("limits.max_ms", format!("is over {MAX_MS_WARN_ABOVE}: callers may wait for more than a minute"));
    }
}

fn redactions(manifest: &Value, findings: &mut Findings) {
    let pointers = manifest.pointer("/evidence/redactions").and_then(Value::as_array);
    for (index, pointer) in pointers.into_iter().flatten().enumerate() {
        if pointer.as_str().is_some_and(|pointer| !is_json_pointer(pointer)) {
            let message =
                "is a JSON Pointer (RFC 6901): empty, or parts that each start with `/`, with ~0 for ~ and ~1 for /";
            findings.error(ErrorCode::ManifestInvalid, format!("evidence.redactions[{index}]"), message);
        }
    }
}

/// RFC 6901, section 3.
fn is_json_pointer(text: &str) -> bool {
    let starts_well = text.is_empty() || text.starts_with('/');
    starts_well && text.split('~').skip(1).all(|after| after.starts_with(['0', '1']))
}

fn entrypoint(manifest: &Value, findings: &mut Findings) {
    let kind = manifest.pointer("/entrypoint/type").and_then(Value::as_str);
    let Some(file) = manifest.pointer("/entrypoint/file").and_then(Value::as_str) else { return };
    if kind != Some("worker") {
        return;
    }
    if !is_plain_path(file) {
        let message = "is a path inside the package: relative, with `/` between plain names and no `..`";
        findings.error(ErrorCode::ManifestInvalid, "entrypoint.file", message);
    } else if matches!(file, MANIFEST_FILE | SIGNATURE_FILE) {
        findings.error(
            ErrorCode::ManifestInvalid,
            "entrypoint.file",
            "is the plugin's code, not the manifest or signature",
        );
    }
}

fn versions(manifest: &Value, findings: &mut Findings) -> Option<Version> {
    let api_version = manifest.get("api_version").and_then(Value::as_str).and_then(|text| Version::parse(text).ok());
    if api_version.as_ref().is_some_and(|version| !api_version::implemented().any(|known| known == *version)) {
        let error = ApiVersionError::NotImplemented;
        findings.error(error.code(), "api_version", error.to_string());
    }
    let supported = manifest.get("supported_omega_api_versions").and_then(Value::as_str)?;
    match api_version::highest_match(supported) {
        Ok(highest) => {
            let own = api_version.as_ref();
            if own.is_some_and(|own| !api_version::range_takes(supported, own)) {
                findings.warning("supported_omega_api_versions", "leaves out the manifest's own api_version");
            }
            Some(highest)
        }
        Err(error) => {
            findings.error(error.code(), "supported_omega_api_versions", error.to_string());
            None
        }
    }
}
