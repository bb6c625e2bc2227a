//! Names and media types that people give, as types that cannot hold anything else.
//!
//! A name never becomes part of a path: files are named by digests, of the content or of the name.

use std::fmt;
use std::str::FromStr;

use omega_contract::Sha256Hex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{StoreError, shown};

/// Bytes (all ASCII) of a name.
pub const NAME_BYTES_MAX: usize = 128;
/// Bytes (all ASCII) of a media type: 127 for each half (RFC 6838, section 4.2), and the slash.
pub const MEDIA_TYPE_BYTES_MAX: usize = 255;

/// The name of an artifact or a dataset: `^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`, but never what could be
/// taken for a digest. Upper and lower case differ, on every file system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreName(String);

impl StoreName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the record's file: independent of the letters, so that no file system folds two names into one.
    pub(crate) fn record_file(&self) -> String {
        format!("{}.json", Sha256Hex::of(self.0.as_bytes()))
    }
}

impl FromStr for StoreName {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let like_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if starts_well && text.len() <= NAME_BYTES_MAX && text.as_bytes().iter().all(word) && !like_digest {
            Ok(Self(text.to_owned()))
        } else {
            Err(StoreError::InvalidName { shown: shown(text) })
        }
    }
}

impl fmt::Display for StoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A media type (RFC 6838), perhaps with parameters: printable ASCII with one slash in its first part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType(String);

impl MediaType {
    /// The media type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MediaType {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let token = |part: &str| {
            let starts_well = part.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
            starts_well && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
        };
        let valid = essence.split_once('/').is_some_and(|(kind, subkind)| token(kind) && token(subkind))
            && parameters.bytes().all(|byte| (b' '..=b'~').contains(&byte))
            && text.len() <= MEDIA_TYPE_BYTES_MAX;
        if valid { Ok(Self(text.to_owned())) } else { Err(StoreError::InvalidMediaType { shown: shown(text) }) }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! written_as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
written_as_text!(StoreName);
written_as_text!(MediaType);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |text: &str, valid: bool| assert_eq!(text.parse::<StoreName>().is_ok(), valid, "{text:?}");
        check("a", true);
        check("Report-2026.csv", true);
        check(&"a".repeat(NAME_BYTES_MAX), true);
        check(&"a".repeat(NAME_BYTES_MAX + 1), false);
        check(&"a".repeat(64), false);
        check(&"A".repeat(64), false);
        check(&"g".repeat(64), true);
        for hostile in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            "/etc/passwd",
            "a\0b",
            "a\nb",
            "a b",
            "-rf",
            ".hidden",
            "C:x",
            "ä",
            "a\u{202e}b",
            "~root",
            "a:b",
            "%2e%2e",
        ] {
            check(hostile, false);
        }
    }

    #[test]
    fn names_that_differ_in_case_have_different_files() {
        let file = |text: &str| text.parse::<StoreName>().unwrap().record_file();
        assert_ne!(file("data"), file("DATA"));
    }

    #[test]
    fn media_types() {
        let check = |text: &str, valid: bool| assert_eq!(text.parse::<MediaType>().is_ok(), valid, "{text:?}");
        check("text/csv", true);
        check("text/plain; charset=utf-8", true);
        check("application/vnd.api+json", true);
        check(&format!("a/{}", "b".repeat(MEDIA_TYPE_BYTES_MAX - 2)), true);
        check(&format!("a/{}", "b".repeat(MEDIA_TYPE_BYTES_MAX - 1)), false);
        for hostile in ["", "text", "/", "text/", "/csv", "a/b/c", "text/csv\n", "text/csv; a=\u{7f}", "text/çsv"] {
            check(hostile, false);
        }
    }
}
