//! `xtask interop`: programs that share no code with ours recompute the hashes of a real ledger, and check a proof from it.
//!
//! Node (`fast-json-stable-stringify`) and Python (`rfc8785`), each with its own SHA-256. They must agree on every line of
//! a ledger that the demo wrote, and must object to the same ledger with one byte changed: a check that cannot say no is none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::places::Places;
use crate::{binary, guests, process, tools};

mod proof;

/// Runs the demo in a home that is kept for a moment, then both checks on its ledger, sound and damaged.
pub(crate) fn run(places: &Places) -> Result<()> {
    tools::install(places)?;
    guests::build(places)?;
    let omega = binary::build(places)?;
    let work = tempfile::tempdir()?;
    let home = work.path().join("home");
    fs::create_dir(&home)?;
    process::run(Command::new(&omega).current_dir(&places.root).arg("demo").arg("--home").arg(&home))?;

    let segments = segments(&home.join("ledger"))?;
    let damaged = damage(&segments, work.path())?;
    for check in [node(places), python(places)] {
        let on = |ledger: &[PathBuf]| {
            let mut command = process::program(places, &check[0]);
            command.args(&check[1..]).args(ledger);
            command
        };
        process::run(&mut on(&segments))?;
        let verdict = on(&damaged).output()?;
        let printed = String::from_utf8_lossy(&verdict.stdout);
        // Not just any failure: it ran to its end and named the line.
        if verdict.status.code() != Some(1) || !printed.contains("event_hash is ") {
            bail!("`{}` did not notice a changed letter ({}): {printed}", check.join(" "), verdict.status);
        }
    }
    proof::run(places, &omega, &home, &segments, work.path())
}

fn node(places: &Places) -> Vec<String> {
    let script = places.root.join("tests/interop/check_ledger.mjs");
    let modules = tools::node_folder(places);
    vec!["node".to_owned(), script.display().to_string(), modules.display().to_string()]
}

fn python(places: &Places) -> Vec<String> {
    let python = tools::python_folder(places).join("bin/python");
    let script = places.root.join("tests/interop/check_ledger.py");
    vec![python.display().to_string(), script.display().to_string()]
}

/// The ledger's segments in order; their names are numbers of one width (spec page 3, "Files in the home").
fn segments(ledger: &Path) -> Result<Vec<PathBuf>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(ledger).with_context(|| format!("the demo left no {}", ledger.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "ndjson") {
            segments.push(path);
        }
    }
    segments.sort();
    if segments.is_empty() {
        bail!("the demo left no ledger segment in {}", ledger.display());
    }
    Ok(segments)
}

/// A copy of the segments in which one letter of one value in the last line is another.
fn damage(segments: &[PathBuf], work: &Path) -> Result<Vec<PathBuf>> {
    let (last, sound) = segments.split_last().context("there is a segment")?;
    let copy = work.join("damaged.ndjson");
    fs::write(&copy, with_one_letter_changed(&fs::read_to_string(last)?)?)?;
    Ok(sound.iter().cloned().chain([copy]).collect())
}

fn with_one_letter_changed(ledger: &str) -> Result<String> {
    let at = ledger.rfind("\"run_id\":\"").context("the last line has a run id")? + "\"run_id\":\"".len();
    let letter = if ledger[at..].starts_with('x') { "y" } else { "x" };
    let next = ledger[at..].chars().next().context("the run id is not empty")?.len_utf8();
    Ok(format!("{}{letter}{}", &ledger[..at], &ledger[at + next..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_damage_is_one_letter_in_the_last_line() {
        let ledger = "{\"run_id\":\"abc\"}\n{\"run_id\":\"xyz\"}\n";
        assert_eq!(with_one_letter_changed(ledger).unwrap(), "{\"run_id\":\"abc\"}\n{\"run_id\":\"yyz\"}\n");
        assert_eq!(with_one_letter_changed("{\"run_id\":\"é\"}").unwrap(), "{\"run_id\":\"x\"}");
        assert!(with_one_letter_changed("{}").is_err());
    }
}
