//! The log's key: it signs the checkpoints of this home's ledger, and its name says whose log that is.
//!
//! `keys/log.vkey` is the key's public half as others keep it. It stays what it was when the home was made: later keys are
//! found by following the hand-overs in the ledger, as every verifier does.
//!
//! What never happens here: a key drawn in place of one that cannot be read.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use omega_proof::checkpoint::{LogSigner, Origin};
use omega_proof::note::VerifierKey;

use super::operator_key::OperatorKey;
use super::{HomeError, io_error, write_new};
use crate::durable_file::sync_folder;

const SECRET_FILE: &str = "log.pem";
const PUBLIC_FILE: &str = "log.pub.pem";
const VKEY_FILE: &str = "log.vkey";
/// Bytes of a verifier key's file: a name, an id, a key.
const VKEY_BYTES_MAX: u64 = 1_024;

/// What the log of a new home is called, and where its key is kept.
#[derive(Debug, Clone, Default)]
pub struct NewLog {
    /// The log's name; drawn where none is given.
    pub origin: Option<Origin>,
    /// An absolute path outside the home; a key that is there is used, else one is made. None: within the home.
    pub key_file: Option<PathBuf>,
}

impl NewLog {
    /// Makes the key, or reads it, and writes the verifier key into `folder`.
    pub(super) fn create(&self, folder: &Path) -> Result<(), HomeError> {
        let key = match &self.key_file {
            Some(file) if file.exists() => OperatorKey::from_file(file)?,
            outside => {
                let key = OperatorKey::generate()?;
                let inside = folder.join(SECRET_FILE);
                let public = folder.join(PUBLIC_FILE);
                key.write_new(outside.as_deref().unwrap_or(&inside), &public)?;
                key
            }
        };
        let drawn = || Origin::internal(&ulid::Ulid::generate().to_string()).expect("a ULID is letters and digits");
        let origin = self.origin.clone().unwrap_or_else(drawn);
        let vkey = VerifierKey::new(origin.key_name().clone(), key.public());
        write_new(&folder.join(VKEY_FILE), format!("{vkey}\n").as_bytes())
    }
}

/// Reads the verifier key that the home began with.
pub(super) fn read_verifier_key(folder: &Path) -> Result<VerifierKey, HomeError> {
    let mut text = String::new();
    fs::File::open(folder.join(VKEY_FILE))
        .and_then(|file| file.take(VKEY_BYTES_MAX).read_to_string(&mut text))
        .map_err(io_error("read keys/log.vkey"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    line.parse().map_err(|fault| HomeError::LogKey(format!("keys/log.vkey: {fault}")))
}

/// Reads the key that signs now. Whether it is the one that the ledger's hand-overs lead to is found when that is opened.
pub(super) fn read_signer(folder: &Path, key_file: Option<&Path>) -> Result<LogSigner, HomeError> {
    let inside = folder.join(SECRET_FILE);
    let file = key_file.unwrap_or(&inside);
    let key =
        OperatorKey::from_file(file).map_err(|error| HomeError::LogKey(format!("{}: {error}", file.display())))?;
    let name = read_verifier_key(folder)?.name().to_string();
    let origin = name.parse().map_err(|fault| HomeError::LogKey(format!("keys/log.vkey: {fault}")))?;
    Ok(LogSigner::new(origin, key.into_secret()))
}

/// The key that is to follow: the one that an earlier try drew, or a new one. `key_file` is where it is kept, if not here.
pub(super) fn next_signer(folder: &Path, key_file: Option<&Path>) -> Result<LogSigner, HomeError> {
    let inside = next_to(&folder.join(SECRET_FILE));
    let secret = key_file.unwrap_or(&inside);
    if !secret.exists() {
        let public = next_to(&folder.join(PUBLIC_FILE));
        // Left by a try that failed in between.
        let _none = fs::remove_file(&public);
        OperatorKey::generate()?.write_new(secret, &public)?;
    }
    read_signer(folder, Some(secret))
}

/// The key that was drawn in the home to follow, where there is one.
pub(super) fn waiting(folder: &Path) -> Option<LogSigner> {
    read_signer(folder, Some(&next_to(&folder.join(SECRET_FILE)))).ok()
}

fn next_to(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".next");
    PathBuf::from(name)
}

/// Puts the key that follows into the place of the one before it. A crash in between is made good at the next opening.
pub(super) fn adopt_next(folder: &Path) -> io::Result<()> {
    for name in [PUBLIC_FILE, SECRET_FILE] {
        let file = folder.join(name);
        if next_to(&file).exists() {
            fs::rename(next_to(&file), &file)?;
        }
    }
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_named_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        NewLog::default().create(folder.path()).unwrap();
        let (vkey, signer) = (read_verifier_key(folder.path()).unwrap(), read_signer(folder.path(), None).unwrap());
        assert_eq!(vkey, signer.verifier_key());
        assert!(vkey.name().as_str().starts_with("omega.internal/"));
        assert!(NewLog::default().create(folder.path()).is_err(), "a key is never overwritten");
    }

    #[test]
    fn a_key_outside_is_used_where_it_is() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let key_file = outside.path().join("log.pem");
        let origin: Origin = "logs.example.org/omega".parse().unwrap();
        let log = NewLog { origin: Some(origin.clone()), key_file: Some(key_file.clone()) };
        log.create(folder.path()).unwrap();
        assert!(!folder.path().join(SECRET_FILE).exists(), "the home holds no secret");
        let signer = read_signer(folder.path(), Some(&key_file)).unwrap();
        assert_eq!((signer.origin(), signer.verifier_key()), (&origin, read_verifier_key(folder.path()).unwrap()));
        // Another home under the same key: the key that is there is taken.
        let second = tempfile::tempdir().unwrap();
        log.create(second.path()).unwrap();
        assert_eq!(read_verifier_key(second.path()).unwrap(), signer.verifier_key());
    }

    #[test]
    fn the_next_key_is_drawn_once_and_takes_the_place() {
        let folder = tempfile::tempdir().unwrap();
        NewLog::default().create(folder.path()).unwrap();
        let first = read_signer(folder.path(), None).unwrap();
        let next = next_signer(folder.path(), None).unwrap();
        assert_eq!(next.verifier_key(), next_signer(folder.path(), None).unwrap().verifier_key());
        assert_ne!(next.verifier_key(), first.verifier_key());
        adopt_next(folder.path()).unwrap();
        assert_eq!(read_signer(folder.path(), None).unwrap().verifier_key(), next.verifier_key());
        assert_eq!(read_verifier_key(folder.path()).unwrap(), first.verifier_key(), "what others hold stays");
        let public = fs::read_to_string(folder.path().join(PUBLIC_FILE)).unwrap();
        assert_eq!(public, next.key().public().to_pem());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        NewLog::default().create(folder.path()).unwrap();
        fs::write(folder.path().join(SECRET_FILE), "x").unwrap();
        assert!(read_signer(folder.path(), None).unwrap_err().to_string().contains("log.pem"));
        for text in ["", "x", "omega.internal/x+00000000+AAAA"] {
            fs::write(folder.path().join(VKEY_FILE), text).unwrap();
            assert!(read_verifier_key(folder.path()).unwrap_err().to_string().contains("log.vkey"), "{text}");
        }
    }
}
