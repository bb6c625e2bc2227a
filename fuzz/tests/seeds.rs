//! Seeds that no target takes would leave the fuzzer in front of the first door: each `valid…` seed is taken.

use std::fs;
use std::path::PathBuf;

use omega_contract::{CapabilitySet, JsonTree, Manifest, PluginRequest, PluginResponse, Timestamp, strict_json};
use omega_fuzz::{BYTES_MAX, COMPONENT_EXPORT, SIGNED_PAYLOAD, package_files, seeds, signing_key};
use omega_lane_wasm::inspect::inspect;
use omega_proof::bundle::verify_bundle;
use omega_proof::checkpoint::verify_checkpoint;
use omega_proof::dsse::{Envelope, IN_TOTO_PAYLOAD_TYPE};
use omega_proof::line::strict_event;
use omega_proof::package::verify_package_signature;
use omega_validator::{CompiledSchema, parse_request, read_tar, validate_manifest};

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target)
}

/// The seeds of a target that are valid by their name.
fn valid(target: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder(target)).unwrap().map(|entry| entry.unwrap().path());
    let valid = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("valid"));
    let seeds: Vec<_> = valid.map(|path| fs::read(path).unwrap()).collect();
    assert!(!seeds.is_empty(), "no valid seed for {target}");
    seeds
}

#[test]
fn the_folder_holds_what_is_made() {
    for seed in seeds::all() {
        let path = folder(seed.target).join(seed.name);
        let stands = fs::read(&path).unwrap_or_default();
        assert!(
            stands == seed.bytes,
            "{}: `cargo run --manifest-path fuzz/Cargo.toml --example seeds`",
            path.display()
        );
    }
}

#[test]
fn contract_types_are_taken() {
    for bytes in valid("strict_json") {
        strict_json::parse(&bytes, BYTES_MAX).unwrap();
    }
    for bytes in valid("manifest") {
        strict_json::parse_as::<Manifest>(&bytes, BYTES_MAX).unwrap();
        let report = validate_manifest(&bytes, Timestamp::EPOCH);
        assert!(report.valid, "{report:?}");
    }
    for bytes in valid("request") {
        strict_json::parse_as::<PluginRequest>(&bytes, BYTES_MAX).unwrap();
        parse_request(&bytes).unwrap();
    }
    for bytes in valid("response") {
        strict_json::parse_as::<PluginResponse>(&bytes, BYTES_MAX).unwrap();
    }
}

#[test]
fn schemas_are_taken_with_their_instances() {
    for bytes in valid("schema") {
        let (schema, instance) = bytes.split_at(bytes.iter().position(|byte| *byte == 0).unwrap());
        let instance = String::from_utf8(instance[1..].to_vec()).unwrap();
        let tree = JsonTree::read(instance, BYTES_MAX).unwrap();
        CompiledSchema::compile(schema).unwrap().check(&tree).unwrap();
    }
}

#[test]
fn evidence_is_taken() {
    for bytes in valid("event_line") {
        strict_event(&bytes).unwrap();
    }
    for bytes in valid("bundle") {
        verify_bundle(&bytes, &[seeds::log_key()], &[]).unwrap();
    }
    for bytes in valid("checkpoint") {
        verify_checkpoint(&bytes, &seeds::log_key()).unwrap();
    }
    for bytes in valid("vkey") {
        assert_eq!(std::str::from_utf8(&bytes).unwrap().parse(), Ok(seeds::log_key()));
    }
    let key = signing_key();
    for bytes in valid("envelope") {
        let envelope = Envelope::parse(&bytes, BYTES_MAX).unwrap();
        assert_eq!(envelope.verify(IN_TOTO_PAYLOAD_TYPE, &[key.public()]).unwrap().bytes, SIGNED_PAYLOAD);
    }
    for bytes in valid("package_signature") {
        let signed = Envelope::sign(IN_TOTO_PAYLOAD_TYPE, &bytes, &[&key]).to_bytes();
        let taken =
            [&bytes, &signed].iter().any(|it| verify_package_signature(&package_files(), it, &[key.public()]).is_ok());
        assert!(taken);
    }
}

#[test]
fn packages_and_components_are_taken() {
    for bytes in valid("package") {
        assert_eq!(read_tar(&*bytes).unwrap().len(), 2);
    }
    for bytes in valid("component") {
        inspect(&bytes, COMPONENT_EXPORT, &CapabilitySet::new()).unwrap();
    }
}
