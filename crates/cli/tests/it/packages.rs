//! From a folder to a plugin that takes calls, and back.

use std::fs;

use crate::world::{World, snapshot};

#[test]
fn an_unsigned_package_is_refused_with_the_hint_to_sign_it() {
    let world = World::new();
    world.package("examples/hello");
    snapshot!(world, world.omega(["plugins", "install", "hello"]).whole());
}

#[test]
fn a_package_is_checked_signed_and_installed() {
    let world = World::new();
    world.package("examples/hello");
    let check = world.ok(["plugins", "check", "hello"]);
    let sign = world.ok(["plugins", "sign", "hello"]);
    let install = world.ok(["plugins", "install", "hello"]);
    let enable = world.ok(["plugins", "enable", "hello"]);
    snapshot!(world, [check, sign, install, enable].join("\n"));
}

#[test]
fn install_for_programs() {
    let world = World::new();
    world.package("examples/hello");
    world.ok(["plugins", "sign", "hello"]);
    let installed = world.json(["plugins", "install", "hello", "--enable"]);
    assert_eq!(installed["plugin"]["status"], "enabled");
    assert_eq!(installed["plugin"]["plugin_id"], "hello");
    assert_eq!(installed["signed_by"], "operator");
    assert_eq!(installed["effective_capabilities"], serde_json::json!(["read_text", "write_suggestion"]));
}

