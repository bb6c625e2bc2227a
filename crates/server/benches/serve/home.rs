//! What is measured: a served home, and the echo beside it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::routing::post;
use omega_gateway::contract::manifest::MANIFEST_FILE;
use omega_gateway::contract::{Payload, PluginId, Scope, Status, Timestamp};
use omega_gateway::{Gateway, Home, OpenOptions, PackageFiles, package_source, request, signed_package};
use omega_server::{ServeOptions, Server, StopReport};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// An axum handler that only echoes.
pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Echo {
    pub(crate) async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new().route("/v1/echo", post(async |body: Bytes| body));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, task }
    }

    pub(crate) fn request(&self, text: &str) -> Arc<[u8]> {
        rendered(self.address, "/v1/echo", "", &body(text))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A home with one plugin, served.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) gateway: Gateway,
    pub(crate) plugin: PluginId,
    pub(crate) token: String,
    stop: oneshot::Sender<()>,
    running: JoinHandle<StopReport>,
    _folder: tempfile::TempDir,
}

impl Served {
    pub(crate) async fn new(durability: &str, guest: &str) -> Self {
        let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = tempfile::tempdir_in(scratch).unwrap();
        let home = Home::init(&folder.path().join("home"), Timestamp::EPOCH).unwrap();
        std::fs::write(home.path().join("omega.toml"), format!("durability = \"{durability}\"\n")).unwrap();
        let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
        let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/packages");
        let files = brief(&package_source::read_dir(&packages.join(guest)).unwrap());
        let files = signed_package(files, &home.operator_key().unwrap()).unwrap();
        let plugin = gateway.register_plugin(files).await.unwrap().plugin_id;
        gateway.enable_plugin(&plugin, None).await.unwrap();
        let admin = gateway.admin();
        let (_, token) = admin.create_token("bench".parse().unwrap(), Scope::ALL.to_vec(), vec![], None).await.unwrap();
        let mut options = ServeOptions::of(gateway.config(), Arc::new(|_| ()));
        options.listen = vec!["127.0.0.1:0".parse().unwrap()];
        options.connections_max = 4_096;
        let server = Server::bind(gateway.clone(), options).await.unwrap();
        let address = server.addresses()[0];
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        let running = tokio::spawn(async move { server.run(stopped, std::future::pending()).await.unwrap() });
        let token = token.reveal().to_owned();
        Self { address, gateway, plugin, token, stop, running, _folder: folder }
    }

    /// A call, as bytes.
    pub(crate) fn request(&self, text: &str) -> Arc<[u8]> {
        let path = format!("/v1/plugins/{}:invoke", self.plugin);
        let body = format!("{{\"payload\":{}}}", body(text));
        rendered(self.address, &path, &format!("authorization: Bearer {}\r\n", self.token), &body)
    }

    /// The newest checkpoint: a token, a route, and nothing to do.
    pub(crate) fn look(&self) -> Arc<[u8]> {
        let head = format!(
            "GET /v1/ledger/checkpoint HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
            self.address, self.token
        );
        head.into_bytes().into()
    }

    /// A call that a rule refuses: this plugin takes no such payload.
    pub(crate) fn unfit(&self) -> Arc<[u8]> {
        let path = format!("/v1/plugins/{}:invoke", self.plugin);
        let body = r#"{"payload":{"kind":"json","data":{},"schema_ref":"none"}}"#;
        rendered(self.address, &path, &format!("authorization: Bearer {}\r\n", self.token), body)
    }

    /// So many calls from so many tasks, without HTTP.
    pub(crate) async fn in_process(&self, text: &str, callers: usize, calls: usize) -> (f64, Vec<Duration>) {
        let left = Arc::new(AtomicUsize::new(calls));
        let started = Instant::now();
        let mut tasks = Vec::new();
        for _ in 0..callers {
            let (left, gateway, plugin, text) =
                (Arc::clone(&left), self.gateway.clone(), self.plugin.clone(), text.to_owned());
            tasks.push(tokio::spawn(async move {
                let mut took = Vec::new();
                let take = |left: usize| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    let asked = Instant::now();
                    let answer = gateway.invoke(&plugin, request(Payload::text(&text))).await.unwrap();
                    assert_eq!(answer.response.status, Status::Ok);
                    took.push(asked.elapsed());
                }
                took
            }));
        }
        let mut took = Vec::with_capacity(calls);
        for task in tasks {
            took.extend(task.await.unwrap());
        }
        (calls as f64 / started.elapsed().as_secs_f64(), took)
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        assert!(!self.running.await.unwrap().cut_off);
    }
}

/// The package with log level `summary`: what `full` keeps of each call beside the ledger is the store's time, not the
/// door's.
fn brief(files: &PackageFiles) -> PackageFiles {
    let mut files: BTreeMap<String, Arc<[u8]>> =
        files.iter().map(|(path, bytes)| (path.to_owned(), Arc::clone(bytes))).collect();
    let mut manifest: serde_json::Value = serde_json::from_slice(&files[MANIFEST_FILE]).unwrap();
    manifest["evidence"]["log_level"] = "summary".into();
    files.insert(MANIFEST_FILE.to_owned(), serde_json::to_vec(&manifest).unwrap().into());
    PackageFiles::new(files).unwrap()
}

fn body(text: &str) -> String {
    serde_json::to_string(&Payload::text(text)).unwrap()
}

fn rendered(address: SocketAddr, path: &str, headers: &str, body: &str) -> Arc<[u8]> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (head + body).into_bytes().into()
}
