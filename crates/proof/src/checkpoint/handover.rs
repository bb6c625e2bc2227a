//! Key rotation: a log's keys, each with the tree sizes that it may sign for.
//!
//! A hand-over is a checkpoint with one extension line `omega-log-key <vkey of the new key>`, signed by the old key and the
//! new one. The old key's checkpoints hold up to the hand-over's size, the new key's from it. What never happens here: trust
//! in a key that no trusted key handed over to. And no hand-over undoes a theft: whoever has an old key can hand over to a
//! key of his own, at any size; a verifier that trusts only the old key cannot tell.

use omega_contract::ErrorCode;

use super::{Checkpoint, CheckpointFault, checked, handed_over};
use crate::note::{SignedNote, VerifierKey, VkeyFault};
use crate::tree::TreeHead;

/// Hand-overs that are followed; more are refused, since each one costs two verifications.
pub const HANDOVERS_MAX: usize = 64;

/// Why hand-overs are not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandoverFault {
    /// More than [`HANDOVERS_MAX`].
    #[error("{count} hand-overs, of which at most {HANDOVERS_MAX} are followed")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// Not a checkpoint, or not signed by both keys.
    #[error("hand-over {position}: {fault}")]
    Checkpoint {
        /// From 0.
        position: usize,
        /// What is wrong.
        fault: CheckpointFault,
    },
    /// Not exactly one line that names a key.
    #[error("hand-over {position}: it names {count} keys, not one")]
    KeyLines {
        /// From 0.
        position: usize,
        /// How many it names.
        count: usize,
    },
    /// The line's key is none.
    #[error("hand-over {position}: {fault}")]
    Vkey {
        /// From 0.
        position: usize,
        /// What is wrong.
        fault: VkeyFault,
    },
    /// To a key of another log.
    #[error("the log \"{old}\" cannot be handed over to a key of \"{new}\"")]
    OtherLog {
        /// This log.
        old: String,
        /// The other one.
        new: String,
    },
    /// To a key that this log has or had.
    #[error("the log has or had the key {key} already")]
    NotNew {
        /// Its vkey.
        key: String,
    },
    /// At a smaller tree than the hand-over before.
    #[error("hand-over {position} is at {size} leaves, the one before at {before}")]
    Order {
        /// From 0.
        position: usize,
        /// Its size.
        size: u64,
        /// The size of the one before.
        before: u64,
    },
    /// No key of the log signed this checkpoint.
    #[error("no key that is trusted for this log signed the checkpoint (its latest: {latest}): {fault}")]
    Signature {
        /// The log's latest key as far as known.
        latest: String,
        /// What that key finds wrong.
        fault: CheckpointFault,
    },
    /// A key of the log signed beyond its term.
    #[error("{key} signed a tree of {size} leaves, which is not in its term: {term}")]
    Term {
        /// Its vkey.
        key: String,
        /// The checkpoint's size.
        size: u64,
        /// Its term in words.
        term: String,
    },
}

impl HandoverFault {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::ProofInvalid
    }
}

/// A key of a log and the tree sizes that it may sign for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTerm {
    /// The key.
    pub key: VerifierKey,
    /// The smallest tree: that of the hand-over to it, 0 for the first.
    pub from_size: u64,
    /// The largest tree: that of the hand-over from it. `None`: it is the latest.
    pub until_size: Option<u64>,
}

impl KeyTerm {
    fn holds(&self, size: u64) -> bool {
        self.from_size <= size && self.until_size.is_none_or(|until| size <= until)
    }

    fn words(&self) -> String {
        match self.until_size {
            Some(until) => format!("{} to {until} leaves", self.from_size),
            None => format!("from {} leaves", self.from_size),
        }
    }
}

/// The keys of one log as far as a verifier who trusts one of them can follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKeys(Vec<KeyTerm>);

impl LogKeys {
    /// A log that never changed its key.
    pub fn of(trusted: &VerifierKey) -> Self {
        Self(vec![KeyTerm { key: trusted.clone(), from_size: 0, until_size: None }])
    }

    /// Follows the hand-overs of a log, oldest first, from the key that is trusted: what came before the hand-over to that
    /// key is not looked at, since nobody trusted speaks for it.
    ///
    /// # Errors
    /// [`HandoverFault`]; never panics, on any bytes.
    pub fn follow<N: AsRef<[u8]>>(trusted: &VerifierKey, handovers: &[N]) -> Result<Self, HandoverFault> {
        if handovers.len() > HANDOVERS_MAX {
            return Err(HandoverFault::TooMany { count: handovers.len() });
        }
        let notes = handovers.iter().enumerate();
        let notes = notes.map(|(position, bytes)| Handover::parse(position, bytes.as_ref()));
        let notes = notes.collect::<Result<Vec<_>, _>>()?;
        let mut keys = Self::of(trusted);
        let start = match notes.iter().position(|note| note.next == *trusted) {
            None => 0,
            // A key that handed the log over does not come back.
            Some(own) if notes[..own].iter().any(|note| note.verified_by(trusted).is_ok()) => {
                return Err(HandoverFault::NotNew { key: trusted.to_string() });
            }
            Some(own) => {
                let head = notes[own].verified_by(trusted)?;
                keys.0[0].from_size = head.size;
                own + 1
            }
        };
        for note in notes.iter().skip(start) {
            keys.take(note)?;
        }
        Ok(keys)
    }

