//! One plugin in three languages and both lanes: whoever calls it cannot tell which it is.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::world::World;

/// One build of `word-count`.
struct Build {
    name: &'static str,
    /// Its folder in `plugins/examples`.
    folder: &'static str,
    /// The source that stands in the package in place of the component, for a worker.
    source: Option<&'static str>,
}

const BUILDS: &[Build] = &[
    Build { name: "Rust, component", folder: "word-count", source: None },
    Build { name: "Python, component", folder: "word-count-python", source: None },
    #[cfg(target_os = "linux")]
    Build { name: "Python, worker", folder: "word-count-python", source: Some("plugin.py") },
    Build { name: "JavaScript, component", folder: "word-count-js", source: None },
    #[cfg(target_os = "linux")]
    Build { name: "JavaScript, worker", folder: "word-count-js", source: Some("plugin.js") },
];

/// Texts whose words, lengths and order are not the same to every standard library.
const TEXTS: [&str; 8] = [
    "the cat and the dog and the bird",
    "a",
    " \n\t\u{3000}",
    "no\u{a0}break em\u{2003}space next\u{85}line zero\u{200b}width mark\u{feff}order unit\u{1f}separator",
    "𝒳𝒴𝒵 東京都庁 Straße naïve e\u{301}e\u{301} 👩‍👩‍👧 😀😀😀",
    "b a b a c d e f g c",
    "__proto__ constructor toString __proto__ hasOwnProperty \" \\ \u{7f}\u{1b}",
    "1 1.0 -0 NaN Infinity 1e999 null true 9007199254740993",
];

/// A home in which this build takes calls.
fn world_of(build: &Build) -> World {
    let world = World::new();
    let package = world.package(&format!("examples/{}", build.folder));
    if let Some(source) = build.source {
        as_worker(&package, build.folder, source);
    }
    let package = package.to_str().unwrap();
    world.ok(["plugins", "sign", package]);
    // One process: an interpreter's component takes seconds to be made ready in this build.
    world.stop_serving();
    world.serve();
    world.ok(["plugins", "install", package, "--enable"]);
    world
}

/// The package with the source that its component was made of, and without the component.
fn as_worker(package: &Path, folder: &str, source: &str) {
    let manifest = package.join("PLUGIN_MANIFEST.json");
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains("\"plugin.wasm\""));
    fs::write(&manifest, text.replace("\"plugin.wasm\"", &format!("{source:?}"))).unwrap();
    fs::remove_file(package.join("plugin.wasm")).unwrap();
    let sources = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../plugins/examples");
    fs::copy(sources.join(folder).join(source), package.join(source)).unwrap();
}

/// What a caller sees of an answer, and what the evidence holds of it.
fn answers(world: &World) -> Vec<Value> {
    let long =
        "Call me Ishmael. Some years ago, never mind how long precisely, having little or no money. ".repeat(500);
    let texts = TEXTS.iter().copied().chain([long.as_str()]);
    let answer = |text: &str| {
        let answer = world.json(["invoke", "word-count", "--text", text]);
        let hashes = &answer["evidence_hashes"];
        json!([answer["status"], answer["reason"], answer["result"], hashes["input_hash"], hashes["output_hash"]])
    };
    texts.map(answer).collect()
}

#[test]
fn the_same_text_gives_the_same_bytes_in_every_language_and_lane() {
    let mut first: Option<Vec<Value>> = None;
    for build in BUILDS {
        let world = world_of(build);
        let given = answers(&world);
        let statuses: Vec<&Value> = given.iter().map(|answer| &answer[0]).collect();
        assert_eq!(statuses.iter().filter(|status| **status == "ok").count(), TEXTS.len(), "{}: {given:?}", build.name);
        assert_eq!(*statuses[2], "rejected", "{}", build.name);
        // From the start, whatever is left of the call before, and of the process.
        assert_eq!(answers(&world)[..2], given[..2], "{}", build.name);
        assert_eq!(&given, first.get_or_insert_with(|| given.clone()), "{}", build.name);
    }
}
