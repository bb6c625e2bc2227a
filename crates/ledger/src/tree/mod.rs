//! The Merkle tree over the ledger's event hashes (RFC 6962; spec page 3, "Merkle tree and checkpoints").
//!
//! Hashes lie in tiles of 256 as C2SP tlog-tiles has them, 256 tiles to a file (decision 14): level 0 holds the leaves,
//! each level above it the roots of the full tiles below. The tree is made from durable events only, read back from the
//! segments, so that whatever is lost of it above the newest checkpoint is made again.
//!
//! What never happens here: a signature, and a change of a hash that a checkpoint covers.

mod frontier;
mod hashing;
mod layout;
mod leaves;
mod packs;
mod proofs;

pub(crate) use frontier::Frontier;
pub(crate) use hashing::{Node, leaf};
pub(crate) use layout::{ENTRY_BYTES, Layout, StoredTree, bundled, entries_path, tile_path};
pub(crate) use leaves::EventHashes;
pub(crate) use packs::{
    NODE_BYTES, PACK_HASHES, PackWriters, TILE_HASHES, TILES_DIR, check_packs, level_counts, pack_name, read_nodes,
};
pub(crate) use proofs::Proofs;
