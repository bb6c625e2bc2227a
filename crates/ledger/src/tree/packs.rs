//! The files that hold the tree: `tiles/<level>/<number>`, 256 full tiles of 256 hashes one after the other.
//!
//! A pack is appended to and never rewritten. What of it a checkpoint covers was synced before; what stands behind that
//! is derived from the events, not trusted, and cut off by the next start.
//!
//! What never happens here: a judgement on what a hash should be.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::hashing::Node;
use crate::disk::{Disk, DiskFile};
use crate::error::{FaultKind, LedgerError, LedgerFault};

pub(crate) const TILES_DIR: &str = "tiles";
/// Hashes of one tile (C2SP tlog-tiles).
pub(crate) const TILE_HASHES: u64 = 256;
/// Hashes of one pack.
pub(crate) const PACK_HASHES: u64 = TILE_HASHES * TILE_HASHES;
pub(crate) const NODE_BYTES: u64 = 32;
/// Bytes of a full pack.
pub(crate) const PACK_BYTES: u64 = PACK_HASHES * NODE_BYTES;

/// How many hashes each level has in the tree of `size` leaves, level 0 first, up to the last that has any.
pub(crate) fn level_counts(size: u64) -> impl Iterator<Item = (u32, u64)> {
    (0..8_u32).map(move |level| (level, size >> (8 * level))).take_while(|(_, count)| *count > 0)
}

/// A pack as faults name it.
pub(crate) fn pack_name(level: u32, number: u64) -> String {
    format!("{TILES_DIR}/{level}/{number:06}")
}

pub(crate) fn pack_path(dir: &Path, level: u32, number: u64) -> PathBuf {
    dir.join(pack_name(level, number))
}

/// The packs of one level that are there: number and bytes, in order.
pub(crate) fn list_packs(dir: &Path, level: u32) -> Result<Vec<(u64, u64)>, LedgerError> {
    let folder = dir.join(format!("{TILES_DIR}/{level}"));
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LedgerError::read(&folder)(error)),
    };
    let mut packs = Vec::new();
    for entry in entries {
        let entry = entry.map_err(LedgerError::read(&folder))?;
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(number) = number.filter(|number| entry.path() == pack_path(dir, level, *number)) else { continue };
        packs.push((number, entry.metadata().map_err(LedgerError::read(&entry.path()))?.len()));
    }
    packs.sort_unstable();
    Ok(packs)
}

/// Says whether every pack is there that the tree of `size` leaves has from leaf `from` on, with enough bytes.
pub(crate) fn check_packs(dir: &Path, from: u64, size: u64) -> Result<(), LedgerError> {
    for (level, count) in level_counts(size) {
        let there = list_packs(dir, level)?;
        let first = if level == 0 { from / PACK_HASHES } else { 0 };
        for number in first..count.div_ceil(PACK_HASHES) {
            let needed = (count - number * PACK_HASHES).min(PACK_HASHES) * NODE_BYTES;
            let found = there.binary_search_by_key(&number, |(number, _)| *number);
            let found = found.ok().and_then(|at| there.get(at)).map(|(_, bytes)| *bytes);
            let kind = match found {
                None => FaultKind::TileMissing,
                Some(found) if found < needed => FaultKind::TileShort { needed, found },
                // A full pack is never appended to.
                Some(found) if needed == PACK_BYTES && found > needed => FaultKind::TileLong { needed, found },
                Some(_) => continue,
            };
            let offset = found.unwrap_or(0).min(needed);
            return Err(LedgerFault { file: pack_name(level, number), line: 0, offset, kind }.into());
        }
    }
    Ok(())
}

/// Reads `count` hashes of a level, from number `from` on.
pub(crate) fn read_nodes(dir: &Path, level: u32, from: u64, count: usize) -> Result<Vec<Node>, LedgerError> {
    let mut nodes = Vec::with_capacity(count);
    let mut at = from;
    while nodes.len() < count {
        let (number, within) = (at / PACK_HASHES, at % PACK_HASHES);
        let here = (PACK_HASHES - within).min((count - nodes.len()) as u64);
        let bytes = read_pack(dir, level, number, within * NODE_BYTES, here * NODE_BYTES)?;
        nodes.extend(bytes.chunks_exact(32).filter_map(|node| Node::try_from(node).ok()));
        at += here;
    }
    Ok(nodes)
}

fn read_pack(dir: &Path, level: u32, number: u64, from: u64, bytes: u64) -> Result<Vec<u8>, LedgerError> {
    let path = pack_path(dir, level, number);
    let fault = |offset, kind| LedgerFault { file: pack_name(level, number), line: 0, offset, kind };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(fault(0, FaultKind::TileMissing).into());
        }
        Err(error) => return Err(LedgerError::read(&path)(error)),
    };
    let mut buffer = Vec::new();
    file.seek(SeekFrom::Start(from)).map_err(LedgerError::read(&path))?;
    file.take(bytes).read_to_end(&mut buffer).map_err(LedgerError::read(&path))?;
    let found = from + buffer.len() as u64;
    if (buffer.len() as u64) < bytes {
        return Err(fault(found, FaultKind::TileShort { needed: from + bytes, found }).into());
    }
    Ok(buffer)
}

/// Appends hashes, level by level.
pub(crate) struct PackWriters {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    levels: Vec<PackWriter>,
}

