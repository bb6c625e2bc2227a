//! Bad input to every command that reads: a clear error, the right exit code, and nothing changed in the home.

use std::fs;

use crate::world::{Ran, World};

/// What nobody should have to read.
fn garbage() -> Vec<(&'static str, Vec<u8>)> {
    let noise: Vec<u8> = (0..4_096_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
    vec![
        ("nothing", Vec::new()),
        ("noise", noise),
        ("zeros", vec![0; 2_048]),
        ("truncated", b"{\"plugin_id\":\"hello\",\"payload\":{\"kind\":".to_vec()),
        ("deep", [b"[".repeat(100_000), b"]".repeat(100_000)].concat()),
        ("deep objects", [b"{\"a\":".repeat(50_000), b"1".to_vec(), b"}".repeat(50_000)].concat()),
        ("twice the same key", b"{\"kind\":\"text\",\"kind\":\"text\"}".to_vec()),
        ("another type", b"[1, \"two\", null, 3e400]".to_vec()),
        ("a number", b"9007199254740993".to_vec()),
        ("odd Unicode", "{\"\u{202e}\u{feff}\u{1b}[2J\": \"\u{0}\"}".as_bytes().to_vec()),
        ("a lone surrogate", br#"{"a":"\ud800"}"#.to_vec()),
        ("UTF-16", "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("long", vec![b'a'; 3_000_000]),
    ]
}

fn check(name: &str, arguments: &[&str], ran: &Ran) {
    let where_ = format!("{arguments:?} on {name}: {}{}", ran.stdout, ran.stderr);
    assert!(matches!(ran.code, 1 | 2), "exit {}: {where_}", ran.code);
    assert!(ran.stderr.starts_with("error[") || ran.stdout.contains("invalid"), "{where_}");
    assert!(!ran.stderr.contains("panicked") && !ran.stderr.contains("RUST_BACKTRACE"), "{where_}");
    let harmful = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || c == '\u{202e}';
    assert!(!ran.whole().contains(harmful), "an escape got through: {where_}");
}

/// Somebody's verifier key (the example of Go's `sumdb/note`).
const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

/// The commands that read one file, and refuse these contents before anything is journalled.
const READERS: [&[&str]; 11] = [
    &["plugins", "check", "FILE"],
    &["plugins", "sign", "hello", "--key", "FILE"],
    &["plugins", "sign", "FILE"],
    &["keys", "trust", "FILE"],
    &["invoke", "hello", "--request", "FILE"],
    &["invoke", "json-taker", "--schema-ref", "x", "--data", "{\"a\":1,\"a\":1}"],
    &["pipeline", "FILE", "--text", "x"],
    &["proof", "verify", "FILE", "--vkey", VKEY],
    &["proof", "verify", "in.ndjson", "--vkey", "FILE"],
    &["artifacts", "dataset", "add", "name", "FILE", "--key", "id", "--form", "ndjson"],
    &["batch", "hello", "--input", "in.ndjson", "--output", "FILE"],
];

#[test]
fn garbage_is_refused_by_every_command_that_reads() {
    let world = World::new();
    world.package("examples/hello");
    world.file("in.ndjson", "{}\n");
    let before = world.home_state();
    for (name, content) in garbage() {
        for reader in READERS {
            // An empty output is a new one.
            if name == "nothing" && reader[0] == "batch" {
                continue;
            }
            world.file("garbage", &content);
            let arguments: Vec<&str> =
                reader.iter().map(|word| if *word == "FILE" { "garbage" } else { word }).collect();
            check(name, &arguments, &world.omega(&arguments));
            assert_eq!(fs::read(world.path().join("garbage")).unwrap(), content, "{arguments:?} changed its input");
        }
    }
    assert_eq!(world.home_state(), before);
}

/// An archive of nothing is a package without a manifest: refused, and that is journalled.
#[test]
fn garbage_is_no_package() {
    let world = World::new();
    for (name, content) in garbage() {
        world.file("garbage.tar", &content);
        check(name, &["plugins", "install"], &world.omega(["plugins", "install", "garbage.tar", "--enable"]));
    }
    let plugins = world.json(["plugins", "list"]);
    assert!(plugins.as_array().unwrap().iter().all(|plugin| plugin["status"] == "rejected"), "{plugins}");
    let kinds = world.json(["ledger", "stats"])["kinds"].clone();
    let admitted = ["REGISTER", "ENABLE", "INVOKE"].iter().filter(|kind| !kinds[**kind].is_null()).count();
    assert_eq!(admitted, 0, "{kinds}");
}

/// A manifest is read strictly too; a package that is refused is journalled, and nothing else.
#[test]
fn a_garbled_manifest_or_signature_is_refused_and_nothing_is_admitted() {
    let world = World::new();
    world.package("examples/hello");
    world.ok(["plugins", "sign", "hello"]);
    for file in ["PLUGIN_MANIFEST.json", "SIGNATURE.dsse.json"] {
        let whole = fs::read(world.path().join("hello").join(file)).unwrap();
        for (name, content) in garbage() {
            world.file(&format!("hello/{file}"), &content);
            check(name, &["install", file], &world.omega(["plugins", "install", "hello", "--enable"]));
            if file == "PLUGIN_MANIFEST.json" {
                check(name, &["check", file], &world.omega(["plugins", "check", "hello"]));
                check(name, &["sign", file], &world.omega(["plugins", "sign", "hello"]));
                check(name, &["build", file], &world.omega(["plugins", "build", "hello"]));
            }
        }
        world.file(&format!("hello/{file}"), whole);
    }
    let plugins = world.json(["plugins", "list"]);
    assert!(plugins.as_array().unwrap().iter().all(|plugin| plugin["status"] == "rejected"), "{plugins}");
    world.ok(["plugins", "install", "hello", "--enable"]);
}

#[test]
fn a_file_that_is_no_component_is_refused() {
    let module = b"\0asm\x01\0\0\0".to_vec();
    let component = b"\0asm\x0d\0\x01\0".to_vec();
    let cut = |world: &World| {
        let whole = fs::read(world.path().join("hello/plugin.wasm")).unwrap();
        whole[..whole.len() / 2].to_vec()
    };
    let world = World::new();
    world.package("examples/hello");
    let contents = [
        ("nothing", Vec::new()),
        ("text", b"hello".to_vec()),
        ("a module", module),
        ("an empty component", component),
        ("half", cut(&world)),
    ];
    for (name, content) in contents {
        world.file("hello/plugin.wasm", content);
        world.ok(["plugins", "sign", "hello"]);
        let ran = world.omega(["plugins", "install", "hello", "--enable"]);
        assert_eq!(ran.code, 1, "{name}: {}", ran.stdout);
        assert!(ran.stderr.starts_with("error[component_invalid]"), "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains("\nsee: event "), "{name}: {}", ran.stderr);
    }
    let enabled = world.json(["plugins", "list", "--status", "enabled"]);
    assert_eq!(enabled, serde_json::json!([]));
}

#[cfg(unix)]
#[test]
fn a_package_with_a_link_is_refused_and_the_link_is_not_followed() {
    let world = World::new();
    world.package("examples/hello");
    world.file("secret", "secret");
    std::os::unix::fs::symlink(world.path().join("secret"), world.path().join("hello/link")).unwrap();
    let before = world.home_state();
    for arguments in
        [&["plugins", "check", "hello"][..], &["plugins", "sign", "hello"], &["plugins", "install", "hello"]]
    {
        let ran = world.omega(arguments);
        assert_eq!(ran.code, 1, "{arguments:?}");
        assert!(ran.stderr.starts_with("error[package_invalid]") && ran.stderr.contains("link"), "{}", ran.stderr);
    }
    assert_eq!(world.home_state(), before);
    assert!(!world.path().join("hello/SIGNATURE.dsse.json").exists());
}

#[test]
fn an_archive_that_leaves_its_folder_is_refused() {
    let world = World::new();
    let before = world.home_state();
    for path in ["../escaped", "/escaped", "a/../../escaped", "a\\b"] {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(1);
        header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, &b"x"[..]).unwrap();
        world.file("p.tar", builder.into_inner().unwrap());
        let ran = world.omega(["plugins", "install", "p.tar"]);
        assert_eq!(ran.code, 1, "{path}");
        assert!(ran.stderr.starts_with("error[package_invalid]"), "{path}: {}", ran.stderr);
    }
    assert_eq!(world.home_state(), before);
    assert!(!world.path().parent().unwrap().join("escaped").exists());
}

#[test]
fn a_request_that_breaks_the_contract_names_what_is_wrong() {
    let world = World::new();
    let request = |payload: &str, extra: &str| {
        format!(
            r#"{{"request_id":"q","run_id":"r","timestamp":"2026-01-01T00:00:00Z","context":{{}},"payload":{payload}{extra}}}"#
        )
    };
    let text = r#"{"kind":"text","content":"a","encoding":"utf-8","metadata":{}}"#;
    let before = world.home_state();
    for (body, expect) in [
        (request(r#"{"kind":"text","content":"a"}"#, ""), "missing field"),
        (request(r#"{"kind":"blob"}"#, ""), "blob"),
        (request(text, r#","extra":1"#), "unknown field"),
        (request(text, r#","run_id":"again""#), "run_id"),
        (request(text, "").replace("2026-01-01T00:00:00Z", "yesterday"), "RFC 3339"),
        (request(text, "").replace("\"q\"", "\"\""), "128"),
    ] {
        world.file("request.json", &body);
        let ran = world.omega(["invoke", "hello", "--request", "request.json"]);
        assert_eq!(ran.code, 1, "{body}");
        assert!(
            ran.stderr.starts_with("error[request_invalid]") && ran.stderr.contains(expect),
            "{body}: {}",
            ran.stderr
        );
    }
    assert_eq!(world.home_state(), before);
}
