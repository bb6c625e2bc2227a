//! The salts of redaction commitments: one file for each request and step, outside the ledger.
//!
//! What never happens here: a salt that is half written under its name, or a deletion that is told before it is durable.

use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;

use omega_contract::commitment::Salt;
use omega_contract::{RequestId, RunId, hash};

use crate::durable_file;

/// The salts of a home.
#[derive(Debug, Clone)]
pub(crate) struct Salts {
    folder: PathBuf,
}

impl Salts {
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Makes and keeps the salt of a call; durable when it returns.
    pub(crate) fn make(&self, run_id: &str, request_id: &str, step: u32) -> io::Result<Salt> {
        let mut salt = [0_u8; 32];
        getrandom::fill(&mut salt).map_err(io::Error::other)?;
        durable_file::replace(&self.folder, &name(run_id, request_id, step)?, &salt)?;
        Ok(Salt(salt))
    }

    /// The salt of a call; none where there is none.
    pub(crate) fn read(&self, run_id: &RunId, request_id: &RequestId, step: u32) -> io::Result<Option<Salt>> {
        let file = match fs::File::open(self.path(run_id.as_str(), request_id.as_str(), step)?) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(33).read_to_end(&mut bytes)?;
        let salt: Result<[u8; 32], _> = bytes.try_into();
        salt.map(|salt| Some(Salt(salt))).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not 32 bytes"))
    }

    /// Whether there is a file under the name of a call's salt.
    pub(crate) fn is_there(&self, run_id: &RunId, request_id: &RequestId, step: u32) -> io::Result<bool> {
        self.path(run_id.as_str(), request_id.as_str(), step)?.try_exists()
    }

    /// Deletes the salts of these steps, those that are there; durable when it returns.
    pub(crate) fn delete(&self, run_id: &RunId, request_id: &RequestId, steps: &[u32]) -> io::Result<()> {
        for step in steps {
            match fs::remove_file(self.path(run_id.as_str(), request_id.as_str(), *step)?) {
                Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    return Err(error);
                }
                _ => {}
            }
        }
        // Also where nothing was there: an earlier deletion may not have got this far.
        match durable_file::sync_folder(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    fn path(&self, run_id: &str, request_id: &str, step: u32) -> io::Result<PathBuf> {
        Ok(self.folder.join(name(run_id, request_id, step)?))
    }
}

/// Ids are any text: the file is named by their hash.
fn name(run_id: &str, request_id: &str, step: u32) -> io::Result<String> {
    Ok(hash(&(run_id, request_id, step))?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_salt_is_kept_read_back_and_deleted() {
        let home = tempfile::tempdir().unwrap();
        let salts = Salts::in_folder(home.path().join("salts"));
        let (run, request): (RunId, RequestId) = ("r".parse().unwrap(), "q".parse().unwrap());
        assert_eq!(salts.read(&run, &request, 0).unwrap(), None);
        salts.delete(&run, &request, &[0, 1]).unwrap();
        let (first, second) = (salts.make("r", "q", 0).unwrap(), salts.make("r", "q", 1).unwrap());
        assert_ne!(first, second);
        assert_eq!(salts.read(&run, &request, 0).unwrap(), Some(first));
        salts.delete(&run, &request, &[0, 7]).unwrap();
        assert_eq!(salts.read(&run, &request, 0).unwrap(), None);
        assert_eq!(salts.read(&run, &request, 1).unwrap(), Some(second), "another step keeps its own");
        let file = fs::read_dir(home.path().join("salts")).unwrap().next().unwrap().unwrap().path();
        for damaged in [&[1_u8; 31][..], &[1; 33]] {
            fs::write(&file, damaged).unwrap();
            assert!(salts.read(&run, &request, 1).is_err());
        }
    }
}
