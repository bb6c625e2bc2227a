//! The conformance gate as an author meets it, and plugins that each break one of its checks.
//!
//! CG-05 and CG-09 cannot be broken by a plugin: each call has a sandbox of its own, and hashes and proofs are the gateway's. They
//! are broken in `omega-gateway`'s tests `conformance::`, by a gateway that fails in one thing.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::world::{World, snapshot};

/// The checks that did not pass.
fn failed(report: &Value) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("{report}"));
    assert_eq!(checks.len(), 10, "{report}");
    let failed = checks.iter().filter(|check| check["passed"] == false);
    failed.map(|check| check["id"].as_str().unwrap().to_owned()).collect()
}

fn detail(report: &Value, id: &str) -> String {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap()["detail"].as_str().unwrap().to_owned()
}

/// Certifies the folder and expects this one check, and no other, to fail with these words.
fn breaks(world: &World, folder: &str, id: &str, word: &str) {
    let report = world.json(["plugins", "certify", folder]);
    assert_eq!(failed(&report), [id], "{folder}: {report:#}");
    assert!(detail(&report, id).contains(word), "{folder}: {}", detail(&report, id));
    assert_eq!((&report["passed"], &report["summary"]["failed_count"]), (&json!(false), &json!(1)));
}

/// A copy of `hello` with a changed manifest.
fn changed(world: &World, name: &str, change: impl FnOnce(&mut Value)) {
    let folder = world.package("examples/hello");
    let mut manifest: Value = serde_json::from_str(&world.read("hello/PLUGIN_MANIFEST.json")).unwrap();
    change(&mut manifest);
    world.file("hello/PLUGIN_MANIFEST.json", manifest.to_string());
    fs::rename(folder, world.path().join(name)).unwrap();
}

#[test]
fn a_plugin_that_breaks_what_can_be_read_is_named() {
    let world = World::new();
    changed(&world, "nameless", |manifest| manifest["vendor"] = json!(""));
    breaks(&world, "nameless", "CG-01", "vendor");
    changed(&world, "unresolved", |manifest| manifest["io"]["outputs"][0]["schema_ref"] = json!("schemas/none.json"));
    breaks(&world, "unresolved", "CG-02", "schemas/none.json is not in the package");
    changed(&world, "limitless", |manifest| manifest["io"]["inputs"][0]["limits"]["max_bytes"] = json!(0));
    breaks(&world, "limitless", "CG-02", "max_bytes");
    changed(&world, "greedy", |manifest| {
        manifest["capabilities"].as_array_mut().unwrap().push("network_access".into());
    });
    breaks(&world, "greedy", "CG-03", "network_access is never given");
    changed(&world, "future", |manifest| manifest["supported_omega_api_versions"] = json!("^9.0.0"));
    breaks(&world, "future", "CG-10", "takes none of the API versions");
    // What took the place of the faulty part is named by every check that ran with it.
    let report: Value = serde_json::from_str(&world.read("future/CONFORMANCE.json")).unwrap();
    assert!(detail(&report, "CG-04").contains("stand-in for supported_omega_api_versions"), "{report}");
}

#[cfg(target_os = "linux")]
mod python {
    use super::*;

    /// A deterministic plugin of one Python file, with these examples.
    fn plugin(world: &World, id: &str, body: &str, output_schema: &Value, examples: &[&str]) {
        let text = |schema: &str| json!([{"kind": "text", "schema_ref": schema, "limits": {"max_bytes": 65536}}]);
        let manifest = json!({
            "plugin_id": id, "name": id, "vendor": "Tests", "description": "", "version": "1.0.0",
            "api_version": "1.0.0", "supported_omega_api_versions": "^1.0.0",
            "capabilities": ["read_text", "write_suggestion"],
            "io": {"inputs": text("schemas/in.json"), "outputs": text("schemas/out.json")},
            "limits": {"max_bytes": 65536, "max_ms": 1000, "max_concurrency": 4},
            "determinism": {"mode": "deterministic", "notes": ""},
            "evidence": {"log_level": "full", "redactions": []},
            "entrypoint": {"type": "worker", "file": "plugin.py", "export": "handle"},
        });
        world.file(&format!("{id}/PLUGIN_MANIFEST.json"), manifest.to_string());
        world.file(&format!("{id}/schemas/in.json"), "{}");
        world.file(&format!("{id}/schemas/out.json"), output_schema.to_string());
        for (number, example) in examples.iter().enumerate() {
            let request = json!({
                "request_id": "e", "run_id": "e", "timestamp": "2026-01-01T00:00:00Z", "context": {},
                "payload": {"kind": "text", "content": example, "encoding": "utf-8", "metadata": {}},
            });
            world.file(&format!("{id}/examples/{number}.json"), request.to_string());
        }
        let body = body.trim().replace('\n', "\n    ");
        let head = "from omega_plugin import Text, plugin\n\n@plugin\ndef handle(text: Text) -> Text:\n    ";
        world.file(&format!("{id}/plugin.py"), format!("{head}{body}\n"));
    }

