//! Moves sealed segments, with the packs of leaves that belong to them, to a folder that verifies alone.
//!
//! Order of steps, and what a crash after each leaves:
//! 1. segments, packs, the log, the newest checkpoint and `archive.json` are copied and synced: a folder that nobody
//!    knows of, beside a whole ledger;
//! 2. the copy is verified: the same;
//! 3. `archived` is written, synced and named: the ledger begins later, what is left of the old files is not looked at;
//! 4. the old files are removed; the next archive or start removes what a crash left of them.
//!
//! The tree stays whole: of it, only leaves are moved, and every root can be computed without them.
//!
//! What never happens here: the removal of what was not verified where it went; a segment that a checkpoint does not
//! cover, or that has an open call.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use omega_contract::{Sha256Hex, canonical_bytes};
use omega_proof::chain::Strictness;
use omega_proof::note::VerifierKey;
use omega_proof::tree::{TreeHead, check_consistency};
use serde::{Deserialize, Serialize};

use crate::beginning::Beginning;
use crate::checkpoints::{CHECKPOINT_FILE, LOG_FILE, find_published};
use crate::disk::{Disk, OsDisk};
use crate::error::{FaultKind, LedgerError, LedgerFault, file_name};
use crate::ledger::Ledger;
use crate::mark::Mark;
use crate::proving::newest_checkpoint;
use crate::questions::LedgerReader;
use crate::segment::{LineReader, Segment, list_segments, segment_name, segment_path};
use crate::tree::{NODE_BYTES, PACK_HASHES, Proofs, level_counts, pack_name};
use crate::tree_check::{Extent, TreeCheck};
use crate::verify::{LedgerVerdict, Progress, walk};

const MANIFEST_FILE: &str = "archive.json";
const MANIFEST_BYTES_MAX: u64 = 64 * 1024;
const FORMAT: &str = "omega.archive/v1";

/// What an archive holds: `archive.json`. Checked against the checkpoint beside it, never trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    format: String,
    /// The index of its first event.
    pub first_index: u64,
    /// The index after its last event.
    pub next_index: u64,
    /// The hash of the event before its first; `None` where there is none.
    pub head_before: Option<Sha256Hex>,
    /// The hash of its last event.
    pub head: Sha256Hex,
    /// The tree of all events up to `next_index`.
    pub root: Sha256Hex,
    /// The proof (RFC 6962, section 2.1.2) that the tree of the checkpoint beside it extends that tree.
    pub consistency: Vec<Sha256Hex>,
}

impl Archive {
    fn tree(&self) -> TreeHead {
        TreeHead { size: self.next_index, root: self.root }
    }
}

impl Ledger {
    /// The index of the first event that is here: 0 where nothing was archived.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`], [`LedgerError::Read`].
    pub fn first_index(&self) -> Result<u64, LedgerError> {
        Ok(Beginning::read(self.dir())?.first_index)
    }

