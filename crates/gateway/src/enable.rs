//! `enable_plugin` and `disable_plugin`.

use std::sync::Arc;

use omega_contract::capability::CapabilityApi;
use omega_contract::plugin_info::PluginStatus;
use omega_contract::{DeterminismMode, ErrorCode, PluginId, PluginInfo, PluginRequest, RequestId, RunId, Timestamp};
use omega_registry::{Decision, PluginRow};
use omega_router::{Answer, Target};
use omega_validator::Refusal;
use semver::Version;

use crate::error::GatewayError;
use crate::gateway::Gateway;

impl Gateway {
    /// Lets a version take calls; without a version, the highest one. Another enabled version of the id
    /// stops taking new calls at the same moment; its calls in flight finish. Idempotent.
    ///
    /// A plugin declared deterministic is run twice on each example of its package, with other ids and
    /// times, and refused if the outputs differ. Those runs are journalled like any call.
    ///
    /// # Errors
    /// `plugin_unknown`, `plugin_rejected`, `capability_denied` (a 1.1 capability without a grant),
    /// `lane_unavailable`, `component_invalid`, `key_untrusted`, `package_digest_mismatch`,
    /// `nondeterministic`, `conformance_missing` (where `omega.toml` requires a report), `ledger_unavailable`; journalled as
    /// REJECT.
    pub async fn enable_plugin(
        &self,
        plugin_id: &PluginId,
        version: Option<&Version>,
    ) -> Result<PluginInfo, GatewayError> {
        let _turn = self.inner.journal.turn().await?;
        let journal = &self.inner.journal;
        let row = match self.admitted_row(plugin_id, version) {
            Ok(row) => row,
            Err(error) => return Err(journal.refuse(&self.caller, "enable", plugin_id, version, error).await),
        };
        if row.info.status == PluginStatus::Enabled {
            return Ok(row.info);
        }
        let (version, package_digest) = (row.info.version.clone(), row.info.package_digest);
        let rehearsed = match self.check_conformance(&row) {
            Ok(()) => self.rehearse(row).await,
            Err(error) => Err(error),
        };
        let target = match rehearsed {
            Ok(target) => target,
            Err(error) => return Err(journal.refuse(&self.caller, "enable", plugin_id, Some(&version), error).await),
        };
        journal.decide(&self.caller, &Decision::Enable { plugin_id: plugin_id.clone(), version }).await?;
        // What the rehearsal taught the breaker was about examples: callers begin with a closed one.
        self.inner.directory.replace(plugin_id, Arc::new(target.unused()));
        self.info_of(&package_digest)
    }

    /// Stops a plugin from taking calls; calls in flight finish. Idempotent.
    ///
    /// # Errors
    /// `plugin_unknown`, `plugin_rejected`, `ledger_unavailable`.
    pub async fn disable_plugin(&self, plugin_id: &PluginId) -> Result<PluginInfo, GatewayError> {
        let _turn = self.inner.journal.turn().await?;
        let journal = &self.inner.journal;
        if let Some(row) = journal.registry.enabled(plugin_id)? {
            let version = row.info.version.clone();
            journal.decide(&self.caller, &Decision::Disable { plugin_id: plugin_id.clone(), version }).await?;
            self.inner.directory.forget(plugin_id);
            return self.info_of(&row.info.package_digest);
        }
        match self.admitted_row(plugin_id, None) {
            Ok(row) => Ok(row.info),
            Err(error) => Err(journal.refuse(&self.caller, "disable", plugin_id, None, error).await),
        }
    }

    /// The admitted version that is meant; without a version, the highest.
    pub(crate) fn admitted_row(
        &self,
        plugin_id: &PluginId,
        version: Option<&Version>,
    ) -> Result<PluginRow, GatewayError> {
        let registry = &self.inner.journal.registry;
        let mut rows = registry.versions(plugin_id)?;
        let found = match version {
            Some(version) => rows.into_iter().find(|row| row.info.version == *version),
            None => rows.pop(),
        };
        if let Some(row) = found {
            return Ok(row);
        }
        let claimed = registry.rejected(plugin_id)?;
        let meant = |row: &&PluginRow| version.is_none_or(|version| row.info.version == *version);
        let error = match claimed.iter().find(meant).and_then(|row| row.rejection.as_ref()) {
            Some(rejection) => GatewayError::new(
                ErrorCode::PluginRejected,
                format!("{plugin_id} was rejected: {} ({})", rejection.message, rejection.reason),
            ),
            None => GatewayError::new(
                ErrorCode::PluginUnknown,
                match version {
                    Some(version) => format!("{plugin_id}@{version} is not registered"),
                    None => format!("{plugin_id} is not registered"),
                },
            ),
        };
        Err(error)
    }

