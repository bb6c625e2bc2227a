//! API tokens (spec page 9): who may use the HTTP door, and for what. What a person decided; the secret is not in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Sha256Hex;
use crate::glob::glob_matches;
use crate::ids::PluginId;
use crate::timestamp::Timestamp;

/// A token's name, which stands in events as the actor: `^[a-z0-9][a-z0-9._-]{0,63}$`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenName(String);

/// The text is no token's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token's name is 1 to 64 characters of a-z 0-9 . _ -, starting with a letter or digit")]
pub struct InvalidTokenName;

impl FromStr for TokenName {
    type Err = InvalidTokenName;

    fn from_str(text: &str) -> Result<Self, InvalidTokenName> {
        let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let starts_well = text.as_bytes().first().is_some_and(plain);
        let ends_well = text.bytes().all(|byte| plain(&byte) || matches!(byte, b'.' | b'_' | b'-'));
        if text.len() <= 64 && starts_well && ends_well { Ok(Self(text.to_owned())) } else { Err(InvalidTokenName) }
    }
}

impl TokenName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for TokenName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TokenName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a token may be used for. None contains another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look: plugins, runs, events, proofs, checkpoints, artifacts, metrics.
    Read,
    /// Call plugins, and put the artifacts that calls name.
    Invoke,
    /// Register packages that a trusted key signed, enable them within the grants that there are, disable them.
    Publish,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Invoke, Self::Publish];

    /// The scope as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Invoke => "invoke",
            Self::Publish => "publish",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is none of the scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope is `read`, `invoke` or `publish`")]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

/// A token as a person made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiToken {
    /// What it is called, in lists and in events.
    pub name: TokenName,
    /// What it may be used for; at least one.
    pub scopes: Vec<Scope>,
    /// On which plugins: globs of their ids with `*`; empty means every one.
    pub plugins: Vec<String>,
    /// When it ends; none: when it is revoked.
    pub expires_at: Option<Timestamp>,
    /// SHA-256 of the secret, which has 256 random bits and is not kept.
    pub secret_sha256: Sha256Hex,
}

impl ApiToken {
    /// Whether it may be used for this.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Whether it may be used on this plugin.
    pub fn covers(&self, plugin_id: &PluginId) -> bool {
        self.covers_all() || self.plugins.iter().any(|glob| glob_matches(glob, plugin_id.as_str()))
    }

    /// Whether it may be used on every plugin, and so on what is no plugin's.
    pub fn covers_all(&self) -> bool {
        self.plugins.is_empty()
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_characters_that_the_page_of_names_has() {
        let check = |text: &str, expect: bool| assert_eq!(text.parse::<TokenName>().is_ok(), expect, "{text:?}");
        check("ci", true);
        check("a", true);
        check(&"x".repeat(64), true);
        check(&"x".repeat(65), false);
        check("", false);
        check("-x", false);
        check("A", false);
        check("a\n", false);
    }

    #[test]
    fn a_token_covers_what_its_globs_match_and_ends_at_its_time() {
        let token = |plugins: &[&str]| ApiToken {
            name: "t".parse().unwrap(),
            scopes: vec![Scope::Read],
            plugins: plugins.iter().map(ToString::to_string).collect(),
            expires_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            secret_sha256: Sha256Hex::of(b"s"),
        };
        let id: PluginId = "acme.report".parse().unwrap();
        assert!(token(&[]).covers(&id) && token(&[]).covers_all());
        assert!(token(&["acme.*"]).covers(&id) && !token(&["acme.*"]).covers_all());
        assert!(!token(&["acme"]).covers(&id));
        assert!(token(&[]).has(Scope::Read) && !token(&[]).has(Scope::Invoke));
        assert!(!token(&[]).is_expired("2025-12-31T23:59:59.999999Z".parse().unwrap()));
        assert!(token(&[]).is_expired("2026-01-01T00:00:00Z".parse().unwrap()));
    }
}
