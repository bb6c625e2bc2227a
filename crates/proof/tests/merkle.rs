//! The Merkle tree against what others wrote: transparency-dev's probes, and the crate `ct-merkle`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod outside;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use ct_merkle::digest::Digest as _;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use omega_contract::Sha256Hex;
use omega_proof::tree::{MemoryTree, TreeHead, check_consistency, check_inclusion, check_leaf_inclusion, leaf_hash};
use proptest::prelude::*;
use serde_json::Value;

const SOURCE: &str = "github.com/transparency-dev/merkle, testdata, commit 417fb0c";

/// Every file below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// A hash of a probe; `None` where it is not one, which our types cannot even hold.
fn hash(value: &Value) -> Option<Sha256Hex> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap_or_default()).unwrap();
    bytes.try_into().ok().map(Sha256Hex::from_bytes)
}

fn proof(value: &Value) -> Option<Vec<Sha256Hex>> {
    value.as_array().map_or(Some(Vec::new()), |hashes| hashes.iter().map(hash).collect())
}

/// Runs each probe; gives how many were to be taken and how many to be refused.
fn probe(name: &str, check: impl Fn(&Value) -> Option<bool>) -> [usize; 2] {
    let Some(folder) = outside::vectors(name, "merkle/testdata", SOURCE) else { return [usize::MAX; 2] };
    let kind = if name.contains("inclusion") { "inclusion" } else { "consistency" };
    let mut seen = [0, 0];
    for file in files(&folder.join(kind)) {
        // The one odd case: its roots have 12 bytes, and it is to be taken.
        if file.ends_with("additional/sizes-are-equal-one-and-proof-is-empty.json") {
            continue;
        }
        let case: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let expect = !case["wantErr"].as_bool().unwrap();
        assert_eq!(check(&case).unwrap_or(false), expect, "{}: {}", file.display(), case["desc"]);
        seen[usize::from(!expect)] += 1;
    }
    seen
}

#[test]
fn inclusion_probes() {
    let [taken, refused] = probe("inclusion_probes", |case| {
        let head = TreeHead { size: case["treeSize"].as_u64()?, root: hash(&case["root"])? };
        let (leaf, index) = (hash(&case["leafHash"])?, case["leafIdx"].as_u64()?);
        Some(check_leaf_inclusion(&leaf, index, &head, &proof(&case["proof"])?).is_ok())
    });
    assert!(taken >= 6 && refused > 80, "{taken} to be taken, {refused} to be refused");
}

#[test]
fn consistency_probes() {
    let [taken, refused] = probe("consistency_probes", |case| {
        let old = TreeHead { size: case["size1"].as_u64()?, root: hash(&case["root1"])? };
        let new = TreeHead { size: case["size2"].as_u64()?, root: hash(&case["root2"])? };
        Some(check_consistency(&old, &new, &proof(&case["proof"])?).is_ok())
    });
    assert!(taken >= 5 && refused > 80, "{taken} to be taken, {refused} to be refused");
}

/// The tree of another author over the same entries.
fn theirs(entries: &[Sha256Hex]) -> MemoryBackedTree<sha2_of_ct::Sha256, [u8; 32]> {
    let mut tree = MemoryBackedTree::new();
    entries.iter().for_each(|entry| tree.push(*entry.as_bytes()));
    tree
}

fn bytes(proof: &[Sha256Hex]) -> Vec<u8> {
    proof.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

proptest! {
    #[test]
    fn ct_merkle_agrees(seeds in prop::collection::vec(any::<u32>(), 1..130), (a, b, c) in any::<(usize, usize, usize)>()) {
        let entries: Vec<Sha256Hex> = seeds.iter().map(|seed| Sha256Hex::of(&seed.to_be_bytes())).collect();
        let (ours, theirs_now) = (MemoryTree::of(&entries), theirs(&entries));
        let head = ours.head();
        prop_assert_eq!(theirs_now.root().as_bytes().to_vec(), head.root.as_bytes().to_vec());

        let index = a % entries.len();
        let proof = ours.inclusion_proof(index as u64, head.size).unwrap();
        let their_proof = theirs_now.prove_inclusion(index);
        prop_assert_eq!(their_proof.as_bytes().to_vec(), bytes(&proof));
        prop_assert!(check_inclusion(&entries[index], index as u64, &head, &proof).is_ok());
        let their_leaf = sha2_of_ct::Sha256::new().chain_update([0]).chain_update(entries[index].as_bytes()).finalize();
        prop_assert_eq!(leaf_hash(&entries[index]).as_bytes().to_vec(), their_leaf.to_vec());

        let old = 1 + b % entries.len();
        if old < entries.len() {
            let proof = ours.consistency_proof(old as u64, head.size).unwrap();
            let their_proof = theirs_now.prove_consistency(entries.len() - old);
            prop_assert_eq!(their_proof.as_bytes().to_vec(), bytes(&proof));
            let before = ours.head_at(old as u64).unwrap();
            prop_assert!(check_consistency(&before, &head, &proof).is_ok());
            prop_assert!(theirs_now.root().verify_consistency(&theirs(&entries[..old]).root(), &their_proof).is_ok());
            // And both say no to the same change.
            let mut wrong = proof;
            if let Some(hash) = (!wrong.is_empty()).then(|| c % wrong.len()) {
                wrong[hash] = Sha256Hex::of(b"wrong");
                prop_assert!(check_consistency(&before, &head, &wrong).is_err());
                let wrong = ct_merkle::ConsistencyProof::try_from_bytes(bytes(&wrong)).unwrap();
                prop_assert!(theirs_now.root().verify_consistency(&theirs(&entries[..old]).root(), &wrong).is_err());
            }
        }
    }
}
