//! Manifests: each rule with its field path and a message that says what would be right.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use omega_contract::limits::{CONCURRENCY_MAX, MANIFEST_BYTES_MAX, MAX_MS_WARN_ABOVE, TIMEOUT_MS_MAX, TIMEOUT_MS_MIN};
use omega_contract::{OMEGA_PLUGIN_API_VERSION, Severity};
use omega_validator::manifest::ISSUES_MAX;
use omega_validator::{check_manifest, validate_manifest};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{NOW, manifest, places};

/// The issues after `change`, as `field: message`, warnings after a `~`.
fn issues(change: impl Fn(&mut Value)) -> Vec<String> {
    let mut manifest = manifest();
    change(&mut manifest);
    let report = validate_manifest(manifest.to_string().as_bytes(), NOW);
    let told = |issue: &omega_contract::Issue| {
        let mark = if issue.severity == Severity::Warning { "~" } else { "" };
        format!("{mark}{}: {}", issue.field, issue.message)
    };
    assert_eq!(report.valid, report.issues.iter().all(|issue| issue.severity == Severity::Warning));
    report.issues.iter().map(told).collect()
}

fn check(change: impl Fn(&mut Value), expect: &[&str]) {
    assert_eq!(issues(change), expect);
}

fn remove(manifest: &mut Value, pointer: &str, name: &str) {
    manifest.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name).unwrap();
}

#[test]
fn a_right_manifest_has_no_issue_and_its_hash() {
    let report = validate_manifest(manifest().to_string().as_bytes(), NOW);
    assert!(report.valid && report.issues.is_empty(), "{report:?}");
    assert_eq!(report.manifest_hash, omega_contract::hash(&manifest()).unwrap().to_string());
    assert_eq!(report.checked_at, NOW);
}

