//! `xtask crash` and `xtask model`: the tests of `cargo xtask test` that get better the longer they run, run for longer.

use anyhow::{Result, ensure};

use crate::places::Places;
use crate::{guests, process};

/// Kills that a release is held against.
pub(crate) const KILLS_DEFAULT: u32 = 500;
/// Interleavings of each kind that a release is held against.
pub(crate) const SCHEDULES_DEFAULT: u32 = 5_000;

/// Schedules of a failing disk that a release is held against; every change is held against 400.
const DISK_SCHEDULES: u32 = 10_000;

/// Kills a loaded gateway so often, and holds its home against what it told; then fails a ledger's disk in random
/// schedules.
pub(crate) fn run(places: &Places, kills: u32) -> Result<()> {
    ensure!(kills > 0, "nothing is shown by no kills");
    let mut schedules = process::cargo(places);
    schedules.args(["test", "--locked", "--package", "omega-ledger", "--lib", "faults::schedules"]);
    process::run(schedules.env("OMEGA_TEST_SCHEDULES", DISK_SCHEDULES.to_string()))?;
    guests::build(places)?;
    let mut command = process::cargo(places);
    command.args(["test", "--locked", "--package", "omega-gateway", "--test", "it", "--", "--exact", "--nocapture"]);
    command.arg("crash::kill::kill_9_at_any_time_loses_nothing_that_was_answered");
    process::run(command.env("OMEGA_TEST_KILLS", kills.to_string()))
}

/// Runs the ledger's group commit under a model checker, with so many interleavings of each kind.
pub(crate) fn model(places: &Places, schedules: u32) -> Result<()> {
    ensure!(schedules > 0, "nothing is shown by no schedules");
    process::run(group_commit(&mut process::cargo(places)).env("OMEGA_TEST_SCHEDULES", schedules.to_string()))
}

/// As [`model`], with as many as every change can afford.
pub(crate) fn model_smoke(places: &Places) -> Result<()> {
    process::run(group_commit(&mut process::cargo(places)))
}

fn group_commit(command: &mut std::process::Command) -> &mut std::process::Command {
    command.args(["test", "--locked", "--package", "omega-ledger", "--features", "model", "--lib", "model::"])
}
