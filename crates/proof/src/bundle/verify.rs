//! Says whether a bundle proves what it says, alone and offline, to whoever trusts a key of its log.
//!
//! What never happens here: a key, a name or a number of the bundle taken for granted.

use std::collections::BTreeSet;

use omega_contract::proof_bundle::{Durability, Inclusion, Link, LinkedDecision, PROOF_FORMAT};
use omega_contract::strict_json::{self, JsonError};
use omega_contract::{Event, EventKind, ProofBundle, RunId, Sha256Hex, Timestamp, canonical_bytes};

use super::calls::{CallCounts, Calls};
use super::fault::{BundleFault, LinkFault, hash_mismatch};
use super::links::{InForce, PluginInForce, check_withheld, in_force, names_host_paths};
use super::{BUNDLE_BYTES_MAX, Placed, Rest, RestLink, attestation, export_meta, manifest_digests};
use crate::checkpoint::{Checkpoint, Cosignature, KeyTerm, LogKeys, WitnessKey};
use crate::line::{LINE_PREFIX_BYTES, LineFault, check_shape, hash_after_prefix};
use crate::note::{SignedNote, VerifierKey};
use crate::run_root::run_root;
use crate::tree::{TreeHead, check_inclusion};

/// What a bundle that verifies says of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleVerdict {
    /// The run.
    pub run_id: RunId,
    /// The proof's id.
    pub proof_id: String,
    /// When it was exported.
    pub created_at: Timestamp,
    /// Events, the PROOF_EXPORT event included.
    pub events: u64,
    /// Attempts that ran: INVOKE events, each with its one outcome.
    pub attempts: u64,
    /// Attempts that gave a result.
    pub results: u64,
    /// Calls refused, before or after the run.
    pub rejects: u64,
    /// Attempts that failed, time running out included.
    pub errors: u64,
    /// The hash of the PROOF_EXPORT event.
    pub head_event_hash: Sha256Hex,
    /// Which durability was in force.
    pub durability: Durability,
    /// The log's tree that holds all of it.
    pub tree: TreeHead,
    /// The key that signed for the log: the one that is trusted, or one that it handed over to.
    pub log_key: VerifierKey,
    /// The plugins that ran.
    pub plugins: Vec<PluginInForce>,
    /// Decisions of which only the hash is shown, because they name paths of the host.
    pub withheld_decisions: u64,
    /// What the witnesses that the verifier asked for said of the checkpoint.
    pub cosignatures: Vec<Cosignature>,
}

/// Verifies a bundle as it was read, for whoever trusts one of `keys` and wants the word of each of `witnesses`.
///
/// # Errors
/// [`BundleFault`]; never panics, on any bytes.
pub fn verify_bundle(
    bytes: &[u8],
    keys: &[VerifierKey],
    witnesses: &[WitnessKey],
) -> Result<BundleVerdict, BundleFault> {
    check_bundle(&parse(bytes)?, keys, witnesses)
}

/// Reads a bundle strictly. One that is in canonical form, as it is exported, is read without a detour.
fn parse(bytes: &[u8]) -> Result<ProofBundle, BundleFault> {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if bytes.len() as u64 <= BUNDLE_BYTES_MAX
        && let Ok(bundle) = serde_json::from_slice::<ProofBundle>(line)
        && canonical_bytes(&bundle).is_ok_and(|canonical| canonical == line)
    {
        return Ok(bundle);
    }
    let value = strict_json::parse(bytes, BUNDLE_BYTES_MAX)?;
    let as_read = canonical_bytes(&value).map_err(|_| BundleFault::NotExact)?;
    let bundle: ProofBundle =
        serde_json::from_value(value).map_err(|e| BundleFault::NotABundle(JsonError::Shape(e.to_string())))?;
    // Two spellings of one value (a time with another offset) would be two bundles with one meaning.
    if canonical_bytes(&bundle).map_err(|_| BundleFault::NotExact)? != as_read {
        return Err(BundleFault::NotExact);
    }
    Ok(bundle)
}

