//! Writes batches into segments and moves the mark. One thread at a time.
//!
//! Order of steps, and what a crash after each leaves:
//! 1. the batch is written: a tail that recovery keeps as far as it is whole, nobody was told;
//! 2. the segment is synced: the batch is durable, nobody was told;
//! 3. `synced` moves: recovery will refuse to lose the batch;
//! 4. the callers are told; the tree follows on a thread of its own (`checkpoints::grower`).
//!
//! A new segment is made, synced and named durably before anything is written into it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkpoints::Checkpointing;
use crate::disk::{Disk, DiskFile};
use crate::error::LedgerError;
use crate::mark::{Mark, MarkFile};
use crate::queue::Batch;
use crate::segment::segment_path;

/// The open segment.
pub(crate) struct SegmentWriter {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    file: Arc<dyn DiskFile>,
    first_index: u64,
    length: u64,
    length_max: u64,
    mark_file: MarkFile,
    /// What the mark says once the segment is synced.
    written: Mark,
    /// Who is told what is durable.
    checkpointing: Option<Arc<Checkpointing>>,
}

/// A segment file and what is durable once it is synced.
pub(crate) struct Unsynced {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    pub(crate) mark: Mark,
}

impl Unsynced {
    pub(crate) fn sync(&self) -> Result<(), LedgerError> {
        self.file.sync().map_err(LedgerError::write("sync", &self.path))
    }
}

/// The first segment of a new ledger.
pub(crate) fn create_segment(disk: &dyn Disk, dir: &Path, first_index: u64) -> Result<Arc<dyn DiskFile>, LedgerError> {
    let path = segment_path(dir, first_index);
    let file = disk.create(&path).map_err(LedgerError::write("create", &path))?;
    file.sync().map_err(LedgerError::write("sync", &path))?;
    disk.sync_folder(dir).map_err(LedgerError::write("sync", dir))?;
    Ok(Arc::from(file))
}

impl SegmentWriter {
    /// Goes on where `written` ends.
    pub(crate) fn new(
        dir: &Path,
        disk: Arc<dyn Disk>,
        file: Arc<dyn DiskFile>,
        length_max: u64,
        mark_file: MarkFile,
        written: Mark,
    ) -> Self {
        let (first_index, length) = (written.segment, written.length);
        Self {
            dir: dir.to_owned(),
            disk,
            file,
            first_index,
            length,
            length_max,
            mark_file,
            written,
            checkpointing: None,
        }
    }

    /// From now on tells `checkpointing` what is durable.
    pub(crate) fn telling(self, checkpointing: Arc<Checkpointing>) -> Self {
        Self { checkpointing: Some(checkpointing), ..self }
    }

    /// Writes a batch at the end of the ledger. Not durable yet.
    pub(crate) fn append(&mut self, batch: &Batch) -> Result<(), LedgerError> {
        if self.length > 0 && self.length + batch.bytes.len() as u64 > self.length_max {
            self.begin_segment(batch.first_index)?;
        }
        self.file.append(&batch.bytes).map_err(|error| LedgerError::write("append to", &self.path())(error))?;
        self.length += batch.bytes.len() as u64;
        self.written = Mark {
            segment: self.first_index,
            length: self.length,
            next_index: batch.next_index(),
            open_from: batch.open_from,
            head: Some(batch.head),
        };
        if let Some(checkpointing) = &self.checkpointing {
            checkpointing.written(batch.first_index, &batch.hashes);
        }
        Ok(())
    }

    /// Makes what was written durable and moves the mark.
    pub(crate) fn sync(&mut self) -> Result<Mark, LedgerError> {
        self.file.sync().map_err(LedgerError::write("sync", &self.path()))?;
        self.became_durable(self.written)?;
        Ok(self.written)
    }

    /// What is to be synced by somebody who does not hold this writer meanwhile.
    pub(crate) fn unsynced(&self) -> Unsynced {
        Unsynced { file: Arc::clone(&self.file), path: self.path(), mark: self.written }
    }

    /// What follows once events are durable, in both modes and on every path. Work that may only be done for
    /// durable events belongs here, after the mark.
    pub(crate) fn became_durable(&mut self, mark: Mark) -> Result<(), LedgerError> {
        self.mark_file.advance(mark).map_err(LedgerError::write("write", Path::new(crate::mark::MARK_FILE)))?;
        if let Some(checkpointing) = &self.checkpointing {
            checkpointing.became_durable(mark);
        }
        Ok(())
    }

    fn begin_segment(&mut self, first_index: u64) -> Result<(), LedgerError> {
        self.sync()?;
        self.file = create_segment(&*self.disk, &self.dir, first_index)?;
        (self.first_index, self.length) = (first_index, 0);
        Ok(())
    }

    fn path(&self) -> PathBuf {
        segment_path(&self.dir, self.first_index)
    }
}