    #[test]
    fn one_that_keeps_every_law_conforms() {
        let world = World::new();
        plugin(&world, "upper", "return Text(text.content.upper())", &json!({}), &["one", "two"]);
        let report = world.json(["plugins", "certify", "upper"]);
        assert_eq!(failed(&report), [""; 0], "{report:#}");
        assert_eq!((&report["lane"], &report["plugin_id"]), (&json!("worker"), &json!("upper")));
        assert!(report["layers"].to_string().contains("seccomp"), "{report:#}");
    }

    #[test]
    fn one_in_javascript_conforms_too() {
        let world = World::new();
        plugin(&world, "upper-js", "pass", &json!({}), &["one", "two"]);
        fs::remove_file(world.path().join("upper-js/plugin.py")).unwrap();
        let manifest = world.read("upper-js/PLUGIN_MANIFEST.json").replace("plugin.py", "plugin.js");
        world.file("upper-js/PLUGIN_MANIFEST.json", manifest);
        let answer = "{payload: {...payload, content: payload.content.toUpperCase()}}";
        world.file("upper-js/plugin.js", format!("export function handle({{payload}}) {{\n    return {answer};\n}}\n"));
        let report = world.json(["plugins", "certify", "upper-js"]);
        assert_eq!(failed(&report), [""; 0], "{report:#}");
        assert!(
            detail(&report, "CG-07").contains("in the same lane a program that never ends was stopped"),
            "{report:#}"
        );
        world.file(
            "upper-js/plugin.js",
            format!(
                "export function handle({{payload}}) {{\n    if (!payload.content) null.x;\n    return {answer};\n}}\n"
            ),
        );
        breaks(&world, "upper-js", "CG-06", "an empty text gave error (plugin_error)");
    }

    /// Native code reads the machine's clock, which the lane does not hold constant: `determinism: audited`.
    #[test]
    fn one_that_reads_the_clock_breaks_cg_04() {
        let world = World::new();
        let body = "
import ctypes
class Time(ctypes.Structure):
    _fields_ = [('seconds', ctypes.c_long), ('nanoseconds', ctypes.c_long)]
now = Time()
ctypes.CDLL(None).clock_gettime(0, ctypes.byref(now))
return Text(f'{text.content} at {now.nanoseconds}')";
        plugin(&world, "clock", body, &json!({}), &["one", "two"]);
        breaks(&world, "clock", "CG-04", "two runs of examples/0.json gave");
    }

    #[test]
    fn one_that_raises_on_an_empty_text_breaks_cg_06() {
        let world = World::new();
        plugin(&world, "first", "return Text(text.content.split()[0])", &json!({}), &["one two", "three"]);
        breaks(&world, "first", "CG-06", "an empty text gave error (plugin_error)");
    }

    #[test]
    fn one_that_never_ends_on_one_example_breaks_cg_07() {
        let world = World::new();
        let body = "while text.content == 'slow' and not text.metadata:\n    pass\nreturn Text(text.content)";
        plugin(&world, "slow", body, &json!({}), &["quick", "slow"]);
        breaks(&world, "slow", "CG-07", "examples/1.json: not within its 1000 ms");
    }

    #[test]
    fn one_whose_output_is_not_what_it_says_breaks_cg_08() {
        let world = World::new();
        let schema = json!({"properties": {"content": {"maxLength": 3}}});
        plugin(&world, "wordy", "return Text(text.content * 2)", &schema, &["ab", "a"]);
        breaks(&world, "wordy", "CG-08", "examples/0.json: rejected (output_schema_mismatch)");
    }