#[test]
fn each_field_has_its_rule() {
    check(
        |m| m["plugin_id"] = json!("Upper"),
        &[r#"plugin_id: has to match the pattern "^[a-z0-9][a-z0-9._-]{2,63}$""#],
    );
    check(|m| m["name"] = json!(""), &["name: has at least 1 characters"]);
    check(|m| m["name"] = json!("n".repeat(128)), &[]);
    check(|m| m["name"] = json!("n".repeat(129)), &["name: has at most 128 characters"]);
    check(|m| m["vendor"] = json!("🦀".repeat(128)), &[]);
    check(|m| m["vendor"] = json!(7), &["vendor: has to be of type string"]);
    check(|m| m["description"] = json!("d".repeat(1024)), &[]);
    check(|m| m["description"] = json!("d".repeat(1025)), &["description: has at most 1024 characters"]);
    assert!(issues(|m| m["version"] = json!("1.2"))[0].starts_with("version: has to match the pattern"));
    assert!(issues(|m| m["version"] = json!("01.2.3"))[0].starts_with("version: has to match the pattern"));
    check(|m| m["version"] = json!("1.2.3-rc.1+build.5"), &[]);
    assert_eq!(issues(|m| m["limits"]["max_bytes"] = json!(0))[0], "limits.max_bytes: has to be at least 1");
    check(|m| m["limits"]["max_ms"] = json!(TIMEOUT_MS_MIN), &[]);
    check(|m| m["limits"]["max_ms"] = json!(TIMEOUT_MS_MIN - 1), &["limits.max_ms: has to be at least 100"]);
    check(|m| m["limits"]["max_ms"] = json!(MAX_MS_WARN_ABOVE), &[]);
    check(
        |m| m["limits"]["max_ms"] = json!(MAX_MS_WARN_ABOVE + 1),
        &["~limits.max_ms: is over 60000: callers may wait for more than a minute"],
    );
    assert_eq!(issues(|m| m["limits"]["max_ms"] = json!(TIMEOUT_MS_MAX)).len(), 1);
    assert_eq!(
        issues(|m| m["limits"]["max_ms"] = json!(TIMEOUT_MS_MAX + 1))[0],
        "limits.max_ms: has to be at most 86400000"
    );
    check(|m| m["limits"]["max_concurrency"] = json!(CONCURRENCY_MAX), &[]);
    check(
        |m| m["limits"]["max_concurrency"] = json!(CONCURRENCY_MAX + 1),
        &["limits.max_concurrency: has to be at most 100"],
    );
    check(|m| m["limits"]["max_concurrency"] = json!(0), &["limits.max_concurrency: has to be at least 1"]);
    check(|m| m["limits"]["max_concurrency"] = json!(1.5), &["limits.max_concurrency: has to be of type integer"]);
    // 4.0 is the integer 4 to JSON Schema, and in canonical form.
    check(|m| m["limits"]["max_concurrency"] = json!(4.0), &[]);
    check(
        |m| m["determinism"]["mode"] = json!("often"),
        &[r#"determinism.mode: has to be one of "deterministic", "probabilistic""#],
    );
    check(
        |m| m["evidence"]["log_level"] = json!("none"),
        &[r#"evidence.log_level: has to be one of "full", "summary", "minimal""#],
    );
    check(|m| m["extra"] = json!(1), &["extra: is not a field of the contract here; remove it"]);
    check(
        |m| m["io"]["inputs"][0]["limits"]["min_bytes"] = json!(1),
        &["io.inputs[0].limits.min_bytes: is not a field of the contract here; remove it"],
    );
    check(|m| remove(m, "", "evidence"), &["evidence: is missing"]);
    check(|m| remove(m, "/io/outputs/1/limits", "max_bytes"), &["io.outputs[1].limits.max_bytes: is missing"]);
    assert_eq!(issues(|m| m["capabilities"] = json!([]))[0], "capabilities: has at least 1 items");
    check(|m| m["capabilities"].as_array_mut().unwrap().push(json!("read_text")), &["capabilities: has an item twice"]);
}

#[test]
fn rules_between_fields() {
    let input = |m: &mut Value, index: usize, kind: &str, schema_ref: &str| {
        m["io"]["inputs"][index] = json!({"kind": kind, "schema_ref": schema_ref, "limits": {"max_bytes": 1}});
    };
    check(
        |m| input(m, 3, "text", "schemas/inputs/text.schema.json"),
        &["io.inputs[3].kind: is the second of kind text; there is at most one per kind, except json"],
    );
    check(|m| input(m, 3, "json", "schemas/other.json"), &[]);
    check(
        |m| input(m, 3, "json", "schemas/inputs/json.schema.json"),
        &[
            "io.inputs[3].schema_ref: is that of another json descriptor; a json payload is told apart by its schema_ref",
        ],
    );
    let form = "io.inputs[0].schema_ref: an `omega:` reference";
    for (reference, expect) in [
        ("omega:every-kind:input:text:v1.0.0", None),
        ("omega:other-id:input:text:v1.0.0", Some("names this plugin's own id")),
        ("omega:every-kind:output:text:v1.0.0", Some("says `input` among the inputs")),
        ("omega:every-kind:input:text:1.0.0", Some("reads omega:<plugin_id>:<input|output>:<name>:v<x.y.z>")),
    ] {
        let found = issues(|m| input(m, 0, "text", reference));
        match expect {
            None => assert_eq!(found, [""; 0], "{reference}"),
            Some(part) => {
                assert!(found.len() == 1 && found[0].starts_with(form) && found[0].contains(part), "{found:?}");
            }
        }
    }
    for path in ["../escape.json", "/etc/passwd", "a\\b", "https://example.com/schema"] {
        let found = issues(|m| input(m, 0, "text", path));
        assert_eq!(
            found,
            ["io.inputs[0].schema_ref: a schema path is relative, with `/` between plain names and no `..`"]
        );
    }
    check(
        |m| m["io"]["inputs"][0]["limits"]["max_bytes"] = json!(20_001),
        &["~io.inputs[0].limits.max_bytes: is over limits.max_bytes (20000), which is the one that counts"],
    );
    check(|m| m["io"]["outputs"] = json!([]), &["~io.outputs: is empty: no call of this plugin can have a result"]);
}

#[test]
fn redactions_are_json_pointers() {
    for right in ["", "/", "/a/b", "/a~0b~1c", "/data/0"] {
        check(|m| m["evidence"]["redactions"] = json!([right]), &[]);
    }
    for wrong in ["a", "#/a", "/a~", "/a~2", "$.a"] {
        let found = issues(|m| m["evidence"]["redactions"] = json!(["/ok", wrong]));
        assert!(found.len() == 1 && found[0].starts_with("evidence.redactions[1]: is a JSON Pointer"), "{found:?}");
    }
}

#[test]
fn the_entry_file_is_in_the_package_and_of_a_known_kind() {
    for right in ["plugin.wasm", "src/main.py", "dist/a.js", "b.mjs"] {
        check(|m| m["entrypoint"]["file"] = json!(right), &[]);
    }
    for wrong in ["plugin", "plugin.exe", "plugin.wasm.sh", ".wasmx", "PLUGIN.WASM"] {
        let found = issues(|m| m["entrypoint"]["file"] = json!(wrong));
        assert!(found.len() == 1 && found[0].starts_with("entrypoint.file: has to match the pattern"), "{found:?}");
    }
    for wrong in ["../plugin.wasm", "/plugin.wasm", "a//b.py", "c:\\a.js"] {
        let found = issues(|m| m["entrypoint"]["file"] = json!(wrong));
        assert!(found.len() == 1 && found[0].starts_with("entrypoint.file: is a path inside the package"), "{found:?}");
    }
    check(|m| m["entrypoint"]["type"] = json!("native"), &[r#"entrypoint.type: has to be "worker""#]);
}

#[test]
fn api_1_1_brings_its_fields_and_only_there() {
    let add = |m: &mut Value| {
        m["publisher"] = json!("acme");
        m["authors"] = json!(["A. Author"]);
        m["license"] = json!("Apache-2.0");
        m["homepage"] = json!("https://example.com");
        m["config_schema"] = json!({"type": "object"});
    };
    let old = issues(add);
    assert_eq!(old.len(), 5);
    assert!(
        old.iter().all(|issue| issue.ends_with("is a field of API 1.1; raise api_version to 1.1.0 or remove it")),
        "{old:?}"
    );
    let new = |m: &mut Value| {
        add(m);
        m["api_version"] = json!(OMEGA_PLUGIN_API_VERSION);
    };
    check(new, &[]);
    let container = |m: &mut Value| {
        new(m);
        m["entrypoint"] =
            json!({"type": "container", "image": "example/tool:1", "command": ["run", "{dataset}"], "mounts": {}});
    };
    check(container, &[]);
    let mountless = |m: &mut Value| {
        container(m);
        m["entrypoint"]["mounts"] = json!({"out": "relative", "tmp": "/tmp"});
    };
    check(
        mountless,
        &[
            r#"entrypoint.mounts.out: has to match the pattern "^/""#,
            "entrypoint.mounts.tmp: is not a field of the contract here; remove it",
        ],
    );
    let dataset = |m: &mut Value| {
        new(m);
        m["entrypoint"] = json!({"type": "dataset", "callable": "pkg.mod:run"});
    };
    check(dataset, &[]);
}

#[test]
fn every_issue_comes_at_once_and_bounded() {
    let found = issues(|m| {
        m["plugin_id"] = json!("no");
        m["name"] = json!("");
        m["capabilities"] = json!(["read_text", "process_spawn"]);
        m["io"]["inputs"][0]["limits"]["max_bytes"] = json!(0);
        m["supported_omega_api_versions"] = json!("soon");
        m["evidence"]["redactions"] = json!(["x"]);
        remove(m, "", "limits");
    });
    for field in [
        "plugin_id:",
        "name:",
        "capabilities[1]:",
        "io.inputs[0].limits.max_bytes:",
        "io.inputs[1].kind:",
        "supported_omega_api_versions:",
        "evidence.redactions[0]:",
        "limits:",
    ] {
        assert_eq!(found.iter().filter(|issue| issue.starts_with(field)).count(), 1, "{field} in {found:?}");
    }
    let many = |count: usize| issues(|m| m["evidence"]["redactions"] = Value::from(vec!["x"; count]));
    assert_eq!(many(ISSUES_MAX).len(), ISSUES_MAX);
    let past = many(ISSUES_MAX + 1);
    assert_eq!((past.len(), past[ISSUES_MAX].as_str()), (ISSUES_MAX + 1, ": 1 more issues are not listed"));
}

#[test]
fn bytes_that_are_no_manifest_are_said_to_be_none() {
    let check = |bytes: &[u8], expect: &str| {
        let report = validate_manifest(bytes, NOW);
        assert!(!report.valid);
        assert!(report.issues[0].message.contains(expect), "{report:?}");
        report
    };
    check(b"", "EOF");
    check(b"\xff\xfe", "not UTF-8, at byte 0");
    check(b"{\"name\":1,\"name\":2}", "duplicate key");
    check(b"[]", "has to be of type object");
    check(b"null", "has to be of type object");
    check("[".repeat(65).as_bytes(), "nested deeper");
    check(b"{\"limits\":{\"max_bytes\":9007199254740993}}", "outside");
    let limit = usize::try_from(MANIFEST_BYTES_MAX).unwrap();
    let sized = |bytes: usize| format!("{{}}{}", " ".repeat(bytes - 2)).into_bytes();
    assert!(!check(&sized(limit), "is missing").manifest_hash.is_empty());
    assert!(check(&sized(limit + 1), "bytes, of which at most").manifest_hash.is_empty());
}

/// A manifest with one value anywhere replaced by another.
fn mutated() -> impl Strategy<Value = Value> {
    let values = prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        Just(json!(-1)),
        Just(json!(1e300)),
        Just(json!("")),
        Just(json!(["read_text", 5, null])),
        Just(json!("omega:a:b")),
        Just(json!({"kind": "text"})),
        Just(json!([{}])),
    ];
    (any::<proptest::sample::Index>(), values).prop_map(|(place, value)| {
        let mut manifest = manifest();
        let pointers = places(&manifest, |_| false);
        let pointer: &String = place.get(&pointers);
        *manifest.pointer_mut(pointer).unwrap() = value;
        manifest
    })
}

proptest! {
    #[test]
    fn never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(!validate_manifest(&bytes, NOW).valid);
    }

    #[test]
    fn never_panics_on_a_manifest_with_one_wrong_part(manifest in mutated()) {
        let check = check_manifest(manifest.to_string().as_bytes());
        // What passes has the type's shape, and an API version in common.
        if check.report(NOW).valid {
            prop_assert!(check.manifest.is_some() && check.api_version.is_some());
        }
    }
}
