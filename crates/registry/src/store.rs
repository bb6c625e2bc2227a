//! Package files, by digest.
//!
//! ```text
//! blobs/<2 hex>/<64 hex>         a file's bytes, named by their SHA-256; shared between packages
//! packages/<64 hex>.json         canonical {path: sha256}; its own SHA-256 is the package digest
//! signatures/<64 hex>.dsse.json  the envelope that was verified at admission
//! ```
//! A package is read back only if every hash is right, so the names are the proof.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use omega_contract::limits::{PACKAGE_FILE_BYTES_MAX, PACKAGE_FILES_MAX, PACKAGE_PATH_BYTES_MAX, SIGNATURE_BYTES_MAX};
use omega_contract::manifest::SIGNATURE_FILE;
use omega_contract::{ErrorCode, Sha256Hex, canonical_bytes, strict_json};

/// Bytes of an inventory: each entry is a path, a digest and punctuation.
const INVENTORY_BYTES_MAX: u64 = ((PACKAGE_PATH_BYTES_MAX * 6 + 80) * PACKAGE_FILES_MAX) as u64;

/// Why a package could not be stored or read back.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file of the store could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// How it failed.
        source: io::Error,
    },
    /// The store has no package of this digest.
    #[error("the store holds no package {0}")]
    Missing(Sha256Hex),
    /// What is stored does not have the hash that names it.
    #[error("the stored package {package_digest} was changed: {what}")]
    Changed {
        /// Which package.
        package_digest: Sha256Hex,
        /// What of it.
        what: String,
    },
}

impl StoreError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Io { .. } => ErrorCode::Io,
            Self::Missing(_) | Self::Changed { .. } => ErrorCode::PackageDigestMismatch,
        }
    }
}

fn io_error(what: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { what, source: without_path(source) }
}

/// `tempfile` puts the file's path into its errors; ours reach callers and name no path of the host.
fn without_path(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() { error } else { error.kind().into() }
}

/// The content-addressed store of package files.
#[derive(Debug, Clone)]
pub struct PackageStore {
    root: PathBuf,
}

impl PackageStore {
    /// Opens the store in `root`, making its folders where they are missing.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        for folder in ["blobs", "packages", "signatures"] {
            fs::create_dir_all(root.join(folder)).map_err(io_error("make the package store"))?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// Stores every file of a package, the signature among them; returns the package digest. Durable
    /// when it returns; a package that is there already is left alone.
    ///
    /// A crash before that leaves any part of it, under names that nothing refers to yet; putting it again
    /// mends it.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn put<'f>(&self, files: impl IntoIterator<Item = (&'f str, &'f Arc<[u8]>)>) -> Result<Sha256Hex, StoreError> {
        let mut inventory = BTreeMap::new();
        let mut signature = None;
        let mut missing: BTreeMap<PathBuf, &[u8]> = BTreeMap::new();
        for (path, bytes) in files {
            if path == SIGNATURE_FILE {
                signature = Some(bytes);
                continue;
            }
            let digest = Sha256Hex::of(bytes);
            missing.insert(self.blob_path(&digest), bytes);
            inventory.insert(path, digest);
        }
        let inventory = canonical_bytes(&inventory)
            .map_err(|e| StoreError::Io { what: "write the package's inventory", source: io::Error::other(e) })?;
        let package_digest = Sha256Hex::of(&inventory);
        if let Some(signature) = signature {
            missing.insert(self.signature_path(&package_digest), signature);
        }
        missing.insert(self.inventory_path(&package_digest), &inventory);
        self.write_missing(missing)?;
        Ok(package_digest)
    }

    /// Reads a package back, every hash checked.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Changed`], [`StoreError::Io`].
    pub fn load(&self, package_digest: &Sha256Hex) -> Result<BTreeMap<String, Arc<[u8]>>, StoreError> {
        let changed = |what: String| StoreError::Changed { package_digest: *package_digest, what };
        let inventory = read_bounded(&self.inventory_path(package_digest), INVENTORY_BYTES_MAX)?
            .ok_or(StoreError::Missing(*package_digest))?;
        if Sha256Hex::of(&inventory) != *package_digest {
            return Err(changed("its inventory".into()));
        }
        let inventory: BTreeMap<String, Sha256Hex> = strict_json::parse_as(&inventory, INVENTORY_BYTES_MAX)
            .map_err(|cause| changed(format!("its inventory: {cause}")))?;
        let mut files = BTreeMap::new();
        for (path, digest) in inventory {
            let bytes = read_bounded(&self.blob_path(&digest), PACKAGE_FILE_BYTES_MAX)?
                .ok_or_else(|| changed(format!("{path} is missing")))?;
            if Sha256Hex::of(&bytes) != digest {
                return Err(changed(path));
            }
            files.insert(path, Arc::from(bytes));
        }
        if let Some(signature) = read_bounded(&self.signature_path(package_digest), SIGNATURE_BYTES_MAX)? {
            files.insert(SIGNATURE_FILE.to_owned(), Arc::from(signature));
        }
        Ok(files)
    }

    fn blob_path(&self, digest: &Sha256Hex) -> PathBuf {
        let hex = digest.to_hex();
        self.root.join("blobs").join(&hex.as_str()[..2]).join(hex.as_str())
    }

    fn inventory_path(&self, digest: &Sha256Hex) -> PathBuf {
        self.root.join("packages").join(format!("{digest}.json"))
    }

    fn signature_path(&self, digest: &Sha256Hex) -> PathBuf {
        self.root.join("signatures").join(format!("{digest}.dsse.json"))
    }

    /// Writes the files that are not there with this content: after a crash there is the old file or the new one.
    ///
    /// Step by step for all of them (temp files, syncs, renames, syncs of the folders) and not file by file: a
    /// file system with a journal then commits it a few times instead of twice for each file.
    fn write_missing(&self, mut files: BTreeMap<PathBuf, &[u8]>) -> Result<(), StoreError> {
        let mut unread = Ok(());
        files.retain(|path, bytes| match is_there(path, bytes) {
            Ok(there) => !there,
            Err(error) => {
                unread = Err(error);
                false
            }
        });
        unread?;
        let mut written = Vec::with_capacity(files.len());
        let mut folders = BTreeSet::new();
        for (path, bytes) in files {
            let folder = path.parent().unwrap_or(&self.root).to_owned();
            fs::create_dir_all(&folder).map_err(io_error("make a folder of the package store"))?;
            // The folder's own name too, whoever made it just now.
            folders.extend(folder.parent().map(Path::to_owned));
            let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(io_error("write to the package store"))?;
            file.write_all(bytes).map_err(io_error("write to the package store"))?;
            written.push((file, path));
            folders.insert(folder);
        }
        for (file, _) in &written {
            file.as_file().sync_all().map_err(io_error("sync the package store"))?;
        }
        for (file, path) in written {
            file.persist(path).map_err(|e| io_error("rename in the package store")(e.error))?;
        }
        folders
            .iter()
            .try_for_each(|folder| sync_folder(folder).map_err(io_error("sync a folder of the package store")))
    }
}

