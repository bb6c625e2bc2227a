//! The author's loop: `omega plugins try` and `omega plugins dev`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::world::{World, snapshot};

#[test]
fn examples_are_tried_without_a_home_and_nothing_is_left() {
    let world = World::empty();
    world.package("examples/hello");
    snapshot!(world, world.omega(["plugins", "try", "hello"]).whole());
    let tried = world.json(["plugins", "try", "hello", "world"]);
    assert_eq!(tried["examples"].as_array().unwrap().len(), 1, "{tried}");
    assert_eq!(tried["examples"][0]["response"]["status"], "ok", "{tried}");
    assert_eq!(tried["plugin_id"], "hello");
    let ran = world.omega(["plugins", "try", "hello", "nobody"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("error[not_found]") && ran.stderr.contains("examples/world.json"), "{}", ran.stderr);
    assert!(!world.home().exists());
    assert_eq!(std::fs::read_dir(world.path()).unwrap().count(), 1, "the package alone");
}

#[test]
fn an_example_that_does_not_end_well_is_the_answer_no() {
    let world = World::empty();
    world.package("examples/hello");
    let mut example: Value = serde_json::from_str(&world.read("hello/examples/world.json")).unwrap();
    example["payload"]["content"] = json!("  ");
    world.file("hello/examples/blank.json", example.to_string());
    world.file("hello/examples/odd.json", "{}");
    let ran = world.omega(["plugins", "try", "hello", "world"]);
    assert_eq!(ran.code, 1, "an example that is no request keeps a deterministic plugin from being enabled");
    assert!(ran.stderr.contains("examples/odd.json"), "{}", ran.stderr);
    std::fs::remove_file(world.path().join("hello/examples/odd.json")).unwrap();
    let ran = world.omega(["plugins", "try", "hello"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("examples/blank.json rejected plugin_declined"), "{}", ran.stdout);
}

/// `omega plugins dev --json` on a plugin of the test's folder.
struct Dev {
    child: Child,
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
}

impl Dev {
    fn start(world: &World, folder: &str) -> Self {
        let mut command = world.command();
        // Where its temporary home is, and nobody else's.
        let temporary = world.path().join("temporary");
        std::fs::create_dir_all(&temporary).unwrap();
        command.env("TMPDIR", temporary);
        command.args(["plugins", "dev", folder, "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        Self { child, input, output }
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.output.as_mut().unwrap().read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _ = self.child.wait();
    }
}

fn greeting(world: &World, name: &str) {
    let mut example: Value = serde_json::from_str(&world.read("hello/examples/world.json")).unwrap();
    example["payload"]["content"] = json!(name);
    world.file("hello/examples/world.json", example.to_string());
}

#[test]
fn each_save_is_a_generation_that_says_what_changed() {
    let world = World::empty();
    world.package("examples/hello");
    greeting(&world, "Ada");
    let mut dev = Dev::start(&world, "hello");
    assert_eq!(dev.next(), json!({"event": "watching", "folder": "hello"}));
    let of = |told: &Value, name: &str| {
        let examples = told["examples"].as_array().unwrap_or_else(|| panic!("{told}")).clone();
        examples.into_iter().find(|example| example["example"] == format!("examples/{name}.json")).unwrap()
    };
    let first = dev.next();
    assert_eq!((&first["event"], &first["generation"]), (&json!("ran"), &json!(1)), "{first}");
    assert_eq!((&of(&first, "world")["is_new"], &of(&first, "world")["diff"]), (&json!(true), &Value::Null));

    greeting(&world, "Grace");
    let second = dev.next();
    let diff = of(&second, "world")["diff"].as_str().unwrap_or_else(|| panic!("{second}")).to_owned();
    assert!(diff.contains("-Hello, Ada!\n+Hello, Grace!\n"), "{diff}");
    assert_eq!(of(&second, "greeting")["diff"], Value::Null, "{second}");

    // What is broken is told, and it goes on.
    let manifest = world.read("hello/PLUGIN_MANIFEST.json");
    world.file("hello/PLUGIN_MANIFEST.json", "{");
    let failed = dev.next();
    assert_eq!(
        (&failed["event"], &failed["error"]["code"]),
        (&json!("failed"), &json!("manifest_invalid")),
        "{failed}"
    );
    world.file("hello/PLUGIN_MANIFEST.json", manifest);
    let mended = dev.next();
    assert_eq!((&mended["event"], &mended["generation"]), (&json!("ran"), &json!(4)), "{mended}");
    assert_eq!(of(&mended, "world")["diff"], Value::Null, "compared with the last one that ran: {mended}");

    drop(dev.input.take());
    assert_eq!(dev.next(), json!({"event": "ended", "why": "input closed"}));
    assert_eq!(dev.ended(), Some(0));
}

#[test]
fn it_ends_when_it_is_told_to_or_nobody_reads() {
    let world = World::empty();
    world.package("examples/hello");
    for how in ["TERM", "INT", "closed"] {
        let mut dev = Dev::start(&world, "hello");
        assert_eq!(dev.next()["event"], "watching");
        assert_eq!(dev.next()["event"], "ran");
        if how == "closed" {
            dev.output = None;
        } else {
            let sent = Command::new("kill").arg(format!("-{how}")).arg(dev.child.id().to_string()).status().unwrap();
            assert!(sent.success());
            assert_eq!(dev.next(), json!({"event": "ended", "why": "signal"}));
        }
        assert_eq!(dev.ended(), Some(0), "{how}");
    }
    let left: Vec<_> = std::fs::read_dir(world.path().join("temporary")).unwrap().collect();
    assert!(left.is_empty(), "its temporary homes went with it: {left:?}");
}

#[test]
fn what_is_no_folder_is_wrong_usage() {
    let world = World::empty();
    world.file("package.tar", "x");
    for what in ["package.tar", "nowhere"] {
        assert_eq!(world.omega(["plugins", "dev", what]).code, 2);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_python_plugin_is_reloaded_from_its_source() {
    let world = World::empty();
    world.ok(["plugins", "new", "word-count", "--lang", "python"]);
    let mut dev = Dev::start(&world, "word-count");
    assert_eq!(dev.next()["event"], "watching");
    let first = dev.next();
    assert_eq!(first["examples"][0]["response"]["status"], "ok", "{first}");
    let source = world.read("word-count/plugin.py");
    world.file("word-count/plugin.py", source.replace("words=len(words)", "words=len(words) + 1"));
    let diff = dev.next()["examples"][0]["diff"].as_str().unwrap().to_owned();
    assert!(diff.contains("-  \"words\": 9\n+  \"words\": 10\n"), "{diff}");
    world.file("word-count/plugin.py", source.replace("    words =", "    words = ("));
    let failed = dev.next();
    assert_eq!(failed["error"]["code"], "program_invalid", "{failed}");
    assert!(failed["error"]["details"].to_string().contains("SyntaxError"), "{failed}");
    world.file("word-count/plugin.py", source);
    assert_eq!(dev.next()["event"], "ran");
}
