//! What the ledger says of a run beyond its own events: whose packages ran, by whom signed, under which decisions.
//!
//! What never happens here: today's registry taken for that of the run. Everything is read from the ledger, as it stood.

use std::collections::{BTreeMap, BTreeSet};

use omega_contract::{Capability, ErrorCode, EventKind, KeyId, PluginId, RunId, Sha256Hex, Timestamp};
use omega_ledger::{Order, PAGE_EVENTS_MAX, PlacedEvent, Query};
use omega_registry::{Decision, RegisteredPackage};
use serde::Serialize;
use serde_json::Value;

use crate::error::GatewayError;
use crate::reader::HomeReader;

/// A run and what was in force while it ran.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunFacts {
    /// The run.
    pub run_id: RunId,
    /// Every package that ran, in the order in which each first did.
    pub packages: Vec<RanPackage>,
    /// The ceilings and default grants in force when it began, where they were journalled; no path of the host.
    pub policy: Option<Value>,
    /// The run's events, oldest first.
    #[serde(skip)]
    pub events: Vec<PlacedEvent>,
}

/// A package that ran.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RanPackage {
    /// Whose.
    pub plugin_id: PluginId,
    /// What ran.
    pub package_digest: Sha256Hex,
    /// What the REGISTER event says of it; none where there is no such event.
    pub registered: Option<RegisteredPackage>,
    /// Where it was registered.
    pub registered_by_event: Option<u64>,
    /// Where it was last enabled before it ran.
    pub enabled_by_event: Option<u64>,
    /// The key that signed it.
    pub key: Option<SigningKey>,
    /// What the operator had decided on it when it first ran.
    pub grants: Vec<GrantInForce>,
}

/// A signing key, and who approved it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SigningKey {
    /// SHA-256 of its SPKI DER.
    pub key_id: KeyId,
    /// The operator's name for it.
    pub label: String,
    /// Where it was approved.
    pub trusted_by_event: Option<u64>,
    /// In whose name.
    pub trusted_by: Option<String>,
    /// Where its approval was taken back, before or after the run.
    pub revoked_by_event: Option<u64>,
    /// When.
    pub revoked_at: Option<Timestamp>,
}

/// A decision on one capability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GrantInForce {
    /// Which.
    pub capability: Capability,
    /// Given, or taken.
    pub granted: bool,
    /// Where it was decided.
    pub event_index: u64,
    /// By whom.
    pub actor: String,
}