/// As [`verify_bundle`], of a bundle that was parsed or made.
pub(super) fn check_bundle(
    bundle: &ProofBundle,
    keys: &[VerifierKey],
    witnesses: &[WitnessKey],
) -> Result<BundleVerdict, BundleFault> {
    if bundle.format != PROOF_FORMAT {
        return Err(BundleFault::Format(bundle.format.chars().take(64).collect()));
    }
    let (events, inclusion) = (bundle.events.len(), bundle.inclusion.len());
    if events != inclusion {
        return Err(BundleFault::InclusionLength { events, inclusion });
    }
    let (export, before) = bundle.events.split_last().ok_or(BundleFault::NoEvents)?;
    let (export_place, places) = bundle.inclusion.split_last().ok_or(BundleFault::NoEvents)?;
    let (checkpoint, term) = check_checkpoint(bundle, keys)?;
    let cosignatures = check_witnesses(bundle, witnesses)?;
    check_events(bundle, &checkpoint.head)?;
    check_export(bundle, export, export_place.index, before, places)?;
    check_manifests(bundle, before)?;
    check_links(bundle, export_place.index, &checkpoint.head)?;
    let (run, decisions) = run_and_decisions(bundle, places.iter().map(|inclusion| inclusion.index));
    let calls = Calls::of(run.iter().copied())?;
    let InForce { chosen, plugins } = in_force(run, &decisions)?;
    if let Some(idle) = decisions.iter().find(|placed| !chosen.contains(&placed.index)) {
        return Err(LinkFault::NotInForce.at(idle.index));
    }
    let statement = attestation::statement(bundle, &calls, &plugins)?;
    attestation::check(&bundle.attestation, &statement, term.key.public())?;
    let CallCounts { attempts, results, rejects, errors } = calls.counts;
    Ok(BundleVerdict {
        run_id: bundle.run_id.clone(),
        proof_id: bundle.proof_id.clone(),
        created_at: bundle.created_at,
        events: bundle.events.len() as u64,
        attempts,
        results,
        rejects,
        errors,
        head_event_hash: bundle.head_event_hash,
        durability: bundle.durability,
        tree: checkpoint.head,
        log_key: term.key,
        plugins,
        withheld_decisions: (bundle.links.len() - decisions.len()) as u64,
        cosignatures,
    })
}

/// The run's events without its PROOF_EXPORT event, and the linked decisions that are shown, each at its place.
pub(super) fn run_and_decisions(
    bundle: &ProofBundle,
    places: impl Iterator<Item = u64>,
) -> (Vec<Placed<'_>>, Vec<Placed<'_>>) {
    let before = bundle.events.split_last().map_or(&[][..], |(_, before)| before);
    let run = before.iter().zip(places).map(|(event, index)| Placed { index, event }).collect();
    let shown = bundle.links.iter().filter_map(|link| match &link.decision {
        LinkedDecision::Event(event) => Some(Placed { index: link.index, event }),
        LinkedDecision::Withheld(_) => None,
    });
    (run, shown.collect())
}

/// The checkpoint, under a key of the bundle's log that is trusted or was handed over to.
fn check_checkpoint(bundle: &ProofBundle, keys: &[VerifierKey]) -> Result<(Checkpoint, KeyTerm), BundleFault> {
    let known = || {
        let names: BTreeSet<String> = keys.iter().map(|key| format!("\"{}\"", key.name())).collect();
        if names.is_empty() { "no log".to_owned() } else { names.into_iter().collect::<Vec<_>>().join(", ") }
    };
    let other_log = || BundleFault::OtherLog { origin: bundle.origin.chars().take(256).collect(), known: known() };
    let mut fault = None;
    for key in keys.iter().filter(|key| key.name().as_str() == bundle.origin) {
        let verified = LogKeys::follow(key, &bundle.key_handovers).and_then(|keys| {
            let (checkpoint, term) = keys.verify_checkpoint(bundle.checkpoint.as_bytes())?;
            Ok((checkpoint, term.clone()))
        });
        match verified {
            Ok(verified) => return Ok(verified),
            Err(refused) => fault = Some(refused),
        }
    }
    Err(fault.map_or_else(other_log, BundleFault::Checkpoint))
}

fn check_witnesses(bundle: &ProofBundle, witnesses: &[WitnessKey]) -> Result<Vec<Cosignature>, BundleFault> {
    if witnesses.is_empty() {
        return Ok(Vec::new());
    }
    let note = SignedNote::parse(bundle.checkpoint.as_bytes()).map_err(|fault| BundleFault::Witness(fault.into()))?;
    witnesses.iter().map(|witness| witness.cosignature(&note).map_err(BundleFault::Witness)).collect()
}

/// Each event by itself and in the log, the order of the indexes, and the links between neighbours.
fn check_events(bundle: &ProofBundle, tree: &TreeHead) -> Result<(), BundleFault> {
    let mut before: Option<(u64, Sha256Hex)> = None;
    for (position, (event, Inclusion { index, proof })) in bundle.events.iter().zip(&bundle.inclusion).enumerate() {
        if event.run_id != bundle.run_id.as_str() {
            let run_id = event.run_id.chars().take(128).collect();
            return Err(BundleFault::OtherRun { position, run_id });
        }
        if before.is_some_and(|(previous, _)| previous >= *index) {
            return Err(BundleFault::IndexOrder { position });
        }
        let kind = check_event(event).and_then(|()| check_neighbour(event, *index, before));
        kind.map_err(|kind| BundleFault::Event { position, kind })?;
        check_inclusion(&event.event_hash, *index, tree, proof)
            .map_err(|fault| BundleFault::NotIncluded { position, fault })?;
        before = Some((*index, event.event_hash));
    }
    Ok(())
}

