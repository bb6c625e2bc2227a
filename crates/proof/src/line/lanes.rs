//! The hashes of several lines at once.
//!
//! The blocks of [`LANES`] lines are compressed by turns: a quarter less time on one core (`--bench chain`); where both of
//! two hyperthreads hash, less. A property test compares each hash with the general way.

use omega_contract::Sha256Hex;

use crate::blocks::{Block, END_OF_MESSAGE, INITIAL, LANES, compress256, hash_of_state};

const BLOCK_BYTES: usize = 64;
/// What the padding takes at least: a bit, and the length in bits.
const PADDING_BYTES_MIN: usize = 9;

/// SHA-256 over `{` and each of `rests`, the bytes of lines after their first
/// [`LINE_PREFIX_BYTES`](super::LINE_PREFIX_BYTES).
pub(crate) fn hashes_after_prefix(rests: &[&[u8]; LANES]) -> [Sha256Hex; LANES] {
    let mut states = [INITIAL; LANES];
    let ends = rests.each_ref().map(|rest| Ends::of(rest));
    let longest = ends.iter().map(|ends| ends.blocks).max().unwrap_or(0);
    for at in 0..longest {
        for ((state, rest), ends) in states.iter_mut().zip(rests).zip(&ends) {
            if let Some(block) = ends.block(rest, at) {
                compress256(state, std::slice::from_ref(block));
            }
        }
    }
    states.map(|state| Sha256Hex::from_bytes(hash_of_state(state)))
}

/// The blocks of one message that do not lie in the line as they are: the first, which begins with the brace, and the last
/// one or two, which are padded.
struct Ends {
    first: Block,
    last: [Block; 2],
    /// Blocks that hold nothing but the message.
    whole: usize,
    /// All blocks.
    blocks: usize,
}

impl Ends {
    #[inline]
    fn of(rest: &[u8]) -> Self {
        let bytes = 1 + rest.len();
        let whole = bytes / BLOCK_BYTES;
        let blocks = (bytes + PADDING_BYTES_MIN).div_ceil(BLOCK_BYTES);
        let mut ends = Self { first: Block::default(), last: [Block::default(); 2], whole, blocks };
        ends.first[0] = b'{';
        match rest.first_chunk::<{ BLOCK_BYTES - 1 }>() {
            Some(begin) => ends.first[1..].copy_from_slice(begin),
            None => ends.first[1..bytes].copy_from_slice(rest),
        }
        let [last, after] = &mut ends.last;
        let tail = if whole == 0 { &ends.first[..bytes] } else { &rest[whole * BLOCK_BYTES - 1..] };
        last[..tail.len()].copy_from_slice(tail);
        last[tail.len()] = END_OF_MESSAGE;
        let end = if blocks - whole == 1 { last } else { after };
        end[BLOCK_BYTES - 8..].copy_from_slice(&(8 * bytes as u64).to_be_bytes());
        ends
    }

    /// Block `at` of the message, if there is one.
    #[inline]
    fn block<'a>(&'a self, rest: &'a [u8], at: usize) -> Option<&'a Block> {
        if at >= self.whole {
            return self.last.get(at - self.whole).filter(|_| at < self.blocks);
        }
        if at == 0 {
            return Some(&self.first);
        }
        let start = at * BLOCK_BYTES - 1;
        rest.get(start..start + BLOCK_BYTES).map(Block::from_slice)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::hash_after_prefix;
    use super::*;

    #[test]
    fn messages_of_every_length_around_the_borders_of_blocks() {
        let bytes: Vec<u8> = (0..400_usize).map(|at| u8::try_from(at % 251).unwrap()).collect();
        for length in 0..bytes.len() - 3 {
            let rests: [&[u8]; LANES] = [&bytes[..length], &bytes[1..], &bytes[..length + 3], &[]];
            assert_eq!(hashes_after_prefix(&rests), rests.map(hash_after_prefix), "{length}");
        }
    }

    proptest! {
        #[test]
        fn each_hash_is_that_of_the_general_way(lines in prop::array::uniform4(prop::collection::vec(any::<u8>(), 0..2000))) {
            let rests: [&[u8]; LANES] = [&lines[0], &lines[1], &lines[2], &lines[3]];
            prop_assert_eq!(hashes_after_prefix(&rests), rests.map(hash_after_prefix));
        }
    }
}
