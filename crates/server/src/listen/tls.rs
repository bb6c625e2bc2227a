//! TLS: the certificate and its key, read again when their files change.
//!
//! What never happens here: a broken or mismatched pair in place of one that works.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use omega_gateway::GatewayError;
use omega_gateway::contract::ErrorCode;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use tokio_rustls::TlsAcceptor;

use crate::stopping::Stopping;

/// How often the files are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);
/// Bytes of a PEM file.
const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// Where the certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain (PEM), the server's own first.
    pub cert: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
}

/// The pair in use.
#[derive(Debug)]
struct Pair {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Pair {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// TLS for every HTTP listener.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pair: Arc<Pair>,
}

impl Tls {
    /// TLS 1.2 and 1.3 with this pair; HTTP/1.1 alone.
    ///
    /// # Errors
    /// `config_invalid` where the files cannot be read, or the key is not the certificate's.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, GatewayError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let current = RwLock::new(Arc::new(read_pair(&files, &provider)?));
        let pair = Arc::new(Pair { files, provider: Arc::clone(&provider), current });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|error| unusable(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&pair) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), pair })
    }

    /// Looks at the files again and again. What cannot be used is told, and the pair in use stays.
    pub(crate) async fn reload_on_change(self, stopping: Stopping, tell: impl Fn(String) + Send) {
        let mut seen = stamps(&self.pair.files);
        loop {
            tokio::select! {
                () = stopping.stopped() => return,
                () = tokio::time::sleep(RELOAD_INTERVAL) => {}
            }
            let now = stamps(&self.pair.files);
            if now == seen {
                continue;
            }
            seen = now;
            match read_pair(&self.pair.files, &self.pair.provider) {
                Ok(pair) => {
                    *self.pair.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                    tell(format!("the certificate in {} was read again", self.pair.files.cert.display()));
                }
                Err(error) => tell(format!("the certificate in use stays: {error}")),
            }
        }
    }
}

/// When each file was changed and how long it is; none where it is not there.
fn stamps(files: &TlsFiles) -> [Option<(SystemTime, u64)>; 2] {
    let stamp = |path: &Path| fs::metadata(path).and_then(|found| Ok((found.modified()?, found.len()))).ok();
    [stamp(&files.cert), stamp(&files.key)]
}

fn read_pair(files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, GatewayError> {
    let cert_pem = read_pem(&files.cert)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&cert_pem).collect();
    let chain = chain.map_err(|error| unusable(format!("{}: {error}", files.cert.display())))?;
    if chain.is_empty() {
        return Err(unusable(format!("{} holds no certificate", files.cert.display())));
    }
    let key = PrivateKeyDer::from_pem_slice(&read_pem(&files.key)?)
        .map_err(|error| unusable(format!("{}: {error}", files.key.display())))?;
    // Compares the key with the certificate's: a pair that does not go together is refused here.
    CertifiedKey::from_der(chain, key, provider)
        .map_err(|error| unusable(format!("{} and {}: {error}", files.cert.display(), files.key.display())))
}

fn read_pem(path: &Path) -> Result<Vec<u8>, GatewayError> {
    let read = || -> io::Result<Vec<u8>> {
        if fs::metadata(path)?.len() > PEM_BYTES_MAX {
            return Err(io::Error::other(format!("more than {PEM_BYTES_MAX} bytes")));
        }
        fs::read(path)
    };
    read().map_err(|error| unusable(format!("{}: {error}", path.display())))
}

fn unusable(why: String) -> GatewayError {
    GatewayError::new(ErrorCode::ConfigInvalid, format!("TLS: {why}"))
}
