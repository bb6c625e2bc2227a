//! `register_plugin`: admission of a package.

use omega_contract::plugin_info::LaneKind;
use omega_contract::{
    Clock as _, ErrorCode, Manifest, PluginId, PluginInfo, Sha256Hex, Timestamp, TrustedKey, ValidationReport,
};
use omega_registry::{Decision, PluginRow, RegisteredPackage, RejectedPackage};
use omega_router::Refused;
use omega_validator::{Package, PackageFiles, Unverified, Verified, check_package_unsigned, verify_package};
use semver::Version;

use crate::clock::SystemClock;
use crate::error::GatewayError;
use crate::gateway::Gateway;

/// Issues of a report that are journalled with a rejection.
const JOURNALLED_ISSUES_MAX: usize = 64;
/// Characters of each text of a journalled issue.
const JOURNALLED_TEXT_CHARS_MAX: usize = 512;

/// Everything that registration would say of a package but for its signature (`omega plugins check`).
pub fn check_package(files: &PackageFiles) -> ValidationReport {
    check_package_unsigned(files, SystemClock::default().now())
}

/// A package that can be registered, or why not.
type Judged = Result<Candidate, Box<RejectedPackage>>;

/// A package that can be registered as far as it depends on the package alone.
struct Candidate {
    package: Verified<Package>,
    stored: bool,
}

/// What is registered under a package's id and version.
enum Standing {
    New,
    Same(PluginRow),
    Conflict(PluginRow),
}

impl Gateway {
    /// Admits a package: signature, trust, manifest, schemas, version and imports are checked, its files
    /// are stored by digest, REGISTER is journalled. The same package again changes nothing. A conformance report that came
    /// along is looked at once the package is registered, and taken or not.
    ///
    /// # Errors
    /// Any admission code, with the report and the index of the REJECT event. The package is then kept
    /// as `rejected`, by digest; it reserves no id.
    pub async fn register_plugin(&self, files: PackageFiles) -> Result<PluginInfo, GatewayError> {
        let journal = &self.inner.journal;
        loop {
            let trusted = journal.registry.trusted_keys()?;
            // What depends on the package alone is done before its turn, beside other registrations.
            let (gateway, candidate, keys) = (self.clone(), files.clone(), trusted.clone());
            let judged = tokio::task::spawn_blocking(move || gateway.judge_and_store(candidate, &keys))
                .await
                .map_err(|error| GatewayError::new(ErrorCode::Io, format!("checking it ended early: {error}")))??;
            let _turn = journal.turn().await?;
            if journal.registry.trusted_keys()? != trusted {
                // It was judged by what no longer holds.
                continue;
            }
            let Candidate { package, stored } = match judged {
                Ok(candidate) => candidate,
                Err(rejected) => return Err(self.reject(*rejected).await),
            };
            return match self.standing(&package)? {
                // Its place was taken when it was judged, and is free now.
                Standing::New if !stored => continue,
                Standing::New => {
                    journal.decide(&self.caller, &Decision::Register(registered_package(&package)?)).await?;
                    let info = self.info_of(&package.package_digest())?;
                    self.take_conformance(&info, &files).await?;
                    Ok(info)
                }
                Standing::Same(row) => {
                    self.take_conformance(&row.info, &files).await?;
                    Ok(row.info)
                }
                Standing::Conflict(row) => {
                    let now = self.inner.clock.now();
                    Err(self.reject(rejected_after_verification(&package, conflict(&row), now)).await)
                }
            };
        }
    }

    /// Everything that is said of a package whatever is registered beside it; one that can be registered is stored.
    fn judge_and_store(&self, files: PackageFiles, trusted: &[TrustedKey]) -> Result<Judged, GatewayError> {
        let now = self.inner.clock.now();
        let package = match verify_package(Unverified(files), trusted, now) {
            Ok(package) => package,
            Err(rejection) => {
                return Ok(Err(Box::new(rejected_package(
                    (rejection.code, rejection.message),
                    rejection.report,
                    rejection.package_digest,
                    rejection.manifest.as_ref(),
                ))));
            }
        };
        if let Err(refused) = self.inspect(&package) {
            return Ok(Err(Box::new(rejected_after_verification(&package, refused, now))));
        }
        let stored = matches!(self.standing(&package)?, Standing::New);
        if stored {
            self.inner.directory.store.put(package.files().iter())?;
        }
        Ok(Ok(Candidate { package, stored }))
    }

