//! `ledger/synced`: how far the ledger is durable (spec page 3, "Durability").
//!
//! It is written in place after each sync and is itself not synced: after a power cut it may be older than
//! the truth, never newer. It fits one disk sector, so it is never half old and half new.
//!
//! What never happens here: a guess at what an unreadable mark meant.

use std::path::Path;

use omega_contract::Sha256Hex;
use omega_proof::line::LineFault;

use crate::disk::{Disk, DiskFile};
use crate::error::{FaultKind, LedgerError, LedgerFault};
use crate::segment::segment_name;

pub(crate) const MARK_FILE: &str = "synced";

/// Magic, five numbers of 20 digits, two hashes, six separators, a newline.
const MARK_BYTES: usize = MAGIC.len() + 4 * 21 + 2 * 65 + 1;
const MAGIC: &str = "omega.synced/v1";

/// What is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The segment, by its first event's index.
    pub(crate) segment: u64,
    /// Durable bytes of that segment.
    pub(crate) length: u64,
    /// Durable events of the ledger.
    pub(crate) next_index: u64,
    /// No INVOKE below this index waits for its outcome: where the next start begins to look for those
    /// that do.
    pub(crate) open_from: u64,
    /// The hash of the last durable event; `None` where there is none.
    pub(crate) head: Option<Sha256Hex>,
}

impl Mark {
    /// Of a ledger without events.
    pub(crate) const NOTHING: Self = Self { segment: 0, length: 0, next_index: 0, open_from: 0, head: None };

    fn encode(&self) -> String {
        let head = self.head.map_or_else(|| "-".repeat(64), |head| head.to_string());
        let Self { segment, length, next_index, open_from, .. } = self;
        let body = format!("{MAGIC} {segment:020} {length:020} {next_index:020} {open_from:020} {head}");
        let check = Sha256Hex::of(body.as_bytes());
        format!("{body} {check}\n")
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes.get(..MARK_BYTES)?).ok()?;
        let mut words = text.strip_suffix('\n')?.split(' ');
        let _magic = words.next()?;
        let mut number = || words.next()?.parse().ok();
        let (segment, length, next_index, open_from) = (number()?, number()?, number()?, number()?);
        let head = words.next().filter(|head| !head.starts_with('-')).map(str::parse).transpose().ok()?;
        let mark = Self { segment, length, next_index, open_from, head };
        // The form is fixed, so writing it again checks the magic, the widths and the check sum at once.
        (mark.encode() == text).then_some(mark)
    }

    /// The mark of the ledger in `dir`; `None` where there is no such file.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, LedgerError> {
        let path = dir.join(MARK_FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LedgerError::read(&path)(error)),
        };
        let unreadable = || mark_fault(FaultKind::MarkUnreadable);
        Self::decode(&bytes).map(Some).ok_or_else(unreadable)
    }
}

impl Mark {
    /// Says whether what was found in `file`, which has `bytes`, up to the marked length is what was synced.
    pub(crate) fn confirm(
        &self,
        file: &str,
        bytes: u64,
        next_index: u64,
        head: Option<Sha256Hex>,
    ) -> Result<(), LedgerFault> {
        let kind = match (head, self.head) {
            _ if next_index != self.next_index => FaultKind::OtherCount { synced: self.next_index, found: next_index },
            (found, synced) if found == synced => return Ok(()),
            (Some(found), Some(synced)) => FaultKind::OtherHead { synced, found },
            // The mark contradicts itself: events without a last one, or the other way round.
            _ => {
                return Err(LedgerFault {
                    file: MARK_FILE.to_owned(),
                    line: 0,
                    offset: 0,
                    kind: FaultKind::MarkUnreadable,
                });
            }
        };
        Err(LedgerFault { file: file.to_owned(), line: 0, offset: bytes.min(self.length), kind })
    }

    /// A fault of the bytes below the mark, of a segment that has `bytes`. A last line that seems cut off there
    /// and goes on behind the mark is another line than the one that was synced.
    pub(crate) fn fault_below(&self, fault: LedgerFault, bytes: u64) -> LedgerFault {
        if fault.kind == FaultKind::Line(LineFault::MissingNewline) && bytes > self.length {
            return LedgerFault { kind: FaultKind::OverMark, ..fault };
        }
        fault
    }

