//! Says whether a bundle holds together, alone and offline.

use std::collections::BTreeSet;

use omega_contract::proof_bundle::{Durability, PROOF_FORMAT};
use omega_contract::strict_json::{self, JsonError};
use omega_contract::{Event, EventKind, ProofBundle, RunId, Sha256Hex, Timestamp, canonical_bytes};

use super::{BUNDLE_BYTES_MAX, Rest, export_meta, manifest_digests};
use crate::attempts::{AttemptKey, Attempts, PairingFault, Part};
use crate::line::{LINE_PREFIX_BYTES, LineFault, check_shape, hash_after_prefix};
use crate::run_root::run_root;

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
    /// The hash on which everything hangs.
    pub head_event_hash: Sha256Hex,
    /// Whether that hash was compared with one that the verifier had.
    pub head_check: HeadCheck,
    /// Which durability was in force.
    pub durability: Durability,
}

/// Whether the bundle's head was compared with one that the verifier kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadCheck {
    /// It was, and is the same.
    Same,
    /// The verifier had none: the bundle holds together, but all of it could have been made anew.
    NotCompared,
}

/// Why a bundle does not verify (`proof_invalid`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    /// Not JSON that the contract takes, or not of a bundle's shape.
    #[error("not a proof bundle: {0}")]
    NotABundle(#[from] JsonError),
    /// A value is written in another form than the one that the bundle's types have.
    #[error("not a proof bundle: a value is not in its exact form")]
    NotExact,
    /// A format that this verifier does not know.
    #[error("the format is \"{0}\", this verifier knows \"{PROOF_FORMAT}\"")]
    Format(String),
    /// No events at all.
    #[error("the bundle has no events")]
    NoEvents,
    /// Not one index for each event.
    #[error("{inclusion} indexes for {events} events")]
    InclusionLength {
        /// How many events.
        events: usize,
        /// How many indexes.
        inclusion: usize,
    },
    /// An event's bytes, fields or link are wrong.
    #[error("event {position} of the bundle: {kind}")]
    Event {
        /// From 0, within the bundle.
        position: usize,
        /// What is wrong.
        kind: LineFault,
    },
    /// An event of another run.
    #[error("event {position} of the bundle belongs to run \"{run_id}\"")]
    OtherRun {
        /// From 0, within the bundle.
        position: usize,
        /// The run that it states.
        run_id: String,
    },
    /// The indexes do not rise.
    #[error("event {position} of the bundle: its index does not rise")]
    IndexOrder {
        /// From 0, within the bundle.
        position: usize,
    },
    /// The last event is not a PROOF_EXPORT.
    #[error("the last event is a {0}, not the PROOF_EXPORT")]
    LastEvent(EventKind),
    /// The head is not the last event's hash.
    #[error("head_event_hash is not the hash of the PROOF_EXPORT event")]
    HeadMismatch,
    /// The head is not the one that the verifier has.
    #[error("the head is {found}, the verifier has {expected}")]
    OtherHead {
        /// The bundle's.
        found: Sha256Hex,
        /// The verifier's.
        expected: Sha256Hex,
    },
    /// The PROOF_EXPORT event does not say what it must, or says something else.
    #[error("the PROOF_EXPORT event does not confirm {0}")]
    ExportMismatch(&'static str),
    /// What stands beside the events is not what was exported.
    #[error("the bundle beside its events is not what was exported")]
    RestMismatch,
    /// The listed manifests are not those that the events name.
    #[error("plugin_manifest_digests are not the manifests that the events name")]
    ManifestDigests,
    /// A report of a manifest that no event names.
    #[error("a validation report of manifest \"{0}\", which no event names")]
    ForeignReport(String),
    /// INVOKEs and outcomes do not pair.
    #[error(transparent)]
    Pairing(#[from] PairingFault),
    /// An attempt began twice.
    #[error("an attempt of request \"{request_id}\" is recorded twice")]
    AttemptTwice {
        /// The request.
        request_id: String,
    },
    /// An attempt has no outcome.
    #[error("request \"{request_id}\" has no outcome (its INVOKE is event {index} of the ledger)")]
    OpenInvoke {
        /// The request.
        request_id: String,
        /// Where its INVOKE stands.
        index: u64,
    },
}

/// Verifies a bundle as it was read. `expected_head` is the head that the verifier kept, where there is one.
///
/// # Errors
/// [`BundleFault`]; never panics, on any bytes.
pub fn verify_bundle(bytes: &[u8], expected_head: Option<Sha256Hex>) -> Result<BundleVerdict, BundleFault> {
    let value = strict_json::parse(bytes, BUNDLE_BYTES_MAX)?;
    let as_read = canonical_bytes(&value).map_err(|_| BundleFault::NotExact)?;
    let bundle: ProofBundle =
        serde_json::from_value(value).map_err(|e| BundleFault::NotABundle(JsonError::Shape(e.to_string())))?;
    // Two spellings of one value (a time with another offset) would be two bundles with one head.
    if canonical_bytes(&bundle).map_err(|_| BundleFault::NotExact)? != as_read {
        return Err(BundleFault::NotExact);
    }
    check_bundle(&bundle, expected_head)
}

/// As [`verify_bundle`], of a bundle that was parsed or made.
pub(super) fn check_bundle(
    bundle: &ProofBundle,
    expected_head: Option<Sha256Hex>,
) -> Result<BundleVerdict, BundleFault> {
    if bundle.format != PROOF_FORMAT {
        return Err(BundleFault::Format(bundle.format.chars().take(64).collect()));
    }
    let (events, inclusion) = (bundle.events.len(), bundle.inclusion.len());
    if events != inclusion {
        return Err(BundleFault::InclusionLength { events, inclusion });
    }
    let (export, before) = bundle.events.split_last().ok_or(BundleFault::NoEvents)?;
    check_events(bundle)?;
    check_export(bundle, export, before)?;
    let digests = manifest_digests(before);
    if bundle.plugin_manifest_digests != digests {
        return Err(BundleFault::ManifestDigests);
    }
    let named: BTreeSet<String> = digests.iter().map(|digest| digest.manifest_hash.to_string()).collect();
    if let Some(report) = bundle.validation_reports.iter().find(|report| !named.contains(&report.manifest_hash)) {
        return Err(BundleFault::ForeignReport(report.manifest_hash.chars().take(64).collect()));
    }
    let counts = check_calls(before.iter().zip(bundle.inclusion.iter().map(|inclusion| inclusion.index)))?;
    let head_check = match expected_head {
        None => HeadCheck::NotCompared,
        Some(expected) if expected == bundle.head_event_hash => HeadCheck::Same,
        Some(expected) => return Err(BundleFault::OtherHead { found: bundle.head_event_hash, expected }),
    };
    Ok(BundleVerdict {
        run_id: bundle.run_id.clone(),
        proof_id: bundle.proof_id.clone(),
        created_at: bundle.created_at,
        events: bundle.events.len() as u64,
        attempts: counts.attempts,
        results: counts.results,
        rejects: counts.rejects,
        errors: counts.errors,
        head_event_hash: bundle.head_event_hash,
        head_check,
        durability: bundle.durability,
    })
}

/// Each event by itself, the order of the indexes, and the links between neighbours.
fn check_events(bundle: &ProofBundle) -> Result<(), BundleFault> {
    let mut before: Option<(u64, Sha256Hex)> = None;
    for (position, (event, inclusion)) in bundle.events.iter().zip(&bundle.inclusion).enumerate() {
        let index = inclusion.index;
        if event.run_id != bundle.run_id.as_str() {
            let run_id = event.run_id.chars().take(128).collect();
            return Err(BundleFault::OtherRun { position, run_id });
        }
        if before.is_some_and(|(previous, _)| previous >= index) {
            return Err(BundleFault::IndexOrder { position });
        }
        check_event(event, index, before).map_err(|kind| BundleFault::Event { position, kind })?;
        before = Some((index, event.event_hash));
    }
    Ok(())
}

fn check_event(event: &Event, index: u64, before: Option<(u64, Sha256Hex)>) -> Result<(), LineFault> {
    check_shape(event)?;
    let line = canonical_bytes(event).map_err(|_| LineFault::NotCanonical)?;
    let computed = hash_after_prefix(line.get(LINE_PREFIX_BYTES..).unwrap_or_default());
    if computed != event.event_hash {
        return Err(LineFault::HashMismatch { stated: event.event_hash, computed });
    }
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

/// What the PROOF_EXPORT event confirms: the head, the run's extent, its own index, and all else.
fn check_export(bundle: &ProofBundle, export: &Event, before: &[Event]) -> Result<(), BundleFault> {
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
    let (last, inclusion) = bundle.inclusion.split_last().ok_or(BundleFault::NoEvents)?;
    let says = |key: &'static str, value: &str| match export.meta.get(key) {
        Some(stated) if stated == value => Ok(()),
        _ => Err(BundleFault::ExportMismatch(key)),
    };
    says(export_meta::FORMAT, &bundle.format)?;
    says(export_meta::RUN_EVENTS, &count.to_string())?;
    says(export_meta::RUN_ROOT, root.to_hex().as_str())?;
    says(export_meta::INDEX, &last.index.to_string())?;
    let rest = Rest {
        created_at: bundle.created_at,
        durability: bundle.durability,
        format: &bundle.format,
        inclusion,
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

/// How the calls of a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CallCounts {
    attempts: u64,
    results: u64,
    rejects: u64,
    errors: u64,
}

/// Every INVOKE has exactly one outcome after it, and no attempt is recorded twice.
pub(super) fn check_calls<'a>(events: impl IntoIterator<Item = (&'a Event, u64)>) -> Result<CallCounts, BundleFault> {
    let (mut attempts, mut begun) = (Attempts::default(), BTreeSet::new());
    let mut counts = CallCounts::default();
    for (event, index) in events {
        let part = attempts.observe(event, index)?;
        if part == Part::Begins {
            counts.attempts += 1;
            if !begun.insert(AttemptKey::of(event)) {
                return Err(BundleFault::AttemptTwice { request_id: event.request_id.clone() });
            }
        }
        match event.kind {
            EventKind::Result => counts.results += 1,
            EventKind::Reject => counts.rejects += 1,
            EventKind::Error => counts.errors += 1,
            _ => {}
        }
    }
    match attempts.open().min_by_key(|(_, index)| *index) {
        None => Ok(counts),
        Some((key, index)) => Err(BundleFault::OpenInvoke { request_id: key.request_id.clone(), index }),
    }
}
