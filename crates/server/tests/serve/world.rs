//! A server on ports that the system chose, stopped when the test is done.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use omega_gateway::contract::{Scope, Timestamp};
use omega_gateway::{Gateway, Home, OpenOptions};
use omega_server::{ServeOptions, Server, StopReport, TlsFiles};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) gateway: Gateway,
    /// What the server told its operator.
    pub(crate) told: Arc<Mutex<Vec<String>>>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<StopReport>,
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_, _| {}).await
    }

    /// With what `change` makes of the options.
    pub(crate) async fn with(change: impl FnOnce(&mut ServeOptions, &std::path::Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::init(&folder.path().join("home"), Timestamp::EPOCH).unwrap();
        let open = OpenOptions { actor: "tester".into(), ..OpenOptions::default() };
        let gateway = Gateway::open(&home, open).await.unwrap();
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let telling = Arc::clone(&told);
        let mut options = ServeOptions::of(gateway.config(), Arc::new(move |text| telling.lock().unwrap().push(text)));
        options.listen = vec!["127.0.0.1:0".parse().unwrap()];
        options.grace = Duration::from_millis(200);
        change(&mut options, folder.path());
        let server = Server::bind(gateway.clone(), options).await.unwrap();
        let address = server.addresses()[0];
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        let running = tokio::spawn(async move { server.run(stopped, std::future::pending()).await.unwrap() });
        Self { address, gateway, told, stop, running, folder }
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A connection on which nothing was sent yet.
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A token of every scope.
    pub(crate) async fn token(&self) -> String {
        let name = "tester".parse().unwrap();
        let (_, secret) = self.gateway.admin().create_token(name, Scope::ALL.to_vec(), vec![], None).await.unwrap();
        secret.reveal().to_owned()
    }

    /// What a well-behaved client gets right now: the whole answer as text, over a connection of its own.
    pub(crate) async fn healthz(&self) -> String {
        let mut stream = self.connect().await;
        let request = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        whole(&mut stream).await
    }

    pub(crate) async fn stop(self) -> StopReport {
        let Self { stop, running, folder, gateway, .. } = self;
        stop.send(()).unwrap();
        let report = running.await.unwrap();
        drop(gateway);
        drop(folder);
        report
    }
}

/// Reads until the server closes; a reset is an end as well.
pub(crate) async fn whole(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes).await.is_err();
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn tls_files(folder: &std::path::Path) -> TlsFiles {
    TlsFiles { cert: folder.join("cert.pem"), key: folder.join("key.pem") }
}
