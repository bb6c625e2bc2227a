//! The Merkle tree of RFC 6962 over event hashes: is an event in it, and does one tree extend another?
//!
//! A leaf's entry is the 32 raw bytes of an `event_hash` (spec page 3, "Merkle tree and checkpoints"). What never happens
//! here: hashing of our own (the tree is `tlog_tiles`' one), and a size or index from outside that reaches its arithmetic
//! unchecked: it overflows on sizes near the end of 64 bits.

use omega_contract::Sha256Hex;
use tlog_tiles::tlog::{self, Hash};

pub use memory::MemoryTree;

mod memory;

/// The most leaves a tree may have: the largest integer that every JSON reader takes. No ledger gets there, and
/// `tlog_tiles`' arithmetic, which counts a tree's nodes, holds far beyond.
pub const TREE_SIZE_MAX: u64 = (1 << 53) - 1;

/// The most hashes in one inclusion proof: one per level of the largest tree.
pub const INCLUSION_HASHES_MAX: usize = 53;

/// The most hashes in one consistency proof: one per level and the one that the two trees share (RFC 6962, section
/// 2.1.2: at most ceil(log2(n)) + 1).
pub const CONSISTENCY_HASHES_MAX: usize = INCLUSION_HASHES_MAX + 1;

/// What a tree is known by: how many leaves it has and its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    /// Leaves, which for a ledger is events.
    pub size: u64,
    /// The Merkle tree hash (RFC 6962, section 2.1); of no leaves, the SHA-256 of nothing.
    pub root: Sha256Hex,
}

impl TreeHead {
    /// The tree without leaves.
    pub const EMPTY: Self = Self { size: 0, root: Sha256Hex::from_bytes(tlog::EMPTY_HASH.0) };
}

/// Why a proof about a tree is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TreeFault {
    /// A size beyond [`TREE_SIZE_MAX`].
    #[error("a tree of {size} leaves is beyond the {TREE_SIZE_MAX} that are taken")]
    TooLarge {
        /// The size stated.
        size: u64,
    },
    /// A tree without leaves whose root is not that of no leaves.
    #[error("the root {root} is not that of a tree without leaves")]
    NotEmptyRoot {
        /// The root stated.
        root: Sha256Hex,
    },
    /// The index is not below the size.
    #[error("there is no leaf {index} in a tree of {size}")]
    NotInTree {
        /// The index asked about.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The newer tree is the smaller one.
    #[error("the newer tree has {new} leaves, the older one {old}")]
    Shrunk {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer tree.
        new: u64,
    },
    /// The proof does not lead from the leaf to the root.
    #[error("the inclusion proof does not lead to the root of the tree of {size}")]
    NotIncluded {
        /// The tree's size.
        size: u64,
    },
    /// The proof does not lead from the older root to the newer one.
    #[error("the tree of {new} leaves does not extend the one of {old}")]
    NotConsistent {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer tree.
        new: u64,
    },
}

/// The leaf of an event: SHA-256(0x00 ‖ the 32 raw bytes of its hash).
pub fn leaf_hash(event_hash: &Sha256Hex) -> Sha256Hex {
    from_tlog(tlog::record_hash(event_hash.as_bytes()))
}

/// Verifies that the event with `event_hash` is leaf `index` of the tree of `head` (RFC 6962, section 2.1.1; RFC 9162,
/// section 2.1.3.2). `proof` goes from the leaf's sibling up.
///
/// # Errors
/// [`TreeFault`]; never panics, on any input.
pub fn check_inclusion(
    event_hash: &Sha256Hex,
    index: u64,
    head: &TreeHead,
    proof: &[Sha256Hex],
) -> Result<(), TreeFault> {
    check_leaf_inclusion(&leaf_hash(event_hash), index, head, proof)
}

/// As [`check_inclusion`], for a leaf that was hashed already.
///
/// # Errors
/// [`TreeFault`]; never panics, on any input.
pub fn check_leaf_inclusion(
    leaf: &Sha256Hex,
    index: u64,
    head: &TreeHead,
    proof: &[Sha256Hex],
) -> Result<(), TreeFault> {
    check_head(head)?;
    let TreeHead { size, root } = *head;
    if index >= size {
        return Err(TreeFault::NotInTree { index, size });
    }
    if proof.len() > INCLUSION_HASHES_MAX {
        return Err(TreeFault::NotIncluded { size });
    }
    tlog::check_record(&to_tlog_all(proof), size, to_tlog(&root), index, to_tlog(leaf))
        .map_err(|_| TreeFault::NotIncluded { size })
}

/// Verifies that the tree of `new` begins with exactly the leaves of the tree of `old` (RFC 6962, section 2.1.2; RFC
/// 9162, section 2.1.4.2).
///
/// Two trees of one size are consistent if they are one tree, and any tree extends the one without leaves; in both cases
/// there is nothing to prove and the proof must be empty, as C2SP tlog-witness has it.
///
/// # Errors
/// [`TreeFault`]; never panics, on any input.
pub fn check_consistency(old: &TreeHead, new: &TreeHead, proof: &[Sha256Hex]) -> Result<(), TreeFault> {
    check_head(old)?;
    check_head(new)?;
    if old.size > new.size {
        return Err(TreeFault::Shrunk { old: old.size, new: new.size });
    }
    let inconsistent = TreeFault::NotConsistent { old: old.size, new: new.size };
    if proof.len() > CONSISTENCY_HASHES_MAX {
        return Err(inconsistent);
    }
    if old.size == 0 {
        return if proof.is_empty() { Ok(()) } else { Err(inconsistent) };
    }
    tlog::check_tree(&to_tlog_all(proof), new.size, to_tlog(&new.root), old.size, to_tlog(&old.root))
        .map_err(|_| inconsistent)
}

/// Refuses what no tree has: a size beyond the limit, leaves of nothing under another root than that of nothing.
///
/// # Errors
/// [`TreeFault::TooLarge`], [`TreeFault::NotEmptyRoot`].
pub fn check_head(head: &TreeHead) -> Result<(), TreeFault> {
    if head.size > TREE_SIZE_MAX {
        return Err(TreeFault::TooLarge { size: head.size });
    }
    if head.size == 0 && *head != TreeHead::EMPTY {
        return Err(TreeFault::NotEmptyRoot { root: head.root });
    }
    Ok(())
}

/// A hash as `tlog_tiles` has it.
pub const fn to_tlog(hash: &Sha256Hex) -> Hash {
    Hash(*hash.as_bytes())
}

/// A hash of `tlog_tiles`.
pub const fn from_tlog(hash: Hash) -> Sha256Hex {
    Sha256Hex::from_bytes(hash.0)
}

fn to_tlog_all(proof: &[Sha256Hex]) -> Vec<Hash> {
    proof.iter().map(to_tlog).collect()
}

#[cfg(test)]
mod tests;
