//! `xtask install-tools`: what the tests need and a fresh machine lacks.
//!
//! Sources: crates.io, PyPI, npm, Debian, rustup. Versions are pinned here and in lock files below `tests`. What is there already is
//! taken as it is; what is built goes to `target/tools`, never into the user's folders.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::guests;
use crate::places::Places;
use crate::process;

/// A cargo subcommand from crates.io.
struct CargoTool {
    package: &'static str,
    version: &'static str,
}

/// What runs the tests, and what judges the dependencies.
const CARGO_TOOLS: [CargoTool; 2] = [
    CargoTool { package: "cargo-nextest", version: "0.9.143" },
    CargoTool { package: "cargo-deny", version: "0.20.2" },
];

/// What writes a release's bill of materials. Only `xtask release` needs it.
const CYCLONEDX: CargoTool = CargoTool { package: "cargo-cyclonedx", version: "0.5.9" };

/// A tool runs for seconds and is built once per machine: build it fast, not fast to run.
const TOOL_PROFILE: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
];

/// A program, how to see that it works, and the Debian packages that bring it.
struct System {
    program: &'static str,
    probe: &'static [&'static str],
    debian: &'static [&'static str],
}

/// SQLite and libFuzzer are compiled, the interop checks run in Node, Python and OpenSSL, a client in a browser too.
const SYSTEM: [System; 9] = [
    System { program: "cc", probe: &["--version"], debian: &["gcc", "libc6-dev"] },
    System { program: "c++", probe: &["--version"], debian: &["g++"] },
    System { program: "chromium", probe: &["--version"], debian: &["chromium"] },
    System { program: "curl", probe: &["--version"], debian: &["curl"] },
    System { program: "git", probe: &["--version"], debian: &["git"] },
    System { program: "node", probe: &["--version"], debian: &["nodejs"] },
    System { program: "npm", probe: &["--version"], debian: &["npm"] },
    System { program: "openssl", probe: &["version"], debian: &["openssl"] },
    System { program: "python3", probe: &["-c", "import ensurepip, venv"], debian: &["python3", "python3-venv"] },
];

/// The oldest Node that the clients are written for; Debian 12 has 18.
const NODE_MAJOR_MIN: u32 = 20;

/// Installs everything. A second run takes a second.
pub(crate) fn install(places: &Places) -> Result<()> {
    install_components(places)?;
    install_wasm_target(places)?;
    install_system(places)?;
    for tool in &CARGO_TOOLS {
        install_cargo_tool(places, tool)?;
    }
    install_newer_node(places)?;
    install_npm(places, "interop", &node_folder(places))?;
    install_python_environment(places)
}

/// The target of the guests.
pub(crate) fn install_wasm_target(places: &Places) -> Result<()> {
    install_target(places, guests::TARGET)
}

/// A target, by rustup; where there is no rustup, the toolchain must bring it.
pub(crate) fn install_target(places: &Places, target: &str) -> Result<()> {
    let mut rustc = process::program(places, "rustc");
    let libraries = process::capture(rustc.args(["--print", "target-libdir", "--target", target]))?;
    if fs::exists(libraries.trim_end())? {
        return Ok(());
    }
    process::run(process::program(places, "rustup").args(["target", "add", target]))
        .with_context(|| format!("the toolchain lacks the target {target}"))
}

/// The tool that writes a release's bill of materials.
pub(crate) fn install_cyclonedx(places: &Places) -> Result<()> {
    install_cargo_tool(places, &CYCLONEDX)
}

fn install_components(places: &Places) -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !process::answers(process::cargo(places).args([subcommand, "--version"])) {
            process::run(process::program(places, "rustup").args(["component", "add", component]))?;
        }
    }
    Ok(())
}

fn install_system(places: &Places) -> Result<()> {
    let missing = SYSTEM.iter().filter(|one| !process::answers(process::program(places, one.program).args(one.probe)));
    let packages: Vec<&str> = missing.flat_map(|one| one.debian.iter().copied()).collect();
    if packages.is_empty() {
        return Ok(());
    }
    install_debian(places, &packages)
}

/// Packages of Debian's.
pub(crate) fn install_debian(places: &Places, packages: &[&str]) -> Result<()> {
    let apt = |words: &[&str]| {
        let mut command = process::program(places, "apt-get");
        process::run(command.env("DEBIAN_FRONTEND", "noninteractive").args(words))
            .with_context(|| format!("install these by hand and try again: {}", packages.join(" ")))
    };
    apt(&["update", "-q"])?;
    apt(&[&["install", "-q", "-y", "--no-install-recommends"], packages].concat())
}

