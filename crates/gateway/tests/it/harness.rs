//! A gateway in a temporary home, and the packages that `cargo xtask guests` built.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use omega_contract::manifest::{MANIFEST_FILE, SIGNATURE_FILE};
use omega_contract::{Event, EventKind, Payload, PluginId, PluginInfo, PluginRequest, RunId, Status, Timestamp};
use omega_gateway::{
    Answer, Gateway, GatewayError, Home, OpenOptions, OperatorKey, package_source, request, sign_package,
};
use omega_validator::PackageFiles;
use serde_json::Value;

/// A gateway in a temporary home; both go when it is dropped.
pub struct Bench {
    pub gateway: Gateway,
    pub home: Home,
    folder: tempfile::TempDir,
}

pub fn id(text: &str) -> PluginId {
    text.parse().unwrap()
}

pub fn run(text: &str) -> RunId {
    text.parse().unwrap()
}

/// The files of a package that xtask built, `examples/hello` say. Missing is a failure, not a skip.
pub fn package(name: &str) -> BTreeMap<String, Arc<[u8]>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/packages").join(name);
    assert!(folder.is_dir(), "{} is missing: run `cargo xtask guests` first", folder.display());
    let files = package_source::read_dir(&folder).unwrap();
    files.iter().map(|(path, bytes)| (path.to_owned(), Arc::clone(bytes))).collect()
}

/// Changes the manifest of a package.
pub fn edit(files: &mut BTreeMap<String, Arc<[u8]>>, change: impl FnOnce(&mut Value)) {
    let mut manifest: Value = serde_json::from_slice(&files[MANIFEST_FILE]).unwrap();
    change(&mut manifest);
    files.insert(MANIFEST_FILE.to_owned(), Arc::from(serde_json::to_vec(&manifest).unwrap()));
}

/// Signs what the files say now.
pub fn signed(files: &BTreeMap<String, Arc<[u8]>>, key: &OperatorKey) -> PackageFiles {
    let mut files = files.clone();
    files.remove(SIGNATURE_FILE);
    let envelope = sign_package(&PackageFiles::new(files.clone()).unwrap(), key).unwrap();
    files.insert(SIGNATURE_FILE.to_owned(), Arc::from(envelope));
    PackageFiles::new(files).unwrap()
}

impl Bench {
    pub async fn new() -> Self {
        Self::with_config("").await
    }

    /// With this `omega.toml`.
    pub async fn with_config(toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::init(&folder.path().join("home"), Timestamp::EPOCH).unwrap();
        std::fs::write(home.path().join("omega.toml"), toml).unwrap();
        share_compiled_code(&home);
        let gateway =
            Gateway::open(&home, OpenOptions { actor: "tester".into(), ..OpenOptions::default() }).await.unwrap();
        Self { gateway, home, folder }
    }

    /// Closes the gateway and opens the same home again.
    pub async fn reopened(self) -> Self {
        let Self { gateway, home, folder } = self;
        drop(gateway);
        Self::of(home, folder).await
    }

    /// Opens a home that was closed.
    pub async fn of(home: Home, folder: tempfile::TempDir) -> Self {
        let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
        Self { gateway, home, folder }
    }

    /// Closes the gateway; what is left is the home.
    pub fn closed(self) -> (Home, tempfile::TempDir) {
        let Self { gateway, home, folder } = self;
        drop(gateway);
        (home, folder)
    }

    /// A folder beside the home, for what a test needs.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn key(&self) -> OperatorKey {
        self.home.operator_key().unwrap()
    }

    pub async fn register(&self, files: &BTreeMap<String, Arc<[u8]>>) -> Result<PluginInfo, GatewayError> {
        self.gateway.register_plugin(signed(files, &self.key())).await
    }

    /// Registers and enables a package that xtask built; gives its id.
    pub async fn install(&self, name: &str) -> PluginId {
        self.install_files(&package(name)).await
    }

    pub async fn install_files(&self, files: &BTreeMap<String, Arc<[u8]>>) -> PluginId {
        let info = self.register(files).await.unwrap();
        self.gateway.enable_plugin(&info.plugin_id, Some(&info.version)).await.unwrap();
        info.plugin_id
    }

    pub async fn invoke(&self, plugin_id: &PluginId, request: PluginRequest) -> Answer {
        self.gateway.invoke(plugin_id, request).await.unwrap()
    }

    pub async fn text(&self, plugin_id: &PluginId, text: &str) -> Answer {
        self.invoke(plugin_id, request(Payload::text(text))).await
    }

    /// Every event of a run, oldest first.
    pub fn events(&self, run_id: &RunId) -> Vec<Event> {
        let query = omega_ledger::Query {
            run_id: Some(run_id.clone()),
            order: omega_ledger::Order::OldestFirst,
            limit: 10_000,
            ..omega_ledger::Query::default()
        };
        self.gateway.admin().events(&query).unwrap().events.into_iter().map(|placed| placed.event).collect()
    }

    /// The kinds of a run's events, oldest first.
    pub fn kinds(&self, run_id: &RunId) -> Vec<EventKind> {
        self.events(run_id).iter().map(|event| event.kind).collect()
    }

    /// The event that an answer or an error names.
    pub fn event(&self, index: u64) -> Event {
        self.gateway.admin().event(index).unwrap()
    }

    /// Fails unless each attempt of the run is one INVOKE and then exactly one outcome. (A REJECT may
    /// stand alone: a refusal before anything ran.)
    pub fn assert_evidence_whole(&self, run_id: &RunId) {
        let mut open = std::collections::BTreeSet::new();
        for event in self.events(run_id) {
            let part = |key: &str| event.meta.get(key).cloned().unwrap_or_default();
            let attempt = (event.request_id.clone(), part("step"), part("attempt"));
            match event.kind {
                EventKind::Invoke => assert!(open.insert(attempt), "two INVOKEs: {event:?}"),
                EventKind::Result | EventKind::Error => assert!(open.remove(&attempt), "no INVOKE: {event:?}"),
                EventKind::Reject => drop(open.remove(&attempt)),
                _ => {}
            }
        }
        assert!(open.is_empty(), "without an outcome: {open:?}");
    }

    /// Fails unless the gateway still serves: `hello`, which must be installed, greets.
    pub async fn assert_healthy(&self, after: &str) {
        let answer = self.text(&id("hello"), "Ada").await;
        assert_eq!(answer.response.status, Status::Ok, "after {after}: {}", answer.response.notes);
    }

    /// Every event of the ledger, oldest first, as the file has it.
    pub fn ledger_lines(&self) -> Vec<String> {
        let mut segments: Vec<PathBuf> = std::fs::read_dir(self.home.ledger_dir())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "ndjson"))
            .collect();
        segments.sort();
        let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
        segments.iter().flat_map(|path| read(path).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }
}

/// Lets all homes of this test binary share what wasmtime compiled: that is most of their time.
fn share_compiled_code(home: &Home) {
    let shared = compiled_code();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&shared, home.path().join("cache")).unwrap();
}

/// Where that is.
pub fn compiled_code() -> PathBuf {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-guests");
    std::fs::create_dir_all(&shared).unwrap();
    shared
}

/// Everything below a folder, with each file's content hash: what a plugin may not change. Links are
/// not followed.
pub fn snapshot(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
                found.insert(path, "link".to_owned());
            } else if path.is_dir() {
                pending.push(path);
            } else {
                let content = std::fs::read(&path).unwrap_or_default();
                found.insert(path, omega_contract::Sha256Hex::of(&content).to_string());
            }
        }
    }
    found
}
