//! `xtask test`: every check there is, stage by stage. CI runs this and nothing else.
//!
//! A failed stage does not stop the next: one run tells everything. No stage is ever skipped for lack of something on the
//! machine: what is missing is installed, or the stage fails.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::places::Places;
use crate::{
    api, authors, bench, clients, components, crash, demo, fuzz, guests, interop, process, readme, sdk_js, sdk_python,
    tidy, tools,
};

struct Stage {
    name: &'static str,
    does: &'static str,
    run: fn(&Places) -> Result<()>,
}

const fn stage(name: &'static str, does: &'static str, run: fn(&Places) -> Result<()>) -> Stage {
    Stage { name, does, run }
}

/// In order: the cheap ones first; the tests last, so that a log ends with their result.
const STAGES: [Stage; 23] = [
    stage("tools", "install what the other stages need", tools::install),
    stage("format", "rustfmt changes nothing", format),
    stage("tidy", "the house rules hold", tidy::run),
    stage("deny", "licences, sources and bans of the dependencies", deny),
    stage("guests", "the guests build and stay small", guests::build),
    stage("components", "the examples in Python and JavaScript compile to components", components::run),
    stage("lint", "clippy has nothing to say", lint),
    stage("demo", "the README's first command", demo::run),
    stage("readme", "the README's other commands, and those of the pages for authors", readme::run),
    stage("interop", "others recompute our hashes, check our proofs, and run our verifier as wasm", interop::run),
    stage("api", "schemathesis finds nothing in the HTTP API of a running server", api::run),
    stage("clients", "the TypeScript and the Python client, with a real server and a browser", clients::run),
    stage("sdk", "the guests' own tests, natively, through the SDK's harness", sdk),
    stage("python", "the Python SDK, the loop in its workers, the scaffold and the Python examples", sdk_python::run),
    stage("js", "the JavaScript SDK, the scaffold and the JavaScript examples", sdk_js::run),
    stage("authors", "from nothing to an answer in every language, through the conformance gate", authors::run),
    stage("fuzz", "each fuzz target, for seconds", fuzz::smoke),
    stage("doc", "the documentation builds without warnings and its examples run", doc),
    stage("model", "the group commit, in many interleavings", crash::model_smoke),
    stage("bench", "each bench runs once", bench::smoke),
    stage("layers", "each layer of the worker lane, left out in turn, is missed", layers),
    stage("served", "the command's integration tests, every command through a server", served),
    stage("tests", "unit and integration tests", tests),
];

/// Names the stages.
pub(crate) fn list() {
    for Stage { name, does, .. } in &STAGES {
        println!("{name:<10} {does}");
    }
}

/// Runs the stages named, or all, in the order of the list.
///
/// # Errors
/// Names every stage that failed.
pub(crate) fn run(places: &Places, names: &[&str]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|name| !STAGES.iter().any(|stage| stage.name == **name)) {
        let known: Vec<_> = STAGES.iter().map(|stage| stage.name).collect();
        bail!("no stage `{unknown}`; there are: {}", known.join(", "));
    }
    let chosen: Vec<&Stage> = STAGES.iter().filter(|stage| names.is_empty() || names.contains(&stage.name)).collect();
    let mut report = Vec::new();
    for (index, stage) in chosen.iter().enumerate() {
        eprintln!("\n== {} ({} of {}): {}", stage.name, index + 1, chosen.len(), stage.does);
        if index + 1 == chosen.len() && index > 0 {
            eprint!("{}", table(&report));
        }
        let start = Instant::now();
        let outcome = (stage.run)(places);
        if let Err(error) = &outcome {
            eprintln!("== {} FAILED: {error:#}", stage.name);
        }
        report.push(Line { name: stage.name, took: start.elapsed(), verdict: Verdict::of(&outcome) });
    }
    let failed: Vec<_> = report.iter().filter(|line| line.verdict == Verdict::Failed).map(|line| line.name).collect();
    if failed.is_empty() {
        return Ok(());
    }
    eprint!("\n{}", table(&report));
    bail!("failed stages: {}", failed.join(", "))
}

struct Line {
    name: &'static str,
    took: Duration,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
}

impl Verdict {
    fn of(outcome: &Result<()>) -> Self {
        if outcome.is_ok() { Self::Passed } else { Self::Failed }
    }
}

fn table(report: &[Line]) -> String {
    let mut text = String::new();
    for Line { name, took, verdict } in report {
        let verdict = if *verdict == Verdict::Passed { "passed" } else { "FAILED" };
        writeln!(text, "   {name:<10} {verdict} {:>7.1} s", took.as_secs_f64()).expect("a String takes all text");
    }
    text
}

