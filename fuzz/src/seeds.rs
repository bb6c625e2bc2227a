//! The seeds that are made rather than written: valid inputs for each target, so that mutation starts behind the first door.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds` writes them to `fuzz/seeds`; a test holds the folder to them.
//! Inputs that once broke something stand beside them, as `found-….`; nothing here removes those.

use omega_contract::{Event, EventKind, Sha256Hex, canonical_bytes};
use omega_proof::bundle::PlacedEvent;
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

/// The log of which a bundle is made.
#[path = "../../crates/proof/tests/desk/mod.rs"]
mod log;

/// What verifies the checkpoints and the bundle of the seeds.
pub fn log_key() -> omega_proof::note::VerifierKey {
    log::Desk::vkey()
}

/// A bundle, its checkpoint, and a hand-over. The bundle is as small as one can be: libFuzzer works on 4 KiB.
fn evidence() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let mut log = log::Desk::empty();
    let refused = log.append(log::Desk::event(EventKind::Reject, "run", &[("reason", "plugin_unknown")]));
    log.run.push(refused);
    let parts = omega_proof::bundle::BundleParts { validation_reports: Vec::new(), ..log.parts() };
    let bundle = log.export_parts(parts).expect("a bundle that verifies");
    let checkpoint = log.checkpoint().as_bytes().to_vec();
    log.hand_over(2);
    let handover = log.handovers.remove(0).into_bytes();
    (canonical_bytes(&bundle).expect("a bundle is text only"), checkpoint, handover)
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
    let (bundle, checkpoint, handover) = evidence();
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
        seed("bundle", "valid", bundle),
        seed("checkpoint", "valid", checkpoint),
        seed("checkpoint", "valid-handover", handover),
        seed("vkey", "valid", log::Desk::vkey().to_string().into_bytes()),
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

    fn place(&mut self, mut event: Event) -> PlacedEvent {
        event.prev_hash.clone_from(&self.head);
        let line = with_its_hash(&canonical_bytes(&event).expect("an event is text only"));
        let event = strict_event(&line).expect("a line of this form");
        self.head = event.event_hash.to_string();
        self.next += 1;
        PlacedEvent { index: self.next - 1, event }
    }
}
