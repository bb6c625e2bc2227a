//! Keeping the log: checkpoints, the key that signs them, and who outside confirms them.

mod archive;
mod witness;

use omega_contract::{ErrorCode, Timestamp, Witness};
use omega_gateway::{Gateway, Home, HomeReader, Inconsistency, NewLog, OpenOptions};
use omega_ledger::Strictness;
use omega_proof::checkpoint::verify_checkpoint;
use omega_proof::note::SignedNote;

use crate::crash::projection::copy_folder;
use crate::harness::Bench;
use witness::{LocalWitness, Manner};

fn verify(home: &Home) -> omega_ledger::LedgerVerdict {
    let key = home.log_verifier_key().unwrap();
    omega_ledger::verify(&home.ledger_dir(), &key, Strictness::Strict, |_| ()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_covers_what_was_recorded_before_it() {
    let bench = Bench::new().await;
    let hello = bench.install("examples/hello").await;
    let answer = bench.text(&hello, "x").await;
    let signed = bench.gateway.admin().checkpoint().await.unwrap();
    assert!(answer.event_index < signed.head().size);
    let checkpoint = verify_checkpoint(signed.as_bytes(), &bench.home.log_verifier_key().unwrap()).unwrap();
    assert_eq!(checkpoint.head, *signed.head());
    let reader = HomeReader::open(&bench.home).unwrap();
    assert!(reader.checkpoint().unwrap().head().size >= signed.head().size);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_is_followed_from_the_first_and_survives_a_restart() {
    let bench = Bench::new().await;
    let first = bench.home.log_verifier_key().unwrap();
    let before = bench.gateway.admin().checkpoint().await.unwrap();
    let handed = bench.gateway.admin().rotate_log_key(None).await.unwrap();
    assert!(bench.gateway.admin().checkpoint().await.is_ok());
    let bench = bench.reopened().await;
    // Something new: the hand-over itself bears both signatures.
    bench.gateway.disable_plugin(&"nobody".parse().unwrap()).await.unwrap_err();
    let after = bench.gateway.admin().checkpoint().await.unwrap();
    assert!(after.head().size >= handed.head().size);
    assert!(verify_checkpoint(after.as_bytes(), &first).is_err(), "the old key still signs");
    let reader = HomeReader::open(&bench.home).unwrap();
    let found = reader.consistency(before.as_bytes(), &first).unwrap();
    assert!(found.verdict.is_ok(), "{found:?}");
    assert_eq!(bench.home.log_verifier_key().unwrap(), first, "what others hold stays");
    verify(&bench.home);
}

/// The ledger was handed over, and the process died before the new key had its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_a_crash_cut_off_is_finished() {
    let bench = Bench::new().await;
    let keys = bench.home.path().join("keys");
    let old = std::fs::read(keys.join("log.pem")).unwrap();
    bench.gateway.admin().rotate_log_key(None).await.unwrap();
    bench.gateway.disable_plugin(&"nobody".parse().unwrap()).await.unwrap_err();
    bench.gateway.admin().checkpoint().await.unwrap();
    let (home, _folder) = bench.closed();
    std::fs::rename(keys.join("log.pem"), keys.join("log.pem.next")).unwrap();
    std::fs::write(keys.join("log.pem"), &old).unwrap();
    let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
    gateway.admin().checkpoint().await.unwrap();
    drop(gateway);
    assert!(!keys.join("log.pem.next").exists());
    verify(&home);
    // A key that the ledger was never handed over to opens nothing.
    std::fs::write(keys.join("log.pem"), &old).unwrap();
    let refused = Gateway::open(&home, OpenOptions::default()).await.err().unwrap();
    assert_eq!(refused.code, ErrorCode::ConfigInvalid, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_outside_the_home_is_followed_by_another_outside() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("log.pem"), folder.path().join("second.pem"));
    let log = NewLog { origin: None, key_file: Some(first.clone()) };
    let home = Home::init_with(&folder.path().join("home"), Timestamp::EPOCH, &log).unwrap();
    let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
    let inside = gateway.admin().rotate_log_key(None).await.unwrap_err();
    assert_eq!(inside.code, ErrorCode::RequestInvalid, "a key outside is not followed by one inside: {inside}");
    gateway.admin().rotate_log_key(Some(&second)).await.unwrap();
    // With checkpoints by the new key on top, the old one's holder is still told what is the matter.
    gateway.disable_plugin(&"nobody".parse().unwrap()).await.unwrap_err();
    gateway.admin().checkpoint().await.unwrap();
    drop(gateway);
    let refused = Gateway::open(&home, OpenOptions::default()).await.err().unwrap();
    assert_eq!(refused.code, ErrorCode::ConfigInvalid, "{refused}");
    let config = home.path().join("omega.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("log.pem\"", "second.pem\"")).unwrap();
    drop(Gateway::open(&home, OpenOptions::default()).await.unwrap());
    let inside: Vec<_> = std::fs::read_dir(home.path().join("keys")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!inside.iter().any(|name| name.to_string_lossy().starts_with("log.pem")), "{inside:?}");
    // Without its key the home does not open, and nothing else is drawn in its place.
    std::fs::remove_file(&second).unwrap();
    assert_eq!(Gateway::open(&home, OpenOptions::default()).await.err().unwrap().code, ErrorCode::KeyInvalid);
    assert!(!second.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_put_back_or_written_anew_is_told_by_a_checkpoint_that_somebody_kept() {
    let bench = Bench::new().await;
    let trusted = bench.home.log_verifier_key().unwrap();
    let early = bench.gateway.admin().checkpoint().await.unwrap();
    let copy = bench.beside("early");
    copy_folder(&bench.home.ledger_dir(), &copy);
    let hello = bench.install("examples/hello").await;
    bench.text(&hello, "x").await;
    let late = bench.gateway.admin().checkpoint().await.unwrap();
    let reader = HomeReader::open(&bench.home).unwrap();
    let grown = reader.consistency(early.as_bytes(), &trusted).unwrap();
    let proof = grown.verdict.unwrap();
    omega_proof::tree::check_consistency(early.head(), &grown.new, &proof).unwrap();
    let (home, _folder) = bench.closed();

    // Put back: the whole folder as it was.
    std::fs::remove_dir_all(home.ledger_dir()).unwrap();
    copy_folder(&copy, &home.ledger_dir());
    let verdict = |kept: &[u8]| HomeReader::open(&home).unwrap().consistency(kept, &trusted).unwrap().verdict;
    assert_eq!(verdict(late.as_bytes()), Err(Inconsistency::RolledBack));
    // Written anew by who holds the key: as long as before, and other.
    for _ in 0..40 {
        let gateway =
            Gateway::open(&home, OpenOptions { actor: "forger".into(), ..OpenOptions::default() }).await.unwrap();
        gateway.disable_plugin(&"nobody".parse().unwrap()).await.unwrap_err();
        gateway.admin().checkpoint().await.unwrap();
    }
    verify(&home);
    assert_eq!(verdict(late.as_bytes()), Err(Inconsistency::Rewritten));
    let strange = HomeReader::open(&home).unwrap().consistency(b"x", &trusted).unwrap_err();
    assert_eq!(strange.code, ErrorCode::ProofInvalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_cosigns_what_extends_what_it_saw() {
    let bench = Bench::new().await;
    let local = LocalWitness::start(bench.home.log_verifier_key().unwrap(), Manner::Honest);
    let admin = bench.gateway.admin();
    admin.add_witness(local.entry("local")).await.unwrap();
    let first = admin.ask_witness("local").await.unwrap();
    assert_eq!(local.seen(), *first.checkpoint.head());
    let hello = bench.install("examples/hello").await;
    bench.text(&hello, "x").await;
    let second = admin.ask_witness("local").await.unwrap();
    assert!(second.checkpoint.head().size > first.checkpoint.head().size);
    assert_eq!((local.seen(), second.cosignature.time_unix_s), (*second.checkpoint.head(), 1_700_000_000));
    let reader = HomeReader::open(&bench.home).unwrap();
    assert_eq!(reader.witnesses().unwrap()[0].cosigned_size, Some(second.checkpoint.head().size));
    // The witness remembers more than this home: it says what it knows, and is shown the proof from there.
    std::fs::remove_dir_all(bench.home.path().join("cosigned")).unwrap();
    bench.text(&hello, "y").await;
    let third = admin.ask_witness("local").await.unwrap();
    let key = local.signer.witness_key();
    assert!(key.cosignature(&SignedNote::parse(third.checkpoint.as_bytes()).unwrap()).is_ok());
    admin.remove_witness("local").await.unwrap();
    assert_eq!(admin.ask_witness("local").await.unwrap_err().code, ErrorCode::WitnessUnknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cosignature_that_does_not_verify_is_not_kept() {
    for manner in [Manner::SignsByAnother, Manner::ClaimsMore] {
        let bench = Bench::new().await;
        let local = LocalWitness::start(bench.home.log_verifier_key().unwrap(), manner);
        let admin = bench.gateway.admin();
        admin.add_witness(local.entry("local")).await.unwrap();
        let refused = admin.ask_witness("local").await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::WitnessUnavailable, "{refused}");
        assert_eq!(refused.message.contains("rolled back"), manner == Manner::ClaimsMore, "{refused}");
        assert!(!bench.home.path().join("cosigned").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cosigned_note_is_taken_from_a_file() {
    let bench = Bench::new().await;
    let log = bench.home.log_verifier_key().unwrap();
    let local = LocalWitness::start(log.clone(), Manner::Honest);
    let admin = bench.gateway.admin();
    admin.add_witness(Witness { url: None, ..local.entry("offline") }).await.unwrap();
    assert_eq!(admin.ask_witness("offline").await.unwrap_err().code, ErrorCode::WitnessUnavailable);
    let checkpoint = admin.checkpoint().await.unwrap();
    let (_, line) = local.signer.cosign(checkpoint.as_bytes(), &log, 5).unwrap();
    let note = [checkpoint.as_bytes(), line.as_bytes()].concat();
    let taken = admin.take_cosignature("offline", &note).await.unwrap();
    assert_eq!((taken.checkpoint.as_bytes(), taken.cosignature.time_unix_s), (note.as_slice(), 5));
    let bare = admin.take_cosignature("offline", checkpoint.as_bytes()).await.unwrap_err();
    assert_eq!(bare.code, ErrorCode::WitnessUnavailable, "no cosignature in it: {bare}");
    let other = Bench::new().await;
    let strange = other.gateway.admin().checkpoint().await.unwrap();
    let refused = admin.take_cosignature("offline", strange.as_bytes()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::ProofInvalid, "another log's: {refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_witness_is_refused() {
    let bench = Bench::new().await;
    let admin = bench.gateway.admin();
    let local = LocalWitness::start(bench.home.log_verifier_key().unwrap(), Manner::Honest);
    let good = local.entry("a");
    let check = async |change: &dyn Fn(&mut Witness), expect: ErrorCode| {
        let mut witness = good.clone();
        change(&mut witness);
        assert_eq!(admin.add_witness(witness.clone()).await.unwrap_err().code, expect, "{witness:?}");
    };
    check(&|witness| witness.name.clear(), ErrorCode::RequestInvalid).await;
    check(&|witness| witness.name = "a/b".to_owned(), ErrorCode::RequestInvalid).await;
    check(&|witness| witness.verifier_key = "x".to_owned(), ErrorCode::KeyInvalid).await;
    // A log's key is no witness's.
    let log_key = bench.home.log_verifier_key().unwrap().to_string();
    check(&|witness| witness.verifier_key.clone_from(&log_key), ErrorCode::KeyInvalid).await;
    check(&|witness| witness.url = Some("https://w".to_owned()), ErrorCode::RequestInvalid).await;
    for number in 0..16 {
        admin.add_witness(Witness { name: format!("w{number}"), ..good.clone() }).await.unwrap();
    }
    check(&|_| (), ErrorCode::RequestInvalid).await;
    admin.add_witness(Witness { name: "w3".to_owned(), url: None, ..good.clone() }).await.unwrap();
}
