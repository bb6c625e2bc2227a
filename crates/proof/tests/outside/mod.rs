//! What these tests need from outside the repository. Where it is absent, the test says so by name and
//! counts as skipped.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of `../shared/vectors`, beside the repository; `source` says where a stranger gets the data.
pub fn vectors(test: &str, folder: &str, source: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    skipped(test, &format!("../shared/vectors/{folder}, beside the repository, is missing; get it from {source}"));
    None
}

/// The `openssl` program, version 3.
pub fn openssl(test: &str) -> Option<Command> {
    let version = Command::new("openssl").arg("version").output();
    if version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with("OpenSSL 3")) {
        return Some(Command::new("openssl"));
    }
    skipped(test, "the program `openssl`, version 3, is missing; install it with the system's packages");
    None
}

/// Written past the test harness's capture, so that a run shows it.
fn skipped(test: &str, why: &str) {
    writeln!(std::io::stderr(), "SKIPPED {test}: {why}").expect("standard error can be written");
}
