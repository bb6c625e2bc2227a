//! The conformance gate as a ready test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Makes the conformance gate a test of the plugin: `omega_plugin::conformance_gate!();` in a test module.
///
/// It builds the plugin as `omega plugins build` does and has `omega plugins certify` look at it, through a real gateway in a
/// temporary home. It needs the `omega` command: `$OMEGA_BIN`, or on PATH. The report is not left beside the package.
#[macro_export]
macro_rules! conformance_gate {
    () => {
        #[test]
        fn conforms() {
            $crate::testing::assert_conforms(env!("CARGO_MANIFEST_DIR"));
        }
    };
}

/// What [`conformance_gate!`](crate::conformance_gate) does: builds the package in this folder and runs the ten checks on it.
///
/// # Panics
/// Where a check failed, naming each; where `omega` cannot be started, or the plugin cannot be built.
pub fn assert_conforms(package: impl AsRef<Path>) {
    let package = package.as_ref();
    let built = omega(&["plugins", "build"], package, &[]);
    assert!(built.status.success(), "the plugin was not built:\n{}", String::from_utf8_lossy(&built.stderr));
    let report_file = report_file();
    let told = omega(&["plugins", "certify"], package, &["--json", "--output", &report_file.display().to_string()]);
    // It is on standard output, too.
    let _not_there = std::fs::remove_file(&report_file);
    let report: Value = serde_json::from_slice(&told.stdout).unwrap_or_default();
    let checks = report["checks"].as_array().cloned().unwrap_or_default();
    assert_eq!(checks.len(), 10, "`omega plugins certify` gave no report:\n{}", String::from_utf8_lossy(&told.stderr));
    let failed: Vec<String> = checks.iter().filter(|check| check["passed"] != true).map(told_of).collect();
    assert!(failed.is_empty(), "{} of 10 checks failed:\n{}", failed.len(), failed.join("\n"));
}

fn told_of(check: &Value) -> String {
    let text = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
    format!("  {} {}: {}", text("id"), text("name"), text("detail"))
}

/// A name of this process's own.
fn report_file() -> PathBuf {
    std::env::temp_dir().join(format!("omega-conformance-{}.json", std::process::id()))
}

/// Runs `omega` as on a machine without a home: nothing of the user's own gateway has a say.
fn omega(words: &[&str], package: &Path, more: &[&str]) -> Output {
    let program = std::env::var_os("OMEGA_BIN").unwrap_or_else(|| "omega".into());
    let mut command = Command::new(&program);
    command.args(words).arg(package).args(more).stdin(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OMEGA_")) {
        command.env_remove(name);
    }
    command.output().unwrap_or_else(|error| {
        panic!("`{}` cannot be started ({error}): set OMEGA_BIN, or put `omega` on PATH", program.to_string_lossy())
    })
}
