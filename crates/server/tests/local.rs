//! The local door, over real sockets: who may come, what becomes of calls, and that nothing on the socket harms the server.

#![cfg(unix)]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test says what it shows by its name, and stops where it cannot go on"
)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use omega_gateway::broker::{ArtifactLabel, DatasetForm};
use omega_gateway::contract::manifest::{MANIFEST_FILE, SIGNATURE_FILE};
use omega_gateway::contract::payload::JsonPayload;
use omega_gateway::contract::{
    ErrorCode, EventKind, JsonData, Payload, PluginId, Sha256Hex, Status, Timestamp, limits,
};
use omega_gateway::ledger::Query;
use omega_gateway::{Gateway, Home, HomeReader, OpenOptions, PackageFiles, package_source, request, sign_package};
use omega_server::local::operations::{AddDataset, EnablePlugin, Hello, Invoke, PutArtifact, RegisterPlugin};
use omega_server::local::{
    Attachment, Client, Door, LocalListener, SOCKET_FILE, Served, Told, VERSION, os_user, serve_local,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Long enough for anything that is to end by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// A home and the server that holds it.
struct Serving {
    home: Home,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Served>,
    _folder: tempfile::TempDir,
}

impl Serving {
    async fn new() -> Self {
        Self::with(Path::new("home"), PATIENCE).await
    }

    async fn with(place: &Path, grace: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::init(&folder.path().join(place), Timestamp::EPOCH).unwrap();
        let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
        let listener = LocalListener::bind(&home).unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let served = tokio::spawn(serve_local(gateway, listener, stopped, grace));
        Self { home, stop, served, _folder: folder }
    }

    fn socket(&self) -> PathBuf {
        self.home.path().join(SOCKET_FILE)
    }

    async fn door(&self) -> Door {
        let dialled = Client::dial(&self.home).unwrap().expect("a server accepts");
        Door::There(Client::greet(&self.home, dialled, PATIENCE).await.unwrap())
    }

    /// Installs a guest whose manifest says `max_ms`, signed by the operator, and lets it take calls.
    async fn install(&self, guest: &str, max_ms: u64) -> PluginId {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let packages = std::env::var_os("OMEGA_GUEST_PACKAGES")
            .map_or_else(|| root.join("target/guests/packages"), |folder| root.join(folder));
        let files = package_source::read(&packages.join(guest)).expect("the guests are built by `cargo xtask guests`");
        let mut manifest: serde_json::Value = serde_json::from_slice(files.get(MANIFEST_FILE).unwrap()).unwrap();
        manifest["limits"]["max_ms"] = max_ms.into();
        let mut files: Vec<(String, Arc<[u8]>)> =
            files.iter().map(|(path, bytes)| (path.to_owned(), Arc::clone(bytes))).collect();
        files.retain(|(path, _)| path != MANIFEST_FILE && path != SIGNATURE_FILE);
        files.push((MANIFEST_FILE.to_owned(), manifest.to_string().into_bytes().into()));
        let unsigned = PackageFiles::new(files.clone()).unwrap();
        let signature = sign_package(&unsigned, &self.home.operator_key().unwrap()).unwrap();
        files.push((SIGNATURE_FILE.to_owned(), signature.into()));
        let door = self.door().await;
        let info = door.ask(RegisterPlugin::new(&PackageFiles::new(files).unwrap())).await.unwrap();
        door.ask(EnablePlugin { plugin_id: info.plugin_id.clone(), version: None }).await.unwrap();
        info.plugin_id
    }

    /// Begins a call that ends only when it is ended; gives it once its INVOKE is recorded.
    async fn begin(&self, door: &Door, plugin_id: &PluginId) -> JoinHandle<Result<Status, ErrorCode>> {
        let (door, asked) = (door.clone(), plugin_id.clone());
        let call = tokio::spawn(async move {
            let invoke = Invoke { plugin_id: asked, request: request(Payload::text("go")), told: Told::default() };
            door.ask(invoke).await.map(|answer| answer.response.status).map_err(|error| error.code)
        });
        self.event(EventKind::Invoke, plugin_id).await;
        call
    }

    /// Waits for an event of this kind of a plugin; gives its `reason` and `actor`.
    async fn event(&self, kind: EventKind, plugin_id: &PluginId) -> (Option<String>, Option<String>) {
        let query = Query { kinds: vec![kind], limit: 100, ..Query::default() };
        loop {
            let page = HomeReader::open(&self.home).unwrap().ledger().query(&query).unwrap();
            if let Some(placed) = page.events.into_iter().find(|it| it.event.plugin_id == plugin_id.as_str()) {
                let meta = |key: &str| placed.event.meta.get(key).cloned();
                return (meta("reason"), meta("actor"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What a connection that sends these bytes hears until it is closed.
    async fn heard(&self, bytes: Vec<u8>) -> String {
        let socket = self.socket();
        let talk = move || talk(&socket, &bytes);
        tokio::task::spawn_blocking(talk).await.unwrap()
    }
}

fn talk(socket: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).expect("permissions would let it in");
    // A server that had enough closes while it is still being talked to.
    let _ = stream.write_all(bytes);
    // Nothing more comes of what is no question; whoever ends a question there goes away.
    if !bytes.starts_with(b"POST") {
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard);
    String::from_utf8_lossy(&heard).into_owned()
}

fn block(content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
}

/// A question as it stands on the socket. Its connection is to end with the reply.
fn question(name: &str, version: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /local/1/{name} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nomega-version: {version}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_its_owners_alone_and_goes_with_the_server() {
    let serving = Serving::new().await;
    let metadata = fs::symlink_metadata(serving.socket()).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(metadata.uid(), rustix::process::geteuid().as_raw());
    let mut left = fs::read_dir(serving.home.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.all(|name| !name.to_string_lossy().starts_with(".sock")), "the private folder has gone");
    let socket = serving.socket();
    serving.stop.send(()).unwrap();
    assert_eq!(serving.served.await.unwrap(), Served { broken_off: 0 });
    assert!(!socket.exists());
    assert!(Client::dial(&serving.home).unwrap().is_none());
}

/// A folder is watched while sockets are made in it: whatever of them is ever seen, only its owner can reach.
#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_moment_in_which_another_could_connect() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::init(&folder.path().join("home"), Timestamp::EPOCH).unwrap();
    // The process's own mask must not be what protects it.
    rustix::process::umask(rustix::fs::Mode::empty());
    let (path, is_over) = (home.path().to_owned(), Arc::new(AtomicBool::new(false)));
    let watched = Arc::clone(&is_over);
    let watcher = std::thread::spawn(move || {
        let mut seen = 0_u32;
        while !watched.load(Ordering::Relaxed) {
            for entry in fs::read_dir(&path).unwrap().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                // It may be gone again.
                let Ok(metadata) = fs::symlink_metadata(entry.path()) else { continue };
                let mode = metadata.permissions().mode() & 0o777;
                match name.as_str() {
                    SOCKET_FILE => assert_eq!(mode, 0o600, "the socket"),
                    name if name.starts_with(".sock") => assert_eq!(mode, 0o700, "the folder in which it is made"),
                    _ => continue,
                }
                seen += 1;
            }
        }
        seen
    });
    for _ in 0..300 {
        drop(LocalListener::bind(&home).unwrap());
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(watcher.join().unwrap() > 0, "nothing was ever seen");
}

/// Also one whom file permissions would let in is closed without a word. Shown as root (CI is), by a thread that becomes
/// `nobody`; an ordinary user cannot become somebody else: then this shows that permissions alone keep others out.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_closed_without_a_word() {
    use rustix::process::{Gid, Uid, geteuid};
    use rustix::thread::{set_thread_res_gid, set_thread_res_uid};

    let serving = Serving::new().await;
    if !geteuid().is_root() {
        eprintln!("not root: only the permissions of the home and its socket are looked at");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
        assert_eq!((mode(serving.home.path()), mode(&serving.socket())), (0, 0));
        return;
    }
    let folder = serving.home.path().parent().unwrap().to_owned();
    for (path, mode) in [(folder.as_path(), 0o755), (serving.home.path(), 0o755), (&serving.socket(), 0o666)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let hello = question("hello", VERSION, &block(b"{}"));
    assert!(serving.heard(hello.clone()).await.contains("\"pid\""), "the owner is answered");
    let socket = serving.socket();
    let as_nobody = std::thread::spawn(move || {
        let (user, group) = (Uid::from_raw(65_534), Gid::from_raw(65_534));
        // This thread's alone, and for good: it ends with it.
        set_thread_res_gid(group, group, group).unwrap();
        set_thread_res_uid(user, user, user).unwrap();
        talk(&socket, &hello)
    });
    let heard = tokio::task::spawn_blocking(move || as_nobody.join().unwrap()).await.unwrap();
    assert_eq!(heard, "");
    assert!(serving.door().await.ask(Hello {}).await.is_ok(), "the server works on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_nobody_serves_is_ignored_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::init(&folder.path().join("home"), Timestamp::EPOCH).unwrap();
    let socket = home.path().join(SOCKET_FILE);
    assert!(Client::dial(&home).unwrap().is_none());
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists(), "what a killed server leaves behind");
    assert!(Client::dial(&home).unwrap().is_none());
    let listener = LocalListener::bind(&home).unwrap();
    assert!(Client::dial(&home).unwrap().is_some());
    // A later server's socket is not the first one's to remove.
    let later = LocalListener::bind(&home).unwrap();
    drop(listener);
    assert!(Client::dial(&home).unwrap().is_some());
    drop(later);
    assert!(!socket.exists());
    fs::write(&socket, "precious").unwrap();
    assert_eq!(LocalListener::bind(&home).unwrap_err().code, ErrorCode::Io);
    assert_eq!(fs::read_to_string(&socket).unwrap(), "precious");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_does_not_get_the_home() {
    let serving = Serving::new().await;
    let refused = Gateway::open(&serving.home, OpenOptions::default()).await.err().unwrap();
    assert_eq!(refused.code, ErrorCode::HomeLocked);
    assert_eq!(serving.door().await.ask(Hello {}).await.unwrap().pid, std::process::id());
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_home_s_path_may_be_longer_than_a_socket_s() {
    let long: PathBuf = ["a-folder-with-a-rather-long-name"; 8].iter().collect();
    let serving = Serving::with(&long.join("home"), PATIENCE).await;
    let socket = serving.socket();
    assert!(socket.as_os_str().len() > 250);
    assert!(serving.door().await.ask(Hello {}).await.is_ok());
    serving.stop.send(()).unwrap();
    serving.served.await.unwrap();
    assert!(!socket.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_is_told_so_and_does_nothing() {
    let serving = Serving::new().await;
    for version in ["0.0.1", "", "1"] {
        let heard = serving.heard(question("hello", version, &block(b"{}"))).await;
        assert!(heard.contains("\"server_mismatch\"") && !heard.contains("\"pid\""), "{heard}");
    }
    let unknown = serving.heard(question("no_such_operation", VERSION, &block(b"{}"))).await;
    assert!(unknown.contains("\"server_mismatch\""), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_socket_harms_nobody() {
    let serving = Serving::new().await;
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..64 {
        let bytes: Vec<u8> = (0..random.usize(0..4_096)).map(|_| random.u8(..)).collect();
        serving.heard(bytes.clone()).await;
        // Behind a head that is right, too.
        let heard = serving.heard(question("invoke", VERSION, &bytes)).await;
        assert!(heard.contains("\"code\""), "{heard}");
    }
    for (body, code) in [
        (block(b"{}"), "request_invalid"),
        (block(&vec![b'['; 100_000]), "request_invalid"),
        (block(b"{\"plugin_id\":\"a\",\"plugin_id\":\"a\"}"), "request_invalid"),
        (block(b"{}")[..5].to_vec(), "io"),
        (Vec::new(), "io"),
    ] {
        let heard = serving.heard(question("invoke", VERSION, &body)).await;
        assert!(heard.contains(&format!("\"{code}\"")), "{code}: {heard}");
    }
    assert!(serving.door().await.ask(Hello {}).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_past_the_limit_is_refused_before_it_is_read() {
    let serving = Serving::new().await;
    for (name, bytes_max) in [("invoke", 6 * limits::REQUEST_BYTES_MAX), ("hello", 16 * 1024 * 1024)] {
        let announced = |bytes: u64| u32::try_from(bytes).unwrap().to_be_bytes();
        let heard = serving.heard(question(name, VERSION, &announced(bytes_max + 1))).await;
        assert!(heard.contains("\"payload_too_large\""), "{heard}");
        // One less would be read, and is not there.
        let heard = serving.heard(question(name, VERSION, &announced(bytes_max))).await;
        assert!(heard.contains("\"io\""), "{heard}");
    }
    assert!(serving.door().await.ask(Hello {}).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_ends_its_call_and_the_evidence_is_there() {
    let serving = Serving::new().await;
    let plugin = serving.install("hostile/spin", 60_000).await;
    let door = serving.door().await;
    let call = serving.begin(&door, &plugin).await;
    let (_, actor) = serving.event(EventKind::Invoke, &plugin).await;
    assert_eq!(actor.as_deref(), Some(os_user().as_str()), "in the name of the user who sits at the door");
    call.abort();
    let (reason, _) = serving.event(EventKind::Error, &plugin).await;
    assert_eq!(reason.as_deref(), Some("interrupted"));
    // The others of the same door go on.
    assert!(door.ask(Hello {}).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_finished_when_the_server_stops() {
    let serving = Serving::new().await;
    let plugin = serving.install("hostile/spin", 2_000).await;
    let door = serving.door().await;
    let call = serving.begin(&door, &plugin).await;
    serving.stop.send(()).unwrap();
    assert_eq!(serving.served.await.unwrap(), Served { broken_off: 0 });
    assert_eq!(call.await.unwrap(), Ok(Status::Timeout), "it was answered");
    assert!(Client::dial(&serving.home).unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlasts_the_grace_period_is_broken_off_and_journalled() {
    let serving = Serving::with(Path::new("home"), Duration::from_millis(50)).await;
    let plugin = serving.install("hostile/spin", 60_000).await;
    let door = serving.door().await;
    let call = serving.begin(&door, &plugin).await;
    serving.stop.send(()).unwrap();
    assert_eq!(serving.served.await.unwrap(), Served { broken_off: 1 });
    assert_eq!(call.await.unwrap(), Err(ErrorCode::ServerUnreachable));
    let options = OpenOptions { wait: PATIENCE, ..OpenOptions::default() };
    let gateway = Gateway::open(&serving.home, options).await.unwrap();
    let query = Query { kinds: vec![EventKind::Error], limit: 1, ..Query::default() };
    let page = gateway.admin().events(&query).unwrap();
    assert_eq!(page.events[0].event.meta.get("reason").map(String::as_str), Some("interrupted"));
    assert!(gateway.admin().opening().interrupted.is_empty(), "by the server itself, not by the next opening");
}

fn put(content: impl std::io::Read + Send + 'static) -> PutArtifact {
    PutArtifact { label: ArtifactLabel::default(), content: Attachment::new(content) }
}

fn artifacts(home: &Home) -> usize {
    HomeReader::open(home).unwrap().brokers().artifacts().list(None, 10).unwrap().artifacts.len()
}

/// Gives some bytes, says so, and then nothing until it is let go of.
struct Halting {
    left: usize,
    halted: Option<oneshot::Sender<()>>,
    go_on: std::sync::mpsc::Receiver<()>,
}

impl std::io::Read for Halting {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            if let Some(halted) = self.halted.take() {
                let _ = halted.send(());
            }
            let _ = self.go_on.recv();
            return Ok(0);
        }
        let count = buffer.len().min(self.left);
        self.left -= count;
        buffer[..count].fill(7);
        Ok(count)
    }
}

/// Whoever ends first, the client or the server: half an upload is no artifact.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_was_cut_off_is_not_stored() {
    for server_ends in [false, true] {
        let serving = Serving::with(Path::new("home"), Duration::ZERO).await;
        let door = serving.door().await;
        let (halted, has_halted) = oneshot::channel();
        let (let_go, go_on) = std::sync::mpsc::channel();
        let operation = put(Halting { left: 3_000_000, halted: Some(halted), go_on });
        let asked = tokio::spawn(async move { door.ask(operation).await.map_err(|error| error.code) });
        has_halted.await.unwrap();
        if server_ends {
            serving.stop.send(()).unwrap();
            assert_eq!(serving.served.await.unwrap(), Served { broken_off: 1 });
            assert_eq!(asked.await.unwrap(), Err(ErrorCode::ServerUnreachable));
        } else {
            asked.abort();
            assert!(asked.await.unwrap_err().is_cancelled());
            serving.stop.send(()).unwrap();
            serving.served.await.unwrap();
        }
        // The home is free when the thread that stored has ended.
        let options = OpenOptions { wait: PATIENCE, ..OpenOptions::default() };
        let gateway = Gateway::open(&serving.home, options).await.unwrap();
        assert_eq!(artifacts(&serving.home), 0, "server ends: {server_ends}");
        drop((gateway, let_go));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_attached_arrives_whole_and_a_file_that_fails_is_told() {
    struct Failing;
    impl std::io::Read for Failing {
        fn read(&mut self, _buffer: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is broken"))
        }
    }
    let serving = Serving::new().await;
    let door = serving.door().await;
    let bytes: Vec<u8> = (0..3_000_001_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let stored = door.ask(put(std::io::Cursor::new(bytes.clone()))).await.unwrap();
    assert_eq!((stored.digest, stored.size_bytes), (Sha256Hex::of(&bytes), 3_000_001));
    assert_eq!(door.ask(put(std::io::empty())).await.unwrap().size_bytes, 0);
    let failed = door.ask(put(Failing)).await.unwrap_err();
    assert_eq!(failed.code, ErrorCode::Io);
    assert!(failed.message.contains("the disk is broken"), "{failed}");
    assert_eq!(artifacts(&serving.home), 2);
}

/// Refused before its end, the reason arrives though the client is still sending.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_heard_while_much_is_still_to_be_sent() {
    let serving = Serving::new().await;
    let rows = Attachment::new(std::io::repeat(b'x').take(1 << 40));
    let add = AddDataset { name: "rows".parse().unwrap(), form: DatasetForm::Ndjson, key_field: "id".into(), rows };
    assert_eq!(serving.door().await.ask(add).await.unwrap_err().code, ErrorCode::DatasetInvalid);
}

/// What a plugin may take at most is not refused for what the door wraps around it.
#[tokio::test(flavor = "multi_thread")]
async fn the_deepest_payload_and_the_longest_escapes_pass() {
    let serving = Serving::new().await;
    let door = serving.door().await;
    let levels = JsonData::DEPTH_MAX - 1;
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let data = JsonData::read(deep, 10_000).unwrap();
    let json = Payload::Json(JsonPayload { data, schema_ref: "omega:x:y:z:v1.0.0".to_owned() });
    for payload in [json, Payload::text("\u{1}".repeat(4_000_000))] {
        let invoke = Invoke { plugin_id: "nobody".parse().unwrap(), request: request(payload), told: Told::default() };
        assert_eq!(door.ask(invoke).await.unwrap().reason, Some(ErrorCode::PluginUnknown));
    }
}
