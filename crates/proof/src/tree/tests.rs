use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

fn hashes(count: u32) -> Vec<Sha256Hex> {
    (0..count).map(|n| Sha256Hex::of(&n.to_be_bytes())).collect()
}

/// RFC 6962, section 2.1, word for word.
fn by_definition(entries: &[Sha256Hex]) -> Sha256Hex {
    let digest = match entries {
        [] => Sha256::digest(b""),
        [entry] => Sha256::new().chain_update([0]).chain_update(entry.as_bytes()).finalize(),
        _ => {
            let (left, right) = entries.split_at(entries.len().next_power_of_two() / 2);
            let (left, right) = (by_definition(left), by_definition(right));
            Sha256::new().chain_update([1]).chain_update(left.as_bytes()).chain_update(right.as_bytes()).finalize()
        }
    };
    Sha256Hex::from_bytes(digest.into())
}

#[test]
fn roots_are_those_of_rfc_6962() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(TreeHead::EMPTY.root.to_string(), empty);
    let entries = hashes(70);
    let tree = MemoryTree::of(&entries);
    for length in 0..=entries.len() {
        let root = by_definition(&entries[..length]);
        assert_eq!(crate::run_root::run_root(&entries[..length]), root, "{length}");
        assert_eq!(tree.head_at(length as u64).unwrap(), TreeHead { size: length as u64, root });
    }
    assert!(
        tree.head_at(71).is_err() && tree.inclusion_proof(70, 70).is_err() && tree.consistency_proof(1, 71).is_err()
    );
}

#[test]
fn each_leaf_has_one_place() {
    let entries = hashes(33);
    let tree = MemoryTree::of(&entries);
    for size in 1..=33_u64 {
        let head = tree.head_at(size).unwrap();
        for index in 0..size {
            let hash = &entries[usize::try_from(index).unwrap()];
            let proof = tree.inclusion_proof(index, size).unwrap();
            assert_eq!(check_inclusion(hash, index, &head, &proof), Ok(()), "{index} of {size}");
            let other = &entries[usize::try_from((index + 1) % 33).unwrap()];
            assert!(check_inclusion(other, index, &head, &proof).is_err());
            assert!(check_inclusion(hash, index + 1, &head, &proof).is_err());
            assert!(check_inclusion(hash, index, &TreeHead { root: hash.to_owned(), ..head }, &proof).is_err());
            let longer: Vec<_> = proof.iter().chain([hash]).copied().collect();
            assert!(check_inclusion(hash, index, &head, &longer).is_err());
            if let Some((_, shorter)) = proof.split_last() {
                assert!(check_inclusion(hash, index, &head, shorter).is_err());
            }
        }
    }
}

#[test]
fn a_tree_extends_its_own_past_and_no_other() {
    let entries = hashes(33);
    let tree = MemoryTree::of(&entries);
    let mut other = entries.clone();
    other[0] = Sha256Hex::of(b"another history");
    let other = MemoryTree::of(&other);
    for new in 0..=33_u64 {
        let head = tree.head_at(new).unwrap();
        for old in 0..=new {
            let before = tree.head_at(old).unwrap();
            let proof = tree.consistency_proof(old, new).unwrap();
            assert_eq!(check_consistency(&before, &head, &proof), Ok(()), "{old} to {new}");
            let rewritten = other.head_at(new).unwrap();
            assert_eq!(check_consistency(&before, &rewritten, &proof).is_ok(), old == 0, "{old} to {new}");
            if old > 0 {
                let own = other.consistency_proof(old, new).unwrap();
                assert!(check_consistency(&before, &rewritten, &own).is_err(), "{old} to {new}");
            }
        }
    }
    let (old, new) = (tree.head_at(5).unwrap(), tree.head_at(3).unwrap());
    assert_eq!(check_consistency(&old, &new, &[]), Err(TreeFault::Shrunk { old: 5, new: 3 }));
}

