//! `xtask bench`: every bench of the workspace in release. The figures in docs/PERFORMANCE.md come from here.

use anyhow::{Result, bail};

use crate::places::Places;
use crate::{binary, components, guests, process};

/// Runs the benches named, or all of them, and shows their tables.
pub(crate) fn run(places: &Places, names: &[&str]) -> Result<()> {
    guests::build(places)?;
    components::build(places)?;
    let known = targets(places)?;
    if let Some(unknown) = names.iter().find(|name| !known.iter().any(|known| known == *name)) {
        bail!("no bench `{unknown}`; there are: {}", known.join(", "));
    }
    let chosen: Vec<&str> = if names.is_empty() { known.iter().map(String::as_str).collect() } else { names.to_vec() };
    process::run(select(process::cargo(places).args(["bench", "--locked", "--workspace"]), &chosen))
}

/// Runs every bench once, in the profile of the tests: does it still work? Its figures mean nothing.
///
/// A bench tells a measurement from such a run by the argument `--bench`, which `cargo bench` gives and `cargo test`
/// does not (criterion and divan keep to the same).
pub(crate) fn smoke(places: &Places) -> Result<()> {
    let known = targets(places)?;
    if known.is_empty() {
        bail!("there is no bench target in the workspace");
    }
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    process::run(select(process::cargo(places).args(["test", "--locked", "--workspace"]), &names))
}

fn select<'c>(command: &'c mut std::process::Command, names: &[&str]) -> &'c mut std::process::Command {
    for name in names {
        command.args(["--bench", name]);
    }
    command
}

/// The names of the workspace's bench targets.
fn targets(places: &Places) -> Result<Vec<String>> {
    let metadata = binary::metadata(places)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let targets = packages.flat_map(|package| package["targets"].as_array().into_iter().flatten());
    let benches = targets.filter(|target| target["kind"].as_array().into_iter().flatten().any(|kind| kind == "bench"));
    Ok(benches.filter_map(|target| target["name"].as_str().map(str::to_owned)).collect())
}
