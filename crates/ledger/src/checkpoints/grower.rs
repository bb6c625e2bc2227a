//! Makes the tree and the checkpoints, from durable events only. One thread at a time.
//!
//! Order of steps, and what a crash after each leaves:
//! 1. hashes of durable events are appended to packs: bytes above the newest checkpoint, which the next start cuts off and
//!    makes again from the events;
//! 2. the packs are synced: the same;
//! 3. the checkpoint is appended to `checkpoints.log`: a torn line that the next start cuts off, nobody saw it;
//! 4. the log is synced: all that the checkpoint covers is durable, and the next start publishes it;
//! 5. the new `checkpoint` is written beside the old one and synced: the same; what lies there is written over;
//! 6. it gets its name: the next start finds the old one or the new one, both are in the log;
//! 7. the folder is synced: the checkpoint may be handed out.
//!
//! What never happens here: a lock that an append needs, and a checkpoint over events that are not durable.

use std::path::Path;
use std::sync::Arc;

use omega_proof::checkpoint::{LogSigner, SignedCheckpoint};
use omega_proof::tree::TreeHead;

use super::log::CheckpointLine;
use super::newest::Newest;
use super::thread::Handed;
use super::{CHECKPOINT_FILE, LOG_FILE};
use crate::disk::{Disk, DiskFile};
use crate::error::{FaultKind, LedgerError, LedgerFault};
use crate::mark::Mark;
use crate::segment::{Spot, segment_name};
use crate::tree::{EventHashes, Frontier, PACK_HASHES, PackWriters, TILES_DIR, leaf, read_nodes};

/// Writes the tree and its checkpoints.
pub(crate) struct Grower {
    dir: std::path::PathBuf,
    disk: Arc<dyn Disk>,
    signer: Arc<LogSigner>,
    hashes: EventHashes,
    frontier: Frontier,
    packs: PackWriters,
    log: Box<dyn DiskFile>,
    newest: SignedCheckpoint,
}

/// The log and the first checkpoint of a new ledger, of no events: so that a ledger without either is a damaged one.
///
/// # Errors
/// [`LedgerError::Write`].
pub(crate) fn create_log(disk: &dyn Disk, dir: &Path, signer: &LogSigner) -> Result<(), LedgerError> {
    let tiles = dir.join(TILES_DIR);
    if !tiles.exists() {
        disk.create_folder(&tiles).map_err(LedgerError::write("create", &tiles))?;
    }
    let path = dir.join(LOG_FILE);
    let log = disk.create_over(&path).map_err(LedgerError::write("create", &path))?;
    let signed = signer.sign(&TreeHead::EMPTY);
    append(&*log, &path, &signed, Spot::START)?;
    disk.sync_folder(dir).map_err(LedgerError::write("sync", dir))?;
    publish(disk, dir, &signed)
}

impl Grower {
    /// Goes on after the newest checkpoint, whose tree was found in the packs and its events in the segments.
    ///
    /// # Errors
    /// [`LedgerError::Write`]; [`LedgerError::Corrupt`] where the packs do not have the tree.
    pub(crate) fn resume(
        disk: Arc<dyn Disk>,
        dir: &Path,
        signer: Arc<LogSigner>,
        newest: Newest,
        frontier: Frontier,
        base: &Mark,
    ) -> Result<Self, LedgerError> {
        let path = dir.join(LOG_FILE);
        if std::fs::metadata(&path).map_err(LedgerError::read(&path))?.len() > newest.log_bytes {
            let log = disk.open_in_place(&path).map_err(LedgerError::write("open", &path))?;
            log.truncate(newest.log_bytes).map_err(LedgerError::write("truncate", &path))?;
            log.sync().map_err(LedgerError::write("sync", &path))?;
        }
        let log = disk.open_append(&path).map_err(LedgerError::write("open", &path))?;
        if !newest.is_published {
            // A crash between the steps 3 and 7. The line may have been read back from memory only.
            log.sync().map_err(LedgerError::write("sync", &path))?;
            publish(&*disk, dir, &newest.signed)?;
        }
        let packs = PackWriters::open(Arc::clone(&disk), dir, frontier.size())?;
        let at = Spot { index: base.next_index, segment: base.segment, offset: base.length };
        let hashes = EventHashes::from(dir, at, base.head);
        Ok(Self { dir: dir.to_owned(), disk, signer, hashes, frontier, packs, log, newest: newest.signed })
    }

    /// The newest checkpoint.
    pub(crate) const fn newest(&self) -> &SignedCheckpoint {
        &self.newest
    }