#[test]
fn where_there_is_nothing_to_prove_the_proof_is_empty() {
    let tree = MemoryTree::of(&hashes(3));
    let (head, hash) = (tree.head(), Sha256Hex::of(b"x"));
    assert_eq!(check_consistency(&head, &head, &[]), Ok(()));
    assert!(check_consistency(&head, &head, &[hash]).is_err());
    assert!(check_consistency(&head, &TreeHead { root: hash, ..head }, &[]).is_err());
    assert_eq!(check_consistency(&TreeHead::EMPTY, &head, &[]), Ok(()));
    assert_eq!(check_consistency(&TreeHead::EMPTY, &TreeHead::EMPTY, &[]), Ok(()));
    assert!(check_consistency(&TreeHead::EMPTY, &head, &[hash]).is_err());
    let not_empty = TreeHead { size: 0, root: hash };
    assert_eq!(check_consistency(&not_empty, &head, &[]), Err(TreeFault::NotEmptyRoot { root: hash }));
    assert_eq!(check_inclusion(&hash, 0, &TreeHead::EMPTY, &[]), Err(TreeFault::NotInTree { index: 0, size: 0 }));
}

/// At the limits the answer is a fault of the proof, one past them a fault of the number; nothing overflows.
#[test]
fn sizes_and_proofs_are_bounded() {
    let hash = Sha256Hex::of(b"x");
    let head = |size| TreeHead { size, root: hash };
    let proof = |length| vec![hash; length];
    for size in [TREE_SIZE_MAX, TREE_SIZE_MAX - 1, 1 << 52, (1 << 52) + 1] {
        for length in [0, 1, INCLUSION_HASHES_MAX, INCLUSION_HASHES_MAX + 1, 10_000] {
            for index in [0, 1, size / 2, size - 1] {
                let got = check_inclusion(&hash, index, &head(size), &proof(length));
                assert_eq!(got, Err(TreeFault::NotIncluded { size }));
                let old = index + 1;
                if old != size {
                    let got = check_consistency(&head(old), &head(size), &proof(length));
                    assert_eq!(got, Err(TreeFault::NotConsistent { old, new: size }));
                }
            }
        }
    }
    for size in [TREE_SIZE_MAX + 1, 1 << 56, u64::MAX] {
        assert_eq!(check_inclusion(&hash, 0, &head(size), &[]), Err(TreeFault::TooLarge { size }));
        assert_eq!(check_consistency(&head(1), &head(size), &[]), Err(TreeFault::TooLarge { size }));
        assert_eq!(check_consistency(&head(size), &head(1), &[]), Err(TreeFault::TooLarge { size }));
    }
}

/// The longest proofs are taken: a leaf of a full tree of 2^52 + 1 leaves needs 53 hashes, and the proof from 2^52 - 1
/// leaves to one more than all the limit allows is as long as the limit says.
#[test]
fn the_longest_proofs_fit() {
    let (leaf, sibling) = (Sha256Hex::of(b"leaf"), Sha256Hex::of(b"sibling"));
    let size = TREE_SIZE_MAX;
    let mut root = tlog::record_hash(leaf.as_bytes());
    let proof = vec![sibling; INCLUSION_HASHES_MAX];
    for hash in &proof {
        root = tlog::node_hash(root, to_tlog(hash));
    }
    let head = TreeHead { size, root: from_tlog(root) };
    assert_eq!(check_inclusion(&leaf, 0, &head, &proof), Ok(()));
}

proptest! {
    #[test]
    fn never_panics(
        (index, old, size) in (any::<u64>(), any::<u64>(), any::<u64>()), seeds in prop::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let proof: Vec<_> = seeds.into_iter().map(Sha256Hex::from_bytes).collect();
        let hash = Sha256Hex::of(b"x");
        let head = |size| TreeHead { size, root: hash };
        prop_assert!(check_inclusion(&hash, index, &head(size), &proof).is_err());
        if old != size {
            prop_assert!(check_consistency(&head(old), &head(size), &proof).is_err());
        }
    }
}
