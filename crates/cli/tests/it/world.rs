//! A folder of its own for each test, a home in it, and the binary run there.
//!
//! With `OMEGA_TEST_SERVED=1` a server holds the home, and every command goes through its local door: the tests and their
//! snapshots are the same.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A folder that goes away with the test.
pub(crate) struct World {
    /// Before the folder: it ends first.
    server: RefCell<Option<Server>>,
    folder: tempfile::TempDir,
}

/// Whether the tests run beside a server.
const SERVED: &str = "OMEGA_TEST_SERVED";
/// How long a server gets to end what is under way.
const GRACE_SECONDS: &str = "20";

/// What a command did.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    /// A folder without a home.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::Builder::new().prefix("omega-it-").tempdir().unwrap();
        Self { server: RefCell::default(), folder }
    }

    /// A folder with a home that was opened once.
    pub(crate) fn new() -> Self {
        let world = Self::empty();
        world.ok(["init"]);
        world.share_compiled_code();
        if std::env::var_os(SERVED).is_some_and(|value| value == "1") {
            world.serve();
        }
        world
    }

    /// Starts a server that holds the home; gone with the test.
    pub(crate) fn serve(&self) {
        let server = Server::start(&mut self.command());
        *self.server.borrow_mut() = Some(server);
    }

    /// Where a server holds the home, ends it: what the test does next means nothing beside one, because it is about the
    /// opening of the home.
    pub(crate) fn stop_serving(&self) {
        if let Some(server) = self.server.borrow_mut().take() {
            let ran = server.stop();
            assert_eq!(ran.code, 0, "{}", ran.whole());
        }
    }

    /// Changes the home's files; a server that holds it is ended before and started again after.
    pub(crate) fn behind_the_back<T>(&self, change: impl FnOnce() -> T) -> T {
        let is_served = self.server.borrow().is_some();
        self.stop_serving();
        let changed = change();
        if is_served {
            self.serve();
        }
        changed
    }

    /// A home in which these example plugins take calls.
    pub(crate) fn with(plugins: &[&str]) -> Self {
        let world = Self::new();
        for plugin in plugins {
            world.install(plugin);
        }
        world
    }

    /// Compiled code may be thrown away at any time, so it may also be there already: all homes of these tests have one
    /// cache between them. Compiling each guest for each test would take most of the time.
    fn share_compiled_code(&self) {
        #[cfg(unix)]
        {
            let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
            fs::create_dir_all(&shared).unwrap();
            let cache = self.home().join("cache");
            let _ = fs::remove_dir_all(&cache);
            fs::create_dir(&cache).unwrap();
            std::os::unix::fs::symlink(&shared, cache.join("wasm")).unwrap();
            std::os::unix::fs::symlink(shared, cache.join("worker")).unwrap();
        }
    }

    /// The test's folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The home.
    pub(crate) fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// Writes a file into the test's folder.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A file of the test's folder, as text.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// A command in the test's folder that nothing of the developer's environment reaches.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_omega"));
        command.current_dir(self.path()).env("OMEGA_HOME", self.home()).stdin(Stdio::null());
        for name in ["NO_COLOR", "RUST_BACKTRACE", "OMEGA_QUOTAS_CALLS_MAX"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs `omega` with these arguments.
    pub(crate) fn omega<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        Ran::of(&self.command().args(arguments).output().unwrap())
    }

    /// Runs `omega` with these arguments and this on standard input.
    pub(crate) fn fed<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>, input: &[u8]) -> Ran {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that refuses early reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input);
        Ran::of(&child.wait_with_output().unwrap())
    }

    /// Runs `omega` with these arguments, which must end well; gives standard output.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let ran = self.omega(arguments);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    /// The document that a command prints with `--json`.
    pub(crate) fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        let arguments: Vec<_> = arguments.into_iter().map(|word| word.as_ref().to_owned()).collect();
        let ran = self.omega(arguments.iter().map(std::ffi::OsString::as_os_str).chain([OsStr::new("--json")]));
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr))
    }

    /// Copies a guest's package into the test's folder.
    pub(crate) fn package(&self, guest: &str) -> PathBuf {
        let copy = self.path().join(guest.rsplit('/').next().unwrap());
        copy_folder(&guest_packages().join(guest), &copy);
        copy
    }

    /// Signs a guest's package with the operator's key, installs it and lets it take calls.
    pub(crate) fn install(&self, guest: &str) {
        let package = self.package(guest);
        self.ok([OsStr::new("plugins"), OsStr::new("sign"), package.as_os_str()]);
        self.ok([OsStr::new("plugins"), OsStr::new("install"), package.as_os_str(), OsStr::new("--enable")]);
    }

    /// Every file of the home with its bytes, but for the lock, compiled code and SQLite's own, which change when they
    /// are looked at.
    pub(crate) fn home_files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        gather(&self.home(), &self.home(), &mut files);
        files.retain(|name, _| !name.contains(".sqlite") && !name.ends_with("lock") && !name.starts_with("cache"));
        files
    }

    /// All that a home holds: its files, and what its databases say.
    pub(crate) fn home_state(&self) -> (BTreeMap<String, Vec<u8>>, [String; 3]) {
        let said = [
            self.ok(["plugins", "list", "--json"]),
            self.ok(["keys", "list", "--json"]),
            self.ok(["runs", "list", "--json"]),
        ];
        (self.home_files(), said)
    }
}

