//! A whole command: from the shell's point of view, beside a command that does nothing.
//!
//! `cargo xtask guests && cargo bench -p omega-cli --bench command`. Without `--bench` (as `cargo test` runs it) only a
//! few rounds are made, to show that it works.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot go on fails")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const OMEGA: &str = env!("CARGO_BIN_EXE_omega");

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let rounds = if measured { 200 } else { 2 };
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = scratch.path().join("home");
    let package = prepare(&home, scratch.path());
    println!("whole commands, {rounds} rounds each, one plugin: {}", package.display());
    println!("{:<44} {:>9} {:>9}", "", "p50 ms", "p99 ms");
    let invoke = ["invoke", "hello", "--text", "Ada"];
    let table = |what: &str, arguments: &[&str]| {
        let took = (0..rounds).map(|_| run(&home, arguments)).collect();
        let (p50, p99) = quantiles(took);
        println!("{what:<44} {p50:>9.2} {p99:>9.2}");
    };
    table("omega --version (nothing but a process)", &["--version"]);
    table("omega plugins list", &["plugins", "list"]);
    table("omega invoke, which opens the home itself", &invoke);
    let server = serve(&home);
    table("omega invoke, through the server's socket", &invoke);
    table("omega plugins list, beside a server", &["plugins", "list"]);
    drop(server);
}

/// A home with one plugin that takes calls.
fn prepare(home: &Path, scratch: &Path) -> PathBuf {
    run(home, &["init"]);
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/packages/examples/hello");
    let package = scratch.join("hello");
    copy(&built, &package);
    run(home, &["plugins", "sign", package.to_str().unwrap()]);
    run(home, &["plugins", "install", package.to_str().unwrap(), "--enable"]);
    built.file_name().unwrap().into()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap_or_else(|_| panic!("{}: run `cargo xtask guests`", from.display())) {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &target) } else { drop(std::fs::copy(entry.path(), target)) }
    }
}

/// One command, which must end well; gives how long it took.
fn run(home: &Path, arguments: &[&str]) -> Duration {
    let mut command = Command::new(OMEGA);
    command.args(arguments).env("OMEGA_HOME", home).stdin(Stdio::null());
    let began = Instant::now();
    let ran = command.output().unwrap();
    let took = began.elapsed();
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    took
}

/// Killed when it is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _gone_already = self.0.wait();
    }
}

fn serve(home: &Path) -> Server {
    let mut command = Command::new(OMEGA);
    command.arg("serve").env("OMEGA_HOME", home).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("Serving:"), "{line}");
    Server(child)
}

/// The 50th and 99th percentile, in milliseconds.
fn quantiles(mut took: Vec<Duration>) -> (f64, f64) {
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    (at(0.5), at(0.99))
}
