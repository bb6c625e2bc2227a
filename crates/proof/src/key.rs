//! Ed25519 keys (RFC 8032) in the files that OpenSSL reads and writes: SPKI and PKCS#8 PEM (RFC 8410).
//!
//! Verification is strict: one signature per message and key has one encoding, and keys and nonces of
//! small order are refused. What never happens here: drawing random bytes (the caller supplies the
//! seed) and reading or writing files.

use std::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use omega_contract::{ErrorCode, KeyId, Sha256Hex};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a raw public key, and of the seed of a secret one.
pub const KEY_BYTES: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;
/// Bytes of a PEM file that is looked at; an Ed25519 key takes about 120.
pub const KEY_PEM_BYTES_MAX: usize = 4 * 1024;

/// The SPKI DER of an Ed25519 public key is this, then the 32 bytes of the key (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why a text or bytes are no key that is taken here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Longer than [`KEY_PEM_BYTES_MAX`].
    #[error("{bytes} bytes are too many for a PEM file with one Ed25519 key")]
    TooLong {
        /// The length found.
        bytes: usize,
    },
    /// Not SPKI PEM with an Ed25519 key.
    #[error("not an Ed25519 public key in SPKI PEM (`-----BEGIN PUBLIC KEY-----`)")]
    NotPublicPem,
    /// Not PKCS#8 PEM with an Ed25519 key.
    #[error("not an unencrypted Ed25519 private key in PKCS#8 PEM (`-----BEGIN PRIVATE KEY-----`)")]
    NotSecretPem,
    /// The bytes are no point on the curve, or not its one encoding.
    #[error("the bytes are not the encoding of a point on the curve")]
    NotAPoint,
    /// A point of small order: anybody can make signatures that verify under it.
    #[error("the key is a point of small order, under which anybody's signature verifies")]
    Weak,
}

impl KeyError {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::KeyInvalid
    }
}

/// The signature is not this key's over this message, or is not in its one strict encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not this key's over these bytes")]
pub struct SignatureMismatch;

/// An Ed25519 public key: a canonical encoding of a point that is not of small order.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// From the 32 raw bytes (RFC 8032, section 5.1.2).
    ///
    /// # Errors
    /// [`KeyError::NotAPoint`] or [`KeyError::Weak`].
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self, KeyError> {
        if !is_canonical_y(bytes) {
            return Err(KeyError::NotAPoint);
        }
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
        if key.is_weak() { Err(KeyError::Weak) } else { Ok(Self(key)) }
    }

    /// From SPKI PEM, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// [`KeyError`], naming what is wrong.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let pem = bounded(pem)?;
        let key = VerifyingKey::from_public_key_pem(pem).map_err(|_| KeyError::NotPublicPem)?;
        Self::from_bytes(key.as_bytes())
    }

    /// SPKI PEM with `\n` line ends.
    pub fn to_pem(&self) -> String {
        self.0.to_public_key_pem(LineEnding::LF).expect("an Ed25519 key always has an SPKI encoding")
    }

    /// SPKI DER, 44 bytes.
    pub fn to_spki_der(&self) -> [u8; SPKI_PREFIX.len() + KEY_BYTES] {
        let mut der = [0_u8; SPKI_PREFIX.len() + KEY_BYTES];
        let (prefix, key) = der.split_at_mut(SPKI_PREFIX.len());
        prefix.copy_from_slice(&SPKI_PREFIX);
        key.copy_from_slice(self.0.as_bytes());
        der
    }

    /// The 32 raw bytes.
    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        self.0.as_bytes()
    }

    /// SHA-256 of the SPKI DER (spec page 2, "Signature").
    pub fn key_id(&self) -> KeyId {
        KeyId(Sha256Hex::of(&self.to_spki_der()))
    }

    /// Strict verification (RFC 8032, section 5.1.7, without cofactor; no malleable `S`, no small order).
    ///
    /// # Errors
    /// [`SignatureMismatch`]; also where `signature` is not 64 bytes.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureMismatch> {
        let bytes: &[u8; SIGNATURE_BYTES] = signature.try_into().map_err(|_| SignatureMismatch)?;
        self.0.verify_strict(message, &Signature::from_bytes(bytes)).map_err(|_| SignatureMismatch)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.key_id())
    }
}

