//! The disk that fails, tears writes and forgets what was not synced.
//!
//! Beside each real file it keeps what of it is safe: its content at the last sync, and the names that a synced folder
//! has. A power cut makes the files what such a disk might have of them: any mixture of sectors, any names that were not
//! made durable, forgotten or not. Nothing is really synced, so that thousands of schedules take minutes.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use fastrand::Rng;

use crate::disk::{Disk, DiskFile, OsDisk};

/// What a disk writes at once or not at all.
const SECTOR_BYTES: usize = 512;

/// How an operation fails. Once one failed, all later ones do, unless it is said to fail once: the process is taken
/// for dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The device says no, and does nothing.
    Eio,
    /// It is full.
    Enospc,
    /// A write is done in part.
    Torn,
    /// The device says no one time.
    Once,
}

impl Fault {
    pub(super) const ALL: [Self; 4] = [Self::Eio, Self::Enospc, Self::Torn, Self::Once];
}

/// One file, whatever its name.
#[derive(Debug, Default)]
struct Inode {
    safe: Vec<u8>,
    current: Vec<u8>,
    /// Contents since the last sync, of a file that is written in place.
    versions: Vec<Vec<u8>>,
}

/// A change of names that is not durable yet.
#[derive(Debug, Clone)]
enum Naming {
    Created(PathBuf, usize),
    Renamed(PathBuf, PathBuf, usize),
}

