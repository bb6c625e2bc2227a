//! Keys, and whom a home trusts.

use crate::world::{World, snapshot};

#[test]
fn a_new_home_trusts_its_operator() {
    let world = World::new();
    snapshot!(world, world.ok(["keys", "list"]));
}

#[test]
fn init_says_what_it_made() {
    let world = World::empty();
    snapshot!(world, world.ok(["init"]));
}

#[test]
fn init_for_programs() {
    let world = World::empty();
    let made = world.json(["init"]);
    assert_eq!(made["operator_key_id"], world.json(["keys", "list"])[0]["key_id"]);
}

#[test]
fn a_publisher_is_trusted_and_revoked_and_what_it_signed_is_disabled() {
    let world = World::new();
    let made = world.json(["keys", "generate", "acme.pem"]);
    let key_id = made["key_id"].as_str().unwrap().to_owned();
    world.ok([
        "keys",
        "trust",
        "acme.pub.pem",
        "--label",
        "Acme",
        "--plugins",
        "hel*",
        "--max-capabilities",
        "read_text,write_suggestion",
    ]);
    world.package("examples/hello");
    world.ok(["plugins", "sign", "hello", "--key", "acme.pem"]);
    world.ok(["plugins", "install", "hello", "--enable"]);
    assert_eq!(world.ok(["invoke", "hello", "--text", "Ada"]), "Hello, Ada!");
    snapshot!(world, world.ok(["keys", "revoke", &key_id[..10]]));
    assert_eq!(world.json(["plugins", "list"])[0]["status"], "disabled");
    let ran = world.omega(["invoke", "hello", "--text", "Ada"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with("error[plugin_not_enabled]"), "{}", ran.stderr);
    // Nothing that it signs is admitted any more, and enabling the old version is not either.
    assert_eq!(world.omega(["plugins", "enable", "hello"]).code, 1);
}

#[test]
fn a_trust_entry_narrows_what_a_key_may_sign() {
    let world = World::new();
    world.ok(["keys", "generate", "acme.pem"]);
    world.ok(["keys", "trust", "acme.pub.pem", "--plugins", "acme.*"]);
    world.package("examples/hello");
    world.ok(["plugins", "sign", "hello", "--key", "acme.pem"]);
    let ran = world.omega(["plugins", "install", "hello"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with("error[key_untrusted]"), "{}", ran.stderr);
}

#[test]
fn a_key_is_never_overwritten() {
    let world = World::empty();
    world.ok(["keys", "generate", "mine.pem"]);
    let before = (world.read("mine.pem"), world.read("mine.pub.pem"));
    let ran = world.omega(["keys", "generate", "mine.pem"]);
    snapshot!(world, ran.whole());
    assert_eq!((world.read("mine.pem"), world.read("mine.pub.pem")), before);
}

#[test]
fn a_key_that_nobody_knows_cannot_be_revoked() {
    let world = World::new();
    let check = |key: &str, code: i32, expect: &str| {
        let ran = world.omega(["keys", "revoke", key]);
        assert_eq!(ran.code, code, "{key}: {}", ran.stderr);
        assert!(ran.stderr.starts_with(expect), "{key}: {}", ran.stderr);
    };
    check("abc", 2, "error[usage]");
    check("ABCDEF0123", 2, "error[usage]");
    check("0123456789", 1, "error[not_found]");
    check(&"0".repeat(64), 1, "error[key_untrusted]");
}

#[test]
fn the_log_key_of_a_new_home_may_live_elsewhere() {
    let world = World::empty();
    let init = ["init", "--origin", "logs.example.org/omega", "--log-key", "elsewhere/log.pem", "--json"];
    std::fs::create_dir(world.path().join("elsewhere")).unwrap();
    let made = world.json(init.iter().take(5));
    assert!(made["log_verifier_key"].as_str().unwrap().starts_with("logs.example.org/omega+"), "{made}");
    assert!(world.read("elsewhere/log.pem").starts_with("-----BEGIN PRIVATE KEY-----"));
    let inside = std::fs::read_dir(world.home().join("keys")).unwrap();
    let names: Vec<_> = inside.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.contains(&"log.pem".to_owned()), "{names:?}");
    let config = world.ok(["config", "show"]);
    assert!(config.contains("elsewhere/log.pem"), "{config}");
    let wrong = World::empty().omega(["init", "--origin", "two words"]);
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
}
