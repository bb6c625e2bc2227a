//! A log in memory, as small as a log can be: for tests, the bench, and the fuzz seeds.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "each user takes its part, and a test that cannot go on has failed"
)]

use omega_contract::proof_bundle::Durability;
use omega_contract::{
    Event, EventDraft, EventKind, Meta, ProofBundle, Sha256Hex, Timestamp, ValidationReport, canonical_bytes,
};
use omega_proof::bundle::{Anchor, BundleParts, PlacedEvent, SealFault};
use omega_proof::checkpoint::{LogSigner, SignedCheckpoint};
use omega_proof::key::SecretKey;
use omega_proof::line::{LINE_PREFIX_BYTES, hash_after_prefix};
use omega_proof::note::VerifierKey;
use omega_proof::tree::MemoryTree;

pub const ORIGIN: &str = "omega.internal/01kagxyz0123456789abcdefgh";
pub const PLUGIN: &str = "text-stats";
const TS: &str = "2026-11-20T11:18:34.123456Z";

/// The log's key number `seed`.
pub fn signer_of(origin: &str, seed: u8) -> LogSigner {
    LogSigner::new(origin.parse().unwrap(), SecretKey::from_seed([seed; 32]))
}

fn digest(name: &str) -> String {
    Sha256Hex::of(name.as_bytes()).to_string()
}

