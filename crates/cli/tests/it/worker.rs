//! Python and JavaScript plugins: the worker lane behind the whole gateway.
//!
//! How its sandbox holds is shown in the lane's own tests; here is what callers, authors and auditors see.

use serde_json::{Value, json};

use crate::world::World;

/// A package of one Python file that takes a text and gives one.
fn package(world: &World, id: &str, source: &str) {
    package_of(world, id, "plugin.py", source);
}

/// A package of one file that takes a text and gives one.
fn package_of(world: &World, id: &str, file: &str, source: &str) {
    let descriptor = json!([{"kind": "text", "schema_ref": "schemas/any.json", "limits": {"max_bytes": 65536}}]);
    let manifest = json!({
        "plugin_id": id, "name": id, "vendor": "Tests", "description": "", "version": "1.0.0",
        "api_version": "1.0.0", "supported_omega_api_versions": "^1.0.0",
        "capabilities": ["read_text", "write_suggestion"],
        "io": {"inputs": descriptor, "outputs": descriptor},
        "limits": {"max_bytes": 65536, "max_ms": 5000, "max_concurrency": 4},
        "determinism": {"mode": "probabilistic", "notes": ""},
        "evidence": {"log_level": "full", "redactions": []},
        "entrypoint": {"type": "worker", "file": file, "export": "handle"},
    });
    world.file(&format!("{id}/PLUGIN_MANIFEST.json"), manifest.to_string());
    world.file(&format!("{id}/schemas/any.json"), "{}");
    world.file(&format!("{id}/{file}"), source);
    world.ok(["plugins", "sign", id]);
}

/// A plugin whose body is these lines.
fn install(world: &World, id: &str, body: &str) {
    let body = body.trim().replace('\n', "\n    ");
    package(
        world,
        id,
        &format!("from omega_plugin import Text, plugin\n\n@plugin\ndef handle(text: Text) -> Text:\n    {body}\n"),
    );
    world.ok(["plugins", "install", id, "--enable"]);
}

/// A JavaScript plugin whose answer is the text of this expression.
fn install_javascript(world: &World, id: &str, file: &str, expression: &str) {
    let source = format!(
        "export async function handle(request, host) {{
            const text = request.payload.content;
            return {{payload: {{kind: 'text', content: String({expression}), encoding: 'utf-8', metadata: {{}}}}}};
        }}"
    );
    package_of(world, id, file, &source);
    world.ok(["plugins", "install", id, "--enable"]);
}

/// What the last event of this kind tells.
fn meta_of(world: &World, kind: &str) -> Value {
    let lines = world.ok(["ledger", "tail", "--json"]);
    let mut events = lines.lines().rev().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].take());
    events.find(|event| event["kind"] == kind).unwrap()["meta"].take()
}

#[test]
fn a_python_plugin_answers_and_its_evidence_names_the_sandbox() {
    let world = World::new();
    install(&world, "upper", "return Text(text.content.upper())");
    assert_eq!(world.ok(["invoke", "upper", "--text", "Ada", "--run-id", "r"]), "ADA");
    let meta = meta_of(&world, "RESULT");
    assert_eq!(
        (&meta["lane"], &meta["profile"], &meta["exit"]),
        (&json!("worker"), &json!("pure"), &json!("finished")),
        "{meta}"
    );
    let meta = meta_of(&world, "INVOKE");
    assert!(meta.to_string().contains("Landlock") && meta.to_string().contains("seccomp"), "{meta}");
    world.ok(["proof", "export", "r", "-o", "proof.json"]);
    let vkey = std::fs::read_to_string(world.home().join("keys/log.vkey")).unwrap();
    world.ok(["proof", "verify", "proof.json", "--vkey", vkey.trim_end()]);
}

