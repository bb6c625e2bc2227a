//! Checkpoints (C2SP tlog-checkpoint): a tree head as a signed note, signed by the log under its own name.
//!
//! `origin\nsize\nbase64(root)\n`, then extension lines, an empty line, and the signatures. What never happens here: a head
//! handed out before the log's key spoke for it.

use std::fmt;
use std::str::FromStr;

use omega_contract::ErrorCode;
use tlog_tiles::checkpoint as tlog_checkpoint;

use crate::key::SecretKey;
use crate::note::{self, KeyName, NotAKeyName, NoteFault, NoteSigner, SignedNote, VerifierKey, VkeyFault};
use crate::tree::{TreeFault, TreeHead, check_head, from_tlog, to_tlog};

pub use cosignature::{Cosignature, WitnessKey, WitnessSigner};
pub use handover::{HANDOVERS_MAX, HandoverFault, KeyTerm, LogKeys};

mod cosignature;
mod handover;

/// The first word of the extension line that names the key which follows (see [`LogKeys`]).
pub const LOG_KEY_EXTENSION: &str = "omega-log-key";

/// Who issues a log: the first line of its checkpoints, and the name of its keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(KeyName);

impl Origin {
    /// The name under which a log's key signs.
    pub const fn key_name(&self) -> &KeyName {
        &self.0
    }

    /// The origin as it is written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The origin of a log that nobody named: `omega.internal/` and a ULID in lower case, drawn when the log begins, so
    /// that no two logs have one origin. The name leads nowhere: `.internal` is reserved for what is not in the public DNS.
    ///
    /// # Errors
    /// [`NotAKeyName`] where `ulid` has a character that no ULID has.
    pub fn internal(ulid: &str) -> Result<Self, NotAKeyName> {
        format!("omega.internal/{}", ulid.to_ascii_lowercase()).parse()
    }
}

impl FromStr for Origin {
    type Err = NotAKeyName;

    fn from_str(text: &str) -> Result<Self, NotAKeyName> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why bytes are no checkpoint of the log that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointFault {
    /// Not a signed note, or not by that key.
    #[error(transparent)]
    Note(#[from] NoteFault),
    /// The note's text is not a checkpoint's, or not its exact form.
    #[error("the note is no checkpoint: origin, size, root in base64, each on a line of its own")]
    Form,
    /// An origin that no key can have as its name.
    #[error("the origin is no name of a key")]
    Origin,
    /// Signed by the log's key under another log's origin.
    #[error("the origin is \"{found}\", the key is that of \"{expected}\"")]
    OtherOrigin {
        /// What the note states.
        found: String,
        /// The key's name.
        expected: String,
    },
    /// A size or root that no tree has.
    #[error(transparent)]
    Tree(#[from] TreeFault),
    /// The cosignature's time is not one.
    #[error("the cosignature by \"{witness}\" has a time beyond what a time can be")]
    Time {
        /// The witness's name.
        witness: String,
    },
}

impl CheckpointFault {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::ProofInvalid
    }
}

/// What a log says of itself at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub origin: Origin,
    /// Its tree.
    pub head: TreeHead,
    /// Extension lines, without their newlines; opaque but for [`LOG_KEY_EXTENSION`].
    extensions: Vec<String>,
}

impl Checkpoint {
    /// A log's tree head, without extension lines.
    pub const fn new(origin: Origin, head: TreeHead) -> Self {
        Self { origin, head, extensions: Vec::new() }
    }

    /// Extension lines, without their newlines.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// The note's text: what the log signs.
    pub fn to_text(&self) -> String {
        let extension: String = self.extensions.iter().flat_map(|line| [line, "\n"]).collect();
        let Self { origin, head, .. } = self;
        format!("{origin}\n{}\n{}\n{extension}", head.size, to_tlog(&head.root))
    }

