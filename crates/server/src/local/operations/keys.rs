//! Whom the home trusts, and who may come through its HTTP door.

use omega_gateway::TokenSecret;
use omega_gateway::contract::{ApiToken, Capability, KeyId, PluginInfo, Scope, Timestamp, TokenName, TrustedKey};
use serde::{Deserialize, Serialize};

use crate::local::operation::operation;

operation! {
    /// Approves a signing key.
    TrustKey "trust_key" {
        /// The key (SPKI PEM).
        public_key_pem: String,
        /// A name for people.
        label: String,
        /// Globs of the ids that it may sign; none: every id.
        plugins: Vec<String>,
        /// What its plugins may ask for at most.
        max_capabilities: Option<Vec<Capability>>,
    } -> TrustedKey,
    |self, gateway| {
        let Self { public_key_pem, label, plugins, max_capabilities } = self;
        gateway.admin().trust_key(&public_key_pem, &label, plugins, max_capabilities).await
    }
}

operation! {
    /// Takes a key's approval back; gives the plugins that were disabled.
    RevokeKey "revoke_key" {
        /// Which.
        key_id: KeyId,
    } -> Vec<PluginInfo>,
    |self, gateway| gateway.admin().revoke_key(&self.key_id).await
}

operation! {
    /// Makes a token for the HTTP door.
    CreateToken "create_token" {
        /// Its name, which stands in events.
        name: TokenName,
        /// What it permits.
        scopes: Vec<Scope>,
        /// Globs of the plugins that it is for; none: every plugin.
        plugins: Vec<String>,
        /// When it ends.
        expires_at: Option<Timestamp>,
    } -> NewToken,
    |self, gateway| {
        let Self { name, scopes, plugins, expires_at } = self;
        let (token, secret) = gateway.admin().create_token(name, scopes, plugins, expires_at).await?;
        Ok(NewToken { token, secret })
    }
}

/// A token and its secret, which is shown once.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewToken {
    /// What the home keeps.
    pub token: ApiToken,
    /// What nobody keeps.
    pub secret: TokenSecret,
}

operation! {
    /// Takes a token back.
    RevokeToken "revoke_token" {
        /// Which.
        name: TokenName,
    } -> (),
    |self, gateway| gateway.admin().revoke_token(&self.name).await
}
