//! SHA-256 block by block, for who knows his messages' padding beforehand, or has several messages at once (FIPS 180-4).
//!
//! A processor's SHA-256 instructions wait for each other within one message; of several messages they overlap. So blocks
//! of [`LANES`] messages are compressed by turns, each with `sha2`'s own [`compress256`].

use sha2::digest::generic_array::GenericArray;
use sha2::digest::generic_array::typenum::U64;

pub use sha2::compress256;

/// 64 bytes of a message.
pub type Block = GenericArray<u8, U64>;

/// Messages that are hashed by turns.
pub const LANES: usize = 4;

/// The state before the first block (section 5.3.3).
pub const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The first byte of the padding (section 5.1.1).
pub const END_OF_MESSAGE: u8 = 0x80;

/// The hash that the state after the last block is, 32 bytes.
pub fn hash_of_state(state: [u32; 8]) -> [u8; 32] {
    let mut hash = [0; 32];
    for (bytes, word) in hash.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    hash
}
