//! One call, and several on one request.

use serde_json::{Value, json};

use crate::world::{World, snapshot};

#[test]
fn a_text_comes_back_as_it_is() {
    let world = World::with(&["examples/hello"]);
    snapshot!(world, world.omega(["invoke", "hello", "--text", "Ada"]).whole());
}

#[test]
fn data_comes_back_as_canonical_json() {
    let world = World::with(&["examples/text-stats"]);
    world.file("poem.txt", "Two roads diverged.\nTwo roads.\n");
    let out = world.ok(["invoke", "text-stats", "--file", "poem.txt"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["words"], 5);
    assert_eq!(out.lines().count(), 1);
    assert_eq!(world.fed(["invoke", "text-stats", "--file", "-"], b"Two roads diverged.\nTwo roads.\n").stdout, out);
}

#[test]
fn the_whole_response_for_programs() {
    let world = World::with(&["examples/hello"]);
    snapshot!(world, world.ok(["invoke", "hello", "--text", "Ada", "--run-id", "r", "--request-id", "q", "--json"]));
}

#[test]
fn a_failed_call_is_an_error_with_its_event() {
    let world = World::with(&["hostile/trap"]);
    let ran = world.omega(["invoke", "hostile-trap", "--text", "go", "--request-id", "q"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with("error[plugin_trap]: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("\nsee: event "), "{}", ran.stderr);
    assert!(ran.stdout.is_empty());
    let response = world.json(["invoke", "hostile-trap", "--text", "go"]);
    assert_eq!((&response["status"], &response["reason"]), (&json!("error"), &json!("plugin_trap")));
}

#[test]
fn a_plugin_that_declines_says_so_in_its_own_words() {
    let world = World::with(&["hostile/decliner"]);
    snapshot!(world, world.omega(["invoke", "hostile-decliner", "--text", "go", "--request-id", "q"]).whole());
}

#[test]
fn an_endless_loop_is_a_timeout() {
    let world = World::with(&["hostile/spin"]);
    let response = world.json(["invoke", "hostile-spin", "--text", "go"]);
    assert_eq!((&response["status"], &response["reason"]), (&json!("timeout"), &json!("timeout")));
}

#[test]
fn a_request_is_taken_once() {
    let world = World::with(&["examples/hello"]);
    world.ok(["invoke", "hello", "--text", "Ada", "--run-id", "r", "--request-id", "q"]);
    snapshot!(world, world.omega(["invoke", "hello", "--text", "Ada", "--run-id", "r", "--request-id", "q"]).whole());
}

#[test]
fn a_whole_request_from_a_file_or_standard_input() {
    let world = World::with(&["examples/hello"]);
    let request = json!({
        "request_id": "q", "run_id": "r", "timestamp": "2026-01-01T00:00:00Z", "context": {},
        "payload": {"kind": "text", "content": "Ada", "encoding": "utf-8", "metadata": {}},
    });
    world.file("request.json", request.to_string());
    assert_eq!(world.ok(["invoke", "hello", "--request", "request.json"]), "Hello, Ada!");
    let again = request.to_string().replace("\"q\"", "\"q2\"");
    assert_eq!(world.fed(["invoke", "hello", "--request", "-"], again.as_bytes()).stdout, "Hello, Ada!");
}

#[test]
fn json_data_finds_the_only_schema() {
    let world = World::with(&["examples/json-redact"]);
    let inputs = &world.json(["plugins", "info", "json-redact"])["manifest"]["io"]["inputs"];
    assert_eq!(inputs.as_array().unwrap().len(), 1, "{inputs}");
    let request = world.read(&format!("json-redact/{}", first_example(&world)));
    let request: Value = serde_json::from_str(&request).unwrap();
    let data = request["payload"]["data"].to_string();
    let response = world.json(["invoke", "json-redact", "--data", &data]);
    assert_eq!(response["status"], "ok", "{response}");
}

fn first_example(world: &World) -> String {
    let mut names: Vec<_> = std::fs::read_dir(world.path().join("json-redact/examples"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    format!("examples/{}", names[0])
}

#[test]
fn calls_go_to_the_version_that_is_enabled() {
    let world = World::with(&["examples/hello"]);
    assert_eq!(world.ok(["invoke", "hello@1.0.0", "--text", "Ada"]), "Hello, Ada!");
    world.ok(["plugins", "disable", "hello"]);
    let ran = world.omega(["invoke", "hello@1.0.0", "--text", "Ada"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with("error[plugin_not_enabled]"), "{}", ran.stderr);
    let ran = world.omega(["invoke", "hello@9.9.9", "--text", "Ada"]);
    assert!(ran.stderr.starts_with("error[plugin_unknown]"), "{}", ran.stderr);
}

#[test]
fn a_plugin_that_nobody_knows_is_refused_and_journalled() {
    let world = World::new();
    snapshot!(world, world.omega(["invoke", "nobody", "--text", "x", "--request-id", "q"]).whole());
}

#[test]
fn a_chain_passes_each_result_on() {
    let world = World::with(&["examples/hello", "examples/text-stats"]);
    let arguments =
        ["pipeline", "--plugins", "hello,text-stats", "--strategy", "chain", "--text", "Ada", "--run-id", "r"];
    let answer = world.json(arguments);
    assert_eq!(answer["overall_status"], "ok", "{answer}");
    let hashes = |step: usize| &answer["steps"][step]["response"]["evidence_hashes"];
    assert_eq!(hashes(0)["output_hash"], hashes(1)["input_hash"]);
    assert_eq!(answer["steps"][1]["response"]["result"]["data"]["words"], 2);
}

#[test]
fn a_pipeline_from_a_file_for_people() {
    let world = World::with(&["examples/hello", "hostile/decliner"]);
    world.file("p.toml", "plugin_ids = ['hello', 'hostile-decliner', 'hello']\nstrategy = 'sequential'\n");
    snapshot!(
        world,
        world.omega(["pipeline", "p.toml", "--text", "Ada", "--run-id", "r", "--request-id", "q"]).whole()
    );
}

#[test]
fn a_pipeline_can_stop_at_the_first_failure() {
    let world = World::with(&["examples/hello", "hostile/decliner"]);
    let stopped = ["pipeline", "--plugins", "hostile-decliner,hello", "--stop-on-failure", "--text", "Ada"];
    assert_eq!(world.json(stopped)["steps"].as_array().unwrap().len(), 1);
    let whole = ["pipeline", "--plugins", "hostile-decliner,hello", "--strategy", "fan-out", "--text", "Ada"];
    assert_eq!(world.json(whole)["steps"].as_array().unwrap().len(), 2);
}

#[test]
fn policy_and_context_go_with_the_call() {
    let world = World::with(&["examples/headline"]);
    let ran = world.omega(["invoke", "headline", "--text", "A. B.", "--deterministic-only"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with("error[determinism_required]"), "{}", ran.stderr);
    let twice = ["invoke", "headline", "--text", "A.", "--context", "a=1", "--context", "a=2"];
    assert_eq!(world.omega(twice).code, 2);
}
