//! The home: the gateway's data directory.
//!
//! It is found by an explicit path, then `$OMEGA_HOME`, then the user's data directory; never in the
//! current folder by itself, because a cloned repository must not supply trust.

mod config;
mod lanes;
mod log_key;
mod operator_key;
mod serve;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use omega_contract::{ErrorCode, Timestamp, strict_json};
use omega_proof::checkpoint::LogSigner;
use omega_proof::note::VerifierKey;
use serde::{Deserialize, Serialize};

pub use config::{Breaker, Ceilings, Config, ConfigError, Origin, Quotas, Setting, Wasm};
pub use lanes::{LaneSettings, NativeCode, WorkerSettings};
pub use log_key::NewLog;
pub use operator_key::{OperatorKey, OperatorKeyError};
pub use serve::Serve;

/// The format of a home that this version reads and writes.
pub const HOME_FORMAT: u32 = 1;
/// Bytes of `home.json`.
const HOME_FILE_BYTES_MAX: u64 = 4 * 1024;

/// Why a home cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// There is no home at this path.
    #[error("no home at {0}")]
    Missing(PathBuf),
    /// There is one already, or other files are in the way.
    #[error("{0} exists and is not empty")]
    InTheWay(PathBuf),
    /// No path was given and this system has no data directory for the user.
    #[error("no --home, no OMEGA_HOME, and this system names no data directory for the user")]
    Nowhere,
    /// The home's format is one that this version does not read.
    #[error("the home has format {found}; this version reads format {HOME_FORMAT}")]
    Format {
        /// What `home.json` says.
        found: u32,
    },
    /// `home.json` is not what `omega init` wrote.
    #[error("home.json: {0}")]
    Unreadable(String),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operator's key.
    #[error(transparent)]
    OperatorKey(#[from] OperatorKeyError),
    /// The log's key.
    #[error("the log key: {0}")]
    LogKey(String),
    /// A file of the home.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// How it failed.
        source: io::Error,
    },
}

impl HomeError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Missing(_) | Self::Nowhere => ErrorCode::HomeMissing,
            Self::InTheWay(_) | Self::Format { .. } | Self::Unreadable(_) => ErrorCode::HomeInvalid,
            Self::Config(_) => ErrorCode::ConfigInvalid,
            Self::OperatorKey(error) => error.code(),
            Self::LogKey(_) => ErrorCode::KeyInvalid,
            Self::Io { .. } => ErrorCode::Io,
        }
    }
}

pub(crate) fn io_error(what: &'static str) -> impl FnOnce(io::Error) -> HomeError {
    move |source| HomeError::Io { what, source }
}

/// `home.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HomeFile {
    format: u32,
    created_at: Timestamp,
}

/// A home that exists and has a format that this version reads.
#[derive(Debug, Clone)]
pub struct Home {
    path: PathBuf,
}

impl Home {
    /// Where the home is, by the rule of spec page 7: `explicit`, `$OMEGA_HOME`, the user's data directory.
    ///
    /// # Errors
    /// [`HomeError::Nowhere`].
    pub fn locate(explicit: Option<&Path>) -> Result<PathBuf, HomeError> {
        let from_environment = || std::env::var_os("OMEGA_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
        explicit
            .map(Path::to_owned)
            .or_else(from_environment)
            .or_else(|| dirs::data_dir().map(|folder| folder.join("omega-gateway")))
            .ok_or(HomeError::Nowhere)
    }

    /// As [`Home::init_with`], with a log key of its own under a name that is drawn.
    ///
    /// # Errors
    /// As [`Home::init_with`].
    pub fn init(path: &Path, now: Timestamp) -> Result<Self, HomeError> {
        Self::init_with(path, now, &NewLog::default())
    }

    /// Makes a home in an empty or new folder: `home.json`, a commented `omega.toml`, an operator's signing key and the
    /// log's key. The operator's key is trusted when the home is first opened.
    ///
    /// # Errors
    /// [`HomeError::InTheWay`] where the folder holds anything; nothing is changed then.
    pub fn init_with(path: &Path, now: Timestamp, log: &NewLog) -> Result<Self, HomeError> {
        if log.key_file.as_ref().is_some_and(|file| !file.is_absolute()) {
            return Err(HomeError::LogKey("its path is not absolute".to_owned()));
        }
        if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(HomeError::InTheWay(path.to_owned()));
        }
        make_private_folder(path).map_err(io_error("make the home"))?;
        OperatorKey::create(&path.join("keys"))?;
        log.create(&path.join("keys"))?;
        write_new(&path.join("omega.toml"), config::commented(log.key_file.as_deref()).as_bytes())?;
        let file = HomeFile { format: HOME_FORMAT, created_at: now };
        let text = serde_json::to_vec_pretty(&file).map_err(|e| HomeError::Unreadable(e.to_string()))?;
        // Last: a folder without `home.json` is no home, so a crash before this leaves none.
        write_new(&path.join("home.json"), &text)?;
        Self::open(path)
    }