/// `omega serve`, killed when it is dropped.
struct Server(Option<Child>);

impl Server {
    fn start(command: &mut Command) -> Self {
        let command = command.args(["serve", "--grace", GRACE_SECONDS]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first_line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first_line).unwrap();
        let server = Self(Some(child));
        assert!(first_line.starts_with("Serving:"), "{first_line}{}", server.stop().whole());
        server
    }

    /// Ends it as the system would.
    fn stop(mut self) -> Ran {
        let child = self.0.take().unwrap();
        let terminated = Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert!(terminated.success());
        Ran::of(&child.wait_with_output().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ended_before = child.kill();
            let _ = child.wait();
        }
    }
}

impl Ran {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Everything that came of it, for a snapshot.
    pub(crate) fn whole(&self) -> String {
        format!("exit: {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Where `cargo xtask guests` puts the packages.
fn guest_packages() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let packages = std::env::var_os("OMEGA_GUEST_PACKAGES")
        .map_or_else(|| root.join("target/guests/packages"), |folder| root.join(folder));
    assert!(packages.is_dir(), "the guests are not built: run `cargo xtask guests`");
    packages
}

/// Copies plain files and folders.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    assert!(from.is_dir(), "{} is not there: run `cargo xtask guests`", from.display());
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn gather(top: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Neither a folder nor a file: a server's socket.
        if !path.is_dir() && !path.is_file() {
            continue;
        }
        if path.is_dir() {
            gather(top, &path, files);
        } else {
            files.insert(path.strip_prefix(top).unwrap().display().to_string(), fs::read(&path).unwrap());
        }
    }
}

/// What differs from run to run, in the order in which it is replaced.
pub(crate) fn filters(world: &World) -> Vec<(String, &'static str)> {
    let folder = world.path().canonicalize().unwrap().display().to_string();
    vec![
        (folder.replace('.', r"\."), "[DIR]"),
        (r"omega\.internal/[0-9a-z]{26}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}".into(), "[VKEY]"),
        (r"omega\.internal/[0-9a-z]{26}".into(), "[ORIGIN]"),
        (r"\b[0-9a-f]{64}\b".into(), "[HASH]"),
        // As wide as what they stand for, so that columns still line up.
        (r"\b[0-9a-f]{12}\b".into(), "[--SHORT---]"),
        (r"\b[0-9A-HJKMNP-TV-Z]{26}\b".into(), "[----------ULID----------]"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z".into(), "[TIME]"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d".into(), "[------TIME-------]"),
        (r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----".into(), "[PEM]"),
        (r"\d+ ms\b".into(), "[MS] ms"),
        (r"\d+ us\b *".into(), "[US] us  "),
        (r#""duration_ms": \d+"#.into(), "\"duration_ms\": [MS]"),
    ]
}

/// Compares with a snapshot beside the test, with everything replaced that differs from run to run.
macro_rules! snapshot {
    ($world:expr, $text:expr) => {{
        let filters = $crate::world::filters(&$world);
        let filters: Vec<(&str, &str)> = filters.iter().map(|(pattern, text)| (pattern.as_str(), *text)).collect();
        insta::with_settings!({ filters => filters, prepend_module_to_snapshot => true, omit_expression => true }, {
            insta::assert_snapshot!($text);
        });
    }};
}
pub(crate) use snapshot;