    /// It tries, and nothing comes of it: what CG-08 looks at is the host. (That the gate would see it is shown by a gateway
    /// that lets it happen.)
    #[test]
    fn one_that_writes_wherever_it_can_changes_nothing() {
        let world = World::new();
        let body = "
import os
for folder in ['/', '/tmp', '/home', '/etc', '/proc', '.', '..', os.path.dirname(__file__)]:
    try:
        open(os.path.join(folder, 'left-behind'), 'w').write('x')
    except OSError:
        pass
return Text(text.content)";
        plugin(&world, "writer", body, &json!({}), &["one"]);
        let report = world.json(["plugins", "certify", "writer"]);
        assert_eq!(failed(&report), [""; 0], "{report:#}");
        assert!(!world.path().join("writer/left-behind").exists());
    }
}

#[test]
fn a_report_for_people() {
    let world = World::new();
    world.package("examples/hello");
    snapshot!(world, world.omega(["plugins", "certify", "hello"]).whole());
    changed(&world, "greedy", |manifest| {
        manifest["capabilities"] = json!(["read_text", "write_suggestion", "env_access"]);
    });
    snapshot!(world, world.omega(["plugins", "certify", "greedy"]).whole());
}

#[test]
fn what_is_no_package_has_a_report_too_and_what_is_not_there_is_wrong_usage() {
    let world = World::empty();
    fs::create_dir(world.path().join("nothing")).unwrap();
    let ran = world.omega(["plugins", "certify", "nothing", "--json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, failed(&report).len()), (1, 10), "{}", ran.whole());
    assert_eq!(world.omega(["plugins", "certify", "nowhere"]).code, 2);
    world.file("package.tar", "x");
    assert_eq!(world.omega(["plugins", "certify", "package.tar"]).code, 2);
    let ran = world.omega(["plugins", "certify", "package.tar", "--output", "report.json"]);
    assert_eq!((ran.code, world.read("report.json").contains("\"passed\": false")), (1, true), "{}", ran.whole());
    assert_eq!(world.omega(["plugins", "certify", "nothing", "--home", "nowhere"]).code, 3, "a home that was named");
}

#[test]
fn a_report_is_no_part_of_the_package_and_is_taken_along() {
    let world = World::new();
    let folder: PathBuf = world.package("examples/hello");
    let before = world.json(["plugins", "sign", "hello"])["package_digest"].clone();
    let report = world.json(["plugins", "certify", "hello"]);
    assert_eq!((&report["package_digest"], &report["passed"]), (&before, &json!(true)));
    assert_eq!(world.json(["plugins", "sign", "hello"])["package_digest"], before);
    world.behind_the_back(|| world.file("home/omega.toml", "require_conformance = true\n"));

    // Without its report.
    fs::rename(folder.join("CONFORMANCE.json"), world.path().join("aside.json")).unwrap();
    let ran = world.omega(["plugins", "install", "hello", "--enable"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(ran.stderr.starts_with("error[conformance_missing]: ") && ran.stderr.contains("hint: "), "{}", ran.stderr);

    fs::rename(world.path().join("aside.json"), folder.join("CONFORMANCE.json")).unwrap();
    let installed = world.json(["plugins", "install", "hello", "--enable"]);
    assert_eq!(
        (&installed["plugin"]["status"], &installed["conformance"]["passed"]),
        (&json!("enabled"), &json!(true))
    );
    assert!(world.ok(["plugins", "info", "hello"]).contains("conformance"));
    assert!(world.ok(["config", "show"]).contains("require_conformance"));
    assert_eq!(world.ok(["invoke", "hello", "--text", "Ada"]), "Hello, Ada!");
    assert!(world.json(["registry", "rebuild"])["identical"].as_bool().unwrap());
}

#[test]
fn a_strangers_report_is_told_and_not_taken() {
    let world = World::new();
    world.package("examples/hello");
    world.ok(["plugins", "sign", "hello"]);
    world.ok(["keys", "generate", "stranger.pem"]);
    world.ok(["plugins", "certify", "hello", "--key", "stranger.pem"]);
    let ran = world.omega(["plugins", "install", "hello", "--enable"]);
    assert_eq!(ran.code, 0, "{}", ran.whole());
    assert!(ran.stderr.contains("warning: CONFORMANCE.json was not taken: none of its signatures"), "{}", ran.stderr);
    assert_eq!(world.json(["plugins", "info", "hello"])["conformance"], Value::Null);
}
