//! What a person (or a rule, at registration) decided: the content of lifecycle events.
//!
//! One definition serves both directions: the event that is journalled and the projection that is
//! rebuilt from it.

use omega_contract::manifest::DeterminismMode;
use omega_contract::plugin_info::LaneKind;
use omega_contract::{
    ApiToken, Caller, Capability, ErrorCode, Event, EventDraft, EventKind, Grant, KeyId, PluginId, RequestId, RunId,
    Sha256Hex, TokenName, TrustedKey, ValidationReport, Witness, canonical_bytes, strict_json,
};
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::conformance::TakenConformance;
use crate::environment::{AllowedBuild, BoundEnvironment};
use crate::error::RegistryError;

/// One change of the registry. Serialised canonically into `meta.content` of its event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decision {
    /// A package was admitted.
    Register(RegisteredPackage),
    /// A package was refused; kept for its report.
    Reject(RejectedPackage),
    /// A version takes calls; another enabled version of the id stops taking them.
    Enable {
        /// Whose.
        plugin_id: PluginId,
        /// Which.
        version: Version,
    },
    /// A version takes no calls.
    Disable {
        /// Whose.
        plugin_id: PluginId,
        /// Which.
        version: Version,
    },
    /// A version is forgotten; its events stay.
    Remove {
        /// Whose.
        plugin_id: PluginId,
        /// Which.
        version: Version,
    },
    /// A signing key was approved.
    Trust(TrustedKey),
    /// A signing key's approval was taken back.
    RevokeKey {
        /// Which.
        key_id: KeyId,
    },
    /// A capability was granted.
    Grant(Grant),
    /// A capability was taken back, also one of the default grants.
    RevokeGrant {
        /// Whose.
        plugin_id: PluginId,
        /// Of which major version.
        major_version: u64,
        /// Which.
        capability: Capability,
    },
    /// A witness of the log was named; one of the same name is replaced.
    AddWitness(Witness),
    /// A witness is asked no more. What it cosigned stays.
    RemoveWitness {
        /// Which.
        name: String,
    },
    /// A token for the HTTP door was made; one of the same name is replaced.
    CreateToken(ApiToken),
    /// A token was taken back.
    RevokeToken {
        /// Which.
        name: TokenName,
    },
    /// The log was handed over to another key; the hand-over itself is a checkpoint.
    RotateLogKey {
        /// The verifier key of the one that signs from here on.
        verifier_key: String,
    },
    /// The oldest events were moved to an archive; what they hash to stays in the tree.
    Archive {
        /// The first event that stayed.
        first_index: u64,
    },
    /// What a request's redactions hid is not to be disclosed any more: its salts are deleted.
    ForgetEvidence {
        /// Of which run.
        run_id: RunId,
        /// Which.
        request_id: RequestId,
        /// Its steps, each with a salt of its own.
        steps: Vec<u32>,
    },
    /// A package's dependencies may be built from sources, from here on and for this package.
    AllowBuild(AllowedBuild),
    /// A package's dependencies were built; what they were built into before is not used any more.
    BindEnvironment(BoundEnvironment),
    /// A conformance report came with a package and was taken; it stands in the place of an earlier one.
    TakeConformance(TakenConformance),
    /// The ceilings and defaults of omega.toml changed.
    EffectivePolicy {
        /// All of them.
        policy: Value,
    },
}

/// An admitted package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredPackage {
    /// From the manifest.
    pub plugin_id: PluginId,
    /// From the manifest.
    pub version: Version,
    /// From the manifest.
    pub name: String,
    /// From the manifest.
    pub capabilities: Vec<Capability>,
    /// From the manifest.
    pub lane: LaneKind,
    /// From the manifest.
    pub determinism: DeterminismMode,
    /// The highest API version that both sides speak.
    pub api_version: Version,
    /// Who signed it.
    pub key_id: KeyId,
    /// `hash(manifest)`.
    pub manifest_hash: Sha256Hex,
    /// `hash({path: sha256})`.
    pub package_digest: Sha256Hex,
}

/// A refused package. It reserves no id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectedPackage {
    /// What it claims, or `rejected-<digest>` where it claims nothing readable.
    pub plugin_id: PluginId,
    /// What it claims, or 0.0.0.
    pub version: Version,
    /// What it claims, bounded.
    pub name: String,
    /// `hash({path: sha256})`.
    pub package_digest: Sha256Hex,
    /// Why, as a code.
    pub reason: ErrorCode,
    /// Why, as a sentence.
    pub message: String,
    /// What the manifest's validation found.
    pub report: ValidationReport,
}

/// Whether a grant gives or takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantState {
    /// The operator gave it.
    Granted,
    /// The operator took it back.
    Revoked,
}

/// `meta.action` of [`Decision::ForgetEvidence`].
pub const FORGET_EVIDENCE: &str = "forget_evidence";

/// Bytes of `meta.content`, read back.
const CONTENT_BYTES_MAX: u64 = omega_contract::limits::EVENT_LINE_BYTES_MAX as u64;

