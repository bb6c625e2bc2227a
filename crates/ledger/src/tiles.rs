//! Tiles of the tree, one by one, as C2SP tlog-tiles has them: what [`export_static`](crate::export_static) writes into
//! files.
//!
//! What never happens here: a hash above the newest checkpoint; an entry that does not have the leaf that the tree has.

use crate::blocking::run_blocking;
use crate::error::{FaultKind, LedgerError, LedgerFault};
use crate::ledger::Ledger;
use crate::query::{Order, Query};
use crate::tree::{ENTRY_BYTES, TILE_HASHES, bundled, entries_path, leaf, level_counts, read_nodes};

/// Events that are read at once: a line may have a mebibyte.
const EVENTS_AT_ONCE: usize = 32;

impl Ledger {
    /// A tile of the newest checkpoint's tree: `width` hashes of a level, 256 where it is full; `None` where the tree has
    /// no such tile.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] where the stored tree has less than the checkpoint covers; [`LedgerError::Read`].
    pub fn tile(&self, level: u32, number: u64, width: u64) -> Result<Option<Vec<u8>>, LedgerError> {
        let Some(first) = self.first_of_tile(level, number, width) else { return Ok(None) };
        let count = usize::try_from(width).unwrap_or_default();
        let nodes = run_blocking(|| read_nodes(self.dir(), level, first, count))?;
        Ok(Some(nodes.concat()))
    }

    /// The bundle of the entries that a tile of leaves has: each event's hash after its length in two bytes.
    ///
    /// # Errors
    /// [`LedgerError::Archived`] where events of it are elsewhere; as [`Ledger::tile`].
    pub fn entries_tile(&self, number: u64, width: u64) -> Result<Option<Vec<u8>>, LedgerError> {
        let Some(first) = self.first_of_tile(0, number, width) else { return Ok(None) };
        run_blocking(|| self.entries(number, first, width)).map(Some)
    }

    /// The first hash of a tile that the tree has.
    fn first_of_tile(&self, level: u32, number: u64, width: u64) -> Option<u64> {
        let size = self.newest_checkpoint().head().size;
        let (_, count) = level_counts(size).find(|(of, _)| *of == level)?;
        let first = number.checked_mul(TILE_HASHES)?;
        let is_there = (1..=TILE_HASHES).contains(&width) && first.checked_add(width)? <= count;
        is_there.then_some(first)
    }

    fn entries(&self, number: u64, first: u64, width: u64) -> Result<Vec<u8>, LedgerError> {
        let count = usize::try_from(width).unwrap_or_default();
        let leaves = read_nodes(self.dir(), 0, first, count)?;
        let mut bundle = Vec::with_capacity(count * ENTRY_BYTES);
        let mut query = Query {
            indexes: first..first + width,
            order: Order::OldestFirst,
            limit: EVENTS_AT_ONCE,
            ..Query::default()
        };
        loop {
            let page = self.query(&query)?;
            for placed in page.events {
                let entry = *placed.event.event_hash.as_bytes();
                let at = usize::try_from(placed.index - first).unwrap_or(usize::MAX);
                if leaves.get(at).is_none_or(|expect| leaf(&entry) != *expect) || bundle.len() != at * ENTRY_BYTES {
                    let kind = FaultKind::EntryMismatch;
                    return Err(LedgerFault::of_file(&entries_path(number, width), kind).into());
                }
                bundle.extend_from_slice(&bundled(&entry));
            }
            match page.next {
                Some(next) => query.indexes = next,
                None => break,
            }
        }
        if bundle.len() == count * ENTRY_BYTES {
            Ok(bundle)
        } else {
            let begin = crate::beginning::Beginning::read(self.dir())?;
            Err(LedgerError::Archived { first_index: begin.first_index })
        }
    }
}