    /// Says whether the marked segment, of which `bytes` are there, can hold what was synced.
    pub(crate) fn reaches(&self, bytes: Option<u64>) -> Result<(), LedgerFault> {
        let found = bytes.unwrap_or(0);
        if bytes.is_some() && found >= self.length {
            return Ok(());
        }
        let kind = FaultKind::Truncated { synced: self.length, found };
        Err(LedgerFault { file: segment_name(self.segment), line: 0, offset: found, kind })
    }
}

pub(crate) fn mark_fault(kind: FaultKind) -> LedgerError {
    LedgerFault { file: MARK_FILE.to_owned(), line: 0, offset: 0, kind }.into()
}

/// The open mark file.
pub(crate) struct MarkFile {
    file: Box<dyn DiskFile>,
    last: Mark,
}

impl MarkFile {
    /// The mark file of a new ledger, itself durable before it has its name: so that later only its content can
    /// be old, and a ledger without one, or with one that cannot be read, is a damaged ledger.
    pub(crate) fn create(disk: &dyn Disk, dir: &Path) -> Result<Self, LedgerError> {
        let (path, unnamed) = (dir.join(MARK_FILE), dir.join(format!("{MARK_FILE}.new")));
        let file = disk.create_over(&unnamed).map_err(LedgerError::write("create", &unnamed))?;
        file.overwrite(Mark::NOTHING.encode().as_bytes()).map_err(LedgerError::write("write", &unnamed))?;
        file.sync().map_err(LedgerError::write("sync", &unnamed))?;
        disk.rename(&unnamed, &path).map_err(LedgerError::write("rename", &unnamed))?;
        disk.sync_folder(dir).map_err(LedgerError::write("sync", dir))?;
        Ok(Self { file, last: Mark::NOTHING })
    }

    /// The mark file of a ledger whose mark was read before.
    pub(crate) fn open(disk: &dyn Disk, dir: &Path, last: Mark) -> Result<Self, LedgerError> {
        let path = dir.join(MARK_FILE);
        let file = disk.open_in_place(&path).map_err(LedgerError::write("open", &path))?;
        Ok(Self { file, last })
    }

    /// Moves the mark forward; one that is not ahead is left out.
    pub(crate) fn advance(&mut self, mark: Mark) -> std::io::Result<()> {
        if mark.next_index > self.last.next_index || (mark.next_index == self.last.next_index && mark != self.last) {
            self.file.overwrite(mark.encode().as_bytes())?;
            self.last = mark;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::OsDisk;

    #[test]
    fn round_trips_and_refuses_every_single_edit() {
        let head = Some(Sha256Hex::of(b"x"));
        for mark in [Mark::NOTHING, Mark { segment: 5, length: u64::MAX, next_index: 7, open_from: 6, head }] {
            let text = mark.encode();
            assert_eq!(text.len(), MARK_BYTES);
            const { assert!(MARK_BYTES <= 512, "one sector") };
            assert_eq!(Mark::decode(text.as_bytes()), Some(mark));
            for at in 0..text.len() {
                let mut edited = text.clone().into_bytes();
                edited[at] ^= 1;
                assert_eq!(Mark::decode(&edited), None, "byte {at}");
            }
            assert_eq!(Mark::decode(&text.as_bytes()[1..]), None);
        }
    }

    #[test]
    fn only_moves_forward() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Mark::read(dir.path()).unwrap(), None);
        let mut file = MarkFile::create(&OsDisk, dir.path()).unwrap();
        assert_eq!(Mark::read(dir.path()).unwrap(), Some(Mark::NOTHING));
        let newer = Mark { next_index: 9, length: 90, ..Mark::NOTHING };
        file.advance(newer).unwrap();
        file.advance(Mark { next_index: 8, length: 80, ..Mark::NOTHING }).unwrap();
        assert_eq!(Mark::read(dir.path()).unwrap(), Some(newer));
        std::fs::write(dir.path().join(MARK_FILE), "x").unwrap();
        assert!(matches!(Mark::read(dir.path()), Err(LedgerError::Corrupt(_))));
    }
}