    /// What is registered under the package's id and version.
    fn standing(&self, package: &Package) -> Result<Standing, GatewayError> {
        let manifest = package.manifest();
        let known = self.inner.journal.registry.versions(&manifest.plugin_id)?;
        Ok(match known.into_iter().find(|row| row.info.version == manifest.version) {
            None => Standing::New,
            Some(row) if row.info.package_digest == package.package_digest() => Standing::Same(row),
            Some(row) => Standing::Conflict(row),
        })
    }

    /// What the lane says of the package before anything is compiled. A lane that is not there says
    /// nothing: the plugin can be registered, and enabled once there is one.
    fn inspect(&self, package: &Package) -> Result<(), Refused> {
        let Some(kind) = package.manifest().entrypoint.lane() else { return Ok(()) };
        let Ok(lane) = self.inner.directory.lanes.get(kind) else { return Ok(()) };
        // As the manifest asks, not as it is granted: a grant can still come.
        let requested = package.manifest().capabilities.iter().copied().collect();
        let program = self.inner.directory.program(package, requested);
        lane.inspect(&program).map_err(|refusal| Refused::new(refusal.code, refusal.detail))
    }

    async fn reject(&self, rejected: RejectedPackage) -> GatewayError {
        let mut error = GatewayError::new(rejected.reason, rejected.message.clone());
        error.report = Some(Box::new(rejected.report.clone()));
        match self.inner.journal.decide(&self.caller, &Decision::Reject(rejected)).await {
            Ok(event) => error.recorded(event.index),
            Err(unwritable) => unwritable,
        }
    }

    pub(crate) fn info_of(&self, package_digest: &Sha256Hex) -> Result<PluginInfo, GatewayError> {
        let row = self.inner.journal.registry.of_digest(package_digest)?;
        row.map(|row| row.info)
            .ok_or_else(|| GatewayError::new(ErrorCode::HomeInvalid, "the registry lost the package just registered"))
    }
}

fn conflict(existing: &PluginRow) -> Refused {
    let info = &existing.info;
    Refused::new(
        ErrorCode::VersionConflict,
        format!("{}@{} is registered with package digest {}", info.plugin_id, info.version, info.package_digest),
    )
}

fn registered_package(package: &Package) -> Result<RegisteredPackage, GatewayError> {
    let manifest = package.manifest();
    let lane: LaneKind = manifest
        .entrypoint
        .lane()
        .ok_or_else(|| GatewayError::new(ErrorCode::ManifestInvalid, "entrypoint: names no lane"))?;
    Ok(RegisteredPackage {
        plugin_id: manifest.plugin_id.clone(),
        version: manifest.version.clone(),
        name: manifest.name.clone(),
        capabilities: manifest.capabilities.clone(),
        lane,
        determinism: manifest.determinism.mode,
        api_version: package.api_version().clone(),
        key_id: package.key_id(),
        manifest_hash: package.manifest_hash(),
        package_digest: package.package_digest(),
    })
}

fn rejected_after_verification(package: &Package, refused: Refused, now: Timestamp) -> RejectedPackage {
    let report = check_package_unsigned(package.files(), now);
    let manifest = Some(package.manifest());
    rejected_package((refused.code, refused.message), report, package.package_digest(), manifest)
}

/// A rejection, bounded: what an attacker sends decides neither the size of an event nor of a row.
fn rejected_package(
    (reason, message): (ErrorCode, String),
    mut report: ValidationReport,
    package_digest: Sha256Hex,
    manifest: Option<&Manifest>,
) -> RejectedPackage {
    report.issues.truncate(JOURNALLED_ISSUES_MAX);
    for issue in &mut report.issues {
        issue.field = cut(&issue.field);
        issue.message = cut(&issue.message);
    }
    report.valid = false;
    let unnamed = || -> PluginId {
        let digest = package_digest.to_string();
        format!("rejected-{}", &digest[..12]).parse().expect("`rejected-` and hex digits make a plugin id")
    };
    RejectedPackage {
        plugin_id: manifest.map_or_else(unnamed, |manifest| manifest.plugin_id.clone()),
        version: manifest.map_or(Version::new(0, 0, 0), |manifest| manifest.version.clone()),
        name: manifest.map(|manifest| cut(&manifest.name)).unwrap_or_default(),
        package_digest,
        reason,
        message: cut(&message),
        report,
    }
}

fn cut(text: &str) -> String {
    text.chars().take(JOURNALLED_TEXT_CHARS_MAX).collect()
}
