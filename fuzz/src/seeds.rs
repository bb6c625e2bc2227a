//! The seeds that are made rather than written: valid inputs for each target, so that mutation starts behind the first door.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds` writes them to `fuzz/seeds`; a test holds the folder to them.
//! Inputs that once broke something stand beside them, as `found-….`; nothing here removes those.

use omega_contract::proof_bundle::Durability;
use omega_contract::{Event, EventDraft, EventKind, Sha256Hex, Timestamp, ValidationReport, canonical_bytes};
use omega_proof::bundle::{BundleParts, PlacedEvent};
use omega_proof::dsse::{Envelope, IN_TOTO_PAYLOAD_TYPE};
use omega_proof::line::strict_event;
use omega_proof::package::sign_package;

use crate::{SIGNED_PAYLOAD, package_files, signing_key, with_its_hash};

/// One file below `fuzz/seeds`.
pub struct Seed {
    /// The target that reads it.
    pub target: &'static str,
    /// The file's name.
    pub name: &'static str,
    /// The input.
    pub bytes: Vec<u8>,
}

/// Every made seed.
pub fn all() -> Vec<Seed> {
    let seed = |target, name, bytes| Seed { target, name, bytes };
    let mut desk = Desk::default();
    let run = [
        desk.append(EventKind::Invoke, &[("attempt", "1"), ("manifest_hash", Sha256Hex::of(b"m").to_hex().as_str())]),
        desk.append(EventKind::Error, &[("attempt", "1"), ("reason", "timeout")]),
        desk.append(EventKind::Invoke, &[("attempt", "2")]),
        desk.append(EventKind::Result, &[("attempt", "2"), ("duration_us", "120"), ("note", "\u{e9}\u{1f980}\"\\\n")]),
    ];
    let line = |event: &Event| canonical_bytes(event).expect("an event is text only");
    let envelope = Envelope::sign(IN_TOTO_PAYLOAD_TYPE, SIGNED_PAYLOAD, &[&signing_key()]);
    let plugin_id = "hello".parse().expect("a plugin id");
    let version = "1.0.0".parse().expect("a version");
    let package = sign_package(&package_files(), &plugin_id, &version, &signing_key());
    let statement =
        Envelope::parse(&package, u64::MAX).and_then(|it| it.verify(IN_TOTO_PAYLOAD_TYPE, &[signing_key().public()]));
    vec![
        seed("event_line", "valid-invoke", line(&run[0].event)),
        seed("event_line", "valid-error", line(&run[1].event)),
        seed("event_line", "valid-escapes", line(&run[3].event)),
        seed("envelope", "valid", envelope.to_bytes()),
        seed("package_signature", "valid-envelope", package),
        seed("package_signature", "valid-statement", statement.expect("just signed").bytes),
        seed("package", "valid-files", archive()),
        seed("component", "valid", component("")),
        seed("component", "valid-import", component("(import \"omega:plugin/log@1.0.0\" (instance))")),
        seed("component", "no-such-import", component("(import \"wasi:sockets/tcp@0.2.0\" (instance))")),
        seed("bundle", "valid", canonical_bytes(&desk.bundle(run.to_vec())).expect("a bundle is text only")),
    ]
}

/// An archive of two files in folders: a manifest that is none and what it would name.
fn archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in [("PLUGIN_MANIFEST.json", b"{}".as_slice()), ("schemas/inputs/a.schema.json", b"true")] {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, path, bytes).expect("a short path");
    }
    builder.into_inner().expect("memory takes everything")
}

/// A component with a little of everything that is counted: a memory, a table, data, a loop, a switch.
fn component(import: &str) -> Vec<u8> {
    let module = r#"(memory 1 2) (table 4 funcref) (global $g (mut i32) (i32.const 1)) (data (i32.const 8) "omega")
        (elem (i32.const 0) func $f)
        (func $f (export "f") (param i32) (result i32) (local i64)
            (loop $again (br_if $again (i32.eqz (global.get $g))))
            (block $a (block $b (br_table $a $b $a (local.get 0))))
            (call_indirect (param i32) (result i32) (i32.load (local.get 0)) (i32.const 0)))"#;
    let text = format!(
        r#"(component {import} (core module $m {module}) (core instance $i (instantiate $m))
            (func (export "handle") (param "x" u32) (result u32) (canon lift (core func $i "f"))))"#
    );
    wat::parse_str(text).expect("a component")
}

/// A ledger of one run.
#[derive(Default)]
struct Desk {
    next: u64,
    head: String,
}

impl Desk {
    fn append(&mut self, kind: EventKind, meta: &[(&'static str, &str)]) -> PlacedEvent {
        let meta = meta.iter().map(|(key, value)| ((*key).into(), (*value).to_owned())).collect();
        self.place(Event {
            event_hash: Sha256Hex::of(b"set right below"),
            event_id: "01KAGXYZ0123456789ABCDEFGH".into(),
            input_hash: Sha256Hex::of(b"input").to_string(),
            kind,
            meta,
            output_hash: String::new(),
            plugin_id: "hello".into(),
            prev_hash: String::new(),
            request_id: "request".into(),
            run_id: "run".into(),
            ts: "2026-01-01T00:00:00.000000Z".into(),
        })
    }

    fn export(&mut self, draft: EventDraft) -> PlacedEvent {
        let mut placed = Self { next: self.next, head: self.head.clone() }.append(draft.kind, &[]);
        placed.event.meta = draft.meta;
        for field in [&mut placed.event.plugin_id, &mut placed.event.request_id, &mut placed.event.input_hash] {
            field.clear();
        }
        self.place(placed.event)
    }

    fn place(&mut self, mut event: Event) -> PlacedEvent {
        event.prev_hash.clone_from(&self.head);
        let line = with_its_hash(&canonical_bytes(&event).expect("an event is text only"));
        let event = strict_event(&line).expect("a line of this form");
        self.head = event.event_hash.to_string();
        self.next += 1;
        PlacedEvent { index: self.next - 1, event }
    }

    fn bundle(&mut self, events: Vec<PlacedEvent>) -> omega_contract::ProofBundle {
        let parts = BundleParts {
            proof_id: "01KAGXYZ0123456789ABCDEFGH".into(),
            run_id: "run".parse().expect("a run id"),
            created_at: Timestamp::EPOCH,
            events,
            validation_reports: vec![ValidationReport {
                valid: true,
                issues: Vec::new(),
                manifest_hash: Sha256Hex::of(b"m").to_string(),
                checked_at: Timestamp::EPOCH,
            }],
            durability: Durability::Batch,
        };
        let draft = parts.export_draft(self.next).expect("a run that can be proved");
        let export = self.export(draft);
        parts.seal(export).expect("a bundle that verifies")
    }
}
