//! Where a tile lies: in a pack of the ledger's folder, or in a file of its own as C2SP tlog-tiles has it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use tlog_tiles::Tile;

use super::hashing::{Node, leaf};
use super::packs::{NODE_BYTES, PACK_HASHES, TILE_HASHES, level_counts, pack_name};
use crate::error::{FaultKind, LedgerError, LedgerFault};

/// Two to this height are the hashes of a tile.
pub(super) const TILE_HEIGHT: u8 = 8;
/// An entry's bundle has each entry after its length in two bytes (C2SP tlog-tiles, "Log Entries").
const ENTRY_LENGTH: [u8; 2] = [0, 32];
/// An entry with its length.
pub(crate) const ENTRY_BYTES: usize = 34;

/// How the tiles of a tree are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// 256 to a file.
    Packs,
    /// One to a file, the last of a level cut to what it has; beside the leaves, the entries.
    Static,
}

/// The path of a tile: `tile/<L>/<N>`, with `.p/<W>` where it has `width` hashes only.
pub(crate) fn tile_path(level: u32, number: u64, width: u64) -> String {
    path_of(&format!("{level}"), number, width)
}

/// The path of a bundle of entries.
pub(crate) fn entries_path(number: u64, width: u64) -> String {
    path_of("entries", number, width)
}

fn path_of(kind: &str, number: u64, width: u64) -> String {
    let width = u32::try_from(width.clamp(1, TILE_HASHES)).unwrap_or(1);
    // What differs is the kind: the height is not in C2SP's paths, and entries are called otherwise.
    let path = Tile::new(TILE_HEIGHT, 0, number, width, false).path();
    format!("tile/{kind}/{}", path.strip_prefix("tile/8/0/").unwrap_or(&path))
}

/// The entry of a leaf as its bundle has it.
pub(crate) fn bundled(entry: &Node) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    bytes[..2].copy_from_slice(&ENTRY_LENGTH);
    bytes[2..].copy_from_slice(entry);
    bytes
}

impl Layout {
    /// Hashes of one file.
    const fn file_hashes(self) -> u64 {
        match self {
            Self::Packs => PACK_HASHES,
            Self::Static => TILE_HASHES,
        }
    }

    /// The file that holds hash `at` of a level that has `count`: its name, the number of its first hash, and how many
    /// it has.
    pub(super) fn file_of(self, level: u32, at: u64, count: u64) -> (String, u64, u64) {
        let hashes = self.file_hashes();
        let first = at / hashes * hashes;
        let width = count.saturating_sub(first).min(hashes);
        let name = match self {
            Self::Packs => pack_name(level, at / hashes),
            Self::Static => tile_path(level, at / hashes, width),
        };
        (name, first, width)
    }
}

/// Opens a file of the tree.
pub(super) fn open(dir: &Path, name: &str) -> Result<File, LedgerError> {
    match File::open(dir.join(name)) {
        Ok(file) => Ok(file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(LedgerFault::of_file(name, FaultKind::TileMissing).into())
        }
        Err(error) => Err(LedgerError::read(Path::new(name))(error)),
    }
}

/// Reads `bytes` of a file of the tree, from `from` on.
pub(super) fn read_exactly(file: &mut File, name: &str, from: u64, bytes: u64) -> Result<Vec<u8>, LedgerError> {
    let mut data = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
    let failed = LedgerError::read(Path::new(name));
    file.seek(SeekFrom::Start(from)).and_then(|_| file.take(bytes).read_to_end(&mut data)).map_err(failed)?;
    let found = from + data.len() as u64;
    if (data.len() as u64) < bytes {
        let kind = FaultKind::TileShort { needed: from + bytes, found };
        return Err(LedgerFault { file: name.to_owned(), line: 0, offset: found, kind }.into());
    }
    Ok(data)
}

/// What is stored of a tree, to be compared hash by hash with what the events give.
pub(crate) struct StoredTree {
    dir: std::path::PathBuf,
    layout: Layout,
    /// Leaves that the newest checkpoint covers: what is stored above it says nothing.
    covered: u64,
    /// The first leaf that is compared.
    from: u64,
    levels: Vec<StoredLevel>,
}

/// The file of one level that is compared now.
#[derive(Default)]
struct StoredLevel {
    /// The hash that comes next.
    at: u64,
    name: String,
    hashes: Vec<u8>,
    /// Of a static level 0.
    entries: Vec<u8>,
    entries_name: String,
}

impl StoredTree {
    pub(crate) fn new(dir: &Path, layout: Layout, from: u64, covered: u64) -> Self {
        Self { dir: dir.to_owned(), layout, covered, from, levels: Vec::new() }
    }

