//! What the API shows that the contract has no JSON Schema of: each type is both what is sent and what the OpenAPI
//! document says of it.
//!
//! What never happens here: a path of the host. The bounds of a grant may name folders, so they are not shown.

use omega_gateway::contract::plugin_info::LaneKind;
use omega_gateway::contract::{self, ErrorCode, Manifest, PluginStatus, Severity};
use omega_gateway::{GrantRow, GrantState, PluginRow};
use serde::Serialize;
use utoipa::ToSchema;

/// Where a plugin stands.
#[derive(ToSchema)]
#[schema(as = PluginStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "says how the contract's own type is written")]
pub(super) enum PluginStatusText {
    /// Admitted, never enabled yet.
    Registered,
    /// Takes calls.
    Enabled,
    /// Takes no calls.
    Disabled,
    /// Not admitted; can never be enabled.
    Rejected,
}

/// The kinds of isolated places where plugins run.
#[derive(ToSchema)]
#[schema(as = LaneKind, rename_all = "snake_case")]
#[expect(dead_code, reason = "says how the contract's own type is written")]
pub(super) enum LaneKindText {
    /// WebAssembly components.
    Wasm,
    /// Python and JavaScript in locked-down single-use processes.
    Worker,
    /// OCI images.
    Container,
}

/// Whether an issue forbids registration.
#[derive(ToSchema)]
#[schema(as = Severity, rename_all = "snake_case")]
#[expect(dead_code, reason = "says how the contract's own type is written")]
pub(super) enum SeverityText {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

/// Whether the same input gives the same output.
#[derive(ToSchema)]
#[schema(as = DeterminismMode, rename_all = "snake_case")]
#[expect(dead_code, reason = "says how the contract's own type is written")]
pub(super) enum DeterminismText {
    /// It does.
    Deterministic,
    /// It need not.
    Probabilistic,
}

/// The result of a validation: every issue at once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ValidationReport)]
pub(super) struct Report {
    /// True where no issue is an error.
    valid: bool,
    /// Everything that was found.
    issues: Vec<Issue>,
    /// `hash(manifest)`, or `""` where the bytes are not JSON that the contract takes.
    #[schema(pattern = "^([0-9a-f]{64})?$")]
    manifest_hash: String,
    /// When.
    #[schema(format = "date-time")]
    checked_at: String,
}

/// One thing that was found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Issue {
    /// The field's path, such as `io.inputs[0].limits.max_bytes`; `""` for the whole.
    field: String,
    /// What is wrong and what would be right.
    message: String,
    /// Whether it forbids registration.
    #[schema(value_type = SeverityText)]
    severity: Severity,
}

impl From<contract::ValidationReport> for Report {
    fn from(report: contract::ValidationReport) -> Self {
        let issue =
            |issue: contract::Issue| Issue { field: issue.field, message: issue.message, severity: issue.severity };
        Self {
            valid: report.valid,
            issues: report.issues.into_iter().map(issue).collect(),
            manifest_hash: report.manifest_hash,
            checked_at: report.checked_at.to_string(),
        }
    }
}

/// One registered version of a plugin, or one rejected package.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginInfo)]
pub(super) struct Plugin {
    /// The plugin's id. A rejected package may claim an id that it does not reserve.
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{2,63}$", example = "hello")]
    plugin_id: String,
    /// The manifest's name.
    name: String,
    /// The manifest's version.
    #[schema(example = "1.0.0")]
    version: String,
    /// Where it stands.
    #[schema(value_type = PluginStatusText)]
    status: PluginStatus,
    /// What the manifest asks for, as written there.
    capabilities: Vec<String>,
    /// When it was registered or rejected.
    #[schema(format = "date-time")]
    registered_at: String,
    /// Whether a trusted key's signature over exactly these files was verified.
    signature_valid: bool,
    /// The lane it runs in; null where the manifest does not tell.
    #[schema(value_type = Option<LaneKindText>, required)]
    lane: Option<LaneKind>,
    /// What the manifest declares.
    #[schema(value_type = Option<DeterminismText>, required)]
    determinism: Option<contract::DeterminismMode>,
    /// The key that signed it: SHA-256 of its SPKI DER.
    #[schema(pattern = "^[0-9a-f]{64}$", required)]
    key_id: Option<String>,
    /// `hash({path: sha256})` over every file of the package but the signature.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    package_digest: String,
}

