//! `xtask sdk-python`: the Python SDK with its loop for workers, the scaffold, and the Python examples.
//!
//! Whoever works on the SDK types `pytest`, `mypy` and `ruff check .` in its folder; here the same is done with what
//! `install-tools` brought. What never happens here: a test that is left out because something is not on the machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::places::Places;
use crate::{binary, package, process, tools};

/// Builds the binary and runs the SDK's and the examples' tests.
pub(crate) fn run(places: &Places) -> Result<()> {
    let omega = binary::build(places)?;
    let folder = places.root.join("sdk/python");
    let environment = places.tools().join("sdk-python");
    tools::install_python(places, &environment, folder.join("requirements.txt"))?;
    let tool = Tool { places, environment, omega };
    // It can be handed out: a wheel, made without looking for anything elsewhere.
    let mut wheel = tool.python(&folder, &["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]);
    wheel.args(["--no-index", ".", "--wheel-dir"]).arg(tool.environment.join("wheels"));
    let mut commands = vec![
        wheel,
        tool.python(&folder, &["-m", "ruff", "check", "."]),
        tool.python(&folder, &["-m", "ruff", "format", "--check", "."]),
        tool.python(&folder, &["-m", "mypy"]),
        tool.python(&folder, &["-m", "pytest", "--quiet"]),
    ];
    let settings = folder.join("pyproject.toml").display().to_string();
    for example in python_examples(places)? {
        commands.push(tool.python(&example, &["-m", "ruff", "check", "--config", &settings, "."]));
        commands.push(tool.python(&example, &["-m", "ruff", "format", "--check", "--config", &settings, "."]));
        let tool = tool.with_dependencies_of(&example, &folder)?;
        let mut types = tool.python(&example, &["-m", "mypy", "--strict", "plugin.py", "tests"]);
        // What an example depends on may be untyped; its own code is not. The SDK is that of this checkout.
        types.args(["--disable-error-code", "import-untyped"]).env("MYPYPATH", folder.join("src"));
        commands.push(types);
        commands.push(tool.python(&example, &["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]));
    }
    process::run_each(commands)
}

/// The examples that are written in Python.
fn python_examples(places: &Places) -> Result<Vec<PathBuf>> {
    let folders = package::folders(&places.root.join("plugins/examples"))?;
    Ok(folders.into_iter().filter(|folder| folder.join("plugin.py").is_file()).collect())
}

/// Python as `install-tools` brought it.
struct Tool<'a> {
    places: &'a Places,
    environment: PathBuf,
    omega: PathBuf,
}

impl Tool<'_> {
    /// With what an example depends on beside the tools; an environment of its own, so that no other code comes to need it.
    fn with_dependencies_of(&self, example: &Path, sdk: &Path) -> Result<Self> {
        let requirements = example.join("requirements.txt");
        let mut environment = self.environment.clone();
        if requirements.is_file() {
            let name = example.file_name().context("an example's folder has a name")?;
            environment = self.places.tools().join("python-examples").join(name);
            tools::install_python_of(self.places, &environment, &[sdk.join("requirements.txt"), requirements])?;
        }
        Ok(Self { places: self.places, environment, omega: self.omega.clone() })
    }

    /// Nothing is left in the checkout but what was there.
    fn python(&self, folder: &Path, words: &[&str]) -> Command {
        let python = self.environment.join("bin/python");
        let mut command = process::program(self.places, &python.display().to_string());
        command.current_dir(folder).args(words);
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("OMEGA_BIN", &self.omega);
        let caches = self.environment.join("caches");
        command.env("RUFF_CACHE_DIR", caches.join("ruff")).env("MYPY_CACHE_DIR", caches.join("mypy"));
        command
    }
}
