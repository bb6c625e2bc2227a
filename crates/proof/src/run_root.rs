//! The RFC 6962 root over the event hashes of a run (spec page 3, "Proof bundle").
//!
//! What never happens here: hashing of our own. The tree is `tlog_tiles`' one.

use omega_contract::Sha256Hex;
use tlog_tiles::tlog::{Error, Hash, HashReader, record_hash, stored_hashes_for_record_hash, tree_hash};

/// The Merkle tree hash (RFC 6962, section 2.1) whose leaf entries are the 32 raw bytes of each hash; of
/// no hashes, the SHA-256 of nothing.
pub fn run_root<'a>(event_hashes: impl IntoIterator<Item = &'a Sha256Hex>) -> Sha256Hex {
    const COMPLETE: &str = "every hash that the tree asks for was stored before";
    let mut stored = Stored(Vec::new());
    let mut leaves = 0;
    for hash in event_hashes {
        let added = stored_hashes_for_record_hash(leaves, record_hash(hash.as_bytes()), &stored).expect(COMPLETE);
        stored.0.extend(added);
        leaves += 1;
    }
    Sha256Hex::from_bytes(tree_hash(leaves, &stored).expect(COMPLETE).0)
}

struct Stored(Vec<Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let find = |index: &u64| usize::try_from(*index).ok().and_then(|at| self.0.get(at)).copied();
        indexes.iter().map(|index| find(index).ok_or(Error::IndexesNotInTree)).collect()
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// RFC 6962, section 2.1, word for word.
    fn by_definition(entries: &[Sha256Hex]) -> Sha256Hex {
        let digest = match entries {
            [] => Sha256::digest(b""),
            [entry] => Sha256::new().chain_update([0]).chain_update(entry.as_bytes()).finalize(),
            _ => {
                let (left, right) = entries.split_at(entries.len().next_power_of_two() / 2);
                let (left, right) = (by_definition(left), by_definition(right));
                Sha256::new().chain_update([1]).chain_update(left.as_bytes()).chain_update(right.as_bytes()).finalize()
            }
        };
        Sha256Hex::from_bytes(digest.into())
    }

    #[test]
    fn is_the_tree_of_rfc_6962() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(run_root([]).to_string(), empty);
        let entries: Vec<_> = (0_u32..70).map(|n| Sha256Hex::of(&n.to_be_bytes())).collect();
        for length in 0..=entries.len() {
            assert_eq!(run_root(&entries[..length]), by_definition(&entries[..length]), "{length}");
        }
    }
}