impl Decision {
    /// The kind of event that carries this decision.
    pub fn event_kind(&self) -> EventKind {
        match self {
            Self::Register(_) => EventKind::Register,
            Self::Reject(_) => EventKind::Reject,
            Self::Enable { .. } => EventKind::Enable,
            Self::Disable { .. } => EventKind::Disable,
            Self::Remove { .. }
            | Self::Trust(_)
            | Self::RevokeKey { .. }
            | Self::Grant(_)
            | Self::RevokeGrant { .. }
            | Self::AddWitness(_)
            | Self::RemoveWitness { .. }
            | Self::CreateToken(_)
            | Self::RevokeToken { .. }
            | Self::RotateLogKey { .. }
            | Self::Archive { .. }
            | Self::ForgetEvidence { .. }
            | Self::AllowBuild(_)
            | Self::BindEnvironment(_)
            | Self::TakeConformance(_)
            | Self::EffectivePolicy { .. } => EventKind::Policy,
        }
    }

    /// The event to journal, in run `system`. `caller` is the OS user or API principal that decided.
    ///
    /// # Errors
    /// Where the content has no canonical form; none of ours lacks one.
    pub fn to_draft(&self, caller: &Caller) -> Result<EventDraft, serde_json::Error> {
        let content = canonical_bytes(self)?;
        let content = String::from_utf8_lossy(&content).into_owned();
        let mut draft = EventDraft::system(self.event_kind()).asked_by(caller).with("content", content);
        draft.plugin_id = self.plugin_id().cloned();
        for (key, value) in self.digest_meta() {
            draft = draft.with(key, value);
        }
        Ok(draft)
    }

    /// The decision that an event carries; none where the event is of another kind.
    ///
    /// # Errors
    /// [`RegistryError::UnreadableDecision`]: never guessed at.
    pub fn from_event(index: u64, event: &Event) -> Result<Option<Self>, RegistryError> {
        let carries = event.kind.is_lifecycle() || (event.kind == EventKind::Reject && event.run_id == "system");
        let Some(content) = event.meta.get("content").filter(|_| carries) else { return Ok(None) };
        strict_json::parse_as(content.as_bytes(), CONTENT_BYTES_MAX)
            .map(Some)
            .map_err(|cause| RegistryError::UnreadableDecision { index, cause: cause.to_string() })
    }

    /// Whose decision it is, where it is one plugin's.
    pub fn plugin_id(&self) -> Option<&PluginId> {
        match self {
            Self::Register(package) => Some(&package.plugin_id),
            Self::Reject(package) => Some(&package.plugin_id),
            Self::Enable { plugin_id, .. }
            | Self::Disable { plugin_id, .. }
            | Self::Remove { plugin_id, .. }
            | Self::RevokeGrant { plugin_id, .. } => Some(plugin_id),
            Self::Grant(grant) => Some(&grant.plugin_id),
            Self::AllowBuild(allowed) => Some(&allowed.plugin_id),
            Self::BindEnvironment(bound) => Some(&bound.plugin_id),
            Self::TakeConformance(taken) => Some(&taken.plugin_id),
            Self::Trust(_)
            | Self::RevokeKey { .. }
            | Self::AddWitness(_)
            | Self::RemoveWitness { .. }
            | Self::CreateToken(_)
            | Self::RevokeToken { .. }
            | Self::RotateLogKey { .. }
            | Self::Archive { .. }
            | Self::ForgetEvidence { .. }
            | Self::EffectivePolicy { .. } => None,
        }
    }

