//! Building a JavaScript plugin: its own `build` script, which bundles it to the one file that the manifest names.
//!
//! What never happens here: a script of a dependency that is run because it was installed.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::SystemTime;

use serde_json::Value;

use super::build::cannot_start;
use crate::fault::{Code, Fault};

/// What says that a folder holds a JavaScript project.
const PROJECT_FILE: &str = "package.json";
/// What pins its dependencies, and marks the root of a workspace, in whose folder they are installed.
const LOCK_FILE: &str = "package-lock.json";
const INSTALLED: &str = "node_modules";

/// Whether the folder is a JavaScript project.
pub(super) fn is_project(folder: &Path) -> bool {
    folder.join(PROJECT_FILE).is_file()
}

/// Installs what the project needs, where nothing is installed yet, and runs its build.
///
/// # Errors
/// npm is not there, a script fails, or the build writes another file than the entry file.
pub(super) fn build(folder: &Path, entry: &Path) -> Result<(), Fault> {
    // The folder as it is: a relative one has no parents.
    let folder = &folder.canonicalize().map_err(|error| Fault::file(folder, &error))?;
    if !is_installed(folder) {
        let verb = if folder.join(LOCK_FILE).is_file() { "ci" } else { "install" };
        npm(
            folder,
            &[verb, "--no-audit", "--no-fund", "--ignore-scripts"],
            "npm could not install what the plugin needs.",
        )?;
    }
    let before = written_at(entry);
    run_build(folder)?;
    if written_at(entry).is_none() || written_at(entry) == before {
        return Err(Fault::own(Code::BuildFailed, "The build script did not write the plugin's entry file.")
            .with("file", entry.display())
            .hint("Let `build` in package.json write the file that the manifest's `entrypoint.file` names."));
    }
    Ok(())
}

/// Runs the project's `build` script as npm would, but for npm: it takes longer to start than a bundler to finish.
fn run_build(folder: &Path) -> Result<(), Fault> {
    const FAILURE: &str = "The plugin's build script failed.";
    let file = folder.join(PROJECT_FILE);
    let text = fs::read(&file).map_err(|error| Fault::file(&file, &error))?;
    let project: Value = serde_json::from_slice(&text).map_err(|error| {
        Fault::own(Code::BuildFailed, "The plugin's package.json is not JSON.")
            .with("file", file.display())
            .because(error)
    })?;
    let script = |name: &str| project.pointer(&format!("/scripts/{name}")).and_then(Value::as_str);
    let Some(build) = script("build") else {
        return Err(Fault::own(Code::BuildFailed, "The plugin's package.json has no build script.")
            .with("file", file.display())
            .hint("Give it one: `\"scripts\": {\"build\": \"esbuild src/plugin.ts --bundle --format=esm --outfile=plugin.js\"}`."));
    };
    if cfg!(not(unix)) || script("prebuild").or(script("postbuild")).is_some() {
        return npm(folder, &["run", "--silent", "build"], FAILURE);
    }
    // Where npm looks for programs: in the packages of the folder and of those above it.
    let installed = folder.ancestors().map(|ancestor| ancestor.join(INSTALLED).join(".bin"));
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(installed.chain(std::env::split_paths(&inherited))).unwrap_or(inherited);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(build).env("PATH", path).current_dir(folder);
    let status = status(shell).map_err(|error| cannot_start("sh", &error))?;
    succeeded(folder, status, FAILURE)
}

/// Whether packages are installed in the folder, or for it in the workspace that it is a part of.
fn is_installed(folder: &Path) -> bool {
    let workspace = folder.ancestors().find(|ancestor| ancestor.join(LOCK_FILE).is_file());
    [Some(folder), workspace].into_iter().flatten().any(|root| root.join(INSTALLED).is_dir())
}

fn written_at(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|metadata| metadata.modified()).ok()
}

/// What npm and the scripts have to say goes to standard error.
fn npm(folder: &Path, words: &[&str], failure: &'static str) -> Result<(), Fault> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut command = Command::new(program);
    command.args(words).current_dir(folder);
    let status = status(command).map_err(|error| {
        cannot_start(program, &error).hint("Install Node.js 20 or newer, which brings npm, from https://nodejs.org.")
    })?;
    succeeded(folder, status, failure)
}

fn status(mut command: Command) -> std::io::Result<ExitStatus> {
    command.stdin(Stdio::null()).stdout(std::io::stderr()).status()
}

fn succeeded(folder: &Path, status: ExitStatus, failure: &'static str) -> Result<(), Fault> {
    if status.success() {
        return Ok(());
    }
    Err(Fault::own(Code::BuildFailed, failure)
        .with("folder", folder.display())
        .hint("Mend what is said above, then build again."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_found_in_the_folder_and_in_its_workspace_but_not_anywhere_above() {
        let top = tempfile::tempdir().unwrap();
        let plugin = top.path().join("plugins/one");
        fs::create_dir_all(&plugin).unwrap();
        fs::create_dir(top.path().join(INSTALLED)).unwrap();
        assert!(!is_installed(&plugin), "somebody's packages, but no workspace");
        fs::write(top.path().join(LOCK_FILE), "{}").unwrap();
        assert!(is_installed(&plugin));
        fs::write(plugin.join(LOCK_FILE), "{}").unwrap();
        assert!(!is_installed(&plugin), "a project of its own");
        fs::create_dir(plugin.join(INSTALLED)).unwrap();
        assert!(is_installed(&plugin));
    }
}
