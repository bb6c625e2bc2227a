//! What outsiders hold the ledger to.

use std::path::PathBuf;

use omega_gateway::Collected;
use omega_gateway::contract::Witness;
use omega_gateway::ledger::Archive;
use omega_gateway::proof::checkpoint::{self, CheckpointFault, SignedCheckpoint};
use serde::{Deserialize, Serialize};

use crate::local::operation::operation;

/// A checkpoint that this home's gateway signed: the note, and what it says.
///
/// Its signature is not checked where it is read: it comes from the gateway that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CheckpointNote {
    note: String,
    said: checkpoint::Checkpoint,
}

impl CheckpointNote {
    /// The note.
    pub fn as_str(&self) -> &str {
        &self.note
    }

    /// What it says.
    pub const fn checkpoint(&self) -> &checkpoint::Checkpoint {
        &self.said
    }
}

impl TryFrom<String> for CheckpointNote {
    type Error = CheckpointFault;

    fn try_from(note: String) -> Result<Self, Self::Error> {
        let said = checkpoint::unverified_checkpoint(note.as_bytes())?;
        Ok(Self { note, said })
    }
}

impl From<CheckpointNote> for String {
    fn from(note: CheckpointNote) -> Self {
        note.note
    }
}

impl From<SignedCheckpoint> for CheckpointNote {
    fn from(signed: SignedCheckpoint) -> Self {
        Self { note: signed.as_str().to_owned(), said: signed.checkpoint().clone() }
    }
}

/// A checkpoint with the cosignature that was collected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectedNote {
    /// The checkpoint, with every cosignature that it has.
    pub checkpoint: CheckpointNote,
    /// When the witness signed, in seconds since 1970.
    pub cosigned_at_unix_s: u64,
}

impl From<Collected> for CollectedNote {
    fn from(collected: Collected) -> Self {
        Self { checkpoint: collected.checkpoint.into(), cosigned_at_unix_s: collected.cosignature.time_unix_s }
    }
}

operation! {
    /// Makes a checkpoint of all that was recorded before.
    Checkpoint "checkpoint" {} -> CheckpointNote,
    |self, gateway| {
        let Self {} = self;
        gateway.admin().checkpoint().await.map(Into::into)
    }
}

operation! {
    /// Hands the log over to another key.
    RotateLogKey "rotate_log_key" {
        /// Where the next key is or goes, an absolute path; without one it is kept in the home.
        key_file: Option<PathBuf>,
    } -> CheckpointNote,
    |self, gateway| gateway.admin().rotate_log_key(self.key_file.as_deref()).await.map(Into::into)
}

operation! {
    /// Moves the oldest events to a folder.
    ArchiveLedger "archive" {
        /// Events below this index.
        before: u64,
        /// A new or empty folder, an absolute path.
        to: PathBuf,
    } -> Option<Archive>,
    |self, gateway| gateway.admin().archive(self.before, &self.to).await
}

operation! {
    /// Names a witness.
    AddWitness "add_witness" {
        /// Who.
        witness: Witness,
    } -> (),
    |self, gateway| gateway.admin().add_witness(self.witness).await
}

operation! {
    /// Asks a witness no more.
    RemoveWitness "remove_witness" {
        /// What it is called here.
        name: String,
    } -> (),
    |self, gateway| gateway.admin().remove_witness(&self.name).await
}

operation! {
    /// Shows the newest checkpoint to a witness and keeps its cosignature.
    AskWitness "ask_witness" {
        /// What it is called here.
        name: String,
    } -> CollectedNote,
    |self, gateway| gateway.admin().ask_witness(&self.name).await.map(Into::into)
}

operation! {
    /// Takes a witness's cosignature from a note.
    TakeCosignature "take_cosignature" {
        /// What the witness is called here.
        name: String,
        /// The cosigned note, whatever bytes it has.
        note: Vec<u8>,
    } -> CollectedNote,
    |self, gateway| gateway.admin().take_cosignature(&self.name, &self.note).await.map(Into::into)
}
