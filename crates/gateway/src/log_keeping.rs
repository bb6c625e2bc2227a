//! Keeping the log: its checkpoints, its key, and who outside confirms it (spec page 3, "Merkle tree and checkpoints").
//!
//! Cosigned checkpoints are kept in `cosigned/`, one file a tree size: data that others signed, which the ledger does not
//! need and no decision hangs on.
//!
//! What never happens here: a cosignature kept that did not verify; a checkpoint shown to a witness before it is durable.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use omega_contract::{ErrorCode, Sha256Hex, Timestamp, Witness};
use omega_ledger::{Archive, Ledger, LedgerError, LedgerReader};
use omega_proof::checkpoint::{CheckpointFault, Cosignature, HandoverFault, SignedCheckpoint, WitnessKey};
use omega_proof::note::{NOTE_BYTES_MAX, SignedNote, VerifierKey};
use omega_proof::tree::TreeHead;
use omega_registry::Decision;

use crate::admin::Admin;
use crate::durable_file;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::home::Home;
use crate::reader::HomeReader;
use crate::witness::{Answer, add_checkpoint, check_url};

/// Witnesses of one log.
const WITNESSES_MAX: usize = 16;
/// Characters of a witness's name.
const WITNESS_NAME_CHARS_MAX: usize = 64;

/// A witness and what it last confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessState {
    /// Who.
    pub witness: Witness,
    /// Since when it is one.
    pub added_at: Timestamp,
    /// The size of the largest tree that it cosigned, as far as it was collected here.
    pub cosigned_size: Option<u64>,
}

/// A checkpoint with the cosignature that was collected.
#[derive(Debug, Clone)]
pub struct Collected {
    /// The checkpoint, with every cosignature that it has.
    pub checkpoint: SignedCheckpoint,
    /// The one that was asked for.
    pub cosignature: Cosignature,
}

impl Gateway {
    /// The newest checkpoint: at most a second behind the ledger.
    pub fn newest_checkpoint(&self) -> Arc<SignedCheckpoint> {
        self.inner.ledger.newest_checkpoint()
    }

    /// A tile of the newest checkpoint's tree (C2SP tlog-tiles): `width` hashes of a level, 256 where it is full. None:
    /// the tree has no such tile. Blocks.
    ///
    /// # Errors
    /// `ledger_corrupt`, `io`.
    pub fn tile(&self, level: u32, number: u64, width: u64) -> Result<Option<Vec<u8>>, GatewayError> {
        Ok(self.inner.ledger.tile(level, number, width)?)
    }

    /// The entries of a tile of leaves, as their bundle has them (C2SP tlog-tiles, "Log Entries"). Blocks.
    ///
    /// # Errors
    /// `events_archived`, `ledger_corrupt`, `io`.
    pub fn entries_tile(&self, number: u64, width: u64) -> Result<Option<Vec<u8>>, GatewayError> {
        Ok(self.inner.ledger.entries_tile(number, width)?)
    }
}

impl Admin {
    /// Makes a checkpoint of all that was recorded before, and gives it once it is durable.
    ///
    /// # Errors
    /// `ledger_unavailable`.
    pub async fn checkpoint(&self) -> Result<SignedCheckpoint, GatewayError> {
        self.on_ledger(|ledger| ledger.checkpoint().map(|signed| (*signed).clone())).await
    }

