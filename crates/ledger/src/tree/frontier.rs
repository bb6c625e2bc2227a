//! The tree's right edge in memory: of each level, the hashes of the tile that is not full yet.
//!
//! That is all it takes to add leaves and to know the root: some kilobytes, whatever the size of the ledger.

use omega_contract::Sha256Hex;
use omega_proof::tree::TreeHead;

use super::hashing::{EMPTY_ROOT, Node, node, subtree_root};
use super::packs::{TILE_HASHES, level_counts};

/// The right edge of a tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frontier {
    size: u64,
    /// Of level 0 first; each holds fewer than [`TILE_HASHES`].
    tails: Vec<Vec<Node>>,
}

impl Frontier {
    /// The right edge of the tree of `size` leaves; `read` gives so many hashes of a level, from one on.
    pub(crate) fn load<E>(size: u64, mut read: impl FnMut(u32, u64, usize) -> Result<Vec<Node>, E>) -> Result<Self, E> {
        let mut tails = Vec::new();
        for (level, count) in level_counts(size) {
            let width = usize::try_from(count % TILE_HASHES).unwrap_or_default();
            tails.push(if width == 0 { Vec::new() } else { read(level, count - width as u64, width)? });
        }
        Ok(Self { size, tails })
    }

    /// Leaves.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf. Each hash that gets its place by that is given to `place`, with its level.
    pub(crate) fn push(&mut self, leaf: Node, mut place: impl FnMut(usize, &Node)) {
        self.size += 1;
        let mut hash = leaf;
        for level in 0.. {
            if self.tails.len() == level {
                self.tails.push(Vec::new());
            }
            place(level, &hash);
            let Some(tail) = self.tails.get_mut(level) else { return };
            tail.push(hash);
            if (tail.len() as u64) < TILE_HASHES {
                return;
            }
            hash = subtree_root(tail);
            tail.clear();
        }
    }

    /// Size and root.
    pub(crate) fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: Sha256Hex::from_bytes(self.root()) }
    }

    /// The complete subtrees from the right to the left, each joined to what is right of it.
    fn root(&self) -> Node {
        let mut joined: Option<Node> = None;
        for tail in &self.tails {
            let mut end = tail.len();
            while end > 0 {
                let width = end & end.wrapping_neg();
                let subtree = subtree_root(&tail[end - width..end]);
                joined = Some(joined.map_or(subtree, |right| node(&subtree, &right)));
                end -= width;
            }
        }
        joined.unwrap_or(EMPTY_ROOT)
    }
}

#[cfg(test)]
mod tests {
    use omega_proof::tree::MemoryTree;

    use super::*;
    use crate::tree::leaf;

    #[test]
    fn the_root_is_that_of_a_tree_of_another_making_at_every_size() {
        let (mut frontier, mut whole) = (Frontier::default(), MemoryTree::default());
        let mut levels: Vec<Vec<Node>> = Vec::new();
        assert_eq!(frontier.head(), TreeHead::EMPTY);
        // Past two levels of tiles, and a little.
        for number in 0..66_000_u32 {
            let entry = Sha256Hex::of(&number.to_be_bytes());
            whole.append(&entry);
            frontier.push(leaf(entry.as_bytes()), |level, hash| {
                levels.resize_with(levels.len().max(level + 1), Vec::new);
                levels[level].push(*hash);
            });
            if number < 1_100 || number % 257 == 0 || number > 65_530 && number < 65_540 {
                assert_eq!(frontier.head(), whole.head(), "{number}");
                let again = Frontier::load(frontier.size(), |level, from, width| {
                    let from = usize::try_from(from).unwrap();
                    Ok::<_, ()>(levels[level as usize][from..from + width].to_vec())
                });
                assert_eq!(again.unwrap().head(), whole.head(), "{number}");
            }
        }
        let counts: Vec<_> = level_counts(frontier.size()).map(|(_, count)| count).collect();
        assert_eq!(levels.iter().map(|level| level.len() as u64).collect::<Vec<_>>(), counts);
    }
}
