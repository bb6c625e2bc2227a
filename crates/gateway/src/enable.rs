//! `enable_plugin` and `disable_plugin`.

use std::sync::Arc;

use omega_contract::capability::CapabilityApi;
use omega_contract::plugin_info::PluginStatus;
use omega_contract::{
    DeterminismMode, ErrorCode, PluginId, PluginInfo, PluginRequest, RequestId, RunId, Timestamp, strict_json,
};
use omega_registry::{Decision, PluginRow};
use omega_router::{Answer, Target};
use semver::Version;

use crate::error::GatewayError;
use crate::gateway::Gateway;

/// Folder of a package's example requests (spec page 10).
const EXAMPLES: &str = "examples/";
/// Examples that are run when a deterministic plugin is enabled.
const EXAMPLES_RUN_MAX: usize = 32;

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
    /// `nondeterministic`, `ledger_unavailable`; journalled as REJECT.
    pub async fn enable_plugin(
        &self,
        plugin_id: &PluginId,
        version: Option<&Version>,
    ) -> Result<PluginInfo, GatewayError> {
        let _turn = self.inner.journal.turn.lock().await;
        let journal = &self.inner.journal;
        let row = match self.admitted_row(plugin_id, version) {
            Ok(row) => row,
            Err(error) => return Err(journal.refuse("enable", plugin_id, version, error).await),
        };
        if row.info.status == PluginStatus::Enabled {
            return Ok(row.info);
        }
        let (version, package_digest) = (row.info.version.clone(), row.info.package_digest);
        if let Err(error) = self.rehearse(row).await {
            return Err(journal.refuse("enable", plugin_id, Some(&version), error).await);
        }
        journal.decide(&Decision::Enable { plugin_id: plugin_id.clone(), version }).await?;
        self.inner.directory.forget(plugin_id);
        self.info_of(&package_digest)
    }

    /// Stops a plugin from taking calls; calls in flight finish. Idempotent.
    ///
    /// # Errors
    /// `plugin_unknown`, `plugin_rejected`, `ledger_unavailable`.
    pub async fn disable_plugin(&self, plugin_id: &PluginId) -> Result<PluginInfo, GatewayError> {
        let _turn = self.inner.journal.turn.lock().await;
        let journal = &self.inner.journal;
        if let Some(row) = journal.registry.enabled(plugin_id)? {
            let version = row.info.version.clone();
            journal.decide(&Decision::Disable { plugin_id: plugin_id.clone(), version }).await?;
            self.inner.directory.forget(plugin_id);
            return self.info_of(&row.info.package_digest);
        }
        match self.admitted_row(plugin_id, None) {
            Ok(row) => Ok(row.info),
            Err(error) => Err(journal.refuse("disable", plugin_id, None, error).await),
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

    /// Loads a version and, where it is declared deterministic, compares two runs of each example.
    async fn rehearse(&self, row: PluginRow) -> Result<(), GatewayError> {
        let target = self.inner.directory.load(row).await.map_err(|r| GatewayError::new(r.code, r.message))?;
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
        for (path, example) in examples(&target)? {
            let first = self.run_example(&target, &example, "first").await?;
            let second = self.run_example(&target, &example, "second").await?;
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
        Ok(self.inner.router.call_target(Arc::clone(target), request).await?)
    }
}

/// The example requests of a package, by path.
fn examples(target: &Target) -> Result<Vec<(String, PluginRequest)>, GatewayError> {
    let bytes_max = omega_contract::limits::REQUEST_BYTES_MAX;
    target
        .package
        .files()
        .iter()
        .filter(|(path, _)| path.starts_with(EXAMPLES) && path.ends_with(".json"))
        .take(EXAMPLES_RUN_MAX)
        .map(|(path, bytes)| {
            let request = strict_json::parse_as(bytes, bytes_max)
                .map_err(|cause| GatewayError::new(ErrorCode::RequestInvalid, format!("{path}: {cause}")))?;
            Ok((path.to_owned(), request))
        })
        .collect()
}