    /// Loads a version and, where it is declared deterministic, compares two runs of each example. Gives
    /// what was loaded.
    async fn rehearse(&self, row: PluginRow) -> Result<Arc<Target>, GatewayError> {
        let target = self.inner.directory.load(row).await.map_err(|r| GatewayError::new(r.code, r.message))?;
        self.rehearse_target(&target).await?;
        Ok(target)
    }

    async fn rehearse_target(&self, target: &Arc<Target>) -> Result<(), GatewayError> {
        let manifest = target.package.manifest();
        let ungranted = manifest
            .capabilities
            .iter()
            .find(|capability| capability.since() == CapabilityApi::V1_1 && !target.capabilities.contains(capability));
        if let Some(capability) = ungranted {
            return Err(GatewayError::new(
                ErrorCode::CapabilityDenied,
                format!("`{capability}` is asked for and not granted (or above the ceiling)"),
            ));
        }
        if manifest.determinism.mode == DeterminismMode::Probabilistic {
            return Ok(());
        }
        for (path, example) in omega_validator::examples(target.package.files()) {
            let invalid = |refusal: Refusal| GatewayError::new(refusal.code, format!("{path}: {}", refusal.message));
            let example = example.map_err(invalid)?;
            let first = self.run_example(target, &example, "first").await?;
            let second = self.run_example(target, &example, "second").await?;
            // So many examples failed, all alike, that the breaker opened: it says nothing of determinism.
            if [&first, &second].iter().any(|answer| answer.reason == Some(ErrorCode::CircuitOpen)) {
                return Ok(());
            }
            let seen = |answer: &Answer| {
                (answer.response.status, answer.reason, answer.response.evidence_hashes.output_hash.clone())
            };
            if seen(&first) != seen(&second) {
                return Err(GatewayError::new(
                    ErrorCode::Nondeterministic,
                    format!(
                        "two runs of {path} gave {} {} and {} {}",
                        first.response.status,
                        first.response.evidence_hashes.output_hash,
                        second.response.status,
                        second.response.evidence_hashes.output_hash
                    ),
                ));
            }
        }
        Ok(())
    }

