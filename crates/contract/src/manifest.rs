//! The plugin manifest, API 1.0 (frozen) and 1.1's additions (spec page 2).
//!
//! These types carry a manifest that the validator took. They refuse unknown fields, but the rules
//! between fields are the validator's.

use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capability::Capability;
use crate::ids::PluginId;
use crate::payload::PayloadKind;
use crate::plugin_info::LaneKind;
use crate::strict_json::present;
use crate::tagged::Found;

/// The name of the manifest's file in a package.
pub const MANIFEST_FILE: &str = "PLUGIN_MANIFEST.json";
/// The name of the signature's file in a package.
pub const SIGNATURE_FILE: &str = "SIGNATURE.dsse.json";

/// A plugin's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Stable name.
    pub plugin_id: PluginId,
    /// For people, 1 to 128 characters.
    pub name: String,
    /// Who makes it, 1 to 128 characters.
    pub vendor: String,
    /// At most 1,024 characters.
    pub description: String,
    /// The plugin's own version.
    pub version: Version,
    /// The API version it was written against.
    pub api_version: Version,
    /// The API versions it works with: a `SemVer` range in npm grammar.
    pub supported_omega_api_versions: String,
    /// What it asks for, unique, at least one.
    pub capabilities: Vec<Capability>,
    /// What it takes and gives.
    pub io: Io,
    /// Its bounds.
    pub limits: ManifestLimits,
    /// Whether the same input gives the same output.
    pub determinism: Determinism,
    /// What of a call is kept as evidence.
    pub evidence: Evidence,
    /// What to run.
    pub entrypoint: Entrypoint,
    /// API 1.1: a JSON Schema for the operator's configuration of this plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<Value>,
    /// API 1.1: who publishes it; then `publisher/id` names it too.
    #[serde(default, deserialize_with = "crate::strict_json::present", skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// API 1.1.
    #[serde(default, deserialize_with = "crate::strict_json::present", skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// API 1.1: an SPDX licence expression.
    #[serde(default, deserialize_with = "crate::strict_json::present", skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// API 1.1.
    #[serde(default, deserialize_with = "crate::strict_json::present", skip_serializing_if = "Option::is_none")]
    pub authors: Option<Vec<String>>,
}

/// What a plugin takes and gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Io {
    /// What it takes: at most one per kind, except `json`.
    pub inputs: Vec<IoDescriptor>,
    /// What it gives: at most one per kind, except `json`.
    pub outputs: Vec<IoDescriptor>,
}

/// One kind of input or output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IoDescriptor {
    /// The payload's kind.
    pub kind: PayloadKind,
    /// The JSON Schema of the whole payload object.
    pub schema_ref: SchemaRef,
    /// Bounds of this input or output.
    pub limits: IoLimits,
}

/// Bounds of one input or output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IoLimits {
    /// Bytes of the canonical payload, at least 1.
    pub max_bytes: u64,
}

/// Whether a descriptor is among the inputs or the outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// What a plugin takes.
    Input,
    /// What a plugin gives.
    Output,
}

/// `omega:<plugin_id>:<input|output>:<name>:v<x.y.z>`, or a package-relative path (spec page 2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SchemaRef(pub String);

/// Why a `schema_ref` names no file of the package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SchemaRefError {
    /// `omega:…` that is not of the five parts.
    #[error("an `omega:` reference reads omega:<plugin_id>:<input|output>:<name>:v<x.y.z>")]
    Form,
    /// `omega:` with another plugin's id.
    #[error("an `omega:` reference names this plugin's own id")]
    OtherPlugin,
    /// `omega:` with `input` among the outputs, or the reverse.
    #[error("an `omega:` reference says `input` among the inputs and `output` among the outputs")]
    OtherDirection,
    /// A path that could leave the package.
    #[error("a schema path is relative, with `/` between plain names and no `..`")]
    Path,
}