impl Naming {
    fn is_in(&self, folder: &Path) -> bool {
        let is_in = |path: &Path| path.parent() == Some(folder);
        match self {
            Self::Created(path, _) => is_in(path),
            Self::Renamed(from, to, _) => is_in(from) || is_in(to),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Created(path, inode) => drop(names.insert(path.clone(), *inode)),
            Self::Renamed(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// Operations that still succeed, and how the next one fails.
    fuse: Option<(usize, Fault)>,
    free_bytes: Option<u64>,
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    safe_names: BTreeMap<PathBuf, usize>,
    pending: Vec<Naming>,
    syncs: usize,
    steps: usize,
}

pub(super) struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

impl FaultyDisk {
    pub(super) fn good() -> Self {
        Self { state: Arc::default() }
    }

    pub(super) fn failing(step: usize, fault: Fault) -> Self {
        let disk = Self::good();
        disk.fail_after(step, fault);
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn fail_after(&self, steps: usize, fault: Fault) {
        self.state().fuse = Some((steps, fault));
    }

    pub(super) fn heal(&self) {
        self.state().fuse = None;
    }

    pub(super) fn set_free_bytes(&self, free_bytes: u64) {
        self.state().free_bytes = Some(free_bytes);
    }

    pub(super) fn syncs(&self) -> usize {
        self.state().syncs
    }

    /// Operations that were tried.
    pub(super) fn steps(&self) -> usize {
        self.state().steps
    }

    /// Takes away some of what was written and not synced, names included. Nobody has a file open any more.
    pub(super) fn power_cut(&self, seed: u64) {
        let rng = &mut Rng::with_seed(seed);
        let mut state = self.state();
        let mut names = state.safe_names.clone();
        // Names become durable in their order, folder by folder or all together.
        let kept = rng.usize(..=state.pending.len());
        let mut lost: Vec<PathBuf> = Vec::new();
        for (at, naming) in state.pending.iter().enumerate() {
            let folder = match naming {
                Naming::Created(path, _) | Naming::Renamed(_, path, _) => path.parent().unwrap().to_owned(),
            };
            if at < kept || (rng.u8(..4) == 0 && !lost.contains(&folder)) {
                naming.apply(&mut names);
            } else {
                lost.push(folder);
            }
        }
        for path in state.names.keys().filter(|path| !names.contains_key(*path)) {
            std::fs::remove_file(path).unwrap();
        }
        for (path, inode) in &names {
            std::fs::write(path, state.inodes[*inode].after_power_cut(rng)).unwrap();
        }
        *state = State::default();
    }

    fn open(&self, path: &Path, file: File, kind: Opened) -> Box<dyn DiskFile> {
        let mut state = self.state();
        let known = state.names.get(path).copied();
        let inode = match (known, kind) {
            (Some(inode), Opened::AsItIs) => inode,
            (Some(inode), Opened::Emptied) => {
                state.inodes[inode].truncate(0);
                inode
            }
            (None, _) | (_, Opened::New) => {
                // What was there before this disk was watched is durable.
                let current = std::fs::read(path).unwrap();
                let inode = state.inodes.len();
                state.inodes.push(Inode { safe: current.clone(), current, versions: Vec::new() });
                state.names.insert(path.to_owned(), inode);
                if kind == Opened::AsItIs {
                    state.safe_names.insert(path.to_owned(), inode);
                } else {
                    state.pending.push(Naming::Created(path.to_owned(), inode));
                }
                inode
            }
        };
        Box::new(FaultyFile { file, inode, state: Arc::clone(&self.state) })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    New,
    Emptied,
    AsItIs,
}

impl Inode {
    fn truncate(&mut self, length: usize) {
        self.current.truncate(length);
    }

    fn after_power_cut(&self, rng: &mut Rng) -> Vec<u8> {
        if !self.versions.is_empty() && rng.bool() {
            return self.versions[rng.usize(..self.versions.len())].clone();
        }
        let (short, long) = (self.safe.len().min(self.current.len()), self.safe.len().max(self.current.len()));
        let length = match rng.u8(..4) {
            0 => self.safe.len(),
            1 => self.current.len(),
            _ => rng.usize(short..=long),
        };
        let mut content = vec![0; length];
        let whole = rng.u8(..4) == 0;
        for (at, sector) in content.chunks_mut(SECTOR_BYTES).enumerate() {
            let from = if whole || rng.bool() { &self.current } else { &self.safe };
            let start = (at * SECTOR_BYTES).min(from.len());
            let end = (start + sector.len()).min(from.len());
            sector[..end - start].copy_from_slice(&from[start..end]);
        }
        content
    }
}

/// Burns the fuse; gives how the operation fails, where it does.
fn burn(state: &Mutex<State>) -> Option<Fault> {
    let mut state = state.lock().unwrap();
    state.steps += 1;
    let (left, fault) = state.fuse.as_mut()?;
    if *left > 0 {
        *left -= 1;
        return None;
    }
    let fault = *fault;
    if fault == Fault::Once {
        state.fuse = None;
    }
    Some(fault)
}

fn step(state: &Mutex<State>) -> io::Result<()> {
    match burn(state) {
        None => Ok(()),
        Some(Fault::Enospc) => Err(io::Error::new(io::ErrorKind::StorageFull, "injected: full")),
        Some(_) => Err(io::Error::other("injected")),
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        step(&self.state)?;
        Ok(self.open(path, OpenOptions::new().append(true).create_new(true).open(path)?, Opened::New))
    }

    fn create_over(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        step(&self.state)?;
        // One that this disk does not know of is durable as it is; then it is emptied.
        if path.exists() {
            drop(self.open(path, File::open(path)?, Opened::AsItIs));
            return Ok(self.open(path, File::create(path)?, Opened::Emptied));
        }
        Ok(self.open(path, File::create(path)?, Opened::New))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        step(&self.state)?;
        Ok(self.open(path, OpenOptions::new().append(true).open(path)?, Opened::AsItIs))
    }

    fn open_in_place(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        step(&self.state)?;
        Ok(self.open(path, OpenOptions::new().write(true).open(path)?, Opened::AsItIs))
    }

    /// A folder is durable at once: nothing in it is before it was synced itself.
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        step(&self.state)?;
        OsDisk.create_folder(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        step(&self.state)?;
        for path in [from, to].into_iter().filter(|path| path.exists()) {
            drop(self.open(path, File::open(path)?, Opened::AsItIs));
        }
        std::fs::rename(from, to)?;
        let mut state = self.state();
        let inode = state.names.remove(from).unwrap();
        state.names.insert(to.to_owned(), inode);
        state.pending.push(Naming::Renamed(from.to_owned(), to.to_owned(), inode));
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        step(&self.state)?;
        let mut state = self.state();
        let (durable, pending) = std::mem::take(&mut state.pending).into_iter().partition(|naming| naming.is_in(path));
        let durable: Vec<Naming> = durable;
        durable.iter().for_each(|naming| naming.apply(&mut state.safe_names));
        state.pending = pending;
        Ok(())
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let free_bytes = self.state().free_bytes;
        free_bytes.map_or_else(|| OsDisk.free_bytes(path), Ok)
    }
}

struct FaultyFile {
    file: File,
    inode: usize,
    state: Arc<Mutex<State>>,
}

impl FaultyFile {
    fn append_all(&self, bytes: &[u8]) -> io::Result<()> {
        DiskFile::append(&self.file, bytes)?;
        self.state.lock().unwrap().inodes[self.inode].current.extend_from_slice(bytes);
        Ok(())
    }
}

impl DiskFile for FaultyFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        match burn(&self.state) {
            None => self.append_all(bytes),
            Some(Fault::Torn) => {
                self.append_all(&bytes[..bytes.len() / 2])?;
                Err(io::Error::other("injected: a short write"))
            }
            Some(Fault::Enospc) => Err(io::Error::new(io::ErrorKind::StorageFull, "injected: full")),
            Some(_) => Err(io::Error::other("injected")),
        }
    }

    fn overwrite(&self, bytes: &[u8]) -> io::Result<()> {
        step(&self.state)?;
        DiskFile::overwrite(&self.file, bytes)?;
        let mut state = self.state.lock().unwrap();
        let inode = &mut state.inodes[self.inode];
        let before = inode.current.len();
        inode.current.splice(..bytes.len().min(before), bytes.iter().copied());
        inode.versions.push(inode.current.clone());
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        step(&self.state)?;
        DiskFile::truncate(&self.file, length)?;
        self.state.lock().unwrap().inodes[self.inode].truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        step(&self.state)?;
        let mut state = self.state.lock().unwrap();
        state.syncs += 1;
        let inode = &mut state.inodes[self.inode];
        inode.safe.clone_from(&inode.current);
        inode.versions.clear();
        Ok(())
    }
}
