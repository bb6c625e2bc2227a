use omega_contract::Sha256Hex;
use proptest::prelude::*;

use super::*;
use crate::note::NOTE_SIGNATURES_MAX;
use crate::tree::TREE_SIZE_MAX;

const ORIGIN: &str = "omega.internal/01kagxyz0123456789abcdefgh";

fn signer(origin: &str, seed: u8) -> LogSigner {
    LogSigner::new(origin.parse().unwrap(), SecretKey::from_seed([seed; 32]))
}

fn log(seed: u8) -> LogSigner {
    signer(ORIGIN, seed)
}

fn head(size: u64) -> TreeHead {
    if size == 0 { TreeHead::EMPTY } else { TreeHead { size, root: Sha256Hex::of(&size.to_be_bytes()) } }
}

/// A note whose text is what the log would never write, signed by it all the same.
fn signed_text(log: &LogSigner, text: &str) -> Vec<u8> {
    note::sign(text, &[&log.note_signer()])
}

#[test]
fn a_signed_head_verifies_under_its_log_s_key() {
    for size in [0, 1, TREE_SIZE_MAX] {
        let signed = log(1).sign(&head(size));
        let checkpoint = verify_checkpoint(signed.as_bytes(), &log(1).verifier_key()).unwrap();
        assert_eq!((&checkpoint, checkpoint.head), (signed.checkpoint(), head(size)));
        assert_eq!(SignedCheckpoint::verified(signed.as_bytes(), &log(1).verifier_key()).unwrap(), signed);
        assert_eq!(unverified_checkpoint(signed.as_bytes()).unwrap(), checkpoint);
    }
    let (text, _) =
        log(1).sign(&head(7)).as_str().split_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert_eq!(text, format!("{ORIGIN}\n7\n{}", to_tlog(&head(7).root)));
    assert_eq!(Origin::internal("01KAGXYZ0123456789ABCDEFGH").unwrap().as_str(), ORIGIN);
    assert!(Origin::internal("a b").is_err());
}

#[test]
fn another_key_or_log_is_refused() {
    let signed = log(1).sign(&head(7));
    let check = |key: &VerifierKey, bytes: &[u8], expect: &str| {
        let fault = verify_checkpoint(bytes, key).unwrap_err();
        assert!(fault.to_string().contains(expect), "{fault}");
        assert_eq!(fault.code(), ErrorCode::ProofInvalid);
    };
    check(&log(2).verifier_key(), signed.as_bytes(), "there is no signature by");
    check(&signer("other", 1).verifier_key(), signed.as_bytes(), "there is no signature by");
    let foreign = signed_text(&log(1), &signed.checkpoint().to_text().replace(ORIGIN, "other"));
    check(&log(1).verifier_key(), &foreign, "the origin is \"other\"");
}

#[test]
fn a_checkpoint_has_one_form() {
    let root = to_tlog(&head(7).root).to_string();
    let check = |text: String, expect: Result<(), &str>| {
        let got = verify_checkpoint(&signed_text(&log(1), &text), &log(1).verifier_key());
        match (got, expect) {
            (Ok(checkpoint), Ok(())) => assert_eq!(checkpoint.to_text(), text),
            (Err(fault), Err(expect)) => assert!(fault.to_string().contains(expect), "{text}: {fault}"),
            (got, _) => panic!("{text}: {got:?}"),
        }
    };
    let no = Err("the note is no checkpoint");
    check(format!("{ORIGIN}\n7\n{root}\n"), Ok(()));
    check(format!("{ORIGIN}\n7\n{root}\nan extension\nand another\n"), Ok(()));
    check(format!("{ORIGIN}\n7\n{root}\n\n"), no);
    check(format!("{ORIGIN}\n7\n{root}\na\n\nb\n"), no);
    check(format!("{ORIGIN}\n7\n"), no);
    check(format!("{ORIGIN}\n07\n{root}\n"), no);
    check(format!("{ORIGIN}\n+7\n{root}\n"), no);
    check(format!("{ORIGIN}\n-7\n{root}\n"), no);
    check(format!("{ORIGIN}\n7 \n{root}\n"), no);
    check(format!("{ORIGIN}\n\n{root}\n"), no);
    check(format!("{ORIGIN}\n18446744073709551616\n{root}\n"), no);
    check(format!("{ORIGIN}\n7\n{}\n", root.trim_end_matches('=')), no);
    check(format!("{ORIGIN}\n7\n {root}\n"), no);
    check(format!("{ORIGIN}\n7\n{}\n", &root[4..]), no);
    check(format!("\n7\n{root}\n"), no);
    check(format!("a b\n7\n{root}\n"), Err("the origin is no name"));
    check(format!("{ORIGIN}\n0\n{root}\n"), Err("not that of a tree without leaves"));
    check(format!("{ORIGIN}\n{}\n{root}\n", TREE_SIZE_MAX + 1), Err("beyond the"));
}

