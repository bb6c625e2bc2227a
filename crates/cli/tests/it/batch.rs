//! Many requests: their order, what cannot be sent, and going on after a kill.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::world::World;

fn payload(text: &str) -> String {
    json!({"kind": "text", "content": text, "encoding": "utf-8", "metadata": {}}).to_string()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const BATCH: [&str; 6] = ["batch", "hello", "-i", "in.ndjson", "-o", "out.ndjson"];

#[test]
fn answers_stand_in_the_order_of_the_lines() {
    let world = World::with(&["examples/hello"]);
    let input: String = (0..50).map(|n| payload(&format!("number {n}")) + "\n").collect();
    world.file("in.ndjson", input);
    let summary = world.json(BATCH.into_iter().chain(["--concurrency", "8"]));
    assert_eq!(summary["statuses"], json!({"ok": 50}));
    let answers = lines(&world.read("out.ndjson"));
    for (position, answer) in answers.iter().enumerate() {
        assert_eq!(answer["line"], position as u64 + 1);
        assert_eq!(answer["result"]["content"], format!("Hello, number {position}!"));
    }
    // Nothing is left to do, and nothing is done.
    let events = world.json(["ledger", "stats"])["events"].clone();
    let again = world.json(BATCH);
    assert_eq!((&again["answered"], &again["lines_answered_before"]), (&json!(0), &json!(50)));
    assert_eq!(world.json(["ledger", "stats"])["events"], events);
}

#[test]
fn a_line_that_is_no_request_is_answered_and_the_others_go_on() {
    let world = World::with(&["examples/hello"]);
    let input =
        [payload("a"), "{".into(), "\n".into(), payload("b"), "[1]".into(), r#"{"kind":"blob"}"#.into()].join("\n");
    world.file("in.ndjson", input);
    let ran = world.omega(BATCH);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let answers = lines(&world.read("out.ndjson"));
    let seen: Vec<_> =
        answers.iter().map(|answer| (answer["line"].as_u64().unwrap(), answer["reason"].clone())).collect();
    let invalid = || json!("request_invalid");
    assert_eq!(seen, [(1, Value::Null), (2, invalid()), (5, Value::Null), (6, invalid()), (7, invalid())]);
}

/// Whichever of the two comes to the gateway first: one of them is answered, the other is refused.
#[test]
fn two_lines_with_one_id_are_two_answers() {
    let world = World::with(&["examples/hello"]);
    let line = |pair: u32, text: &str| format!(r#"{{"request_id":"pair-{pair}","payload":{}}}"#, payload(text)) + "\n";
    let input: String = (0..100).map(|pair| line(pair, "one") + &line(pair, "other")).collect();
    world.file("in.ndjson", input);
    assert_eq!(world.omega(BATCH.into_iter().chain(["--concurrency", "8"])).code, 1);
    let answers = lines(&world.read("out.ndjson"));
    assert_eq!(answers.len(), 200);
    for pair in answers.chunks(2) {
        let mut reasons = [&pair[0]["reason"], &pair[1]["reason"]];
        reasons.sort_by_key(|reason| reason.is_string());
        assert_eq!(reasons, [&Value::Null, &json!("duplicate_request")], "{pair:?}");
        assert_ne!(pair[0]["event_index"], pair[1]["event_index"], "{pair:?}");
    }
}

#[test]
fn standard_input_to_standard_output() {
    let world = World::with(&["examples/hello"]);
    let ran = world.fed(["batch", "hello", "-i", "-", "-o", "-"], format!("{}\n", payload("Ada")).as_bytes());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(lines(&ran.stdout)[0]["result"]["content"], "Hello, Ada!");
}

#[test]
fn an_output_of_something_else_is_left_alone() {
    let world = World::with(&["examples/hello"]);
    world.file("in.ndjson", payload("Ada"));
    for other in ["precious\n", "precious", "{\"line\":1}\n", "{\"batch\":\"other\",\"line\":1}\n"] {
        world.file("out.ndjson", other);
        let ran = world.omega(BATCH);
        assert_eq!(ran.code, 2, "{other:?}");
        assert!(ran.stderr.starts_with("error[usage]"), "{}", ran.stderr);
        assert_eq!(world.read("out.ndjson"), other);
    }
}

#[test]
fn a_batch_goes_on_where_its_output_was_torn() {
    let world = World::with(&["examples/hello"]);
    world.file("in.ndjson", (0..6).map(|n| payload(&n.to_string()) + "\n").collect::<String>());
    world.ok(BATCH);
    let whole = world.read("out.ndjson");
    let keep: usize = whole.split_inclusive('\n').take(2).map(str::len).sum();
    world.file("out.ndjson", &whole[..keep + 30]);
    let summary = world.json(BATCH);
    assert_eq!((&summary["answered"], &summary["lines_answered_before"]), (&json!(4), &json!(2)));
    let contents =
        |text: &str| lines(text).iter().map(|answer| answer["result"]["content"].clone()).collect::<Vec<_>>();
    let after = world.read("out.ndjson");
    assert_eq!(contents(&after), contents(&whole), "what only the ledger knew was read from there");
    assert!(lines(&after).iter().all(|answer| answer["reason"].is_null()), "no request was sent twice: {after}");
}

#[test]
fn a_killed_batch_is_finished_by_the_same_command() {
    let world = World::with(&["examples/hello"]);
    let count = 400;
    world.file("in.ndjson", (0..count).map(|n| payload(&n.to_string()) + "\n").collect::<String>());
    let mut child = world.command().args(BATCH).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    // As soon as something was answered.
    while fs::metadata(world.path().join("out.ndjson")).map_or(0, |metadata| metadata.len()) == 0 {
        assert!(child.try_wait().unwrap().is_none() || world.path().join("out.ndjson").exists());
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = world.omega(BATCH);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let answers = lines(&world.read("out.ndjson"));
    let numbers: Vec<u64> = answers.iter().map(|answer| answer["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=count).collect::<Vec<u64>>(), "each line once, in order");
    for (position, answer) in answers.iter().enumerate() {
        assert_eq!(answer["result"]["content"], format!("Hello, {position}!"), "{answer}");
    }
}

/// What a server still does for a command that was killed is not asked for again: how it ends is the answer.
#[test]
fn a_call_that_a_server_still_has_under_way_is_waited_for() {
    let world = World::new();
    world.stop_serving();
    world.serve();
    let package = world.package("hostile/spin");
    let manifest = package.join("PLUGIN_MANIFEST.json");
    let mut longer: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    longer["limits"]["max_ms"] = json!(5_000);
    fs::write(&manifest, longer.to_string()).unwrap();
    let package = package.display().to_string();
    world.ok(["plugins", "sign", &package]);
    world.ok(["plugins", "install", &package, "--enable"]);
    world.file("in.ndjson", payload("go"));
    let batch = |output| ["batch", "hostile-spin", "-i", "in.ndjson", "-o", output, "--run-id", "r"];
    let mut first = world.command().args(batch("first.ndjson")).stderr(Stdio::null()).spawn().unwrap();
    while world.ok(["ledger", "tail", "--run", "r", "--kind", "invoke", "--json"]).is_empty() {
        assert!(first.try_wait().unwrap().is_none(), "it ended before it was looked at");
    }
    assert_eq!(world.omega(batch("second.ndjson")).code, 1);
    first.wait().unwrap();
    let answers = [world.read("first.ndjson"), world.read("second.ndjson")].map(|text| lines(&text).remove(0));
    let told = answers.map(|answer| (answer["status"].clone(), answer["event_index"].clone()));
    assert_eq!((&told[0].0, &told[0]), (&json!("timeout"), &told[1]), "one call, and one outcome of it");
}

#[test]
fn a_batch_that_reads_a_pipe_answers_as_lines_come() {
    let world = World::with(&["examples/hello"]);
    let mut child = world
        .command()
        .args(["batch", "hello", "-i", "-", "-o", "-", "--concurrency", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for name in ["Ada", "Grace"] {
        writeln!(input, "{}", payload(name)).unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(line.contains(&format!("Hello, {name}!")), "{line}");
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}