    /// Moves every sealed segment whose events are all below `before` to the new or empty folder `to`, verified there
    /// before anything is removed here. Gives what was moved; `None` where there is nothing to move. Journal it.
    /// Blocks, for as long as copying takes; appends go on meanwhile.
    ///
    /// # Errors
    /// [`LedgerError::Write`] where `to` cannot be written or holds anything; [`LedgerError::Corrupt`] where what is
    /// moved does not verify. The ledger is what it was then.
    pub fn archive(&self, before: u64, to: &Path) -> Result<Option<Archive>, LedgerError> {
        let _one_at_a_time = self.archiving();
        let dir = self.dir();
        self.checkpoint()?;
        let key = self.verifier_key();
        let begin = Beginning::read(dir)?;
        remove_leftovers(dir, &begin)?;
        let (placed, log_bytes) = find_published(dir)?;
        let signed = newest_checkpoint(dir, &key)?;
        let open_from = Mark::read(dir)?.map_or(0, |mark| mark.open_from);
        let limit = before.min(open_from).min(placed.line.segment);
        let segments = list_segments(dir)?;
        let kept = segments.iter().rposition(|segment| segment.first_index <= limit).unwrap_or(0);
        let (moved, kept) = segments.split_at(kept);
        let (Some(last), Some(first_kept)) = (moved.last(), kept.first()) else { return Ok(None) };
        let next_index = first_kept.first_index;
        // Old calls are known by the index from now on.
        self.index_up_to(next_index + 1)?;
        let tree = Proofs::new(dir, *signed.head());
        let archive = Archive {
            format: FORMAT.to_owned(),
            first_index: begin.first_index,
            next_index,
            head_before: begin.head,
            head: last_hash(last)?,
            root: tree.head_at(next_index)?.root,
            consistency: tree.consistency(next_index)?,
        };
        let mut copy = Copy::into(dir, to)?;
        moved.iter().try_for_each(|segment| copy.take(&file_name(&segment.path), u64::MAX))?;
        copy.packs(begin.first_index, next_index)?;
        copy.take(LOG_FILE, log_bytes)?;
        copy.write(CHECKPOINT_FILE, signed.as_bytes())?;
        let no_form = |error: serde_json::Error| LedgerError::write("write", Path::new(MANIFEST_FILE))(error.into());
        copy.write(MANIFEST_FILE, &canonical_bytes(&archive).map_err(no_form)?)?;
        copy.sync_folders()?;
        verify_archive(to, &key, Strictness::Standard, |_| ())?;
        let begin = Beginning { first_index: next_index, head: Some(archive.head) };
        begin.commit(&*self.shared().disk, dir)?;
        remove_leftovers(dir, &begin)?;
        Ok(Some(archive))
    }
}

fn last_hash(segment: &Segment) -> Result<Sha256Hex, LedgerError> {
    let mut reader = LineReader::open(&segment.path)?;
    let line = reader.line_before(segment.bytes).map_err(LedgerError::read(&segment.path))?;
    let hash = line.and_then(|(_, line)| omega_proof::line::Line::scan(line).and_then(|line| line.hash()).ok());
    let fault = || LedgerFault::of_file(&file_name(&segment.path), omega_proof::line::LineFault::MissingNewline.into());
    Ok(hash.ok_or_else(fault)?)
}

/// Removes what an archive has, of the ledger that begins at `begin`.
pub(crate) fn remove_leftovers(dir: &Path, begin: &Beginning) -> Result<(), LedgerError> {
    let remove = |path: PathBuf| match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(LedgerError::write("remove", &path)(error)),
        _ => Ok(()),
    };
    if begin.first_index == 0 {
        return Ok(());
    }
    for first_index in crate::segment::segments_before(dir, begin.first_index)? {
        remove(segment_path(dir, first_index))?;
    }
    for number in (0..begin.first_index / PACK_HASHES).rev() {
        let path = dir.join(pack_name(0, number));
        if !path.exists() {
            break;
        }
        remove(path)?;
    }
    Ok(())
}

impl LedgerReader {
    /// As [`Ledger::first_index`].
    ///
    /// # Errors
    /// As there.
    pub fn first_index(&self) -> Result<u64, LedgerError> {
        Ok(Beginning::read(self.dir())?.first_index)
    }
}

/// Checks an archive, alone: its events, links and tree, that the checkpoint beside it covers them, and the signatures.
/// `trusted` is a key of the log.
///
/// # Errors
/// [`LedgerError::Corrupt`] with the first fault; [`LedgerError::Read`].
pub fn verify_archive(
    dir: &Path,
    trusted: &VerifierKey,
    strictness: Strictness,
    progress: impl FnMut(Progress),
) -> Result<(Archive, LedgerVerdict), LedgerError> {
    let unreadable = |kind| LedgerFault::of_file(MANIFEST_FILE, kind);
    let path = dir.join(MANIFEST_FILE);
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(MANIFEST_BYTES_MAX).read_to_end(&mut bytes));
    read.map_err(LedgerError::read(&path))?;
    let archive: Option<Archive> = serde_json::from_slice(&bytes).ok();
    let exact =
        |archive: &Archive| archive.format == FORMAT && canonical_bytes(archive).is_ok_and(|again| again == bytes);
    let archive = archive.filter(exact).ok_or_else(|| unreadable(FaultKind::MarkUnreadable))?;
    let newest = newest_checkpoint(dir, trusted)?;
    check_consistency(&archive.tree(), newest.head(), &archive.consistency)
        .map_err(|_| unreadable(FaultKind::TilesOtherRoot { size: archive.next_index }))?;
    let extent = Extent { from: archive.first_index, until: Some(archive.tree()) };
    let tree = TreeCheck::begin(dir, crate::tree::Layout::Packs, trusted, extent)?;
    let begin = Beginning { first_index: archive.first_index, head: archive.head_before };
    let verdict = walk(dir, None, begin, tree, strictness, progress)?;
    if verdict.head == Some(archive.head) {
        return Ok((archive, verdict));
    }
    Err(unreadable(FaultKind::OtherLeaf { index: archive.next_index.saturating_sub(1) }).into())
}

