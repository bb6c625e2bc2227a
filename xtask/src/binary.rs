//! The `omega` binary, built for development. Never a release build.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::places::Places;
use crate::process;

/// Builds `omega` and says where it is.
///
/// Cargo gives a dependency the features that the chosen packages and kinds of targets ask for together. So the whole
/// workspace is chosen, and one small test (`tests/usage.rs`) beside the binary: wasmtime then has the features that it has
/// under test, and is compiled once for `demo`, `test` and a bare `cargo test --workspace`, not twice.
pub(crate) fn build(places: &Places) -> Result<PathBuf> {
    let chosen = ["build", "--locked", "--workspace", "--bin", "omega", "--test", "usage"];
    process::run(process::cargo(places).args(chosen))?;
    let target = target_directory(places)?;
    Ok(target.join("debug").join(format!("omega{}", std::env::consts::EXE_SUFFIX)))
}

/// The workspace's target folder, wherever the environment puts it.
pub(crate) fn target_directory(places: &Places) -> Result<PathBuf> {
    let metadata = metadata(places)?;
    metadata["target_directory"].as_str().map(PathBuf::from).context("cargo metadata names no target folder")
}

/// `cargo metadata` of the workspace, its own packages only.
pub(crate) fn metadata(places: &Places) -> Result<Value> {
    let mut command = process::cargo(places);
    command.args(["metadata", "--format-version", "1", "--no-deps"]);
    Ok(serde_json::from_str(&process::capture(&mut command)?)?)
}