impl HomeReader {
    /// What the ledger says of a run.
    ///
    /// # Errors
    /// `run_unknown`, `ledger_corrupt`, `io`.
    pub fn run_facts(&self, run_id: &RunId) -> Result<RunFacts, GatewayError> {
        let events = self.ledger().run_events(run_id)?;
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Err(GatewayError::new(ErrorCode::RunUnknown, format!("the ledger has no run {run_id}")));
        };
        let mut ran: Vec<(PluginId, Sha256Hex, u64)> = Vec::new();
        for placed in events.iter().filter(|placed| placed.event.kind == EventKind::Invoke) {
            let plugin_id: Option<PluginId> = placed.event.plugin_id.parse().ok();
            let digest = placed.event.meta.get("package_digest").and_then(|text| text.parse().ok());
            if let (Some(plugin_id), Some(digest)) = (plugin_id, digest)
                && !ran.iter().any(|(known, of, _)| *known == plugin_id && *of == digest)
            {
                ran.push((plugin_id, digest, placed.index));
            }
        }
        let mut packages = ran
            .into_iter()
            .map(|(plugin_id, digest, index)| self.ran_package(plugin_id, digest, index))
            .collect::<Result<Vec<_>, _>>()?;
        let policy = self.name_keys(&mut packages, first.index, last.index)?;
        Ok(RunFacts { run_id: run_id.clone(), packages, policy, events })
    }

    /// What was decided of a package before it ran at `index`.
    fn ran_package(
        &self,
        plugin_id: PluginId,
        package_digest: Sha256Hex,
        index: u64,
    ) -> Result<RanPackage, GatewayError> {
        let mut package = RanPackage {
            plugin_id: plugin_id.clone(),
            package_digest,
            registered: None,
            registered_by_event: None,
            enabled_by_event: None,
            key: None,
            grants: Vec::new(),
        };
        let mut grants: BTreeMap<(u64, Capability), GrantInForce> = BTreeMap::new();
        let query = Query { plugin_id: Some(plugin_id), indexes: 0..index, ..system(Vec::new()) };
        self.each_decision(query, |placed, decision| {
            let mut grant = |major, capability, granted| {
                let actor = actor_of(placed);
                grants.insert(
                    (major, capability),
                    GrantInForce { capability, granted, event_index: placed.index, actor },
                );
            };
            match decision {
                Decision::Register(registered) if registered.package_digest == package_digest => {
                    package.registered = Some(registered);
                    package.registered_by_event = Some(placed.index);
                }
                Decision::Enable { version, .. }
                    if package.registered.as_ref().is_some_and(|registered| registered.version == version) =>
                {
                    package.enabled_by_event = Some(placed.index);
                }
                Decision::Grant(given) => grant(given.major_version, given.capability, true),
                Decision::RevokeGrant { major_version, capability, .. } => grant(major_version, capability, false),
                _ => {}
            }
        })?;
        let major = package.registered.as_ref().map(|registered| registered.version.major);
        let of_major = grants.into_iter().filter(|((of, _), _)| Some(*of) == major);
        package.grants = of_major.map(|(_, grant)| grant).collect();
        Ok(package)
    }

    /// Fills in who approved the keys; gives the policy that was in force when the run began.
    fn name_keys(
        &self,
        packages: &mut [RanPackage],
        first_index: u64,
        last_index: u64,
    ) -> Result<Option<Value>, GatewayError> {
        let wanted: BTreeSet<KeyId> =
            packages.iter().filter_map(|package| Some(package.registered.as_ref()?.key_id)).collect();
        let mut keys: BTreeMap<KeyId, SigningKey> = BTreeMap::new();
        let mut policy = None;
        self.each_decision(system(vec![EventKind::Policy]), |placed, decision| match decision {
            // A later approval of the same key is not what the run went by.
            Decision::Trust(key) if wanted.contains(&key.key_id) && placed.index <= last_index => {
                keys.insert(
                    key.key_id,
                    SigningKey {
                        key_id: key.key_id,
                        label: key.label,
                        trusted_by_event: Some(placed.index),
                        trusted_by: Some(actor_of(placed)),
                        revoked_by_event: None,
                        revoked_at: None,
                    },
                );
            }
            Decision::RevokeKey { key_id } => {
                if let Some(key) = keys.get_mut(&key_id) {
                    key.revoked_by_event = Some(placed.index);
                    key.revoked_at = placed.event.ts.parse().ok();
                }
            }
            Decision::EffectivePolicy { policy: decided } if placed.index <= first_index => policy = Some(decided),
            _ => {}
        })?;
        for package in packages {
            let key_id = package.registered.as_ref().map(|registered| registered.key_id);
            package.key = key_id.and_then(|key_id| keys.get(&key_id).cloned());
        }
        // Folders of the host are nobody else's business.
        if let Some(Value::Object(fields)) = &mut policy {
            fields.remove("protected_paths");
        }
        Ok(policy)
    }

    fn each_decision(
        &self,
        mut query: Query,
        mut each: impl FnMut(&PlacedEvent, Decision),
    ) -> Result<(), GatewayError> {
        loop {
            let page = self.ledger().query(&query)?;
            for placed in &page.events {
                if let Some(decision) = Decision::from_event(placed.index, &placed.event)? {
                    each(placed, decision);
                }
            }
            let Some(next) = page.next else { return Ok(()) };
            query.indexes = next;
        }
    }
}

/// Decisions, oldest first.
fn system(kinds: Vec<EventKind>) -> Query {
    Query {
        run_id: Some(RunId::system()),
        kinds,
        order: Order::OldestFirst,
        limit: PAGE_EVENTS_MAX,
        ..Query::default()
    }
}

fn actor_of(placed: &PlacedEvent) -> String {
    placed.event.meta.get("actor").cloned().unwrap_or_default()
}
