//! Keeps what recovery cuts off (spec page 3, "Recovery at start", step 4).
//!
//! Order of steps for a tail, and what a crash after each leaves:
//! 1. it is copied to a `.part` file in `quarantine` and synced: the next start does it again;
//! 2. the copy is named `<segment>.<offset>.<number>.pending`: the next start makes another one;
//! 3. the segment is truncated and synced: the copy is all there is of the tail, and still pending;
//! 4. a RECOVERY event says what was cut;
//! 5. the copy loses `.pending`. After a crash before this, the next start journals it again.
//!
//! What never happens here: deletion.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use omega_contract::{EventDraft, EventKind, Sha256Hex};
use sha2::{Digest, Sha256};

use crate::disk::Disk;
use crate::error::{LedgerError, file_name};
use crate::segment::Segment;

const QUARANTINE_DIR: &str = "quarantine";
const PENDING: &str = "pending";
const COPY_BYTES: usize = 1024 * 1024;

/// What is to be cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The segment from this offset on.
    Tail { segment: Segment, from: u64 },
    /// All of a segment that no longer has its place.
    Whole(Segment),
}

/// A tail that was cut off and is kept in the ledger's `quarantine` folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The copy's name in that folder.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: Sha256Hex,
}

impl Quarantined {
    /// The event that tells of it.
    pub(crate) fn draft(&self) -> EventDraft {
        EventDraft::system(EventKind::Recovery)
            .with("reason", "tail_quarantined")
            .with("file", self.file.as_str())
            .with("bytes", self.bytes.to_string())
            .with("sha256", self.sha256.to_string())
    }
}

/// Moves `cuts` into quarantine, the newest first: so that the segments stay a chain at every step.
pub(crate) fn quarantine(disk: &dyn Disk, dir: &Path, cuts: &[Cut]) -> Result<(), LedgerError> {
    if cuts.is_empty() {
        return Ok(());
    }
    let folder = dir.join(QUARANTINE_DIR);
    std::fs::create_dir_all(&folder).map_err(LedgerError::write("create", &folder))?;
    disk.sync_folder(dir).map_err(LedgerError::write("sync", dir))?;
    for cut in cuts.iter().rev() {
        match cut {
            Cut::Whole(segment) => {
                let to = pending_path(&folder, segment, 0)?;
                disk.rename(&segment.path, &to).map_err(LedgerError::write("rename", &segment.path))?;
                disk.sync_folder(&folder).map_err(LedgerError::write("sync", &folder))?;
                disk.sync_folder(dir).map_err(LedgerError::write("sync", dir))?;
            }
            Cut::Tail { segment, from } => {
                let part = folder.join(format!("{}.part", file_name(&segment.path)));
                copy_tail(disk, segment, *from, &part)?;
                let to = pending_path(&folder, segment, *from)?;
                disk.rename(&part, &to).map_err(LedgerError::write("rename", &part))?;
                disk.sync_folder(&folder).map_err(LedgerError::write("sync", &folder))?;
                let file = disk.open_in_place(&segment.path).map_err(LedgerError::write("open", &segment.path))?;
                file.truncate(*from).map_err(LedgerError::write("truncate", &segment.path))?;
                file.sync().map_err(LedgerError::write("sync", &segment.path))?;
            }
        }
    }
    Ok(())
}

/// A name under which nothing was kept yet.
fn pending_path(folder: &Path, segment: &Segment, from: u64) -> Result<PathBuf, LedgerError> {
    let name = |number: u32| folder.join(format!("{}.{from:020}.{number}", file_name(&segment.path)));
    for number in 0.. {
        let (kept, pending) = (name(number), name(number).with_added_extension(PENDING));
        let exists = |path: &Path| path.try_exists().map_err(LedgerError::read(path));
        if !exists(&kept)? && !exists(&pending)? {
            return Ok(pending);
        }
    }
    Err(LedgerError::read(folder)(std::io::ErrorKind::AlreadyExists.into()))
}

fn copy_tail(disk: &dyn Disk, segment: &Segment, from: u64, to: &Path) -> Result<(), LedgerError> {
    use std::io::{Seek, SeekFrom};
    let failed = |error| LedgerError::read(&segment.path)(error);
    let mut source = File::open(&segment.path).map_err(failed)?;
    source.seek(SeekFrom::Start(from)).map_err(failed)?;
    let copy = disk.create_over(to).map_err(LedgerError::write("create", to))?;
    let mut block = Vec::with_capacity(COPY_BYTES);
    while source.by_ref().take(COPY_BYTES as u64).read_to_end(&mut block).map_err(failed)? > 0 {
        copy.append(&block).map_err(LedgerError::write("write", to))?;
        block.clear();
    }
    copy.sync().map_err(LedgerError::write("sync", to))
}

/// What lies in quarantine and was not journalled yet.
pub(crate) fn pending(dir: &Path) -> Result<Vec<Quarantined>, LedgerError> {
    let folder = dir.join(QUARANTINE_DIR);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LedgerError::read(&folder)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(LedgerError::read(&folder))?.path();
        if path.extension().is_some_and(|extension| extension == PENDING) {
            let (bytes, sha256) = digest(&path)?;
            found.push(Quarantined { file: file_name(&path.with_extension("")), bytes, sha256 });
        }
    }
    found.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(found)
}

/// Takes note that the RECOVERY event of `quarantined` is durable.
pub(crate) fn journalled(disk: &dyn Disk, dir: &Path, quarantined: &Quarantined) -> Result<(), LedgerError> {
    let folder = dir.join(QUARANTINE_DIR);
    let to = folder.join(&quarantined.file);
    let from = folder.join(format!("{}.{PENDING}", quarantined.file));
    disk.rename(&from, &to).map_err(LedgerError::write("rename", &from))?;
    disk.sync_folder(&folder).map_err(LedgerError::write("sync", &folder))
}

fn digest(path: &Path) -> Result<(u64, Sha256Hex), LedgerError> {
    let mut file = File::open(path).map_err(LedgerError::read(path))?;
    let mut digest = Sha256::new();
    let bytes = std::io::copy(&mut file, &mut digest).map_err(LedgerError::read(path))?;
    Ok((bytes, Sha256Hex::from_bytes(digest.finalize().into())))
}
