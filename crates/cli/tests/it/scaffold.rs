//! A new plugin: from one word to an answer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::{World, snapshot};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn a_new_plugin_says_what_comes_next() {
    let world = World::empty();
    snapshot!(world, world.omega(["plugins", "new", "word-count"]).whole());
}

#[test]
fn a_new_python_plugin_says_what_comes_next() {
    let world = World::empty();
    snapshot!(world, world.omega(["plugins", "new", "word-count", "--lang", "python"]).whole());
}

#[test]
fn a_new_javascript_plugin_says_what_comes_next() {
    let world = World::empty();
    snapshot!(world, world.omega(["plugins", "new", "word-count", "--lang", "js"]).whole());
    // By the other names of the language, too.
    for (number, lang) in ["javascript", "ts", "typescript"].into_iter().enumerate() {
        world.ok(["plugins", "new", "word-count", "--lang", lang, "--dir", &number.to_string()]);
        assert_eq!(world.read(&format!("{number}/src/plugin.ts")), world.read("word-count/src/plugin.ts"));
    }
}

#[test]
fn no_placeholder_is_left() {
    for lang in ["rust", "python", "js"] {
        let world = World::empty();
        world.ok(["plugins", "new", "acme.word-count", "--lang", lang, "--dir", "plugin"]);
        let of_author = |file: &PathBuf| !file.starts_with(world.path().join("plugin/omega-plugin-sdk"));
        for file in files(&world.path().join("plugin")).into_iter().filter(of_author) {
            let bytes = fs::read(&file).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("{{plugin_id}}"), "{}", file.display());
            assert!(!String::from_utf8_lossy(&bytes).contains("{{crate_name}}"), "{}", file.display());
        }
        let manifest = world.read("plugin/PLUGIN_MANIFEST.json");
        assert!(manifest.contains("\"acme.word-count\""), "{manifest}");
    }
}

#[test]
fn what_is_there_is_left_alone() {
    let world = World::empty();
    world.file("word-count/notes.txt", "mine");
    snapshot!(world, world.omega(["plugins", "new", "word-count"]).whole());
    assert_eq!(files(world.path()).len(), 1);
    let file = world.omega(["plugins", "new", "other", "--dir", "word-count/notes.txt"]);
    assert_eq!(file.code, 2);
    assert_eq!(world.read("word-count/notes.txt"), "mine");
}

/// The commands that `plugins new` prints, in its order. The target folder is kept between runs: only the first one
/// compiles the SDK's dependencies.
#[test]
fn a_new_plugin_builds_tests_signs_and_runs() {
    let world = World::new();
    world.ok(["plugins", "new", "word-count"]);
    let folder = world.path().join("word-count");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scaffold");
    // The gate is one of its tests.
    let mut test = Command::new("cargo");
    test.arg("test").current_dir(&folder).env("CARGO_TARGET_DIR", &target);
    let test = test.env("OMEGA_BIN", env!("CARGO_BIN_EXE_omega")).output().unwrap();
    let said = String::from_utf8_lossy(&test.stdout);
    assert!(test.status.success(), "{said}{}", String::from_utf8_lossy(&test.stderr));
    assert!(said.contains("test tests::conforms ... ok"), "{said}");
    let build =
        world.command().args(["plugins", "build", "word-count"]).env("CARGO_TARGET_DIR", &target).output().unwrap();
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    world.ok(["plugins", "check", "word-count"]);
    world.ok(["plugins", "sign", "word-count"]);
    world.ok(["plugins", "install", "word-count", "--enable"]);
    let answer = world.json(["invoke", "word-count", "--text", "Hello OMEGA"]);
    assert_eq!(answer["status"], "ok", "{answer}");
    // The SDK's copy and cargo's results are no part of the package.
    let package = world.json(["plugins", "sign", "word-count"]);
    assert!(package["files"].as_u64().unwrap() < 40, "{package}");
}