#[test]
fn the_same_package_again_changes_nothing_and_other_content_is_a_conflict() {
    let world = World::with(&["examples/hello"]);
    assert_eq!(world.json(["plugins", "install", "hello"])["plugin"]["status"], "enabled");
    world.file("hello/README.md", "changed");
    world.ok(["plugins", "sign", "hello"]);
    let ran = world.omega(["plugins", "install", "hello"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with("error[version_conflict]"), "{}", ran.stderr);
}

#[test]
fn a_tar_is_a_package_too() {
    let world = World::new();
    let package = world.package("examples/hello");
    world.ok(["plugins", "sign", "hello"]);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_dir_all(".", &package).unwrap();
    world.file("hello.tar", archive.into_inner().unwrap());
    assert!(world.ok(["plugins", "install", "hello.tar", "--enable"]).starts_with("Installed: hello 1.0.0 enabled"));
}

#[test]
fn a_changed_file_is_refused_by_name() {
    let world = World::new();
    world.package("examples/hello");
    world.ok(["plugins", "sign", "hello"]);
    world.file("hello/README.md", "changed");
    snapshot!(world, world.omega(["plugins", "install", "hello"]).whole());
}

#[test]
fn a_signature_of_a_stranger_is_refused() {
    let world = World::new();
    world.package("examples/hello");
    world.ok(["keys", "generate", "stranger.pem"]);
    world.ok(["plugins", "sign", "hello", "--key", "stranger.pem"]);
    snapshot!(world, world.omega(["plugins", "install", "hello"]).whole());
}

#[test]
fn the_list_and_all_that_is_known() {
    let world = World::with(&["examples/hello", "examples/text-stats"]);
    let texts = [world.ok(["plugins", "list"]), world.ok(["plugins", "info", "text-stats@1.0.0"])];
    snapshot!(world, texts.join("\n"));
}

#[test]
fn the_list_for_programs() {
    let world = World::with(&["examples/hello"]);
    snapshot!(world, world.ok(["plugins", "list", "--json"]));
}

#[test]
fn an_empty_list_says_what_to_do() {
    let world = World::new();
    snapshot!(world, world.omega(["plugins", "list"]).whole());
    assert_eq!(world.ok(["plugins", "list", "--json"]), "[]\n");
}

#[test]
fn a_rejected_package_tells_why() {
    let world = World::new();
    world.package("examples/hello");
    world.omega(["plugins", "install", "hello"]);
    assert_eq!(world.json(["plugins", "list", "--status", "rejected"])[0]["plugin_id"], "hello");
    snapshot!(world, world.ok(["plugins", "info", "hello"]));
    let ran = world.omega(["plugins", "enable", "hello"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
}

#[test]
fn a_plugin_is_disabled_and_removed() {
    let world = World::with(&["examples/hello"]);
    let refused = world.omega(["plugins", "remove", "hello"]);
    assert_eq!(refused.code, 1, "an enabled plugin is not removed: {}", refused.stderr);
    let texts = [world.ok(["plugins", "disable", "hello"]), world.ok(["plugins", "remove", "hello"])];
    snapshot!(world, texts.concat());
    assert_eq!(world.ok(["plugins", "list", "--json"]), "[]\n");
}

#[test]
fn a_capability_that_is_taken_back_stops_the_call() {
    let world = World::with(&["examples/hello"]);
    let revoked = world.ok(["plugins", "revoke", "hello", "read_text"]);
    let refused = world.omega(["invoke", "hello", "--text", "Ada"]);
    let granted = world.ok(["plugins", "grant", "hello", "read_text"]);
    snapshot!(world, [revoked, refused.whole(), granted].join("\n"));
    assert_eq!(world.ok(["invoke", "hello", "--text", "Ada"]), "Hello, Ada!");
}

#[test]
fn every_fault_of_a_manifest_is_named_at_once() {
    let world = World::empty();
    world.package("examples/hello");
    let manifest = world.read("hello/PLUGIN_MANIFEST.json");
    let broken = manifest.replace("\"max_ms\": 2000", "\"max_ms\": 20").replace("\"^1.0.0\"", "\"nonsense\"");
    world.file("hello/PLUGIN_MANIFEST.json", broken);
    let ran = world.omega(["plugins", "check", "hello"]);
    snapshot!(world, ran.whole());
    assert_eq!(world.json(["plugins", "check", "hello"])["valid"], false);
}

#[test]
fn what_a_plugin_says_of_itself_reaches_no_terminal_as_an_escape() {
    let world = World::new();
    world.package("examples/hello");
    let manifest = world.read("hello/PLUGIN_MANIFEST.json");
    let hostile = manifest.replace("\"name\": \"Hello\"", "\"name\": \"\\u001b[2J\\u009b31mHello\\u202e\"");
    assert_ne!(hostile, manifest);
    world.file("hello/PLUGIN_MANIFEST.json", hostile);
    world.ok(["plugins", "sign", "hello"]);
    let mut said = String::new();
    for arguments in [
        &["plugins", "install", "hello", "--enable"][..],
        &["plugins", "info", "hello"],
        &["plugins", "list"],
        &["plugins", "info", "hello", "--json"],
        &["ledger", "tail"],
        &["ledger", "show", "2"],
    ] {
        let ran = world.omega(arguments);
        said.push_str(&ran.whole());
    }
    let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!said.contains(harmful), "{said:?}");
}

#[test]
fn a_component_that_imports_what_it_may_not_is_refused() {
    let world = World::new();
    world.package("hostile/undeclared-import");
    world.ok(["plugins", "sign", "undeclared-import"]);
    snapshot!(world, world.omega(["plugins", "install", "undeclared-import"]).whole());
}

#[test]
fn sign_warns_of_what_would_not_be_admitted() {
    let world = World::new();
    world.package("examples/hello");
    fs::remove_dir_all(world.path().join("hello/schemas")).unwrap();
    let ran = world.omega(["plugins", "sign", "hello"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("warning: signed, but it would not be admitted"), "{}", ran.stderr);
}

#[test]
fn the_list_goes_on_where_it_ended() {
    let world = World::with(&["examples/hello", "examples/text-stats"]);
    let ids = |arguments: &[&str]| -> Vec<String> {
        let listed = world.json([&["plugins", "list"], arguments].concat());
        listed.as_array().unwrap().iter().map(|info| info["plugin_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&[]), ["hello", "text-stats"]);
    assert_eq!(ids(&["--limit", "1"]), ["hello"]);
    for after in ["hello", "hello@1.0.0", "iii"] {
        assert_eq!(ids(&["--limit", "1", "--after", after]), ["text-stats"], "{after}");
    }
    assert_eq!(ids(&["--after", "hello@0.9.0"]), ["hello", "text-stats"]);
    assert_eq!(ids(&["--after", "text-stats"]), [""; 0]);
    assert_eq!(world.omega(["plugins", "list", "--limit", "0"]).code, 2);
    let told = |arguments: &[&str]| world.omega([&["plugins", "list"], arguments].concat()).stderr;
    assert_eq!(told(&["--after", "text-stats@1.0.0"]), "None after text-stats@1.0.0.\n");
    assert_eq!(told(&["--status", "rejected"]), "None is rejected.\n");
    assert_eq!(told(&["--status", "enabled", "--after", "text-stats"]), "None is enabled after text-stats.\n");
    let page = world.omega(["plugins", "list", "--limit", "1"]);
    assert!(page.stderr.contains("--after hello@1.0.0"), "{}", page.stderr);
}
