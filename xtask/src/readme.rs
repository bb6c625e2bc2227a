//! `xtask readme`: what the README tells a person to type is typed, in its order.
//!
//! Fenced blocks of language `sh` are run; `text`, `console` and the rest are pictures. After `sh` may stand
//! `repository` (run in the root of the checkout instead of the reader's own empty folder) and `exit=N` (the block ends with
//! that code). A line `#=> some … text` states what the block prints: these texts must occur in its output, in order.
//! Folder and exported variables last from block to block, as at a prompt.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::places::Places;
use crate::{binary, guests, process};

/// The document.
const README: &str = "README.md";

/// The one command that is not run from here: it is what is running.
const OURSELVES: &str = "cargo xtask test";

#[derive(Debug, PartialEq, Eq)]
struct Block {
    line: usize,
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

/// Builds the binary and runs every `sh` block of the README with it.
pub(crate) fn run(places: &Places) -> Result<()> {
    let text = fs::read_to_string(places.root.join(README)).context(README)?;
    let blocks = blocks(&text)?;
    if blocks.is_empty() {
        bail!("{README} has no `sh` block: what does a newcomer type?");
    }
    guests::build(places)?;
    let omega = binary::build(places)?;
    let bin = omega.parent().context("the binary stands in a folder")?;
    let person = Person::new(tempfile::tempdir()?)?;
    for block in &blocks {
        eprintln!("$ {README}:{}", block.line);
        person.run(places, bin, block)?;
    }
    println!("{README}: {} blocks ran as written", blocks.len());
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
        shell.env("PATH", process::search_path(&[bin], &[]));
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
        bail!("{README}:{}: ended with {code}, not {}. It printed:\n{printed}", block.line, block.exit_code);
    }
    let mut rest = printed;
    for expected in &block.expected {
        let Some(end) = end_of_match(rest, expected) else {
            bail!("{README}:{}: does not print `{expected}` (in this order). It printed:\n{printed}", block.line);
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
fn blocks(markdown: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let body: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```").collect();
        if let Some(block) = block(index + 1, info, &body)? {
            blocks.push(block);
        }
    }
    Ok(blocks)
}

fn block(line: usize, info: &str, body: &[&str]) -> Result<Option<Block>> {
    let mut words = info.split_whitespace();
    if !matches!(words.next(), Some("sh" | "bash" | "shell")) {
        return Ok(None);
    }
    let mut block = Block { line, place: Place::Own, exit_code: 0, script: String::new(), expected: Vec::new() };
    for word in words {
        match word.split_once('=') {
            None if word == "repository" => block.place = Place::Repository,
            Some(("exit", code)) => {
                block.exit_code = code.parse().with_context(|| format!("{README}:{line}: {word}"))?;
            }
            _ => bail!("{README}:{line}: `{word}` after ```sh means nothing; there are `repository` and `exit=N`"),
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
        blocks(markdown).unwrap().pop().unwrap()
    }

    #[test]
    fn sh_blocks_are_found_and_others_are_pictures() {
        let block =
            one("# A\n\n```text\nno\n```\n\n```sh repository exit=3\na\n#=> said … so\nb\ncargo xtask test\n```\n");
        assert_eq!((block.line, block.place, block.exit_code), (7, Place::Repository, 3));
        assert_eq!((block.script.as_str(), block.expected), ("a\nb\n", vec!["said … so".to_owned()]));
        assert!(blocks("```rust\nfn main() {}\n```\n```json\n{}\n```\n").unwrap().is_empty());
        assert!(blocks("```sh hidden\n```\n").is_err());
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
