//! TLS: who must have it, and a certificate that changes under the server.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_gateway::contract::{ErrorCode, Timestamp};
use omega_gateway::{Gateway, Home, OpenOptions};
use omega_server::{ServeOptions, Server};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

use crate::world::{World, tls_files, whole};

/// Puts a new self-signed pair for `localhost` in place of what is there; gives the certificate.
fn renew(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = tls_files(folder);
    fs::write(&files.cert, made.cert.pem()).unwrap();
    fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

/// What a client that trusts this certificate alone gets.
async fn ask(world: &World, trusted: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, world.connect().await).await?;
    let request =
        format!("GET /healthz HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\r\n", world.address.port());
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_certificate_is_read_again_and_a_broken_one_is_not() {
    let mut first = None;
    let world = World::with(|options, folder| {
        first = Some(renew(folder));
        options.tls = Some(tls_files(folder));
    })
    .await;
    let first = first.unwrap();
    assert!(ask(&world, &first).await.unwrap().starts_with("HTTP/1.1 200"));
    // A client without TLS gets nothing out of it.
    let plain = world.healthz().await;
    assert!(!plain.contains("200"), "{plain}");

    fs::write(tls_files(world.folder()).key, "no key at all").unwrap();
    told(&world, "the certificate in use stays").await;
    assert!(ask(&world, &first).await.unwrap().starts_with("HTTP/1.1 200"));

    let second = renew(world.folder());
    told(&world, "was read again").await;
    assert!(ask(&world, &second).await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(ask(&world, &first).await.is_err(), "the first one is not shown any more");
}

async fn told(world: &World, what: &str) {
    let began = Instant::now();
    while !world.told.lock().unwrap().iter().any(|text| text.contains(what)) {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", world.told.lock().unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_cut() {
    let world = World::with(|options, folder| {
        renew(folder);
        options.tls = Some(tls_files(folder));
    })
    .await;
    let mut stream = world.connect().await;
    stream.write_all(&[22, 3, 1, 2, 0]).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(30), whole(&mut stream)).await.is_ok(), "still connected");
}

#[tokio::test]
async fn other_machines_are_not_served_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::init(&folder.path().join("home"), Timestamp::EPOCH).unwrap();
    let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
    let bind = async |address: &str, tls: bool| {
        let mut options = ServeOptions::of(gateway.config(), Arc::new(|_| ()));
        options.listen = vec![address.parse().unwrap()];
        options.tls = tls.then(|| tls_files(folder.path()));
        Server::bind(gateway.clone(), options).await.map(|server| server.addresses().len()).map_err(|e| e.code)
    };
    for address in ["0.0.0.0:0", "[::]:0"] {
        assert_eq!(bind(address, false).await, Err(ErrorCode::ListenUnsafe), "{address}");
    }
    assert_eq!(bind("0.0.0.0:0", true).await, Err(ErrorCode::ConfigInvalid), "no certificate there");
    renew(folder.path());
    assert_eq!(bind("0.0.0.0:0", true).await, Ok(1));
    // A key that is another certificate's.
    fs::write(tls_files(folder.path()).key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert_eq!(bind("0.0.0.0:0", true).await, Err(ErrorCode::ConfigInvalid));
    // A socket that somebody else opened is no way around it.
    let given = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let mut options = ServeOptions::of(gateway.config(), Arc::new(|_| ()));
    options.inherited = vec![given];
    let refused = Server::bind(gateway.clone(), options).await.map(|_| ()).map_err(|error| error.code);
    assert_eq!(refused, Err(ErrorCode::ListenUnsafe));
}
