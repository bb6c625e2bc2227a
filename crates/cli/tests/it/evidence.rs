//! Runs, the ledger, and proofs.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::world::{World, snapshot};

fn world_with_a_run() -> World {
    let world = World::with(&["examples/hello"]);
    world.ok(["invoke", "hello", "--text", "Ada", "--run-id", "r", "--request-id", "q1"]);
    world.omega(["invoke", "hello", "--text", "Ada", "--run-id", "r", "--request-id", "q1"]);
    world
}

#[test]
fn runs_for_people() {
    let world = world_with_a_run();
    let texts = [world.ok(["runs", "list"]), world.omega(["runs", "show", "r"]).whole()];
    snapshot!(world, texts.join("\n"));
}

#[test]
fn runs_for_programs() {
    let world = world_with_a_run();
    let runs = world.json(["runs", "list"]);
    assert_eq!(runs[0]["run_id"], "r");
    assert_eq!(runs[0]["calls"]["ok"], 1, "{runs}");
    let run = world.json(["runs", "show", "r"]);
    let kinds: Vec<&str> =
        run["events"].as_array().unwrap().iter().map(|placed| placed["event"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["INVOKE", "RESULT", "REJECT"]);
    assert_eq!(world.json(["runs", "list", "--limit", "1"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_run_that_nobody_knows() {
    let world = World::new();
    snapshot!(world, world.omega(["runs", "show", "nothing"]).whole());
    assert_eq!(world.omega(["proof", "export", "nothing"]).code, 1);
}

#[test]
fn the_ledger_verifies() {
    let world = world_with_a_run();
    // How many checkpoints there are depends on how long the calls before took, and the size on the user's name.
    let told = world.ok(["ledger", "verify", "--strict"]);
    let signed = told.lines().find_map(|line| line.trim().strip_prefix("signed  ")).unwrap();
    let size = told.split_once('(').unwrap().1.split_once(" in ").unwrap().0;
    snapshot!(world, told.replace(signed, "[N] checkpoints").replace(size, "[SIZE]"));
    let verdict = world.json(["ledger", "verify"]);
    assert_eq!(verdict["valid"], true);
    assert_eq!(verdict["head_event_hash"], world.json(["ledger", "stats"])["head_event_hash"]);
}

#[test]
fn a_changed_ledger_is_found_by_line_and_byte() {
    let world = world_with_a_run();
    world.stop_serving();
    let segment = fs::read_dir(world.home().join("ledger"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|ending| ending == "ndjson"))
        .unwrap();
    let text = fs::read_to_string(&segment).unwrap();
    fs::write(&segment, text.replacen("\"kind\":\"INVOKE\"", "\"kind\":\"RESULT\"", 1)).unwrap();
    let ran = world.omega(["ledger", "verify"]);
    assert_eq!(ran.code, 1, "the answer is no");
    assert!(ran.stderr.starts_with("error[ledger_corrupt]"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("ledger/00000000000000000000.ndjson") && ran.stderr.contains(", byte "),
        "{}",
        ran.stderr
    );
}

#[test]
fn events_one_by_one() {
    let world = World::new();
    let texts = [world.ok(["ledger", "show", "0"]), world.ok(["ledger", "tail"]), world.ok(["ledger", "stats"])];
    snapshot!(world, texts.join("\n"));
    let ran = world.omega(["ledger", "show", "999"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with("error[not_found]"), "{}", ran.stderr);
}

#[test]
fn the_tail_can_be_narrowed_and_is_a_stream_of_documents() {
    let world = world_with_a_run();
    let tail = |arguments: &[&str]| -> Vec<Value> {
        let out = world.ok(["ledger", "tail", "--json"].iter().chain(arguments));
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let kinds = |events: Vec<Value>| -> Vec<String> {
        events.iter().map(|placed| placed["event"]["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(tail(&["--run", "r"])), ["INVOKE", "RESULT", "REJECT"]);
    assert_eq!(kinds(tail(&["--run", "r", "-n", "2"])), ["RESULT", "REJECT"]);
    assert_eq!(kinds(tail(&["--kind", "result,reject", "--plugin", "hello", "--run", "r"])), ["RESULT", "REJECT"]);
    assert!(kinds(tail(&["--plugin", "nobody"])).is_empty());
    let indexes: Vec<u64> = tail(&[]).iter().map(|placed| placed["index"].as_u64().unwrap()).collect();
    assert!(indexes.windows(2).all(|pair| pair[0] < pair[1]), "{indexes:?}");
}

#[test]
fn what_is_recorded_is_followed() {
    let world = World::with(&["examples/hello"]);
    let mut child =
        world.command().args(["ledger", "tail", "-f", "-n", "1", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["event"]["kind"], "ENABLE");
    world.ok(["invoke", "hello", "--text", "Ada"]);
    let kinds = [next()["event"]["kind"].clone(), next()["event"]["kind"].clone()];
    assert_eq!(kinds, ["INVOKE", "RESULT"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_torn_end_is_told_when_the_home_is_next_opened() {
    let world = World::with(&["examples/hello"]);
    world.stop_serving();
    let segment = world.home().join("ledger/00000000000000000000.ndjson");
    let mut text = fs::read_to_string(&segment).unwrap();
    text.push_str("{\"event_hash\":\"torn");
    fs::write(&segment, text).unwrap();
    assert_eq!(world.json(["ledger", "verify"])["unfinished_bytes"], 19);
    let ran = world.omega(["invoke", "hello", "--text", "Ada"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "Hello, Ada!"));
    assert!(ran.stderr.starts_with("recovered: 19 B at the ledger's end were torn"), "{}", ran.stderr);
    assert_eq!(world.omega(["invoke", "hello", "--text", "Ada", "--quiet"]).stderr, "");
}

/// The log's verifier key, kept outside the home.
fn kept_key(world: &World) -> String {
    fs::copy(world.home().join("keys/log.vkey"), world.path().join("log.vkey")).unwrap();
    world.read("log.vkey").trim_end().to_owned()
}

#[test]
fn a_proof_is_exported_and_verified_without_a_home() {
    let world = world_with_a_run();
    let key = kept_key(&world);
    let export = world.ok(["proof", "export", "r", "-o", "proof.json"]);
    fs::rename(world.home(), world.path().join("gone")).unwrap();
    let verify = world.ok(["proof", "verify", "proof.json", "--vkey", "log.vkey"]);
    snapshot!(world, [export, verify].join("\n").replace(key.split('+').next().unwrap(), "[ORIGIN]"));
    let verdict = world.json(["proof", "verify", "proof.json", "--vkey", &key]);
    assert_eq!((&verdict["valid"], verdict["log_key"].as_str()), (&Value::Bool(true), Some(key.as_str())));
    assert_eq!(verdict["plugins"][0]["plugin_id"], "hello");
}

#[test]
fn a_proof_verifies_under_its_own_log_s_key_alone() {
    let (world, other) = (world_with_a_run(), World::new());
    let key = kept_key(&world);
    world.ok(["proof", "export", "r", "-o", "proof.json"]);
    let foreign = kept_key(&other);
    let check = |keys: &[&str], code: i32, expect: &str| {
        let ran = world.omega([&["proof", "verify", "proof.json"], keys].concat());
        assert_eq!(ran.code, code, "{}", ran.whole());
        assert!(ran.whole().contains(expect), "{expect}: {}", ran.whole());
    };
    check(&["--vkey", &foreign], 1, "the bundle is of the log");
    check(&["--vkey", &foreign, "--vkey", &key], 0, "Verified");
    check(&["--vkey", &key, "--witness", &key], 1, "of signature type 0x01");
    check(&["--vkey", "nowhere.vkey"], 2, "nowhere.vkey");
    check(&["--vkey", "a+b+c"], 1, "error[key_invalid]");
    check(&["--vkey", "proof.json"], 1, "error[");
    check(&[], 2, "--vkey");
}

#[test]
fn a_key_that_was_revoked_after_the_run_is_told() {
    let world = world_with_a_run();
    kept_key(&world);
    world.ok(["proof", "export", "r", "-o", "before.json"]);
    let verdict = world.json(["proof", "verify", "before.json", "--vkey", "log.vkey"]);
    let signer = verdict["plugins"][0]["key_id"].as_str().unwrap().to_owned();
    world.ok(["keys", "revoke", &signer]);
    world.ok(["proof", "export", "r", "-o", "after.json"]);
    let told = "that key was revoked later";
    assert!(!world.ok(["proof", "verify", "before.json", "--vkey", "log.vkey"]).contains(told));
    assert!(world.ok(["proof", "verify", "after.json", "--vkey", "log.vkey"]).contains(told));
}

#[test]
fn no_byte_of_a_proof_can_be_changed() {
    let world = world_with_a_run();
    kept_key(&world);
    let proof = world.ok(["proof", "export", "r"]).into_bytes();
    let verify = ["proof", "verify", "-", "--vkey", "log.vkey"];
    // A spread of places over the whole file; every byte by itself is the proof room's test.
    for position in (0..proof.len() - 1).step_by(proof.len() / 12) {
        let mut changed = proof.clone();
        changed[position] ^= 1;
        let ran = world.fed(verify, &changed);
        assert_eq!(ran.code, 1, "byte {position}: {}", ran.stdout);
        assert!(ran.stderr.starts_with("error[proof_invalid]"), "byte {position}: {}", ran.stderr);
    }
    assert_eq!(world.fed(verify, &proof).code, 0);
}

#[test]
fn the_registry_is_made_anew_from_the_ledger() {
    let world = World::with(&["examples/hello"]);
    snapshot!(world, world.ok(["registry", "rebuild"]));
    assert_eq!(world.json(["registry", "rebuild"])["identical"], true);
    world.behind_the_back(|| {
        for name in ["registry.sqlite", "registry.sqlite-wal", "registry.sqlite-shm"] {
            let _ = fs::remove_file(world.home().join(name));
        }
    });
    world.ok(["registry", "rebuild"]);
    assert_eq!(world.ok(["invoke", "hello", "--text", "Ada"]), "Hello, Ada!");
}
