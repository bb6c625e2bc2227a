//! `xtask guests`: builds the guests and puts each package together as its author would hand it out.
//!
//! Cargo decides what must be built anew; a second run writes only what changed. Nothing is signed here. Plugins in JavaScript are left to
//! `xtask sdk-js`: nothing else needs Node.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::package::{self, Files};
use crate::places::Places;
use crate::{components, process, sdk_js, tools};

/// The target of the guests (tier 2, wasm components straight from rustc).
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// Bytes of an example's component (issue 2: "a component under 150 kB").
const EXAMPLE_COMPONENT_BYTES_MAX: usize = 149_999;

/// The folders of `plugins/` that hold packages.
const KINDS: [&str; 2] = ["examples", "hostile"];

/// Builds every guest and assembles its package under `target/guests/packages`.
pub(crate) fn build(places: &Places) -> Result<()> {
    tools::install_wasm_target(places)?;
    process::run(
        process::cargo(places)
            // Cargo reads `.cargo/config.toml` from here: the guests' has the linker arguments for a small memory.
            .current_dir(places.root.join("plugins"))
            .args(["build", "--release", "--locked", "--target", TARGET])
            .arg("--manifest-path")
            .arg(places.guests_manifest())
            .arg("--target-dir")
            .arg(places.guests_target()),
    )?;
    let components = components(places)?;
    let mut failures = Vec::new();
    for kind in KINDS {
        assemble_kind(places, kind, &components, &mut failures)?;
    }
    if failures.is_empty() { Ok(()) } else { bail!("guests:\n  {}", failures.join("\n  ")) }
}

/// Which file cargo built for which package folder.
fn components(places: &Places) -> Result<BTreeMap<PathBuf, PathBuf>> {
    let mut command = process::cargo(places);
    command.args(["metadata", "--format-version", "1", "--no-deps", "--manifest-path"]).arg(places.guests_manifest());
    let metadata: Value = serde_json::from_str(&process::capture(&mut command)?)?;
    Ok(components_of(&metadata, &places.guests_target().join(TARGET).join("release")))
}

fn components_of(metadata: &Value, built: &Path) -> BTreeMap<PathBuf, PathBuf> {
    let mut found = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let folder = package["manifest_path"].as_str().map(Path::new).and_then(Path::parent);
        let library = package["targets"].as_array().into_iter().flatten().find(|target| is_cdylib(target));
        if let (Some(folder), Some(name)) = (folder, library.and_then(|target| target["name"].as_str())) {
            found.insert(folder.to_path_buf(), built.join(format!("{}.wasm", name.replace('-', "_"))));
        }
    }
    found
}

fn is_cdylib(target: &Value) -> bool {
    target["crate_types"].as_array().into_iter().flatten().any(|kind| kind == "cdylib")
}

fn assemble_kind(
    places: &Places,
    kind: &str,
    components: &BTreeMap<PathBuf, PathBuf>,
    failures: &mut Vec<String>,
) -> Result<()> {
    let out = places.guest_packages().join(kind);
    fs::create_dir_all(&out)?;
    let (mut kept, mut sizes) = (Vec::new(), Vec::new());
    let sources = package::folders(&places.root.join("plugins").join(kind))?;
    for source in sources.into_iter().filter(|source| !sdk_js::is_project(source)) {
        let name = source.file_name().and_then(|name| name.to_str()).context("a guest's folder has a plain name")?;
        if components::is_one(&source) {
            kept.push(name.to_owned());
            continue;
        }
        match assemble(&source, components.get(&source)) {
            Ok((files, component_bytes)) => {
                if is_too_large(kind, component_bytes) {
                    failures.push(format!(
                        "{kind}/{name}: the component has {component_bytes} bytes, of which at most \
                         {EXAMPLE_COMPONENT_BYTES_MAX} are taken"
                    ));
                }
                package::write_folder(&out.join(name), &files)?;
                package::write_if_changed(&out.join(format!("{name}.tar")), &package::tar(&files)?)?;
                sizes.push((component_bytes, name.to_owned()));
            }
            Err(error) => failures.push(format!("{kind}/{name}: {error:#}")),
        }
        kept.push(name.to_owned());
    }
    if let Some((bytes, name)) = sizes.iter().max() {
        eprintln!("{} packages in {}; the largest component is {name}'s: {bytes} bytes", sizes.len(), out.display());
    }
    package::remove_others(&out, &kept)
}

fn is_too_large(kind: &str, component_bytes: usize) -> bool {
    kind == "examples" && component_bytes > EXAMPLE_COMPONENT_BYTES_MAX
}

/// The files of one package, and how many bytes its entry file has.
fn assemble(source: &Path, component: Option<&PathBuf>) -> Result<(Files, usize)> {
    let mut files = package::read_handed_out(source)?;
    let entry = package::entry_file(&files)?;
    if let Some(component) = component {
        let bytes = fs::read(component).with_context(|| format!("{} was not built", component.display()))?;
        files.insert(entry.clone(), bytes);
    } else {
        let bytes = fs::read(source.join(&entry)).with_context(|| format!("{entry}: neither built nor there"))?;
        files.insert(entry.clone(), bytes);
    }
    let bytes = files.get(&entry).map_or(0, Vec::len);
    Ok((files, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_stay_small_and_attacks_may_be_large() {
        assert!(!is_too_large("examples", EXAMPLE_COMPONENT_BYTES_MAX));
        assert!(is_too_large("examples", EXAMPLE_COMPONENT_BYTES_MAX + 1));
        assert!(!is_too_large("hostile", EXAMPLE_COMPONENT_BYTES_MAX + 1));
    }

    #[test]
    fn a_package_folder_is_matched_with_what_cargo_builds_of_it() {
        let metadata = serde_json::json!({"packages": [
            {"manifest_path": "/r/plugins/examples/text-stats/Cargo.toml", "targets": [
                {"name": "text-stats", "crate_types": ["cdylib", "rlib"]},
                {"name": "report", "crate_types": ["bin"]}
            ]},
            {"manifest_path": "/r/plugins/examples/words/Cargo.toml", "targets": [{"name": "words", "crate_types": ["lib"]}]}
        ]});
        let found = components_of(&metadata, Path::new("/built"));
        let expect = (PathBuf::from("/r/plugins/examples/text-stats"), PathBuf::from("/built/text_stats.wasm"));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [expect]);
    }

    #[test]
    fn the_built_component_comes_before_one_that_lies_about() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path();
        fs::write(source.join("PLUGIN_MANIFEST.json"), r#"{"entrypoint":{"file":"plugin.wasm"}}"#).unwrap();
        assert!(assemble(source, None).is_err(), "neither built nor there");
        fs::write(source.join("plugin.wasm"), "old").unwrap();
        assert_eq!(assemble(source, None).unwrap().0["plugin.wasm"], b"old");
        let built = source.join("built.wasm");
        assert!(assemble(source, Some(&built)).is_err(), "was to be built and is not there");
        fs::write(&built, "newer").unwrap();
        let (files, component_bytes) = assemble(source, Some(&built)).unwrap();
        assert_eq!((files["plugin.wasm"].as_slice(), component_bytes), (b"newer".as_slice(), 5));
    }
}
