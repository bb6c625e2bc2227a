//! The operator's signing key, which `omega init` makes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use omega_contract::ErrorCode;
use omega_proof::key::{KEY_PEM_BYTES_MAX, KeyError, PublicKey, SecretKey};
use zeroize::Zeroizing;

const SECRET_FILE: &str = "operator.pem";
const PUBLIC_FILE: &str = "operator.pub.pem";

/// Why a signing key cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum OperatorKeyError {
    /// The file is not a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The system gave no randomness.
    #[error("the system gave no random bytes: {0}")]
    Entropy(getrandom::Error),
    /// The key's file.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// How it failed.
        source: io::Error,
    },
}

impl OperatorKeyError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Key(error) => error.code(),
            Self::Entropy(_) | Self::Io { .. } => ErrorCode::Io,
        }
    }
}

fn io_error(what: &'static str) -> impl FnOnce(io::Error) -> OperatorKeyError {
    move |source| OperatorKeyError::Io { what, source }
}

/// A signing key that was read from a file or made anew.
#[derive(Debug)]
pub struct OperatorKey {
    secret: SecretKey,
}

impl OperatorKey {
    /// A key from the system's randomness.
    ///
    /// # Errors
    /// [`OperatorKeyError::Entropy`].
    pub fn generate() -> Result<Self, OperatorKeyError> {
        let mut seed = Zeroizing::new([0_u8; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(OperatorKeyError::Entropy)?;
        Ok(Self { secret: SecretKey::from_seed(*seed) })
    }

    /// Reads a private key from a PKCS#8 PEM file.
    ///
    /// # Errors
    /// [`OperatorKeyError::Key`], [`OperatorKeyError::Io`].
    pub fn from_file(path: &Path) -> Result<Self, OperatorKeyError> {
        let mut pem = Zeroizing::new(String::new());
        let bytes_max = KEY_PEM_BYTES_MAX as u64 + 1;
        File::open(path)
            .and_then(|file| file.take(bytes_max).read_to_string(&mut pem))
            .map_err(io_error("read the signing key"))?;
        Ok(Self { secret: SecretKey::from_pem(&pem)? })
    }

    /// Writes both halves as new files; the private one only its owner may read.
    ///
    /// # Errors
    /// [`OperatorKeyError::Io`], also where a file is there already: a key is never overwritten.
    pub fn write_new(&self, secret_file: &Path, public_file: &Path) -> Result<(), OperatorKeyError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(secret_file)
            .and_then(|mut file| file.write_all(self.secret.to_pem().as_bytes()).and_then(|()| file.sync_all()))
            .map_err(io_error("write the private key"))?;
        File::create_new(public_file)
            .and_then(|mut file| file.write_all(self.public().to_pem().as_bytes()).and_then(|()| file.sync_all()))
            .map_err(io_error("write the public key"))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        self.secret.public()
    }

    /// The private half.
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }

    /// The private half alone.
    pub fn into_secret(self) -> SecretKey {
        self.secret
    }

    pub(super) fn create(folder: &Path) -> Result<Self, OperatorKeyError> {
        fs::create_dir_all(folder).map_err(io_error("make the folder of keys"))?;
        let key = Self::generate()?;
        key.write_new(&folder.join(SECRET_FILE), &folder.join(PUBLIC_FILE))?;
        Ok(key)
    }

    pub(super) fn load(folder: &Path) -> Result<Self, OperatorKeyError> {
        Self::from_file(&folder.join(SECRET_FILE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_private_kept_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let made = OperatorKey::create(folder.path()).unwrap();
        let read = OperatorKey::load(folder.path()).unwrap();
        assert_eq!(made.public().key_id(), read.public().key_id());
        assert!(OperatorKey::create(folder.path()).is_err());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.path().join(SECRET_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
