//! Where the ledger begins: at its first event, or behind what was moved to an archive (`archived`).
//!
//! The file is not signed. What it says is held against what is: the first event that is left must be in the tree at that
//! index, and link to the hash that is named. That an archive was made, and by whom, is for the ledger's own events to tell.

use std::path::Path;

use omega_contract::{Sha256Hex, canonical_bytes};
use serde::{Deserialize, Serialize};

use crate::disk::Disk;
use crate::error::{FaultKind, LedgerError, LedgerFault};
use crate::segment::Spot;

pub(crate) const BEGINNING_FILE: &str = "archived";

/// The first event that is here, and the hash of the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Beginning {
    pub(crate) first_index: u64,
    pub(crate) head: Option<Sha256Hex>,
}

impl Beginning {
    /// Of a ledger that is whole.
    pub(crate) const WHOLE: Self = Self { first_index: 0, head: None };

    /// Of the ledger in `dir`.
    pub(crate) fn read(dir: &Path) -> Result<Self, LedgerError> {
        let path = dir.join(BEGINNING_FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::WHOLE),
            Err(error) => return Err(LedgerError::read(&path)(error)),
        };
        let parsed: Option<Self> = serde_json::from_slice(&bytes).ok();
        let exact = parsed.filter(|parsed| parsed.head.is_some() && parsed.encode().is_ok_and(|again| again == bytes));
        exact.ok_or_else(|| LedgerFault::of_file(BEGINNING_FILE, FaultKind::MarkUnreadable).into())
    }

    /// The place of its first event.
    pub(crate) const fn spot(&self) -> Spot {
        Spot { index: self.first_index, segment: self.first_index, offset: 0 }
    }

    fn encode(&self) -> Result<Vec<u8>, LedgerError> {
        let failed = |error: serde_json::Error| LedgerError::write("write", Path::new(BEGINNING_FILE))(error.into());
        let mut bytes = canonical_bytes(self).map_err(failed)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// From when this returns, the ledger in `dir` begins here: whatever is left of what was before is not looked at.
    pub(crate) fn commit(&self, disk: &dyn Disk, dir: &Path) -> Result<(), LedgerError> {
        let (path, unnamed) = (dir.join(BEGINNING_FILE), dir.join(format!("{BEGINNING_FILE}.new")));
        let file = disk.create_over(&unnamed).map_err(LedgerError::write("create", &unnamed))?;
        file.append(&self.encode()?).map_err(LedgerError::write("write", &unnamed))?;
        file.sync().map_err(LedgerError::write("sync", &unnamed))?;
        disk.rename(&unnamed, &path).map_err(LedgerError::write("rename", &unnamed))?;
        disk.sync_folder(dir).map_err(LedgerError::write("sync", dir))
    }
}