#[test]
fn how_a_program_ends_is_told_apart() {
    let world = World::new();
    let check = |id: &str, body: &str, status: &str, reason: &str, exit: &str, fact: Option<(&str, &str)>| {
        install(&world, id, body);
        let response = world.json(["invoke", id, "--text", "go", "--timeout-ms", "2000"]);
        assert_eq!((&response["status"], &response["reason"]), (&json!(status), &json!(reason)), "{id}: {response}");
        let meta = meta_of(&world, if status == "rejected" { "REJECT" } else { "ERROR" });
        assert_eq!(meta["exit"], exit, "{id}: {meta}");
        if let Some((name, value)) = fact {
            assert_eq!(meta[name], value, "{id}: {meta}");
        }
        response["notes"].as_str().unwrap_or_default().to_owned()
    };
    let notes = check("raises", "raise ValueError('no good')", "error", "plugin_error", "plugin_error", None);
    assert!(notes.contains("ValueError: no good"), "{notes}");
    check("aborts", "import os\nos.abort()", "error", "plugin_crash", "signal", Some(("signal", "6")));
    check("exits", "import os\nos._exit(3)", "error", "plugin_crash", "plugin_error", Some(("exit_code", "3")));
    check("sleeps", "import time\ntime.sleep(60)", "timeout", "timeout", "deadline", None);
    check("hoards", "x = bytearray(3 << 30)\nreturn text", "error", "memory_limit", "oom", None);
    let traces = "import ctypes\nctypes.CDLL(None).ptrace(0, 0, 0, 0)\nreturn text";
    check("traces", traces, "error", "plugin_crash", "refused_system_call", Some(("syscall", "ptrace")));
    let declines = "from omega_plugin import Refusal\nraise Refusal('mood', 'not today')";
    check("declines", declines, "rejected", "plugin_declined", "finished", None);
    let large = "return Text('x' * 100_000)";
    check("large", large, "rejected", "output_too_large", "finished", None);
}

#[test]
fn what_cannot_be_imported_is_refused_when_it_is_enabled() {
    let world = World::new();
    for (id, source, word) in [
        ("syntax", "def handle(:\n", "SyntaxError"),
        ("missing", "import not_there\n", "ModuleNotFoundError"),
        ("export", "x = 1\n", "handle"),
        ("ends", "import os\nos._exit(7)\n", "code 7"),
    ] {
        package(&world, id, source);
        world.ok(["plugins", "install", id]);
        let ran = world.omega(["plugins", "enable", id]);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(ran.stderr.starts_with("error[program_invalid]: "), "{}", ran.stderr);
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
        assert_eq!(world.json(["plugins", "info", id])["plugin"]["status"], "registered");
    }
}

#[test]
fn nothing_of_a_call_is_there_in_the_next() {
    let world = World::new();
    let body = "import builtins, os\nseen = getattr(builtins, 'left', '-') + str(os.listdir('/tmp'))\nbuiltins.left = 'x'\nopen('/tmp/left', 'w').write('x')\nreturn Text(seen)";
    install(&world, "leaves", body);
    world.file("requests.ndjson", "{\"text\": \"go\"}\n".repeat(5));
    let requests: String = (0..5)
        .map(|number| {
            format!("{}\n", json!({
                "request_id": format!("q{number}"), "run_id": "r", "timestamp": "2026-01-01T00:00:00Z", "context": {},
                "payload": {"kind": "text", "content": "go", "encoding": "utf-8", "metadata": {}},
            }))
        })
        .collect();
    world.file("requests.ndjson", requests);
    world.ok(["batch", "leaves", "--input", "requests.ndjson", "--output", "answers.ndjson"]);
    let answers = world.read("answers.ndjson");
    assert_eq!(answers.lines().count(), 5);
    for line in answers.lines() {
        let answer: Value = serde_json::from_str(line).unwrap();
        assert!(answer.to_string().contains("\"-[]\""), "{answer}");
    }
}

#[test]
fn a_deterministic_plugin_sees_nothing_of_the_clock_or_of_chance() {
    const PYTHON: &str = "
import os, random, time, uuid
from datetime import datetime
from omega_plugin import Text, plugin

@plugin
def handle(text: Text) -> Text:
    return Text(f'{time.time()} {datetime.now()} {random.random()} {os.urandom(4).hex()} {uuid.uuid4()} {hash(text.content)}')
";
    const JAVASCRIPT: &str = "
export function handle(request) {
    const content = `${Date.now()} ${new Date()} ${Date()} ${Math.random()} ${new Date().getTimezoneOffset()} ${request.payload.content}`;
    return {payload: {kind: 'text', content, encoding: 'utf-8', metadata: {}}};
}
";
    let world = World::new();
    for (id, file, source) in [("clocks", "plugin.py", PYTHON), ("clocks-js", "plugin.js", JAVASCRIPT)] {
        package_of(&world, id, file, source);
        let manifest = format!("{id}/PLUGIN_MANIFEST.json");
        world.file(&manifest, world.read(&manifest).replace("probabilistic", "deterministic"));
        world.ok(["plugins", "sign", id]);
        world.ok(["plugins", "install", id, "--enable"]);
        let first = world.ok(["invoke", id, "--text", "a", "--run-id", id]);
        assert_eq!(world.ok(["invoke", id, "--text", "a"]), first);
        assert_ne!(world.ok(["invoke", id, "--text", "b"]), first, "the seed is of the input");
        let meta = meta_of(&world, "INVOKE");
        assert!(meta["determinism"].as_str().is_some_and(|words| words.contains("audited")), "{meta}");
        assert_eq!(world.json(["replay", id])["calls"][0]["verdict"], "same");
    }
}