    /// Hands the log over to another key: in `key_file`, an absolute path outside the home, or a new one in the home. A key
    /// that is in `key_file` is taken. Both keys sign the hand-over, which verifiers of the old key follow.
    ///
    /// With a key outside, `log_key` in `omega.toml` is to name its path from here on; the home does not open before.
    ///
    /// # Errors
    /// `key_invalid`, `request_invalid` where a key outside the home is to be followed by one in it, `io`,
    /// `ledger_unavailable`.
    pub async fn rotate_log_key(&self, key_file: Option<&Path>) -> Result<SignedCheckpoint, GatewayError> {
        if key_file.is_some_and(Path::is_relative) {
            return Err(GatewayError::new(ErrorCode::KeyInvalid, "the key's path is not absolute"));
        }
        let inner = &self.gateway.inner;
        if key_file.is_none() && inner.config.log_key_file().is_some() {
            let why = "this log's key is kept outside the home: name the file of the next one";
            return Err(GatewayError::new(ErrorCode::RequestInvalid, why));
        }
        let _turn = inner.journal.turn().await?;
        let next = inner.home.next_log_signer(key_file)?;
        let verifier_key = next.verifier_key().to_string();
        // Decided first: what the ledger then holds is that it was to be, and the hand-over itself says whether it was.
        inner.journal.decide(&self.gateway.caller, &Decision::RotateLogKey { verifier_key }).await?;
        let signed = self.on_ledger(move |ledger| ledger.hand_over(next).map(|signed| (*signed).clone())).await?;
        if key_file.is_none() {
            inner.home.adopt_next_log_key()?;
        }
        Ok(signed)
    }

    /// Moves the oldest sealed segments, those whose events are all below `before`, to the new or empty folder `to`, which
    /// verifies alone. What is left verifies too; its tree stays whole. Gives what was moved, if anything was.
    ///
    /// The registry can not be made anew from a ledger whose beginning is elsewhere: where `registry.sqlite` is lost, the
    /// archive is put back first.
    ///
    /// # Errors
    /// `capability_denied` where `to` and a protected path overlap; `ledger_corrupt` where what is moved does not verify;
    /// `ledger_unavailable` where `to` cannot be written. The ledger is what it was then.
    pub async fn archive(&self, before: u64, to: &Path) -> Result<Option<Archive>, GatewayError> {
        self.gateway.check_outside_protected(to)?;
        let inner = &self.gateway.inner;
        let _turn = inner.journal.turn().await?;
        let folder = to.to_owned();
        let archive = self.on_ledger(move |ledger| ledger.archive(before, &folder)).await?;
        if let Some(archive) = &archive {
            inner.journal.decide(&self.gateway.caller, &Decision::Archive { first_index: archive.next_index }).await?;
        }
        Ok(archive)
    }

    /// Names a witness; one of the same name is replaced.
    ///
    /// # Errors
    /// `request_invalid`, `key_invalid`, `ledger_unavailable`.
    pub async fn add_witness(&self, witness: Witness) -> Result<(), GatewayError> {
        let invalid = |why: String| Err(GatewayError::new(ErrorCode::RequestInvalid, why));
        let name = &witness.name;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > WITNESS_NAME_CHARS_MAX || !name.chars().all(plain) {
            return invalid(format!(
                "a witness's name is 1 to {WITNESS_NAME_CHARS_MAX} letters, digits, dots, dashes and underscores"
            ));
        }
        witness_key(&witness)?;
        witness.url.as_deref().map_or(Ok(()), check_url)?;
        let inner = &self.gateway.inner;
        let _turn = inner.journal.turn().await?;
        let others = inner.journal.registry.witnesses()?;
        if others.iter().filter(|(other, _)| other.name != *name).count() >= WITNESSES_MAX {
            return invalid(format!("a log has at most {WITNESSES_MAX} witnesses"));
        }
        inner.journal.decide(&self.gateway.caller, &Decision::AddWitness(witness)).await.map(|_| ())
    }

    /// Asks a witness no more. What it cosigned stays.
    ///
    /// # Errors
    /// `witness_unknown`, `ledger_unavailable`.
    pub async fn remove_witness(&self, name: &str) -> Result<(), GatewayError> {
        let inner = &self.gateway.inner;
        let _turn = inner.journal.turn().await?;
        self.witness(name)?;
        inner.journal.decide(&self.gateway.caller, &Decision::RemoveWitness { name: name.to_owned() }).await.map(|_| ())
    }

