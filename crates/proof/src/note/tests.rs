use base64::Engine as _;
use proptest::prelude::*;

use super::*;

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed([seed; 32])
}

fn named(name: &str, seed: u8) -> VerifierKey {
    VerifierKey::new(name.parse().unwrap(), key(seed).public())
}

fn note(text: &str, signers: &[(&str, u8)]) -> Vec<u8> {
    let keys: Vec<_> = signers.iter().map(|(name, seed)| (named(name, *seed), key(*seed))).collect();
    let signers: Vec<_> = keys.iter().map(|(verifier, key)| NoteSigner { verifier: verifier.clone(), key }).collect();
    sign(text, &signers.iter().map(|signer| signer as &dyn signed_note::Signer).collect::<Vec<_>>())
}

/// The example of Go's `sumdb/note`, whose keys are public.
const GO_VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const GO_LINE: &str =
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn go_s_note_is_verified_and_signed() {
    let vkey: VerifierKey = GO_VKEY.parse().unwrap();
    assert_eq!((vkey.name().as_str(), vkey.id(), vkey.to_string()), ("PeterNeumann", 0xc74f_20a3, GO_VKEY.to_owned()));
    let bytes = format!("{GO_TEXT}\n{GO_LINE}");
    assert_eq!(SignedNote::parse(bytes.as_bytes()).unwrap().verify(&vkey), Ok(GO_TEXT));

    // The private key is `PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz`: 0x01 and the seed.
    let private = STANDARD.decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz").unwrap();
    let secret = SecretKey::from_seed(private[1..].try_into().unwrap());
    let signer = NoteSigner { verifier: VerifierKey::new(vkey.name().clone(), secret.public()), key: &secret };
    assert_eq!(sign(GO_TEXT, &[&signer]), bytes.as_bytes());
}

/// The example that C2SP signed-note prints. It prints no key, so what can be seen is its form.
#[test]
fn the_note_of_the_specification_is_read() {
    let text = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n";
    let line = "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
    let bytes = format!("{text}\n{line}");
    let note = SignedNote::parse(bytes.as_bytes()).unwrap();
    assert_eq!((note.unverified_text(), note.to_bytes().as_slice()), (text, bytes.as_bytes()));
    let [signature] = note.signatures.as_slice() else { panic!("one line") };
    assert_eq!((signature.name(), signature.id()), ("quasimodo.example/salvatore", 0x367b_a04b));
    assert_eq!(signature.signature().len(), crate::key::SIGNATURE_BYTES);
}

#[test]
fn a_vkey_has_one_form() {
    let check = |text: &str, expect: &str| {
        let fault = text.parse::<VerifierKey>().unwrap_err();
        assert!(fault.to_string().contains(expect), "{text}: {fault}");
        assert_eq!(fault.code(), ErrorCode::KeyInvalid);
    };
    let text = named("example.com/log", 3).to_string();
    assert_eq!(text.parse::<VerifierKey>().unwrap(), named("example.com/log", 3));
    let (head, encoded) = text.rsplit_once('+').unwrap();
    check("", "a verifier key is");
    check("name+00000000", "a verifier key is");
    check(&format!("{text} "), "a verifier key is");
    check(&format!("{text}\n"), "a verifier key is");
    check(&text[..text.len() - 1], "a verifier key is");
    check(&format!("{text}="), "a verifier key is");
    check(&text.replace("example", "exampl"), "is not that of this name and key");
    check(&text.replace("example.com/log", ""), "a key's name is");
    check(&text.replace("example.com/log", "a b"), "a key's name is");
    check(&text.replace("example.com/log", "a\u{2003}b"), "a key's name is");
    check(&text.replace("example.com/log", "a\u{7f}b"), "a key's name is");
    check(&text.replace("example.com/log", &"x".repeat(KEY_NAME_BYTES_MAX + 1)), "a key's name is");
    let longest = named(&"x".repeat(KEY_NAME_BYTES_MAX), 1);
    assert_eq!(longest.to_string().parse(), Ok(longest));
    // `signed_note` itself takes a sign or capitals in the id.
    let id = head.rsplit_once('+').unwrap().1;
    assert_ne!(id, id.to_uppercase(), "take a key whose id has a letter");
    check(&text.replace(id, &id.to_uppercase()), "is not that of this name and key");
    check(&text.replace(id, &format!("0{id}")), "is not that of this name and key");
    let with = |bytes: &[u8]| format!("{head}+{}", STANDARD.encode(bytes));
    let mut raw = STANDARD.decode(encoded).unwrap();
    raw[0] = 4;
    check(&with(&raw), "the key is of signature type 0x04, here one of type 0x01 is needed");
    check(&with(&[]), "a verifier key is");
    check(&with(&[1]), "a verifier key is");
    check(&with(&[1; 34]), "a verifier key is");
    let mut weak = [0; 33];
    (weak[0], weak[1]) = (1, 1);
    check(&with(&weak), "small order");
}

