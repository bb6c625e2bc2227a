//! A gateway in a temporary home behind the API, and requests to it. Every answer is held against the OpenAPI document.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use omega_gateway::contract::manifest::SIGNATURE_FILE;
use omega_gateway::contract::{Event, PluginId, Scope, Timestamp};
use omega_gateway::ledger::{Order, Query};
use omega_gateway::{Gateway, Home, OpenOptions, OperatorKey, PackageFiles, package_source, sign_package};
use omega_server::http::{EventsAsked, Hooks, HttpOptions, HttpState, router};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::documented;

/// What the API goes by in tests.
pub const HOST: &str = "127.0.0.1:7077";

/// A server without anything behind its door: a stream that says nothing and ends, no figures.
pub struct Nothing;

impl Hooks for Nothing {
    fn events(&self, _asked: EventsAsked) -> Body {
        Body::from(":\n\n")
    }

    fn metrics(&self) -> (String, &'static str) {
        ("# EOF\n".to_owned(), "application/openmetrics-text; version=1.0.0; charset=utf-8")
    }
}

pub struct World {
    pub gateway: Gateway,
    pub home: Home,
    pub api: axum::Router,
    /// A token of every scope, for every plugin.
    pub token: String,
    folder: tempfile::TempDir,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Fails unless it is a problem of this status and code.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        problem
    }

    #[track_caller]
    pub fn assert_ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        self.json()
    }
}

/// One request to the API.
pub struct Asking<'w> {
    world: &'w World,
    request: axum::http::request::Builder,
    token: Option<String>,
    body: Body,
    has_host: bool,
}

impl Asking<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.has_host |= name == "host";
        self.request = self.request.header(name, value);
        self
    }

    /// With another token than the one that may do everything.
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub fn no_token(mut self) -> Self {
        self.token = None;
        self
    }

    pub fn body(mut self, media_type: &str, body: impl Into<Body>) -> Self {
        self.body = body.into();
        if media_type.is_empty() { self } else { self.header("content-type", media_type) }
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub fn build(self) -> Request<Body> {
        let mut request = self.request;
        if !self.has_host {
            request = request.header("host", HOST);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.body(self.body).unwrap()
    }

    pub async fn send(self) -> Answered {
        let api = self.world.api.clone();
        let request = self.build();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = api.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let answered = Answered { status: parts.status, headers: parts.headers, bytes };
        documented::check(&method, &path, &answered);
        answered
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut HttpOptions)) -> Self {
        Self::made("", change).await
    }

    /// With this `omega.toml`.
    pub async fn with_config(toml: &str) -> Self {
        Self::made(toml, |_| {}).await
    }

    async fn made(toml: &str, change: impl FnOnce(&mut HttpOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::init(&folder.path().join("home"), Timestamp::EPOCH).unwrap();
        std::fs::write(home.path().join("omega.toml"), toml).unwrap();
        share_compiled_code(&home);
        let open = OpenOptions { actor: "tester".into(), ..OpenOptions::default() };
        let gateway = Gateway::open(&home, open).await.unwrap();
        let mut options = HttpOptions::new(&[HOST.parse().unwrap()], &[], false);
        change(&mut options);
        let api = router(HttpState { gateway: gateway.clone(), options: Arc::new(options), hooks: Arc::new(Nothing) });
        let token = token(&gateway, "all", &Scope::ALL, &[]).await;
        Self { gateway, home, api, token, folder }
    }

    /// With `hello` and `text-stats` enabled.
    pub async fn with_plugins() -> Self {
        let world = Self::new().await;
        world.install("examples/hello").await;
        world.install("examples/text-stats").await;
        world
    }

    pub fn ask(&self, method: Method, path: &str) -> Asking<'_> {
        let request = Request::builder().method(method).uri(path);
        Asking { world: self, request, token: Some(self.token.clone()), body: Body::empty(), has_host: false }
    }

    pub fn get(&self, path: &str) -> Asking<'_> {
        self.ask(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Asking<'_> {
        self.ask(Method::POST, path)
    }

    pub async fn token(&self, name: &str, scopes: &[Scope], plugins: &[&str]) -> String {
        token(&self.gateway, name, scopes, plugins).await
    }

    /// Registers and enables a package that xtask built; gives its id.
    pub async fn install(&self, name: &str) -> PluginId {
        self.install_files(package(name)).await
    }

    pub async fn install_files(&self, files: Files) -> PluginId {
        let plugin_id = self.register(files).await;
        self.gateway.enable_plugin(&plugin_id, None).await.unwrap();
        plugin_id
    }

    pub async fn register(&self, files: Files) -> PluginId {
        let files = signed(files, &self.home.operator_key().unwrap());
        self.gateway.register_plugin(files).await.unwrap().plugin_id
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Every event of the ledger, oldest first.
    pub fn events(&self) -> Vec<Event> {
        let query = Query { order: Order::OldestFirst, limit: 10_000, ..Query::default() };
        self.gateway.admin().events(&query).unwrap().events.into_iter().map(|placed| placed.event).collect()
    }

    /// How many events the ledger has: unchanged where nothing may have happened.
    pub fn event_count(&self) -> usize {
        self.events().len()
    }
}

async fn token(gateway: &Gateway, name: &str, scopes: &[Scope], plugins: &[&str]) -> String {
    let plugins = plugins.iter().map(ToString::to_string).collect();
    let made = gateway.admin().create_token(name.parse().unwrap(), scopes.to_vec(), plugins, None).await;
    made.unwrap().1.reveal().to_owned()
}

/// What users type first.
pub fn hello(name: &str) -> Value {
    serde_json::json!({ "payload": { "kind": "text", "content": name, "encoding": "utf-8", "metadata": {} } })
}

pub type Files = BTreeMap<String, Arc<[u8]>>;

/// The files of a package that xtask built. Missing is a failure, not a skip.
pub fn package(name: &str) -> Files {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/packages").join(name);
    assert!(folder.is_dir(), "{} is missing: run `cargo xtask guests` first", folder.display());
    let files = package_source::read_dir(&folder).unwrap();
    files.iter().map(|(path, bytes)| (path.to_owned(), Arc::clone(bytes))).collect()
}

pub fn signed(mut files: Files, key: &OperatorKey) -> PackageFiles {
    files.remove(SIGNATURE_FILE);
    let envelope = sign_package(&PackageFiles::new(files.clone()).unwrap(), key).unwrap();
    files.insert(SIGNATURE_FILE.to_owned(), Arc::from(envelope));
    PackageFiles::new(files).unwrap()
}

/// A package as it is uploaded.
pub fn tar_of(files: &PackageFiles) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files.iter_with_conformance() {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, &**bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Lets all homes of this test binary share what wasmtime compiled: that is most of their time.
fn share_compiled_code(home: &Home) {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-guests");
    std::fs::create_dir_all(&shared).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&shared, home.path().join("cache")).unwrap();
}
