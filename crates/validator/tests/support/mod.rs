//! A small signed package and what changes it, shared by the test campaigns.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, unreachable_pub, reason = "each campaign uses its part")]

use std::collections::BTreeMap;
use std::sync::Arc;

use omega_contract::manifest::{MANIFEST_FILE, SIGNATURE_FILE};
use omega_contract::{Capability, CapabilitySet, PluginId, PluginRequest, Sha256Hex, Timestamp, TrustedKey};
use omega_proof::key::SecretKey;
use omega_proof::package::{FileDigests, sign_package};
use omega_validator::{
    HashedRequest, HeldData, Package, PackageFiles, PackageRejection, Refusal, Unverified, Verified, verify_package,
};
use semver::Version;
use serde_json::{Value, json};

pub const NOW: Timestamp = Timestamp::EPOCH;

pub fn operator() -> SecretKey {
    SecretKey::from_seed([1; 32])
}

pub fn trusted(key: &SecretKey) -> TrustedKey {
    TrustedKey {
        key_id: key.public().key_id(),
        public_key_pem: key.public().to_pem(),
        label: "operator".into(),
        plugins: Vec::new(),
        max_capabilities: None,
    }
}

/// A manifest with one input and one output of each kind.
pub fn manifest() -> Value {
    let descriptor = |way: &str, kind: &str| json!({"kind": kind, "schema_ref": format!("schemas/{way}/{kind}.schema.json"), "limits": {"max_bytes": 10_000}});
    let kinds = ["text", "json", "binary_ref", "dataset_slice"];
    json!({
        "plugin_id": "every-kind", "name": "Every kind", "vendor": "Tests", "description": "",
        "version": "1.2.3", "api_version": "1.0.0", "supported_omega_api_versions": "^1.0.0",
        "capabilities": [
            "read_text", "read_json", "read_binary_ref", "read_dataset_slice", "write_suggestion", "write_report"
        ],
        "io": {
            "inputs": kinds.map(|kind| descriptor("inputs", kind)),
            "outputs": kinds.map(|kind| descriptor("outputs", kind))
        },
        "limits": {"max_bytes": 20_000, "max_ms": 1000, "max_concurrency": 4},
        "determinism": {"mode": "deterministic", "notes": ""},
        "evidence": {"log_level": "summary", "redactions": ["/data/secret"]},
        "entrypoint": {"type": "worker", "file": "plugin.wasm", "export": "handle"}
    })
}

pub type Files = BTreeMap<String, Vec<u8>>;

/// The files of a package, not signed.
pub fn files(manifest: &Value) -> Files {
    let mut files: Files = BTreeMap::new();
    files.insert(MANIFEST_FILE.into(), manifest.to_string().into_bytes());
    files.insert("plugin.wasm".into(), b"\0asm".to_vec());
    for way in ["inputs", "outputs"] {
        for kind in ["text", "json", "binary_ref", "dataset_slice"] {
            let mut schema = json!({"type": "object", "properties": {"kind": {"const": kind}}});
            if kind == "json" {
                schema["properties"]["data"] = json!({
                    "type": "object", "required": ["n"], "additionalProperties": false,
                    "properties": {"n": {"type": "integer", "minimum": 0}, "secret": {"type": "string"}, "any": true}
                });
            }
            files.insert(format!("schemas/{way}/{kind}.schema.json"), schema.to_string().into_bytes());
        }
    }
    files
}

pub fn digests(files: &Files) -> FileDigests {
    FileDigests::of_files(files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())))
}

/// The same files with the signature of `key`.
pub fn signed_by(mut files: Files, key: &SecretKey) -> Files {
    let id: PluginId = "every-kind".parse().unwrap();
    let envelope = sign_package(&digests(&files), &id, &Version::new(1, 2, 3), key);
    files.insert(SIGNATURE_FILE.into(), envelope);
    files
}

pub fn package_files(files: &Files) -> PackageFiles {
    PackageFiles::new(files.iter().map(|(path, bytes)| (path.clone(), Arc::from(bytes.as_slice())))).unwrap()
}

pub fn verify(files: &Files, trust: &[TrustedKey]) -> Result<Verified<Package>, Box<PackageRejection>> {
    verify_package(Unverified(package_files(files)), trust, NOW)
}

/// The package of a manifest, signed and verified.
pub fn package(manifest: &Value) -> Verified<Package> {
    verify(&signed_by(files(manifest), &operator()), &[trusted(&operator())]).unwrap()
}

pub fn request(payload: &Value) -> Arc<HashedRequest> {
    let request: PluginRequest = serde_json::from_value(json!({
        "request_id": "r", "run_id": "u", "timestamp": "2026-01-01T00:00:00Z", "payload": payload, "context": {}
    }))
    .unwrap();
    Arc::new(HashedRequest::new(request))
}

pub fn text(content: &str) -> Value {
    json!({"kind": "text", "content": content, "encoding": "utf-8", "metadata": {}})
}

pub fn json_payload(data: &Value) -> Value {
    json!({"kind": "json", "data": data, "schema_ref": "schemas/inputs/json.schema.json"})
}

pub fn every_capability() -> CapabilitySet {
    Capability::ALL.iter().copied().collect()
}

/// Holds the artifact `known` with the bytes `bytes`, and the dataset `people`.
pub struct Held;

impl HeldData for Held {
    fn artifact_hash(&self, artifact_id: &str) -> Result<Option<Sha256Hex>, Refusal> {
        Ok((artifact_id == "known").then(|| Sha256Hex::of(b"bytes")))
    }

    fn has_dataset(&self, source: &str) -> Result<bool, Refusal> {
        Ok(source == "people")
    }
}

/// The JSON Pointer of every value in a document, but for what is below those that `closed` names.
pub fn places(document: &Value, closed: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut next = 0;
    while let Some(at) = found.get(next).cloned() {
        next += 1;
        if closed(&at) {
            continue;
        }
        match document.pointer(&at) {
            Some(Value::Object(members)) => found.extend(members.keys().map(|name| format!("{at}/{name}"))),
            Some(Value::Array(items)) => found.extend((0..items.len()).map(|index| format!("{at}/{index}"))),
            _ => {}
        }
    }
    found
}
