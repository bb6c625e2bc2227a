//! The hostile corpus: one table, one driver.
//!
//! Each row names an attack and what must come of it. After each row: the answer or the refusal is the expected one,
//! the host is untouched, another plugin still answers, the evidence is there. What the guests in `plugins/hostile` do
//! is told in its README; what no compiler would write is made here, as component text or as a changed package.

mod compile_bombs;
mod components;
mod driver;
mod guests;
mod host_watch;
#[path = "../../../../lane-wasm/tests/lane/support/imports.rs"]
#[allow(dead_code, reason = "the lane's tests use the rest")]
mod imports;
mod malformed;
mod schemas;
#[path = "../../../../lane-wasm/tests/lane/support/wat.rs"]
#[allow(dead_code, reason = "the lane's tests use the rest")]
mod wat;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt;
use omega_contract::{ErrorCode, Status};

use crate::harness::Bench;

type Files = BTreeMap<String, Arc<[u8]>>;

/// One attack.
struct Row {
    /// Its name; of a guest, its folder in `plugins/hostile`.
    name: &'static str,
    /// What it tries.
    attack: &'static str,
    given: Given,
    expected: Expected,
}

/// What the attacker brings.
#[derive(Clone, Copy)]
enum Given {
    /// A guest of `plugins/hostile`, called with this.
    Guest(Asked),
    /// This component as the code of an otherwise good package that has so many milliseconds.
    Component(fn() -> Vec<u8>, u64),
    /// A good package, changed like this before it is signed, and a text for it where it is admitted.
    Package(fn(&mut Files), fn() -> String),
    /// The bytes of a package file.
    Archive(fn() -> Vec<u8>),
}

/// What goes in.
#[derive(Clone, Copy)]
enum Asked {
    Text(&'static str),
    /// The artifact that the gateway of the test holds, by reference.
    Artifact,
    /// The id of that artifact, as text.
    ArtifactId,
}

/// What must come of it.
#[derive(Clone, Copy)]
enum Expected {
    /// It is admitted and called, with one of these endings.
    Ends(&'static [Ending]),
    /// It is admitted, and this call refused before it runs.
    CallRefused(ErrorCode),
    /// Registration refuses it with this code and names this.
    NotRegistered(ErrorCode, &'static str),
    /// It is registered, and refused when it is to be enabled.
    NotEnabled(ErrorCode, &'static str),
    /// It never becomes a package.
    NotRead(ErrorCode, &'static str),
}

type Ending = (Status, Option<ErrorCode>);

const OK: Ending = (Status::Ok, None);
const TRAP: Ending = (Status::Error, Some(ErrorCode::PluginTrap));
const TIMEOUT: Ending = (Status::Timeout, Some(ErrorCode::Timeout));
const MEMORY: Ending = (Status::Error, Some(ErrorCode::MemoryLimit));
const PLUGIN_ERROR: Ending = (Status::Error, Some(ErrorCode::PluginError));
const NOT_JSON: Ending = (Status::Rejected, Some(ErrorCode::OutputNotJson));
const MISMATCH: Ending = (Status::Rejected, Some(ErrorCode::OutputSchemaMismatch));
const DECLINED: Ending = (Status::Rejected, Some(ErrorCode::PluginDeclined));
const TOO_LARGE: Ending = (Status::Rejected, Some(ErrorCode::OutputTooLarge));

/// Every row there is.
fn table() -> impl Iterator<Item = &'static Row> {
    [guests::ROWS, components::ROWS, compile_bombs::ROWS, malformed::ROWS, schemas::ROWS].into_iter().flatten()
}

#[test]
fn every_guest_has_a_row_and_every_row_a_guest() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/hostile");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let folders: BTreeSet<String> =
        // The worker lane's programs, without manifests, have a table of their own.
        entries.filter(|entry| entry.path().join("PLUGIN_MANIFEST.json").is_file()).map(|entry| entry.file_name().into_string().unwrap()).collect();
    let is_guest = |row: &&Row| matches!(row.given, Given::Guest(_));
    let guests: BTreeSet<String> = table().filter(is_guest).map(|row| row.name.to_owned()).collect();
    assert_eq!(folders, guests);
}

#[test]
fn every_attack_is_told_and_no_two_are_one() {
    let mut names = BTreeSet::new();
    for row in table() {
        assert!(row.attack.len() > 10 && row.attack.len() < 120, "{}: {}", row.name, row.attack);
        assert!(row.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", row.name);
        let again = matches!(row.given, Given::Guest(_));
        assert!(names.insert(row.name) || again, "{} stands twice", row.name);
    }
    // The specification asks for sixty over all lanes, and the issue for forty in this one.
    assert!(names.len() >= 60, "{}", names.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_is_held() {
    let bench = Bench::new().await;
    let mut driver = driver::Driver::new(&bench).await;
    let mut failed = Vec::new();
    for row in table() {
        // One that fails does not hide the others.
        if AssertUnwindSafe(driver.run(row)).catch_unwind().await.is_err() {
            failed.push(row.name);
        }
    }
    assert!(failed.is_empty(), "not held: {failed:?}");
    driver.finish();
}
