//! The demonstration: nothing but the binary, and everything checked.

use std::fs;

use crate::world::{World, snapshot};

#[test]
fn every_act_behaves_and_nothing_is_left_behind() {
    let world = World::empty();
    world.file("notes.txt", "The gateway is one door. A plugin is a subcontractor with no authority of its own.\n");
    fs::create_dir(world.path().join("tmp")).unwrap();
    let mut command = world.command();
    command.args(["demo", "notes.txt", "--json"]).env("TMPDIR", world.path().join("tmp"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let acts = report["acts"].as_array().unwrap();
    assert!(acts.iter().all(|act| act["held"] == true), "{report}");
    assert_eq!(fs::read_dir(world.path().join("tmp")).unwrap().count(), 0);
    let titles: Vec<&str> = acts.iter().map(|act| act["title"].as_str().unwrap()).collect();
    snapshot!(world, titles.join("\n"));
}

#[test]
fn a_home_that_is_named_is_kept() {
    let world = World::empty();
    let shown = world.ok(["demo", "--home", "kept"]);
    assert!(shown.contains("behaved as they must"), "{shown}");
    let runs = world.json(["runs", "list", "--home", "kept"]);
    let run = runs[0]["run_id"].as_str().unwrap();
    assert!(shown.contains(&format!("omega runs show {run}")), "{shown}");
    // A second time there is something in the way, and it stays as it is.
    let ran = world.omega(["demo", "--home", "kept"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
}

#[test]
fn a_file_that_is_no_text_is_refused_before_anything_is_made() {
    let world = World::empty();
    world.file("picture", [0x89, 0x50, 0xff]);
    snapshot!(world, world.omega(["demo", "picture", "--home", "kept"]).whole());
    assert!(!world.path().join("kept").exists());
}
