//! The Python interpreter of this machine, resolved once: a launcher such as pyenv's takes longer to start than a worker does.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{HOME, SDK_FILES};
use crate::libraries::{code_file, inside, is_library, links};
use crate::messages::HostMount;

/// The oldest version that runs plugins.
pub(crate) const PYTHON_VERSION_MIN: (u32, u32) = (3, 10);
const PROBE: &str = include_str!("probe.py");
/// An interpreter that has not answered by then is not used.
const PROBE_MAX: Duration = Duration::from_secs(30);
/// Its answer is read to the end so long after it ended.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A Python interpreter and what of the host it needs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Interpreter {
    path: PathBuf,
    version: (u32, u32, u32),
    prefix: PathBuf,
    standard: PathBuf,
    extensions: PathBuf,
    /// Library files by their real path.
    libraries: Vec<PathBuf>,
    links: Vec<(String, String)>,
    /// As the interpreter marks compiled modules: `cpython-311`, say.
    tag: String,
    /// The SDK's modules, compiled, in base64.
    compiled: BTreeMap<String, String>,
}

/// Why there is no interpreter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterpreterError {
    /// Nothing on the PATH, or not where the configuration says.
    #[error("no Python interpreter: {0}")]
    Missing(String),
    /// It does not answer as one.
    #[error("{path} is no usable Python interpreter: {why}")]
    Unusable {
        /// Which.
        path: String,
        /// What it did.
        why: String,
    },
    /// Older than plugins are written for.
    #[error("{path} is Python {found}; plugins need {}.{} or newer", PYTHON_VERSION_MIN.0, PYTHON_VERSION_MIN.1)]
    TooOld {
        /// Which.
        path: String,
        /// Its version.
        found: String,
    },
}

/// All that an old one says.
#[derive(Deserialize)]
struct Versioned {
    version: (u32, u32, u32),
}

#[derive(Deserialize)]
struct Answer {
    implementation: String,
    tag: String,
    compiled: BTreeMap<String, String>,
    version: (u32, u32, u32),
    executable: PathBuf,
    prefix: PathBuf,
    standard: PathBuf,
    extensions: PathBuf,
    mapped: Vec<PathBuf>,
}

impl Interpreter {
    /// The interpreter at this path, else the first `python3` on the PATH. What was found is kept in `cache_dir`, a folder of
    /// the gateway's own, for as long as the interpreter's file stays the same.
    ///
    /// # Errors
    /// [`InterpreterError`].
    pub fn resolve(configured: Option<&Path>, cache_dir: Option<&Path>) -> Result<Self, InterpreterError> {
        let asked = match configured {
            Some(path) => path.to_owned(),
            None => on_path("python3")
                .ok_or_else(|| InterpreterError::Missing("`python3` is not on the PATH".to_owned()))?,
        };
        let shown = asked.display().to_string();
        let metadata = fs::metadata(&asked).map_err(|error| InterpreterError::Missing(format!("{shown}: {error}")))?;
        let cached = cache_dir.map(|folder| folder.join(format!("python-{}.json", key_of(&asked, &metadata))));
        if let Some(known) = cached.as_deref().and_then(read_cached) {
            return Ok(known);
        }
        let found = probe(&asked, &shown)?;
        if let (Some(file), Ok(text)) = (&cached, serde_json::to_vec(&found)) {
            // Where it cannot be kept it is asked again next time.
            let _ = fs::create_dir_all(file.parent().unwrap_or(file)).and_then(|()| fs::write(file, text));
        }
        Ok(found)
    }

    /// The interpreter itself, links and launchers resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its version.
    pub fn version(&self) -> String {
        let (major, minor, patch) = self.version;
        format!("{major}.{minor}.{patch}")
    }

    /// Where its standard library is inside.
    pub(super) fn standard_inside(&self) -> String {
        format!("{HOME}/lib/python{}.{}", self.version.0, self.version.1)
    }

    pub(super) fn links(&self) -> &[(String, String)] {
        &self.links
    }

    pub(super) fn libraries_inside(&self) -> impl Iterator<Item = String> {
        self.libraries.iter().map(|path| inside(path, &self.prefix, HOME))
    }

    /// The compiled form of one of the SDK's modules: where it is looked for, and its bytes.
    pub(super) fn compiled(&self, name: &str) -> Option<(String, Vec<u8>)> {
        let bytes = base64::engine::general_purpose::STANDARD.decode(self.compiled.get(name)?).ok()?;
        let stem = name.strip_suffix(".py")?;
        Some((super::sdk_path(&format!("__pycache__/{stem}.{}.pyc", self.tag)), bytes))
    }

