//! The two hashes of RFC 6962 (section 2.1), each over an input of one fixed length.
//!
//! A leaf here is always one block of SHA-256 and a node always two, so the padding is known beforehand and `sha2`'s
//! compression is called on whole blocks: half the time of the general way, over every event of a ledger. Tests compare
//! both with the general way and with `omega-proof`.

use omega_proof::blocks::{Block, END_OF_MESSAGE, INITIAL, LANES, compress256, hash_of_state};

/// A hash of the tree.
pub(crate) type Node = [u8; 32];

/// SHA-256 of nothing: the root of a tree without leaves.
pub(crate) const EMPTY_ROOT: Node = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

const LEAF_BITS: u16 = 8 * (1 + 32);
const NODE_BITS: u16 = 8 * (1 + 32 + 32);

/// SHA-256(0x00 ‖ entry): 33 bytes, one block.
pub(crate) fn leaf(entry: &Node) -> Node {
    let mut block = [0_u8; 64];
    block[1..33].copy_from_slice(entry);
    block[33] = END_OF_MESSAGE;
    block[62..].copy_from_slice(&LEAF_BITS.to_be_bytes());
    digest(&[Block::from(block)])
}

/// SHA-256(0x01 ‖ left ‖ right): 65 bytes, two blocks.
pub(crate) fn node(left: &Node, right: &Node) -> Node {
    digest(&node_blocks(left, right))
}

fn node_blocks(left: &Node, right: &Node) -> [Block; 2] {
    let (mut first, mut second) = ([0_u8; 64], [0_u8; 64]);
    first[0] = 1;
    first[1..33].copy_from_slice(left);
    first[33..].copy_from_slice(&right[..31]);
    second[0] = right[31];
    second[1] = END_OF_MESSAGE;
    second[62..].copy_from_slice(&NODE_BITS.to_be_bytes());
    [Block::from(first), Block::from(second)]
}

/// The nodes above [`LANES`] pairs. Their blocks are compressed by turns.
fn some_nodes(pairs: &[[Node; 2]; LANES]) -> [Node; LANES] {
    let blocks = pairs.each_ref().map(|[left, right]| node_blocks(left, right));
    let mut states = [INITIAL; LANES];
    for at in 0..2 {
        for (state, blocks) in states.iter_mut().zip(&blocks) {
            compress256(state, std::slice::from_ref(&blocks[at]));
        }
    }
    states.map(hash_of_state)
}

fn digest(blocks: &[Block]) -> Node {
    let mut state = INITIAL;
    compress256(&mut state, blocks);
    hash_of_state(state)
}

/// The root over a complete subtree: `nodes` are 1, 2, 4, … 256 hashes of one level.
pub(crate) fn subtree_root(nodes: &[Node]) -> Node {
    let mut level = [[0; 32]; 128];
    let mut width = level_above(nodes, &mut level);
    if width == 0 {
        return nodes.first().copied().unwrap_or(EMPTY_ROOT);
    }
    while width > 1 {
        let below = level;
        width = level_above(&below[..width], &mut level);
    }
    level[0]
}

/// Puts the nodes above `below` into `above` and gives how many they are.
fn level_above(below: &[Node], above: &mut [Node; 128]) -> usize {
    let (pairs, _) = below.as_chunks::<2>();
    let (fours, rest) = pairs.as_chunks::<LANES>();
    let (into_fours, into_rest) = above.split_at_mut(fours.len() * LANES);
    for (into, pairs) in into_fours.as_chunks_mut::<LANES>().0.iter_mut().zip(fours) {
        *into = some_nodes(pairs);
    }
    for (into, [left, right]) in into_rest.iter_mut().zip(rest) {
        *into = node(left, right);
    }
    pairs.len()
}

#[cfg(test)]
mod tests {
    use omega_contract::Sha256Hex;
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_root_of_nothing() {
        assert_eq!(EMPTY_ROOT, *Sha256Hex::of(b"").as_bytes());
    }

    #[test]
    fn a_subtree_of_every_size() {
        let nodes: Vec<Node> = (0..=255).map(|byte| [byte; 32]).collect();
        for height in 0..=8 {
            let nodes = &nodes[..1 << height];
            let mut level = nodes.to_vec();
            while level.len() > 1 {
                level = level.chunks(2).map(|pair| node(&pair[0], &pair[1])).collect();
            }
            assert_eq!(subtree_root(nodes), level[0], "height {height}");
        }
    }

    proptest! {
        #[test]
        fn both_hashes_are_those_of_the_general_way(left in any::<Node>(), right in any::<Node>()) {
            let general: Node = Sha256::new().chain_update([0]).chain_update(left).finalize().into();
            prop_assert_eq!(leaf(&left), general);
            let general: Node = Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into();
            prop_assert_eq!(node(&left, &right), general);
        }
    }
}
