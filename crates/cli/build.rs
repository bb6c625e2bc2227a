//! Finds what the binary carries: the SDKs for `omega plugins new`, and the guests and texts for `omega demo`.
//!
//! The guests are WebAssembly components that `cargo xtask guests` builds. Where they are not there the binary builds
//! all the same, and `omega demo` says what to do.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Parts of the SDK that an author does not need: build results, the template, and what only this repository runs.
const LEFT_OUT_OF_SDK: [&str; 4] = ["target", "template", "tests", "examples"];

/// What an author needs of the Python SDK.
const PYTHON_SDK: [&str; 4] = ["README.md", "pyproject.toml", "requirements-component.txt", "src"];

/// What an author needs of the JavaScript SDK, which is handed out as TypeScript: every plugin is bundled.
const JS_SDK: [&str; 7] = ["README.md", "package.json", "globals.d.ts", "bin", "command", "src", "testing"];

/// Folders that only builds and test runs make.
const BUILD_RESULTS: [&str; 7] =
    ["target", "dist", "node_modules", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"];

/// The packages that `omega demo` plays with.
const DEMO_PACKAGES: [&str; 8] = [
    "examples/csv-profile",
    "examples/headline",
    "examples/hello",
    "examples/json-redact",
    "examples/slice-summary",
    "examples/text-stats",
    "hostile/spin",
    "hostile/trap",
];

/// Texts that `omega demo` reads where no file is named.
const DEMO_TEXTS: [&str; 2] = ["README.md", "LICENSE"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..").canonicalize()?;
    let mut source = String::new();
    write_list(&mut source, "SDK_FILES", &sdk(&root)?)?;
    write_list(&mut source, "TEMPLATE_FILES", &folder(&root.join("sdk/rust/template"))?)?;
    write_list(&mut source, "PYTHON_SDK_FILES", &some_of(&root.join("sdk/python"), &PYTHON_SDK)?)?;
    write_list(&mut source, "PYTHON_TEMPLATE_FILES", &folder(&root.join("sdk/python/template"))?)?;
    write_list(&mut source, "JS_SDK_FILES", &some_of(&root.join("sdk/js"), &JS_SDK)?)?;
    write_list(&mut source, "JS_TEMPLATE_FILES", &folder(&root.join("sdk/js/template"))?)?;
    write_list(&mut source, "DEMO_PACKAGES", &demo_packages(&root))?;
    write_list(&mut source, "DEMO_TEXTS", &demo_texts(&root))?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("embedded.rs"), source)?;
    Ok(())
}

/// Name in the binary, and the file it is.
type Entry = (String, PathBuf);

fn write_list(source: &mut String, name: &str, entries: &[Entry]) -> Result<(), Box<dyn Error>> {
    writeln!(source, "pub(crate) static {name}: &[(&str, &[u8])] = &[")?;
    for (name, file) in entries {
        println!("cargo::rerun-if-changed={}", file.display());
        writeln!(source, "    ({name:?}, include_bytes!({:?})),", file.display().to_string())?;
    }
    writeln!(source, "];")?;
    Ok(())
}

fn sdk(root: &Path) -> Result<Vec<Entry>, Box<dyn Error>> {
    let mut entries = folder(&root.join("sdk/rust"))?;
    entries.retain(|(name, _)| !name.split('/').any(|part| LEFT_OUT_OF_SDK.contains(&part)));
    Ok(entries)
}

/// The files and folders of these names.
fn some_of(top: &Path, names: &[&str]) -> Result<Vec<Entry>, Box<dyn Error>> {
    let mut entries = Vec::new();
    for name in names {
        let path = top.join(name);
        if path.is_dir() {
            entries.extend(folder(&path)?.into_iter().map(|(inner, file)| (format!("{name}/{inner}"), file)));
        } else {
            entries.push(((*name).to_owned(), path));
        }
    }
    Ok(entries)
}

/// Every file below a folder, by its path with `/`; none where there is no such folder.
fn folder(top: &Path) -> Result<Vec<Entry>, Box<dyn Error>> {
    let mut entries = Vec::new();
    let mut pending = vec![top.to_owned()];
    while let Some(folder) = pending.pop() {
        if !folder.is_dir() {
            continue;
        }
        // A new file changes its folder.
        println!("cargo::rerun-if-changed={}", folder.display());
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                if !BUILD_RESULTS.iter().any(|name| entry.file_name() == *name) {
                    pending.push(entry.path());
                }
            } else {
                let relative = entry.path().strip_prefix(top)?.to_string_lossy().replace('\\', "/");
                entries.push((relative, entry.path()));
            }
        }
    }
    entries.sort();
    Ok(entries)
}

/// The packages, all of them or none: a demonstration with a hole would mislead.
fn demo_packages(root: &Path) -> Vec<Entry> {
    println!("cargo::rerun-if-env-changed=OMEGA_GUEST_PACKAGES");
    let packages = env::var_os("OMEGA_GUEST_PACKAGES")
        .map_or_else(|| root.join("target/guests/packages"), |folder| root.join(folder));
    let entries: Vec<Entry> =
        DEMO_PACKAGES.iter().map(|name| ((*name).to_owned(), packages.join(format!("{name}.tar")))).collect();
    let missing = entries.iter().find(|(_, file)| !file.is_file());
    if let Some((_, file)) = missing {
        println!("cargo::rerun-if-changed={}", file.display());
        return Vec::new();
    }
    entries
}

fn demo_texts(root: &Path) -> Vec<Entry> {
    let entries = DEMO_TEXTS.iter().map(|name| ((*name).to_owned(), root.join(name)));
    entries.filter(|(_, file)| file.is_file()).collect()
}
