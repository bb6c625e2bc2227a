//! Every way in which the home itself says no, and how errors look.

use std::fs;

use crate::world::{World, snapshot};

#[test]
fn there_is_no_home() {
    let world = World::empty();
    snapshot!(world, world.omega(["plugins", "list"]).whole());
}

#[test]
fn an_error_for_programs() {
    let world = World::empty();
    snapshot!(world, world.omega(["plugins", "list", "--json"]).whole());
}

#[test]
fn a_folder_that_is_in_use_becomes_no_home() {
    let world = World::empty();
    world.file("home/notes.txt", "mine");
    snapshot!(world, world.omega(["init"]).whole());
    assert_eq!(world.home_files().len(), 1);
    let again = World::new();
    let before = again.home_files();
    assert_eq!(again.omega(["init"]).code, 1);
    assert_eq!(again.home_files(), before);
}

#[test]
fn a_home_of_another_format_is_refused() {
    let world = World::new();
    world.stop_serving();
    let file = world.read("home/home.json");
    world.file("home/home.json", file.replace("\"format\": 1", "\"format\": 2"));
    snapshot!(world, world.omega(["plugins", "list"]).whole());
}

#[test]
fn every_damaged_home_is_exit_3() {
    let check = |file: &str, content: &[u8], code: &str| {
        let world = World::new();
        world.stop_serving();
        world.file(&format!("home/{file}"), content);
        for arguments in [&["plugins", "list"][..], &["registry", "rebuild"], &["invoke", "hello", "--text", "x"]] {
            let ran = world.omega(arguments);
            if ran.code == 0 && file == "omega.toml" {
                continue; // The list does not depend on the configuration.
            }
            assert_eq!(ran.code, 3, "{file} {arguments:?}: {}{}", ran.stdout, ran.stderr);
            assert!(ran.stderr.starts_with(&format!("error[{code}]: ")), "{file} {arguments:?}: {}", ran.stderr);
            assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        }
    };
    check("home.json", b"{", "home_invalid");
    check("home.json", b"\xff\xfe", "home_invalid");
    check("home.json", b"{\"format\":1,\"format\":1}", "home_invalid");
    check("home.json", &vec![b' '; 1 << 20], "home_invalid");
    check("omega.toml", b"= broken", "config_invalid");
    check("omega.toml", b"\xff", "config_invalid");
    check("omega.toml", &vec![b'#'; 1 << 20], "config_invalid");
}

#[test]
fn a_misspelt_setting_is_named_with_the_one_that_was_meant() {
    let world = World::new();
    world.file("home/omega.toml", "[quotas]\ncals_max = 3\n");
    snapshot!(world, world.omega(["config", "show"]).whole());
}

#[test]
fn settings_and_where_they_came_from() {
    let world = World::new();
    world.file("home/omega.toml", "durability = \"relaxed\"\n");
    let mut command = world.command();
    let output = command.args(["config", "show"]).env("OMEGA_QUOTAS_CALLS_MAX", "7").output().unwrap();
    snapshot!(world, String::from_utf8(output.stdout).unwrap());
}

#[test]
fn the_doctor_names_every_layer() {
    let world = World::new();
    let report = world.json(["doctor"]);
    assert_eq!(report["lanes"][0]["lane"], "wasm");
    assert_eq!(report["lanes"][0]["available"], true);
    let shown = world.ok(["doctor"]);
    for layer in report["lanes"][0]["layers"].as_array().unwrap() {
        assert!(shown.contains(layer["name"].as_str().unwrap()), "{shown}");
    }
}

#[test]
fn a_damaged_ledger_lets_nothing_run_and_changes_nothing() {
    let world = World::with(&["examples/hello"]);
    world.stop_serving();
    let segment = world.home().join("ledger/00000000000000000000.ndjson");
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..bytes.len() / 2]).unwrap();
    let before = world.home_files();
    let ran = world.omega(["invoke", "hello", "--text", "x"]);
    assert_eq!(ran.code, 3, "{}", ran.stdout);
    assert!(ran.stderr.starts_with("error[ledger_corrupt]"), "{}", ran.stderr);
    assert_eq!(world.home_files(), before);
}

#[test]
fn a_file_that_is_not_there() {
    let world = World::new();
    snapshot!(world, world.omega(["plugins", "install", "no/such/folder"]).whole());
}
