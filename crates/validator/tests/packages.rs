//! Packages: what is verified, and what is refused with which code first.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use omega_contract::{Capability, ErrorCode, Severity};
use omega_proof::key::SecretKey;
use omega_validator::check_package_unsigned;
use serde_json::json;
use support::{Files, NOW, digests, files, manifest, operator, package_files, signed_by, trusted, verify};

#[test]
fn a_signed_package_is_verified() {
    let package = verify(&signed_by(files(&manifest()), &operator()), &[trusted(&operator())]).unwrap();
    assert_eq!(package.manifest().plugin_id.as_str(), "every-kind");
    assert_eq!(package.manifest_hash(), omega_contract::hash(&manifest()).unwrap());
    assert_eq!(package.package_digest(), digests(&files(&manifest())).package_digest());
    assert_eq!(package.key_id(), operator().public().key_id());
    assert_eq!(package.api_version().to_string(), "1.1.0");
    assert_eq!(package.code().map(|code| code.to_vec()), Some(b"\0asm".to_vec()));
}

fn check(change: impl Fn(&mut Files), code: ErrorCode, expect: &str) {
    let mut changed = signed_by(files(&manifest()), &operator());
    change(&mut changed);
    let rejection = verify(&changed, &[trusted(&operator())]).unwrap_err();
    assert_eq!(rejection.code, code, "{rejection}");
    assert!(rejection.message.contains(expect), "{rejection}");
    assert_eq!(rejection.package_digest, digests(&changed).package_digest());
}

#[test]
fn every_fault_has_its_code() {
    check(|f| drop(f.remove("SIGNATURE.dsse.json")), ErrorCode::SignatureMissing, "no signature");
    check(|f| drop(f.insert("SIGNATURE.dsse.json".into(), b"x".to_vec())), ErrorCode::SignatureInvalid, "envelope");
    check(
        |f| f.get_mut("plugin.wasm").unwrap().push(0),
        ErrorCode::PackageDigestMismatch,
        "\"plugin.wasm\" is not the one",
    );
    check(|f| drop(f.insert("extra".into(), vec![])), ErrorCode::PackageDigestMismatch, "not in its signature");
    check(|f| drop(f.remove("PLUGIN_MANIFEST.json")), ErrorCode::ManifestInvalid, "no PLUGIN_MANIFEST.json");
    check(|f| drop(f.remove("plugin.wasm")), ErrorCode::ManifestInvalid, "entrypoint.file: names no file");
    let text = "schemas/inputs/text.schema.json";
    check(
        |f| drop(f.remove(text)),
        ErrorCode::ManifestInvalid,
        "io.inputs[0].schema_ref: schemas/inputs/text.schema.json is not in",
    );
    check(
        |f| drop(f.insert(text.into(), b"{\"type\":3}".to_vec())),
        ErrorCode::SchemaInvalid,
        "io.inputs[0].schema_ref",
    );
    check(|f| drop(f.insert(text.into(), b"\xff".to_vec())), ErrorCode::SchemaInvalid, "not UTF-8");
}

#[test]
fn faults_of_the_manifest_come_in_full_before_the_signature() {
    let mut manifest = manifest();
    manifest["capabilities"].as_array_mut().unwrap().push(json!("network_access"));
    manifest["name"] = json!("");
    manifest["supported_omega_api_versions"] = json!("^2.0.0");
    let rejection = verify(&files(&manifest), &[]).unwrap_err();
    assert_eq!(rejection.code, ErrorCode::CapabilityForbidden);
    let fields: Vec<&str> = rejection.report.issues.iter().map(|issue| issue.field.as_str()).collect();
    assert_eq!(fields, ["name", "capabilities[6]", "supported_omega_api_versions"]);
    assert!(!rejection.report.valid);
}

#[test]
fn trust_may_be_narrowed_to_plugins_and_capabilities() {
    let signed = signed_by(files(&manifest()), &operator());
    let check = |plugins: &[&str], capabilities: Option<Vec<Capability>>, expect: Result<(), &str>| {
        let mut entry = trusted(&operator());
        entry.plugins = plugins.iter().map(|glob| (*glob).to_owned()).collect();
        entry.max_capabilities = capabilities;
        match (verify(&signed, &[entry]), expect) {
            (Ok(_), Ok(())) => {}
            (Err(rejection), Err(expect)) => {
                assert_eq!(rejection.code, ErrorCode::KeyUntrusted);
                assert!(rejection.message.contains(expect), "{rejection}");
            }
            (got, _) => panic!("{got:?}"),
        }
    };
    let all_but_one: Vec<Capability> =
        Capability::ALL.iter().copied().filter(|c| *c != Capability::WriteReport).collect();
    check(&[], None, Ok(()));
    check(&["other", "every-*"], Some(Capability::ALL.to_vec()), Ok(()));
    check(&["other"], None, Err("is trusted, but not for the plugin id every-kind"));
    check(&[], Some(all_but_one), Err("is trusted, but not for plugins that ask for write_report"));
    check(&[], Some(vec![]), Err("read_text"));

    assert_eq!(verify(&signed, &[]).unwrap_err().code, ErrorCode::KeyUntrusted);
    let stranger = SecretKey::from_seed([2; 32]);
    assert_eq!(verify(&signed, &[trusted(&stranger)]).unwrap_err().code, ErrorCode::KeyUntrusted);
    // An entry under the id of one key with the key of another approves neither.
    let (ours, theirs) = (trusted(&operator()), trusted(&stranger));
    let mut crossed = [ours.clone(), theirs.clone()];
    crossed[0].public_key_pem = theirs.public_key_pem;
    crossed[1].public_key_pem = ours.public_key_pem;
    assert_eq!(verify(&signed, &crossed).unwrap_err().code, ErrorCode::KeyUntrusted);
}

#[test]
fn the_signature_must_speak_of_this_manifest() {
    let mut other = manifest();
    other["version"] = json!("9.9.9");
    // signed_by writes version 1.2.3 into the predicate.
    let rejection = verify(&signed_by(files(&other), &operator()), &[trusted(&operator())]).unwrap_err();
    assert_eq!(rejection.code, ErrorCode::SignatureInvalid);
    assert!(rejection.message.contains("every-kind@1.2.3"), "{rejection}");
}

#[test]
fn an_unsigned_package_can_be_checked() {
    let report = check_package_unsigned(&package_files(&files(&manifest())), NOW);
    assert!(report.valid, "{report:?}");
    let mut slow = manifest();
    slow["limits"]["max_ms"] = json!(60_001);
    let report = check_package_unsigned(&package_files(&files(&slow)), NOW);
    assert!(report.valid && report.issues[0].severity == Severity::Warning, "{report:?}");
}
