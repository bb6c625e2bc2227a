//! `xtask readme`: what the README and the pages for authors tell a person to type is typed, in its order.
//!
//! Fenced blocks of language `sh` are run; `text`, `console` and the rest are pictures. After `sh` may stand
//! `repository` (run in the root of the checkout instead of the reader's own empty folder) and `exit=N` (the block ends with
//! that code). A line `#=> some … text` states what the block prints: these texts must occur in its output, in order.
//! Any other block whose info names a file (`rust sdk/rust/template/src/lib.rs`) is text of that file, as it is for a plugin called `word-count`.
//! Folder and exported variables last from block to block, as at a prompt; each page has a reader of its own, with an empty home.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::places::Places;
use crate::{binary, guests, process};

/// The first document.
const README: &str = "README.md";
/// The folder of further ones.
const AUTHORING: &str = "docs/authoring";

/// The one command that is not run from here: it is what is running.
const OURSELVES: &str = "cargo xtask test";

#[derive(Debug, PartialEq, Eq)]
struct Block {
    /// The document and the line.
    at: String,
    place: Place,
    exit_code: i32,
    script: String,
    expected: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A folder of the reader's, empty at first.
    Own,
    /// The root of the checkout.
    Repository,
}

/// Builds the binary and runs every `sh` block of the documents with it.
pub(crate) fn run(places: &Places) -> Result<()> {
    let documents = documents(places)?;
    guests::build(places)?;
    let omega = binary::build(places)?;
    let bin = omega.parent().context("the binary stands in a folder")?;
    // One that does not do what it says keeps no other from being read.
    let outcomes = documents.iter().map(|(name, blocks)| read(places, bin, name, blocks));
    let failures: Vec<String> = outcomes.filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("\n")) }
}

/// The README and the pages for authors, each with its blocks. A page that only explains has none.
fn documents(places: &Places) -> Result<Vec<(String, Vec<Block>)>> {
    let mut names = vec![README.to_owned()];
    for entry in fs::read_dir(places.root.join(AUTHORING)).context(AUTHORING)? {
        let path = entry?.path();
        if let (Some(name), true) = (path.file_name(), path.extension().is_some_and(|ending| ending == "md")) {
            names.push(format!("{AUTHORING}/{}", name.to_string_lossy()));
        }
    }
    names.sort_unstable();
    let mut documents = Vec::new();
    for name in names {
        let text = fs::read_to_string(places.root.join(&name)).with_context(|| name.clone())?;
        require_quotes(places, &name, &text)?;
        let blocks = blocks(&name, &text)?;
        let is_for_newcomers = name == README || name.contains("/first-");
        if is_for_newcomers && blocks.is_empty() {
            bail!("{name} has no `sh` block: what does a newcomer type?");
        }
        documents.push((name, blocks));
    }
    Ok(documents)
}

/// That each block that names a file is in it.
fn require_quotes(places: &Places, document: &str, markdown: &str) -> Result<()> {
    for Fence { line, info, body } in fences(markdown) {
        let Some(file) = info.split_whitespace().nth(1).filter(|file| file.contains('/')) else { continue };
        let at = format!("{document}:{line}");
        let text = fs::read_to_string(places.root.join(file)).with_context(|| format!("{at}: {file}"))?;
        if !text.replace("{{plugin_id}}", "word-count").contains(&body.join("\n")) {
            bail!("{at}: this is not in {file}");
        }
    }
    Ok(())
}

/// Does what one document says.
fn read(places: &Places, bin: &Path, name: &str, blocks: &[Block]) -> Result<()> {
    let person = Person::new(tempfile::tempdir()?)?;
    for block in blocks {
        eprintln!("$ {}", block.at);
        person.run(places, bin, block)?;
    }
    println!("{name}: {} blocks ran as written", blocks.len());
    Ok(())
}

/// Someone with an empty home.
struct Person {
    folder: tempfile::TempDir,
}

impl Person {
    fn new(folder: tempfile::TempDir) -> Result<Self> {
        fs::create_dir_all(folder.path().join("home/desk"))?;
        fs::write(folder.path().join("state"), "cd \"$HOME/desk\"\n")?;
        Ok(Self { folder })
    }

