//! Ed25519 verification against C2SP/wycheproof: malleable, truncated and otherwise odd signatures.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod outside;

use omega_proof::key::PublicKey;
use serde_json::Value;

const SOURCE: &str = "github.com/C2SP/wycheproof, testvectors_v1/ed25519_test.json, commit dac1dd4";

#[test]
fn wycheproof_ed25519() {
    let Some(folder) = outside::vectors("wycheproof_ed25519", "wycheproof", SOURCE) else { return };
    let text = std::fs::read_to_string(folder.join("ed25519_test.json")).unwrap();
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let mut seen = [0_usize; 2];
    for group in list(&vectors["testGroups"]) {
        let raw: [u8; 32] = bytes(&group["publicKey"]["pk"]).try_into().unwrap();
        let key = PublicKey::from_pem(group["publicKeyPem"].as_str().unwrap());
        assert_eq!(key, PublicKey::from_bytes(&raw), "{}", group["publicKey"]["pk"]);
        for case in list(&group["tests"]) {
            let verdict = key.as_ref().is_ok_and(|key| key.verify(&bytes(&case["msg"]), &bytes(&case["sig"])).is_ok());
            assert_eq!(verdict, case["result"] == "valid", "tcId {}: {}", case["tcId"], case["comment"]);
            seen[usize::from(verdict)] += 1;
        }
    }
    assert_eq!(seen.iter().sum::<usize>() as u64, vectors["numberOfTests"].as_u64().unwrap());
    assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
