//! Canonical JSON (RFC 8785, JCS) and the gateway's hash over it.

use std::io;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::digest::Sha256Hex;

/// The RFC 8785 canonical form of `value`, as UTF-8 bytes.
///
/// # Errors
/// A value that JSON cannot carry: a map with a key that is not text, or a failing `Serialize`. The
/// gateway's own types never fail; numbers come from [`crate::strict_json`], which takes no NaN.
pub fn canonical_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::with_capacity(256);
    serde_json_canonicalizer::to_writer(&value, &mut bytes)?;
    Ok(bytes)
}

/// `hash(x)` of spec page 2: the SHA-256 of the RFC 8785 canonical JSON of `x`.
///
/// # Errors
/// As [`canonical_bytes`].
pub fn hash<T: Serialize + ?Sized>(value: &T) -> Result<Sha256Hex, serde_json::Error> {
    let mut sink = HashWriter::default();
    serde_json_canonicalizer::to_writer(&value, &mut sink)?;
    Ok(sink.finish())
}

/// The hash of `value` and the length in bytes of its canonical form, in one pass.
///
/// # Errors
/// As [`canonical_bytes`].
pub fn hash_and_length<T: Serialize + ?Sized>(value: &T) -> Result<(Sha256Hex, u64), serde_json::Error> {
    let bytes = canonical_bytes(value)?;
    Ok((Sha256Hex::of(&bytes), bytes.len() as u64))
}

/// Feeds what is written into SHA-256, gathering small writes so that the block function runs on
/// whole blocks.
#[derive(Default)]
struct HashWriter {
    pending: Vec<u8>,
    digest: Sha256,
}

const PENDING_BYTES_MAX: usize = 16 * 1024;

impl HashWriter {
    fn finish(mut self) -> Sha256Hex {
        self.digest.update(&self.pending);
        Sha256Hex::from_bytes(self.digest.finalize().into())
    }
}

impl io::Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.pending.len() + bytes.len() > PENDING_BYTES_MAX {
            self.digest.update(&self.pending);
            self.pending.clear();
        }
        self.pending.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn golden_value_of_the_contract() {
        let payload = json!({
            "metadata": {"source": "test"}, "kind": "text", "encoding": "utf-8", "content": "Hello OMEGA"
        });
        let expect = "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28";
        assert_eq!(hash(&payload).unwrap().to_string(), expect);
        assert_eq!(hash_and_length(&payload).unwrap().0.to_string(), expect);
    }

    #[test]
    fn a_long_value_hashes_as_its_bytes_do() {
        for length in [0, 1, PENDING_BYTES_MAX - 2, PENDING_BYTES_MAX, 5 * PENDING_BYTES_MAX + 7] {
            let value = json!({"a": "x".repeat(length), "b": [1, 2, 3]});
            assert_eq!(hash(&value).unwrap(), Sha256Hex::of(&canonical_bytes(&value).unwrap()), "{length}");
        }
    }
}