/// The example that C2SP tlog-checkpoint and tlog-cosignature print. They print no keys: what can be seen is the form.
#[test]
fn the_checkpoint_of_the_specification_is_read() {
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let lines = "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
    let checkpoint = unverified_checkpoint(format!("{text}\n{lines}").as_bytes()).unwrap();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.head.size), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(checkpoint.to_text(), text);
    cosignature::tests::the_message_of_the_specification(text, lines.lines().nth(1).unwrap());
}

mod handovers {
    use super::*;

    fn chain() -> Vec<SignedCheckpoint> {
        vec![log(1).hand_over(&head(10), &log(2)).unwrap(), log(2).hand_over(&head(20), &log(3)).unwrap()]
    }

    fn bytes(notes: &[SignedCheckpoint]) -> Vec<Vec<u8>> {
        notes.iter().map(|note| note.as_bytes().to_owned()).collect()
    }

    fn refused(trusted: u8, notes: &[Vec<u8>], expect: &str) {
        let fault = LogKeys::follow(&log(trusted).verifier_key(), notes).unwrap_err();
        assert!(fault.to_string().contains(expect), "{expect}: {fault}");
        assert_eq!(fault.code(), ErrorCode::ProofInvalid);
    }

    #[test]
    fn a_key_speaks_within_its_term() {
        let check = |trusted: u8, by: u8, size: u64, expect: Result<(), &str>| {
            let keys = LogKeys::follow(&log(trusted).verifier_key(), &bytes(&chain())).unwrap();
            assert_eq!(*keys.latest(), log(3).verifier_key());
            let signed = log(by).sign(&head(size));
            match (keys.verify_checkpoint(signed.as_bytes()), expect) {
                (Ok((checkpoint, term)), Ok(())) => {
                    assert_eq!((checkpoint.head, &term.key), (head(size), &log(by).verifier_key()));
                }
                (Err(fault), Err(expect)) => assert!(fault.to_string().contains(expect), "{fault}"),
                (got, _) => panic!("trusted {trusted}, by {by}, {size}: {got:?}"),
            }
        };
        let (late, unknown) = (Err("which is not in its term"), Err("no key that is trusted"));
        for (by, size, expect) in [
            (1, 10, Ok(())),
            (1, 11, late),
            (2, 9, late),
            (2, 10, Ok(())),
            (2, 20, Ok(())),
            (2, 21, late),
            (3, 19, late),
            (3, 20, Ok(())),
            (3, TREE_SIZE_MAX, Ok(())),
            (4, 20, unknown),
        ] {
            check(1, by, size, expect);
            // Who trusts a later key knows nothing of the ones before.
            check(2, by, size, if by == 1 { unknown } else { expect });
            check(3, by, size, if by < 3 { unknown } else { expect });
        }
    }

    #[test]
    fn the_hand_over_itself_is_a_checkpoint_of_both() {
        let keys = LogKeys::follow(&log(1).verifier_key(), &bytes(&chain())).unwrap();
        let (checkpoint, term) = keys.verify_checkpoint(chain()[0].as_bytes()).unwrap();
        assert_eq!((checkpoint.head, term.from_size), (head(10), 10));
    }

