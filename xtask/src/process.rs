//! Starting other programs. Each is echoed, none is given an input, and a failure carries the command line.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::places::Places;

/// A `cargo` in the root of the checkout.
pub(crate) fn cargo(places: &Places) -> Command {
    let mut command = program(places, "cargo");
    // What `cargo run` told xtask about itself would look like a changed environment to the build scripts below.
    for (key, _) in std::env::vars_os() {
        let of_this_run = key.to_str().is_some_and(|key| {
            key.starts_with("CARGO_PKG_")
                || matches!(key, "CARGO" | "CARGO_MANIFEST_DIR" | "CARGO_MANIFEST_PATH" | "CARGO_PRIMARY_PACKAGE")
        });
        if of_this_run {
            command.env_remove(key);
        }
    }
    command
}

/// A program in the root of the checkout, looked for in `target/tools/bin` too, and Node in `target/tools/node` first.
pub(crate) fn program(places: &Places, name: &str) -> Command {
    let mut command = Command::new(name);
    command
        .current_dir(&places.root)
        .stdin(Stdio::null())
        .env("PATH", search_path(&[places.node_bin().as_path()], &[places.tools_bin().as_path()]));
    command
}

/// `PATH` with folders put before and after what it holds.
pub(crate) fn search_path(before: &[&Path], after: &[&Path]) -> OsString {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let folders = before
        .iter()
        .map(|path| path.to_path_buf())
        .chain(std::env::split_paths(&inherited))
        .chain(after.iter().map(|path| path.to_path_buf()));
    std::env::join_paths(folders).unwrap_or(inherited)
}

/// Runs to the end, output shown.
///
/// # Errors
/// Where it cannot start or does not exit with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = command_line(command);
    eprintln!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs each to the end, also after one that failed.
///
/// # Errors
/// Names every one that failed.
pub(crate) fn run_each(commands: impl IntoIterator<Item = Command>) -> Result<()> {
    let outcomes = commands.into_iter().map(|mut command| run(&mut command));
    let failures: Vec<String> = outcomes.filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("; ")) }
}

/// Runs to the end, quietly, and gives what it wrote to stdout.
///
/// # Errors
/// As [`run`]; the message carries what the program wrote to stderr.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let line = command_line(command);
    let output = command.output().with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` did not write UTF-8"))
}

/// True where the program is there and says that all is well.
pub(crate) fn answers(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
