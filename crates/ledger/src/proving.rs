//! Proofs about the tree, and the checkpoint that they are about, from a writer and from a reader.
//!
//! What never happens here: a checkpoint given out whose signature was not verified, or a hash that does not lead to the
//! root that was asked about.

use std::path::Path;

use omega_contract::Sha256Hex;
use omega_proof::checkpoint::{LogKeys, SignedCheckpoint};
use omega_proof::note::VerifierKey;
use omega_proof::tree::TreeHead;

use crate::checkpoints::{LogLines, find_published, log_fault, published_end};
use crate::error::{FaultKind, LedgerError};
use crate::ledger::Ledger;
use crate::questions::LedgerReader;
use crate::tree::Proofs;
use crate::tree_check::{hand_overs, trusted_keys};

impl LedgerReader {
    /// The newest checkpoint, verified. `trusted` is a key of the log; its hand-overs are followed.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] where no key that can be followed signed it; [`LedgerError::Read`].
    pub fn newest_checkpoint(&self, trusted: &VerifierKey) -> Result<SignedCheckpoint, LedgerError> {
        newest_checkpoint(self.dir(), trusted)
    }

    /// The keys of the log, as far as its hand-overs can be followed from `trusted`.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] where a hand-over is not one; [`LedgerError::Read`].
    pub fn log_keys(&self, trusted: &VerifierKey) -> Result<LogKeys, LedgerError> {
        let dir = self.dir();
        Ok(trusted_keys(dir, trusted, published_end(dir)?)?.keys)
    }

    /// The signed notes by which the log was handed over from key to key, oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`], [`LedgerError::Read`].
    pub fn hand_overs(&self) -> Result<Vec<String>, LedgerError> {
        let dir = self.dir();
        Ok(hand_overs(dir, published_end(dir)?)?.into_iter().map(|placed| placed.line.note).collect())
    }

    /// Every checkpoint of the log, oldest first, to `each`. Signatures are not verified here.
    ///
    /// # Errors
    /// What `each` gives; [`LedgerError::Corrupt`], [`LedgerError::Read`].
    pub fn each_checkpoint(&self, mut each: impl FnMut(&str) -> Result<(), LedgerError>) -> Result<(), LedgerError> {
        let mut lines = LogLines::open(self.dir(), published_end(self.dir())?)?;
        while let Some(placed) = lines.next()? {
            each(&placed.line.note)?;
        }
        Ok(())
    }
}

macro_rules! proofs {
    ($of:ty) => {
        impl $of {
            /// The inclusion proofs (RFC 6962, section 2.1.1) of these events in the tree of `head`, each from the
            /// sibling up. Every hash is checked against the root of `head`; no event is read.
            ///
            /// # Errors
            /// [`LedgerError::NotInTree`]; [`LedgerError::Corrupt`] where the stored tree does not have this root, be it
            /// damaged or another ledger's; [`LedgerError::Read`].
            pub fn inclusion(&self, indexes: &[u64], head: &TreeHead) -> Result<Vec<Vec<Sha256Hex>>, LedgerError> {
                Proofs::new(self.dir(), *head).inclusion(indexes)
            }

            /// The proof (RFC 6962, section 2.1.2) that the tree of `head` extends the one of its first `old_size`
            /// events; empty where there is nothing to prove.
            ///
            /// # Errors
            /// As `inclusion`.
            pub fn consistency(&self, old_size: u64, head: &TreeHead) -> Result<Vec<Sha256Hex>, LedgerError> {
                Proofs::new(self.dir(), *head).consistency(old_size)
            }

            /// The tree of the first `old_size` events of the tree of `head`.
            ///
            /// # Errors
            /// As `inclusion`.
            pub fn tree_at(&self, old_size: u64, head: &TreeHead) -> Result<TreeHead, LedgerError> {
                Proofs::new(self.dir(), *head).head_at(old_size)
            }
        }
    };
}

proofs!(LedgerReader);
proofs!(Ledger);

/// The published checkpoint of the ledger in `dir`, verified.
pub(crate) fn newest_checkpoint(dir: &Path, trusted: &VerifierKey) -> Result<SignedCheckpoint, LedgerError> {
    let (placed, end) = find_published(dir)?;
    let fault = |kind| log_fault(0, placed.offset, kind);
    let keys = trusted_keys(dir, trusted, end)?.keys;
    let note = placed.line.note.as_bytes();
    let (_, term) = keys.verify_checkpoint(note).map_err(|kind| fault(FaultKind::CheckpointKey(kind)))?;
    SignedCheckpoint::verified(note, &term.key).map_err(|kind| fault(FaultKind::CheckpointFault(kind)))
}
