//! Conformance reports that come with packages, and `require_conformance` (spec page 10).
//!
//! A report is taken where a key that is trusted now, and covers the plugin, signed it over the same package digest. What was
//! taken is a decision in the ledger. What never happens here: a package that is refused because of the report beside it; or a
//! version that is enabled on the word of a key whose approval was taken back.

use omega_contract::{ErrorCode, Manifest, PluginInfo, Sha256Hex, TrustedKey};
use omega_proof::conformance::{VerifiedReport, verify_report};
use omega_registry::{Decision, PluginRow, TakenConformance};
use omega_validator::{PackageFiles, keys_that_cover};

use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::reader::HomeReader;
use crate::sign::readable_manifest;

impl Gateway {
    /// Takes the report that came with a registered package, if one came. One that is not taken is journalled as REJECT, and
    /// is no error: the package stands without it. Whoever asks holds the turn.
    pub(crate) async fn take_conformance(&self, info: &PluginInfo, files: &PackageFiles) -> Result<(), GatewayError> {
        let Some(bytes) = files.conformance() else { return Ok(()) };
        let journal = &self.inner.journal;
        let held = journal.registry.conformance(&info.package_digest)?;
        if held.as_ref().is_some_and(|held| held.report_sha256 == Sha256Hex::of(bytes)) {
            return Ok(());
        }
        let judged = judge(bytes, files, &journal.registry.trusted_keys()?).and_then(|verified| {
            let checked_at = verified.report.timestamp;
            match held.filter(|held| held.checked_at > checked_at) {
                None => Ok(verified),
                Some(held) => Err(invalid(format!("it is of {checked_at}, and there is one of {}", held.checked_at))),
            }
        });
        let VerifiedReport { report, key_id, sha256 } = match judged {
            Ok(verified) => verified,
            Err(error) => {
                let refused =
                    journal.refuse(&self.caller, "take_conformance", &info.plugin_id, Some(&info.version), error).await;
                return if refused.code == ErrorCode::ConformanceInvalid { Ok(()) } else { Err(refused) };
            }
        };
        let taken = TakenConformance {
            plugin_id: info.plugin_id.clone(),
            version: info.version.clone(),
            package_digest: info.package_digest,
            report_sha256: sha256,
            key_id,
            passed: report.passed,
            failed: report.failed().map(|check| check.id).collect(),
            checked_at: report.timestamp,
            gateway_version: report.gateway_version,
        };
        journal.decide(&self.caller, &Decision::TakeConformance(taken)).await.map(|_| ())
    }

    /// Refuses a version without a passing report, where `omega.toml` requires one.
    pub(crate) fn check_conformance(&self, row: &PluginRow) -> Result<(), GatewayError> {
        if !self.inner.config.require_conformance {
            return Ok(());
        }
        let missing = |why: String| Err(GatewayError::new(ErrorCode::ConformanceMissing, why));
        let registry = &self.inner.journal.registry;
        let package_digest = row.info.package_digest;
        let Some(held) = registry.conformance(&package_digest)? else {
            return missing(format!("nobody's report of the package {package_digest} was taken"));
        };
        if !held.passed {
            let failed: Vec<&str> = held.failed.iter().map(|id| id.as_str()).collect();
            return missing(format!("the report of {} says that {} failed", held.checked_at, failed.join(", ")));
        }
        let package = self.inner.directory.verified_package(&package_digest)?;
        let covering = keys_that_cover(&registry.trusted_keys()?, package.manifest());
        if covering.iter().all(|key| key.key_id() != held.key_id) {
            return missing(format!("the key {} that signed the report is not trusted any more", held.key_id));
        }
        Ok(())
    }
}

impl HomeReader {
    /// Why the report that came with a package would not be taken here; nothing where it would, or where none came.
    ///
    /// # Errors
    /// Where the registry's database cannot be read.
    pub fn conformance_fault(&self, files: &PackageFiles) -> Result<Option<GatewayError>, GatewayError> {
        let Some(bytes) = files.conformance() else { return Ok(None) };
        Ok(judge(bytes, files, &self.registry.trusted_keys()?).err())
    }
}

/// The report as it was signed, by a key that may speak of this plugin.
fn judge(bytes: &[u8], files: &PackageFiles, trusted: &[TrustedKey]) -> Result<VerifiedReport, GatewayError> {
    let manifest: Manifest = readable_manifest(files)?;
    let digest = files.digests().package_digest();
    let verified = verify_report(bytes, &digest, &keys_that_cover(trusted, &manifest))
        .map_err(|error| GatewayError::new(error.code(), error.to_string()))?;
    if verified.report.plugin_id != manifest.plugin_id.as_str() {
        return Err(invalid(format!("it is of the plugin {:?}", verified.report.plugin_id)));
    }
    Ok(verified)
}

fn invalid(why: String) -> GatewayError {
    GatewayError::new(ErrorCode::ConformanceInvalid, why)
}
