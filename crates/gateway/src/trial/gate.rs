//! The gate's port, with a real gateway behind it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use omega_contract::ports::BoxFuture;
use omega_contract::{
    ConformanceReport, ErrorCode, Payload, PluginId, PluginInfo, RequestPolicy, RunId, Status, canonical_bytes,
};
use omega_gate::{Called, Desk, NotAdmitted, Place, RunProof, Stopped, Trial};
use omega_validator::{PackageFiles, parse_request};

use super::{TrialHome, TrialOptions, endless, host_state};
use crate::error::GatewayError;
use crate::home::{HomeError, OperatorKey};
use crate::package_source;
use crate::request::request;

/// Runs the ten checks on the package at `source`, a folder or a tar file, in homes of their own (spec page 10). Whatever is
/// wrong with the package, or keeps a check from being made, is a failed check of the report.
pub async fn certify(source: &Path, options: &TrialOptions) -> ConformanceReport {
    certify_at(source, &GateDesk { options, source }).await
}

/// As [`certify`], through a port of the caller's own.
pub async fn certify_at(source: &Path, desk: &dyn Desk) -> ConformanceReport {
    let package = package_source::read(source).map_err(|error| error.message);
    let clock = crate::clock::SystemClock::default();
    omega_gate::certify(package.as_ref().map_err(String::as_str), desk, &clock, env!("CARGO_PKG_VERSION")).await
}

/// The bytes of `CONFORMANCE.json`: the report with a signature by this key.
pub fn sign_report(report: &ConformanceReport, key: &OperatorKey) -> Vec<u8> {
    omega_proof::conformance::sign_report(report, key.secret())
}

/// The real port: each package that it admits gets a gateway in a temporary home.
pub struct GateDesk<'a> {
    /// How trials are made.
    pub options: &'a TrialOptions,
    /// Where the package stands: its folder is looked at before and after.
    pub source: &'a Path,
}

impl Desk for GateDesk<'_> {
    fn admit(&self, files: PackageFiles) -> BoxFuture<'_, Result<Box<dyn Trial>, NotAdmitted>> {
        Box::pin(async move {
            let refused = |error: GatewayError| NotAdmitted { code: error.code, message: error.message };
            let home = TrialHome::open(self.options).await.map_err(refused)?;
            let info = home.admit(files).await.map_err(refused)?;
            Ok(Box::new(RealTrial { home, info, source: self.source.to_owned() }) as Box<dyn Trial>)
        })
    }
}

struct RealTrial {
    home: TrialHome,
    info: PluginInfo,
    source: std::path::PathBuf,
}

impl RealTrial {
    async fn stop_endless(&self, timeout_ms: u64) -> Result<Stopped, GatewayError> {
        let gateway = self.home.gateway();
        let details = gateway.plugin_details(&omega_contract::PluginRef {
            plugin_id: self.info.plugin_id.clone(),
            version: Some(self.info.version.clone()),
        })?;
        let unreadable = || GatewayError::new(ErrorCode::ManifestInvalid, "the manifest could not be read");
        let info = self.home.admit(endless::package(&details.manifest.ok_or_else(unreadable)?)?).await?;
        let policy = RequestPolicy { deterministic_only: false, timeout_ms, max_retries: 0 };
        let asked = omega_contract::PluginRequest { policy: Some(policy), ..request(Payload::text("go")) };
        let began = Instant::now();
        let answer = gateway.invoke(&info.plugin_id, asked).await?;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Stopped { status: answer.response.status, took_ms })
    }
}

impl Trial for RealTrial {
    fn place(&self) -> Place {
        let lane = self.info.lane.unwrap_or(omega_contract::plugin_info::LaneKind::Wasm);
        let lanes = self.home.gateway().admin().lanes();
        let described = lanes.into_iter().find(|(kind, _)| *kind == lane).and_then(|(_, described)| described.ok());
        let layers = described.map(|described| described.layers).unwrap_or_default();
        Place { lane, layers: layers.into_iter().map(|layer| layer.name.to_string()).collect() }
    }

    fn call(&self, request: Vec<u8>) -> BoxFuture<'_, Result<Called, String>> {
        Box::pin(async move {
            let request = match parse_request(&request) {
                Ok(request) => request,
                // Every door refuses it there, before there is a call.
                Err(refusal) => {
                    return Ok(Called {
                        status: Status::Rejected,
                        reason: Some(refusal.code),
                        result: None,
                        input_hash: String::new(),
                        output_hash: String::new(),
                        duration_ms: 0,
                        notes: refusal.message,
                    });
                }
            };
            let plugin_id: &PluginId = &self.info.plugin_id;
            let answer = self.home.gateway().invoke(plugin_id, request).await.map_err(|error| error.message)?;
            let response = answer.response;
            Ok(Called {
                status: response.status,
                reason: answer.reason,
                result: response.result,
                input_hash: response.evidence_hashes.input_hash,
                output_hash: response.evidence_hashes.output_hash,
                duration_ms: response.duration_ms,
                notes: response.notes,
            })
        })
    }

    fn call_endless(&self, timeout_ms: u64) -> BoxFuture<'_, Result<Stopped, String>> {
        Box::pin(async move {
            self.stop_endless(timeout_ms).await.map_err(|error| format!("{}: {}", error.code, error.message))
        })
    }

    fn host_state(&self) -> BoxFuture<'_, Result<BTreeMap<String, String>, String>> {
        Box::pin(async move { host_state::of(&self.home, Some(&self.source)).map_err(|error| error.message) })
    }

    fn proof(&self, run_id: RunId) -> BoxFuture<'_, Result<RunProof, String>> {
        Box::pin(async move {
            let gateway = self.home.gateway();
            let bundle = gateway.export_proof(&run_id).await.map_err(|error| error.message)?;
            let key = gateway.home().log_verifier_key().map_err(|error: HomeError| error.to_string())?;
            let bundle = canonical_bytes(&bundle).map_err(|error| error.to_string())?;
            Ok(RunProof { bundle, key })
        })
    }
}
