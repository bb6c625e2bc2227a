//! `xtask clients`: the clients for hosts, in TypeScript and in Python, each with its own tests against a real server.
//!
//! Whoever works on a client types `npm ci && npm test` or `pytest` in its folder; here the same is done with what
//! `install-tools` brought. What never happens here: a test that is left out because something is not on the machine.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::places::Places;
use crate::{binary, guests, process, tools};

/// Builds the binary and runs both clients' tests with it.
pub(crate) fn run(places: &Places) -> Result<()> {
    tools::install(places)?;
    guests::build(places)?;
    let omega = binary::build(places)?;
    // One that fails does not keep the other from being heard.
    let outcomes = [typescript(places, &omega), python(places, &omega)];
    outcomes.into_iter().collect()
}

fn typescript(places: &Places, omega: &Path) -> Result<()> {
    let folder = places.root.join("sdk/ts-client");
    tools::install_node(places, &folder)?;
    let mut npm = process::program(places, "npm");
    process::run(npm.current_dir(&folder).args(["test"]).env("OMEGA_BIN", omega))
}

fn python(places: &Places, omega: &Path) -> Result<()> {
    let folder = places.root.join("sdk/python-client");
    let environment = places.tools().join("clients-python");
    tools::install_python(places, &environment, folder.join("requirements.txt"))?;
    let python = environment.join("bin/python");
    let in_folder = |words: &[&str]| -> Command {
        let mut command = process::program(places, &python.display().to_string());
        command.current_dir(&folder).args(words);
        // Nothing is left in the checkout but what was there.
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("OMEGA_BIN", omega);
        command
    };
    // As it is handed out: a wheel, without looking for anything elsewhere.
    let mut install =
        in_folder(&["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]);
    process::run(install.args(["--force-reinstall", "."]))?;
    let caches = environment.join("caches");
    process::run_each([
        in_folder(&["scripts/generate_types.py", "--check"]),
        cached(in_folder(&["-m", "ruff", "check", "."]), &caches),
        cached(in_folder(&["-m", "ruff", "format", "--check", "."]), &caches),
        cached(in_folder(&["-m", "mypy"]), &caches),
        in_folder(&["-m", "pytest", "--quiet"]),
    ])
}

/// The command with its caches outside the checkout.
fn cached(mut command: Command, caches: &Path) -> Command {
    command.env("RUFF_CACHE_DIR", caches.join("ruff")).env("MYPY_CACHE_DIR", caches.join("mypy"));
    command
}
