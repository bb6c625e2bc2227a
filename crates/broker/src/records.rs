//! Small JSON files that describe artifacts and datasets: written whole or not at all, read strictly.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use omega_contract::{canonical_bytes, strict_json};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use crate::error::{StoreError, io_error, write_error};
use crate::files;

/// Bytes of a record.
pub(crate) const RECORD_BYTES_MAX: u64 = 64 * 1024;

const WRITE: &str = "write a record of the store";

/// What came of writing a record that must be new.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// It is there now, durable.
    Now,
    /// Another one was there and stays.
    Before,
}

/// Reads a record; none where there is none.
///
/// # Errors
/// [`StoreError::RecordDamaged`] for whatever this store does not write, a link included; [`StoreError::Io`].
pub(crate) fn read<T: DeserializeOwned>(path: &Path, record: &'static str) -> Result<Option<T>, StoreError> {
    let damaged = |cause: String| {
        let file = path.file_name().unwrap_or_default().display();
        StoreError::RecordDamaged { record, cause: format!("{file}: {cause}") }
    };
    let opened = files::open_plain(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::InvalidData => damaged(e.to_string()),
        _ => io_error("open a record of the store")(e),
    });
    let Some(file) = opened? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(RECORD_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io_error("read a record of the store"))?;
    strict_json::parse_as(&bytes, RECORD_BYTES_MAX).map(Some).map_err(|e| damaged(e.to_string()))
}

/// Writes a record that must not be there yet.
pub(crate) fn create<T: Serialize>(incoming: &Path, path: &Path, value: &T) -> Result<Created, StoreError> {
    let created = match written(incoming, value)?.persist_noclobber(path) {
        Ok(_) => Created::Now,
        Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => Created::Before,
        Err(e) => return Err(write_error(WRITE)(e.error)),
    };
    sync_parent(path)?;
    Ok(created)
}

/// Writes a record in place of whatever was there.
pub(crate) fn replace<T: Serialize>(incoming: &Path, path: &Path, value: &T) -> Result<(), StoreError> {
    written(incoming, value)?.persist(path).map_err(|e| write_error(WRITE)(e.error))?;
    sync_parent(path)
}

fn written<T: Serialize>(incoming: &Path, value: &T) -> Result<NamedTempFile<File>, StoreError> {
    let bytes = canonical_bytes(value).map_err(|e| write_error(WRITE)(e.into()))?;
    let mut file = NamedTempFile::new_in(incoming).map_err(write_error(WRITE))?;
    file.write_all(&bytes).and_then(|()| file.as_file().sync_all()).map_err(write_error(WRITE))?;
    Ok(file)
}

fn sync_parent(path: &Path) -> Result<(), StoreError> {
    path.parent().map_or(Ok(()), files::sync_folder).map_err(write_error(WRITE))
}
