//! Which decisions were in force for a run's plugins: who signed them, who enabled them, under which policy.
//!
//! One function says so for whoever exports a run, who has all decisions, and for whoever verifies, who has those that the
//! exporter chose: of these, each must still be chosen. What never happens here: a path of the host in a bundle.

use std::collections::{BTreeMap, BTreeSet};

use omega_contract::limits::EVENT_LINE_BYTES_MAX;
use omega_contract::proof_bundle::{LinkedDecision, WithheldDecision};
use omega_contract::{Event, EventKind, strict_json};
use serde::Serialize;
use serde_json::Value;

use super::{BundleFault, LinkFault, Placed};

/// What `meta.action` of a POLICY event says, as far as it matters here.
mod action {
    pub(super) const TRUST: &str = "trust";
    pub(super) const REVOKE_KEY: &str = "revoke_key";
    pub(super) const GRANT: &str = "grant";
    pub(super) const REVOKE_GRANT: &str = "revoke_grant";
    pub(super) const EFFECTIVE_POLICY: &str = "effective_policy";

    /// Actions whose content may name paths of the host.
    pub(super) const WITH_PATHS: [&str; 3] = [GRANT, REVOKE_GRANT, EFFECTIVE_POLICY];
}

/// A plugin that ran, as the decisions in force say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginInForce {
    /// The id of the key that signed its package.
    pub key_id: String,
    /// When that key was revoked after it was last trusted for a call of this run, as of the export.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_revoked_at: Option<String>,
    /// Its lane.
    pub lane: String,
    /// `hash(manifest)`.
    pub manifest_hash: String,
    /// The package's name by content.
    pub package_digest: String,
    /// Its id.
    pub plugin_id: String,
    /// Its version.
    pub version: String,
}

/// What was in force for a run.
#[derive(Debug, Default)]
pub(super) struct InForce {
    /// The indexes of the decisions.
    pub(super) chosen: BTreeSet<u64>,
    /// The plugins that ran, in order of id and digest.
    pub(super) plugins: Vec<PluginInForce>,
}

fn meta<'e>(event: &'e Event, key: &str) -> &'e str {
    event.meta.get(key).map_or("", String::as_str)
}

/// Decisions as they stand at one point of the ledger.
#[derive(Default)]
struct Standing<'e> {
    /// By plugin and package digest.
    registered: BTreeMap<(&'e str, &'e str), Placed<'e>>,
    /// By plugin and version: an attempt that began may end on a version that was replaced meanwhile.
    enabled: BTreeMap<(&'e str, &'e str), Placed<'e>>,
    /// By key id.
    trusted: BTreeMap<&'e str, Placed<'e>>,
    /// By plugin, then by capability and major version.
    grants: BTreeMap<&'e str, BTreeMap<(&'e str, String), Placed<'e>>>,
    policy: Option<Placed<'e>>,
}

impl<'e> Standing<'e> {
    fn take(&mut self, placed: Placed<'e>) {
        let event = placed.event;
        let plugin = event.plugin_id.as_str();
        match (event.kind, meta(event, "action")) {
            (EventKind::Register, _) => {
                self.registered.insert((plugin, meta(event, "package_digest")), placed);
            }
            (EventKind::Enable, _) => {
                self.enabled.insert((plugin, meta(event, "version")), placed);
            }
            (EventKind::Policy, action::TRUST) => {
                self.trusted.insert(meta(event, "key_id"), placed);
            }
            (EventKind::Policy, action::GRANT | action::REVOKE_GRANT) => {
                let major = content(event).ok().map(|content| content["major_version"].to_string()).unwrap_or_default();
                self.grants.entry(plugin).or_default().insert((meta(event, "capability"), major), placed);
            }
            (EventKind::Policy, action::EFFECTIVE_POLICY) => self.policy = Some(placed),
            _ => {}
        }
    }
}