    #[test]
    fn forged_and_replayed_ones_are_refused() {
        let [first, second] = <[_; 2]>::try_from(bytes(&chain())).unwrap();
        let text = |note: &[u8]| String::from_utf8(note.to_owned()).unwrap();
        let without = |note: &[u8], line: usize| {
            let text = text(note);
            let kept = text.lines().enumerate().filter(|(at, _)| *at != line);
            kept.flat_map(|(_, line)| [line, "\n"]).collect::<String>().into_bytes()
        };
        // origin, size, root, extension, empty, old key's line, new key's line
        refused(1, &[without(&first, 5)], "there is no signature by");
        refused(1, &[without(&first, 6)], "there is no signature by");
        refused(2, &[without(&first, 6)], "there is no signature by");
        refused(1, &[without(&first, 3)], "it names 0 keys");
        refused(1, &[log(1).sign(&head(10)).as_bytes().to_owned()], "it names 0 keys");
        refused(1, &[text(&first).replacen("\n10\n", "\n11\n", 1).into_bytes()], "does not verify");
        refused(1, std::slice::from_ref(&second), "there is no signature by");
        refused(1, &[first.clone(), first.clone()], "the log has or had the key");
        refused(1, &[first.clone(), second.clone(), first.clone()], "there is no signature by");
        refused(1, &[second.clone(), first.clone()], "there is no signature by");
        let earlier = log(2).hand_over(&head(9), &log(3)).unwrap();
        refused(1, &[first.clone(), earlier.as_bytes().to_owned()], "is at 9 leaves, the one before at 10");
        let back = log(2).hand_over(&head(10), &log(1)).unwrap();
        refused(1, &[first.clone(), back.as_bytes().to_owned()], "the log has or had the key");
        let own =
            signed_text(&log(1), &format!("{ORIGIN}\n0\n{}\n{LOG_KEY_EXTENSION} x\n", to_tlog(&TreeHead::EMPTY.root)));
        refused(1, &[own], "a verifier key is");
        let twice = format!("{}{LOG_KEY_EXTENSION} {}\n", chain()[0].checkpoint().to_text(), log(4).verifier_key());
        refused(1, &[note::sign(&twice, &[&log(1).note_signer(), &log(2).note_signer()])], "it names 2 keys");
        refused(1, &[b"x".to_vec()], "not a signed note");
        refused(1, &vec![first.clone(); HANDOVERS_MAX + 1], "65 hand-overs");
        // Another log's, although the keys are the same.
        let foreign = signer("other", 1).hand_over(&head(10), &signer("other", 2)).unwrap();
        refused(1, &[foreign.as_bytes().to_owned()], "cannot be handed over to a key of \"other\"");
        assert!(log(1).hand_over(&head(1), &log(1)).is_err());
        assert!(log(1).hand_over(&head(1), &signer("other", 2)).is_err());
        LogKeys::follow(&log(1).verifier_key(), &[first, second]).unwrap();
    }

    #[test]
    fn as_many_as_the_limit_are_followed() {
        let seed = |n: usize| u8::try_from(n + 1).unwrap();
        let notes: Vec<_> =
            (0..HANDOVERS_MAX).map(|n| log(seed(n)).hand_over(&head(5), &log(seed(n + 1))).unwrap()).collect();
        let keys = LogKeys::follow(&log(1).verifier_key(), &bytes(&notes)).unwrap();
        assert_eq!(*keys.latest(), log(seed(HANDOVERS_MAX)).verifier_key());
    }

    #[test]
    fn a_broken_line_by_a_key_of_the_log_is_not_passed_over() {
        let keys = LogKeys::follow(&log(1).verifier_key(), &bytes(&chain())).unwrap();
        let stale = log(3).sign(&head(30));
        let line = stale.as_str().lines().last().unwrap();
        let forged = format!("{}{line}\n", log(2).sign(&head(15)).as_str());
        let fault = keys.verify_checkpoint(forged.as_bytes()).unwrap_err();
        assert!(fault.to_string().contains("does not verify"), "{fault}");
    }
}

mod cosignatures {
    use super::*;

    const TIME: u64 = 1_679_315_147;

    fn witness(seed: u8) -> WitnessSigner {
        WitnessSigner::new("witness.example.com/w1".parse().unwrap(), SecretKey::from_seed([seed; 32]))
    }