impl SchemaRef {
    /// The package-relative path of the schema's file.
    ///
    /// # Errors
    /// [`SchemaRefError`] where the reference has neither form.
    pub fn package_path(&self, plugin_id: &PluginId, direction: Direction) -> Result<String, SchemaRefError> {
        let Some(rest) = self.0.strip_prefix("omega:") else {
            return if is_plain_path(&self.0) { Ok(self.0.clone()) } else { Err(SchemaRefError::Path) };
        };
        let parts: Vec<&str> = rest.split(':').collect();
        let [id, way, name, version] = parts[..] else { return Err(SchemaRefError::Form) };
        let version_fits = version.strip_prefix('v').is_some_and(|v| Version::parse(v).is_ok());
        if !version_fits || name.is_empty() || name.contains('/') || !is_plain_path(name) {
            return Err(SchemaRefError::Form);
        }
        if id != plugin_id.as_str() {
            return Err(SchemaRefError::OtherPlugin);
        }
        let (word, folder) = match direction {
            Direction::Input => ("input", "inputs"),
            Direction::Output => ("output", "outputs"),
        };
        if way != word {
            return Err(SchemaRefError::OtherDirection);
        }
        Ok(format!("schemas/{folder}/{name}.schema.json"))
    }
}

/// True for a relative path of plain names: no empty part, `.`, `..`, backslash, colon or control
/// character, so that it means one file inside the package on every system.
pub fn is_plain_path(path: &str) -> bool {
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    !path.chars().any(|c| c.is_control() || matches!(c, '\\' | ':')) && path.split('/').all(plain)
}

/// A plugin's bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestLimits {
    /// Bytes of any payload or result, at least 1.
    pub max_bytes: u64,
    /// Milliseconds of one attempt, at least 100.
    pub max_ms: u64,
    /// Calls at the same time, 1 to 100.
    pub max_concurrency: u32,
}

/// What a plugin says of its determinism.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Determinism {
    /// Declared.
    pub mode: DeterminismMode,
    /// For people.
    pub notes: String,
}

/// Whether the same package and payload give the same output (INV-PNP-03).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeterminismMode {
    /// They do, on every run and every machine.
    Deterministic,
    /// They need not.
    Probabilistic,
}

impl DeterminismMode {
    /// The mode as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deterministic => "deterministic",
            Self::Probabilistic => "probabilistic",
        }
    }
}

/// What of a call is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// How much.
    pub log_level: LogLevel,
    /// JSON Pointers (RFC 6901) into the payload or result whose values never reach the ledger.
    pub redactions: Vec<String>,
}

/// How much of a call the ledger keeps (spec page 3, "Event").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// `summary`, and the canonical payload and result as artifacts: replayable.
    Full,
    /// All of `meta`.
    Summary,
    /// Reason, attempt, digests and lane.
    Minimal,
}

/// What to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", try_from = "EntrypointMembers")]
pub enum Entrypoint {
    /// A file of the package; its ending chooses the lane.
    Worker {
        /// Package-relative, ending `.wasm`, `.py`, `.js` or `.mjs`.
        file: String,
        /// The exported function.
        export: String,
    },
    /// API 1.1: an OCI image.
    Container {
        /// Image reference, pinned by digest at registration.
        image: String,
        /// Arguments; `{dataset}`, `{out}`, `{work}`, `{config}` are replaced.
        command: Vec<String>,
        /// Mount points.
        mounts: Mounts,
    },
    /// API 1.1: a dataset plugin's callable (spec page 6).
    Dataset {
        /// `pkg.mod:func`.
        callable: String,
    },
}

