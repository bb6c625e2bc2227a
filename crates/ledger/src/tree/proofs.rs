//! Proofs from the packs: that an event is in a tree, that a tree extends an older one.
//!
//! Every tile that is read is checked against the root of the tree that is asked about, so that a damaged tile gives an
//! error and never a wrong proof. The hashes of many proofs are read together: each tile once.
//!
//! What never happens here: a read of a segment.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use omega_contract::Sha256Hex;
use omega_proof::tree::{TREE_SIZE_MAX, TreeHead, from_tlog};
use tlog_tiles::tlog::{self, Error, Hash, HashReader};

use super::frontier::Frontier;
use super::hashing::{Node, node};
use super::layout::{Layout, TILE_HEIGHT, open, read_exactly};
use super::packs::{NODE_BYTES, TILE_HASHES, TILES_DIR, level_counts};
use crate::error::{FaultKind, LedgerError, LedgerFault};

const IN_TREE: &str = "the indexes were found to be in the tree";

/// The packs of one ledger, read as the tree of one head.
pub(crate) struct Proofs {
    tiles: StoredTiles,
    head: TreeHead,
}

impl Proofs {
    /// Of the tree of `head`, which the packs in `dir` are to hold.
    pub(crate) fn new(dir: &Path, head: TreeHead) -> Self {
        Self::of(dir, Layout::Packs, head)
    }

