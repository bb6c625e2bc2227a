//! Stands in for the faulty parts of a package, so that one fault does not keep the rest from being looked at.
//!
//! Only what says nothing of how the plugin runs is replaced: names and notes, a schema that cannot be used, a capability that
//! nobody gets, the API version. What never happens here: a check passing because of it. The fault has failed its own check
//! already, and every check after it names what was replaced.

use std::collections::BTreeMap;
use std::sync::Arc;

use omega_contract::conformance::CheckId;
use omega_contract::manifest::{Direction, MANIFEST_FILE, SIGNATURE_FILE};
use omega_contract::{DeterminismMode, IMPLEMENTED_API_VERSIONS, PluginId, SchemaRef, Severity, limits, strict_json};
use omega_validator::{ManifestCheck, ManifestIssue, PackageFiles, inspect_package};
use serde_json::{Map, Value, json};

use crate::checks::statics::check_of;

/// A schema that takes everything.
const ANY_SCHEMA: &[u8] = b"{}";
/// What a size limit stands in with.
const BYTES_MAX: u64 = 1024 * 1024;

/// A package that can be admitted, as far as can be seen without its code.
#[derive(Debug, Clone)]
pub(crate) struct Usable {
    pub(crate) files: PackageFiles,
    /// The fields that were replaced.
    pub(crate) replaced: Vec<String>,
}

/// The package, with stand-ins where `found` names faults.
///
/// # Errors
/// The fault that nothing can stand in for.
pub(crate) fn usable(files: &PackageFiles, found: &ManifestCheck) -> Result<Usable, String> {
    let errors: Vec<&ManifestIssue> = found.issues.iter().filter(|issue| issue.severity == Severity::Error).collect();
    if errors.is_empty() {
        return Ok(Usable { files: files.clone(), replaced: Vec::new() });
    }
    let told =
        |issue: &ManifestIssue| format!("{}: {}", issue.field, issue.message).trim_start_matches(": ").to_owned();
    let first = || errors.first().map(|issue| told(issue)).unwrap_or_default();
    let mut manifest = files
        .get(MANIFEST_FILE)
        .and_then(|bytes| strict_json::parse(bytes, limits::MANIFEST_BYTES_MAX).ok())
        .and_then(|value| match value {
            Value::Object(manifest) => Some(manifest),
            _ => None,
        })
        .ok_or_else(first)?;
    let mut schemas = BTreeMap::new();
    for issue in &errors {
        mend(&mut manifest, &mut schemas, issue).ok_or_else(|| told(issue))?;
    }
    let mut replaced: Vec<String> = errors.iter().map(|issue| issue.field.clone()).collect();
    replaced.dedup();
    let mended = Usable { files: with(files, &manifest, schemas).ok_or_else(first)?, replaced };
    match inspect_package(&mended.files).issues.iter().find(|issue| issue.severity == Severity::Error) {
        None => Ok(mended),
        Some(left) => Err(told(left)),
    }
}

impl Usable {
    /// The same package without these files.
    pub(crate) fn without<'p>(&mut self, paths: impl Iterator<Item = &'p str>) {
        let paths: Vec<&str> = paths.collect();
        let kept = self.files.iter().filter(|(path, _)| !paths.contains(path));
        let kept: Vec<_> = kept.map(|(path, bytes)| (path.to_owned(), Arc::clone(bytes))).collect();
        if let Ok(files) = PackageFiles::new(kept) {
            self.files = files;
        }
    }

    /// The same package with another claim of determinism.
    pub(crate) fn declare(&mut self, mode: DeterminismMode) {
        let manifest = self.files.get(MANIFEST_FILE).and_then(|bytes| serde_json::from_slice(bytes).ok());
        let Some(Value::Object(mut manifest)) = manifest else { return };
        manifest.insert("determinism".to_owned(), json!({"mode": mode, "notes": ""}));
        if let Some(files) = with(&self.files, &manifest, BTreeMap::new()) {
            self.files = files;
        }
    }
}

