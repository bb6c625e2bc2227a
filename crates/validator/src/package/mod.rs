//! Packages: from files to something that may be registered (spec page 2, "Manifest" and "Signature").
//!
//! The manifest and everything that it names are checked first and in full, then the signature: an author
//! learns all mistakes at once, and what nobody signed is still refused. What never happens here: running or
//! compiling the plugin's code, or taking a package whose signature was not verified.

pub mod archive;
mod examples;
pub mod files;
pub mod lock;
mod trust;

use std::collections::BTreeMap;
use std::sync::Arc;

use omega_contract::manifest::{Direction, MANIFEST_FILE};
use omega_contract::{
    Entrypoint, ErrorCode, IoDescriptor, KeyId, Manifest, Payload, PayloadKind, Severity, Sha256Hex, Timestamp,
    TrustedKey, ValidationReport,
};
use semver::Version;

use crate::manifest::{Findings, ManifestCheck, ManifestIssue, check_manifest};
use crate::schema::CompiledSchema;
use crate::verified::{Unverified, Verified};
pub use examples::{EXAMPLES_MAX, examples};
use files::PackageFiles;
use lock::DependencyLock;
pub use trust::keys_that_cover;

/// A package that was verified; always seen through [`Verified`].
#[derive(Debug, Clone)]
pub struct Package {
    manifest: Manifest,
    manifest_hash: Sha256Hex,
    digest: Sha256Hex,
    key_id: KeyId,
    api_version: Version,
    files: Arc<PackageFiles>,
    schemas: Schemas,
    lock: Option<DependencyLock>,
}

/// The compiled schemas of a package, by the `schema_ref` of its inputs and outputs in their order.
#[derive(Debug, Clone, Default)]
struct Schemas {
    inputs: Vec<Arc<CompiledSchema>>,
    outputs: Vec<Arc<CompiledSchema>>,
}

impl Package {
    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// `hash(manifest)`.
    pub fn manifest_hash(&self) -> Sha256Hex {
        self.manifest_hash
    }

    /// `hash({path: sha256})` over every file but the signature.
    pub fn package_digest(&self) -> Sha256Hex {
        self.digest
    }

    /// The trusted key that signed it.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The API version in use: the highest that plugin and gateway have in common.
    pub fn api_version(&self) -> &Version {
        &self.api_version
    }

    /// Every file, the signature among them.
    pub fn files(&self) -> &Arc<PackageFiles> {
        &self.files
    }

    /// What a Python package needs, pinned and hashed; none where it needs nothing.
    pub fn lock(&self) -> Option<&DependencyLock> {
        self.lock.as_ref()
    }

    /// The path of the entry file; none for a container or a dataset plugin.
    pub fn entry(&self) -> Option<&str> {
        match &self.manifest.entrypoint {
            Entrypoint::Worker { file, .. } => Some(file),
            Entrypoint::Container { .. } | Entrypoint::Dataset { .. } => None,
        }
    }

    /// The bytes of the entry file; none for a container or a dataset plugin.
    pub fn code(&self) -> Option<&Arc<[u8]>> {
        self.files.get(self.entry()?)
    }

    /// The descriptor and schema for a payload of this kind, and of this `schema_ref` where it is `json`.
    pub fn descriptor(
        &self,
        direction: Direction,
        kind: PayloadKind,
        schema_ref: Option<&str>,
    ) -> Option<(&IoDescriptor, &CompiledSchema)> {
        let (descriptors, schemas) = match direction {
            Direction::Input => (&self.manifest.io.inputs, &self.schemas.inputs),
            Direction::Output => (&self.manifest.io.outputs, &self.schemas.outputs),
        };
        let fits = |descriptor: &IoDescriptor| {
            descriptor.kind == kind && (kind != PayloadKind::Json || schema_ref == Some(&*descriptor.schema_ref.0))
        };
        let index = descriptors.iter().position(fits)?;
        Some((descriptors.get(index)?, schemas.get(index)?))
    }

    /// As [`Package::descriptor`], for this payload.
    pub fn descriptor_of(&self, direction: Direction, payload: &Payload) -> Option<(&IoDescriptor, &CompiledSchema)> {
        self.descriptor(direction, payload.kind(), payload.schema_ref())
    }
}

/// A package that was not taken, with everything that its entry as `rejected` needs.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{code}: {message}")]
pub struct PackageRejection {
    /// The stable code of the gravest fault.
    pub code: ErrorCode,
    /// One sentence on it.
    pub message: String,
    /// Everything found in the manifest and in what it names.
    pub report: ValidationReport,
    /// The package's name by content.
    pub package_digest: Sha256Hex,
    /// The manifest, where it can be read; what it says is only claimed.
    pub manifest: Option<Manifest>,
}