    /// Of tiles that are stored in this way.
    pub(crate) fn of(dir: &Path, layout: Layout, head: TreeHead) -> Self {
        let tiles = StoredTiles {
            dir: dir.to_owned(),
            layout,
            head,
            files: RefCell::default(),
            tiles: RefCell::default(),
            has_edge: Cell::new(false),
        };
        Self { tiles, head }
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
        let node = |index: &u64| {
            let (level, number) = tlog::split_stored_hash_index(*index);
            self.tiles.node(level, number)
        };
        indexes.iter().map(node).collect()
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

/// Tiles as they are stored, each found to be what the root stands for before a hash of it is used.
///
/// `tlog_tiles` has a reader for this, which (0.2.0) leaves as many tiles unchecked as subtrees of the right edge share a
/// tile: it counts subtrees where it means tiles. Hence our own.
struct StoredTiles {
    dir: PathBuf,
    layout: Layout,
    head: TreeHead,
    files: RefCell<HashMap<String, File>>,
    /// Those that were checked, by level and number.
    tiles: RefCell<HashMap<(u32, u64), Rc<Tile>>>,
    /// The tiles of the right edge were read, and give the root.
    has_edge: Cell<bool>,
}

/// A tile with the roots of all complete subtrees in it: those are what proofs are made of.
struct Tile(Vec<Vec<Node>>);

impl Tile {
    fn new(hashes: Vec<Node>) -> Self {
        let mut levels = vec![hashes];
        while let Some(above) = levels.last().filter(|level| level.len() > 1) {
            let above = above.chunks_exact(2).map(|pair| node(&pair[0], &pair[1])).collect();
            levels.push(above);
        }
        Self(levels)
    }

    fn node(&self, level: u8, at: u64) -> Option<&Node> {
        self.0.get(usize::from(level))?.get(usize::try_from(at).ok()?)
    }
}

impl StoredTiles {
    /// The node at `index` of tree level `level`.
    fn node(&self, level: u8, index: u64) -> Result<Hash, LedgerError> {
        let (tile_level, above) = (u32::from(level / TILE_HEIGHT), level % TILE_HEIGHT);
        let first = index << above;
        let tile = self.tile(tile_level, first / TILE_HASHES)?;
        let node = tile.node(above, (first % TILE_HASHES) >> above);
        Ok(Hash(*node.ok_or_else(|| mismatch(&self.head))?))
    }

    fn tile(&self, level: u32, number: u64) -> Result<Rc<Tile>, LedgerError> {
        if !self.has_edge.get() {
            self.read_edge()?;
        }
        if let Some(tile) = self.tiles.borrow().get(&(level, number)) {
            return Ok(Rc::clone(tile));
        }
        // Not of the right edge, therefore full, and its root is a hash of the level above.
        let tile = Rc::new(Tile::new(self.read(level, number, TILE_HASHES)?));
        let above = self.tile(level + 1, number / TILE_HASHES)?;
        let stated = above.node(0, number % TILE_HASHES);
        if stated.is_none() || stated != tile.node(TILE_HEIGHT, 0) {
            let (name, ..) = self.layout.file_of(level, number * TILE_HASHES, self.count(level));
            return Err(LedgerFault::of_file(&name, FaultKind::TilesOtherRoot { size: self.head.size }).into());
        }
        self.tiles.borrow_mut().insert((level, number), Rc::clone(&tile));
        Ok(tile)
    }

    /// The tiles that are not full: together they give the root, or none of them is taken.
    fn read_edge(&self) -> Result<(), LedgerError> {
        let mut edge = Vec::new();
        let frontier = Frontier::load(self.head.size, |level, from, width| {
            let tile = self.read(level, from / TILE_HASHES, width as u64)?;
            edge.push(((level, from / TILE_HASHES), Rc::new(Tile::new(tile.clone()))));
            Ok::<_, LedgerError>(tile)
        })?;
        if frontier.head() != self.head {
            return Err(mismatch(&self.head).into());
        }
        self.tiles.borrow_mut().extend(edge);
        self.has_edge.set(true);
        Ok(())
    }

    fn count(&self, level: u32) -> u64 {
        level_counts(self.head.size).find(|(of, _)| *of == level).map_or(0, |(_, count)| count)
    }

    fn read(&self, level: u32, number: u64, width: u64) -> Result<Vec<Node>, LedgerError> {
        let at = number * TILE_HASHES;
        if at + width > self.count(level) {
            return Err(mismatch(&self.head).into());
        }
        let (name, first, _) = self.layout.file_of(level, at, self.count(level));
        let mut files = self.files.borrow_mut();
        let file = match files.entry(name.clone()) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(none) => none.insert(open(&self.dir, &name)?),
        };
        let bytes = read_exactly(file, &name, (at - first) * NODE_BYTES, width * NODE_BYTES)?;
        Ok(bytes.chunks_exact(32).filter_map(|node| Node::try_from(node).ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use omega_proof::tree::{MemoryTree, check_inclusion};

    use super::*;
    use crate::disk::OsDisk;
    use crate::tree::{PackWriters, leaf, pack_name};

    /// The packs of a tree over so many entries.
    fn packs(size: u32) -> (tempfile::TempDir, Vec<Sha256Hex>, TreeHead) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(TILES_DIR)).unwrap();
        let mut writers = PackWriters::open(Arc::new(OsDisk), dir.path(), 0).unwrap();
        let mut frontier = Frontier::default();
        let entries: Vec<_> = (0..size).map(|number| Sha256Hex::of(&number.to_be_bytes())).collect();
        for entry in &entries {
            frontier.push(leaf(entry.as_bytes()), |level, hash| writers.place(level, hash));
        }
        writers.write().unwrap();
        (dir, entries, frontier.head())
    }

    /// Where several subtrees of the right edge share a tile, and where they do not.
    #[test]
    fn an_edited_hash_never_makes_a_proof() {
        for size in [1, 255, 256, 257, 540, 767, 65_536 + 3 * 256 + 7] {
            let (dir, entries, head) = packs(size);
            let whole = MemoryTree::of(&entries);
            assert_eq!(head, whole.head());
            for (level, count) in level_counts(u64::from(size)) {
                // A hash of each tile.
                for at in (0..count).step_by(256).map(|first| (first + 70).min(count - 1)) {
                    let path = dir.path().join(pack_name(level, at / 65_536));
                    let genuine = std::fs::read(&path).unwrap();
                    let mut edited = genuine.clone();
                    edited[usize::try_from(at % 65_536).unwrap() * 32 + 5] ^= 1;
                    std::fs::write(&path, edited).unwrap();
                    let below = (at << (8 * level)).min(u64::from(size) - 1);
                    let proofs = Proofs::new(dir.path(), head);
                    assert!(proofs.leaf(below).is_err(), "size {size}, level {level}, hash {at}");
                    for index in [below, 0, u64::from(size) - 1] {
                        if let Ok(found) = proofs.inclusion(&[index]) {
                            let entry = entries[usize::try_from(index).unwrap()];
                            check_inclusion(&entry, index, &head, &found[0]).unwrap();
                        }
                    }
                    std::fs::write(&path, genuine).unwrap();
                }
            }
            let proofs = Proofs::new(dir.path(), head);
            for old in [0, 1, 100, 256, 300, u64::from(size)].into_iter().filter(|old| *old <= u64::from(size)) {
                assert_eq!(proofs.head_at(old).unwrap(), whole.head_at(old).unwrap());
                assert_eq!(proofs.consistency(old).unwrap(), whole.consistency_proof(old, u64::from(size)).unwrap());
            }
        }
    }
}
