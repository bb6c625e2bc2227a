//! A tree whose nodes are all in memory: for the root over a run, for tests, and for ledgers that fit.
//!
//! What never happens here: forgetting a node. A ledger's own tree is in tiles, beside it.

use omega_contract::Sha256Hex;
use tlog_tiles::tlog::{self, Error, Hash, HashReader};

use super::{TREE_SIZE_MAX, TreeFault, TreeHead, from_tlog};

const COMPLETE: &str = "every node that the tree asks for was stored before";

/// A Merkle tree (RFC 6962, section 2.1) over event hashes.
#[derive(Debug, Default, Clone)]
pub struct MemoryTree {
    size: u64,
    nodes: Nodes,
}

impl MemoryTree {
    /// The tree over these hashes, in their order.
    pub fn of<'a>(event_hashes: impl IntoIterator<Item = &'a Sha256Hex>) -> Self {
        let mut tree = Self::default();
        event_hashes.into_iter().for_each(|hash| tree.append(hash));
        tree
    }

    /// Adds a leaf.
    ///
    /// # Panics
    /// Past [`TREE_SIZE_MAX`] leaves, which no memory holds.
    pub fn append(&mut self, event_hash: &Sha256Hex) {
        assert!(self.size < TREE_SIZE_MAX, "no memory holds so many leaves");
        let leaf = tlog::record_hash(event_hash.as_bytes());
        let added = tlog::stored_hashes_for_record_hash(self.size, leaf, &self.nodes).expect(COMPLETE);
        self.nodes.0.extend(added);
        self.size += 1;
    }

    /// Leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: from_tlog(tlog::tree_hash(self.size, &self.nodes).expect(COMPLETE)) }
    }

    /// Size and root of the tree as it was with `size` leaves.
    ///
    /// # Errors
    /// [`TreeFault::NotInTree`] where it never had so many.
    pub fn head_at(&self, size: u64) -> Result<TreeHead, TreeFault> {
        self.reached(size)?;
        Ok(TreeHead { size, root: from_tlog(tlog::tree_hash(size, &self.nodes).expect(COMPLETE)) })
    }

    /// The inclusion proof of leaf `index` in the tree of `size` leaves, from the sibling up.
    ///
    /// # Errors
    /// [`TreeFault::NotInTree`] where there is no such leaf or no such tree.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Sha256Hex>, TreeFault> {
        self.reached(size)?;
        let proof = tlog::prove_record(size, index, &self.nodes).map_err(|_| TreeFault::NotInTree { index, size })?;
        Ok(proof.into_iter().map(from_tlog).collect())
    }

    /// The proof that the tree of `new` leaves extends the one of `old`; empty where there is nothing to prove.
    ///
    /// # Errors
    /// [`TreeFault::Shrunk`], [`TreeFault::NotInTree`].
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<Sha256Hex>, TreeFault> {
        self.reached(new)?;
        if old > new {
            return Err(TreeFault::Shrunk { old, new });
        }
        if old == 0 {
            return Ok(Vec::new());
        }
        let proof = tlog::prove_tree(new, old, &self.nodes).expect(COMPLETE);
        Ok(proof.into_iter().map(from_tlog).collect())
    }

    fn reached(&self, size: u64) -> Result<(), TreeFault> {
        if size <= self.size { Ok(()) } else { Err(TreeFault::NotInTree { index: size - 1, size: self.size }) }
    }
}

/// Every node, in the order of `tlog_tiles`' storage.
#[derive(Debug, Default, Clone)]
struct Nodes(Vec<Hash>);

impl HashReader for Nodes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let find = |index: &u64| usize::try_from(*index).ok().and_then(|at| self.0.get(at)).copied();
        indexes.iter().map(|index| find(index).ok_or(Error::IndexesNotInTree)).collect()
    }
}