fn meta(fields: &[(&'static str, &str)]) -> Meta {
    fields.iter().map(|(key, value)| ((*key).into(), (*value).to_owned())).collect()
}

/// A log with its key, and the run `run` in it.
pub struct Desk {
    pub tree: MemoryTree,
    pub signer: LogSigner,
    pub handovers: Vec<String>,
    pub run: Vec<PlacedEvent>,
    pub decisions: Vec<PlacedEvent>,
    /// Events of other runs between those of the run: at least so many.
    pub others_between: usize,
    head: String,
}

impl Desk {
    /// A log without an event.
    pub fn empty() -> Self {
        Self {
            tree: MemoryTree::default(),
            signer: signer_of(ORIGIN, 1),
            handovers: Vec::new(),
            run: Vec::new(),
            decisions: Vec::new(),
            others_between: 1,
            head: String::new(),
        }
    }

    /// A log in which the plugin was admitted and enabled.
    pub fn new() -> Self {
        let mut desk = Self::empty();
        let key = digest("key");
        desk.decide(
            EventKind::Policy,
            "",
            &[("action", "trust"), ("key_id", &key), ("content", "{\"decision\":\"trust\"}")],
        );
        desk.decide(
            EventKind::Policy,
            "",
            &[("action", "effective_policy"), ("content", "{\"policy\":{\"durability\":\"batch\"}}")],
        );
        desk.decide(EventKind::Policy, "", &[("action", "trust"), ("key_id", &digest("another key"))]);
        desk.decide(
            EventKind::Register,
            PLUGIN,
            &[
                ("key_id", &key),
                ("lane", "wasm"),
                ("manifest_hash", &digest("manifest")),
                ("package_digest", &digest("package")),
                ("version", "1.2.3"),
            ],
        );
        desk.decide(EventKind::Enable, PLUGIN, &[("version", "1.2.3")]);
        desk
    }

    /// What verifies this log: its first key.
    pub fn vkey() -> VerifierKey {
        signer_of(ORIGIN, 1).verifier_key()
    }

    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Gives an event its link, hash and place.
    pub fn append(&mut self, mut event: Event) -> PlacedEvent {
        event.prev_hash.clone_from(&self.head);
        event.event_hash = hash_after_prefix(&canonical_bytes(&event).unwrap()[LINE_PREFIX_BYTES..]);
        self.head = event.event_hash.to_string();
        self.tree.append(&event.event_hash);
        PlacedEvent { index: self.tree.size() - 1, event }
    }

    pub fn event(kind: EventKind, run_id: &str, fields: &[(&'static str, &str)]) -> Event {
        Event {
            event_hash: Sha256Hex::of(b"set when it is appended"),
            event_id: "01KAGXYZ0123456789ABCDEFGH".into(),
            input_hash: String::new(),
            kind,
            meta: meta(fields),
            output_hash: String::new(),
            plugin_id: String::new(),
            prev_hash: String::new(),
            request_id: String::new(),
            run_id: run_id.into(),
            ts: TS.into(),
        }
    }

    pub fn decide(&mut self, kind: EventKind, plugin: &str, fields: &[(&'static str, &str)]) -> PlacedEvent {
        let placed = self.append(Event { plugin_id: plugin.into(), ..Self::event(kind, "system", fields) });
        self.decisions.push(placed.clone());
        placed
    }

    /// One attempt of the run, and events of other runs after each of its two.
    pub fn call(&mut self, request: &str, attempt: &str, outcome: EventKind) {
        for kind in [EventKind::Invoke, outcome] {
            let mut fields = vec![("attempt", attempt), ("step", "0"), ("lane", "wasm")];
            let (manifest, package) = (digest("manifest"), digest("package"));
            fields.extend([("manifest_hash", manifest.as_str()), ("package_digest", package.as_str())]);
            match kind {
                EventKind::Result => fields.push(("duration_us", "120")),
                EventKind::Error => fields.push(("reason", "timeout")),
                EventKind::Reject => fields.push(("reason", "output_not_json")),
                _ => {}
            }
            let output_hash = if kind == EventKind::Result { digest(request) } else { String::new() };
            let event = Event {
                plugin_id: PLUGIN.into(),
                request_id: request.into(),
                input_hash: digest("input"),
                output_hash,
                ..Self::event(kind, "run", &fields)
            };
            let placed = self.append(event);
            self.run.push(placed);
            for _ in 0..self.others_between {
                self.append(Self::event(EventKind::Recovery, "other", &[]));
            }
        }
    }

    /// Changes the log's key.
    pub fn hand_over(&mut self, seed: u8) {
        let next = signer_of(self.signer.origin().as_str(), seed);
        let note = self.signer.hand_over(&self.tree.head(), &next).unwrap();
        self.handovers.push(note.as_str().to_owned());
        self.signer = next;
    }

    pub fn parts(&self) -> BundleParts {
        BundleParts {
            proof_id: "01KAGXYZ0123456789ABCDEFGH".into(),
            run_id: "run".parse().unwrap(),
            created_at: Timestamp::from_unix_micros(1_795_173_514_000_001),
            origin: self.signer.origin().clone(),
            events: self.run.clone(),
            decisions: self.decisions.clone(),
            validation_reports: vec![ValidationReport {
                valid: true,
                issues: vec![],
                manifest_hash: digest("manifest"),
                checked_at: Timestamp::EPOCH,
            }],
            durability: Durability::Batch,
        }
    }

    /// Appends the `PROOF_EXPORT` event of these parts.
    pub fn append_export(&mut self, draft: EventDraft) -> PlacedEvent {
        let run_id = draft.run_id.to_string();
        self.append(Event { meta: draft.meta, ..Self::event(draft.kind, &run_id, &[]) })
    }

    pub fn checkpoint(&self) -> SignedCheckpoint {
        self.signer.sign(&self.tree.head())
    }

    /// The bundle of these parts under this checkpoint.
    pub fn seal(
        &self,
        parts: BundleParts,
        export: PlacedEvent,
        checkpoint: &SignedCheckpoint,
    ) -> Result<ProofBundle, SealFault> {
        let anchor = Anchor { checkpoint, key_handovers: &self.handovers, signer: &self.signer };
        let size = checkpoint.head().size;
        parts.seal(export, anchor, |index| Ok(self.tree.inclusion_proof(index, size).unwrap()))
    }

    pub fn export(&mut self) -> ProofBundle {
        let parts = self.parts();
        self.export_parts(parts).unwrap()
    }

    pub fn export_parts(&mut self, parts: BundleParts) -> Result<ProofBundle, SealFault> {
        let draft = parts.export_draft(self.size())?;
        let export = self.append_export(draft);
        // The log goes on: the checkpoint covers more than the bundle.
        self.append(Self::event(EventKind::Recovery, "other", &[]));
        self.seal(parts, export, &self.checkpoint())
    }
}

/// A run of three attempts and a refusal.
pub fn bundle() -> ProofBundle {
    let mut desk = Desk::new();
    desk.call("a", "1", EventKind::Error);
    desk.call("a", "2", EventKind::Result);
    desk.call("b", "1", EventKind::Reject);
    desk.export()
}
