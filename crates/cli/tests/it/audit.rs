//! What an auditor asks: replays, timelines, disclosures and reports.

use std::fs;

use serde_json::{Value, json};

use crate::world::{Ran, World, snapshot};

const TEXT: &str = "A sentence. And another one. And a third one, longer than both.";

/// A run with calls that can be replayed and one that cannot, a pipeline, and a refusal.
fn world_with_a_run() -> World {
    let world = World::with(&["examples/hello", "examples/text-stats", "examples/headline"]);
    let call = |plugin: &str, request: &str| {
        world.omega(["invoke", plugin, "--text", TEXT, "--run-id", "r", "--request-id", request])
    };
    assert_eq!(call("hello", "q1").code, 0);
    assert_eq!(call("headline", "q2").code, 0);
    assert_eq!(call("hello", "q1").code, 1, "a duplicate");
    world.ok([
        "pipeline",
        "--plugins",
        "hello,text-stats",
        "--strategy",
        "chain",
        "--text",
        "Ada",
        "--run-id",
        "r",
        "--request-id",
        "p",
    ]);
    world
}

#[test]
fn a_run_is_replayed_for_people() {
    let world = world_with_a_run();
    let before = world.json(["runs", "show", "r"]);
    let ran = world.omega(["replay", "r"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    snapshot!(world, ran.whole());
    assert_eq!(world.json(["runs", "show", "r"]), before, "the run itself is left alone");
    let strict = world.omega(["replay", "r", "--strict"]);
    assert_eq!(strict.code, 1);
    assert!(strict.stderr.starts_with("error[not_replayable]"), "{}", strict.stderr);
}

#[test]
fn a_run_is_replayed_for_programs() {
    let world = world_with_a_run();
    let report = world.json(["replay", "r"]);
    let counts = ["same", "different", "not_replayable", "without_result"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(counts, [3, 0, 1, 1], "{report}");
    let call = |at: usize| &report["calls"][at];
    assert_eq!((&call(0)["verdict"], &call(0)["determinism"]), (&json!("same"), &json!("enforced")));
    assert_eq!(call(1)["why"]["code"], "not_deterministic");
    let own = report["replay_run_id"].as_str().unwrap();
    let events = world.json(["runs", "show", own]);
    let event = &events["events"][0]["event"];
    assert_eq!((&event["kind"], &event["meta"]["replay_of_run"]), (&json!("INVOKE"), &json!("r")));
    let again = world.json(["replay", own]);
    assert_eq!(again["same"], 3, "{again}");
}

#[test]
fn a_result_that_differs_is_the_answer_no() {
    let world = World::new();
    let package = world.package("hostile/memory-hoarder");
    let manifest = package.join("PLUGIN_MANIFEST.json");
    let lie = fs::read_to_string(&manifest).unwrap().replace("\"probabilistic\"", "\"deterministic\"");
    fs::write(&manifest, lie).unwrap();
    let package = package.display().to_string();
    world.ok(["plugins", "sign", &package]);
    world.ok(["plugins", "install", &package, "--enable"]);
    world.ok(["invoke", "hostile-memory-hoarder", "--text", "go", "--run-id", "r", "--request-id", "q"]);
    assert_eq!(world.omega(["replay", "r"]).code, 0);
    world.behind_the_back(|| world.file("home/omega.toml", "[ceilings]\nmemory_bytes_max = 33554432\n"));
    let ran = world.omega(["replay", "r"]);
    assert_eq!(ran.code, 1);
    snapshot!(world, ran.whole());
    let report = world.json(["replay", "r"]);
    assert_eq!(report["calls"][0]["difference"]["changed_limits"][0]["name"], "memory_bytes_max");
    assert_eq!(world.omega(["replay", "nothing"]).code, 1);
}

/// Bars depend on the machine's speed: the exact ones are tests of their own, beside the code.
#[test]
fn a_timeline_names_every_call() {
    let world = world_with_a_run();
    let shown = world.ok(["runs", "show", "r", "--timeline"]);
    assert!(shown.is_ascii(), "no terminal: letters only: {shown}");
    for expect in
        ["q1 hello", "`- refused", "q2 headline", "p hello", "`- step 1 text-stats", "rejected duplicate_request"]
    {
        assert!(shown.contains(expect), "{expect}: {shown}");
    }
    let timeline = world.json(["runs", "show", "r", "--timeline"]);
    let rows = timeline["timeline"]["rows"].as_array().unwrap();
    let endings: Vec<&str> = rows.iter().map(|row| row["ending"].as_str().unwrap()).collect();
    assert_eq!(endings, ["ok", "rejected", "ok", "ok", "ok"]);
    assert!(rows[0]["duration_us"].as_u64().unwrap() > 0);
    assert_eq!(world.omega(["runs", "show", "nothing", "--timeline"]).code, 1);
}

const SCHEMA: &str = "omega:json-redact:input:document:v1.0.0";

/// A call whose payload and result are redacted, and the two as they were.
fn world_with_a_secret() -> World {
    let world = World::with(&["examples/json-redact"]);
    let data = r#"{"mail":"ada@example.org"}"#;
    let ran = world.ok(["invoke", "json-redact", "--data", data, "--run-id", "r", "--request-id", "q", "--json"]);
    let response: Value = serde_json::from_str(&ran).unwrap();
    let payload = json!({"kind": "json", "data": {"mail": "ada@example.org"}, "schema_ref": SCHEMA});
    world.file("payload.json", payload.to_string());
    world.file("result.json", response["result"].to_string());
    world
}

#[test]
fn what_was_redacted_is_disclosed_to_somebody_without_a_home() {
    let world = world_with_a_secret();
    let listed = world.ok(["evidence", "reveal", "q"]);
    let made = world.ok(["evidence", "reveal", "q", "--payload", "payload.json", "-o", "disclosure.json"]);
    world.ok(["evidence", "reveal", "q", "--run", "r", "--result", "result.json", "-o", "result-disclosure.json"]);
    world.ok(["proof", "export", "r", "-o", "proof.json"]);
    fs::copy(world.home().join("keys/log.vkey"), world.path().join("log.vkey")).unwrap();
    let origin = world.read("log.vkey").split('+').next().unwrap().to_owned();
    let proved = ["--proof", "proof.json", "--vkey", "log.vkey"];
    fs::rename(world.home(), world.path().join("gone")).unwrap();
    let check = |arguments: &[&str]| world.omega(["evidence", "check"].iter().chain(arguments));
    let texts = [
        listed,
        made,
        check(&["disclosure.json"]).whole(),
        check(&[&["disclosure.json"], proved.as_slice()].concat()).whole().replace(&origin, "[ORIGIN]"),
    ];
    snapshot!(world, texts.join("\n"));
    let ok = check(&[&["result-disclosure.json", "--json"], proved.as_slice()].concat());
    let said: Value = serde_json::from_str(&ok.stdout).unwrap();
    assert_eq!(
        (&said["in_proof"], said["log_key"].as_str(), &said["part"]),
        (&json!(true), Some(world.read("log.vkey").trim_end()), &json!("result"))
    );

    // Made up from another value, another salt, or for a request of another ledger.
    let disclosure: Value = serde_json::from_str(&world.read("disclosure.json")).unwrap();
    let no = |change: &dyn Fn(&mut Value), arguments: &[&str]| {
        let mut forged = disclosure.clone();
        change(&mut forged);
        world.file("forged.json", forged.to_string());
        let ran: Ran = check(&[&["forged.json"], arguments].concat());
        assert_eq!(ran.code, 1, "{}", ran.stdout);
        assert!(ran.stderr.starts_with("error[disclosure_invalid]"), "{}", ran.stderr);
    };
    no(&|d| d["fields"][0]["value"]["mail"] = json!("eve@example.org"), &[]);
    no(&|d| d["salt"] = json!("00".repeat(32)), &[]);
    no(&|d| d["event_hash"] = json!("00".repeat(32)), &proved);
    no(&|d| d["request_id"] = json!("other"), &proved);
    let stranger = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let other_log = check(&["disclosure.json", "--proof", "proof.json", "--vkey", stranger]);
    assert!(other_log.stderr.starts_with("error[proof_invalid]"), "{}", other_log.stderr);
}

#[test]
fn what_was_forgotten_is_told_and_never_disclosed() {
    let world = world_with_a_secret();
    let texts = [
        world.omega(["evidence", "reveal", "q", "--payload", "result.json"]).whole(),
        world.ok(["evidence", "forget", "q"]),
        world.ok(["evidence", "forget", "q", "--run", "r"]),
        world.ok(["evidence", "reveal", "q"]),
        world.omega(["evidence", "reveal", "q", "--payload", "payload.json"]).whole(),
        world.omega(["evidence", "forget", "nobody"]).whole(),
    ];
    snapshot!(world, texts.join("\n"));
    assert_eq!(fs::read_dir(world.home().join("salts")).unwrap().count(), 2, "those of the package's own examples");
    let again = world.json(["evidence", "forget", "q"]);
    assert_eq!(again["forgotten_now"], false);
    assert_eq!(world.json(["evidence", "reveal", "q"])[0]["salt"], "forgotten");
    assert_eq!(world.json(["registry", "rebuild"])["identical"], true);
}

#[test]
fn a_report_stands_alone() {
    let world = world_with_a_run();
    let ran = world.omega(["ledger", "report", "r", "-o", "report.html"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    snapshot!(world, ran.whole());
    let page = world.read("report.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    for expect in ["text-stats", "duplicate_request", "operator", "Proof verified", "<svg", "default-src 'none'"] {
        assert!(page.contains(expect), "{expect}");
    }
    for never in ["third one", "<script", "http://", "https://"] {
        assert!(!page.contains(never), "{never}");
    }
    assert!(!page.contains(&world.path().display().to_string()), "no path of the host");

    // The command on the page is the one that repeats it, also where there is no home.
    let command = page.split_once("omega proof verify ").unwrap().1.lines().next().unwrap().to_owned();
    fs::copy(world.home().join("keys/log.vkey"), world.path().join("log.vkey")).unwrap();
    fs::rename(world.home(), world.path().join("gone")).unwrap();
    let words: Vec<&str> = ["proof", "verify"].into_iter().chain(command.split_whitespace()).collect();
    let verified = world.ok(words);
    assert!(verified.starts_with("Verified"), "{verified}");
}
