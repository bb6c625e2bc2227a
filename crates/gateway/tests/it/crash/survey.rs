//! Holds a home against what its process told before it was cut off.

use std::path::PathBuf;

use omega_contract::{Event, EventKind, Status};
use omega_gateway::{Gateway, Home, OpenOptions, Page, PluginFilter};
use omega_ledger::{OpenReport, Strictness};
use omega_proof::attempts::Attempts;

use super::load::{CHANGING, Told};
use crate::harness::id;

/// Every event of the home's ledger, as the files have it.
pub fn events(home: &Home) -> Vec<Event> {
    let entries = std::fs::read_dir(home.ledger_dir()).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "ndjson")).collect();
    segments.sort();
    let text: String = segments.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Opens the home again, checks all that `told` promises, and leaves it closed. Gives what recovery found.
pub async fn check(home: &Home, told: &Told) -> OpenReport {
    // Before anything is mended: what is there is a good prefix with at most an unfinished end.
    omega_ledger::verify(&home.ledger_dir(), &home.log_verifier_key().unwrap(), Strictness::Standard, |_| ()).unwrap();
    let gateway = Gateway::open(home, OpenOptions::default()).await.unwrap();
    let opening = gateway.admin().opening().clone();
    let rebuilt = gateway.admin().rebuild_registry().await.unwrap();
    assert!(rebuilt.identical, "the registry's projection is what the ledger says");
    check_plugins(&gateway, told);
    for digest in &told.artifacts {
        gateway.admin().artifacts().copy_to(digest, &mut std::io::sink()).unwrap();
    }
    let called = gateway.invoke(&id("hello"), omega_gateway::request(omega_contract::Payload::text("Ada"))).await;
    assert_eq!(called.unwrap().response.status, Status::Ok, "it serves again");
    gateway.flush().await.unwrap();

    let events = events(home);
    for (index, hash) in &told.answered {
        let found = events.get(usize::try_from(*index).unwrap()).map(|event| event.event_hash);
        assert_eq!(found, Some(*hash), "the call whose outcome is event {index} was answered");
    }
    for operation in ["REGISTER", "ENABLE", "DISABLE"] {
        let kind = |event: &&Event| event.kind.to_string() == operation && event.plugin_id == CHANGING;
        let decided = told.decided.iter().filter(|(known, _)| known == operation).count();
        assert!(events.iter().filter(kind).count() >= decided, "each {operation} that was acknowledged is there");
    }
    check_calls(&events);
    for digest in artifacts_named(&events) {
        gateway.admin().artifacts().copy_to(digest, &mut std::io::sink()).unwrap();
    }
    drop(gateway);
    let verdict =
        omega_ledger::verify(&home.ledger_dir(), &home.log_verifier_key().unwrap(), Strictness::Strict, |_| ())
            .unwrap();
    assert_eq!((verdict.synced_events, verdict.unfinished_bytes), (verdict.events, 0));
    opening
}

fn check_plugins(gateway: &Gateway, told: &Told) {
    let rows = gateway.list_plugins(&PluginFilter::default(), &Page::first(10_000)).unwrap();
    for (operation, version) in &told.decided {
        let found = rows.iter().find(|row| row.plugin_id == id(CHANGING) && row.version.to_string() == *version);
        assert!(found.is_some(), "{operation} of {version} was acknowledged");
    }
    let enabled = rows.iter().filter(|row| {
        row.plugin_id == id(CHANGING) && row.status == omega_contract::plugin_info::PluginStatus::Enabled
    });
    assert!(enabled.count() <= 1);
}

/// Each INVOKE has exactly one outcome, and each outcome an INVOKE or none to have.
fn check_calls(events: &[Event]) {
    let mut attempts = Attempts::default();
    for (index, event) in (0..).zip(events) {
        if matches!(event.kind, EventKind::Invoke | EventKind::Result | EventKind::Reject | EventKind::Error) {
            attempts.observe(event, index).unwrap_or_else(|fault| panic!("event {index}: {fault}"));
        }
    }
    assert_eq!(attempts.open().count(), 0, "each INVOKE has its outcome");
}

fn artifacts_named(events: &[Event]) -> impl Iterator<Item = &str> {
    events.iter().flat_map(|event| {
        ["payload_artifact", "result_artifact"]
            .into_iter()
            .filter_map(|key| event.meta.get(key).map(|digest| &digest[..]))
    })
}