/// What was in force for the INVOKEs among `run`; both lists rise by index.
///
/// # Errors
/// [`BundleFault::LinkMissing`] where a plugin ran that nobody registered or enabled, or whose key nobody trusted.
pub(super) fn in_force<'e>(
    run: impl IntoIterator<Item = Placed<'e>>,
    decisions: &[Placed<'e>],
) -> Result<InForce, BundleFault> {
    let (mut standing, mut next) = (Standing::default(), decisions.iter().copied().peekable());
    let mut found = InForce::default();
    // By plugin and package digest: its REGISTER and the last trust in its key.
    let mut ran: BTreeMap<(&str, &str), (Placed<'e>, Placed<'e>)> = BTreeMap::new();
    for Placed { index, event } in run.into_iter().filter(|placed| placed.event.kind == EventKind::Invoke) {
        while let Some(decision) = next.next_if(|decision| decision.index < index) {
            standing.take(decision);
        }
        let plugin = event.plugin_id.as_str();
        let missing =
            |missing| BundleFault::LinkMissing { plugin_id: plugin.chars().take(128).collect(), index, missing };
        let name = (plugin, meta(event, "package_digest"));
        let register = *standing.registered.get(&name).ok_or_else(|| missing("its REGISTER"))?;
        let version = (plugin, meta(register.event, "version"));
        let enable = standing.enabled.get(&version).ok_or_else(|| missing("its ENABLE"))?;
        let key = meta(register.event, "key_id");
        let trust = *standing.trusted.get(key).ok_or_else(|| missing("the trust in its key"))?;
        let grants = standing.grants.get(plugin).into_iter().flat_map(BTreeMap::values);
        let decisions = [&register, enable, &trust].into_iter().chain(grants).chain(&standing.policy);
        found.chosen.extend(decisions.map(|placed| placed.index));
        ran.insert(name, (register, trust));
    }
    for (register, trust) in ran.into_values() {
        let revocation = revocation_after(trust.index, meta(register.event, "key_id"), decisions);
        found.chosen.extend(revocation.map(|placed| placed.index));
        found.plugins.push(PluginInForce::of(register.event, revocation.map(|placed| placed.event.ts.clone())));
    }
    Ok(found)
}

/// The first revocation of a key after it was trusted.
fn revocation_after<'e>(trust_index: u64, key_id: &str, decisions: &[Placed<'e>]) -> Option<Placed<'e>> {
    let revokes = |event: &Event| {
        event.kind == EventKind::Policy
            && meta(event, "action") == action::REVOKE_KEY
            && meta(event, "key_id") == key_id
    };
    decisions.iter().copied().find(|placed| placed.index > trust_index && revokes(placed.event))
}

impl PluginInForce {
    fn of(register: &Event, key_revoked_at: Option<String>) -> Self {
        let meta = |key| meta(register, key).to_owned();
        Self {
            key_id: meta("key_id"),
            key_revoked_at,
            lane: meta("lane"),
            manifest_hash: meta("manifest_hash"),
            package_digest: meta("package_digest"),
            plugin_id: register.plugin_id.clone(),
            version: meta("version"),
        }
    }
}

/// The decision as a bundle may have it.
pub(super) fn linked(event: &Event) -> LinkedDecision {
    if names_host_paths(event) {
        return LinkedDecision::Withheld(WithheldDecision {
            event_hash: event.event_hash,
            action: meta(event, "action").to_owned(),
            plugin_id: event.plugin_id.clone(),
        });
    }
    LinkedDecision::Event(event.clone())
}

/// Whether a withheld decision is of a kind that may have something to hide.
pub(super) fn check_withheld(withheld: &WithheldDecision) -> Result<(), LinkFault> {
    if action::WITH_PATHS.contains(&withheld.action.as_str()) {
        return Ok(());
    }
    Err(LinkFault::Withheld { action: withheld.action.chars().take(64).collect() })
}

/// Whether a decision says something about the host's file system: a grant, its revocation or the effective policy with a
/// value that is an absolute path. Content that is not JSON is taken to.
pub fn names_host_paths(event: &Event) -> bool {
    let may = event.kind == EventKind::Policy && action::WITH_PATHS.contains(&meta(event, "action"));
    may && content(event).map_or(true, |content| has_path(&content))
}

/// `meta.content`, parsed; `null` where there is none.
pub(super) fn content(event: &Event) -> Result<Value, strict_json::JsonError> {
    match event.meta.get("content") {
        Some(text) => strict_json::parse(text.as_bytes(), EVENT_LINE_BYTES_MAX as u64),
        None => Ok(Value::Null),
    }
}

fn has_path(value: &Value) -> bool {
    match value {
        Value::String(text) => is_absolute_path(text),
        Value::Array(items) => items.iter().any(has_path),
        Value::Object(fields) => fields.iter().any(|(key, value)| is_absolute_path(key) || has_path(value)),
        _ => false,
    }
}

/// As Unix, Windows and a shell write one.
fn is_absolute_path(text: &str) -> bool {
    let drive = |bytes: &[u8]| matches!(bytes, [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
    text.starts_with(['/', '\\', '~']) || text.starts_with("file:") || drive(text.as_bytes())
}

#[cfg(test)]
mod tests;