    fn run(&self, places: &Places, bin: &Path, block: &Block) -> Result<()> {
        let home = self.folder.path().join("home");
        let state = self.folder.path().join("state");
        // Both streams go to one file, in the order in which they were written.
        let log = self.folder.path().join("log");
        let output = fs::File::create(&log)?;
        let mut shell = Command::new("sh");
        shell.arg("-eu").arg("-c").arg(script(block)).stdin(Stdio::null());
        shell.stdout(output.try_clone()?).stderr(output);
        for (key, _) in std::env::vars_os() {
            if key.to_str().is_some_and(|key| key.starts_with("OMEGA_") || key.starts_with("XDG_")) {
                shell.env_remove(key);
            }
        }
        // The toolchain stays where the machine has it, though the home is another.
        for (variable, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            if let (None, Some(machine)) = (std::env::var_os(variable), std::env::home_dir()) {
                shell.env(variable, machine.join(folder));
            }
        }
        shell.env("HOME", &home).env("STATE", &state).env("NO_COLOR", "1").env_remove("CARGO_MANIFEST_DIR");
        shell.env("PATH", process::search_path(&[bin, places.node_bin().as_path()], &[]));
        if block.place == Place::Own {
            // The documents build the same SDK: once is enough.
            shell.env("CARGO_TARGET_DIR", places.root.join("target/readme"));
        }
        shell.current_dir(if block.place == Place::Repository { &places.root } else { &home });
        let status = shell.status().context("cannot start `sh`")?;
        let printed = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        verdict(block, status.code(), &printed)
    }
}

/// The block, with what keeps the prompt's state around it.
fn script(block: &Block) -> String {
    match block.place {
        Place::Repository => block.script.clone(),
        Place::Own => format!(
            ". \"$STATE\"\ntrap 'c=$?; {{ export -p; echo \"cd \\\"$PWD\\\"\"; }} >\"$STATE\"; exit $c' EXIT\n{}",
            block.script
        ),
    }
}

fn verdict(block: &Block, exit_code: Option<i32>, printed: &str) -> Result<()> {
    if exit_code != Some(block.exit_code) {
        let code = exit_code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        bail!("{}: ended with {code}, not {}. It printed:\n{printed}", block.at, block.exit_code);
    }
    let mut rest = printed;
    for expected in &block.expected {
        let Some(end) = end_of_match(rest, expected) else {
            bail!("{}: does not print `{expected}` (in this order). It printed:\n{printed}", block.at);
        };
        rest = &rest[end..];
    }
    Ok(())
}

/// Where the first match of `expected` ends; `…` in it stands for anything within one line.
fn end_of_match(text: &str, expected: &str) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let mut at = 0;
        let all_found = expected.split('…').all(|part| match line[at..].find(part.trim()) {
            Some(found) => {
                at += found + part.trim().len();
                true
            }
            None => false,
        });
        if all_found {
            return Some(start + at);
        }
        start += line.len();
    }
    None
}

/// Every `sh` block.
fn blocks(document: &str, markdown: &str) -> Result<Vec<Block>> {
    let blocks = fences(markdown).map(|Fence { line, info, body }| block(format!("{document}:{line}"), info, &body));
    blocks.filter_map(Result::transpose).collect()
}

/// A fenced block.
struct Fence<'a> {
    line: usize,
    info: &'a str,
    body: Vec<&'a str>,
}

