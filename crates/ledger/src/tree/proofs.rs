//! Proofs from the packs: that an event is in a tree, that a tree extends an older one.
//!
//! Every tile that is read is checked against the root of the tree that is asked about (`tlog_tiles`), so that a damaged
//! tile gives an error and never a wrong proof. The hashes of many proofs are read together: each tile once.
//!
//! What never happens here: a read of a segment.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::path::{Path, PathBuf};

use omega_contract::Sha256Hex;
use omega_proof::tree::{TREE_SIZE_MAX, TreeHead, from_tlog, to_tlog};
use tlog_tiles::tlog::{self, Error, Hash, HashReader};
use tlog_tiles::{Tile, TileHashReader, TileReader};

use super::layout::{Layout, TILE_HEIGHT, open, read_exactly};
use super::packs::{NODE_BYTES, TILE_HASHES, TILES_DIR, level_counts};
use crate::error::{FaultKind, LedgerError, LedgerFault};

const IN_TREE: &str = "the indexes were found to be in the tree";

/// The packs of one ledger, read as the tree of one head.
pub(crate) struct Proofs {
    packs: StoredTiles,
    head: TreeHead,
}

impl Proofs {
    /// Of the tree of `head`, which the packs in `dir` are to hold.
    pub(crate) fn new(dir: &Path, head: TreeHead) -> Self {
        Self::of(dir, Layout::Packs, head)
    }

    /// Of tiles that are stored in this way.
    pub(crate) fn of(dir: &Path, layout: Layout, head: TreeHead) -> Self {
        let (dir, leaves) = (dir.to_owned(), head.size);
        let packs = StoredTiles { dir, layout, leaves, files: RefCell::default(), failure: RefCell::default() };
        Self { packs, head }
    }

    /// The leaf at `index`.
    pub(crate) fn leaf(&self, index: u64) -> Result<Sha256Hex, LedgerError> {
        self.check_range(index < self.head.size)?;
        let leaves = self.read(&[tlog::stored_hash_index(0, index)])?;
        Ok(leaves.first().copied().map(from_tlog).ok_or_else(|| mismatch(&self.head))?)
    }

    /// The inclusion proofs of these leaves (RFC 6962, section 2.1.1), each from the sibling up.
    pub(crate) fn inclusion(&self, indexes: &[u64]) -> Result<Vec<Vec<Sha256Hex>>, LedgerError> {
        self.check_range(indexes.iter().all(|index| *index < self.head.size))?;
        let prove = |index: &u64, from: &Known| tlog::prove_record(self.head.size, *index, from).expect(IN_TREE);
        let wanted = Known::default();
        indexes.iter().for_each(|index| drop(prove(index, &wanted)));
        let known = self.fetch(wanted)?;
        Ok(indexes.iter().map(|index| prove(index, &known).into_iter().map(from_tlog).collect()).collect())
    }

    /// The proof that this tree extends the one of its first `old` leaves (RFC 6962, section 2.1.2).
    pub(crate) fn consistency(&self, old: u64) -> Result<Vec<Sha256Hex>, LedgerError> {
        self.check_range(old <= self.head.size)?;
        if old == 0 {
            return Ok(Vec::new());
        }
        let prove = |from: &Known| tlog::prove_tree(self.head.size, old, from).expect(IN_TREE);
        let wanted = Known::default();
        drop(prove(&wanted));
        Ok(prove(&self.fetch(wanted)?).into_iter().map(from_tlog).collect())
    }

    /// The tree of the first `old` leaves.
    pub(crate) fn head_at(&self, old: u64) -> Result<TreeHead, LedgerError> {
        self.check_range(old <= self.head.size)?;
        let root = |from: &Known| tlog::tree_hash(old, from).expect(IN_TREE);
        let wanted = Known::default();
        root(&wanted);
        Ok(TreeHead { size: old, root: from_tlog(root(&self.fetch(wanted)?)) })
    }

    fn check_range(&self, holds: bool) -> Result<(), LedgerError> {
        if holds && self.head.size <= TREE_SIZE_MAX {
            return Ok(());
        }
        Err(LedgerError::NotInTree { size: self.head.size })
    }

    /// Reads what was asked for, each tile once.
    fn fetch(&self, wanted: Known) -> Result<Known, LedgerError> {
        let mut wanted: Vec<u64> = wanted.0.into_inner().into_keys().collect();
        wanted.sort_unstable();
        let hashes = if wanted.is_empty() { Vec::new() } else { self.read(&wanted)? };
        Ok(Known(RefCell::new(wanted.into_iter().zip(hashes).collect())))
    }

    fn read(&self, indexes: &[u64]) -> Result<Vec<Hash>, LedgerError> {
        let reader = TileHashReader::new(self.head.size, to_tlog(&self.head.root), &self.packs);
        let hashes = reader.read_hashes(indexes);
        if let Some(failure) = self.packs.failure.take() {
            return Err(failure);
        }
        hashes.map_err(|_| mismatch(&self.head).into())
    }
}

fn mismatch(head: &TreeHead) -> LedgerFault {
    let kind = FaultKind::TilesOtherRoot { size: head.size };
    LedgerFault { file: TILES_DIR.to_owned(), line: 0, offset: 0, kind }
}

/// Hashes by their number. One that is not known yet is noted, and some hash is given for it.
#[derive(Default)]
struct Known(RefCell<HashMap<u64, Hash>>);

impl HashReader for Known {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let mut known = self.0.borrow_mut();
        Ok(indexes.iter().map(|index| *known.entry(*index).or_default()).collect())
    }
}

/// Reads tiles from where they are stored.
struct StoredTiles {
    dir: PathBuf,
    layout: Layout,
    /// Of the whole tree.
    leaves: u64,
    files: RefCell<HashMap<String, File>>,
    /// What went wrong, in our own words.
    failure: RefCell<Option<LedgerError>>,
}

impl TileReader for StoredTiles {
    fn height(&self) -> u8 {
        TILE_HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            self.read_tile(tile).map_err(|failure| {
                *self.failure.borrow_mut() = Some(failure);
                Error::InvalidTile
            })
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _tiles: &[Tile], _data: &[Vec<u8>]) {}
}

impl StoredTiles {
    fn read_tile(&self, tile: &Tile) -> Result<Vec<u8>, LedgerError> {
        let (level, at) = (u32::from(tile.level()), tile.level_index() * TILE_HASHES);
        let count = level_counts(self.leaves).find(|(of, _)| *of == level).map_or(0, |(_, count)| count);
        let (name, first, _) = self.layout.file_of(level, at, count);
        let mut files = self.files.borrow_mut();
        let file = match files.entry(name.clone()) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(none) => none.insert(open(&self.dir, &name)?),
        };
        read_exactly(file, &name, (at - first) * NODE_BYTES, u64::from(tile.width()) * NODE_BYTES)
    }
}
