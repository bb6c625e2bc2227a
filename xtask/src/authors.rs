//! `xtask authors`: from nothing to an answer, in every language that `omega plugins new` knows.
//!
//! Scaffold, build, the scaffold's own tests, certify, sign, install into a home that takes nothing uncertified, and a call.
//! Another language is another row of [`LANGUAGES`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::places::Places;
use crate::{binary, process, tools};

/// One language: its name, and how a new plugin's own tests are run.
struct Language {
    name: &'static str,
    tests: fn(&Places) -> Result<Command>,
}

const LANGUAGES: [Language; 3] = [
    Language { name: "rust", tests: rust_tests },
    Language { name: "python", tests: python_tests },
    Language { name: "js", tests: javascript_tests },
];

/// What every scaffold's plugin does: it counts words.
const CALL: [&str; 4] = ["invoke", "word-count", "--text", "three little words"];
const ANSWER: &str = "\"words\":3";

/// Walks the whole way for each language.
pub(crate) fn run(places: &Places) -> Result<()> {
    let omega = binary::build(places)?;
    for language in &LANGUAGES {
        author(places, &omega, language).with_context(|| format!("a new {} plugin", language.name))?;
    }
    Ok(())
}

fn author(places: &Places, omega: &Path, language: &Language) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("omega-authors-").tempdir()?;
    let home = folder.path().join("home");
    let command = |words: &[&str]| {
        let mut command = process::program(places, &omega.display().to_string());
        command.current_dir(folder.path()).env("OMEGA_HOME", &home).args(words);
        with_target(command, places)
    };
    process::run(&mut command(&["plugins", "new", "word-count", "--lang", language.name]))?;
    let plugin = folder.path().join("word-count");
    process::run(command(&["plugins", "build"]).arg("word-count"))?;
    let mut tests = with_target((language.tests)(places)?, places);
    process::run(tests.current_dir(&plugin).env("OMEGA_BIN", omega).env("OMEGA_HOME", &home))?;
    process::run(&mut command(&["init"]))?;
    fs::write(home.join("omega.toml"), "require_conformance = true\n")?;
    for words in [["plugins", "certify"], ["plugins", "sign"]] {
        process::run(command(&words).arg("word-count"))?;
    }
    process::run(&mut command(&["plugins", "install", "word-count", "--enable"]))?;
    let answer = process::capture(&mut command(&CALL))?;
    if !answer.contains(ANSWER) {
        bail!("`omega {}` answered {answer}", CALL.join(" "));
    }
    Ok(())
}

/// Compiled dependencies are kept between runs.
fn with_target(mut command: Command, places: &Places) -> Command {
    command.env("CARGO_TARGET_DIR", target(places));
    command
}

fn target(places: &Places) -> PathBuf {
    places.target().join("tmp/authors")
}

fn rust_tests(places: &Places) -> Result<Command> {
    let mut command = process::cargo(places);
    command.arg("test");
    Ok(command)
}

/// What they need was installed by the build.
fn javascript_tests(places: &Places) -> Result<Command> {
    let mut command = process::program(places, "npm");
    command.arg("test");
    Ok(command)
}

fn python_tests(places: &Places) -> Result<Command> {
    let environment = places.tools().join("sdk-python");
    tools::install_python(places, &environment, places.root.join("sdk/python/requirements.txt"))?;
    let mut command = process::program(places, &environment.join("bin/python").display().to_string());
    command.args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}
