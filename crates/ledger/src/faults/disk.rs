//! The disk that fails.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::disk::{Disk, DiskFile, OsDisk};

/// How an operation fails. Once one failed, all later ones do: the process is taken for dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The device says no, and does nothing.
    Eio,
    /// It is full.
    Enospc,
    /// A write is done in part.
    Torn,
}

/// What of a file is safe from a power cut.
#[derive(Debug, Default)]
struct Safe {
    path: PathBuf,
    synced_length: u64,
    /// Contents of a file that is written in place, the synced one first.
    contents: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
struct State {
    /// Operations that still succeed, and how the next one fails.
    fuse: Option<(usize, Fault)>,
    free_bytes: Option<u64>,
    files: Vec<Safe>,
    syncs: usize,
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

    /// Takes away some of what was written and not synced: a file's tail is cut, or reads as zeros, and a file
    /// that is written in place holds one of its earlier contents.
    pub(super) fn power_cut(&self, seed: usize) {
        for (number, safe) in self.state().files.drain(..).enumerate() {
            let chance = seed.wrapping_mul(2_654_435_761).wrapping_add(number * 40_503);
            let Ok(file) = OpenOptions::new().write(true).open(&safe.path) else { continue };
            if let Some(content) = safe.contents.get(chance % safe.contents.len().max(1)) {
                file.set_len(0).unwrap();
                (&file).write_all(content).unwrap();
                continue;
            }
            let written = file.metadata().unwrap().len();
            let at_risk = written.saturating_sub(safe.synced_length);
            let kept = safe.synced_length + (chance as u64 / 7) % (at_risk + 1);
            file.set_len(kept).unwrap();
            if chance.is_multiple_of(3) {
                file.set_len(written).unwrap();
            }
        }
    }

    fn open(&self, path: &Path, file: File, is_synced: bool) -> Box<dyn DiskFile> {
        let synced_length = if is_synced { file.metadata().unwrap().len() } else { 0 };
        let mut state = self.state();
        let known = state.files.iter().position(|safe| safe.path == path);
        let number = known.unwrap_or(state.files.len());
        if known.is_none() {
            state.files.push(Safe { path: path.to_owned(), ..Safe::default() });
        }
        state.files[number].synced_length = synced_length;
        Box::new(FaultyFile { file, number, state: Arc::clone(&self.state) })
    }
}

/// Burns the fuse; true where the operation is the one that fails.
fn burn(state: &Mutex<State>) -> Option<Fault> {
    let mut state = state.lock().unwrap();
    let (left, fault) = state.fuse.as_mut()?;
    if *left == 0 {
        return Some(*fault);
    }
    *left -= 1;
    None
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
        Ok(self.open(path, OpenOptions::new().append(true).create_new(true).open(path)?, false))
    }

    fn create_over(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        step(&self.state)?;
        Ok(self.open(path, File::create(path)?, false))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        step(&self.state)?;
        Ok(self.open(path, OpenOptions::new().append(true).open(path)?, true))
    }

    fn open_in_place(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        step(&self.state)?;
        Ok(self.open(path, OpenOptions::new().write(true).open(path)?, true))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        step(&self.state)?;
        OsDisk.create_folder(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        step(&self.state)?;
        std::fs::rename(from, to)?;
        let mut state = self.state();
        // Numbers stay what they are: what had the name before has none now.
        for safe in state.files.iter_mut().filter(|safe| safe.path == to) {
            safe.path = PathBuf::new();
        }
        for safe in state.files.iter_mut().filter(|safe| safe.path == from) {
            to.clone_into(&mut safe.path);
        }
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        step(&self.state)?;
        OsDisk.sync_folder(path)
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let free_bytes = self.state().free_bytes;
        free_bytes.map_or_else(|| OsDisk.free_bytes(path), Ok)
    }
}

struct FaultyFile {
    file: File,
    /// Its place among the files of the disk.
    number: usize,
    state: Arc<Mutex<State>>,
}

impl DiskFile for FaultyFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if burn(&self.state) == Some(Fault::Torn) {
            DiskFile::append(&self.file, &bytes[..bytes.len() / 2])?;
            return Err(io::Error::other("injected: a short write"));
        }
        step(&self.state)?;
        DiskFile::append(&self.file, bytes)
    }

    fn overwrite(&self, bytes: &[u8]) -> io::Result<()> {
        step(&self.state)?;
        let mut state = self.state.lock().unwrap();
        let safe = &mut state.files[self.number];
        if safe.contents.is_empty() {
            safe.contents.push(std::fs::read(&safe.path)?);
        }
        safe.contents.push(bytes.to_vec());
        DiskFile::overwrite(&self.file, bytes)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        step(&self.state)?;
        DiskFile::truncate(&self.file, length)
    }

    fn sync(&self) -> io::Result<()> {
        step(&self.state)?;
        DiskFile::sync(&self.file)?;
        let length = self.file.metadata()?.len();
        let mut state = self.state.lock().unwrap();
        state.syncs += 1;
        let safe = &mut state.files[self.number];
        safe.synced_length = length;
        let latest = safe.contents.pop();
        safe.contents.clear();
        safe.contents.extend(latest);
        Ok(())
    }
}