/// Says whether archives, oldest first, and the ledger that goes on after them are one history without a gap. Each was
/// verified with the same key before.
///
/// # Errors
/// [`LedgerError::Corrupt`] with what is missing.
pub fn check_succession(archives: &[Archive], ledger: &LedgerVerdict) -> Result<(), LedgerError> {
    let (mut next_index, mut head) = (0, None);
    let gap = |file: String, expected| LedgerFault::of_file(&file, FaultKind::SegmentOutOfPlace { expected });
    for archive in archives {
        if (archive.first_index, archive.head_before) != (next_index, head) {
            return Err(gap(segment_name(archive.first_index), next_index).into());
        }
        (next_index, head) = (archive.next_index, Some(archive.head));
    }
    if (ledger.archived_events, ledger.archived_head) != (next_index, head) {
        return Err(gap(segment_name(ledger.archived_events), next_index).into());
    }
    Ok(())
}

/// A folder that is written, file by file, and synced.
struct Copy {
    from: PathBuf,
    to: PathBuf,
}

impl Copy {
    fn into(from: &Path, to: &Path) -> Result<Self, LedgerError> {
        std::fs::create_dir_all(to).map_err(LedgerError::write("create", to))?;
        if std::fs::read_dir(to).map_err(LedgerError::read(to))?.next().is_some() {
            return Err(LedgerError::write("write into", to)(std::io::ErrorKind::AlreadyExists.into()));
        }
        Ok(Self { from: from.to_owned(), to: to.to_owned() })
    }

    /// The first `length` bytes of a file of the ledger.
    fn take(&mut self, name: &str, length: u64) -> Result<(), LedgerError> {
        let (from, to) = (self.from.join(name), self.to.join(name));
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder).map_err(LedgerError::write("create", folder))?;
        }
        let source = File::open(&from).map_err(LedgerError::read(&from))?;
        let failed = LedgerError::write("write", &to);
        let copy = || {
            let mut file = File::create_new(&to)?;
            std::io::copy(&mut source.take(length), &mut file)?;
            file.sync_all()
        };
        copy().map_err(failed)
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), LedgerError> {
        let to = self.to.join(name);
        let write = || {
            std::fs::write(&to, bytes)?;
            File::open(&to)?.sync_all()
        };
        write().map_err(LedgerError::write("write", &to))
    }

    /// The packs of the tree up to `next_index`; of the leaves, those from `first_index` on.
    fn packs(&mut self, first_index: u64, next_index: u64) -> Result<(), LedgerError> {
        for (level, count) in level_counts(next_index) {
            let first = if level == 0 { first_index / PACK_HASHES } else { 0 };
            for number in first..count.div_ceil(PACK_HASHES) {
                let hashes = (count - number * PACK_HASHES).min(PACK_HASHES);
                self.take(&pack_name(level, number), hashes * NODE_BYTES)?;
            }
        }
        Ok(())
    }

    fn sync_folders(&self) -> Result<(), LedgerError> {
        let mut folders = vec![self.to.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).map_err(LedgerError::read(&folder))? {
                let path = entry.map_err(LedgerError::read(&folder))?.path();
                if path.is_dir() {
                    folders.push(path);
                }
            }
            OsDisk.sync_folder(&folder).map_err(LedgerError::write("sync", &folder))?;
        }
        let parent = self.to.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.map_or(Ok(()), |parent| OsDisk.sync_folder(parent).map_err(LedgerError::write("sync", parent)))
    }
}
