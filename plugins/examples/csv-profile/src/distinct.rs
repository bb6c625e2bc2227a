//! How many different values there are, in bounded memory: exactly while there are few, then by the smallest hashes
//! (k minimum values, Bar-Yossef et al. 2002).

use std::collections::BTreeSet;

/// How many hashes are kept. Up to here the count is exact; beyond, its standard error is about 1 / sqrt(1024), 3 %.
pub(crate) const HASHES_MAX: usize = 1024;

/// Counts different values.
#[derive(Debug, Default)]
pub(crate) struct Distinct {
    smallest: BTreeSet<u64>,
    full: bool,
}

impl Distinct {
    /// Takes note of a value.
    pub(crate) fn add(&mut self, value: &str) {
        self.smallest.insert(hash(value));
        if self.smallest.len() > HASHES_MAX {
            self.smallest.pop_last();
            self.full = true;
        }
    }

    /// Whether [`count`](Self::count) is exact.
    pub(crate) fn is_exact(&self) -> bool {
        !self.full
    }

    /// The number of different values.
    pub(crate) fn count(&self) -> u64 {
        match self.smallest.last() {
            Some(largest) if self.full => {
                // With n values spread evenly, the k-th smallest hash lies at about k / n of the range.
                // Both are taken by their upper halves, which are exact enough and need no 128-bit division.
                ((HASHES_MAX as u64 - 1) << 32) / (largest >> 32).max(1)
            }
            _ => self.smallest.len() as u64,
        }
    }
}

/// FNV-1a, then the finaliser of `MurmurHash3`, which spreads it over the whole range. Without a seed, so that the same file
/// has the same report everywhere.
fn hash(value: &str) -> u64 {
    let mut hash = value
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::{Distinct, HASHES_MAX};

    fn counted(values: usize) -> Distinct {
        let mut distinct = Distinct::default();
        for _ in 0..2 {
            for value in 0..values {
                distinct.add(&value.to_string());
            }
        }
        distinct
    }

    #[test]
    fn is_exact_up_to_its_limit_and_an_estimate_one_past() {
        for values in [0, 1, 1000, HASHES_MAX] {
            let distinct = counted(values);
            assert_eq!((distinct.count(), distinct.is_exact()), (values as u64, true));
        }
        assert!(!counted(HASHES_MAX + 1).is_exact());
    }

    #[test]
    fn estimates_within_a_tenth() {
        for values in [1_025, 5_000, 100_000] {
            let count = counted(values).count();
            let error = count.abs_diff(values as u64);
            assert!(error * 10 < values as u64, "{values} values counted as {count}");
        }
    }
}
