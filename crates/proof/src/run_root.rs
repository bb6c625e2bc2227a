//! The RFC 6962 root over the event hashes of a run (spec page 3, "Proof bundle").
//!
//! What never happens here: hashing of our own. The tree is `tlog_tiles`' one.

use omega_contract::Sha256Hex;

use crate::tree::MemoryTree;

/// The Merkle tree hash (RFC 6962, section 2.1) whose leaf entries are the 32 raw bytes of each hash; of
/// no hashes, the SHA-256 of nothing.
pub fn run_root<'a>(event_hashes: impl IntoIterator<Item = &'a Sha256Hex>) -> Sha256Hex {
    MemoryTree::of(event_hashes).head().root
}
