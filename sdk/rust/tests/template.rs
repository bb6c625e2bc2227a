//! The template that `omega plugins new` fills in: its two placeholders, and that what comes out is what a package needs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use omega_plugin::testing::Request;
use serde_json::Value;

fn template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("template")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the template's folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn filled(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a text file");
    text.replace("{{plugin_id}}", "word.counter-1").replace("{{crate_name}}", "word-counter-1")
}

#[test]
fn has_no_other_placeholder() {
    let files = files(&template());
    assert!(files.len() >= 9, "{files:?}");
    for path in files {
        let text = filled(&path);
        assert!(!text.contains("{{") && !text.contains("}}"), "{}", path.display());
    }
}

#[test]
fn names_the_plugin_everywhere_alike() {
    let manifest: Value = serde_json::from_str(&filled(&template().join("PLUGIN_MANIFEST.json"))).expect("JSON");
    assert_eq!(manifest["plugin_id"], "word.counter-1");
    for (list, direction) in [("inputs", "input"), ("outputs", "output")] {
        let schema_ref = manifest["io"][list][0]["schema_ref"].as_str().expect("a schema_ref");
        let parts: Vec<&str> = schema_ref.split(':').collect();
        let ["omega", "word.counter-1", found, name, "v1.0.0"] = parts.as_slice() else { panic!("{schema_ref}") };
        assert_eq!(*found, direction);
        let schema = filled(&template().join(format!("schemas/{list}/{name}.schema.json")));
        let schema: Value = serde_json::from_str(&schema).expect("JSON");
        if list == "outputs" {
            assert_eq!(schema["properties"]["schema_ref"]["const"], schema_ref);
            assert!(filled(&template().join("src/lib.rs")).contains(&format!("\"{schema_ref}\"")));
        }
    }
}

#[test]
fn its_examples_are_requests() {
    for path in files(&template().join("examples")) {
        Request::from_json(&filled(&path));
    }
}