impl From<contract::PluginInfo> for Plugin {
    fn from(info: contract::PluginInfo) -> Self {
        Self {
            plugin_id: info.plugin_id.to_string(),
            name: info.name,
            version: info.version.to_string(),
            status: info.status,
            capabilities: info.capabilities,
            registered_at: info.registered_at.to_string(),
            signature_valid: info.signature_valid,
            lane: info.lane,
            determinism: info.determinism,
            key_id: info.key_id.map(|id| id.to_string()),
            package_digest: info.package_digest.to_string(),
        }
    }
}

/// A part of the list of plugins, by id, then version.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PluginPage {
    /// The plugins. There may be fewer than were asked for though more follow.
    pub(super) plugins: Vec<Plugin>,
    /// What to send as `cursor` for the next page; null after the last.
    #[schema(required)]
    pub(super) next: Option<String>,
}

/// All that is known of one plugin.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PluginDetails {
    /// The version that was asked for, else the enabled one, else the highest; or the newest rejection.
    plugin: Plugin,
    /// `hash(manifest)`, or `""` where the manifest was not readable.
    #[schema(pattern = "^([0-9a-f]{64})?$")]
    manifest_hash: String,
    /// Its manifest; null for a rejected package.
    #[schema(value_type = Option<super::openapi::PluginManifest>, required)]
    manifest: Option<Manifest>,
    /// Why it was rejected, where it was.
    #[schema(required)]
    rejection: Option<Rejection>,
    /// What the operator decided on the id, all major versions. The bounds of a grant are not shown.
    grants: Vec<Grant>,
    /// What a call would hold now: asked for, granted, and below the gateway's ceiling.
    effective_capabilities: Vec<String>,
    /// Every admitted version, oldest first.
    versions: Vec<PluginVersion>,
}

/// Why a package was rejected.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rejection {
    /// The stable code.
    #[schema(value_type = super::openapi::ErrorCodeText)]
    reason: ErrorCode,
    /// For people.
    message: String,
}

/// What the operator decided on one capability of one plugin.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Grant {
    /// Of which major version.
    #[schema(minimum = 0)]
    major_version: u64,
    /// Which capability.
    capability: String,
    /// Whether it was granted, or taken.
    granted: bool,
    /// When.
    #[schema(format = "date-time")]
    decided_at: String,
}

/// One version of a plugin.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PluginVersion {
    /// The version.
    #[schema(example = "1.0.0")]
    version: String,
    /// Where it stands.
    #[schema(value_type = PluginStatusText)]
    status: PluginStatus,
}

impl From<omega_gateway::PluginDetails> for PluginDetails {
    fn from(details: omega_gateway::PluginDetails) -> Self {
        let PluginRow { info, manifest_hash, rejection, .. } = details.row;
        let grant = |row: GrantRow| Grant {
            major_version: row.major_version,
            capability: row.capability.to_string(),
            granted: row.state == GrantState::Granted,
            decided_at: row.decided_at.to_string(),
        };
        Self {
            plugin: info.into(),
            manifest_hash,
            manifest: details.manifest,
            rejection: rejection.map(|rejected| Rejection { reason: rejected.reason, message: rejected.message }),
            grants: details.grants.into_iter().map(grant).collect(),
            effective_capabilities: details.effective_capabilities.iter().map(ToString::to_string).collect(),
            versions: details
                .versions
                .into_iter()
                .map(|(version, status)| PluginVersion { version: version.to_string(), status })
                .collect(),
        }
    }
}

/// An event and where it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlacedEvent {
    /// Its index in the ledger, from 0.
    #[schema(minimum = 0)]
    pub(super) index: u64,
    /// The event.
    #[schema(value_type = super::openapi::GatewayEvent)]
    pub(super) event: contract::Event,
}

/// A part of the ledger's events.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventPage {
    /// The events. There may be fewer than were asked for though more follow.
    pub(super) events: Vec<PlacedEvent>,
    /// What to send as `cursor` for the next page, beside the same filters; null after the last.
    #[schema(required)]
    pub(super) next: Option<String>,
}

/// What is known of an artifact.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Artifact {
    /// The SHA-256 of its bytes: what a `binary_ref` payload names.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub(super) sha256: String,
    /// How many bytes.
    #[schema(minimum = 0)]
    pub(super) size_bytes: u64,
}

/// Whether the server is there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`.
    #[schema(example = "ok")]
    pub(super) status: &'static str,
}
