//! `omega plugins build`: runs the language's own build and puts the entry file where the manifest says.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use omega_gateway::contract::manifest::{MANIFEST_FILE, is_plain_path};
use omega_gateway::contract::{ErrorCode, limits};
use serde_json::{Value, json};

use crate::fault::{Code, Exit, Fault};
use crate::input;
use crate::new_file;
use crate::output::{Cell, Form, Output, Tone};
use crate::show;
use crate::verbs::plugins::bundle;

/// Build a plugin and put its entry file where the manifest says
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega plugins build ./word-count")]
pub(crate) struct Build {
    /// The plugin's folder
    dir: PathBuf,
}

/// What Rust plugins are built for: a component straight from rustc.
const TARGET: &str = "wasm32-wasip2";

impl Build {
    pub(super) fn run(self, output: &mut Output) -> Result<Exit, Fault> {
        let built = build(&self.dir)?;
        if output.form() == Form::Json {
            output.document(&json!({"entry_file": built.target, "bytes": built.bytes}))?;
            return Ok(Exit::Done);
        }
        let said = if is_compiled(&self.dir) { "Built:" } else { "Nothing to build:" };
        output.line([
            Cell::new(Tone::Good, said),
            Cell::plain(built.target.display().to_string()),
            Cell::faint(format!("({})", show::bytes(built.bytes))),
        ])?;
        Ok(Exit::Done)
    }
}

/// What a build made, or found.
pub(super) struct Built {
    target: PathBuf,
    bytes: u64,
}

/// Whether the entry file comes out of a build.
pub(super) fn is_compiled(folder: &Path) -> bool {
    is_crate(folder) || bundle::is_project(folder)
}

fn is_crate(folder: &Path) -> bool {
    folder.join("Cargo.toml").is_file()
}

/// Runs the language's own build.
pub(super) fn build(folder: &Path) -> Result<Built, Fault> {
    let target = folder.join(entry_file(folder)?);
    if is_crate(folder) {
        require_target(folder)?;
        let component = cargo_build(folder)?;
        put(&component, &target)?;
    } else if bundle::is_project(folder) {
        bundle::build(folder, &target)?;
    }
    match target.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(Built { target, bytes: metadata.len() }),
        _ => {
            let sentence = "The entry file is not there, and there is no Cargo.toml or package.json to build it from.";
            Err(Fault::own(Code::BuildFailed, sentence)
                .with("file", target.display())
                .hint("Put the file that the manifest's `entrypoint.file` names into the folder."))
        }
    }
}

/// The manifest's `entrypoint.file`. Only this is looked at: `omega plugins check` judges the rest.
pub(super) fn entry_file(folder: &Path) -> Result<String, Fault> {
    let manifest = folder.join(MANIFEST_FILE);
    let value: Value = input::read_json(&manifest, limits::MANIFEST_BYTES_MAX, ErrorCode::ManifestInvalid)?;
    let file = value.pointer("/entrypoint/file").and_then(Value::as_str).filter(|file| is_plain_path(file));
    file.map(ToOwned::to_owned).ok_or_else(|| {
        Fault::new(ErrorCode::ManifestInvalid)
            .with("file", manifest.display())
            .with("entrypoint.file", "must name a file inside the package")
    })
}

/// Refuses early, and clearly, where rustc has no standard library for the target.
fn require_target(folder: &Path) -> Result<(), Fault> {
    let probe = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| missing_tool("rustc", &error))?;
    let library = PathBuf::from(String::from_utf8_lossy(&probe.stdout).trim().to_owned());
    if probe.status.success() && library.is_dir() {
        return Ok(());
    }
    Err(Fault::own(Code::ToolMissing, format!("Rust is not set up to build for {TARGET}."))
        .hint(format!("Run `rustup target add {TARGET}`.")))
}

fn missing_tool(name: &str, error: &std::io::Error) -> Fault {
    cannot_start(name, error).hint("Install Rust from https://rustup.rs.")
}

/// That a tool of the plugin's language is not there.
pub(super) fn cannot_start(name: &str, error: &std::io::Error) -> Fault {
    Fault::own(Code::ToolMissing, format!("`{name}` cannot be started; building this plugin needs it.")).because(error)
}

/// Runs cargo and gives the component that it made. What cargo has to say goes to standard error.
fn cargo_build(folder: &Path) -> Result<PathBuf, Fault> {
    let mut cargo = Command::new("cargo")
        .args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"])
        .args(resolves_offline(folder).then_some("--offline"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| missing_tool("cargo", &error))?;
    let mut component = None;
    if let Some(messages) = cargo.stdout.take() {
        let own_manifest = folder.join("Cargo.toml").canonicalize().ok();
        for line in BufReader::new(messages).lines().map_while(Result::ok) {
            component = component_of(&line, own_manifest.as_deref()).or(component);
        }
    }
    let status = cargo.wait().map_err(|error| missing_tool("cargo", &error))?;
    if !status.success() {
        return Err(Fault::own(Code::BuildFailed, "cargo could not build the plugin.")
            .with("folder", folder.display())
            .hint("Mend what cargo says above, then build again."));
    }
    component.ok_or_else(|| {
        Fault::own(Code::BuildFailed, "cargo built no WebAssembly component in this folder.")
            .with("folder", folder.display())
            .hint("Give Cargo.toml a `[lib]` with `crate-type = [\"cdylib\"]`.")
    })
}

/// Whether everything that the plugin depends on is here already: then the build needs no network, not even to look
/// for newer versions.
fn resolves_offline(folder: &Path) -> bool {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--offline", "--format-version", "1"]).current_dir(folder);
    cargo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    cargo.status().is_ok_and(|status| status.success())
}

/// The `.wasm` of one of cargo's messages, where it is that of the plugin's own library.
fn component_of(message: &str, own_manifest: Option<&Path>) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
    let list = |pointer: &str| message.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let of_plugin = text("/manifest_path").map(Path::new) == own_manifest;
    let is_component = list("/target/kind").any(|kind| kind == "cdylib");
    if text("/reason") != Some("compiler-artifact") || !of_plugin || !is_component {
        return None;
    }
    list("/filenames")
        .filter_map(Value::as_str)
        .map(PathBuf::from)
        .find(|file| file.extension().is_some_and(|ending| ending == "wasm"))
}

/// Copies by rename, so that nobody sees half a component.
fn put(component: &Path, target: &Path) -> Result<(), Fault> {
    let bytes = fs::read(component).map_err(|error| Fault::file(component, &error))?;
    fs::create_dir_all(new_file::folder_of(target)).map_err(|error| Fault::file(target, &error))?;
    new_file::replace(target, &bytes)
}
