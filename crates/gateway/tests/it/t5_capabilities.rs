//! T5, capabilities, end to end: request ∩ grant ∩ ceiling (the sets: `crates/validator/tests/t5_capabilities.rs`).

use std::fmt::Write as _;

use omega_contract::{Capability, ErrorCode, EventKind, Grant, Payload, Status};
use omega_gateway::request;
use serde_json::json;

use crate::harness::{Bench, edit, id, package};

/// Each of the three alone keeps a capability away; all three together give it.
#[tokio::test(flavor = "multi_thread")]
async fn a_capability_needs_request_grant_and_ceiling() {
    for granted in [true, false] {
        for ceiling in [true, false] {
            let mut toml = String::from("[ceilings]\ndefault_grants = ['write_suggestion']\n");
            let read_text = if ceiling { ", 'read_text'" } else { "" };
            writeln!(toml, "capabilities = ['write_suggestion'{read_text}]").unwrap();
            let bench = Bench::with_config(&toml).await;
            let hello = bench.install("examples/hello").await;
            if granted {
                let grant = Grant {
                    plugin_id: hello.clone(),
                    major_version: 1,
                    capability: Capability::ReadText,
                    params: serde_json::Map::new(),
                };
                let given = bench.gateway.admin().grant(grant).await;
                assert_eq!(given.is_ok(), ceiling, "a grant above the ceiling is refused");
            }
            let asked = request(Payload::text("a"));
            let run_id = asked.run_id.clone();
            let answer = bench.invoke(&hello, asked).await;
            if granted && ceiling {
                assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
            } else {
                assert_eq!(
                    (answer.response.status, answer.reason),
                    (Status::Rejected, Some(ErrorCode::CapabilityDenied))
                );
                assert_eq!(bench.kinds(&run_id), [EventKind::Reject], "nothing ran");
            }
        }
    }
}

/// What no plugin may have cannot be asked for, whatever the ceiling says; what needs a grant for each
/// plugin keeps it from being enabled.
#[tokio::test(flavor = "multi_thread")]
async fn forbidden_and_ungranted_capabilities_are_refused() {
    let bench = Bench::new().await;
    for forbidden in ["filesystem_access", "network_access", "process_spawn", "env_access"] {
        let mut files = package("examples/hello");
        edit(&mut files, |manifest| manifest["capabilities"].as_array_mut().unwrap().push(forbidden.into()));
        let error =
            bench.gateway.register_plugin(omega_validator::PackageFiles::new(files).unwrap()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::CapabilityForbidden, "{forbidden}");
    }
    let mut files = package("hostile/decliner");
    edit(&mut files, |manifest| {
        manifest["api_version"] = "1.1.0".into();
        manifest["capabilities"] = json!(["read_text", "write_suggestion", "system_info"]);
    });
    let plugin = bench.register(&files).await.unwrap().plugin_id;
    let error = bench.gateway.enable_plugin(&plugin, None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::CapabilityDenied);
    let params = serde_json::Map::new();
    let grant = Grant { plugin_id: plugin.clone(), major_version: 1, capability: Capability::SystemInfo, params };
    bench.gateway.admin().grant(grant).await.unwrap();
    bench.gateway.enable_plugin(&plugin, None).await.unwrap();
}

/// A grant is for one plugin and one major version.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_for_one_plugin_and_major_version() {
    let bench = Bench::with_config("[ceilings]\ndefault_grants = ['write_suggestion']").await;
    let hello = bench.install("examples/hello").await;
    let headline = bench.install("examples/headline").await;
    let grant = |major_version| Grant {
        plugin_id: hello.clone(),
        major_version,
        capability: Capability::ReadText,
        params: serde_json::Map::new(),
    };
    bench.gateway.admin().grant(grant(2)).await.unwrap();
    assert_eq!(bench.text(&hello, "a").await.reason, Some(ErrorCode::CapabilityDenied), "another major version");
    bench.gateway.admin().grant(grant(1)).await.unwrap();
    assert_eq!(bench.text(&hello, "a").await.response.status, Status::Ok, "in force from the next call on");
    assert_eq!(bench.text(&headline, "a").await.reason, Some(ErrorCode::CapabilityDenied), "another plugin");
    bench.gateway.admin().revoke_grant(&id("hello"), 1, Capability::ReadText).await.unwrap();
    assert_eq!(bench.text(&hello, "a").await.reason, Some(ErrorCode::CapabilityDenied), "taken back");
}

/// What a key may sign is bounded by what a person said of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_signs_only_what_it_may() {
    let bench = Bench::new().await;
    let key = omega_gateway::OperatorKey::generate().unwrap();
    let pem = key.public().to_pem();
    let sign = |name: &str| crate::harness::signed(&package(name), &key);
    let trust = |globs: &[&str], most: Option<Vec<Capability>>| {
        let globs = globs.iter().map(|glob| (*glob).to_owned()).collect();
        let (admin, pem) = (bench.gateway.admin(), pem.clone());
        async move { admin.trust_key(&pem, "publisher", globs, most).await.unwrap() }
    };
    trust(&["text-*"], None).await;
    let error = bench.gateway.register_plugin(sign("examples/hello")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::KeyUntrusted, "another id");
    trust(&["hello"], Some(vec![Capability::ReadText])).await;
    let error = bench.gateway.register_plugin(sign("examples/hello")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::KeyUntrusted, "more than it may ask for: {}", error.message);
    trust(&["hello"], Some(vec![Capability::ReadText, Capability::WriteSuggestion])).await;
    bench.gateway.register_plugin(sign("examples/hello")).await.unwrap();
}
