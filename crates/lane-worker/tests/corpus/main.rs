//! The hostile corpus of the worker lane (spec page 4): each program attacks from inside, and the host is looked at afterwards.
//!
//! What a program says of its attack is only one part: files, processes, descriptors, mounts, control groups, sockets and other
//! programs of the host are compared with what they were before.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../outside/mod.rs"]
mod outside;

mod driver;
mod javascript;
mod rows;

use std::process::Command;

use omega_lane_worker::{CgroupChoice, WorkerLaneOptions};
use outside::{host, programs};

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// As whoever runs the tests: as root with a dedicated user, and with control groups where the machine has them.
#[test]
fn nothing_gets_out() {
    driver::run_all(&outside::options(), &rows::rows());
}

/// Without control groups the address space is the bound on memory.
#[test]
fn nothing_gets_out_without_control_groups() {
    driver::run_all(&without_control_groups(), &rows::rows());
}

/// Debian 12's kernel, 6.1, knows Landlock's ABI 2.
#[test]
fn nothing_gets_out_with_an_old_landlock() {
    driver::run_all(&WorkerLaneOptions { landlock_abi_max: 2, ..outside::options() }, &rows::rows());
}

/// A user without any privilege. Root runs this test once more, as that user.
#[test]
fn nothing_gets_out_of_an_ordinary_user() {
    as_an_ordinary_user("nothing_gets_out_of_an_ordinary_user", &rows::rows());
}

#[test]
fn nothing_gets_out_of_javascript() {
    driver::run_all(&outside::options(), &javascript::rows());
}

#[test]
fn nothing_gets_out_of_javascript_without_control_groups() {
    driver::run_all(&without_control_groups(), &javascript::rows());
}

#[test]
fn nothing_gets_out_of_javascript_of_an_ordinary_user() {
    as_an_ordinary_user("nothing_gets_out_of_javascript_of_an_ordinary_user", &javascript::rows());
}

fn without_control_groups() -> WorkerLaneOptions {
    WorkerLaneOptions { cgroups: CgroupChoice::None, ..outside::options() }
}

fn as_an_ordinary_user(test: &str, table: &[rows::Row]) {
    if is_root() {
        again_as_an_ordinary_user(test);
    } else {
        driver::run_all(&outside::options(), table);
    }
}

/// Runs a test of this file as a user who owns nothing, in a folder with copies of what it needs.
fn again_as_an_ordinary_user(test: &str) {
    const NOBODY: &str = "65534";
    let folder = programs::handed_out();
    let status = Command::new("setpriv")
        .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--"])
        .arg(folder.path().join("test"))
        .args([test, "--exact", "--nocapture"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TMPDIR", folder.path().join("tmp"))
        .env(programs::FOLDER_VARIABLE, folder.path())
        .env(host::SECRET_VARIABLE, "not for plugins")
        .env(host::PATIENCE_VARIABLE, host::patience().to_string())
        .current_dir("/")
        .status();
    assert!(status.expect("setpriv is there").success(), "as an ordinary user: see above");
}
