//! Commitments to redacted values (spec page 2, "Hashes").

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, Mac as _};
use serde_json::{Map, Value};
use sha2::Sha256;

use crate::canonical_value::canonical_value_bytes;
use crate::digest::{NotSha256Hex, Sha256Hex};

/// The random key of one request's commitments, written as 64 lower-case hex digits. Never printed by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 32]);

impl Salt {
    /// The 64 hex digits. Whoever has them can test guesses at every value that the request redacts.
    pub fn to_hex(self) -> String {
        Sha256Hex::from_bytes(self.0).to_string()
    }
}

impl FromStr for Salt {
    type Err = NotSha256Hex;

    fn from_str(text: &str) -> Result<Self, NotSha256Hex> {
        text.parse::<Sha256Hex>().map(|bytes| Self(*bytes.as_bytes()))
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// What stands in the place of a redacted value: HMAC-SHA256 (RFC 2104) of its RFC 8785 form, keyed by the salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commitment(pub Sha256Hex);

const ALGORITHM: &str = "hmac-sha256:";
const FIELD: &str = "redacted";

impl Commitment {
    /// The commitment to `value`.
    ///
    /// # Errors
    /// A value that has no canonical form; none that the strict reader took lacks one.
    pub fn to(value: &Value, salt: Salt) -> Result<Self, serde_json::Error> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&salt.0).expect("HMAC takes a key of any length");
        mac.update(&canonical_value_bytes(value)?);
        Ok(Self(Sha256Hex::from_bytes(mac.finalize().into_bytes().into())))
    }

    /// `{"redacted":"hmac-sha256:<hex>"}`.
    pub fn to_value(self) -> Value {
        Value::Object(Map::from_iter([(FIELD.to_owned(), Value::String(self.to_string()))]))
    }

    /// The commitment that stands in a value's place; none where it is a value.
    pub fn of_value(value: &Value) -> Option<Self> {
        let fields = value.as_object().filter(|fields| fields.len() == 1)?;
        fields.get(FIELD)?.as_str()?.parse().ok()
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", self.0)
    }
}

impl FromStr for Commitment {
    type Err = NotSha256Hex;

    fn from_str(text: &str) -> Result<Self, NotSha256Hex> {
        text.strip_prefix(ALGORITHM).ok_or(NotSha256Hex)?.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_commitment_is_what_others_compute_and_is_read_back() {
        let commitment = Commitment::to(&json!("my secret"), Salt([7; 32])).unwrap();
        // Python: hmac.new(bytes([7] * 32), b"\"my secret\"", "sha256").hexdigest()
        let expect = "hmac-sha256:0a4706d5ffb6183d3c04d62bc8f6e457df57cd90f1a9b8217335d8eaf4461b99";
        assert_eq!(commitment.to_string(), expect);
        assert_eq!(Commitment::of_value(&commitment.to_value()), Some(commitment));
        assert_eq!(Commitment::of_value(&json!({"redacted": "a word"})), None);
        assert_eq!(Commitment::of_value(&json!({"redacted": expect, "more": 1})), None);
        assert_ne!(Commitment::to(&json!("my secret"), Salt([8; 32])).unwrap(), commitment, "the salt keys it");
    }

    #[test]
    fn a_salt_is_read_back_and_not_printed_by_chance() {
        let salt = Salt([0xab; 32]);
        assert_eq!(salt.to_hex().parse(), Ok(salt));
        assert!("ab".parse::<Salt>().is_err());
        assert!(!format!("{salt:?}").contains("ab"));
    }
}