    /// What of the host it needs.
    pub(super) fn mounts(&self) -> Vec<HostMount> {
        let folder = |host: &Path, inside: String| HostMount { is_folder: true, ..code_file(host, inside) };
        let standard = self.standard_inside();
        let mut mounts =
            vec![code_file(&self.path, format!("{HOME}/bin/python3")), folder(&self.standard, standard.clone())];
        if !self.extensions.starts_with(&self.standard) && self.extensions.is_dir() {
            mounts.push(folder(&self.extensions, format!("{standard}/lib-dynload")));
        }
        mounts.extend(self.libraries.iter().map(|path| code_file(path, inside(path, &self.prefix, HOME))));
        mounts
    }
}

fn key_of(path: &Path, metadata: &fs::Metadata) -> String {
    let facts = (
        path,
        metadata.ino(),
        metadata.dev(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime_nsec(),
    );
    let mut digest = Sha256::new();
    digest.update(format!("{facts:?}{PROBE}"));
    for (name, source) in SDK_FILES {
        digest.update(name);
        digest.update(source);
    }
    let digest = digest.finalize();
    digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

fn read_cached(file: &Path) -> Option<Interpreter> {
    let known: Interpreter = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    let is_there =
        known.path.is_file() && known.standard.is_dir() && known.libraries.iter().all(|library| library.is_file());
    is_there.then_some(known)
}

/// A program by its name, in the folders of the PATH that are absolute.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut found = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(name));
    found.find(|file| fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o111 != 0))
}

fn probe(path: &Path, shown: &str) -> Result<Interpreter, InterpreterError> {
    let unusable = |why: String| InterpreterError::Unusable { path: shown.to_owned(), why };
    let answer = ask(path).map_err(unusable)?;
    let unread = |error: serde_json::Error| unusable(format!("its answer: {error}"));
    let Versioned { version: (major, minor, patch) } = serde_json::from_slice(&answer).map_err(unread)?;
    if (major, minor) < PYTHON_VERSION_MIN {
        return Err(InterpreterError::TooOld { path: shown.to_owned(), found: format!("{major}.{minor}.{patch}") });
    }
    let answer: Answer = serde_json::from_slice(&answer).map_err(unread)?;
    if answer.implementation != "cpython" {
        return Err(unusable(format!("it is {}, not CPython", answer.implementation)));
    }
    let inside_standard = |path: &Path| path.starts_with(&answer.standard) || path.starts_with(&answer.extensions);
    let libraries: Vec<PathBuf> =
        answer.mapped.into_iter().filter(|path| is_library(path) && !inside_standard(path)).collect();
    Ok(Interpreter {
        path: answer.executable,
        version: answer.version,
        links: links(&libraries, &answer.prefix, HOME),
        tag: answer.tag,
        compiled: answer.compiled,
        prefix: answer.prefix,
        standard: answer.standard,
        extensions: answer.extensions,
        libraries,
    })
}

/// Asks an interpreter, which may be anything: its time and its answer are bounded.
fn ask(path: &Path) -> Result<Vec<u8>, String> {
    let modules = preloaded();
    let mut child = Command::new(path)
        .args(["-I", "-S", "-c", PROBE])
        .args(&modules)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .current_dir("/")
        .spawn()
        .map_err(|error| error.to_string())?;
    let Some(mut stdout) = child.stdout.take() else { return Err("no answer".to_owned()) };
    let (answered, answer) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        let _ = std::io::Read::read_to_end(&mut std::io::Read::take(&mut stdout, ANSWER_BYTES_MAX as u64), &mut answer);
        // Nobody waits for it any more where it came too late.
        let _ = answered.send(answer);
    });
    let sources: Vec<(String, &str, String)> = SDK_FILES
        .iter()
        .map(|(name, source)| (super::sdk_path(name), *name, String::from_utf8_lossy(source).into_owned()))
        .collect();
    if let (Some(mut stdin), Ok(sources)) = (child.stdin.take(), serde_json::to_vec(&sources)) {
        // One that reads nothing says nothing, which is seen below.
        std::thread::spawn(move || drop(std::io::Write::write_all(&mut stdin, &sources)));
    }
    let until = Instant::now() + PROBE_MAX;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("no answer in {} s", PROBE_MAX.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    // A launcher may have left something running that holds its output open.
    let answer = answer.recv_timeout(ANSWER_MAX).map_err(|_| "its output does not end with it".to_owned());
    if status.success() { answer } else { Err(format!("it ended with {status}")) }
}

/// The modules that the zygote preloads, by the list in the SDK: what they map is what a worker needs.
fn preloaded() -> Vec<&'static str> {
    // Extension modules are looked up by the zygote itself; those below bring libraries of the machine with them.
    let known = [
        "_bz2",
        "_ctypes",
        "_decimal",
        "_elementtree",
        "_hashlib",
        "_lzma",
        "_sqlite3",
        "_ssl",
        "_uuid",
        "pyexpat",
        "zlib",
        "_zstd",
    ];
    debug_assert!(SDK_FILES.iter().any(|(path, _)| *path == "_preload.py"));
    known.to_vec()
}