#[test]
fn a_javascript_plugin_answers_and_its_evidence_names_its_engine() {
    let world = World::new();
    for (id, file) in [("upper", "plugin.js"), ("upper-module", "lib/plugin.mjs")] {
        install_javascript(&world, id, file, "text.toUpperCase()");
        assert_eq!(world.ok(["invoke", id, "--text", "Ada", "--run-id", id]), "ADA");
        let meta = meta_of(&world, "INVOKE");
        assert!(meta["engine"].as_str().is_some_and(|engine| engine.starts_with("QuickJS-ng ")), "{meta}");
        assert!(meta.to_string().contains("Landlock"), "{meta}");
        let meta = meta_of(&world, "RESULT");
        assert_eq!(
            (&meta["lane"], &meta["profile"], &meta["exit"]),
            (&json!("worker"), &json!("pure"), &json!("finished"))
        );
    }
    install(&world, "lower", "return Text(text.content.lower())");
    world.ok(["invoke", "lower", "--text", "Ada"]);
    let meta = meta_of(&world, "INVOKE");
    assert!(meta["engine"].as_str().is_some_and(|engine| engine.starts_with("CPython ")), "{meta}");
    let report = world.json(["doctor"]);
    let worker = &report["lanes"][1];
    assert!(
        worker["engine"].as_str().is_some_and(|engine| engine.contains("CPython ") && engine.contains("QuickJS-ng "))
    );
}

#[test]
fn what_a_javascript_plugin_throws_is_told_with_its_place() {
    let world = World::new();
    install_javascript(&world, "broken", "plugin.js", "text.missing.length");
    let ran = world.omega(["invoke", "broken", "--text", "Ada"]);
    assert!(ran.stderr.contains("TypeError") && ran.stderr.contains("plugin.js:3:"), "{}", ran.stderr);
}

#[test]
fn a_gateway_without_python_says_so_and_goes_on() {
    let world = World::with(&["examples/hello"]);
    install_javascript(&world, "reverse", "plugin.js", "[...text].reverse().join('')");
    install(&world, "upper", "return Text(text.content.upper())");
    world.behind_the_back(|| world.file("home/omega.toml", "[lanes.worker]\npython = '/nowhere/python3'\n"));
    let ran = world.omega(["invoke", "upper", "--text", "Ada"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error[lane_unavailable]: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("interpreter") && ran.stderr.contains("/nowhere/python3"), "{}", ran.stderr);
    assert!(ran.stderr.contains("[lanes.worker] python"), "the remedy: {}", ran.stderr);
    assert_eq!(world.ok(["invoke", "hello", "--text", "Ada"]), "Hello, Ada!");
    assert_eq!(world.ok(["invoke", "reverse", "--text", "Ada"]), "adA", "JavaScript needs no Python");
    // Enabled plugins need it: the doctor says no.
    assert_eq!(world.omega(["doctor"]).code, 1);
    world.ok(["plugins", "disable", "upper"]);
    let ran = world.omega(["doctor"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("not here: Python"), "{}", ran.stdout);
}

/// On a terminal, which `script` (Debian's bsdutils) is here.
#[test]
fn a_terminal_shows_how_far_a_plugin_says_it_is() {
    let world = World::new();
    let body = "import time\nfrom omega_plugin import progress\nprogress(0.1, 'beginning')\ntime.sleep(0.6)\n\
                progress(0.5, 'half\\x1b[31m way')\ntime.sleep(0.6)\nreturn text";
    install(&world, "slow", body);
    let shown = |arguments: &str| {
        let mut command = std::process::Command::new("script");
        command.args(["-qec", &format!("{} {arguments}", env!("CARGO_BIN_EXE_omega")), "/dev/null"]);
        command.current_dir(world.path()).env("OMEGA_HOME", world.home()).env("TERM", "xterm");
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let text = shown("invoke slow --text done");
    assert!(text.contains("slow: half") && text.contains("50 %") && text.contains("done"), "{text:?}");
    assert!(!text.contains("\u{1b}[31m"), "a plugin's text turns no terminal red: {text:?}");
    let text = shown("pipeline --plugins slow,slow --text done");
    assert!(text.contains("slow: half"), "{text:?}");
    assert!(!shown("invoke slow --text done --quiet").contains("half"));
}
