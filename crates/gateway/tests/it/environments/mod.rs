//! Environments of Python plugins, built by the machine's own pip: from the real PyPI where that is what is tested, and
//! else from an index in a folder, with wheels made by hand.

mod attacks;
mod index;
mod life;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use omega_contract::manifest::MANIFEST_FILE;
use omega_contract::{ErrorCode, Event, PluginId};
use omega_gateway::{BoundEnvironment, GatewayError};
use serde_json::json;

use crate::harness::{Bench, id};

type Files = BTreeMap<String, Arc<[u8]>>;

/// From PyPI, where it has not changed since 2021.
const SIX: &str = "six==1.16.0 --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254\n";
const CLICK: &str = "click==8.1.7 --hash=sha256:ae74fb96c20a0277a1d615f1e4d73c8414f5a98db8b799a7931d1582f3390c28\n";

/// A Python plugin with this lock.
fn plugin(plugin_id: &str, lock: &str) -> Files {
    let descriptor = json!([{"kind": "text", "schema_ref": "schemas/any.json", "limits": {"max_bytes": 1000}}]);
    let manifest = json!({
        "plugin_id": plugin_id, "name": "Test", "vendor": "Tests", "description": "", "version": "1.0.0",
        "api_version": "1.0.0", "supported_omega_api_versions": "^1.0.0",
        "capabilities": ["read_text", "write_suggestion"],
        "io": {"inputs": descriptor, "outputs": descriptor},
        "limits": {"max_bytes": 1000, "max_ms": 1000, "max_concurrency": 1},
        "determinism": {"mode": "probabilistic", "notes": ""},
        "evidence": {"log_level": "summary", "redactions": []},
        "entrypoint": {"type": "worker", "file": "plugin.py", "export": "handle"}
    });
    let text = |text: &str| Arc::from(text.as_bytes());
    [
        (MANIFEST_FILE.to_owned(), text(&manifest.to_string())),
        ("plugin.py".to_owned(), text("def handle(payload):\n    return payload\n")),
        ("schemas/any.json".to_owned(), text("{}")),
        ("requirements.txt".to_owned(), text(lock)),
    ]
    .into()
}

impl Bench {
    async fn build(&self, plugin_id: &str, allow_build: bool) -> Result<Option<BoundEnvironment>, GatewayError> {
        self.gateway.build_environment(&id(plugin_id), None, allow_build, |_| ()).await
    }

    /// Registers a plugin with this lock and builds what it needs.
    async fn built(&self, plugin_id: &str, lock: &str) -> Result<BoundEnvironment, GatewayError> {
        self.register(&plugin(plugin_id, lock)).await?;
        Ok(self.build(plugin_id, false).await?.expect("it locks something"))
    }

    /// Why a plugin cannot be enabled, and the event that says so.
    async fn not_enabled(&self, plugin_id: &PluginId) -> (GatewayError, Event) {
        let error = self.gateway.enable_plugin(plugin_id, None).await.unwrap_err();
        let event = self.event(error.event_index.unwrap());
        assert_eq!(event.meta["reason"], error.code.as_str());
        (error, event)
    }

    fn environments(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.home.environments_dir()).into_iter().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn environment_dir(&self, bound: &BoundEnvironment) -> PathBuf {
        self.home.environments_dir().join(bound.env_digest.to_string())
    }
}

/// That a plugin is not kept from running by its environment: whatever else this machine lacks.
fn is_no_environment_code(code: ErrorCode) -> bool {
    ![ErrorCode::EnvironmentMissing, ErrorCode::EnvironmentChanged, ErrorCode::EnvironmentUnbuildable].contains(&code)
}
