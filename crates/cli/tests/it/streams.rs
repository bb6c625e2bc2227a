//! Closed streams, several processes, colours.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::world::{World, snapshot};

#[test]
fn a_closed_standard_output_ends_quietly() {
    let world = World::new();
    for arguments in [&["ledger", "tail"][..], &["plugins", "list", "--json"], &["completions", "bash"], &["--help"]] {
        let mut child = world.command().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}

/// A command that holds the home until its standard input ends.
struct Holder {
    child: std::process::Child,
}

impl Holder {
    fn of(world: &World) -> Self {
        let arguments = ["batch", "hello", "-i", "-", "-o", "-"];
        let mut child = world.command().args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let payload = "{\"kind\":\"text\",\"content\":\"x\",\"encoding\":\"utf-8\",\"metadata\":{}}\n";
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), payload.as_bytes()).unwrap();
        // Its first answer says that it holds the home.
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[test]
fn a_home_has_one_writer_and_any_number_of_readers() {
    let world = World::with(&["examples/hello"]);
    // A server is the one writer for all; see `crates/server/tests`.
    world.stop_serving();
    let holder = Holder::of(&world);
    let ran = world.omega(["plugins", "disable", "hello", "--wait", "0"]);
    assert_eq!(ran.code, 3);
    let whole = ran.whole().replace(&holder.child.id().to_string(), "[PID]");
    snapshot!(world, whole);
    for arguments in [
        &["plugins", "list"][..],
        &["plugins", "info", "hello"],
        &["keys", "list"],
        &["runs", "list"],
        &["ledger", "verify"],
        &["ledger", "stats"],
        &["ledger", "tail"],
        &["artifacts", "list"],
        &["doctor"],
        &["config", "show"],
    ] {
        let ran = world.omega(arguments.iter().chain(&["--wait", "0"]));
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
    }
    drop(holder);
    world.ok(["plugins", "disable", "hello", "--wait", "0"]);
}

#[test]
fn no_colour_where_there_is_no_terminal() {
    let world = World::with(&["examples/hello"]);
    for arguments in [&["plugins", "list"][..], &["doctor"], &["nonsense"], &["runs", "show", "nothing"], &["--help"]] {
        let ran = world.omega(arguments);
        assert!(!ran.whole().contains('\u{1b}'), "{arguments:?}: {:?}", ran.whole());
    }
}

#[test]
fn quiet_says_nothing_but_errors() {
    let world = World::with(&["examples/hello"]);
    let ran = world.omega(["invoke", "hello", "--text", "Ada", "--quiet"]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("Hello, Ada!", ""));
    assert!(!world.omega(["runs", "show", "nothing", "--quiet"]).stderr.is_empty());
}
