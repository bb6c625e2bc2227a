//! The index of a dataset: from a key's SHA-256 to the byte range of its row, in one artifact.
//!
//! ```text
//! 16 bytes         "omega-dsindex-v1"
//! 8 bytes          number of rows
//! 256 × 8 bytes    fan-out: how many rows have a key hash whose first byte is at most this one
//! rows × 44 bytes  key hash (32), offset of the row (8), its length (4); sorted by key hash
//! ```
//! Numbers are little-endian. It depends on the rows alone, not on the file they came from. A look-up reads two numbers of the fan-out and searches by halves between them.

use omega_contract::Sha256Hex;

use super::DatasetFault;
use crate::artifact::ArtifactWriter;
use crate::content::VerifiedContent;
use crate::error::{StoreError, shown};

const MAGIC: &[u8; 16] = b"omega-dsindex-v1";
const FAN_OUT: usize = 256;
const HEAD_BYTES: u64 = 16 + 8 + 8 * FAN_OUT as u64;
pub(crate) const ENTRY_BYTES: usize = 44;

/// Where a row lies in the rows' artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowPlace {
    /// From the start, in bytes.
    pub offset_bytes: u64,
    /// Of the canonical JSON, without its line feed.
    pub length_bytes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct IndexEntry {
    pub(crate) key_hash: Sha256Hex,
    pub(crate) line: u32,
    pub(crate) offset_bytes: u64,
    pub(crate) length_bytes: u32,
}

/// Sorts the entries and finds two with one key: of all such pairs the one whose second line comes first.
pub(crate) fn sort(entries: &mut [IndexEntry]) -> Result<(), (IndexEntry, IndexEntry)> {
    entries.sort_unstable();
    let twice = entries.iter().zip(entries.iter().skip(1)).filter(|(a, b)| a.key_hash == b.key_hash);
    match twice.min_by_key(|(_, second)| second.line) {
        Some((first, second)) => Err((*first, *second)),
        None => Ok(()),
    }
}

pub(crate) fn duplicate(first: IndexEntry, second: IndexEntry, key: &str) -> DatasetFault {
    DatasetFault::DuplicateKey { line: second.line.into(), first_line: first.line.into(), shown: shown(key) }
}

/// Writes the index of sorted entries.
pub(crate) fn write(writer: &mut ArtifactWriter<'_>, entries: &[IndexEntry]) -> Result<(), StoreError> {
    let mut head = Vec::with_capacity(16 + 8 + 8 * FAN_OUT);
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    for first_byte in 0..=u8::MAX {
        let up_to = entries.partition_point(|entry| entry.key_hash.as_bytes()[0] <= first_byte);
        head.extend_from_slice(&(up_to as u64).to_le_bytes());
    }
    writer.push(&head)?;
    for entry in entries {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..32].copy_from_slice(entry.key_hash.as_bytes());
        bytes[32..40].copy_from_slice(&entry.offset_bytes.to_le_bytes());
        bytes[40..].copy_from_slice(&entry.length_bytes.to_le_bytes());
        writer.push(&bytes)?;
    }
    Ok(())
}

/// An open index.
#[derive(Debug)]
pub(crate) struct Index {
    content: VerifiedContent,
    rows: u64,
}

impl Index {
    /// # Errors
    /// [`StoreError::RecordDamaged`] where it is no index or not whole; as [`VerifiedContent::read_at`].
    pub(crate) fn open(mut content: VerifiedContent) -> Result<Self, StoreError> {
        if content.read_at(0, MAGIC.len())? != MAGIC {
            return Err(damaged("it is no index"));
        }
        let rows = number(&mut content, 16)?;
        let expect = rows.checked_mul(ENTRY_BYTES as u64).and_then(|bytes| bytes.checked_add(HEAD_BYTES));
        if expect != Some(content.size_bytes()) {
            return Err(damaged("its length is wrong"));
        }
        Ok(Self { content, rows })
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The place of the row with this key; none where there is none.
    pub(crate) fn find(&mut self, key: &str) -> Result<Option<RowPlace>, StoreError> {
        let key_hash = Sha256Hex::of(key.as_bytes());
        let bucket = u64::from(key_hash.as_bytes()[0]);
        let before = |bucket: u64| 24 + 8 * bucket;
        let mut low = if bucket == 0 { 0 } else { number(&mut self.content, before(bucket - 1))? };
        let mut high = number(&mut self.content, before(bucket))?;
        if low > high || high > self.rows {
            return Err(damaged("its fan-out is wrong"));
        }
        while low < high {
            let middle = low.midpoint(high);
            let (found, place) = self.entry(middle)?;
            match found.cmp(&key_hash) {
                std::cmp::Ordering::Equal => return Ok(Some(place)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    fn entry(&mut self, index: u64) -> Result<(Sha256Hex, RowPlace), StoreError> {
        let offset = index.checked_mul(ENTRY_BYTES as u64).and_then(|bytes| bytes.checked_add(HEAD_BYTES));
        let bytes = self.content.read_at(offset.ok_or_else(|| damaged("its fan-out is wrong"))?, ENTRY_BYTES)?;
        let entry = bytes.split_first_chunk::<32>().and_then(|(key_hash, rest)| {
            let (offset, rest) = rest.split_first_chunk::<8>()?;
            let length = rest.first_chunk::<4>()?;
            let place =
                RowPlace { offset_bytes: u64::from_le_bytes(*offset), length_bytes: u32::from_le_bytes(*length) };
            Some((Sha256Hex::from_bytes(*key_hash), place))
        });
        entry.ok_or_else(|| damaged("its fan-out is wrong"))
    }
}

fn number(content: &mut VerifiedContent, offset_bytes: u64) -> Result<u64, StoreError> {
    let bytes = content.read_at(offset_bytes, 8)?;
    let bytes: [u8; 8] = bytes.try_into().map_err(|_| damaged("it ends too early"))?;
    Ok(u64::from_le_bytes(bytes))
}

fn damaged(cause: &str) -> StoreError {
    StoreError::RecordDamaged { record: "a dataset's index", cause: cause.to_owned() }
}
