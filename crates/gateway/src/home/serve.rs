//! `[serve]` in `omega.toml`.

use std::net::SocketAddr;
use std::path::PathBuf;

use omega_contract::limits::TIMEOUT_MS_MAX;
use serde::{Deserialize, Serialize};

use super::config::ConfigError;

/// `omega serve`: the HTTP door (spec page 9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serve {
    /// Where to listen, each `address:port`; none: the local door alone.
    pub listen: Vec<SocketAddr>,
    /// The certificate chain (PEM), an absolute path; empty: no TLS, which only loopback addresses may be without.
    pub tls_cert: PathBuf,
    /// Its private key (PEM), an absolute path.
    pub tls_key: PathBuf,
    /// Names under which clients reach the server, besides the addresses that it listens on: `name` or `name:port`.
    pub hosts: Vec<String>,
    /// Origins of web pages that may use it, such as `https://console.example`.
    pub origins: Vec<String>,
    /// HTTP connections at once.
    pub connections_max: u32,
    /// Milliseconds that calls under way have when the server is stopped.
    pub grace_ms: u64,
    /// Where traces are sent (OTLP over HTTP with JSON), such as `http://127.0.0.1:4318/v1/traces`; empty: nowhere.
    pub otlp_endpoint: String,
}

impl Default for Serve {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            tls_cert: PathBuf::new(),
            tls_key: PathBuf::new(),
            hosts: Vec::new(),
            origins: Vec::new(),
            connections_max: 1_024,
            grace_ms: 30_000,
            otlp_endpoint: String::new(),
        }
    }
}

impl Serve {
    /// Bounds that the types do not hold.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let bad =
            |key: &str, message: &str| Err(ConfigError::Value { key: key.to_owned(), message: message.to_owned() });
        for (key, path) in [("serve.tls_cert", &self.tls_cert), ("serve.tls_key", &self.tls_key)] {
            if !path.as_os_str().is_empty() && path.is_relative() {
                return bad(key, "not an absolute path");
            }
        }
        if self.tls_cert.as_os_str().is_empty() != self.tls_key.as_os_str().is_empty() {
            return bad("serve.tls_cert", "a certificate and a key go together");
        }
        if !(1..=65_536).contains(&self.connections_max) {
            return bad("serve.connections_max", "between 1 and 65536");
        }
        if self.grace_ms > TIMEOUT_MS_MAX {
            return bad("serve.grace_ms", "at most 86400000");
        }
        if !self.otlp_endpoint.is_empty() && !self.otlp_endpoint.starts_with("http://") {
            return bad(
                "serve.otlp_endpoint",
                "an http:// address: run a collector beside the server, and TLS from there",
            );
        }
        Ok(())
    }
}