#[test]
fn each_line_by_the_key_must_verify_and_one_must_be_there() {
    let (log, other) = (named("log", 1), named("other", 2));
    let check = |bytes: Vec<u8>, expect: Result<&str, &str>| {
        let got = SignedNote::parse(&bytes).map_err(|fault| fault.to_string());
        let got = got.as_ref().map_err(Clone::clone).and_then(|note| note.verify(&log).map_err(|f| f.to_string()));
        match (&got, &expect) {
            (Err(got), Err(expect)) => assert!(got.contains(expect), "{got}"),
            _ => assert_eq!(got.as_ref().ok(), expect.as_ref().ok(), "{got:?}"),
        }
    };
    let signed = note("text\n", &[("log", 1), ("other", 2)]);
    check(signed.clone(), Ok("text\n"));
    check(note("a\n\nb\n", &[("log", 1)]), Ok("a\n\nb\n"));
    check(note("text\n", &[("other", 2)]), Err("there is no signature by log+"));
    // The same key under another name, another key under the same name: unknown.
    check(note("text\n", &[("log2", 1)]), Err("there is no signature by log+"));
    check(note("text\n", &[("log", 2)]), Err("there is no signature by log+"));
    let text = String::from_utf8(signed).unwrap();
    check(text.replace("text", "test").into(), Err("does not verify"));
    // A second line by a known key is verified as the first is; `signed_note` passes over it.
    let stale = String::from_utf8(note("older\n", &[("log", 1)])).unwrap();
    let line = stale.lines().last().unwrap();
    check(format!("{text}{line}\n").into(), Err("does not verify"));
    let own = text.lines().nth(2).unwrap();
    check(format!("{text}{own}\n").into(), Ok("text\n"));
    let foreign = format!("{text}— somebody {}\n", STANDARD.encode([7; 9]));
    check(foreign.into(), Ok("text\n"));
    assert_eq!(SignedNote::parse(text.as_bytes()).unwrap().verify(&other), Ok("text\n"));
}

#[test]
fn a_note_has_one_form_and_limits() {
    let good = String::from_utf8(note("text\n", &[("log", 1)])).unwrap();
    let line = good.lines().last().unwrap();
    let refused = |text: &str| {
        assert_eq!(SignedNote::parse(text.as_bytes()), Err(NoteFault::Form), "{text:?}");
    };
    for text in ["", "\n", "\n\n", "text\n", "text\n\n", &good.replace("\n\n", "\n"), good.trim_end()] {
        refused(text);
    }
    refused(&good.replace("text", "te\txt"));
    refused(&good.replace('\n', "\r\n"));
    refused(&good.replace('—', "-"));
    refused(&good.replace("— log ", "— log  "));
    refused(&good.replace("log ", " "));
    refused(&good.replace("log ", "lo+g "));
    refused(&format!("{good}\n"));
    refused(&good.replace(line.rsplit(' ').next().unwrap(), "AAAAAA=="));
    refused(&good.replace(line.rsplit(' ').next().unwrap(), "AAAAAAB="));
    assert_eq!(SignedNote::parse(b"\xff\n\n\n"), Err(NoteFault::Form));

    let lines = |count: usize| format!("text\n\n{}", format!("{line}\n").repeat(count));
    assert!(SignedNote::parse(lines(NOTE_SIGNATURES_MAX).as_bytes()).is_ok());
    let count = NOTE_SIGNATURES_MAX + 1;
    assert_eq!(SignedNote::parse(lines(count).as_bytes()), Err(NoteFault::TooManySignatures { count }));
    let long = |bytes: usize| format!("{}{good}", "x".repeat(bytes - good.len()));
    assert!(SignedNote::parse(long(NOTE_BYTES_MAX).as_bytes()).is_ok());
    let bytes = NOTE_BYTES_MAX + 1;
    assert_eq!(SignedNote::parse(long(bytes).as_bytes()), Err(NoteFault::TooLong { bytes }));
}

/// `R` is the identity and `S = k·a`, where lenient verifiers nod: `signed_note`'s own does.
#[test]
fn a_signature_that_only_lenient_verifiers_take_is_refused() {
    let (secret, text) = (key(7), "message");
    let vkey = VerifierKey::new("log".parse().unwrap(), secret.public());
    let s: omega_contract::Sha256Hex =
        "d4c5323131ff9683cfb3d30197c786c9043f1052d6c2d5293f19d6f36b911104".parse().unwrap();
    let mut signature = [0; crate::key::SIGNATURE_BYTES];
    signature[0] = 1;
    signature[KEY_BYTES..].copy_from_slice(s.as_bytes());
    let theirs = signed_note::StandardVerifier::new(&vkey.to_string()).unwrap();
    assert!(signed_note::Verifier::verify(&theirs, text.as_bytes(), &signature), "the vector shows nothing");
    assert!(!signed_note::Verifier::verify(&vkey, text.as_bytes(), &signature));
}

proptest! {
    #[test]
    fn any_single_byte_edit_of_a_note_is_detected(at in any::<usize>(), flip in 1_u8..=255) {
        let mut bytes = note("text\n", &[("log", 1)]);
        let at = at % bytes.len();
        bytes[at] ^= flip;
        let taken = SignedNote::parse(&bytes).is_ok_and(|note| note.verify(&named("log", 1)).is_ok());
        prop_assert!(!taken, "byte {at}");
    }

    #[test]
    fn never_panics(text in r"[a— \n+=]{0,40}") {
        let _verdict = SignedNote::parse(text.as_bytes());
        let _verdict = text.parse::<VerifierKey>();
    }
}
