//! OpenSSL reads our keys and checks our signatures, and the reverse (spec page 2, "Signature").
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod outside;

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use omega_contract::Sha256Hex;
use omega_proof::dsse::{Envelope, IN_TOTO_PAYLOAD_TYPE, pae};
use omega_proof::key::{PublicKey, SecretKey};
use omega_proof::package::{FileDigests, sign_package};
use semver::Version;

/// Runs `openssl` with these arguments in `folder`; its standard output.
fn run(mut openssl: Command, folder: &Path, arguments: &str) -> Vec<u8> {
    let output = openssl.args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn openssl_s_keys_and_signatures_are_ours() {
    let openssl = || outside::openssl("openssl_s_keys_and_signatures_are_ours");
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let Some(program) = openssl() else { return };
    run(program, folder.path(), "genpkey -algorithm ed25519 -out key.pem");
    let pem = run(openssl().unwrap(), folder.path(), "pkey -in key.pem -pubout");
    let der = run(openssl().unwrap(), folder.path(), "pkey -in key.pem -pubout -outform DER");
    fs::write(at("message"), "message").unwrap();
    run(openssl().unwrap(), folder.path(), "pkeyutl -sign -inkey key.pem -rawin -in message -out signature");

    let secret = SecretKey::from_pem(&fs::read_to_string(at("key.pem")).unwrap()).unwrap();
    let public = PublicKey::from_pem(std::str::from_utf8(&pem).unwrap()).unwrap();
    assert_eq!(secret.public(), public);
    assert_eq!(public.to_pem().as_bytes(), pem);
    assert_eq!(public.key_id().0, Sha256Hex::of(&der));
    assert_eq!(secret.to_pem().as_bytes(), fs::read(at("key.pem")).unwrap());
    public.verify(b"message", &fs::read(at("signature")).unwrap()).unwrap();
    // Ed25519 is deterministic: the same key and message give the same signature everywhere.
    assert_eq!(secret.sign(b"message").as_slice(), fs::read(at("signature")).unwrap());
}

#[test]
fn our_keys_and_package_signatures_are_openssl_s() {
    let openssl = || outside::openssl("our_keys_and_package_signatures_are_openssl_s");
    let Some(program) = openssl() else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let secret = SecretKey::from_seed(*b"a seed of 32 bytes for this test");
    fs::write(at("key.pem"), secret.to_pem().as_bytes()).unwrap();
    fs::write(at("public.pem"), secret.public().to_pem()).unwrap();
    assert_eq!(run(program, folder.path(), "pkey -in key.pem -pubout"), secret.public().to_pem().as_bytes());

    let files = FileDigests::of_files([("a", b"a".as_slice())]);
    let envelope = sign_package(&files, &"some-plugin".parse().unwrap(), &Version::new(1, 0, 0), &secret);
    let envelope = Envelope::parse(&envelope, 1 << 20).unwrap();
    let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    fs::write(at("signed"), pae(IN_TOTO_PAYLOAD_TYPE, &decode(&envelope.payload))).unwrap();
    fs::write(at("signature"), decode(&envelope.signatures[0].sig)).unwrap();
    let verify = "pkeyutl -verify -pubin -inkey public.pem -rawin -in signed -sigfile signature";
    run(openssl().unwrap(), folder.path(), verify);

    fs::write(at("signed"), "another message").unwrap();
    let refused = openssl().unwrap().args(verify.split(' ')).current_dir(folder.path()).output().unwrap();
    assert!(!refused.status.success(), "openssl takes the signature for another message");
}
