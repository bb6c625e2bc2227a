//! Identifiers. Each is a type that cannot hold an invalid value.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use semver::Version;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Sha256Hex;
use crate::limits::ID_CHARS_MAX;

/// Text that does not fit the identifier's rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not `^[a-z0-9][a-z0-9._-]{2,63}$`.
    #[error("a plugin id is 3 to 64 characters of a-z 0-9 . _ -, starting with a letter or digit")]
    PluginId,
    /// Empty, or longer than 128 characters.
    #[error("an id is 1 to {ID_CHARS_MAX} characters")]
    Length,
    /// Not `id`, `id@x.y.z` or `publisher/id`.
    #[error("a plugin reference is `id`, `id@x.y.z` or `publisher/id`")]
    Reference,
}

macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
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

/// A plugin's stable name: `^[a-z0-9][a-z0-9._-]{2,63}$` (spec page 2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PluginId(Arc<str>);
text_id!(PluginId);

impl FromStr for PluginId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes = text.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let starts_well = bytes.first().is_some_and(plain);
        let ends_well = bytes.iter().all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'));
        if (3..=64).contains(&bytes.len()) && starts_well && ends_well {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId::PluginId)
        }
    }
}

macro_rules! exchange_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);
        text_id!($name);

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // The byte length bounds the count, so a huge text is not walked through.
                let fits = text.len() <= 4 * ID_CHARS_MAX && (1..=ID_CHARS_MAX).contains(&text.chars().count());
                if fits { Ok(Self(text.into())) } else { Err(InvalidId::Length) }
            }
        }
    };
}

exchange_id!(
    /// What groups requests: 1 to 128 characters, a ULID where the gateway makes it.
    RunId
);
exchange_id!(
    /// One call: 1 to 128 characters, unique within its run and step, a ULID where the gateway makes it.
    RequestId
);

impl RunId {
    /// `system`: the run of lifecycle and policy events (spec page 1).
    pub fn system() -> Self {
        Self("system".into())
    }
}

/// A signing key's id: the SHA-256 of its SPKI DER (spec page 2, "Signature").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub Sha256Hex);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for KeyId {
    type Err = crate::digest::NotSha256Hex;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// What a person types to name a plugin: `id`, `id@version` or `publisher/id` (spec page 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginRef {
    /// The plugin's id; `publisher/id` is looked up as `publisher.id` (spec page 2).
    pub plugin_id: PluginId,
    /// A version, where one was named.
    pub version: Option<Version>,
}

impl FromStr for PluginRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(Version::parse(version).map_err(|_| InvalidId::Reference)?)),
            None => (text, None),
        };
        let plugin_id = match name.split_once('/') {
            Some((publisher, id)) => format!("{publisher}.{id}").parse()?,
            None => name.parse()?,
        };
        Ok(Self { plugin_id, version })
    }
}

impl fmt::Display for PluginRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}@{version}", self.plugin_id),
            None => self.plugin_id.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugin_ids() {
        let check = |text: &str, valid: bool| assert_eq!(text.parse::<PluginId>().is_ok(), valid, "{text:?}");
        check("abc", true);
        check("0a_b.c-d", true);
        check(&"a".repeat(64), true);
        check(&"a".repeat(65), false);
        check("ab", false);
        check("", false);
        check(".ab", false);
        check("Abc", false);
        check("a/b", false);
        check("abc\n", false);
        check("äbc", false);
    }

    #[test]
    fn exchange_ids_are_bounded_in_characters() {
        let check = |text: String, valid: bool| assert_eq!(text.parse::<RunId>().is_ok(), valid, "{}", text.len());
        check(String::new(), false);
        check("x".repeat(ID_CHARS_MAX), true);
        check("x".repeat(ID_CHARS_MAX + 1), false);
        check("🦀".repeat(ID_CHARS_MAX), true);
        check("🦀".repeat(ID_CHARS_MAX + 1), false);
    }

    #[test]
    fn references() {
        let check = |text: &str, expect: Option<(&str, Option<&str>)>| {
            let got = text.parse::<PluginRef>().ok();
            let got = got.as_ref().map(|r| (r.plugin_id.as_str(), r.version.as_ref().map(ToString::to_string)));
            assert_eq!(got, expect.map(|(id, v)| (id, v.map(ToOwned::to_owned))), "{text:?}");
        };
        check("hello", Some(("hello", None)));
        check("hello@1.2.3", Some(("hello", Some("1.2.3"))));
        check("acme/tool", Some(("acme.tool", None)));
        check("hello@1", None);
        check("a b", None);
    }
}
