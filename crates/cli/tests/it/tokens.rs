//! Tokens for the HTTP door, as a person makes, sees and revokes them.

use crate::world::{World, snapshot};

#[test]
fn a_token_is_shown_once_and_listed_without_its_secret() {
    let world = World::new();
    let made = world.omega(["tokens", "create", "ci", "--scope", "invoke,read", "--plugins", "acme.*"]);
    let secret = made.stdout.trim_end().to_owned();
    assert!(secret.starts_with("omega_") && secret.len() == 49, "{secret}");
    snapshot!(world, made.whole().replace(&secret, "[SECRET]"));
    world.ok(["tokens", "create", "old", "--scope", "publish", "--expires", "2999-01-01T00:00:00Z"]);
    world.ok(["tokens", "revoke", "old"]);
    let listed = world.omega(["tokens", "list"]);
    assert!(!listed.stdout.contains("omega_"), "{}", listed.stdout);
    snapshot!(world, listed.whole());
    for (name, bytes) in world.home_files() {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{name} holds the secret");
    }
}

#[test]
fn for_programs() {
    let world = World::new();
    let made = world.json(["tokens", "create", "ci", "--scope", "read", "--expires", "30d"]);
    assert_eq!((&made["name"], &made["scopes"][0]), (&"ci".into(), &"read".into()));
    assert!(made["secret"].as_str().unwrap().starts_with("omega_"));
    let rows = world.json(["tokens", "list"]);
    assert_eq!(rows[0]["expires_at"], made["expires_at"]);
    assert!(rows[0].get("secret").is_none() && rows[0]["revoked_at"].is_null());
    assert_eq!(world.json(["tokens", "revoke", "ci"])["state"], "revoked");
}

#[test]
fn what_is_no_token() {
    let world = World::new();
    snapshot!(world, world.omega(["tokens", "revoke", "nobody"]).whole());
    for (arguments, expect) in [
        (vec!["tokens", "create", "ci"], "--scope"),
        (vec!["tokens", "create", "Ci", "--scope", "read"], "a token's name is"),
        (vec!["tokens", "create", "ci", "--scope", "trust"], "a scope is"),
        (vec!["tokens", "create", "ci", "--scope", "read", "--expires", "soon"], "neither a time nor"),
    ] {
        let ran = world.omega(&arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(expect), "{arguments:?}: {}", ran.stderr);
    }
    let past = world.omega(["tokens", "create", "ci", "--scope", "read", "--expires", "2001-01-01T00:00:00Z"]);
    assert!(past.code == 1 && past.stderr.starts_with("error[request_invalid]"), "{}", past.stderr);
    assert!(world.json(["tokens", "list"]).as_array().unwrap().is_empty());
}
