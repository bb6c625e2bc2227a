//! Runs one row after the other through one gateway, and looks at everything after each.

use std::collections::BTreeSet;
use std::sync::Arc;

use omega_broker::ArtifactLabel;
use omega_contract::payload::BinaryRefPayload;
use omega_contract::plugin_info::PluginStatus;
use omega_contract::{ErrorCode, EventKind, Payload, PluginId, PluginRequest, Sha256Hex, Status};
use omega_gateway::{Answer, GatewayError, PackageFiles, Page, PluginFilter, package_source, request, signed_package};
use omega_ledger::Strictness;
use serde_json::json;

use super::host_watch::{HostWatch, MayChange};
use super::{Asked, Ending, Expected, Files, Given, Row, TIMEOUT};
use crate::harness::{Bench, edit, id, package};

/// A package that is good but for its code: text in, text out, nothing asked for.
const CARRIER: &str = "hostile/spin";

pub(super) struct Driver<'a> {
    bench: &'a Bench,
    watch: HostWatch,
    /// What the gateway holds, for attacks that want something to attack.
    held: Sha256Hex,
    installed: BTreeSet<PluginId>,
}

impl<'a> Driver<'a> {
    pub(super) async fn new(bench: &'a Bench) -> Self {
        bench.install("examples/hello").await;
        bench.assert_healthy("nothing").await;
        let artifacts = Arc::clone(bench.gateway.admin().artifacts());
        let held = artifacts.put_bytes(b"what the gateway holds", &ArtifactLabel::default()).unwrap().digest;
        Self { bench, watch: HostWatch::new(bench), held, installed: BTreeSet::new() }
    }

    /// One attack.
    pub(super) async fn run(&mut self, row: &Row) {
        let Row { name, attack, given, expected } = row;
        self.watch.start();
        let (files, payload) = match given {
            Given::Guest(asked) => {
                let mut files = package(&format!("hostile/{name}"));
                // What is to end otherwise is not to run out of time on a slow machine.
                if matches!(expected, Expected::Ends(endings) if !endings.contains(&TIMEOUT)) {
                    edit(&mut files, |manifest| manifest["limits"]["max_ms"] = json!(20_000));
                }
                (files, self.payload(*asked))
            }
            Given::Component(code, max_ms) => {
                let mut files = carrier(name);
                files.insert("plugin.wasm".into(), code().into());
                edit(&mut files, |manifest| manifest["limits"]["max_ms"] = json!(max_ms));
                (files, Payload::text("go"))
            }
            Given::Package(change, text) => {
                let mut files = carrier(name);
                change(&mut files);
                (files, Payload::text(text()))
            }
            Given::Archive(bytes) => {
                self.assert_not_read(name, &bytes(), *expected);
                self.watch.assert_untouched(name, MayChange::Evidence);
                return self.bench.assert_healthy(name).await;
            }
        };
        match expected {
            Expected::Ends(endings) => {
                let plugin = self.admitted(name, &files).await;
                let asked = request(payload);
                let run_id = asked.run_id.clone();
                let answer = self.bench.invoke(&plugin, asked).await;
                let got = (answer.response.status, answer.reason);
                assert!(endings.contains(&got), "{name} ({attack}): {got:?}, {}", answer.response.notes);
                self.assert_call_in_evidence(name, &answer, got, &run_id);
                self.watch.assert_untouched(name, MayChange::Evidence);
            }
            Expected::CallRefused(code) => {
                let plugin = self.admitted(name, &files).await;
                self.assert_call_refused(name, &plugin, request(payload), *code).await;
                self.watch.assert_untouched(name, MayChange::Evidence);
            }
            Expected::NotRegistered(code, detail) => {
                let before = self.admitted_plugins();
                let unsigned = PackageFiles::new(files).expect(name);
                // What has no readable manifest our own signer does not sign.
                let package = signed_package(unsigned.clone(), &self.bench.key()).unwrap_or(unsigned);
                let error = self.bench.gateway.register_plugin(package).await.expect_err(name);
                self.assert_refused(name, &error, *code, detail);
                assert_eq!(before, self.admitted_plugins(), "{name}");
                self.watch.assert_untouched(name, MayChange::Rows);
            }
            Expected::NotEnabled(code, detail) => {
                let info = self.bench.register(&files).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
                self.watch.start();
                let before = self.admitted_plugins();
                let error = self.bench.gateway.enable_plugin(&info.plugin_id, None).await.expect_err(name);
                self.assert_refused(name, &error, *code, detail);
                assert_eq!(before, self.admitted_plugins(), "{name}");
                self.watch.assert_untouched(name, MayChange::Evidence);
            }
            Expected::NotRead(..) => panic!("{name}: only an archive is read"),
        }
        self.bench.assert_healthy(name).await;
    }

    /// After the last one.
    pub(super) fn finish(self) {
        let verdict = omega_ledger::verify(
            &self.bench.home.ledger_dir(),
            &self.bench.home.log_verifier_key().unwrap(),
            Strictness::Strict,
            |_| {},
        );
        assert!(verdict.is_ok(), "{verdict:?}");
        // Whatever was written into it, each line is one event and speaks to no terminal.
        for line in self.bench.ledger_lines() {
            assert!(!line.chars().any(char::is_control), "{line:?}");
            assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
        }
        assert!(self.installed.len() > 60, "{}", self.installed.len());
    }

