//! Cosignatures (C2SP tlog-cosignature, `cosignature/v1`): a witness says that it saw this checkpoint, and when.
//!
//! What never happens here: a witness's word taken for the log's, or the reverse. The two sign different messages and their
//! keys are of different types.

use std::fmt;
use std::str::FromStr;

use super::{Checkpoint, CheckpointFault, SignedCheckpoint, verify_checkpoint};
use crate::key::{PublicKey, SIGNATURE_BYTES, SecretKey};
use crate::note::{KeyName, NOTE_BYTES_MAX, NoteFault, SignatureType, SignedNote, TypedKey, VerifierKey, VkeyFault};

/// The largest time of a cosignature, in seconds since 1970: 2^63 - 1.
const TIME_UNIX_S_MAX: u64 = (1 << 63) - 1;
const TIME_BYTES: usize = 8;

/// A witness's key. Its text form is the `vkey` with signature type 0x04.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey(TypedKey);

impl WitnessKey {
    /// A key under a name.
    pub const fn new(name: KeyName, key: PublicKey) -> Self {
        Self(TypedKey::new(name, key, SignatureType::CosignatureV1))
    }

    /// The witness's name.
    pub const fn name(&self) -> &KeyName {
        &self.0.name
    }

    /// The key.
    pub const fn public(&self) -> &PublicKey {
        &self.0.key
    }

    /// The id on its signature lines: the first four bytes of SHA-256(name ‖ `\n` ‖ 0x04 ‖ key).
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// This witness's cosignature on a note, verified. The log's own signature is not looked at here.
    ///
    /// # Errors
    /// [`CheckpointFault::Note`] where it did not sign, or its signature does not verify.
    pub fn cosignature(&self, note: &SignedNote) -> Result<Cosignature, CheckpointFault> {
        let signature = note.verified_by(self)?;
        let (time_unix_s, _) = split(signature).ok_or(CheckpointFault::Form)?;
        if time_unix_s > TIME_UNIX_S_MAX {
            return Err(CheckpointFault::Time { witness: self.name().to_string() });
        }
        Ok(Cosignature { witness: self.name().clone(), time_unix_s })
    }
}

impl FromStr for WitnessKey {
    type Err = VkeyFault;

    fn from_str(text: &str) -> Result<Self, VkeyFault> {
        TypedKey::parse(text, SignatureType::CosignatureV1).map(Self)
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl signed_note::Verifier for WitnessKey {
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    fn key_id(&self) -> u32 {
        self.id()
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        split(signature).is_some_and(|(time_unix_s, raw)| self.0.key.verify(&message(time_unix_s, text), raw).is_ok())
    }
}

/// What a witness said of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// Who.
    pub witness: KeyName,
    /// When, in seconds since 1970: this was the largest tree of the log that the witness had seen.
    pub time_unix_s: u64,
}

/// A witness that signs: for tests, and for a witness of one's own.
#[derive(Debug)]
pub struct WitnessSigner {
    name: KeyName,
    key: SecretKey,
}

impl WitnessSigner {
    /// A key that cosigns under a name. It must cosign under no other: the signed message does not have the name in it.
    pub const fn new(name: KeyName, key: SecretKey) -> Self {
        Self { name, key }
    }

    /// What verifies its cosignatures.
    pub fn witness_key(&self) -> WitnessKey {
        WitnessKey::new(self.name.clone(), self.key.public())
    }

    /// The signature line, with its newline, for a checkpoint that `log` signed. Whether the checkpoint extends the one
    /// that the witness cosigned before is for the caller to check first ([`check_consistency`](crate::tree::check_consistency)).
    ///
    /// # Errors
    /// [`CheckpointFault`] where `log` did not sign; a witness speaks of no other checkpoint.
    pub fn cosign(
        &self,
        checkpoint: &[u8],
        log: &VerifierKey,
        time_unix_s: u64,
    ) -> Result<(Checkpoint, String), CheckpointFault> {
        if time_unix_s > TIME_UNIX_S_MAX {
            return Err(CheckpointFault::Time { witness: self.name.to_string() });
        }
        let checkpoint = verify_checkpoint(checkpoint, log)?;
        let raw = self.key.sign(&message(time_unix_s, checkpoint.to_text().as_bytes()));
        let signature = [&time_unix_s.to_be_bytes(), raw.as_slice()].concat();
        let line = signed_note::Signature::new(self.name.to_string(), self.witness_key().id(), signature)
            .expect("a key's name was checked when it was made")
            .to_bytes();
        Ok((checkpoint, String::from_utf8(line).expect("a name and base64 are UTF-8")))
    }
}

impl SignedCheckpoint {
    /// This checkpoint with a witness's signature line at its end, which is verified first; with the line that it had of the
    /// same witness, it stays as it is.
    ///
    /// # Errors
    /// [`CheckpointFault`] where the line is not that witness's over this checkpoint, or the note would grow past its limits.
    pub fn cosigned(&self, line: &str, witness: &WitnessKey) -> Result<Self, CheckpointFault> {
        if witness.cosignature(&SignedNote::parse(&self.bytes)?).is_ok() {
            return Ok(self.clone());
        }
        let line = line.strip_suffix('\n').unwrap_or(line);
        if line.contains('\n') || line.len() > NOTE_BYTES_MAX {
            return Err(NoteFault::Form.into());
        }
        let bytes = [&self.bytes, line.as_bytes(), b"\n"].concat();
        witness.cosignature(&SignedNote::parse(&bytes)?)?;
        Ok(Self { bytes, checkpoint: self.checkpoint.clone() })
    }
}

/// What a witness signs: a header line, a time line, the note's text.
fn message(time_unix_s: u64, text: &[u8]) -> Vec<u8> {
    [format!("cosignature/v1\ntime {time_unix_s}\n").as_bytes(), text].concat()
}

/// Time and raw signature of a `timestamped_signature`.
fn split(signature: &[u8]) -> Option<(u64, &[u8; SIGNATURE_BYTES])> {
    let (time, raw) = signature.split_first_chunk::<TIME_BYTES>()?;
    Some((u64::from_be_bytes(*time), raw.try_into().ok()?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The signed message that C2SP tlog-cosignature prints, and that its example line is framed as this module reads it.
    pub(crate) fn the_message_of_the_specification(text: &str, line: &str) {
        let signature = signed_note::Signature::from_bytes(line.as_bytes()).unwrap();
        assert_eq!((signature.name(), signature.id()), ("witness.example.com/w1", 0x8d66_cf3f));
        let (time_unix_s, _) = split(signature.signature()).unwrap();
        let expect = format!("cosignature/v1\ntime 1679315147\n{text}");
        assert_eq!(String::from_utf8(message(time_unix_s, text.as_bytes())).unwrap(), expect);
    }
}