/// An Ed25519 secret key. Wiped from memory when dropped; never shown by `Debug`.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// From 32 random bytes, which the caller draws from the operating system.
    pub fn from_seed(mut seed: [u8; KEY_BYTES]) -> Self {
        let key = Self(SigningKey::from_bytes(&seed));
        seed.zeroize();
        key
    }

    /// From unencrypted PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// [`KeyError::NotSecretPem`], also where a public key inside the file is not the secret one's.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let pem = bounded(pem)?;
        SigningKey::from_pkcs8_pem(pem).map(Self).map_err(|_| KeyError::NotSecretPem)
    }

    /// PKCS#8 version 1 PEM: without the public key, since OpenSSL does not read version 2 for Ed25519.
    pub fn to_pem(&self) -> Zeroizing<String> {
        KeypairBytes { secret_key: self.0.to_bytes(), public_key: None }
            .to_pkcs8_pem(LineEnding::LF)
            .expect("an Ed25519 key always has a PKCS#8 encoding")
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs `message` (RFC 8032, section 5.1.6); the same message gives the same signature.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public().key_id())
    }
}

fn bounded(pem: &str) -> Result<&str, KeyError> {
    if pem.len() > KEY_PEM_BYTES_MAX { Err(KeyError::TooLong { bytes: pem.len() }) } else { Ok(pem) }
}

/// True where the y coordinate is below p = 2^255 - 19; curve25519-dalek takes the others modulo p, so
/// that one point would have two key ids.
fn is_canonical_y(bytes: &[u8; KEY_BYTES]) -> bool {
    let [first, middle @ .., last] = bytes;
    !(*first >= 0xed && last & 0x7f == 0x7f && middle.iter().all(|byte| *byte == 0xff))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretKey {
        SecretKey::from_seed([7; 32])
    }

    #[test]
    fn pem_round_trips() {
        let secret = SecretKey::from_pem(&key().to_pem()).unwrap();
        assert_eq!(secret.public(), key().public());
        assert_eq!(PublicKey::from_pem(&key().public().to_pem()).unwrap(), key().public());
        assert!(!format!("{:?}", key()).contains("07"), "debug output shows key bytes");
    }

    #[test]
    fn key_id_is_the_hash_of_what_the_pem_holds() {
        use base64::Engine;
        let pem = key().public().to_pem();
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
        assert_eq!(der, key().public().to_spki_der());
        assert_eq!(key().public().key_id(), KeyId(Sha256Hex::of(&der)));
    }

    #[test]
    fn refuses_what_is_no_strict_ed25519_key() {
        let check = |bytes: [u8; 32], expect: KeyError| assert_eq!(PublicKey::from_bytes(&bytes), Err(expect));
        let mut identity = [0; 32];
        identity[0] = 1;
        check(identity, KeyError::Weak);
        check([0; 32], KeyError::Weak);
        let mut not_reduced = [0xff; 32];
        (not_reduced[0], not_reduced[31]) = (0xee, 0x7f); // p + 1, the identity once more
        check(not_reduced, KeyError::NotAPoint);
        let mut off_curve = [0; 32];
        off_curve[0] = 2;
        check(off_curve, KeyError::NotAPoint);

        let rsa = "-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ==\n-----END PUBLIC KEY-----\n";
        for text in ["", "x", rsa, &key().to_pem()] {
            assert_eq!(PublicKey::from_pem(text), Err(KeyError::NotPublicPem), "{text}");
        }
        assert_eq!(SecretKey::from_pem(&key().public().to_pem()).unwrap_err(), KeyError::NotSecretPem);
        let long = "x".repeat(KEY_PEM_BYTES_MAX + 1);
        assert_eq!(PublicKey::from_pem(&long), Err(KeyError::TooLong { bytes: KEY_PEM_BYTES_MAX + 1 }));
        assert_eq!(PublicKey::from_pem(&long[1..]), Err(KeyError::NotPublicPem));
    }

    /// `R` is the identity and `S = k·a`: the equation holds, and lenient verifiers take it.
    #[test]
    fn a_nonce_of_small_order_is_refused() {
        let s = "d4c5323131ff9683cfb3d30197c786c9043f1052d6c2d5293f19d6f36b911104".parse::<Sha256Hex>().unwrap();
        let mut signature = [0; SIGNATURE_BYTES];
        signature[0] = 1;
        signature[KEY_BYTES..].copy_from_slice(s.as_bytes());
        let lenient =
            ed25519_dalek::Verifier::verify(&key().public().0, b"message", &Signature::from_bytes(&signature));
        assert!(lenient.is_ok(), "the vector shows nothing");
        assert_eq!(key().public().verify(b"message", &signature), Err(SignatureMismatch));
    }

    #[test]
    fn signatures_verify_strictly() {
        let (secret, public) = (key(), key().public());
        let signature = secret.sign(b"message");
        assert_eq!(public.verify(b"message", &signature), Ok(()));
        assert_eq!(public.verify(b"massage", &signature), Err(SignatureMismatch));
        assert_eq!(public.verify(b"message", &signature[..63]), Err(SignatureMismatch));
        for at in 0..SIGNATURE_BYTES {
            let mut changed = signature;
            changed[at] ^= 1;
            assert_eq!(public.verify(b"message", &changed), Err(SignatureMismatch), "byte {at}");
        }
    }
}