fn format(places: &Places) -> Result<()> {
    process::run_each([places.root.join("Cargo.toml"), places.guests_manifest(), places.fuzz_manifest()].map(
        |manifest| {
            let mut command = process::cargo(places);
            command.args(["fmt", "--all", "--check", "--manifest-path"]).arg(manifest);
            command
        },
    ))
}

fn deny(places: &Places) -> Result<()> {
    // Duplicates are a question of the gateway's own binary, and the list of known ones is about that.
    let not_of_duplicates =
        ["-A", "duplicate", "-A", "unmatched-skip", "-A", "unmatched-skip-root", "-A", "unnecessary-skip"];
    for (manifest, allowed) in [
        (places.root.join("Cargo.toml"), [].as_slice()),
        (places.guests_manifest(), &not_of_duplicates),
        (places.fuzz_manifest(), &not_of_duplicates),
    ] {
        let mut command = process::cargo(places);
        command.args(["deny", "--locked", "--manifest-path"]).arg(manifest);
        command.arg("--config").arg(places.root.join("deny.toml"));
        command.args(["check", "--hide-inclusion-graph"]).args(allowed);
        process::run(command.args(["licenses", "bans", "sources"]))?;
    }
    Ok(())
}

fn lint(places: &Places) -> Result<()> {
    let clippy = |chosen: &[&str], of: Option<(PathBuf, PathBuf)>| {
        let mut command = process::cargo(places);
        command.args(["clippy", "--locked", "--keep-going"]).args(chosen);
        if let Some((manifest, target_folder)) = of {
            command.arg("--manifest-path").arg(manifest).arg("--target-dir").arg(target_folder);
        }
        command.args(["--", "-D", "warnings"]);
        command
    };
    let guests = || Some((places.guests_manifest(), places.guests_target()));
    process::run_each([
        clippy(&["--workspace", "--all-targets"], None),
        // The guests as their author tests them, and as they are handed out.
        clippy(&["--workspace", "--all-targets"], guests()),
        clippy(&["--workspace", "--target", guests::TARGET], guests()),
        clippy(&["--all-targets"], Some((places.fuzz_manifest(), fuzz::target_folder(places)))),
    ])
}

fn sdk(places: &Places) -> Result<()> {
    let mut command = process::cargo(places);
    command.args(["test", "--locked", "--workspace", "--exclude", "hostile-*", "--quiet"]);
    command.arg("--manifest-path").arg(places.guests_manifest()).arg("--target-dir").arg(places.guests_target());
    process::run(&mut command)
}

fn doc(places: &Places) -> Result<()> {
    let mut doc = process::cargo(places);
    doc.args(["doc", "--locked", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    process::run(&mut doc)?;
    process::run(process::cargo(places).args(["test", "--locked", "--workspace", "--doc"]))
}

fn tests(places: &Places) -> Result<()> {
    guests::build(places)?;
    components::build(places)?;
    process::run(process::cargo(places).args(["nextest", "run", "--locked", "--workspace", "--profile", "ci"]))
}

/// The worker lane in a build that can leave layers out, in a target folder of its own: no other build can.
fn layers(places: &Places) -> Result<()> {
    let mut command = process::cargo(places);
    command.args([
        "nextest",
        "run",
        "--locked",
        "--package",
        "omega-lane-worker",
        "--test",
        "layers",
        "--profile",
        "ci",
    ]);
    command.env("RUSTFLAGS", "--cfg omega_layer_switches").arg("--target-dir").arg(places.root.join("target/layers"));
    process::run(&mut command)
}

/// The same tests with the same snapshots as without a server: what a command does is the same (spec page 9).
fn served(places: &Places) -> Result<()> {
    guests::build(places)?;
    components::build(places)?;
    let mut command = process::cargo(places);
    // Of the whole workspace, as all other stages build: one package alone has other features, and wasmtime would be built again.
    command.args(["nextest", "run", "--locked", "--workspace", "--test", "it", "--profile", "ci"]);
    command.args(["--filterset", "package(omega-cli)"]);
    process::run(command.env("OMEGA_TEST_SERVED", "1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_stage_is_refused_before_anything_runs() {
        let places = Places { root: "/nowhere".into() };
        let error = run(&places, &["format", "nonsense"]).unwrap_err().to_string();
        assert!(error.contains("no stage `nonsense`; there are: tools, format"), "{error}");
    }

    #[test]
    fn the_table_names_stages_times_and_failures() {
        let line = |name, seconds, verdict| Line { name, took: Duration::from_secs_f64(seconds), verdict };
        let text = table(&[line("lint", 12.34, Verdict::Passed), line("doc", 1.0, Verdict::Failed)]);
        assert_eq!(text, "   lint       passed    12.3 s\n   doc        FAILED     1.0 s\n");
    }
}
