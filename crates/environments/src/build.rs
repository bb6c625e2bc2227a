//! Building an environment: in a folder that nobody uses, by an installer that is bounded, and then read as a stranger's.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fault::{EnvironmentFault, io_error};
use crate::installer::{Installer, explain};
use crate::interpreter::Interpreter;
use crate::inventory::Inventory;
use crate::process::{Bounds, Cancel, run, watched};
use crate::store::{Built, EnvironmentStore, is_folder};

/// How long a build may take.
pub const BUILD_TIME_MAX: Duration = Duration::from_secs(20 * 60);
/// Bytes that a build may have on disk at once: downloads, what is unpacked, and the environment.
pub const SCRATCH_BYTES_MAX: u64 = 6 * 1024 * 1024 * 1024;
/// Programs for people, which no worker can start. They name the interpreter that built them.
const SCRIPTS: &str = "bin";
/// Where a worker finds its environment.
const WORKER_FOLDER: &str = "/env";
/// Run by an interpreter as it starts, wherever they are found.
const RUN_AT_START: [&str; 2] = ["sitecustomize", "usercustomize"];

/// What is to be built.
#[derive(Debug)]
pub struct BuildOrder<'a> {
    /// In pip's format, every requirement with one version and hashes: written by us, never a package's own file.
    pub requirements: &'a str,
    /// How many those are.
    pub requirements_count: usize,
    /// For whom.
    pub interpreter: &'a Interpreter,
    /// By what.
    pub installer: &'a Installer,
    /// Where packages come from.
    pub sources: &'a Sources,
    /// Whether source releases may run their own code, with this process's rights.
    pub allow_build: bool,
}

/// Where packages come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// The package index; none: the one that the machine's configuration names, else PyPI.
    pub index_url: Option<String>,
}

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildProgress {
    /// Requirements that were looked up.
    pub requirements_found: u64,
    /// Of so many, where that is known.
    pub requirements: u64,
}

/// Builds an environment in a folder of the store that nothing refers to. Blocking, for minutes; ends soon after `cancel`.
///
/// # Errors
/// [`EnvironmentFault`]; nothing is left then.
pub fn build(
    store: &EnvironmentStore,
    order: &BuildOrder<'_>,
    cancel: &Cancel,
    mut hear: impl FnMut(BuildProgress),
) -> Result<Built, EnvironmentFault> {
    let scratch = store.scratch()?;
    let modules = scratch.path().join("modules");
    for folder in ["modules", "home", "temporary"] {
        fs::create_dir(scratch.path().join(folder)).map_err(io_error("make a folder to build in"))?;
    }
    let mut requirements = order.requirements.to_owned();
    if let Some(index_url) = &order.sources.index_url {
        // In the file, because everybody can read a command line. At its end: the lines keep their numbers.
        requirements.push_str("--index-url ");
        requirements.push_str(index_url);
        requirements.push('\n');
    }
    fs::write(scratch.path().join("requirements.txt"), requirements).map_err(io_error("write what is to be built"))?;

    let of = order.requirements_count as u64;
    let mut progress = BuildProgress { requirements_found: 0, requirements: of };
    hear(progress);
    let command = order.installer.command(order.interpreter, scratch.path(), order.allow_build);
    let mut command = watched(&order.interpreter.path, &command);
    let bounds = Bounds { time_max: BUILD_TIME_MAX, disk: Some((scratch.path(), SCRATCH_BYTES_MAX)), cancel };
    let ended = run(&mut command, &bounds, |line| {
        if line.starts_with("Collecting ") && progress.requirements_found < of {
            progress.requirements_found += 1;
            hear(progress);
        }
    })?;
    if !ended.status.success() {
        let lines: Vec<String> = ended.lines.into();
        let why = explain(&lines, order.interpreter, scratch.path(), order.allow_build);
        return Err(EnvironmentFault::Unbuildable(why));
    }
    tidy(&modules)?;
    compile(order.interpreter, scratch.path(), &bounds)?;
    let inventory = Inventory::of(&modules)?;
    if cancel.is_cancelled() {
        return Err(EnvironmentFault::Cancelled);
    }
    Built::new(scratch, modules, inventory)
}

/// Compiles the modules to bytecode, which no worker could keep: each would compile anew what it imports, for three times
/// the processor's time of an import. Nothing of them is run. The bytecode belongs to the environment like any file, so
/// that it is not compared with its source when it is loaded. What cannot be compiled stays as it is.
fn compile(interpreter: &Interpreter, scratch: &Path, bounds: &Bounds<'_>) -> Result<(), EnvironmentFault> {
    let mut command = Command::new(&interpreter.path);
    command.args(["-I", "-S", "-m", "compileall", "-qq", "-f", "-j", "0", "--invalidation-mode", "unchecked-hash"]);
    // Tracebacks name the files where a worker finds them, and not where they were built.
    command.args(["-s", "modules", "-p", WORKER_FOLDER, "modules"]);
    command.env_clear().env("LANG", "C.UTF-8").env("TMPDIR", scratch.join("temporary")).current_dir(scratch);
    run(&mut watched(&interpreter.path, &command), bounds, |_| ()).map(drop)
}

/// Takes out what no worker uses, and refuses what would run by itself.
fn tidy(modules: &Path) -> Result<(), EnvironmentFault> {
    let scripts = modules.join(SCRIPTS);
    if is_folder(&scripts) {
        fs::remove_dir_all(&scripts).map_err(io_error("remove the scripts of an environment"))?;
    }
    for entry in fs::read_dir(modules).map_err(io_error("read the environment"))? {
        let name = entry.map_err(io_error("read the environment"))?.file_name();
        let name = name.to_string_lossy();
        let stem = name.split('.').next().unwrap_or_default();
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        if ending.as_deref() == Some("pth") || RUN_AT_START.contains(&stem) {
            let what = format!("a dependency brings {name:.100}, whose code an interpreter runs as it starts");
            return Err(EnvironmentFault::Unbuildable(what));
        }
    }
    remove_empty(modules)?;
    Ok(())
}

/// Removes folders that hold no file; gives whether anything is left.
fn remove_empty(folder: &Path) -> Result<bool, EnvironmentFault> {
    let mut holds_something = false;
    for entry in fs::read_dir(folder).map_err(io_error("read the environment"))? {
        let path = entry.map_err(io_error("read the environment"))?.path();
        if is_folder(&path) && !remove_empty(&path)? {
            fs::remove_dir(&path).map_err(io_error("remove an empty folder"))?;
        } else {
            holds_something = true;
        }
    }
    Ok(holds_something)
}
