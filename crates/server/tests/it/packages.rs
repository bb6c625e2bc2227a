//! Manifests that are checked, packages that are registered.

use std::sync::Arc;

use omega_gateway::PackageFiles;
use omega_gateway::contract::conformance::CONFORMANCE_FILE;
use omega_gateway::contract::manifest::{MANIFEST_FILE, SIGNATURE_FILE};
use omega_gateway::contract::{CheckId, Scope};
use omega_gateway::trial::sign_report;
use serde_json::{Value, json};

use crate::harness::{Answered, World, package, signed, tar_of};

async fn upload(world: &World, tar: Vec<u8>) -> Answered {
    world.post("/v1/plugins").body("application/x-tar", tar).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn any_bytes_are_a_manifest_to_be_checked() {
    let world = World::new().await;
    let before = world.event_count();
    let check = |bytes: &[u8]| world.post("/v1/manifests:validate").body("application/json", bytes.to_vec()).send();
    let good = package("examples/hello")[MANIFEST_FILE].to_vec();
    assert_eq!(check(&good).await.assert_ok()["valid"], true);
    for bytes in [&b"{}"[..], b"nonsense", b"\xff\xfe", b"[[[[", b"{\"plugin_id\":1}"] {
        let report = check(bytes).await.assert_ok();
        assert_eq!(report["valid"], false);
        assert!(!report["issues"].as_array().unwrap().is_empty());
    }
    check(b"").await.assert_problem(400, "request_invalid");
    let largest = vec![b' '; 256 * 1024];
    assert_eq!(check(&largest).await.assert_ok()["valid"], false);
    check(&[&largest[..], b" "].concat()).await.assert_problem(413, "payload_too_large");
    assert_eq!(world.event_count(), before, "nothing is recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_registered_once() {
    let world = World::new().await;
    let key = world.home.operator_key().unwrap();
    let tar = tar_of(&signed(package("examples/hello"), &key));
    let info = upload(&world, tar.clone()).await.assert_ok();
    assert_eq!((&info["status"], &info["signature_valid"]), (&json!("registered"), &json!(true)));
    let before = world.event_count();
    assert_eq!(upload(&world, tar).await.assert_ok(), info);
    assert_eq!(world.event_count(), before, "the same again changes nothing");
    let mut other = package("examples/hello");
    other.insert("more.txt".to_owned(), Arc::from(&b"x"[..]));
    upload(&world, tar_of(&signed(other, &key))).await.assert_problem(409, "version_conflict");
}

/// A report comes along with an upload as it does with a folder.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_comes_along_and_lets_a_package_be_enabled() {
    let world = World::with_config("require_conformance = true\n").await;
    let key = world.home.operator_key().unwrap();
    let files = signed(package("examples/hello"), &key);
    upload(&world, tar_of(&files)).await.assert_ok();
    world.post("/v1/plugins/hello:enable").send().await.assert_problem(422, "conformance_missing");
    let checks = CheckId::ALL.map(
        |id| json!({"id": id, "name": id.name(), "law": id.law(), "passed": true, "detail": "", "duration_ms": 0}),
    );
    let report = json!({
        "plugin_id": "hello", "timestamp": "2026-06-01T00:00:00Z", "passed": true, "checks": checks,
        "summary": {"total": 10, "passed_count": 10, "failed_count": 0},
        "package_digest": files.digests().package_digest(), "gateway_version": "0.1.0", "lane": null, "layers": [],
    });
    let report = sign_report(&serde_json::from_value(report).unwrap(), &key);
    let mut all: std::collections::BTreeMap<String, Arc<[u8]>> =
        files.iter().map(|(path, bytes)| (path.to_owned(), Arc::clone(bytes))).collect();
    all.insert(CONFORMANCE_FILE.to_owned(), Arc::from(report));
    upload(&world, tar_of(&PackageFiles::new(all).unwrap())).await.assert_ok();
    assert_eq!(world.post("/v1/plugins/hello:enable").send().await.assert_ok()["status"], "enabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_is_refused_is_recorded_and_never_enabled() {
    let world = World::new().await;
    let key = world.home.operator_key().unwrap();
    let mut unsigned = package("examples/hello");
    unsigned.remove(SIGNATURE_FILE);
    let unsigned = PackageFiles::new(unsigned).unwrap();
    let problem = upload(&world, tar_of(&unsigned)).await.assert_problem(422, "signature_missing");
    assert!(problem["event_index"].is_u64());

    let mut tampered: std::collections::BTreeMap<String, Arc<[u8]>> = signed(package("examples/hello"), &key)
        .iter()
        .map(|(path, bytes)| (path.to_owned(), Arc::clone(bytes)))
        .collect();
    tampered.insert("README.md".to_owned(), Arc::from(&b"other"[..]));
    upload(&world, tar_of(&PackageFiles::new(tampered).unwrap())).await.assert_problem(422, "package_digest_mismatch");

    let mut invalid = package("examples/hello");
    let mut manifest: Value = serde_json::from_slice(&invalid[MANIFEST_FILE]).unwrap();
    manifest["limits"]["max_ms"] = 1.into();
    invalid.insert(MANIFEST_FILE.to_owned(), Arc::from(manifest.to_string().into_bytes()));
    let problem = upload(&world, tar_of(&signed(invalid, &key))).await.assert_problem(422, "manifest_invalid");
    assert_eq!(problem["report"]["valid"], false);
    let index = usize::try_from(problem["event_index"].as_u64().unwrap()).unwrap();
    assert_eq!(world.events()[index].kind.as_str(), "REJECT");
    world.post("/v1/plugins/hello:enable").send().await.assert_problem(422, "plugin_rejected");
    let details = world.get("/v1/plugins/hello").send().await.assert_ok();
    assert_eq!((&details["plugin"]["status"], &details["manifest"]), (&json!("rejected"), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_archive_of_plain_files_is_not_looked_at() {
    let world = World::new().await;
    let before = world.event_count();
    let mut escaping = tar::Header::new_ustar();
    escaping.set_size(1);
    escaping.as_ustar_mut().unwrap().name[..9].copy_from_slice(b"../escape");
    escaping.set_cksum();
    let escaping = [&escaping.as_bytes()[..], &[b'x'; 512], &[0; 1024]].concat();
    let mut link = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    link.append_link(&mut header, "link", "/etc/passwd").unwrap();
    let whole = tar_of(&signed(package("examples/hello"), &world.home.operator_key().unwrap()));
    for tar in [
        b"nonsense".to_vec(),
        vec![0xff; 4096],
        escaping,
        link.into_inner().unwrap(),
        whole[..whole.len() / 2].to_vec(),
    ] {
        upload(&world, tar).await.assert_problem(422, "package_invalid");
    }
    assert_eq!(world.event_count(), before, "nothing is recorded of what is no package");
    assert!(!world.folder().join("escape").exists() && !world.home.path().join("escape").exists());
    world
        .post("/v1/plugins")
        .body("application/octet-stream", whole)
        .send()
        .await
        .assert_problem(415, "request_invalid");
    let stated = world.post("/v1/plugins").header("content-length", "1000000000").body("application/x-tar", "");
    stated.send().await.assert_problem(413, "payload_too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_token_registers_its_own_plugins_only() {
    let world = World::new().await;
    let key = world.home.operator_key().unwrap();
    let narrow = world.token("narrow", &[Scope::Publish], &["text-*"]).await;
    let before = world.event_count();
    let upload = |tar: Vec<u8>| world.post("/v1/plugins").token(&narrow).body("application/x-tar", tar).send();
    upload(tar_of(&signed(package("examples/hello"), &key))).await.assert_problem(403, "scope_denied");
    let mut nameless = package("examples/hello");
    nameless.insert(MANIFEST_FILE.to_owned(), Arc::from(&b"{}"[..]));
    upload(tar_of(&PackageFiles::new(nameless).unwrap())).await.assert_problem(403, "scope_denied");
    upload(vec![0; 1024]).await.assert_problem(403, "scope_denied");
    assert_eq!(world.event_count(), before, "nothing was recorded");
    assert_eq!(
        upload(tar_of(&signed(package("examples/text-stats"), &key))).await.assert_ok()["plugin_id"],
        "text-stats"
    );
}
