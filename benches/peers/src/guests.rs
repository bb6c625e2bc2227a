//! Builds the guests of both hosts, and finds them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cases::Work;

const OMEGA_TARGET: &str = "wasm32-wasip2";
const EXTISM_TARGET: &str = "wasm32-unknown-unknown";

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo decides what must be built anew.
pub(crate) fn build() {
    for (package, target) in [("omega-guests", OMEGA_TARGET), ("extism-guests", EXTISM_TARGET)] {
        let status = Command::new(option_env!("CARGO").unwrap_or("cargo"))
            // Cargo reads `.cargo/config.toml` from here.
            .current_dir(here().join("guests"))
            .args(["build", "--quiet", "--release", "--locked", "--examples", "--package", package, "--target", target])
            .arg("--target-dir")
            .arg(built())
            .status()
            .expect("cargo is there");
        assert!(status.success(), "{package} cannot be built; is the target there? `rustup target add {target}`");
    }
}

fn built() -> PathBuf {
    here().join("target/guests")
}

/// The gateway's component of this name.
pub(crate) fn omega(name: &str) -> Vec<u8> {
    read(OMEGA_TARGET, &format!("omega_{name}"))
}

/// Extism's module of this work.
pub(crate) fn extism(work: Work) -> Vec<u8> {
    read(EXTISM_TARGET, &format!("extism_{}", work.id()))
}

fn read(target: &str, name: &str) -> Vec<u8> {
    let file = built().join(target).join("release/examples").join(format!("{}.wasm", name.replace('-', "_")));
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