    /// What a reader of the ledger wants to see without parsing `content`.
    fn digest_meta(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Register(package) => vec![
                ("version", package.version.to_string()),
                ("lane", package.lane.to_string()),
                ("key_id", package.key_id.to_string()),
                ("manifest_hash", package.manifest_hash.to_string()),
                ("package_digest", package.package_digest.to_string()),
            ],
            Self::Reject(package) => vec![
                ("reason", package.reason.to_string()),
                ("version", package.version.to_string()),
                ("package_digest", package.package_digest.to_string()),
            ],
            Self::Enable { version, .. } | Self::Disable { version, .. } => vec![("version", version.to_string())],
            Self::Remove { version, .. } => vec![("action", "remove".into()), ("version", version.to_string())],
            Self::Trust(key) => vec![("action", "trust".into()), ("key_id", key.key_id.to_string())],
            Self::RevokeKey { key_id } => vec![("action", "revoke_key".into()), ("key_id", key_id.to_string())],
            Self::Grant(grant) => vec![("action", "grant".into()), ("capability", grant.capability.to_string())],
            Self::RevokeGrant { capability, .. } => {
                vec![("action", "revoke_grant".into()), ("capability", capability.to_string())]
            }
            Self::AddWitness(witness) => vec![("action", "add_witness".into()), ("witness", witness.name.clone())],
            Self::RemoveWitness { name } => vec![("action", "remove_witness".into()), ("witness", name.clone())],
            Self::CreateToken(token) => vec![("action", "create_token".into()), ("token", token.name.to_string())],
            Self::RevokeToken { name } => vec![("action", "revoke_token".into()), ("token", name.to_string())],
            Self::RotateLogKey { verifier_key } => {
                vec![("action", "rotate_log_key".into()), ("verifier_key", verifier_key.clone())]
            }
            Self::Archive { first_index } => {
                vec![("action", "archive".into()), ("first_index", first_index.to_string())]
            }
            Self::ForgetEvidence { run_id, request_id, .. } => vec![
                ("action", FORGET_EVIDENCE.into()),
                ("of_run", run_id.to_string()),
                ("of_request", request_id.to_string()),
            ],
            Self::AllowBuild(allowed) => vec![
                ("action", "allow_build".into()),
                ("version", allowed.version.to_string()),
                ("package_digest", allowed.package_digest.to_string()),
            ],
            Self::BindEnvironment(bound) => vec![
                ("action", "bind_environment".into()),
                ("version", bound.version.to_string()),
                ("package_digest", bound.package_digest.to_string()),
                ("env_digest", bound.env_digest.to_string()),
            ],
            Self::TakeConformance(taken) => vec![
                ("action", "take_conformance".into()),
                ("version", taken.version.to_string()),
                ("package_digest", taken.package_digest.to_string()),
                ("report_sha256", taken.report_sha256.to_string()),
                ("key_id", taken.key_id.to_string()),
                ("passed", taken.passed.to_string()),
            ],
            Self::EffectivePolicy { .. } => vec![("action", "effective_policy".into())],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journalled(decision: &Decision) -> Event {
        let draft = decision.to_draft(&Caller::new("tester")).unwrap();
        Event {
            event_hash: Sha256Hex::of(b"e"),
            event_id: String::new(),
            input_hash: String::new(),
            kind: draft.kind,
            meta: draft.meta,
            output_hash: String::new(),
            plugin_id: draft.plugin_id.map(|id| id.to_string()).unwrap_or_default(),
            prev_hash: String::new(),
            request_id: String::new(),
            run_id: draft.run_id.to_string(),
            ts: "2026-01-01T00:00:00.000000Z".into(),
        }
    }

    #[test]
    fn what_is_journalled_is_what_is_read_back() {
        let plugin_id: PluginId = "hello".parse().unwrap();
        let version = Version::new(1, 2, 3);
        let decisions = [
            Decision::Enable { plugin_id: plugin_id.clone(), version: version.clone() },
            Decision::Remove { plugin_id: plugin_id.clone(), version },
            Decision::RevokeKey { key_id: KeyId(Sha256Hex::of(b"k")) },
            Decision::RevokeGrant { plugin_id, major_version: 1, capability: Capability::Llm },
            Decision::AddWitness(Witness {
                name: "w".into(),
                verifier_key: "w+1+x".into(),
                url: Some("http://127.0.0.1:1".into()),
            }),
            Decision::RemoveWitness { name: "w".into() },
            Decision::CreateToken(ApiToken {
                name: "ci".parse().unwrap(),
                scopes: vec![omega_contract::Scope::Read],
                plugins: vec!["a*".into()],
                expires_at: None,
                secret_sha256: Sha256Hex::of(b"s"),
            }),
            Decision::RevokeToken { name: "ci".parse().unwrap() },
            Decision::RotateLogKey { verifier_key: "l+1+x".into() },
            Decision::Archive { first_index: 7 },
            Decision::ForgetEvidence {
                run_id: "r".parse().unwrap(),
                request_id: "q".parse().unwrap(),
                steps: vec![0, 2],
            },
            Decision::EffectivePolicy { policy: serde_json::json!({"a": 1}) },
            Decision::TakeConformance(TakenConformance {
                plugin_id: "hello".parse().unwrap(),
                version: Version::new(1, 2, 3),
                package_digest: Sha256Hex::of(b"p"),
                report_sha256: Sha256Hex::of(b"r"),
                key_id: KeyId(Sha256Hex::of(b"k")),
                passed: true,
                failed: Vec::new(),
                checked_at: omega_contract::Timestamp::EPOCH,
                gateway_version: "0.1.0".into(),
            }),
        ];
        for decision in decisions {
            assert_eq!(Decision::from_event(0, &journalled(&decision)).unwrap(), Some(decision));
        }
    }

    #[test]
    fn an_unreadable_decision_is_an_error_and_not_a_gap() {
        let key_id = KeyId(Sha256Hex::of(b"k"));
        let mut event = journalled(&Decision::RevokeKey { key_id });
        event.meta.insert("content".into(), "{\"decision\":\"invented\"}".into());
        assert!(matches!(Decision::from_event(7, &event), Err(RegistryError::UnreadableDecision { index: 7, .. })));
    }

    #[test]
    fn a_refused_call_is_no_decision() {
        let mut event = journalled(&Decision::RevokeKey { key_id: KeyId(Sha256Hex::of(b"k")) });
        event.kind = EventKind::Reject;
        event.run_id = "some-run".into();
        assert_eq!(Decision::from_event(0, &event).unwrap(), None);
    }
}