    /// As it is stored.
    pub(crate) const fn layout(&self) -> Layout {
        self.layout
    }

    /// Whether a file holds leaves.
    pub(crate) fn is_of_leaves(&self, name: &str) -> bool {
        name.starts_with(match self.layout {
            Layout::Packs => "tiles/0/",
            Layout::Static => "tile/0/",
        })
    }

    /// Compares the next hash of a level.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] where another one is stored, or none.
    pub(crate) fn compare(&mut self, level: usize, hash: &Node) -> Result<(), LedgerError> {
        while self.levels.len() <= level {
            let before = level_counts(self.from).nth(self.levels.len()).map_or(0, |(_, count)| count);
            self.levels.push(StoredLevel { at: before, ..StoredLevel::default() });
        }
        let number = u32::try_from(level).unwrap_or(u32::MAX);
        let count = level_counts(self.covered).find(|(of, _)| *of == number).map_or(0, |(_, count)| count);
        let Some(stored) = self.levels.get_mut(level).filter(|stored| stored.at < count) else { return Ok(()) };
        let within = stored.at % self.layout.file_hashes();
        if within == 0 || stored.hashes.is_empty() {
            stored.load(&self.dir, self.layout, number, count)?;
        }
        stored.at += 1;
        stored.compare(within, hash)
    }
}

impl StoredLevel {
    fn load(&mut self, dir: &Path, layout: Layout, level: u32, count: u64) -> Result<(), LedgerError> {
        let (name, _, width) = layout.file_of(level, self.at, count);
        let needed = width * NODE_BYTES;
        let mut file = open(dir, &name)?;
        self.hashes = read_exactly(&mut file, &name, 0, needed)?;
        // A full pack ends; one that is not may go on above the checkpoint. A static tile is all of its file.
        if layout == Layout::Static || width == PACK_HASHES {
            refuse_longer(&file, &name, needed)?;
        }
        if layout == Layout::Static && level == 0 {
            let name = entries_path(self.at / TILE_HASHES, width);
            let needed = width * ENTRY_BYTES as u64;
            let mut file = open(dir, &name)?;
            self.entries = read_exactly(&mut file, &name, 0, needed)?;
            refuse_longer(&file, &name, needed)?;
            self.entries_name = name;
        }
        self.name = name;
        Ok(())
    }

    fn compare(&self, within: u64, hash: &Node) -> Result<(), LedgerError> {
        let offset = within * NODE_BYTES;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let stored = self.hashes.get(from..from.saturating_add(hash.len())).unwrap_or_default();
        if stored == hash {
            return self.compare_entry(within, hash);
        }
        let node = <Node>::try_from(stored).unwrap_or_default();
        let (computed, found) = (*hash, node);
        let hash = omega_contract::Sha256Hex::from_bytes;
        let kind = FaultKind::TileMismatch { computed: hash(computed), found: hash(found) };
        Err(LedgerFault { file: self.name.clone(), line: 0, offset, kind }.into())
    }
}

impl StoredLevel {
    /// The entry, where there are entries, has the leaf that the tile was found to have.
    fn compare_entry(&self, within: u64, hash: &Node) -> Result<(), LedgerError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let from = usize::try_from(within).unwrap_or(usize::MAX).saturating_mul(ENTRY_BYTES);
        let entry = self.entries.get(from..from.saturating_add(ENTRY_BYTES)).unwrap_or_default();
        let entry = entry.strip_prefix(&ENTRY_LENGTH).and_then(|entry| <&Node>::try_from(entry).ok());
        if entry.is_some_and(|entry| leaf(entry) == *hash) {
            return Ok(());
        }
        let (file, offset) = (self.entries_name.clone(), from as u64);
        Err(LedgerFault { file, line: 0, offset, kind: FaultKind::EntryMismatch }.into())
    }
}

fn refuse_longer(file: &File, name: &str, needed: u64) -> Result<(), LedgerError> {
    let found = file.metadata().map_err(LedgerError::read(Path::new(name)))?.len();
    if found > needed {
        let kind = FaultKind::TileLong { needed, found };
        return Err(LedgerFault { file: name.to_owned(), line: 0, offset: needed, kind }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        // C2SP tlog-tiles: "1234067 will be encoded as x001/x234/067".
        assert_eq!(tile_path(0, 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(tile_path(1, 0, 255), "tile/1/000.p/255");
        assert_eq!(entries_path(999, 256), "tile/entries/999");
        assert_eq!(entries_path(1_000, 1), "tile/entries/x001/000.p/1");
    }
}
