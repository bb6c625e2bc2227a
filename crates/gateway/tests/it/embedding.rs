//! The README's embedding example is this repository's own: compiled, run, and shown as it is.

#[path = "../../examples/embed.rs"]
#[allow(dead_code, reason = "its `main` is the example's")]
mod example;

use std::path::Path;

#[tokio::test(flavor = "multi_thread")]
async fn the_example_runs() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let package = root.join("target/guests/packages/examples/text-stats");
    assert!(package.is_dir(), "run `cargo xtask guests` first");
    let report = example::embed(&folder.path().join("home"), &package, "three little words").await.unwrap();
    assert!(report.contains("\"words\":3"), "{report}");
}

#[test]
fn the_readme_shows_it_as_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let code = include_str!("../../examples/embed.rs");
    assert!(readme.contains(code), "copy crates/gateway/examples/embed.rs into README.md");
}