fn fences(markdown: &str) -> impl Iterator<Item = Fence<'_>> {
    let mut lines = markdown.lines().enumerate();
    std::iter::from_fn(move || {
        let (line, info) = lines.find_map(|(index, line)| Some((index + 1, line.trim_start().strip_prefix("```")?)))?;
        let body = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```").collect();
        Some(Fence { line, info, body })
    })
}

fn block(at: String, info: &str, body: &[&str]) -> Result<Option<Block>> {
    let mut words = info.split_whitespace();
    if !matches!(words.next(), Some("sh" | "bash" | "shell")) {
        return Ok(None);
    }
    let mut block = Block { at, place: Place::Own, exit_code: 0, script: String::new(), expected: Vec::new() };
    for word in words {
        match word.split_once('=') {
            None if word == "repository" => block.place = Place::Repository,
            Some(("exit", code)) => {
                block.exit_code = code.parse().with_context(|| format!("{}: {word}", block.at))?;
            }
            _ => bail!("{}: `{word}` after ```sh means nothing; there are `repository` and `exit=N`", block.at),
        }
    }
    for text in body {
        if let Some(expected) = text.trim_start().strip_prefix("#=>") {
            block.expected.push(expected.trim().to_owned());
        } else if text.trim() != OURSELVES {
            block.script.push_str(text);
            block.script.push('\n');
        }
    }
    Ok(Some(block))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(markdown: &str) -> Block {
        blocks("a.md", markdown).unwrap().pop().unwrap()
    }

    #[test]
    fn sh_blocks_are_found_and_others_are_pictures() {
        let block =
            one("# A\n\n```text\nno\n```\n\n```sh repository exit=3\na\n#=> said … so\nb\ncargo xtask test\n```\n");
        assert_eq!((block.at.as_str(), block.place, block.exit_code), ("a.md:7", Place::Repository, 3));
        assert_eq!((block.script.as_str(), block.expected), ("a\nb\n", vec!["said … so".to_owned()]));
        assert!(blocks("a.md", "```rust\nfn main() {}\n```\n```json\n{}\n```\n").unwrap().is_empty());
        assert!(blocks("a.md", "```sh hidden\n```\n").is_err());
    }

    #[test]
    fn a_block_that_names_a_file_is_text_of_it() {
        let places = Places { root: tempfile::tempdir().unwrap().keep() };
        fs::create_dir(places.root.join("src")).unwrap();
        fs::write(places.root.join("src/a.rs"), "// {{plugin_id}}\nfn a() {\n}\n").unwrap();
        let quoted = |body: &str| require_quotes(&places, "a.md", &format!("```rust src/a.rs\n{body}\n```\n"));
        quoted("// word-count\nfn a() {").unwrap();
        assert_eq!(quoted("fn b() {").unwrap_err().to_string(), "a.md:1: this is not in src/a.rs");
        require_quotes(&places, "a.md", "```rust\nfn b() {\n```\n```sh exit=1\n```\n").unwrap();
        require_quotes(&places, "a.md", "```rust src/b.rs\n```\n").unwrap_err();
        fs::remove_dir_all(&places.root).unwrap();
    }

    #[test]
    fn the_verdict_looks_at_the_code_and_the_texts() {
        let block = |info: &str, expected: &str| one(&format!("```sh {info}\n{expected}\n```\n"));
        for (info, expected, code, printed, holds) in [
            ("", "", Some(0), "", true),
            ("", "", Some(1), "", false),
            ("", "", None, "", false),
            ("exit=1", "", Some(1), "", true),
            ("exit=1", "", Some(0), "", false),
            ("", "#=> a … c", Some(0), "x a b c y\n", true),
            ("", "#=> a … c", Some(0), "a\nc\n", false),
            ("", "#=> a\n#=> b", Some(0), "a\nb\n", true),
            ("", "#=> b\n#=> a", Some(0), "a\nb\n", false),
        ] {
            let outcome = verdict(&block(info, expected), code, printed);
            assert_eq!(outcome.is_ok(), holds, "{info} {expected} {code:?} {printed:?}");
        }
    }

    #[test]
    fn folder_and_variables_last_from_block_to_block() {
        let places = Places { root: tempfile::tempdir().unwrap().keep() };
        let person = Person::new(tempfile::tempdir().unwrap()).unwrap();
        let type_in = |markdown: &str| person.run(&places, Path::new("/"), &one(markdown));
        type_in("```sh\nmkdir sub && cd sub\nexport NAME='two words'\n```\n").unwrap();
        type_in("```sh\nbasename \"$PWD\"\necho \"$NAME\" >&2\n#=> sub\n#=> two words\n```\n").unwrap();
        type_in("```sh exit=1\nfalse\necho not reached\n```\n").unwrap();
        type_in("```sh\nfalse\n```\n").unwrap_err();
        type_in("```sh repository\ntest \"$PWD\" != \"$HOME/desk/sub\"\n```\n").unwrap();
        fs::remove_dir_all(&places.root).unwrap();
    }
}
