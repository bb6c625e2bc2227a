//! API tokens: made and taken back by a person, known by the hash of their secret.
//!
//! What never happens here: a secret that is kept or journalled; a token that is honoured after its revocation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use omega_contract::{ApiToken, ErrorCode, Scope, Sha256Hex, Timestamp, TokenName};
use omega_registry::{Decision, Registry, TokenRow};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize as _, Zeroizing};

use crate::admin::Admin;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::reader::HomeReader;

/// What a secret begins with, so that scanners for leaked secrets know it.
pub const TOKEN_PREFIX: &str = "omega_";
/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;
/// Characters of a secret, its prefix included.
const SECRET_CHARS: usize = TOKEN_PREFIX.len() + 43;
/// Globs of one token.
const TOKEN_GLOBS_MAX: usize = 64;
/// Characters of a glob.
const TOKEN_GLOB_CHARS_MAX: usize = 128;

/// A new token's secret: shown once.
pub struct TokenSecret(Zeroizing<String>);

impl TokenSecret {
    fn generate() -> Result<Self, GatewayError> {
        let mut bytes = Zeroizing::new([0_u8; SECRET_BYTES]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|e| GatewayError::new(ErrorCode::Io, e.to_string()))?;
        let mut text = String::with_capacity(SECRET_CHARS);
        text.push_str(TOKEN_PREFIX);
        let mut encoded = BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice());
        text.push_str(&encoded);
        encoded.zeroize();
        Ok(Self(Zeroizing::new(text)))
    }

    /// The text that is sent as `Authorization: Bearer …`.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Shown once, also where whoever asked for it sits behind a server's local door. It is written nowhere else.
impl Serialize for TokenSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TokenSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl std::fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenSecret(…)")
    }
}

/// The tokens in force, by the hash of their secret: one question to the registry for as long as nothing is decided.
#[derive(Default)]
pub(crate) struct TokenCache(Mutex<Option<Arc<HashMap<Sha256Hex, ApiToken>>>>);

impl TokenCache {
    /// What was read is asked for anew.
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Read under the lock: what was read before a decision is never kept after it.
    fn of(&self, registry: &Registry) -> Result<Arc<HashMap<Sha256Hex, ApiToken>>, GatewayError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = &*kept {
            return Ok(Arc::clone(tokens));
        }
        let rows = registry.tokens()?;
        let in_force = rows.into_iter().filter(|row| row.revoked_at.is_none());
        let tokens = Arc::new(in_force.map(|row| (row.token.secret_sha256, row.token)).collect());
        *kept = Some(Arc::clone(&tokens));
        Ok(tokens)
    }
}

impl Gateway {
    /// The token of this secret, if it is in force.
    ///
    /// Found by its SHA-256: whoever does not know the secret learns nothing from how long that takes.
    ///
    /// # Errors
    /// `token_invalid` where there is none, it was revoked or has expired; `ledger_unavailable` and `io` where that
    /// cannot be known.
    pub fn token_of(&self, secret: &str) -> Result<ApiToken, GatewayError> {
        let invalid = |why: &str| GatewayError::new(ErrorCode::TokenInvalid, why);
        if secret.len() != SECRET_CHARS || !secret.starts_with(TOKEN_PREFIX) {
            return Err(invalid("this is not the form of an API token"));
        }
        let journal = &self.inner.journal;
        journal.settle()?;
        let tokens = journal.tokens.of(&journal.registry)?;
        let token =
            tokens.get(&Sha256Hex::of(secret.as_bytes())).ok_or_else(|| invalid("no such token is in force"))?;
        if token.is_expired(self.inner.clock.now()) {
            return Err(invalid("the token has expired"));
        }
        Ok(token.clone())
    }
}

impl Admin {
    /// Makes a token for the HTTP door; one of the same name is replaced and its secret is worth nothing any more.
    /// The secret is given once and kept nowhere.
    ///
    /// # Errors
    /// `request_invalid` without a scope, for unusable globs or an end that is past; `ledger_unavailable`, `io`.
    pub async fn create_token(
        &self,
        name: TokenName,
        mut scopes: Vec<Scope>,
        plugins: Vec<String>,
        expires_at: Option<Timestamp>,
    ) -> Result<(ApiToken, TokenSecret), GatewayError> {
        let inner = &self.gateway.inner;
        let invalid = |why: String| Err(GatewayError::new(ErrorCode::RequestInvalid, why));
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return invalid("a token has at least one scope".to_owned());
        }
        let usable = |glob: &String| !glob.is_empty() && glob.chars().count() <= TOKEN_GLOB_CHARS_MAX;
        if plugins.len() > TOKEN_GLOBS_MAX || !plugins.iter().all(usable) {
            return invalid(format!("at most {TOKEN_GLOBS_MAX} globs of 1 to {TOKEN_GLOB_CHARS_MAX} characters"));
        }
        if expires_at.is_some_and(|end| end <= inner.clock.now()) {
            return invalid("the token would have expired before it is made".to_owned());
        }
        let secret = TokenSecret::generate()?;
        let secret_sha256 = Sha256Hex::of(secret.reveal().as_bytes());
        let token = ApiToken { name, scopes, plugins, expires_at, secret_sha256 };
        let _turn = inner.journal.turn().await?;
        inner.journal.decide(&self.gateway.caller, &Decision::CreateToken(token.clone())).await?;
        Ok((token, secret))
    }

    /// Takes a token back: from the next request on it is worth nothing.
    ///
    /// # Errors
    /// `token_unknown`; `ledger_unavailable`.
    pub async fn revoke_token(&self, name: &TokenName) -> Result<(), GatewayError> {
        let inner = &self.gateway.inner;
        let _turn = inner.journal.turn().await?;
        let in_force = |row: &TokenRow| row.token.name == *name && row.revoked_at.is_none();
        if !inner.journal.registry.tokens()?.iter().any(in_force) {
            return Err(GatewayError::new(ErrorCode::TokenUnknown, format!("no token {name} is in force")));
        }
        inner.journal.decide(&self.gateway.caller, &Decision::RevokeToken { name: name.clone() }).await.map(|_| ())
    }
}

impl HomeReader {
    /// Every token that is or was in force, by name.
    ///
    /// # Errors
    /// Where the registry's database cannot be read.
    pub fn tokens(&self) -> Result<Vec<TokenRow>, GatewayError> {
        Ok(self.registry.tokens()?)
    }
}
