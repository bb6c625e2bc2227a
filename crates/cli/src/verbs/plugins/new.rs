//! `omega plugins new`: a folder that builds, tests, signs and runs.
//!
//! Works outside this repository and offline after the first download: the binary carries the templates and the SDKs.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use omega_gateway::contract::PluginId;
use serde_json::json;

use crate::embedded::{
    JS_SDK_FILES, JS_TEMPLATE_FILES, PYTHON_SDK_FILES, PYTHON_TEMPLATE_FILES, SDK_FILES, TEMPLATE_FILES,
};
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Tone};
use crate::session::Session;
use crate::show;

/// Make a new plugin that builds, tests, signs and runs
#[derive(Debug, Args)]
#[command(
    visible_alias = "scaffold",
    after_help = "Example:\n  omega plugins new word-count --lang rust\n  omega plugins new word-count --lang python\n  omega plugins new word-count --lang js"
)]
pub(crate) struct New {
    /// The plugin's id: 3 to 64 characters of a-z 0-9 . _ -
    name: PluginId,
    /// The language
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    lang: Language,
    /// What kind of plugin
    #[arg(long, value_enum, default_value_t = Kind::Gateway)]
    kind: Kind,
    /// Where to put it; must not be there yet [default: ./NAME]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// A language with an SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    /// A WebAssembly component, written in Rust.
    Rust,
    /// A program for the worker lane, written in Python.
    Python,
    /// A program for the worker lane, written in TypeScript and bundled to one JavaScript module.
    #[value(aliases = ["javascript", "ts", "typescript"])]
    Js,
}

impl Language {
    /// What a new plugin starts from.
    fn template(self) -> &'static [(&'static str, &'static [u8])] {
        match self {
            Self::Rust => TEMPLATE_FILES,
            Self::Python => PYTHON_TEMPLATE_FILES,
            Self::Js => JS_TEMPLATE_FILES,
        }
    }

    /// What stands beside it.
    fn sdk(self) -> &'static [(&'static str, &'static [u8])] {
        match self {
            Self::Rust => SDK_FILES,
            Self::Python => PYTHON_SDK_FILES,
            Self::Js => JS_SDK_FILES,
        }
    }

    /// Builds the plugin where that is needed, and runs its own tests.
    fn first_commands(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["cargo test", BUILD],
            Self::Python => &["python3 -m pytest"],
            // Whose first build installs what the tests need, too.
            Self::Js => &[BUILD, "npm test"],
        }
    }
}

const BUILD: &str = "omega plugins build .";

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A typed payload in, a typed payload out.
    Gateway,
}

/// The folder inside a new plugin that holds the SDK's copy; never part of the package.
const SDK_FOLDER: &str = "omega-plugin-sdk";

/// Names that a crate cannot have beside the SDK: the language's own and the SDK's dependencies.
const TAKEN_CRATE_NAMES: [&str; 14] = [
    "alloc",
    "core",
    "omega-plugin",
    "omega-plugin-macros",
    "proc-macro",
    "proc-macro2",
    "quote",
    "serde",
    "serde_json",
    "sha2",
    "std",
    "syn",
    "test",
    "wit-bindgen",
];

impl New {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let Self { name, lang, kind: Kind::Gateway, dir } = self;
        let folder = dir.unwrap_or_else(|| PathBuf::from(name.as_str()));
        if folder.symlink_metadata().is_ok() {
            return Err(Fault::usage("There is a file or folder of this name already; nothing was changed.")
                .with("folder", folder.display())
                .hint("Choose another name, or another place with `--dir`."));
        }
        let crate_name = crate_name(&name);
        let filled = |text: &str| text.replace("{{plugin_id}}", name.as_str()).replace("{{crate_name}}", &crate_name);
        let mut count = 0;
        for (path, bytes) in lang.template() {
            let path = folder.join(filled(path));
            match std::str::from_utf8(bytes) {
                Ok(text) => write(&path, filled(text).as_bytes())?,
                Err(_) => write(&path, bytes)?,
            }
            count += 1;
        }
        for (path, bytes) in lang.sdk() {
            write(&folder.join(SDK_FOLDER).join(path), bytes)?;
        }
        let next = next_commands(lang, &name, &folder, session);
        if output.form() == Form::Json {
            let mut document = json!({"plugin_id": name, "folder": folder, "next": next});
            if lang == Language::Rust {
                document["crate"] = json!(crate_name);
            }
            output.document(&document)?;
            return Ok(Exit::Done);
        }
        output.line([
            Cell::new(Tone::Good, "A new plugin:"),
            Cell::new(Tone::Strong, folder.display().to_string()),
            Cell::faint(format!("({} and the SDK in {SDK_FOLDER})", show::count(count, "file"))),
        ])?;
        output.line([Cell::plain("Next:")])?;
        for command in next {
            output.line([Cell::plain(" "), Cell::new(Tone::Name, command)])?;
        }
        Ok(Exit::Done)
    }
}