    /// Shows the newest checkpoint to a witness and keeps its cosignature.
    ///
    /// # Errors
    /// `witness_unknown`; `witness_unavailable` where it cannot be reached, has no URL, or does not cosign;
    /// `ledger_unavailable`, `io`.
    pub async fn ask_witness(&self, name: &str) -> Result<Collected, GatewayError> {
        let witness = self.witness(name)?;
        let key = witness_key(&witness)?;
        let failed = |why: String| GatewayError::new(ErrorCode::WitnessUnavailable, why);
        let Some(url) = witness.url.clone() else {
            return Err(failed(format!("{name} has no URL; collect its cosignature from a file")));
        };
        let checkpoint = self.checkpoint().await?;
        let known = cosigned_size(&self.gateway.inner.home, &key);
        let shown = checkpoint.clone();
        let lines = self.on_ledger_or(move |ledger| show(ledger, &url, &shown, known.unwrap_or(0))).await?;
        self.keep(checkpoint, &lines, &key)
    }

    /// Takes a witness's cosignature of one of this log's checkpoints from a file: the cosigned note.
    ///
    /// # Errors
    /// `witness_unknown`; `proof_invalid` where the note is no checkpoint of this log, or not cosigned by that witness;
    /// `io`.
    pub async fn take_cosignature(&self, name: &str, note: &[u8]) -> Result<Collected, GatewayError> {
        let key = witness_key(&self.witness(name)?)?;
        let not_ours = |why: String| GatewayError::new(ErrorCode::ProofInvalid, why);
        let home = &self.gateway.inner.home;
        let trusted = home.log_verifier_key()?;
        let (bytes, ledger_dir) = (note.to_vec(), home.ledger_dir());
        let ours = self
            .on_ledger_or(move |ledger| {
                let keys = LedgerReader::open(&ledger_dir)?.log_keys(&trusted)?;
                let (checkpoint, term) = keys.verify_checkpoint(&bytes).map_err(|fault| not_ours(fault.to_string()))?;
                if ledger.tree_at(checkpoint.head.size, ledger.newest_checkpoint().head())? != checkpoint.head {
                    return Err(not_ours("the checkpoint is of a tree that this ledger does not have".to_owned()));
                }
                SignedCheckpoint::verified(&bytes, &term.key).map_err(|fault| not_ours(fault.to_string()))
            })
            .await?;
        self.keep(ours, "", &key)
    }

    /// Adds what a witness signed to what is kept of that checkpoint.
    fn keep(&self, checkpoint: SignedCheckpoint, lines: &str, key: &WitnessKey) -> Result<Collected, GatewayError> {
        let invalid = |fault: CheckpointFault| GatewayError::new(ErrorCode::WitnessUnavailable, fault.to_string());
        let mut cosigned = checkpoint;
        for line in lines.lines() {
            // A witness with several keys sends a line for each; those of others are passed over.
            if let Ok(more) = cosigned.cosigned(line, key) {
                cosigned = more;
            }
        }
        let note = SignedNote::parse(cosigned.as_bytes()).map_err(|fault| invalid(fault.into()))?;
        let cosignature = key.cosignature(&note).map_err(invalid)?;
        let folder = folder(&self.gateway.inner.home);
        let merged = with_kept(&folder, cosigned, &self.witness_keys()?)?;
        durable_file::replace(&folder, &file_name(merged.head().size), merged.as_bytes())
            .map_err(|error| GatewayError::new(ErrorCode::Io, format!("keep the cosignature: {error}")))?;
        Ok(Collected { checkpoint: merged, cosignature })
    }

    fn witness(&self, name: &str) -> Result<Witness, GatewayError> {
        let found = self.gateway.inner.journal.registry.witnesses()?.into_iter().find(|(it, _)| it.name == name);
        found
            .map(|(witness, _)| witness)
            .ok_or_else(|| GatewayError::new(ErrorCode::WitnessUnknown, format!("{name} is no witness of this log")))
    }