    /// Reads a note's text.
    pub(crate) fn parse_text(text: &str) -> Result<Self, CheckpointFault> {
        let parsed = tlog_checkpoint::Checkpoint::from_bytes(text.as_bytes()).map_err(|_| CheckpointFault::Form)?;
        let origin = parsed.origin().parse().map_err(|NotAKeyName| CheckpointFault::Origin)?;
        let head = TreeHead { size: parsed.size(), root: from_tlog(*parsed.hash()) };
        check_head(&head)?;
        let extensions = parsed.extension().split_terminator('\n').map(str::to_owned).collect();
        let checkpoint = Self { origin, head, extensions };
        // One checkpoint, one form: what is written again is what was read.
        if checkpoint.to_text() == text { Ok(checkpoint) } else { Err(CheckpointFault::Form) }
    }
}

/// Verifies that `bytes` are a checkpoint which `key` signed, of the log that `key` is named after.
///
/// # Errors
/// [`CheckpointFault`]; never panics, on any bytes.
pub fn verify_checkpoint(bytes: &[u8], key: &VerifierKey) -> Result<Checkpoint, CheckpointFault> {
    let note = SignedNote::parse(bytes)?;
    checked(note.verify(key)?, key)
}

/// The checkpoint in a text that `key` signed.
fn checked(text: &str, key: &VerifierKey) -> Result<Checkpoint, CheckpointFault> {
    let checkpoint = Checkpoint::parse_text(text)?;
    if checkpoint.origin.key_name() != key.name() {
        let (found, expected) = (checkpoint.origin.to_string(), key.name().to_string());
        return Err(CheckpointFault::OtherOrigin { found, expected });
    }
    Ok(checkpoint)
}

/// The checkpoint in these bytes, for reading what the caller wrote itself or will verify later: whoever can write the file
/// can have written this.
///
/// # Errors
/// [`CheckpointFault`]; never panics, on any bytes.
pub fn unverified_checkpoint(bytes: &[u8]) -> Result<Checkpoint, CheckpointFault> {
    Checkpoint::parse_text(SignedNote::parse(bytes)?.unverified_text())
}

/// A checkpoint with its log's signature: the bytes to store and hand out, and what they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    bytes: Vec<u8>,
    checkpoint: Checkpoint,
}

impl SignedCheckpoint {
    /// Takes bytes that `key` signed.
    ///
    /// # Errors
    /// [`CheckpointFault`]; never panics, on any bytes.
    pub fn verified(bytes: &[u8], key: &VerifierKey) -> Result<Self, CheckpointFault> {
        Ok(Self { checkpoint: verify_checkpoint(bytes, key)?, bytes: bytes.to_owned() })
    }

    /// The note.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The note as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("a signed note is UTF-8: it was parsed or made as one")
    }

    /// What it says.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Size and root.
    pub const fn head(&self) -> &TreeHead {
        &self.checkpoint.head
    }
}

/// A log's own key under the log's name.
#[derive(Debug)]
pub struct LogSigner {
    origin: Origin,
    key: SecretKey,
}

impl LogSigner {
    /// A key that signs for this log.
    pub const fn new(origin: Origin, key: SecretKey) -> Self {
        Self { origin, key }
    }

    /// The log.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The key, for what else the log signs (a bundle's attestation).
    pub const fn key(&self) -> &SecretKey {
        &self.key
    }

    /// What verifies its checkpoints: the text to hand out.
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey::new(self.origin.key_name().clone(), self.key.public())
    }

    /// Signs a tree head. A log must not sign two heads of which neither extends the other: that is for the caller to see to.
    pub fn sign(&self, head: &TreeHead) -> SignedCheckpoint {
        let checkpoint = Checkpoint::new(self.origin.clone(), *head);
        let bytes = note::sign(&checkpoint.to_text(), &[&self.note_signer()]);
        SignedCheckpoint { bytes, checkpoint }
    }

    /// Hands the log over to another key at this tree head: both sign, and the extension line names the new one.
    ///
    /// # Errors
    /// [`HandoverFault`] where `next` is of another log, or is this key.
    pub fn hand_over(&self, head: &TreeHead, next: &Self) -> Result<SignedCheckpoint, HandoverFault> {
        let (old, new) = (self.verifier_key(), next.verifier_key());
        handover::check_pair(&old, &new)?;
        let extensions = vec![format!("{LOG_KEY_EXTENSION} {new}")];
        let checkpoint = Checkpoint { origin: self.origin.clone(), head: *head, extensions };
        let bytes = note::sign(&checkpoint.to_text(), &[&self.note_signer(), &next.note_signer()]);
        Ok(SignedCheckpoint { bytes, checkpoint })
    }

    fn note_signer(&self) -> NoteSigner<'_> {
        NoteSigner { verifier: self.verifier_key(), key: &self.key }
    }
}

/// The key that an extension line hands over to, where it is such a line.
fn handed_over(line: &str) -> Option<Result<VerifierKey, VkeyFault>> {
    let vkey = line.strip_prefix(LOG_KEY_EXTENSION)?.strip_prefix(' ')?;
    Some(vkey.parse())
}

#[cfg(test)]
mod tests;
