//! Signed notes (C2SP signed-note): text with signature lines, and the keys that sign and verify them.
//!
//! The form is `signed_note`'s; the cryptography is [`crate::key`]'s, since that crate's own verifier takes signatures
//! that a strict one refuses. What never happens here: text handed out before a known key's signature over it verified.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use omega_contract::ErrorCode;
use signed_note::{Note, Signature};

use crate::base64_exact::STANDARD;
use crate::key::{KEY_BYTES, KeyError, PublicKey, SecretKey};

/// Bytes of a note that is read. A checkpoint takes about 200, a cosignature about as much.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Signature lines of a note that is read; C2SP asks verifiers to take 16.
pub const NOTE_SIGNATURES_MAX: usize = 32;
/// Bytes of a key's name.
pub const KEY_NAME_BYTES_MAX: usize = 256;

/// Why a text is no name of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's name is 1 to {KEY_NAME_BYTES_MAX} bytes without spaces, control characters and `+`")]
pub struct NotAKeyName;

/// A key's name: not empty, without Unicode spaces, control characters and `+` (C2SP signed-note, "Format").
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = NotAKeyName;

    fn from_str(text: &str) -> Result<Self, NotAKeyName> {
        let plain = signed_note::is_key_name_valid(text) && !text.chars().any(char::is_control);
        if plain && text.len() <= KEY_NAME_BYTES_MAX { Ok(Self(text.to_owned())) } else { Err(NotAKeyName) }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key signs, which its id depends on (C2SP signed-note, "Signature types").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureType {
    /// The note's text, by Ed25519.
    Ed25519 = 0x01,
    /// The note's text under a time stamp (C2SP tlog-cosignature).
    CosignatureV1 = 0x04,
}

/// Why a text is no verifier key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VkeyFault {
    /// Not `name+id+key`.
    #[error("a verifier key is `<name>+<8 hex digits>+<base64>`")]
    Form,
    /// A name that no key has.
    #[error(transparent)]
    Name(#[from] NotAKeyName),
    /// A key of another kind than the one asked for.
    #[error("the key is of signature type {found:#04x}, here one of type {expected:#04x} is needed")]
    Type {
        /// The byte that was asked for.
        expected: u8,
        /// The byte that the key has.
        found: u8,
    },
    /// The key itself is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The id is not that of this name and key.
    #[error("the id {stated} is not that of this name and key, which is {computed}")]
    Id {
        /// What the text states.
        stated: String,
        /// What name and key give.
        computed: String,
    },
}

impl VkeyFault {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::KeyInvalid
    }
}

/// A named key whose signatures are of one type. [`VerifierKey`] and
/// [`WitnessKey`](crate::checkpoint::WitnessKey) wrap it, so that neither is taken for the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypedKey {
    pub(crate) name: KeyName,
    pub(crate) key: PublicKey,
    signature_type: SignatureType,
}

impl TypedKey {
    pub(crate) const fn new(name: KeyName, key: PublicKey, signature_type: SignatureType) -> Self {
        Self { name, key, signature_type }
    }

    /// The type byte and the 32 bytes of the key.
    fn encoded(&self) -> [u8; 1 + KEY_BYTES] {
        let mut encoded = [self.signature_type as u8; 1 + KEY_BYTES];
        encoded[1..].copy_from_slice(self.key.as_bytes());
        encoded
    }

    pub(crate) fn id(&self) -> u32 {
        signed_note::key_id(self.name.as_str(), &self.encoded())
    }

    pub(crate) fn parse(text: &str, signature_type: SignatureType) -> Result<Self, VkeyFault> {
        // The name and the id have no plus; the key's base64 may.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VkeyFault::Form);
        };
        let name: KeyName = name.parse()?;
        let encoded = STANDARD.decode(encoded).map_err(|_| VkeyFault::Form)?;
        let (found, raw) = encoded.split_first().ok_or(VkeyFault::Form)?;
        if *found != signature_type as u8 {
            return Err(VkeyFault::Type { expected: signature_type as u8, found: *found });
        }
        let raw: &[u8; KEY_BYTES] = raw.try_into().map_err(|_| VkeyFault::Form)?;
        let key = Self::new(name, PublicKey::from_bytes(raw)?, signature_type);
        let computed = format!("{:08x}", key.id());
        if id != computed {
            return Err(VkeyFault::Id { stated: id.chars().take(16).collect(), computed });
        }
        Ok(key)
    }
}

impl fmt::Display for TypedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}+{}", self.name, self.id(), STANDARD.encode(self.encoded()))
    }
}

/// A key that verifies notes, with the name that signs them. Its text form is the `vkey` of C2SP signed-note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey(TypedKey);

impl VerifierKey {
    /// A key under a name.
    pub const fn new(name: KeyName, key: PublicKey) -> Self {
        Self(TypedKey::new(name, key, SignatureType::Ed25519))
    }

    /// The name that stands on its signature lines; for a log key, the log's origin.
    pub const fn name(&self) -> &KeyName {
        &self.0.name
    }