    fn witness_keys(&self) -> Result<Vec<WitnessKey>, GatewayError> {
        self.gateway.inner.journal.registry.witnesses()?.iter().map(|(witness, _)| witness_key(witness)).collect()
    }

    async fn on_ledger<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, GatewayError> {
        self.on_ledger_or(|ledger| Ok(work(ledger)?)).await
    }

    /// Work with the ledger's files, apart from the calls.
    async fn on_ledger_or<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Ledger) -> Result<T, GatewayError> + Send + 'static,
    ) -> Result<T, GatewayError> {
        let ledger = std::sync::Arc::clone(&self.gateway.inner.ledger);
        let ended = |error| GatewayError::new(ErrorCode::Io, format!("work on the ledger ended early: {error}"));
        tokio::task::spawn_blocking(move || work(&ledger)).await.map_err(ended)?
    }
}

/// How an older checkpoint stands to the newest one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consistency {
    /// The older one's tree.
    pub old: TreeHead,
    /// The newest one's.
    pub new: TreeHead,
    /// That the newer extends the older (RFC 6962, section 2.1.2), or why not.
    pub verdict: Result<Vec<Sha256Hex>, Inconsistency>,
}

/// Why a ledger does not extend what a checkpoint of it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistency {
    /// It was put back to an earlier state.
    #[error("the ledger was rolled back: it has fewer events than the checkpoint covers")]
    RolledBack,
    /// Events that the checkpoint covers were replaced, and all that follows written anew.
    #[error("the ledger was rewritten: its first events are not those that the checkpoint covers")]
    Rewritten,
}

impl HomeReader {
    /// The newest checkpoint, with the cosignatures that were collected of it.
    ///
    /// # Errors
    /// `ledger_corrupt`, `io`.
    pub fn checkpoint(&self) -> Result<SignedCheckpoint, GatewayError> {
        let newest = self.ledger.newest_checkpoint(&self.home.log_verifier_key()?)?;
        with_kept(&folder(&self.home), newest, &self.witness_keys()?)
    }

    /// Holds this ledger against a checkpoint of it that somebody kept, signed by `trusted` or a key that it was handed over
    /// to.
    ///
    /// # Errors
    /// `proof_invalid` where the bytes are no checkpoint of this log; `ledger_corrupt` where the ledger's own are not.
    pub fn consistency(&self, old: &[u8], trusted: &VerifierKey) -> Result<Consistency, GatewayError> {
        let not_ours = |fault: HandoverFault| GatewayError::new(ErrorCode::ProofInvalid, fault.to_string());
        let (old, _) = self.ledger.log_keys(trusted)?.verify_checkpoint(old).map_err(not_ours)?;
        let (old, new) = (old.head, *self.ledger.newest_checkpoint(trusted)?.head());
        let verdict = if old.size > new.size {
            Err(Inconsistency::RolledBack)
        } else if self.ledger.tree_at(old.size, &new)? == old {
            Ok(self.ledger.consistency(old.size, &new)?)
        } else {
            Err(Inconsistency::Rewritten)
        };
        Ok(Consistency { old, new, verdict })
    }

    /// The index of the first event at or after a time, of those that are here; the number of events where there is none.
    ///
    /// # Errors
    /// `ledger_corrupt`, `io`.
    pub fn first_index_at(&self, time: Timestamp) -> Result<u64, GatewayError> {
        // No event is older than the one before it.
        let (mut from, mut to) = (self.ledger.first_index()?, self.ledger.stats()?.events);
        while from < to {
            let middle = from + (to - from) / 2;
            let ts = self.ledger.event(middle)?.and_then(|placed| placed.event.ts.parse::<Timestamp>().ok());
            if ts.is_some_and(|ts| ts < time) { from = middle + 1 } else { to = middle }
        }
        Ok(from)
    }