/// Verifies a package against the keys that the operator trusts.
///
/// # Errors
/// [`PackageRejection`]: faults of the manifest and of what it names come before the signature's.
pub fn verify_package(
    package: Unverified<PackageFiles>,
    trust: &[TrustedKey],
    now: Timestamp,
) -> Result<Verified<Package>, Box<PackageRejection>> {
    let Unverified(files) = package;
    let digests = files.digests();
    let package_digest = digests.package_digest();
    let content = Content::check(&files);
    let report = content.check.report(now);
    let rejection = |code, message: String| {
        let manifest = content.check.manifest.clone();
        Box::new(PackageRejection { code, message, report: report.clone(), package_digest, manifest })
    };
    if let Some(gravest) = gravest(&content.check.issues) {
        return Err(rejection(gravest.code, told(gravest)));
    }
    let ManifestCheck {
        manifest: Some(manifest),
        manifest_hash: Some(manifest_hash),
        api_version: Some(api_version),
        ..
    } = &content.check
    else {
        return Err(rejection(ErrorCode::ManifestInvalid, "the manifest could not be read".into()));
    };
    let Some(envelope) = files.signature() else {
        return Err(rejection(ErrorCode::SignatureMissing, ErrorCode::SignatureMissing.sentence().into()));
    };
    let signature = trust::verify(&digests, envelope, manifest, trust)
        .map_err(|refusal| rejection(refusal.code, refusal.message))?;
    Ok(Verified::new(Package {
        manifest: manifest.clone(),
        manifest_hash: *manifest_hash,
        digest: package_digest,
        key_id: signature.key_id,
        api_version: api_version.clone(),
        schemas: content.schemas,
        lock: content.lock,
        files: Arc::new(files),
    }))
}

/// Checks everything but the signature, for `omega plugins check`.
pub fn check_package_unsigned(files: &PackageFiles, now: Timestamp) -> ValidationReport {
    inspect_package(files).report(now)
}

/// As [`check_package_unsigned`], with the code of each issue and the manifest itself.
pub fn inspect_package(files: &PackageFiles) -> ManifestCheck {
    Content::check(files).check
}

/// The manifest of a package and the schemas that it names.
struct Content {
    check: ManifestCheck,
    schemas: Schemas,
    lock: Option<DependencyLock>,
}

impl Content {
    fn check(files: &PackageFiles) -> Self {
        let mut findings = Findings::default();
        let Some(bytes) = files.get(MANIFEST_FILE) else {
            findings.error(ErrorCode::ManifestInvalid, "", format!("the package has no {MANIFEST_FILE}"));
            let issues = findings.into_issues();
            let check = ManifestCheck { issues, manifest_hash: None, manifest: None, api_version: None };
            return Self { check, schemas: Schemas::default(), lock: None };
        };
        let mut check = check_manifest(bytes);
        let mut schemas = Schemas::default();
        let mut lock = None;
        if let Some(manifest) = &check.manifest {
            entry_file(files, manifest, &mut findings);
            schemas = compile_schemas(files, manifest, &mut findings);
            lock = dependency_lock(files, manifest, &mut findings);
            if let Some(Err(error)) = manifest.config_schema.as_ref().map(CompiledSchema::compile_value) {
                findings.error(ErrorCode::SchemaInvalid, "config_schema", error.to_string());
            }
        }
        check.issues.extend(findings.into_issues());
        check.issues.sort_by_key(|issue| issue.severity);
        Self { check, schemas, lock }
    }
}

fn entry_file(files: &PackageFiles, manifest: &Manifest, findings: &mut Findings) {
    if let Entrypoint::Worker { file, .. } = &manifest.entrypoint
        && files.get(file).is_none()
    {
        findings.error(ErrorCode::ManifestInvalid, "entrypoint.file", "names no file of the package; build it first");
    }
}

fn dependency_lock(files: &PackageFiles, manifest: &Manifest, findings: &mut Findings) -> Option<DependencyLock> {
    DependencyLock::of_entry(files, &manifest.entrypoint).unwrap_or_else(|fault| {
        findings.error(fault.code(), "", fault.to_string());
        None
    })
}

fn compile_schemas(files: &PackageFiles, manifest: &Manifest, findings: &mut Findings) -> Schemas {
    // One file may serve several descriptors; it is compiled once.
    let mut compiled = BTreeMap::new();
    let mut compile = |direction: Direction, word: &str, descriptors: &[IoDescriptor], findings: &mut Findings| {
        let mut schemas = Vec::new();
        for (index, descriptor) in descriptors.iter().enumerate() {
            let field = || format!("io.{word}[{index}].schema_ref");
            // A reference of no form was told by the manifest's rules.
            let Ok(path) = descriptor.schema_ref.package_path(&manifest.plugin_id, direction) else { continue };
            let Some(bytes) = files.get(&path) else {
                findings.error(ErrorCode::ManifestInvalid, field(), format!("{path} is not in the package"));
                continue;
            };
            let schema = compiled.entry(path.clone()).or_insert_with(|| CompiledSchema::compile(bytes).map(Arc::new));
            match schema {
                Ok(schema) => schemas.push(Arc::clone(schema)),
                Err(error) => findings.error(ErrorCode::SchemaInvalid, field(), format!("{path}: {error}")),
            }
        }
        schemas
    };
    let inputs = compile(Direction::Input, "inputs", &manifest.io.inputs, findings);
    let outputs = compile(Direction::Output, "outputs", &manifest.io.outputs, findings);
    Schemas { inputs, outputs }
}

/// The error whose code tells most: what can never be, then what does not fit this gateway, then the rest.
fn gravest(issues: &[ManifestIssue]) -> Option<&ManifestIssue> {
    let rank = |issue: &&ManifestIssue| match issue.code {
        ErrorCode::CapabilityForbidden => 0,
        ErrorCode::ApiVersionIncompatible => 1,
        ErrorCode::ManifestInvalid => 2,
        _ => 3,
    };
    issues.iter().filter(|issue| issue.severity == Severity::Error).min_by_key(rank)
}

fn told(issue: &ManifestIssue) -> String {
    if issue.field.is_empty() { issue.message.clone() } else { format!("{}: {}", issue.field, issue.message) }
}