    #[test]
    fn a_cosigned_checkpoint_is_both_s() {
        let (signed, log_key) = (log(1).sign(&head(7)), log(1).verifier_key());
        let (checkpoint, line) = witness(9).cosign(signed.as_bytes(), &log_key, TIME).unwrap();
        assert_eq!(checkpoint, *signed.checkpoint());
        let key = witness(9).witness_key();
        let cosigned = signed.cosigned(&line, &key).unwrap();
        assert_eq!(cosigned.cosigned(&line, &key).unwrap(), cosigned);
        assert_eq!(verify_checkpoint(cosigned.as_bytes(), &log_key).unwrap(), checkpoint);
        let note = SignedNote::parse(cosigned.as_bytes()).unwrap();
        let expect = Cosignature { witness: key.name().clone(), time_unix_s: TIME };
        assert_eq!(key.cosignature(&note).unwrap(), expect);
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        assert!(key.to_string().parse::<VerifierKey>().is_err());
        assert!(log_key.to_string().parse::<WitnessKey>().is_err());
        assert!(witness(8).witness_key().cosignature(&note).is_err());
    }

    #[test]
    fn a_cosignature_is_over_text_and_time() {
        let (signed, log_key) = (log(1).sign(&head(7)), log(1).verifier_key());
        let key = witness(9).witness_key();
        let (_, line) = witness(9).cosign(signed.as_bytes(), &log_key, TIME).unwrap();
        let refused = |signed: &SignedCheckpoint, line: &str| assert!(signed.cosigned(line, &key).is_err(), "{line}");
        refused(&log(1).sign(&head(8)), &line);
        let blob = base64::Engine::decode(&crate::base64_exact::STANDARD, line.trim_end().rsplit(' ').next().unwrap())
            .unwrap();
        let again = |blob: &[u8]| {
            let blob = base64::Engine::encode(&crate::base64_exact::STANDARD, blob);
            format!("— {} {blob}\n", key.name())
        };
        assert_eq!(again(&blob), line);
        for at in 4..blob.len() {
            let mut changed = blob.clone();
            changed[at] ^= 1;
            refused(&signed, &again(&changed));
        }
        refused(&signed, &again(&blob[..blob.len() - 1]));
        refused(&signed, &again(&blob[..11]));
        refused(&signed, &format!("{line}{line}"));
        refused(&signed, "");
        // A note's signature by the witness's key is no cosignature: types do not mix.
        let plain = LogSigner::new(key.name().as_str().parse().unwrap(), SecretKey::from_seed([9; 32]));
        refused(&signed, plain.sign(&head(7)).as_str().lines().last().unwrap());
        assert!(witness(9).cosign(signed.as_bytes(), &log(2).verifier_key(), TIME).is_err());
        assert!(witness(9).cosign(signed.as_bytes(), &log_key, 1 << 63).is_err());
        assert!(witness(9).cosign(signed.as_bytes(), &log_key, (1 << 63) - 1).is_ok());
    }

    #[test]
    fn lines_are_added_up_to_the_limit() {
        let (mut signed, log_key) = (log(1).sign(&head(7)), log(1).verifier_key());
        for n in 2..=NOTE_SIGNATURES_MAX {
            let witness = WitnessSigner::new(format!("w{n}").parse().unwrap(), SecretKey::from_seed([9; 32]));
            let (_, line) = witness.cosign(signed.as_bytes(), &log_key, TIME).unwrap();
            signed = signed.cosigned(&line, &witness.witness_key()).unwrap();
        }
        let (_, line) = witness(8).cosign(signed.as_bytes(), &log_key, TIME).unwrap();
        let fault = signed.cosigned(&line, &witness(8).witness_key()).unwrap_err();
        assert!(fault.to_string().contains("33 signature lines"), "{fault}");
    }
}

proptest! {
    #[test]
    fn any_single_byte_edit_is_detected(at in any::<usize>(), flip in 1_u8..=255) {
        let mut bytes = log(1).sign(&head(7)).as_bytes().to_owned();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        prop_assert!(verify_checkpoint(&bytes, &log(1).verifier_key()).is_err(), "byte {at}");
    }

    #[test]
    fn never_panics(text in r"[a0-9+/=\n ]{0,60}\n", lines in r"(— a [A-Za-z0-9+/]{8,12}={0,2}\n){0,2}") {
        let bytes = format!("{text}\n{lines}");
        prop_assert!(verify_checkpoint(bytes.as_bytes(), &log(1).verifier_key()).is_err());
        let _verdict = unverified_checkpoint(bytes.as_bytes());
        prop_assert!(LogKeys::follow(&log(1).verifier_key(), &[bytes.as_bytes()]).is_err());
    }
}