    /// Takes all events below `mark`, which is durable, into the tree, and makes a checkpoint of it where there is
    /// something new.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing is tried again then.
    pub(crate) fn cover(&mut self, mark: &Mark, handed: &Handed) -> Result<&SignedCheckpoint, LedgerError> {
        if mark.next_index > self.newest.head().size {
            self.grow(mark, handed)?;
            let head = self.frontier.head();
            let signed = self.signer.sign(&head);
            self.commit(signed)?;
        }
        Ok(&self.newest)
    }

    /// Hands the log over to another key, at all that is durable.
    ///
    /// # Errors
    /// [`LedgerError`]; the old key goes on where there was none of writing.
    pub(crate) fn hand_over(
        &mut self,
        mark: &Mark,
        handed: &Handed,
        next: Arc<LogSigner>,
    ) -> Result<&SignedCheckpoint, LedgerError> {
        self.cover(mark, handed)?;
        let signed = self.signer.hand_over(&self.frontier.head(), &next)?;
        self.commit(signed)?;
        self.signer = next;
        Ok(&self.newest)
    }

    fn grow(&mut self, mark: &Mark, handed: &Handed) -> Result<(), LedgerError> {
        let Self { hashes, frontier, packs, .. } = self;
        if let Some(chunks) = handed.take(hashes.at().index, mark.next_index) {
            for chunk in &chunks {
                for entry in chunk {
                    frontier.push(leaf(entry.as_bytes()), |level, hash| packs.place(level, hash));
                }
                packs.write()?;
            }
            let last = chunks.last().and_then(|chunk| chunk.last()).copied();
            return hashes.skip_to(mark, last);
        }
        let mut unwritten = 0;
        hashes.read_to(mark, |some| {
            for entry in some {
                frontier.push(leaf(entry), |level, hash| packs.place(level, hash));
            }
            unwritten += some.len() as u64;
            if unwritten >= PACK_HASHES {
                unwritten = 0;
                return packs.write();
            }
            Ok(())
        })?;
        packs.write()
    }

    fn commit(&mut self, signed: SignedCheckpoint) -> Result<(), LedgerError> {
        self.packs.sync()?;
        append(&*self.log, &self.dir.join(LOG_FILE), &signed, self.hashes.at())?;
        publish(&*self.disk, &self.dir, &signed)?;
        self.newest = signed;
        Ok(())
    }
}

/// Steps 3 and 4.
fn append(log: &dyn DiskFile, path: &Path, signed: &SignedCheckpoint, end: Spot) -> Result<(), LedgerError> {
    let line = CheckpointLine { length: end.offset, note: signed.as_str().to_owned(), segment: end.segment };
    log.append(&line.encode()?).map_err(LedgerError::write("append to", path))?;
    log.sync().map_err(LedgerError::write("sync", path))
}

/// Steps 5 to 7.
fn publish(disk: &dyn Disk, dir: &Path, signed: &SignedCheckpoint) -> Result<(), LedgerError> {
    let (path, unnamed) = (dir.join(CHECKPOINT_FILE), dir.join(format!("{CHECKPOINT_FILE}.new")));
    let file = disk.create_over(&unnamed).map_err(LedgerError::write("create", &unnamed))?;
    file.append(signed.as_bytes()).map_err(LedgerError::write("write", &unnamed))?;
    file.sync().map_err(LedgerError::write("sync", &unnamed))?;
    disk.rename(&unnamed, &path).map_err(LedgerError::write("rename", &unnamed))?;
    disk.sync_folder(dir).map_err(LedgerError::write("sync", dir))
}

/// The right edge of the tree of `head`, read from the packs and found to have its root.
///
/// # Errors
/// [`LedgerError::Corrupt`] where it does not.
pub(crate) fn load_frontier(dir: &Path, head: &TreeHead) -> Result<Frontier, LedgerError> {
    let frontier = Frontier::load(head.size, |level, from, count| read_nodes(dir, level, from, count))?;
    if frontier.head() == *head {
        return Ok(frontier);
    }
    Err(LedgerFault::of_file(TILES_DIR, FaultKind::TilesOtherRoot { size: head.size }).into())
}

/// The fault of a ledger that ends before its newest checkpoint does.
pub(crate) fn ends_before(segment: u64, found: u64, size: u64) -> LedgerError {
    let kind = FaultKind::TruncatedBelowCheckpoint { size };
    LedgerFault { file: segment_name(segment), line: 0, offset: found, kind }.into()
}