fn install_cargo_tool(places: &Places, tool: &CargoTool) -> Result<()> {
    let subcommand = tool.package.trim_start_matches("cargo-");
    if process::answers(process::program(places, tool.package).arg("--version"))
        || process::answers(process::program(places, tool.package).args([subcommand, "--version"]))
    {
        return Ok(());
    }
    let mut command = process::cargo(places);
    command.args(["install", "--locked", "--quiet", tool.package, "--version", tool.version]);
    command.arg("--root").arg(places.tools()).arg("--target-dir").arg(places.tools().join("build"));
    process::run(command.envs(TOOL_PROFILE))?;
    // Three hundred megabytes that nobody needs again.
    Ok(fs::remove_dir_all(places.tools().join("build"))?)
}

/// Node from the npm registry, where the machine's own is too old. [`process::program`] finds it first.
fn install_newer_node(places: &Places) -> Result<()> {
    if node_major(places)? < NODE_MAJOR_MIN {
        install_npm(places, "node", &places.tools().join("node"))?;
        // npm says nothing where there is none for this machine.
        let major = node_major(places)?;
        if major < NODE_MAJOR_MIN {
            bail!("Node {major} is too old: install Node {NODE_MAJOR_MIN} or newer and try again");
        }
    }
    Ok(())
}

fn node_major(places: &Places) -> Result<u32> {
    let version = process::capture(process::program(places, "node").arg("--version"))?;
    major(&version).with_context(|| format!("`node --version` said {version:?}"))
}

/// 20 of `v20.1.0`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// The npm packages of `tests/<name>` in `folder`, from the committed lock file.
fn install_npm(places: &Places, name: &str, folder: &Path) -> Result<()> {
    let names = ["package.json", "package-lock.json"];
    let wanted = names.map(|file| places.root.join("tests").join(name).join(file));
    if is_made_from(&folder.join("installed"), &wanted)? {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    for (name, source) in names.iter().zip(&wanted) {
        fs::copy(source, folder.join(name))?;
    }
    let mut npm = process::program(places, "npm");
    process::run(npm.current_dir(folder).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]))?;
    mark_made_from(&folder.join("installed"), &wanted)
}

/// The Python side: a virtual environment from the hash-pinned requirements.
fn install_python_environment(places: &Places) -> Result<()> {
    install_python(places, &python_folder(places), places.root.join("tests/interop/requirements.txt"))
}

/// A virtual environment in `folder` from hash-pinned requirements, made anew when they change.
pub(crate) fn install_python(places: &Places, folder: &Path, requirements: PathBuf) -> Result<()> {
    install_python_of(places, folder, &[requirements])
}

/// The same from several files of requirements, which must agree.
pub(crate) fn install_python_of(places: &Places, folder: &Path, wanted: &[PathBuf]) -> Result<()> {
    if is_made_from(&folder.join("installed"), wanted)? {
        return Ok(());
    }
    process::run(process::program(places, "python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    let mut pip = process::program(places, &folder.join("bin/python").display().to_string());
    pip.args(["-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:"]);
    for requirements in wanted {
        pip.arg("-r").arg(requirements);
    }
    process::run(&mut pip)?;
    mark_made_from(&folder.join("installed"), wanted)
}

/// The packages of a Node project, in the project itself, where its own scripts look for them; from its lock file.
pub(crate) fn install_node(places: &Places, project: &Path) -> Result<()> {
    let marker = project.join("node_modules/.installed");
    let wanted = ["package.json", "package-lock.json"].map(|name| project.join(name));
    if is_made_from(&marker, &wanted)? {
        return Ok(());
    }
    let mut npm = process::program(places, "npm");
    process::run(npm.current_dir(project).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]))?;
    mark_made_from(&marker, &wanted)
}

/// Where the Node packages of the interop checks are.
pub(crate) fn node_folder(places: &Places) -> std::path::PathBuf {
    places.tools().join("interop-node")
}

/// Where the Python environment of the interop checks is.
pub(crate) fn python_folder(places: &Places) -> std::path::PathBuf {
    places.tools().join("interop-python")
}

/// True where the marker, written last, holds the files as they are now that something was made from.
pub(crate) fn is_made_from(marker: &Path, files: &[PathBuf]) -> Result<bool> {
    Ok(fs::read(marker).ok() == Some(contents(files)?))
}

/// Writes the marker of what was made from these files.
pub(crate) fn mark_made_from(marker: &Path, files: &[PathBuf]) -> Result<()> {
    Ok(fs::write(marker, contents(files)?)?)
}

fn contents(files: &[PathBuf]) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for file in files {
        match fs::read(file) {
            Ok(bytes) => all.extend(bytes),
            Err(error) => bail!("{}: {error}", file.display()),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_too_old_is_known_by_its_version() {
        assert_eq!(["v18.19.0\n", "v20.1.0", "v24.21.0"].map(major), [Some(18), Some(20), Some(24)]);
        assert_eq!(["", "20.1.0", "v", "vx.1"].map(major), [None; 4]);
    }
}