/// Its own tests, its types and its schemas are checked by `cargo xtask sdk-python`, which brings pytest.
#[test]
fn a_new_python_plugin_is_a_package_as_it_stands() {
    let world = World::new();
    world.ok(["plugins", "new", "word-count", "--lang", "python"]);
    assert_eq!(world.ok(["plugins", "build", "word-count"]), "Nothing to build: word-count/plugin.py (971 B)\n");
    world.ok(["plugins", "check", "word-count"]);
    // What a test run leaves behind, and the SDK's copy, are no part of the package.
    world.file("word-count/__pycache__/plugin.cpython-311.pyc", "x");
    world.file("word-count/tests/__pycache__/conftest.cpython-311.pyc", "x");
    world.file("word-count/.pytest_cache/README.md", "x");
    let package = world.json(["plugins", "sign", "word-count"]);
    assert_eq!(package["files"].as_u64(), Some(9), "{package}");
    world.ok(["plugins", "install", "word-count"]);
}

#[test]
fn a_build_that_fails_is_a_clear_no() {
    let world = World::empty();
    world.package("examples/hello");
    world.file("hello/Cargo.toml", "[package]\nname = \"broken\"\n[workspace]\n");
    let ran = world.omega(["plugins", "build", "hello"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("error[build_failed]: cargo could not build the plugin."), "{}", ran.stderr);
}

/// That it builds what is there is shown by `cargo xtask sdk-js`, which brings Node.
#[test]
fn a_bundle_that_cannot_be_made_is_a_clear_no() {
    let world = World::empty();
    world.package("examples/hello");
    let build = |script: &str| {
        world.file("hello/package.json", format!(r#"{{"scripts": {{"build": "{script}"}}}}"#));
        fs::create_dir_all(world.path().join("hello/node_modules")).unwrap();
        world.omega(["plugins", "build", "hello"])
    };
    world.file("hello/package.json", r#"{"scripts": {}}"#);
    fs::create_dir_all(world.path().join("hello/node_modules")).unwrap();
    let none = world.omega(["plugins", "build", "hello"]);
    assert_eq!(none.code, 1, "{}", none.stderr);
    assert!(
        none.stderr.contains("error[build_failed]: The plugin's package.json has no build script."),
        "{}",
        none.stderr
    );
    let failed = build("node -e process.exit(1)");
    assert_eq!(failed.code, 1, "{}", failed.stderr);
    assert!(failed.stderr.contains("error[build_failed]: The plugin's build script failed."), "{}", failed.stderr);
    let idle = build("node --version");
    assert_eq!(idle.code, 1, "{}", idle.stderr);
    assert!(idle.stderr.contains("did not write the plugin's entry file."), "{}", idle.stderr);
    assert!(idle.stderr.contains("plugin.wasm"), "{}", idle.stderr);
    let made = build(r#"node -e \"require('fs').writeFileSync('plugin.wasm', 'new')\""#);
    assert_eq!((made.code, made.stdout.as_str()), (0, "Built: hello/plugin.wasm (3 B)\n"), "{}", made.stderr);
    // What is to be run before and after it is npm's to know.
    let scripts = r#"{"scripts": {"prebuild": "echo made > plugin.wasm", "build": "node --version"}}"#;
    world.file("hello/package.json", scripts);
    let made = world.omega(["plugins", "build", "hello"]);
    assert_eq!((made.code, made.stdout.as_str()), (0, "Built: hello/plugin.wasm (5 B)\n"), "{}", made.stderr);
}

#[test]
fn a_build_without_npm_says_where_to_get_it() {
    let world = World::empty();
    world.package("examples/hello");
    world.file("hello/package.json", "{}");
    let output = world.command().args(["plugins", "build", "hello"]).env("PATH", world.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("error[tool_missing]: `npm` cannot be started"), "{text}");
    assert!(text.contains("hint: Install Node.js 20 or newer"), "{text}");
}

#[test]
fn a_build_without_cargo_says_where_to_get_it() {
    let world = World::empty();
    world.package("examples/hello");
    world.file("hello/Cargo.toml", "[package]\nname = \"broken\"\n[workspace]\n");
    let output = world.command().args(["plugins", "build", "hello"]).env("PATH", world.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("error[tool_missing]: `rustc` cannot be started"), "{text}");
}

#[test]
fn a_plugin_without_a_build_needs_its_entry_file() {
    let world = World::empty();
    world.package("examples/hello");
    assert!(world.ok(["plugins", "build", "hello"]).starts_with("Nothing to build: "));
    fs::remove_file(world.path().join("hello/plugin.wasm")).unwrap();
    snapshot!(world, world.omega(["plugins", "build", "hello"]).whole());
}
