//! Campaign T5: capabilities. Deny by default; held is request ∩ grant ∩ ceiling (INV-PNP-06).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use omega_contract::capability::{CapabilityApi, FORBIDDEN_CAPABILITIES};
use omega_contract::ports::{GuestOutput, GuestPayload};
use omega_contract::{Capability, CapabilitySet, ErrorCode, Sha256Hex};
use omega_validator::{Ceilings, Grants, check_manifest, check_output, check_request, effective_capabilities};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{Held, every_capability, files, json_payload, manifest, package, request, text, verify};

fn set(capabilities: &[Capability]) -> CapabilitySet {
    capabilities.iter().copied().collect()
}

fn of_api(api: CapabilityApi) -> Vec<Capability> {
    Capability::ALL.iter().copied().filter(|capability| capability.since() == api).collect()
}

#[test]
fn inv_pnp_06_nothing_is_held_that_is_not_requested_granted_and_within_the_ceiling() {
    let every = every_capability();
    let all_granted = Grants { granted: every.clone(), revoked: CapabilitySet::new() };
    for capability in Capability::ALL.iter().copied() {
        let by_default = capability.since() == CapabilityApi::V1_0;
        let held = |requested: &[Capability], grants: &Grants, ceiling: &CapabilitySet| {
            effective_capabilities(requested, grants, ceiling).contains(&capability)
        };
        assert!(held(&[capability], &all_granted, &every), "{capability}");
        assert!(!held(&[], &all_granted, &every), "{capability} is held without a request");
        assert!(!held(&[capability], &all_granted, &CapabilitySet::new()), "{capability} is held beyond the ceiling");
        assert_eq!(held(&[capability], &Grants::default(), &every), by_default, "{capability} without a grant");
        let revoked = Grants { granted: every.clone(), revoked: set(&[capability]) };
        assert!(!held(&[capability], &revoked, &every), "{capability} is held though it was revoked");
    }
}

#[test]
fn forbidden_capabilities_have_their_own_code() {
    for name in FORBIDDEN_CAPABILITIES {
        let mut asking = manifest();
        asking["capabilities"].as_array_mut().unwrap().push(json!(name));
        let check = check_manifest(asking.to_string().as_bytes());
        let found: Vec<_> = check.issues.iter().map(|issue| (issue.code, issue.field.as_str())).collect();
        assert_eq!(found, [(ErrorCode::CapabilityForbidden, "capabilities[6]")], "{name}");
        assert_eq!(verify(&files(&asking), &[]).unwrap_err().code, ErrorCode::CapabilityForbidden, "{name}");
    }
    for other in ["", "READ_TEXT", "read_text ", "root", "*", "filesystem"] {
        let mut asking = manifest();
        asking["capabilities"].as_array_mut().unwrap().push(json!(other));
        let check = check_manifest(asking.to_string().as_bytes());
        assert_eq!(check.issues[0].code, ErrorCode::ManifestInvalid, "{other}");
    }
}

#[test]
fn capabilities_of_api_1_1_need_api_1_1_and_no_promise_of_determinism() {
    for capability in of_api(CapabilityApi::V1_1) {
        let issues = |api: &str, mode: &str| {
            let mut asking = manifest();
            asking["api_version"] = json!(api);
            asking["determinism"]["mode"] = json!(mode);
            asking["capabilities"].as_array_mut().unwrap().push(json!(capability));
            let check = check_manifest(asking.to_string().as_bytes());
            check.issues.into_iter().map(|issue| format!("{}: {}", issue.field, issue.message)).collect::<Vec<_>>()
        };
        assert_eq!(issues("1.1.0", "probabilistic"), [""; 0], "{capability}");
        let old = issues("1.0.0", "probabilistic");
        assert!(old.len() == 1 && old[0].contains("is a capability of API 1.1"), "{old:?}");
        let deterministic = issues("1.1.0", "deterministic");
        assert!(
            deterministic.len() == 1 && deterministic[0].contains("a deterministic plugin may not"),
            "{deterministic:?}"
        );
    }
}

#[test]
fn inputs_and_outputs_need_their_capability() {
    for (way, kind, needed) in [
        ("inputs", "text", "read_text"),
        ("inputs", "json", "read_json"),
        ("inputs", "binary_ref", "read_binary_ref"),
        ("inputs", "dataset_slice", "read_dataset_slice"),
        ("outputs", "text", "write_suggestion"),
        ("outputs", "json", "write_report"),
    ] {
        let mut lacking = manifest();
        lacking["capabilities"].as_array_mut().unwrap().retain(|capability| capability != needed);
        let check = check_manifest(lacking.to_string().as_bytes());
        let told = check.issues.iter().any(|issue| {
            issue.field.starts_with(&format!("io.{way}["))
                && issue.message.contains(kind)
                && issue.message.contains(needed)
        });
        assert!(told, "{way} {kind}: {:?}", check.issues);
    }
}