    /// The key.
    pub const fn public(&self) -> &PublicKey {
        &self.0.key
    }

    /// The id on its signature lines: the first four bytes of SHA-256(name ‖ `\n` ‖ 0x01 ‖ key).
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl FromStr for VerifierKey {
    type Err = VkeyFault;

    fn from_str(text: &str) -> Result<Self, VkeyFault> {
        TypedKey::parse(text, SignatureType::Ed25519).map(Self)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl signed_note::Verifier for VerifierKey {
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    fn key_id(&self) -> u32 {
        self.id()
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.key.verify(message, signature).is_ok()
    }
}

/// A key that signs notes under a name.
#[derive(Debug)]
pub(crate) struct NoteSigner<'k> {
    pub(crate) verifier: VerifierKey,
    pub(crate) key: &'k SecretKey,
}

impl signed_note::Signer for NoteSigner<'_> {
    fn name(&self) -> &str {
        self.verifier.name().as_str()
    }

    fn key_id(&self) -> u32 {
        self.verifier.id()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ed25519_dalek::SignatureError> {
        Ok(self.key.sign(message).to_vec())
    }
}

/// Why a note is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteFault {
    /// More bytes than [`NOTE_BYTES_MAX`].
    #[error("{bytes} bytes are too many for a signed note, which has at most {NOTE_BYTES_MAX}")]
    TooLong {
        /// The length found.
        bytes: usize,
    },
    /// More signature lines than [`NOTE_SIGNATURES_MAX`].
    #[error("{count} signature lines, of which at most {NOTE_SIGNATURES_MAX} are looked at")]
    TooManySignatures {
        /// How many there are.
        count: usize,
    },
    /// Not the form of a signed note, or not its exact one.
    #[error("not a signed note: text, an empty line, lines `— <name> <base64>`")]
    Form,
    /// A known key's signature does not verify.
    #[error("the signature by {key} does not verify")]
    Mismatch {
        /// Name and id of the key.
        key: String,
    },
    /// No signature by the key that was asked for.
    #[error("there is no signature by {key}")]
    Unsigned {
        /// Name and id of the key.
        key: String,
    },
}

/// A note in its exact form, not verified.
#[derive(Debug, PartialEq)]
pub struct SignedNote {
    note: Note,
    /// The note's lines once more: `signed_note` keeps its own to itself, and looks at only the first of each key.
    signatures: Vec<Signature>,
}

impl SignedNote {
    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteFault`]; never panics, on any bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteFault> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteFault::TooLong { bytes: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NoteFault::Form)?;
        // Counted before each is decoded.
        let (_, lines) = text.rsplit_once("\n\n").ok_or(NoteFault::Form)?;
        let count = lines.split_terminator('\n').count();
        if count > NOTE_SIGNATURES_MAX {
            return Err(NoteFault::TooManySignatures { count });
        }
        let note = Note::from_bytes(bytes).map_err(|_| NoteFault::Form)?;
        let signatures = lines.split_terminator('\n').map(|line| Signature::from_bytes(line.as_bytes()));
        let signatures = signatures.collect::<Result<_, _>>().map_err(|_| NoteFault::Form)?;
        // One note, one form: what is written again is what was read.
        if note.to_bytes() == bytes { Ok(Self { note, signatures }) } else { Err(NoteFault::Form) }
    }

    /// The text, if `key` signed it: there is a line by that name and id, and each such line verifies. Lines by others
    /// are passed over.
    ///
    /// # Errors
    /// [`NoteFault::Mismatch`], [`NoteFault::Unsigned`].
    pub fn verify(&self, key: &VerifierKey) -> Result<&str, NoteFault> {
        self.verified_by(key).map(|_| self.unverified_text())
    }

    /// The raw signature of `key` over the text, as its first line has it.
    pub(crate) fn verified_by(&self, key: &impl signed_note::Verifier) -> Result<&[u8], NoteFault> {
        let shown = || format!("{}+{:08x}", key.name(), key.key_id());
        let mut first = None;
        for line in self.signatures.iter().filter(|line| line.name() == key.name() && line.id() == key.key_id()) {
            if !key.verify(self.note.text(), line.signature()) {
                return Err(NoteFault::Mismatch { key: shown() });
            }
            first = first.or(Some(line.signature()));
        }
        first.ok_or_else(|| NoteFault::Unsigned { key: shown() })
    }

    /// The text before any key spoke for it: for finding out whose signature to look for.
    pub(crate) fn unverified_text(&self) -> &str {
        std::str::from_utf8(self.note.text()).unwrap_or_default()
    }

    /// The exact bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.note.to_bytes()
    }
}

/// The bytes of the note with this text, signed by each of these. `text` is lines of plain text, each with its newline.
pub(crate) fn sign(text: &str, signers: &[&dyn signed_note::Signer]) -> Vec<u8> {
    let mut note = Note::new(text.as_bytes(), &[]).expect("the caller writes lines of plain text");
    note.add_sigs(signers).expect("a key's name was checked when it was made, and Ed25519 signs anything");
    note.to_bytes()
}

#[cfg(test)]
mod tests;
