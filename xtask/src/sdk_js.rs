//! `xtask sdk-js`: the JavaScript SDK, the scaffold, and the examples in JavaScript and TypeScript.
//!
//! Whoever works on them types `npm ci`, then `npm run lint` and `npm test --workspaces` in the root of the checkout; here the same is done with
//! what `install-tools` brought. What never happens here: a test that is left out because something is not on the machine.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::places::Places;
use crate::{binary, process, tools};

/// Whether a folder holds a project of npm, which its own scripts build.
pub(crate) fn is_project(folder: &Path) -> bool {
    folder.join("package.json").is_file()
}

/// Builds the binary and runs the SDK's, the scaffold's and the examples' tests.
pub(crate) fn run(places: &Places) -> Result<()> {
    tools::install_wasm_target(places)?;
    let omega = binary::build(places)?;
    tools::install_node(places, &places.root)?;
    // The scaffolds of other languages are built, too, to compare what they answer.
    let scaffold = binary::target_directory(places)?.join("tmp/scaffold");
    let npm = |words: &[&str]| -> Command {
        let mut command = process::program(places, "npm");
        command.args(words).env("OMEGA_BIN", &omega).env("CARGO_TARGET_DIR", &scaffold);
        command
    };
    process::run_each([
        npm(&["run", "lint"]),
        npm(&["test", "--workspaces"]),
        npm(&["run", "test:gateway", "--workspaces"]),
    ])
}