/// Whether a file has this content. One that was damaged has not.
fn is_there(path: &Path, bytes: &[u8]) -> Result<bool, StoreError> {
    let found = read_bounded(path, bytes.len() as u64 + 1)?;
    Ok(found.is_some_and(|found| found == bytes))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows has no way to sync a folder; its renames are journalled by the file system.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// The whole of a file, or none where there is none.
fn read_bounded(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("read the package store")(error)),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max).read_to_end(&mut bytes).map_err(io_error("read the package store"))?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> BTreeMap<String, Arc<[u8]>> {
        entries.iter().map(|(path, text)| ((*path).to_owned(), Arc::from(text.as_bytes()))).collect()
    }

    fn borrowed(files: &BTreeMap<String, Arc<[u8]>>) -> impl Iterator<Item = (&str, &Arc<[u8]>)> {
        files.iter().map(|(path, bytes)| (path.as_str(), bytes))
    }

    #[test]
    fn what_is_put_is_read_back_and_named_by_its_inventory() {
        let home = tempfile::tempdir().unwrap();
        let store = PackageStore::open(home.path()).unwrap();
        let package = files(&[("a.txt", "1"), ("b/c.txt", "2"), (SIGNATURE_FILE, "{}")]);
        let digest = store.put(borrowed(&package)).unwrap();
        let expect: BTreeMap<&str, Sha256Hex> =
            [("a.txt", Sha256Hex::of(b"1")), ("b/c.txt", Sha256Hex::of(b"2"))].into();
        assert_eq!(digest, omega_contract::hash(&expect).unwrap());
        assert_eq!(store.load(&digest).unwrap(), package);
        assert_eq!(store.put(borrowed(&package)).unwrap(), digest, "putting again changes nothing");
    }

    #[test]
    fn a_changed_or_missing_file_is_never_served() {
        let home = tempfile::tempdir().unwrap();
        let store = PackageStore::open(home.path()).unwrap();
        let digest = store.put(borrowed(&files(&[("a.txt", "1")]))).unwrap();
        let blob = store.blob_path(&Sha256Hex::of(b"1"));
        fs::write(&blob, "2").unwrap();
        assert!(matches!(store.load(&digest), Err(StoreError::Changed { .. })));
        fs::remove_file(&blob).unwrap();
        assert!(matches!(store.load(&digest), Err(StoreError::Changed { .. })));
        store.put(borrowed(&files(&[("a.txt", "1")]))).unwrap();
        assert!(store.load(&digest).is_ok(), "putting it again mends it");
        fs::write(store.inventory_path(&digest), "{}").unwrap();
        assert!(matches!(store.load(&digest), Err(StoreError::Changed { .. })));
        assert!(matches!(store.load(&Sha256Hex::of(b"none")), Err(StoreError::Missing(_))));
    }
}