/// Puts a stand-in where this issue is; nothing where none is possible.
fn mend(
    manifest: &mut Map<String, Value>,
    schemas: &mut BTreeMap<String, Arc<[u8]>>,
    issue: &ManifestIssue,
) -> Option<()> {
    match check_of(issue) {
        CheckId::Capabilities => {
            let forbidden = omega_contract::capability::FORBIDDEN_CAPABILITIES;
            let asked = manifest.get_mut("capabilities")?.as_array_mut()?;
            asked.retain(|name| name.as_str().is_none_or(|name| !forbidden.contains(&name)));
        }
        CheckId::Version => {
            let newest = IMPLEMENTED_API_VERSIONS.last()?;
            let value = if issue.field == "api_version" { (*newest).to_owned() } else { ">=1.0.0 <2.0.0".to_owned() };
            manifest.insert(issue.field.clone(), Value::String(value));
        }
        CheckId::Schemas => mend_descriptor(manifest, schemas, &issue.field)?,
        _ => mend_field(manifest, &issue.field)?,
    }
    Some(())
}

/// `io.inputs[0].schema_ref` or `io.outputs[1].limits.max_bytes`.
fn mend_descriptor(
    manifest: &mut Map<String, Value>,
    schemas: &mut BTreeMap<String, Arc<[u8]>>,
    field: &str,
) -> Option<()> {
    let (word, rest) = field.strip_prefix("io.")?.split_once('[')?;
    let (index, part) = rest.split_once("].")?;
    let direction = if word == "inputs" { Direction::Input } else { Direction::Output };
    let plugin_id: PluginId = manifest.get("plugin_id")?.as_str()?.parse().ok()?;
    let descriptor = manifest.get_mut("io")?.get_mut(word)?.get_mut(index.parse::<usize>().ok()?)?.as_object_mut()?;
    if part != "schema_ref" {
        descriptor.insert("limits".to_owned(), json!({"max_bytes": BYTES_MAX}));
        return Some(());
    }
    let written = descriptor.get("schema_ref").and_then(Value::as_str).map(|text| SchemaRef(text.to_owned()));
    let path = written.and_then(|reference| reference.package_path(&plugin_id, direction).ok());
    let path = path.unwrap_or_else(|| {
        let path = format!("schemas/stand-in-{word}-{index}.schema.json");
        descriptor.insert("schema_ref".to_owned(), Value::String(path.clone()));
        path
    });
    schemas.insert(path, Arc::from(ANY_SCHEMA));
    Some(())
}

/// A field that says nothing of how the plugin runs.
fn mend_field(manifest: &mut Map<String, Value>, field: &str) -> Option<()> {
    let name = field.split(['.', '[']).next().unwrap_or_default();
    let value = match name {
        "name" | "vendor" => json!("stand-in"),
        "description" => json!(""),
        "version" => json!("0.0.0"),
        "evidence" => json!({"log_level": "summary", "redactions": []}),
        "limits" if field.starts_with("limits.max_concurrency") => {
            manifest.get_mut("limits")?.as_object_mut()?.insert("max_concurrency".to_owned(), json!(1));
            return Some(());
        }
        "config_schema" | "publisher" | "homepage" | "license" | "authors" => {
            manifest.remove(name);
            return Some(());
        }
        // What no manifest has.
        _ if !KNOWN.contains(&name) && manifest.remove(name).is_some() => return Some(()),
        _ => return None,
    };
    manifest.insert(name.to_owned(), value);
    Some(())
}

/// The fields for which nothing can stand in: they say what runs, and how.
const KNOWN: [&str; 8] = [
    "api_version",
    "capabilities",
    "determinism",
    "entrypoint",
    "io",
    "limits",
    "plugin_id",
    "supported_omega_api_versions",
];

fn with(
    files: &PackageFiles,
    manifest: &Map<String, Value>,
    schemas: BTreeMap<String, Arc<[u8]>>,
) -> Option<PackageFiles> {
    let mut all: BTreeMap<String, Arc<[u8]>> = (*files.shared()).clone();
    // It is not that of these files.
    all.remove(SIGNATURE_FILE);
    all.insert(MANIFEST_FILE.to_owned(), Arc::from(serde_json::to_vec(manifest).ok()?));
    all.extend(schemas);
    PackageFiles::new(all).ok()
}