    fn payload(&self, asked: Asked) -> Payload {
        match asked {
            Asked::Text(text) => Payload::text(text),
            Asked::ArtifactId => Payload::text(self.held.to_string()),
            Asked::Artifact => Payload::BinaryRef(BinaryRefPayload {
                artifact_id: self.held.to_string(),
                artifact_hash: self.held,
                mime_type: "text/plain".into(),
            }),
        }
    }

    /// Admits the package, once. What that changes in the home is not the attack's doing.
    async fn admitted(&mut self, name: &str, files: &Files) -> PluginId {
        let plugin = id(&format!("hostile-{name}"));
        if self.installed.insert(plugin.clone()) {
            let info = self.bench.register(files).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert_eq!(info.plugin_id, plugin);
            let enabled = self.bench.gateway.enable_plugin(&plugin, None).await;
            enabled.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            self.watch.start();
        }
        plugin
    }

    /// Plugins with their status, but for rejected ones.
    fn admitted_plugins(&self) -> Vec<(PluginId, PluginStatus)> {
        let found = self.bench.gateway.list_plugins(&PluginFilter::default(), &Page::first(1_000)).unwrap();
        let admitted = found.into_iter().filter(|info| info.status != PluginStatus::Rejected);
        admitted.map(|info| (info.plugin_id, info.status)).collect()
    }

    fn assert_refused(&self, name: &str, error: &GatewayError, code: ErrorCode, detail: &str) {
        assert_eq!(error.code, code, "{name}: {}", error.message);
        assert!(error.message.contains(detail), "{name}: {:?} says nothing of {detail:?}", error.message);
        assert!(error.message.len() < 8_192, "{name}: {} bytes", error.message.len());
        let event = self.bench.event(error.event_index.unwrap_or_else(|| panic!("{name}: not journalled")));
        assert_eq!(event.kind, EventKind::Reject, "{name}");
        assert!(event.meta.values().any(|value| value.contains(code.as_str())), "{name}: {:?}", event.meta);
    }

    /// One INVOKE and one outcome that says the same, whatever the plugin wrote.
    fn assert_call_in_evidence(&self, name: &str, answer: &Answer, got: Ending, run_id: &omega_contract::RunId) {
        self.bench.assert_evidence_whole(run_id);
        let events = self.bench.events(run_id);
        let calls: Vec<_> = events.iter().filter(|event| event.kind != EventKind::Broker).collect();
        let outcome = match got.0 {
            Status::Ok => EventKind::Result,
            Status::Rejected => EventKind::Reject,
            Status::Error | Status::Timeout => EventKind::Error,
        };
        let kinds: Vec<EventKind> = calls.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::Invoke, outcome], "{name}");
        assert_eq!(calls[1].meta.get("reason").map(String::as_str), got.1.map(ErrorCode::as_str), "{name}");
        assert_eq!(answer.response.result.is_some(), got.0 == Status::Ok, "{name}");
        assert_plain(name, answer);
    }

    /// One REJECT, and nothing ran.
    async fn assert_call_refused(&self, name: &str, plugin: &PluginId, asked: PluginRequest, code: ErrorCode) {
        let run_id = asked.run_id.clone();
        let answer = self.bench.invoke(plugin, asked).await;
        let got = (answer.response.status, answer.reason);
        assert_eq!(got, (Status::Rejected, Some(code)), "{name}: {}", answer.response.notes);
        assert_eq!(self.bench.kinds(&run_id), [EventKind::Reject], "{name}");
        assert_plain(name, &answer);
    }

    fn assert_not_read(&self, name: &str, bytes: &[u8], expected: Expected) {
        let Expected::NotRead(code, detail) = expected else { panic!("{name}: an archive is read or not") };
        let file = self.bench.beside("package.tar");
        std::fs::write(&file, bytes).unwrap();
        let events = self.bench.ledger_lines().len();
        let error = package_source::read(&file).map(|files| files.len()).expect_err(name);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(error.code, code, "{name}: {}", error.message);
        assert!(error.message.contains(detail), "{name}: {:?} says nothing of {detail:?}", error.message);
        // It is no package, so there is nothing that could be named in an event.
        assert_eq!(self.bench.ledger_lines().len(), events, "{name}");
    }
}

/// Nothing unbounded, nothing that moves a terminal's cursor or forges a line.
fn assert_plain(name: &str, answer: &Answer) {
    let notes = &answer.response.notes;
    assert!(notes.len() <= omega_contract::limits::NOTES_BYTES_MAX + 64, "{name}: {} bytes of notes", notes.len());
    assert!(!notes.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')), "{name}: {notes:?}");
    assert!(!notes.contains(['\u{202e}', '\u{2066}']), "{name}: {notes:?}");
    assert!(answer.guest_log.len() <= 4 * 64 * 1024, "{name}: {} bytes of log", answer.guest_log.len());
}

/// The carrier in the name of the attack.
fn carrier(name: &str) -> Files {
    let mut files = package(CARRIER);
    let _ = files.remove("examples/attack.json");
    edit(&mut files, |manifest| {
        manifest["plugin_id"] = json!(format!("hostile-{name}"));
        for (direction, word) in [("inputs", "input"), ("outputs", "output")] {
            manifest["io"][direction][0]["schema_ref"] = json!(format!("omega:hostile-{name}:{word}:text:v1.0.0"));
        }
    });
    files
}