    /// Opens the home at `path`.
    ///
    /// # Errors
    /// [`HomeError::Missing`], [`HomeError::Format`], [`HomeError::Unreadable`].
    pub fn open(path: &Path) -> Result<Self, HomeError> {
        let bytes = match fs::read(path.join("home.json")) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(HomeError::Missing(path.to_owned()));
            }
            Err(error) => return Err(io_error("read home.json")(error)),
        };
        let file: HomeFile =
            strict_json::parse_as(&bytes, HOME_FILE_BYTES_MAX).map_err(|e| HomeError::Unreadable(e.to_string()))?;
        if file.format != HOME_FORMAT {
            return Err(HomeError::Format { found: file.format });
        }
        let path = path.canonicalize().map_err(io_error("resolve the home's path"))?;
        Ok(Self { path })
    }

    /// The home's folder, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The ledger's folder.
    pub fn ledger_dir(&self) -> PathBuf {
        self.path.join("ledger")
    }

    /// The registry's database.
    pub fn registry_file(&self) -> PathBuf {
        self.path.join("registry.sqlite")
    }

    /// The store of package files.
    pub fn store_dir(&self) -> PathBuf {
        self.path.join("store")
    }

    /// The environments of Python plugins.
    pub fn environments_dir(&self) -> PathBuf {
        self.path.join("environments")
    }

    /// The artifacts' folder.
    pub fn artifacts_dir(&self) -> PathBuf {
        self.path.join("artifacts")
    }

    /// The datasets' folder.
    pub fn datasets_dir(&self) -> PathBuf {
        self.path.join("datasets")
    }

    /// Salts of redaction commitments, outside the ledger.
    pub fn salts_dir(&self) -> PathBuf {
        self.path.join("salts")
    }

    /// Compiled code, keyed by wasmtime; safe to delete.
    pub fn wasm_cache_dir(&self) -> PathBuf {
        self.path.join("cache").join("wasm")
    }

    /// What the worker lane found out about interpreters; safe to delete.
    pub fn worker_cache_dir(&self) -> PathBuf {
        self.path.join("cache").join("worker")
    }

    /// The operator's signing key.
    ///
    /// # Errors
    /// [`OperatorKeyError`].
    pub fn operator_key(&self) -> Result<OperatorKey, OperatorKeyError> {
        OperatorKey::load(&self.keys_dir())
    }

    /// What verifies this home's log: the key that it began with. Others keep it, and follow hand-overs from it.
    ///
    /// # Errors
    /// [`HomeError::LogKey`], [`HomeError::Io`].
    pub fn log_verifier_key(&self) -> Result<VerifierKey, HomeError> {
        log_key::read_verifier_key(&self.keys_dir())
    }

    /// What signs this home's log now.
    ///
    /// # Errors
    /// [`HomeError::LogKey`], [`HomeError::Config`].
    pub fn log_signer(&self) -> Result<LogSigner, HomeError> {
        log_key::read_signer(&self.keys_dir(), self.config()?.log_key_file())
    }

    /// The key that is to follow: the one that an earlier try drew, or a new one, kept at `key_file` or in the home.
    pub(crate) fn next_log_signer(&self, key_file: Option<&Path>) -> Result<LogSigner, HomeError> {
        log_key::next_signer(&self.keys_dir(), key_file)
    }

    /// Whether the key that waits here to follow is this one.
    pub(crate) fn is_next_log_key(&self, verifier_key: &VerifierKey) -> bool {
        log_key::waiting(&self.keys_dir()).is_some_and(|signer| signer.verifier_key() == *verifier_key)
    }

    /// Puts the home's next key into the place of the one before it, once the ledger was handed over to it.
    pub(crate) fn adopt_next_log_key(&self) -> Result<(), HomeError> {
        log_key::adopt_next(&self.keys_dir()).map_err(io_error("put the next log key into place"))
    }

    fn keys_dir(&self) -> PathBuf {
        self.path.join("keys")
    }

    /// The effective configuration: `omega.toml`, then the environment where it may speak.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn config(&self) -> Result<Config, ConfigError> {
        Config::load(&self.path.join("omega.toml"), std::env::vars_os())
    }
}

/// Makes a folder that only its owner may enter.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let mut file = fs::File::create_new(path).map_err(io_error("write a file of the home"))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io_error("write a file of the home"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_made_once_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        assert!(matches!(Home::open(&path), Err(HomeError::Missing(_))));
        let home = Home::init(&path, Timestamp::EPOCH).unwrap();
        assert!(home.operator_key().is_ok());
        assert!(home.config().is_ok());
        assert!(matches!(Home::init(&path, Timestamp::EPOCH), Err(HomeError::InTheWay(_))));
    }

    #[test]
    fn other_formats_are_refused() {
        let check = |text: &str, expect: &str| {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("home.json"), text).unwrap();
            let error = Home::open(folder.path()).unwrap_err();
            assert!(error.to_string().contains(expect), "{text}: {error}");
            assert_eq!(error.code(), ErrorCode::HomeInvalid);
        };
        check(r#"{"format":2,"created_at":"2026-01-01T00:00:00Z"}"#, "format 2");
        check("{", "EOF");
        check(r#"{"format":1}"#, "created_at");
    }
}