/// A name that cargo takes and that stands beside the SDK's.
fn crate_name(plugin_id: &PluginId) -> String {
    let plain = plugin_id.as_str().replace('.', "-");
    let starts_with_letter = plain.starts_with(|c: char| c.is_ascii_lowercase());
    if starts_with_letter && !TAKEN_CRATE_NAMES.contains(&plain.as_str()) { plain } else { format!("plugin-{plain}") }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, bytes))
        .map_err(|e| Fault::file(path, &e))
}

fn next_commands(lang: Language, name: &PluginId, folder: &Path, session: &Session) -> Vec<String> {
    let mut commands = vec![format!("cd {}", quoted(&folder.display().to_string()))];
    commands.extend(lang.first_commands().iter().map(|&command| command.to_owned()));
    if session.home().is_err() {
        commands.push("omega init".to_owned());
    }
    commands.push("omega plugins sign .".to_owned());
    commands.push("omega plugins install . --enable".to_owned());
    commands.push(format!("omega invoke {name} --text \"Hello OMEGA\""));
    commands
}

/// A word as a shell takes it whole.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crate_names_are_ones_that_cargo_takes() {
        let check = |id: &str, expect: &str| assert_eq!(crate_name(&id.parse().unwrap()), expect);
        check("word-count", "word-count");
        check("acme.word_count", "acme-word_count");
        check("2fast", "plugin-2fast");
        check("serde", "plugin-serde");
        check("a.b-", "a-b-");
    }

    #[test]
    fn the_sdk_and_its_template_are_carried_and_nothing_built_is() {
        assert!(SDK_FILES.iter().any(|(path, _)| *path == "Cargo.toml"));
        assert!(SDK_FILES.iter().any(|(path, _)| *path == "macros/src/lib.rs"));
        assert!(SDK_FILES.iter().all(|(path, _)| !path.contains("target/")));
        assert!(TEMPLATE_FILES.iter().any(|(path, _)| *path == "PLUGIN_MANIFEST.json"));
        assert!(PYTHON_TEMPLATE_FILES.iter().any(|(path, _)| *path == "plugin.py"));
        assert!(PYTHON_SDK_FILES.iter().any(|(path, _)| *path == "src/omega_plugin/__init__.py"));
        let ours = ["README.md", "pyproject.toml", "requirements-component.txt", "src/"];
        assert!(PYTHON_SDK_FILES.iter().all(|(path, _)| ours.iter().any(|ours| path.starts_with(ours))));
        assert!(JS_TEMPLATE_FILES.iter().any(|(path, _)| *path == "src/plugin.ts"));
        for name in ["package.json", "globals.d.ts", "bin/omega-plugin.js", "command/main.ts", "src/index.ts"] {
            assert!(JS_SDK_FILES.iter().any(|(path, _)| *path == name), "{name}");
        }
        let of_js = JS_SDK_FILES.iter().chain(JS_TEMPLATE_FILES);
        assert!(of_js.clone().all(|(path, _)| !path.contains("node_modules") && !path.contains("dist/")));
        let all = PYTHON_SDK_FILES.iter().chain(PYTHON_TEMPLATE_FILES);
        assert!(all.clone().all(|(path, _)| !path.contains("__pycache__") && !path.contains(".pyc")));
    }

    #[test]
    fn words_with_spaces_are_quoted() {
        assert_eq!(quoted("a/b-c.d"), "a/b-c.d");
        assert_eq!(quoted("it's a"), r"'it'\''s a'");
    }
}