    fn take(&mut self, note: &Handover) -> Result<(), HandoverFault> {
        let old = self.latest_mut();
        check_pair(&old.key, &note.next)?;
        let head = note.verified_by(&old.key)?;
        note.verified_by(&note.next)?;
        if head.size < old.from_size {
            let (position, size, before) = (note.position, head.size, old.from_size);
            return Err(HandoverFault::Order { position, size, before });
        }
        old.until_size = Some(head.size);
        if self.0.iter().any(|term| term.key.public() == note.next.public()) {
            return Err(HandoverFault::NotNew { key: note.next.to_string() });
        }
        self.0.push(KeyTerm { key: note.next.clone(), from_size: head.size, until_size: None });
        Ok(())
    }

    /// The terms, oldest first.
    pub fn terms(&self) -> &[KeyTerm] {
        &self.0
    }

    /// The key that the log has now, as far as known.
    pub fn latest(&self) -> &VerifierKey {
        &self.0.last().expect("there is the trusted key at least").key
    }

    fn latest_mut(&mut self) -> &mut KeyTerm {
        self.0.last_mut().expect("there is the trusted key at least")
    }

    /// Verifies a checkpoint of this log under whichever of its keys signed it, within that key's term.
    ///
    /// # Errors
    /// [`HandoverFault::Signature`], [`HandoverFault::Term`]; never panics, on any bytes.
    pub fn verify_checkpoint(&self, bytes: &[u8]) -> Result<(Checkpoint, &KeyTerm), HandoverFault> {
        let latest = self.latest();
        let fault = |fault| HandoverFault::Signature { latest: latest.to_string(), fault };
        let note = SignedNote::parse(bytes).map_err(|note| fault(note.into()))?;
        let mut outside = None;
        for term in self.0.iter().rev() {
            // A line by a key of this log that does not verify is a forgery, whatever the other lines are.
            let text = match note.verify(&term.key) {
                Ok(text) => text,
                Err(crate::note::NoteFault::Unsigned { .. }) => continue,
                Err(mismatch) => return Err(fault(mismatch.into())),
            };
            let checkpoint = checked(text, &term.key).map_err(fault)?;
            let size = checkpoint.head.size;
            if term.holds(size) {
                return Ok((checkpoint, term));
            }
            outside.get_or_insert(HandoverFault::Term { key: term.key.to_string(), size, term: term.words() });
        }
        let unsigned = || crate::note::NoteFault::Unsigned { key: latest.to_string() };
        Err(outside.unwrap_or_else(|| fault(unsigned().into())))
    }
}

/// A hand-over before anybody's signature on it is verified.
struct Handover {
    position: usize,
    note: SignedNote,
    next: VerifierKey,
}

impl Handover {
    fn parse(position: usize, bytes: &[u8]) -> Result<Self, HandoverFault> {
        let at = |fault| HandoverFault::Checkpoint { position, fault };
        let note = SignedNote::parse(bytes).map_err(|fault| at(fault.into()))?;
        let checkpoint = Checkpoint::parse_text(note.unverified_text()).map_err(at)?;
        let mut named: Vec<_> = checkpoint.extensions().iter().filter_map(|line| handed_over(line)).collect();
        let count = named.len();
        match (named.pop(), count) {
            (Some(next), 1) => {
                let next = next.map_err(|fault| HandoverFault::Vkey { position, fault })?;
                Ok(Self { position, note, next })
            }
            _ => Err(HandoverFault::KeyLines { position, count }),
        }
    }

    fn verified_by(&self, key: &VerifierKey) -> Result<TreeHead, HandoverFault> {
        let at = |fault| HandoverFault::Checkpoint { position: self.position, fault };
        let text = self.note.verify(key).map_err(|fault| at(fault.into()))?;
        Ok(checked(text, key).map_err(at)?.head)
    }
}

/// Two keys of one log.
pub(super) fn check_pair(old: &VerifierKey, new: &VerifierKey) -> Result<(), HandoverFault> {
    if old.name() != new.name() {
        return Err(HandoverFault::OtherLog { old: old.name().to_string(), new: new.name().to_string() });
    }
    if old.public() == new.public() { Err(HandoverFault::NotNew { key: new.to_string() }) } else { Ok(()) }
}
