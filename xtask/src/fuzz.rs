//! `xtask fuzz`: libFuzzer on the stable toolchain.
//!
//! `cargo fuzz` asks for nightly, for its sanitizers. In safe Rust they find little; what finds things is the coverage
//! feedback, and the compiler flags for that are stable. So the targets of `fuzz/` are built here with the flags that
//! `cargo fuzz --sanitizer none` would give. Nothing here changes the seeds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::places::Places;
use crate::process;

/// How long `xtask fuzz` gives each target.
pub(crate) const SECONDS_PER_TARGET_DEFAULT: u64 = 60;

/// How long the fuzzing in CI takes, all targets together, builds apart.
const SMOKE_SECONDS: u64 = 50;

/// One input's size; larger ones are for the limits' own tests.
const INPUT_BYTES_MAX: u64 = 4096;

/// One input's time; libFuzzer reports a slower one as a finding.
const INPUT_SECONDS_MAX: u64 = 10;

/// The process's memory, in MiB; more is a finding.
const MEMORY_MIB_MAX: u64 = 1024;

/// LLVM's coverage instrumentation, and Rust's own overflow checks and debug assertions.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks";

/// Fuzzes the targets named, or all of them, for so many seconds each.
pub(crate) fn run(places: &Places, seconds_per_target: u64, targets: &[&str]) -> Result<()> {
    let known = targets_of(places)?;
    if let Some(unknown) = targets.iter().find(|name| !known.iter().any(|known| known == *name)) {
        bail!("no fuzz target `{unknown}`; there are: {}", known.join(", "));
    }
    let chosen = known.iter().filter(|name| targets.is_empty() || targets.contains(&name.as_str()));
    let folder = build(places)?;
    let mut failed = Vec::new();
    for name in chosen {
        if let Err(error) = fuzz(places, &folder.join(name), name, seconds_per_target) {
            eprintln!("{error:#}");
            failed.push(name.as_str());
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("findings in {}: the inputs are in target/fuzz/findings; make each a seed and a test", failed.join(", "))
}

/// The short run of CI: the seeds first, then as long as there is time.
pub(crate) fn smoke(places: &Places) -> Result<()> {
    let count = targets_of(places)?.len() as u64;
    if count == 0 {
        bail!("there is no fuzz target");
    }
    // With the targets' own flags: what they are built of is built once.
    process::run(&mut instrumented(places, "test", &["--quiet", "--tests"])?)?;
    run(places, (SMOKE_SECONDS / count).max(1), &[])
}

fn targets_of(places: &Places) -> Result<Vec<String>> {
    let mut command = process::cargo(places);
    command.args(["metadata", "--format-version", "1", "--no-deps", "--manifest-path"]).arg(places.fuzz_manifest());
    let metadata: Value = serde_json::from_str(&process::capture(&mut command)?)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let targets = packages.flat_map(|package| package["targets"].as_array().into_iter().flatten());
    let bins = targets.filter(|target| target["kind"].as_array().into_iter().flatten().any(|kind| kind == "bin"));
    Ok(bins.filter_map(|target| target["name"].as_str().map(str::to_owned)).collect())
}

/// Builds all targets and gives the folder they are in.
fn build(places: &Places) -> Result<PathBuf> {
    process::run(&mut instrumented(places, "build", &["--bins"])?)?;
    Ok(target_folder(places).join(host_triple(places)?).join("release"))
}

/// `cargo VERB` of the fuzz workspace with the coverage instrumentation.
fn instrumented(places: &Places, verb: &str, what: &[&str]) -> Result<Command> {
    let mut command = process::cargo(places);
    command.args([verb, "--release", "--locked"]).args(what);
    // With `--target`, the flags stay away from build scripts and macros.
    command.args(["--target", &host_triple(places)?, "--manifest-path"]).arg(places.fuzz_manifest());
    command.arg("--target-dir").arg(target_folder(places)).env("RUSTFLAGS", RUSTFLAGS);
    Ok(command)
}

/// Everything of the fuzzer's: builds, the corpus that it finds, its findings.
pub(crate) fn target_folder(places: &Places) -> PathBuf {
    places.root.join("target/fuzz")
}

fn host_triple(places: &Places) -> Result<String> {
    let version = process::capture(process::program(places, "rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

fn fuzz(places: &Places, program: &Path, name: &str, seconds: u64) -> Result<()> {
    let corpus = target_folder(places).join("corpus").join(name);
    let findings = target_folder(places).join("findings").join(name);
    let seeds = places.root.join("fuzz/seeds").join(name);
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&findings)?;
    if !seeds.is_dir() {
        bail!("fuzz target `{name}` has no seeds in fuzz/seeds/{name}");
    }
    // New inputs go to the first folder; the seeds are only read.
    let mut command = process::program(places, &program.display().to_string());
    command.arg(&corpus).arg(&seeds).args([
        format!("-max_total_time={seconds}"),
        format!("-max_len={INPUT_BYTES_MAX}"),
        format!("-timeout={INPUT_SECONDS_MAX}"),
        format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
        format!("-artifact_prefix={}/", findings.display()),
        format!("-dict={}", places.root.join("fuzz/json.dict").display()),
        "-verbosity=0".to_owned(),
        "-print_funcs=0".to_owned(),
        "-print_final_stats=1".to_owned(),
    ]);
    let output = command.output().with_context(|| format!("cannot start fuzz target `{name}`"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("fuzz target `{name}` ({}):\n{log}", output.status);
    }
    let executed = log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    println!("fuzz {name}: {} inputs in {seconds} s, no finding", executed.context("libFuzzer's statistics")?.trim());
    Ok(())
}
