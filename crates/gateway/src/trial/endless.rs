//! Programs that never end, one for each kind of entry file: what CG-07 has the gateway stop.

use std::sync::Arc;

use omega_contract::manifest::{Entrypoint, MANIFEST_FILE};
use omega_contract::{ErrorCode, Manifest};
use omega_validator::PackageFiles;
use serde_json::json;

use crate::error::GatewayError;

/// The plugin's id in the trial's home.
pub(super) const PLUGIN_ID: &str = "omega-trial-endless";

/// By the entry file's ending.
const PROGRAMS: [(&str, &[u8]); 4] = [
    ("wasm", include_bytes!(concat!(env!("OUT_DIR"), "/endless.wasm"))),
    ("py", include_bytes!("endless.py")),
    ("js", include_bytes!("endless.js")),
    ("mjs", include_bytes!("endless.js")),
];

/// A package that never answers, for the lane of `manifest` and with its limits.
///
/// # Errors
/// `lane_unavailable` where there is no such program for the lane.
pub(super) fn package(manifest: &Manifest) -> Result<PackageFiles, GatewayError> {
    let ending = match &manifest.entrypoint {
        Entrypoint::Worker { file, .. } => file.rsplit_once('.').map(|(_, ending)| ending),
        Entrypoint::Container { .. } | Entrypoint::Dataset { .. } => None,
    };
    let (ending, program) = PROGRAMS
        .into_iter()
        .find(|(known, _)| Some(*known) == ending)
        .ok_or_else(|| GatewayError::new(ErrorCode::LaneUnavailable, "there is no program for this kind of plugin"))?;
    let file = format!("plugin.{ending}");
    let text = json!([{"kind": "text", "schema_ref": "schemas/any.json", "limits": {"max_bytes": 1024}}]);
    let manifest = json!({
        "plugin_id": PLUGIN_ID, "name": "Endless", "vendor": "OMEGA", "description": "Never ends.", "version": "1.0.0",
        "api_version": "1.0.0", "supported_omega_api_versions": "^1.0.0",
        "capabilities": ["read_text", "write_suggestion"],
        "io": {"inputs": text, "outputs": text},
        "limits": {"max_bytes": 1024, "max_ms": manifest.limits.max_ms, "max_concurrency": 1},
        "determinism": {"mode": manifest.determinism.mode, "notes": ""},
        "evidence": {"log_level": "summary", "redactions": []},
        "entrypoint": {"type": "worker", "file": file, "export": "handle"},
    });
    let files: [(String, Arc<[u8]>); 3] = [
        (MANIFEST_FILE.to_owned(), Arc::from(manifest.to_string().into_bytes())),
        ("schemas/any.json".to_owned(), Arc::from(b"{}".as_slice())),
        (file, Arc::from(program)),
    ];
    PackageFiles::new(files).map_err(|error| GatewayError::new(error.code(), error.to_string()))
}
