//! The `omega` binary, built for development. Never a release build.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::places::Places;
use crate::process;

/// Builds `omega` and says where it is.
///
/// The whole workspace is selected, so that the dependencies get the same features as in the tests and are built once.
pub(crate) fn build(places: &Places) -> Result<PathBuf> {
    process::run(process::cargo(places).args(["build", "--locked", "--workspace", "--bin", "omega"]))?;
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