/// An entrypoint as it is read: the members of all types. (What serde's derive does with an inner tag takes an array for an
/// object.)
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntrypointMembers {
    r#type: EntrypointType,
    #[serde(default, deserialize_with = "present")]
    file: Option<String>,
    #[serde(default, deserialize_with = "present")]
    export: Option<String>,
    #[serde(default, deserialize_with = "present")]
    image: Option<String>,
    #[serde(default, deserialize_with = "present")]
    command: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    mounts: Option<Mounts>,
    #[serde(default, deserialize_with = "present")]
    callable: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum EntrypointType {
    Worker,
    Container,
    Dataset,
}

impl TryFrom<EntrypointMembers> for Entrypoint {
    type Error = String;

    fn try_from(members: EntrypointMembers) -> Result<Self, String> {
        let (mut file, mut export) = (Found::new("file", members.file), Found::new("export", members.export));
        let (mut image, mut command) = (Found::new("image", members.image), Found::new("command", members.command));
        let (mut mounts, mut callable) =
            (Found::new("mounts", members.mounts), Found::new("callable", members.callable));
        let entrypoint = match members.r#type {
            EntrypointType::Worker => Self::Worker { file: file.take()?, export: export.take()? },
            EntrypointType::Container => {
                Self::Container { image: image.take()?, command: command.take()?, mounts: mounts.take()? }
            }
            EntrypointType::Dataset => Self::Dataset { callable: callable.take()? },
        };
        let left = [file.left(), export.left(), image.left(), command.left(), mounts.left(), callable.left()];
        match left.into_iter().flatten().next() {
            None => Ok(entrypoint),
            Some(name) => Err(format!("unknown field `{name}` of an entrypoint of this type")),
        }
    }
}

/// Where a container finds its folders (spec page 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mounts {
    /// Read-only.
    pub dataset: String,
    /// Writable.
    pub out: String,
    /// Writable, if the caller gives one.
    pub work: String,
}

impl Default for Mounts {
    fn default() -> Self {
        Self { dataset: "/dataset".into(), out: "/out".into(), work: "/work".into() }
    }
}

impl Entrypoint {
    /// The lane that this entrypoint needs; none where the file's ending names no lane.
    pub fn lane(&self) -> Option<LaneKind> {
        match self {
            Self::Worker { file, .. } => match file.rsplit_once('.').map(|(_, ending)| ending) {
                Some("wasm") => Some(LaneKind::Wasm),
                Some("py" | "js" | "mjs") => Some(LaneKind::Worker),
                _ => None,
            },
            Self::Container { .. } => Some(LaneKind::Container),
            Self::Dataset { .. } => Some(LaneKind::Worker),
        }
    }
}

impl Manifest {
    /// The descriptor for a payload of this kind, and of this `schema_ref` where the kind is `json`
    /// (spec page 2: at most one per kind, except `json`, which is chosen by the payload's `schema_ref`).
    pub fn descriptor(
        &self,
        direction: Direction,
        kind: PayloadKind,
        schema_ref: Option<&str>,
    ) -> Option<&IoDescriptor> {
        let list = match direction {
            Direction::Input => &self.io.inputs,
            Direction::Output => &self.io.outputs,
        };
        list.iter().find(|descriptor| {
            descriptor.kind == kind && schema_ref.is_none_or(|wanted| descriptor.schema_ref.0 == wanted)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_refs_resolve_inside_the_package_or_not_at_all() {
        let id: PluginId = "text-stats".parse().unwrap();
        let check = |text: &str, expect: Result<&str, SchemaRefError>| {
            let got = SchemaRef(text.into()).package_path(&id, Direction::Input);
            assert_eq!(got.as_deref(), expect.as_ref().map(|p| *p), "{text}");
        };
        check("omega:text-stats:input:text:v1.0.0", Ok("schemas/inputs/text.schema.json"));
        check("omega:text-stats:output:text:v1.0.0", Err(SchemaRefError::OtherDirection));
        check("omega:other:input:text:v1.0.0", Err(SchemaRefError::OtherPlugin));
        check("omega:text-stats:input:text:1.0.0", Err(SchemaRefError::Form));
        check("omega:text-stats:input:../x:v1.0.0", Err(SchemaRefError::Form));
        check("omega:text-stats:input::v1.0.0", Err(SchemaRefError::Form));
        check("schemas/a.json", Ok("schemas/a.json"));
        for bad in ["../a.json", "/a.json", "a//b", "a/./b", "", "a\\b", "c:/a", "https://x/y", "a\nb"] {
            check(bad, Err(SchemaRefError::Path));
        }
    }
}