    /// The witnesses of this home's log, by name.
    ///
    /// # Errors
    /// Where the registry's database cannot be read.
    pub fn witnesses(&self) -> Result<Vec<WitnessState>, GatewayError> {
        let state = |(witness, added_at): (Witness, Timestamp)| {
            let cosigned_size = cosigned_size(&self.home, &witness_key(&witness)?);
            Ok(WitnessState { witness, added_at, cosigned_size })
        };
        self.registry.witnesses()?.into_iter().map(state).collect()
    }

    fn witness_keys(&self) -> Result<Vec<WitnessKey>, GatewayError> {
        self.registry.witnesses()?.iter().map(|(witness, _)| witness_key(witness)).collect()
    }
}

/// Shows a checkpoint to a witness, from the size that it knows; gives its signature lines.
fn show(ledger: &Ledger, url: &str, checkpoint: &SignedCheckpoint, known: u64) -> Result<String, GatewayError> {
    let failed = |why: &str| GatewayError::new(ErrorCode::WitnessUnavailable, format!("{url}: {why}"));
    let head = *checkpoint.head();
    let mut old_size = known.min(head.size);
    // It may have seen more than what was collected here: it says so once, and is asked once more.
    for _ in 0..2 {
        let proof = ledger.consistency(old_size, &head)?;
        match add_checkpoint(url, old_size, &proof, checkpoint.as_bytes())? {
            Answer::Cosigned(lines) => return Ok(lines),
            Answer::Knows(size) if size > head.size => {
                return Err(failed(&format!(
                    "it has seen {size} events of this log, which has {}: this ledger was rolled back, or is a copy",
                    head.size
                )));
            }
            Answer::Knows(size) => old_size = size,
        }
    }
    Err(failed("it names one size and then another"))
}

fn witness_key(witness: &Witness) -> Result<WitnessKey, GatewayError> {
    let unusable = |why: String| GatewayError::new(ErrorCode::KeyInvalid, format!("{}: {why}", witness.name));
    witness.verifier_key.parse().map_err(|fault: omega_proof::note::VkeyFault| unusable(fault.to_string()))
}

fn folder(home: &Home) -> PathBuf {
    home.path().join("cosigned")
}

fn file_name(size: u64) -> String {
    format!("{size:020}")
}

/// The kept cosigned checkpoints, largest tree first. What cannot be read is no evidence, and is passed over.
fn kept(folder: &Path) -> Vec<(u64, Vec<u8>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut kept: Vec<(u64, Vec<u8>)> = entries
        .filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.len() <= NOTE_BYTES_MAX as u64))
        .filter_map(|entry| {
            let size = entry.file_name().to_str()?.parse().ok()?;
            Some((size, fs::read(entry.path()).ok()?))
        })
        .collect();
    kept.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    kept
}

/// The size of the largest tree that `key` cosigned and that is kept.
fn cosigned_size(home: &Home, key: &WitnessKey) -> Option<u64> {
    let by_key = |note: &[u8]| SignedNote::parse(note).is_ok_and(|note| key.cosignature(&note).is_ok());
    kept(&folder(home)).into_iter().find(|(_, note)| by_key(note)).map(|(size, _)| size)
}

/// The checkpoint with the cosignatures that are kept of it, by witnesses of now.
fn with_kept(
    folder: &Path,
    checkpoint: SignedCheckpoint,
    keys: &[WitnessKey],
) -> Result<SignedCheckpoint, GatewayError> {
    let file = folder.join(file_name(checkpoint.head().size));
    let Ok(before) = fs::read_to_string(&file) else { return Ok(checkpoint) };
    let mut merged = checkpoint;
    for line in before.rsplit_once("\n\n").map_or("", |(_, lines)| lines).lines() {
        for key in keys {
            if let Ok(more) = merged.cosigned(line, key) {
                merged = more;
            }
        }
    }
    Ok(merged)
}
