//! What `omega` says of itself.

use std::fs;

use crate::world::{World, snapshot};

/// The words of every verb, from the manual's pages: a word may have dashes, so their names do not tell.
fn verbs(world: &World) -> Vec<Vec<String>> {
    world.ok(["man", "--dir", "man"]);
    let pages = fs::read_dir(world.path().join("man")).unwrap().map(|entry| entry.unwrap().path());
    let words = pages.map(|page| {
        let text = fs::read_to_string(page).unwrap();
        let synopsis = text.lines().skip_while(|line| *line != ".SH SYNOPSIS").nth(1).unwrap().replace('\\', "");
        let command = synopsis.strip_prefix("fB").and_then(|rest| rest.split_once("fR")).unwrap().0;
        command.split(' ').skip(1).map(ToOwned::to_owned).collect()
    });
    let mut verbs: Vec<Vec<String>> = words.collect();
    verbs.sort();
    verbs
}

#[test]
fn every_verb_is_listed() {
    let world = World::empty();
    let verbs: Vec<String> = verbs(&world).into_iter().map(|words| words.join(" ")).collect();
    snapshot!(world, verbs.join("\n"));
}

#[test]
fn every_verb_ends_its_help_with_an_example() {
    let world = World::empty();
    for words in verbs(&world) {
        let help = world.ok(words.iter().map(String::as_str).chain(["--help"]));
        let example = help.rsplit_once("\nExample:\n").map(|(_, example)| example).unwrap_or_default();
        assert!(example.starts_with("  omega "), "{words:?}: {help}");
        assert!(example.lines().all(|line| line.starts_with("  ")), "{words:?}: {example}");
    }
}

#[test]
fn the_first_help() {
    let world = World::empty();
    snapshot!(world, world.ok(["--help"]));
}

#[test]
fn the_help_of_invoke() {
    let world = World::empty();
    snapshot!(world, world.ok(["invoke", "--help"]));
}

#[test]
fn the_help_of_plugins_and_of_the_authors_loop() {
    let world = World::empty();
    snapshot!(world, world.ok(["plugins", "--help"]));
    for verb in ["certify", "try", "dev"] {
        snapshot!(world, world.ok(["plugins", verb, "--help"]));
    }
}

#[test]
fn plugin_is_another_word_for_plugins() {
    let world = World::new();
    assert_eq!(world.ok(["plugin", "list", "--json"]), world.ok(["plugins", "list", "--json"]));
}

#[test]
fn completions_and_the_manual_name_the_verbs() {
    let world = World::empty();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(world.ok(["completions", shell]).contains("pipeline"), "{shell}");
    }
    let page = world.ok(["man"]);
    assert!(page.starts_with(".ie") || page.contains(".TH omega 1"), "{page}");
    assert!(world.read_after_man("omega-ledger-verify.1").contains("strict"));
}

impl World {
    fn read_after_man(&self, page: &str) -> String {
        self.ok(["man", "--dir", "pages"]);
        self.read(&format!("pages/{page}"))
    }
}

#[test]
fn wrong_usage_is_exit_2() {
    let world = World::empty();
    let check = |arguments: &[&str]| {
        let ran = world.omega(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{arguments:?}");
    };
    check(&["nonsense"]);
    check(&["plugins"]);
    check(&["invoke", "hello"]);
    check(&["invoke", "Hello World", "--text", "x"]);
    check(&["invoke", "hello", "--text", "x", "--data", "{}"]);
    check(&["invoke", "hello", "--text", "x", "--timeout-ms", "99"]);
    check(&["invoke", "hello", "--text", "x", "--retries", "6"]);
    check(&["invoke", "hello", "--text", "x", "--context", "novalue"]);
    check(&["invoke", "hello", "--slice", "rows"]);
    check(&["invoke", "hello", "--request", "r.json", "--run-id", "r"]);
    check(&["pipeline"]);
    check(&["pipeline", "p.toml", "--plugins", "a,b", "--text", "x"]);
    check(&["plugins", "new", "ok-name", "--lang", "cobol"]);
    check(&["plugins", "grant", "hello", "fly"]);
    check(&["ledger", "tail", "--kind", "NOTHING"]);
    check(&["ledger", "show", "minus-one"]);
    check(&["proof", "verify", "p.json"]);
    check(&["batch", "hello", "-i", "a", "-o", "b", "--concurrency", "0"]);
    check(&["doctor", "--wait", "forever"]);
}

#[test]
fn wrong_usage_is_told_as_every_other_error_is() {
    let world = World::empty();
    snapshot!(world, world.omega(["plugins", "lsit"]).whole());
    snapshot!(world, world.omega(["invoke", "hello", "--text", "x", "--timeout-ms", "99"]).whole());
    let told = world.omega(["plugins", "enable", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((told.code, document["error"]["code"].as_str()), (2, Some("usage")));
    assert!(document["error"]["message"].as_str().unwrap().contains("<REF>"), "{document}");
    assert!(world.omega(["plugins", "enable", "--", "--json", "--json"]).stdout.is_empty(), "no option after `--`");
}

#[test]
fn a_language_that_is_not_there_yet_is_refused_by_naming_those_that_are() {
    let world = World::empty();
    snapshot!(world, world.omega(["plugins", "new", "ok-name", "--lang", "go"]).whole());
}
