//! `omega plugins dev`: from a save to the new output, beside what the language's own build takes alone.
//!
//! `cargo bench -p omega-cli --bench dev`. Without `--bench` (as `cargo test` runs it) one save is made in each language, to
//! show that it works. JavaScript needs npm on the path, as its authors do. Another language is another row of [`LANGUAGES`].

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot go on fails")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const OMEGA: &str = env!("CARGO_BIN_EXE_omega");

struct Language {
    name: &'static str,
    /// The file that is saved, and what in it is changed: a text that is replaced by a number's.
    file: &'static str,
    text: &'static str,
    with: &'static str,
    saves: u32,
    bar: &'static str,
}

const LANGUAGES: [Language; 3] = [
    Language {
        name: "python",
        file: "plugin.py",
        text: "words=len(words)",
        with: "words=len(words) + ",
        saves: 30,
        bar: "0.5 s",
    },
    Language {
        name: "js",
        file: "src/plugin.ts",
        text: "words: words.length",
        with: "words: words.length + ",
        saves: 30,
        bar: "0.5 s",
    },
    Language {
        name: "rust",
        file: "src/lib.rs",
        text: "words: words().count() as u64",
        with: "words: words().count() as u64 + ",
        saves: 5,
        bar: "10 s",
    },
];

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    println!("from a save to the new output");
    println!("{:<8} {:>6} {:>9} {:>9} {:>13} {:>7}", "", "saves", "p50 ms", "max ms", "build p50 ms", "bar");
    for language in &LANGUAGES {
        let saves = if is_measured { language.saves } else { 1 };
        let (mut took, mut built) = measure(language, saves);
        took.sort_unstable();
        built.sort_unstable();
        let p50 = |list: &[Duration]| list.get(list.len() / 2).map_or(0, Duration::as_millis);
        let max = took.last().map_or(0, Duration::as_millis);
        println!("{:<8} {saves:>6} {:>9} {max:>9} {:>13} {:>7}", language.name, p50(&took), p50(&built), language.bar);
    }
}

/// For each save how long it was until the output was told; and how long `omega plugins build` takes after such a save.
fn measure(language: &Language, saves: u32) -> (Vec<Duration>, Vec<Duration>) {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = scratch.path().join("word-count");
    let new = omega(scratch.path()).args(["plugins", "new", "word-count", "--lang", language.name]).output().unwrap();
    assert!(new.status.success(), "{}", String::from_utf8_lossy(&new.stderr));
    let file = folder.join(language.file);
    let source = std::fs::read_to_string(&file).unwrap();
    assert!(source.contains(language.text));
    let save = |number: u32| {
        std::fs::write(&file, source.replace(language.text, &format!("{}{number}", language.with))).unwrap();
    };
    let mut dev = Dev::start(scratch.path());
    dev.until_ran();
    let took = (1..=saves).map(|number| {
        let began = Instant::now();
        save(number);
        dev.until_ran();
        began.elapsed()
    });
    let took = took.collect();
    drop(dev);
    let built = (1..=saves).map(|number| {
        save(1_000 + number);
        let began = Instant::now();
        let built = omega(scratch.path()).args(["plugins", "build", "word-count"]).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        began.elapsed()
    });
    (took, built.collect())
}

fn omega(folder: &Path) -> Command {
    let mut command = Command::new(OMEGA);
    command.current_dir(folder).env("OMEGA_HOME", folder.join("home")).env("CARGO_TARGET_DIR", target());
    command.stdin(Stdio::null());
    command
}

/// Compiled dependencies are kept between runs.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("scaffold")
}

/// `omega plugins dev`, killed when it is dropped.
struct Dev {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Dev {
    fn start(folder: &Path) -> Self {
        let mut command = omega(folder);
        command.args(["plugins", "dev", "word-count", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn until_ran(&mut self) {
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            assert!(!line.contains("\"event\":\"failed\""), "{line}");
            if line.contains("\"event\":\"ran\"") {
                return;
            }
        }
        panic!("it ended");
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}