#[test]
fn a_call_needs_the_capability_to_read_its_payload() {
    let package = package(&manifest());
    let hash = Sha256Hex::of(b"bytes").to_string();
    for (payload, needed) in [
        (text("a"), Capability::ReadText),
        (json_payload(&json!({"n": 1})), Capability::ReadJson),
        (
            json!({"kind": "binary_ref", "artifact_id": "a", "artifact_hash": hash, "mime_type": ""}),
            Capability::ReadBinaryRef,
        ),
        (
            json!({"kind": "dataset_slice", "slice_ids": ["1"], "source": "s", "filters": {}}),
            Capability::ReadDatasetSlice,
        ),
    ] {
        let outcome = |held: CapabilitySet| check_request(&package, &request(&payload), &held, Ceilings::default());
        assert!(outcome(set(&[needed])).is_ok(), "{needed}");
        let mut others = every_capability();
        others.remove(&needed);
        let refusal = outcome(others).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::CapabilityDenied);
        assert!(refusal.message.contains(needed.as_str()), "{refusal}");
    }
}

#[test]
fn a_result_needs_the_capability_to_write_its_kind() {
    let package = package(&manifest());
    let text = GuestPayload::Text { content: "a".into(), encoding: "utf-8".into(), metadata: vec![] };
    let json = GuestPayload::Json { data: "{\"n\":1}".into(), schema_ref: "schemas/outputs/json.schema.json".into() };
    let reference = GuestPayload::BinaryRef {
        artifact_id: "known".into(),
        artifact_hash: Sha256Hex::of(b"bytes").to_string(),
        mime_type: "text/plain".into(),
    };
    let slice = GuestPayload::DatasetSlice { slice_ids: vec!["1".into()], source: "people".into(), filters: vec![] };
    for (payload, needed, other) in [
        (text, Capability::WriteSuggestion, Capability::WriteReport),
        (json, Capability::WriteReport, Capability::WriteSuggestion),
        (reference, Capability::WriteReport, Capability::WriteSuggestion),
        (slice, Capability::WriteReport, Capability::WriteSuggestion),
    ] {
        let outcome = |held: &[Capability]| {
            let output = GuestOutput { payload: payload.clone(), notes: String::new() };
            check_output(&package, output, &set(held), Ceilings::default(), &Held)
        };
        assert!(outcome(&[needed]).is_ok(), "{payload:?}");
        let refusal = outcome(&[other]).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::CapabilityDenied, "{payload:?}");
        assert!(refusal.message.contains(needed.as_str()), "{refusal}");
    }
}

fn any_set() -> impl Strategy<Value = CapabilitySet> {
    proptest::sample::subsequence(Capability::ALL.to_vec(), 0..=Capability::ALL.len())
        .prop_map(|list| list.into_iter().collect())
}

proptest! {
    #[test]
    fn held_is_never_more_than_any_of_the_three(
        requested in any_set(), granted in any_set(), revoked in any_set(), ceiling in any_set()
    ) {
        let list: Vec<Capability> = requested.iter().copied().collect();
        let held = effective_capabilities(&list, &Grants { granted: granted.clone(), revoked: revoked.clone() }, &ceiling);
        prop_assert!(held.is_subset(&requested) && held.is_subset(&ceiling) && held.is_disjoint(&revoked));
        for capability in &held {
            prop_assert!(capability.since() == CapabilityApi::V1_0 || granted.contains(capability));
        }
        // More of a grant or a ceiling never takes anything away.
        let wider = effective_capabilities(&list, &Grants { granted: every_capability(), revoked }, &every_capability());
        prop_assert!(held.is_subset(&wider));
    }

    /// No list of capabilities is taken that has anything in it but the contract's.
    #[test]
    fn no_list_of_capabilities_slips_through(names in proptest::collection::vec("[a-z_]{0,20}|read_text|env_access", 0..8)) {
        let mut asking = manifest();
        asking["capabilities"] = Value::from(names.clone());
        let check = check_manifest(asking.to_string().as_bytes());
        let all_known = names.iter().all(|name| name.parse::<Capability>().is_ok());
        if !all_known {
            prop_assert!(!check.report(support::NOW).valid);
        }
        if names.iter().any(|name| name == "env_access") {
            prop_assert!(check.issues.iter().any(|issue| issue.code == ErrorCode::CapabilityForbidden));
        }
    }
}
