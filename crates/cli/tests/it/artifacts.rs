//! Bytes and rows that payloads refer to.

use crate::world::{World, snapshot};

const ROWS: &str = "id,name,amount\n1,Ada,10\n2,Grace,20\n3,Edsger,30\n";

#[test]
fn bytes_are_put_listed_and_got() {
    let world = World::new();
    world.file("rows.csv", ROWS);
    let put = world.ok(["artifacts", "put", "rows.csv", "--name", "rows"]);
    let list = world.ok(["artifacts", "list"]);
    snapshot!(world, [put, list].join("\n"));
    assert_eq!(world.ok(["artifacts", "get", "rows"]), ROWS);
    let digest = world.json(["artifacts", "list"])[0]["digest"].as_str().unwrap().to_owned();
    world.ok(["artifacts", "get", &digest, "-o", "copy.csv"]);
    assert_eq!(world.read("copy.csv"), ROWS);
}

#[test]
fn a_name_never_changes_its_meaning() {
    let world = World::new();
    world.file("rows.csv", ROWS);
    world.ok(["artifacts", "put", "rows.csv", "--name", "rows"]);
    world.file("rows.csv", "id\n9\n");
    snapshot!(world, world.omega(["artifacts", "put", "rows.csv", "--name", "rows"]).whole());
    assert_eq!(world.ok(["artifacts", "get", "rows"]), ROWS);
}

#[test]
fn what_is_not_there_is_not_got_and_leaves_no_file() {
    let world = World::new();
    snapshot!(world, world.omega(["artifacts", "get", "nothing", "-o", "out"]).whole());
    assert!(!world.path().join("out").exists());
    assert!(std::fs::read_dir(world.path()).unwrap().all(|entry| entry.unwrap().file_name() == "home"));
}

#[test]
fn rows_are_a_dataset() {
    let world = World::new();
    world.file("rows.csv", ROWS);
    let add = world.ok(["artifacts", "dataset", "add", "people", "rows.csv", "--key", "id"]);
    let list = world.ok(["artifacts", "dataset", "list"]);
    snapshot!(world, [add, list].join("\n"));
    let bad = world.omega(["artifacts", "dataset", "add", "other", "rows.csv", "--key", "nothing"]);
    assert_eq!(bad.code, 1);
    snapshot!(world, bad.whole());
}

#[test]
fn a_file_goes_to_a_plugin_as_an_artifact() {
    let world = World::with(&["examples/csv-profile"]);
    world.file("rows.csv", ROWS);
    let response = world.json(["invoke", "csv-profile", "--file", "rows.csv"]);
    assert_eq!(response["status"], "ok", "{response}");
    world.ok(["artifacts", "put", "rows.csv", "--name", "rows"]);
    let by_name = world.json(["invoke", "csv-profile", "--artifact", "rows"]);
    assert_eq!(by_name["result"], response["result"]);
}

#[test]
fn rows_go_to_a_plugin_by_their_keys() {
    let world = World::with(&["examples/slice-summary"]);
    world.file("rows.csv", ROWS);
    world.ok(["artifacts", "dataset", "add", "people", "rows.csv", "--key", "id"]);
    let response = world.json(["invoke", "slice-summary", "--slice", "people", "--id", "1", "--id", "3"]);
    assert_eq!(response["status"], "ok", "{response}");
    let unknown = world.omega(["invoke", "slice-summary", "--slice", "nobody", "--id", "1"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.starts_with("error[artifact_unknown]"), "{}", unknown.stderr);
}