fn check_event(event: &Event) -> Result<(), LineFault> {
    check_shape(event)?;
    let line = canonical_bytes(event).map_err(|_| LineFault::NotCanonical)?;
    let computed = hash_after_prefix(line.get(LINE_PREFIX_BYTES..).unwrap_or_default());
    if computed == event.event_hash { Ok(()) } else { Err(hash_mismatch(event.event_hash, computed)) }
}

fn check_neighbour(event: &Event, index: u64, before: Option<(u64, Sha256Hex)>) -> Result<(), LineFault> {
    let expected = match before {
        _ if index == 0 => String::new(),
        Some((previous, hash)) if previous + 1 == index => hash.to_string(),
        // Events of other runs lie between; only the first of a ledger has no event before it.
        _ if event.prev_hash.is_empty() => "a hash".to_owned(),
        _ => return Ok(()),
    };
    if event.prev_hash == expected {
        Ok(())
    } else {
        Err(LineFault::BrokenLink { stated: event.prev_hash.clone(), expected })
    }
}

/// What the PROOF_EXPORT event confirms: the head, the run's extent, its own index, and all that nothing else proves.
fn check_export(
    bundle: &ProofBundle,
    export: &Event,
    export_index: u64,
    before: &[Event],
    places: &[Inclusion],
) -> Result<(), BundleFault> {
    if export.kind != EventKind::ProofExport {
        return Err(BundleFault::LastEvent(export.kind));
    }
    if export.event_hash != bundle.head_event_hash {
        return Err(BundleFault::HeadMismatch);
    }
    let count = before.len() as u64;
    let root = run_root(before.iter().map(|event| &event.event_hash));
    if bundle.run.events != count || bundle.run.root != root {
        return Err(BundleFault::ExportMismatch("the run's events"));
    }
    let says = |key: &'static str, value: &str| match export.meta.get(key) {
        Some(stated) if stated == value => Ok(()),
        _ => Err(BundleFault::ExportMismatch(key)),
    };
    says(export_meta::FORMAT, &bundle.format)?;
    says(export_meta::RUN_EVENTS, &count.to_string())?;
    says(export_meta::RUN_ROOT, root.to_hex().as_str())?;
    says(export_meta::INDEX, &export_index.to_string())?;
    let indexes: Vec<u64> = places.iter().map(|inclusion| inclusion.index).collect();
    let rest = Rest {
        created_at: bundle.created_at,
        durability: bundle.durability,
        event_indexes: &indexes,
        format: &bundle.format,
        links: bundle.links.iter().map(|link| RestLink { decision: &link.decision, index: link.index }).collect(),
        origin: &bundle.origin,
        plugin_manifest_digests: &bundle.plugin_manifest_digests,
        proof_id: &bundle.proof_id,
        run_id: &bundle.run_id,
        validation_reports: &bundle.validation_reports,
    };
    let rest_hash = rest.hash().ok_or(BundleFault::RestMismatch)?;
    if export.meta.get(export_meta::BUNDLE_HASH) == Some(&rest_hash.to_string()) {
        Ok(())
    } else {
        Err(BundleFault::RestMismatch)
    }
}

fn check_manifests(bundle: &ProofBundle, before: &[Event]) -> Result<(), BundleFault> {
    let digests = manifest_digests(before);
    if bundle.plugin_manifest_digests != digests {
        return Err(BundleFault::ManifestDigests);
    }
    let named: BTreeSet<String> = digests.iter().map(|digest| digest.manifest_hash.to_string()).collect();
    match bundle.validation_reports.iter().find(|report| !named.contains(&report.manifest_hash)) {
        Some(report) => Err(BundleFault::ForeignReport(report.manifest_hash.chars().take(64).collect())),
        None => Ok(()),
    }
}

/// Each link by itself and in the log, before the export, in order.
fn check_links(bundle: &ProofBundle, export_index: u64, tree: &TreeHead) -> Result<(), BundleFault> {
    let mut before = None;
    for link in &bundle.links {
        if before >= Some(link.index) || link.index >= export_index {
            return Err(LinkFault::Order.at(link.index));
        }
        before = Some(link.index);
        check_link(link, tree).map_err(|fault| fault.at(link.index))?;
    }
    Ok(())
}

fn check_link(link: &Link, tree: &TreeHead) -> Result<(), LinkFault> {
    match &link.decision {
        LinkedDecision::Event(event) => {
            check_event(event).map_err(LinkFault::Event)?;
            let linked = matches!(event.kind, EventKind::Register | EventKind::Enable | EventKind::Policy);
            if !linked || event.run_id != RunId::system().as_str() {
                let run_id = event.run_id.chars().take(128).collect();
                return Err(LinkFault::NoDecision { kind: event.kind, run_id });
            }
            if names_host_paths(event) {
                return Err(LinkFault::HostPaths);
            }
        }
        LinkedDecision::Withheld(withheld) => check_withheld(withheld)?,
    }
    check_inclusion(&link.decision.event_hash(), link.index, tree, &link.proof).map_err(LinkFault::NotIncluded)
}

#[cfg(test)]
mod tests;