    /// One run with ids and a time of its own: the plugin must not see the difference.
    async fn run_example(
        &self,
        target: &Arc<Target>,
        example: &PluginRequest,
        which: &str,
    ) -> Result<Answer, GatewayError> {
        let run_id: RunId = format!("enable-{}", ulid::Ulid::generate()).parse().expect("33 characters");
        let request_id: RequestId =
            format!("{which}-{}", ulid::Ulid::generate()).parse().expect("under 128 characters");
        let timestamp: Timestamp = self.inner.clock.now();
        let request = PluginRequest { request_id, run_id, timestamp, ..example.clone() };
        Ok(self.inner.router.call_target(Arc::clone(target), self.asked(request)).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use omega_contract::manifest::MANIFEST_FILE;
    use omega_contract::plugin_info::LaneKind;
    use omega_contract::ports::{
        BoxFuture, Enforcement, GuestOutput, GuestPayload, LaneCall, LaneEnding, LaneLimits, LaneReport, ProgramExit,
        ReadyProgram,
    };
    use omega_registry::{Page, PluginFilter};
    use omega_router::{BreakerPolicy, LaneFacts};
    use omega_validator::{Package, PackageFiles, Unverified, Verified, verify_package};
    use serde_json::json;

    use super::*;
    use crate::home::Home;
    use crate::{OpenOptions, sign_package};

    /// Answers by the number of its run. The wasm lane lets no guest do that.
    struct Counting {
        runs: AtomicUsize,
        ending: fn(usize) -> LaneEnding,
    }

    impl ReadyProgram for Counting {
        fn run(&self, _call: LaneCall) -> BoxFuture<'_, LaneReport> {
            let ending = (self.ending)(self.runs.fetch_add(1, Ordering::Relaxed));
            let facts = BTreeMap::new();
            Box::pin(async { LaneReport { ending, duration: Duration::ZERO, facts, output_text: String::new() } })
        }
    }

    fn text(content: String) -> LaneEnding {
        let payload = GuestPayload::Text { content, encoding: "utf-8".into(), metadata: Vec::new() };
        LaneEnding::Finished(GuestOutput { payload, notes: String::new() })
    }

    fn trap() -> LaneEnding {
        LaneEnding::Failed { reason: ErrorCode::PluginTrap, exit: ProgramExit::Trap, detail: String::new() }
    }

    /// A deterministic plugin with three examples.
    fn package(gateway: &Gateway) -> Verified<Package> {
        let descriptor = json!([{"kind": "text", "schema_ref": "schemas/any.json", "limits": {"max_bytes": 1000}}]);
        let manifest = json!({
            "plugin_id": "counting", "name": "Counting", "vendor": "Tests", "description": "", "version": "1.0.0",
            "api_version": "1.0.0", "supported_omega_api_versions": "^1.0.0",
            "capabilities": ["read_text", "write_suggestion"],
            "io": {"inputs": descriptor, "outputs": descriptor},
            "limits": {"max_bytes": 1000, "max_ms": 1000, "max_concurrency": 1},
            "determinism": {"mode": "deterministic", "notes": ""},
            "evidence": {"log_level": "summary", "redactions": []},
            "entrypoint": {"type": "worker", "file": "plugin.wasm", "export": "handle"}
        });
        let example = json!({
            "request_id": "r", "run_id": "u", "timestamp": "2026-01-01T00:00:00Z", "context": {},
            "payload": {"kind": "text", "content": "a", "encoding": "utf-8", "metadata": {}}
        });
        let mut files: Vec<(String, Arc<[u8]>)> = vec![
            (MANIFEST_FILE.into(), Arc::from(manifest.to_string().into_bytes())),
            ("plugin.wasm".into(), Arc::from(b"never run".as_slice())),
            ("schemas/any.json".into(), Arc::from(b"{}".as_slice())),
        ];
        for name in ["a", "b", "c"] {
            files.push((format!("examples/{name}.json"), Arc::from(example.to_string().into_bytes())));
        }
        let key = gateway.inner.home.operator_key().unwrap();
        let envelope = sign_package(&PackageFiles::new(files.clone()).unwrap(), &key).unwrap();
        files.push((omega_contract::manifest::SIGNATURE_FILE.into(), Arc::from(envelope)));
        let trusted = gateway.inner.journal.registry.trusted_keys().unwrap();
        verify_package(Unverified(PackageFiles::new(files).unwrap()), &trusted, Timestamp::EPOCH).unwrap()
    }

    async fn rehearsed(ending: fn(usize) -> LaneEnding) -> Result<(), GatewayError> {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::init(&folder.path().join("home"), Timestamp::EPOCH).unwrap();
        let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
        let package = package(&gateway);
        let limits = LaneLimits {
            memory_bytes_max: 1,
            fuel_max: None,
            output_bytes_max: 1000,
            log_bytes_max: 1,
            host_calls_max: 1,
        };
        let lane = LaneFacts {
            kind: LaneKind::Wasm,
            engine: "script".into(),
            determinism: Enforcement::Audited,
            layers: String::new(),
        };
        let capabilities = package.manifest().capabilities.iter().copied().collect();
        let program = Arc::new(Counting { runs: AtomicUsize::new(0), ending });
        let settings = (1, BreakerPolicy { failures: 5, cooldown: Duration::from_secs(30) });
        let target = Arc::new(Target::new(Arc::new(package), program, capabilities, lane, limits, settings));
        let outcome = gateway.rehearse_target(&target).await;
        assert!(gateway.list_plugins(&PluginFilter::default(), &Page::first(1)).unwrap().is_empty());
        outcome
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_deterministic_plugin_that_differs_is_refused() {
        assert!(rehearsed(|_| text("same".into())).await.is_ok());
        let error = rehearsed(|n| text(n.to_string())).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Nondeterministic);
        let error = rehearsed(|n| if n < 3 { text("same".into()) } else { text("other".into()) }).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Nondeterministic, "one example of three is enough");
        let error = rehearsed(|n| if n == 0 { trap() } else { text("same".into()) }).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Nondeterministic, "an ending that differs is a difference");
    }

    /// Three examples that fail alike are six failures in a row: the open breaker is no difference.
    #[tokio::test(flavor = "multi_thread")]
    async fn failing_always_alike_is_not_nondeterministic() {
        assert!(rehearsed(|_| trap()).await.is_ok());
    }
}