/// The open end of one level.
#[derive(Default)]
struct PackWriter {
    level: u32,
    /// Hashes that were written.
    count: u64,
    /// Hashes that wait to be.
    pending: Vec<u8>,
    file: Option<Box<dyn DiskFile>>,
    unsynced: bool,
}

impl PackWriters {
    /// Goes on after the tree of `size` leaves: what stands behind it is cut off.
    pub(crate) fn open(disk: Arc<dyn Disk>, dir: &Path, size: u64) -> Result<Self, LedgerError> {
        let mut writers = Self { dir: dir.to_owned(), disk, levels: Vec::new() };
        for level in 0..8_u32 {
            let count = size >> (8 * level);
            let (last, within) = (count / PACK_HASHES, count % PACK_HASHES);
            let mut file = None;
            let packs = list_packs(dir, level)?;
            if !packs.is_empty() {
                // Made by a process that was killed before it made their names durable, perhaps.
                let folder = dir.join(format!("{TILES_DIR}/{level}"));
                writers.disk.sync_folder(&folder).map_err(LedgerError::write("sync", &folder))?;
            }
            for (number, bytes) in packs {
                if number < last {
                    continue;
                }
                let path = pack_path(dir, level, number);
                let kept = if number == last { within * NODE_BYTES } else { 0 };
                let open = if bytes > kept {
                    let open = writers.disk.open_in_place(&path).map_err(LedgerError::write("open", &path))?;
                    open.truncate(kept).map_err(LedgerError::write("truncate", &path))?;
                    // Synced, so that no power cut puts old bytes behind new ones.
                    open.sync().map_err(LedgerError::write("sync", &path))?;
                    writers.disk.open_append(&path).map_err(LedgerError::write("open", &path))?
                } else if number == last {
                    writers.disk.open_append(&path).map_err(LedgerError::write("open", &path))?
                } else {
                    continue;
                };
                if number == last {
                    file = Some(open);
                }
            }
            if count > 0 || file.is_some() {
                writers.levels.resize_with(level as usize, PackWriter::default);
                writers.levels.push(PackWriter { level, count, file, ..PackWriter::default() });
            }
        }
        for (level, writer) in (0..).zip(&mut writers.levels) {
            writer.level = level;
        }
        Ok(writers)
    }

    /// Takes a hash for the end of a level.
    pub(crate) fn place(&mut self, level: usize, hash: &Node) {
        while self.levels.len() <= level {
            let level = u32::try_from(self.levels.len()).unwrap_or(u32::MAX);
            self.levels.push(PackWriter { level, ..PackWriter::default() });
        }
        if let Some(writer) = self.levels.get_mut(level) {
            writer.pending.extend_from_slice(hash);
        }
    }

    /// Writes what was taken. Not durable yet.
    pub(crate) fn write(&mut self) -> Result<(), LedgerError> {
        for writer in &mut self.levels {
            let mut pending = std::mem::take(&mut writer.pending);
            let outcome = writer.write(&*self.disk, &self.dir, &pending);
            pending.clear();
            writer.pending = pending;
            outcome?;
        }
        Ok(())
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&mut self) -> Result<(), LedgerError> {
        self.levels.iter_mut().try_for_each(|writer| writer.sync(&self.dir))
    }
}

impl PackWriter {
    fn path(&self, dir: &Path) -> PathBuf {
        pack_path(dir, self.level, self.count / PACK_HASHES)
    }

    fn write(&mut self, disk: &dyn Disk, dir: &Path, mut bytes: &[u8]) -> Result<(), LedgerError> {
        while !bytes.is_empty() {
            let path = self.path(dir);
            let file = match &self.file {
                Some(file) => file,
                None => self.file.insert(create_pack(disk, dir, &path)?),
            };
            let room = (PACK_HASHES - self.count % PACK_HASHES) * NODE_BYTES;
            let (here, rest) = bytes.split_at(bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
            file.append(here).map_err(LedgerError::write("append to", &path))?;
            self.unsynced = true;
            if here.len() as u64 == room {
                // A full pack is left for good: whoever syncs the next one does not know of it.
                self.sync(dir)?;
                self.file = None;
            }
            self.count += here.len() as u64 / NODE_BYTES;
            bytes = rest;
        }
        Ok(())
    }

    fn sync(&mut self, dir: &Path) -> Result<(), LedgerError> {
        if let Some(file) = self.file.as_ref().filter(|_| self.unsynced) {
            file.sync().map_err(LedgerError::write("sync", &self.path(dir)))?;
        }
        self.unsynced = false;
        Ok(())
    }
}

/// A new pack, its name durable. One that a crash left empty is taken over.
fn create_pack(disk: &dyn Disk, dir: &Path, path: &Path) -> Result<Box<dyn DiskFile>, LedgerError> {
    if path.exists() {
        return disk.open_append(path).map_err(LedgerError::write("open", path));
    }
    let folder = path.parent().unwrap_or(dir);
    if !folder.exists() {
        disk.create_folder(folder).map_err(LedgerError::write("create", folder))?;
        let tiles = folder.parent().unwrap_or(dir);
        disk.sync_folder(tiles).map_err(LedgerError::write("sync", tiles))?;
    }
    let file = disk.create(path).map_err(LedgerError::write("create", path))?;
    disk.sync_folder(folder).map_err(LedgerError::write("sync", folder))?;
    Ok(file)
}
