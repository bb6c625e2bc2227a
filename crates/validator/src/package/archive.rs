//! Gathers a package's files from readers: one by one, or out of a tar archive.
//!
//! Counts and sizes are checked while bytes come in, so that no archive makes memory grow beyond a package's limits.
//!
//! What never happens here: a file opened, a link followed, an entry left out in silence.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use omega_contract::limits::{PACKAGE_BYTES_MAX, PACKAGE_FILE_BYTES_MAX, PACKAGE_FILES_MAX, PACKAGE_PATH_BYTES_MAX};

use super::files::{PackageFiles, PackageFilesError};
use crate::field_path::shown;

/// Bytes of a tar archive: the package's, and for each file its headers and padding, a few kilobytes at most.
pub const ARCHIVE_BYTES_MAX: u64 = PACKAGE_BYTES_MAX + PACKAGE_FILES_MAX as u64 * 4_096;
/// Entries of a tar archive; folders are entries too.
pub const ARCHIVE_ENTRIES_MAX: usize = PACKAGE_FILES_MAX * 2;

/// Why no package came out of a reader.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A file could not be read to its end.
    #[error("{path:?}: {source}")]
    Read {
        /// The file within the package, cut.
        path: String,
        /// How it failed.
        source: io::Error,
    },
    /// Not a tar archive (POSIX ustar or pax), or one that ends too early.
    #[error("not a usable tar file: {0}")]
    Broken(io::Error),
    /// More entries than [`ARCHIVE_ENTRIES_MAX`].
    #[error("more than {ARCHIVE_ENTRIES_MAX} entries")]
    Entries,
    /// A name that is no text.
    #[error("a name is not UTF-8")]
    Name,
    /// A link, a device, or what else is no plain file.
    #[error("{path:?}: only plain files and folders are taken, not {kind}")]
    Kind {
        /// The entry, cut.
        path: String,
        /// What it is.
        kind: String,
    },
    /// What was gathered is no package.
    #[error(transparent)]
    Files(#[from] PackageFilesError),
}

/// Files of a package as they come in.
#[derive(Debug, Default)]
pub struct Gathered {
    files: BTreeMap<String, Arc<[u8]>>,
    bytes: u64,
}

impl Gathered {
    /// Reads one file to its end.
    ///
    /// # Errors
    /// [`ArchiveError::Read`]; [`ArchiveError::Files`] where there are too many files or bytes, or the path stands twice.
    pub fn take(&mut self, path: String, reader: impl Read) -> Result<(), ArchiveError> {
        if self.files.len() >= PACKAGE_FILES_MAX {
            return Err(PackageFilesError::Count.into());
        }
        let mut bytes = Vec::new();
        let failed = |source| ArchiveError::Read { path: shown(&path), source };
        reader.take(PACKAGE_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
        let size = bytes.len() as u64;
        if size > PACKAGE_FILE_BYTES_MAX {
            return Err(PackageFilesError::FileSize { path: shown(&path), bytes: size }.into());
        }
        self.bytes += size;
        if self.bytes > PACKAGE_BYTES_MAX {
            return Err(PackageFilesError::TotalSize.into());
        }
        if self.files.contains_key(&path) {
            return Err(PackageFilesError::SamePath { first: shown(&path), second: shown(&path) }.into());
        }
        self.files.insert(path, Arc::from(bytes));
        Ok(())
    }

    /// The package's files.
    ///
    /// # Errors
    /// [`ArchiveError::Files`].
    pub fn finish(self) -> Result<PackageFiles, ArchiveError> {
        Ok(PackageFiles::new(self.files)?)
    }
}

/// Reads a package out of a tar archive (POSIX ustar or pax; not compressed).
///
/// # Errors
/// [`ArchiveError`] for anything but plain files within the limits.
pub fn read_tar(archive: impl Read) -> Result<PackageFiles, ArchiveError> {
    // A limit of its own: an archive may be a stream, and padding costs its maker nothing.
    let mut archive = tar::Archive::new(archive.take(ARCHIVE_BYTES_MAX));
    let mut gathered = Gathered::default();
    for (number, entry) in archive.entries().map_err(ArchiveError::Broken)?.enumerate() {
        if number >= ARCHIVE_ENTRIES_MAX {
            return Err(ArchiveError::Entries);
        }
        let entry = entry.map_err(ArchiveError::Broken)?;
        let path = String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| ArchiveError::Name)?;
        let path = path.strip_prefix("./").unwrap_or(&path).to_owned();
        match entry.header().entry_type() {
            tar::EntryType::Regular if path.len() > PACKAGE_PATH_BYTES_MAX => {
                return Err(PackageFilesError::PathLength { bytes: path.len(), path: shown(&path) }.into());
            }
            tar::EntryType::Regular => gathered.take(path, entry)?,
            tar::EntryType::Directory => {}
            other => return Err(ArchiveError::Kind { path: shown(&path), kind: format!("{other:?}") }),
        }
    }
    // What stands beyond the limit was not looked at: an archive is taken whole or not at all.
    if archive.into_inner().limit() == 0 {
        return Err(PackageFilesError::TotalSize.into());
    }
    gathered.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, bytes) in entries {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, path, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn an_archive_is_taken_whole_or_not_at_all() {
        let whole = archive(&[("a", &[7; 700]), ("b/c", b"x")]);
        let files = read_tar(&*whole).unwrap();
        assert_eq!(files.iter().map(|(path, bytes)| (path, bytes.len())).collect::<Vec<_>>(), [("a", 700), ("b/c", 1)]);
        // Cut within the first file, within its padding, within the second header.
        for length in [513, 1_000, 1_300, 1_600, 2_047] {
            assert!(matches!(read_tar(&whole[..length]), Err(ArchiveError::Broken(_))), "{length}");
        }
    }

    #[test]
    fn what_does_not_end_is_left_at_the_limit() {
        let mut header = tar::Header::new_ustar();
        header.set_size(0);
        header.set_path("a").unwrap();
        header.set_cksum();
        let endless = |header: &tar::Header| io::Cursor::new(header.as_bytes().repeat(ARCHIVE_ENTRIES_MAX + 1));
        assert!(matches!(read_tar(endless(&header)), Err(ArchiveError::Files(PackageFilesError::SamePath { .. }))));
        header.set_entry_type(tar::EntryType::Directory);
        header.set_cksum();
        assert!(matches!(read_tar(endless(&header)), Err(ArchiveError::Entries)));
        // Zeros end an archive; what follows them within the limit is padding, beyond it nobody looked.
        assert!(read_tar(io::repeat(0).take(ARCHIVE_BYTES_MAX - 1)).unwrap().is_empty());
    }

    #[test]
    fn a_file_that_its_header_makes_too_large_is_refused_by_what_comes_in() {
        let mut header = tar::Header::new_ustar();
        header.set_path("a").unwrap();
        header.set_size(PACKAGE_FILE_BYTES_MAX + 1);
        header.set_cksum();
        let lying = header.as_bytes().chain(io::repeat(b'x'));
        let size = PACKAGE_FILE_BYTES_MAX + 1;
        assert!(matches!(
            read_tar(lying),
            Err(ArchiveError::Files(PackageFilesError::FileSize { bytes, .. })) if bytes == size
        ));
    }
}
