//! `xtask components`: the examples that hold an interpreter, compiled from their sources to components.
//!
//! Apart from the other guests: it takes some hundred megabytes of compilers and half a minute, and the first demonstration
//! needs none of it. What has not changed is not compiled again. What never happens here: a component from elsewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::package;
use crate::places::Places;
use crate::{process, tools};

/// Bytes of a component with an interpreter: Python's has 19 million, JavaScript's 12.
const COMPONENT_BYTES_MAX: usize = 24_000_000;

/// What an example is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Python,
    JavaScript,
}

impl Language {
    /// Of the package in this folder; none where no interpreter is compiled into it.
    fn of(source: &Path) -> Option<Self> {
        let is_there = |name: &str| source.join(name).is_file();
        let manifest = package::read_handed_out(source).ok()?;
        // A worker's entry file is its source, which is handed out as it is.
        if package::entry_file(&manifest).ok()? != "plugin.wasm" {
            return None;
        }
        match (is_there("plugin.py"), is_there("plugin.js")) {
            (true, false) => Some(Self::Python),
            (false, true) => Some(Self::JavaScript),
            _ => None,
        }
    }
}

/// Whether the package in this folder is made here.
pub(crate) fn is_one(source: &Path) -> bool {
    Language::of(source).is_some()
}

/// Compiles the examples, and runs the tests of the adapter that JavaScript's hold; Python's is tested with its SDK.
pub(crate) fn run(places: &Places) -> Result<()> {
    build(places)?;
    let mut npm = process::program(places, "npm");
    process::run(npm.current_dir(places.root.join("sdk/js/component")).arg("test"))
}

/// Compiles each example that holds an interpreter, and assembles its package beside those of the other examples.
pub(crate) fn build(places: &Places) -> Result<()> {
    let out = places.guest_packages().join("examples");
    for source in package::folders(&places.root.join("plugins/examples"))? {
        let Some(language) = Language::of(&source) else { continue };
        let name = source.file_name().and_then(|name| name.to_str()).context("a guest's folder has a plain name")?;
        let component = compile(places, &source, name, language)?;
        let mut files = package::read_handed_out(&source)?;
        let bytes = fs::read(&component)?;
        if bytes.len() > COMPONENT_BYTES_MAX {
            bail!("examples/{name}: the component has {} bytes, at most {COMPONENT_BYTES_MAX} are taken", bytes.len());
        }
        eprintln!("examples/{name}: a component of {} bytes", bytes.len());
        files.insert(package::entry_file(&files)?, bytes);
        package::write_folder(&out.join(name), &files)?;
        package::write_if_changed(&out.join(format!("{name}.tar")), &package::tar(&files)?)?;
    }
    Ok(())
}

/// The component of an example, compiled where something about it has changed.
fn compile(places: &Places, source: &Path, name: &str, language: Language) -> Result<PathBuf> {
    let folder = places.guests_target().join("components");
    let (component, marker) = (folder.join(format!("{name}.wasm")), folder.join(format!("{name}.made-from")));
    let inputs = inputs(places, source, language)?;
    if component.is_file() && tools::is_made_from(&marker, &inputs)? {
        return Ok(component);
    }
    fs::create_dir_all(&folder)?;
    process::run(compiler(places, language)?.arg(source).args(output_words(language)).arg(&component))?;
    tools::mark_made_from(&marker, &inputs)?;
    Ok(component)
}

/// Every file that the component is made from, its compiler's lock file among them.
fn inputs(places: &Places, source: &Path, language: Language) -> Result<Vec<PathBuf>> {
    let sdk = places.root.join("sdk");
    let (folders, plugin) = match language {
        Language::Python => (vec![sdk.join("python/src"), sdk.join("python/requirements-component.txt")], "plugin.py"),
        Language::JavaScript => {
            let parts = ["adapter.js", "build.mjs", "package-lock.json", "wit"];
            (parts.map(|part| sdk.join("js/component").join(part)).to_vec(), "plugin.js")
        }
    };
    let mut files = vec![source.join("PLUGIN_MANIFEST.json"), source.join(plugin)];
    let mut pending = folders;
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path)?.map(|entry| Ok(entry?.path()));
            pending.extend(entries.collect::<Result<Vec<_>>>()?);
        } else if path.extension().is_none_or(|extension| extension != "pyc") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What compiles a package's folder, as its author would call it.
fn compiler(places: &Places, language: Language) -> Result<Command> {
    match language {
        Language::Python => {
            let sdk = places.root.join("sdk/python");
            let environment = places.tools().join("componentize-python");
            tools::install_python(places, &environment, sdk.join("requirements-component.txt"))?;
            let mut python = process::program(places, &environment.join("bin/python").display().to_string());
            python.args(["-m", "omega_plugin", "component"]);
            python.env("PYTHONPATH", sdk.join("src")).env("PYTHONDONTWRITEBYTECODE", "1");
            Ok(python)
        }
        Language::JavaScript => {
            let folder = places.root.join("sdk/js/component");
            tools::install_node(places, &folder)?;
            let mut node = process::program(places, "node");
            node.arg(folder.join("build.mjs"));
            Ok(node)
        }
    }
}

fn output_words(language: Language) -> &'static [&'static str] {
    match language {
        Language::Python => &["--output"],
        Language::JavaScript => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_of_an_interpreter_is_known_by_its_entry_file_and_its_source() {
        let check = |entry: &str, sources: &[&str], expect: Option<Language>| {
            let folder = tempfile::tempdir().unwrap();
            let manifest = format!(r#"{{"entrypoint":{{"file":"{entry}"}}}}"#);
            fs::write(folder.path().join("PLUGIN_MANIFEST.json"), manifest).unwrap();
            sources.iter().for_each(|name| fs::write(folder.path().join(name), "").unwrap());
            assert_eq!(Language::of(folder.path()), expect, "{entry}, {sources:?}");
        };
        check("plugin.wasm", &["plugin.py"], Some(Language::Python));
        check("plugin.wasm", &["plugin.js"], Some(Language::JavaScript));
        check("plugin.wasm", &["Cargo.toml"], None);
        check("plugin.wasm", &["plugin.py", "plugin.js"], None);
        check("plugin.py", &["plugin.py"], None);
    }
}
