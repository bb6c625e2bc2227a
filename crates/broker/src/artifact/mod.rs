//! The content-addressed store of the bytes that `binary_ref` payloads name (spec page 2).
//!
//! ```text
//! artifacts/sha256/<hex>            the bytes, named by their SHA-256
//! artifacts/names/<hex>.json        {digest, name}; the file is named by the SHA-256 of the name
//! artifacts/about/<hex>.json        {digest, media_type, names[]}: for people, never trusted for content
//! artifacts/incoming/               what is being written; emptied when the store is opened
//! ```
//! What never happens here: a name that changes its meaning, a half-written file under its final name, a
//! path made of text from outside, or content handed out without its hash being checked.

mod label;
mod write;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use omega_contract::Sha256Hex;
use serde::{Deserialize, Serialize};

pub(crate) use self::write::ArtifactWriter;
use crate::content::{ChunkDigests, VerifiedContent};
use crate::dataset::DATASET_ROWS_MAX;
use crate::error::{StoreError, io_error, shown};
use crate::files;
use crate::name::{MediaType, StoreName};
use crate::verified::VerifiedContents;

/// Bytes of one artifact, unless [`StoreLimits`] says otherwise: 16 GiB.
pub const ARTIFACT_BYTES_MAX: u64 = 16 << 30;
/// Names that one artifact may have.
pub const ARTIFACT_NAMES_MAX: usize = 64;
/// Artifacts or datasets in one page of a list.
pub const LIST_PAGE_MAX: usize = 10_000;

/// Bounds of the stores of one home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLimits {
    /// Bytes of one artifact; a dataset's rows and its index are artifacts.
    pub artifact_bytes_max: u64,
    /// Rows of one dataset.
    pub dataset_rows_max: u64,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { artifact_bytes_max: ARTIFACT_BYTES_MAX, dataset_rows_max: DATASET_ROWS_MAX }
    }
}

/// What a person says of an artifact while putting it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactLabel {
    /// A name for it; it stands for this content for ever.
    pub name: Option<StoreName>,
    /// Its media type; a later one replaces it.
    pub media_type: Option<MediaType>,
}

/// One artifact of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactInfo {
    /// The SHA-256 of its bytes.
    pub digest: Sha256Hex,
    /// How many bytes.
    pub size_bytes: u64,
    /// As it was said when it was put.
    pub media_type: Option<MediaType>,
    /// In alphabetical order.
    pub names: Vec<StoreName>,
}

/// A part of the list of artifacts, in the order of their digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArtifactPage {
    /// The artifacts.
    pub artifacts: Vec<ArtifactInfo>,
    /// Where the next page starts: hand it to [`ArtifactStore::list`] as `after`. None: this was the last.
    pub next_after: Option<Sha256Hex>,
}

/// The store of one home. Its methods block on the file system.
pub struct ArtifactStore {
    root: PathBuf,
    limits: StoreLimits,
    verified: VerifiedContents,
    /// Held while an `about` record is read and written again.
    labelling: Mutex<()>,
}

impl std::fmt::Debug for ArtifactStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArtifactStore").field("root", &self.root).finish_non_exhaustive()
    }
}

impl ArtifactStore {
    /// Opens the store in `home`, making its folders, and removes what a crash left half-written.
    ///
    /// The caller holds the home's lock: another process that is just putting would lose its file.
    ///
    /// # Errors
    /// [`StoreError::Io`]; also where one of its folders is a link.
    pub fn open(home: &Path, limits: StoreLimits) -> Result<Self, StoreError> {
        let root = home.join("artifacts");
        files::make_folder(&root).map_err(io_error("make the artifact store"))?;
        for folder in ["sha256", "names", "about", "datasets", "incoming"] {
            files::make_folder(&root.join(folder)).map_err(io_error("make the artifact store"))?;
        }
        let store = Self { root, limits, verified: VerifiedContents::default(), labelling: Mutex::new(()) };
        store.clear_incoming()?;
        Ok(store)
    }

    /// The store in `home` for reading beside whoever holds the home: nothing is made and nothing removed.
    pub fn open_beside(home: &Path, limits: StoreLimits) -> Self {
        let root = home.join("artifacts");
        Self { root, limits, verified: VerifiedContents::default(), labelling: Mutex::new(()) }
    }

    /// The digest that an id stands for: 64 lower-case hex digits stand for themselves, anything else is a name.
    ///
    /// # Errors
    /// [`StoreError::UnknownArtifact`], [`StoreError::RecordDamaged`].
    pub fn resolve(&self, artifact_id: &str) -> Result<Sha256Hex, StoreError> {
        if let Ok(digest) = artifact_id.parse() {
            return Ok(digest);
        }
        let unknown = || StoreError::UnknownArtifact { shown: shown(artifact_id) };
        let name: StoreName = artifact_id.parse().map_err(|_| unknown())?;
        self.named(&name)?.ok_or_else(unknown)
    }

    /// What is known of an artifact, by its digest or name. Its content is not read.
    ///
    /// # Errors
    /// [`StoreError::UnknownArtifact`], [`StoreError::RecordDamaged`], [`StoreError::Io`].
    pub fn describe(&self, artifact_id: &str) -> Result<ArtifactInfo, StoreError> {
        let digest = self.resolve(artifact_id)?;
        let (_, size_bytes) =
            self.open_file(&digest)?.ok_or_else(|| StoreError::UnknownArtifact { shown: shown(artifact_id) })?;
        self.info(digest, size_bytes)
    }

    /// The length in bytes of the artifact of this digest; none where there is none. Its content is not read.
    ///
    /// # Errors
    /// [`StoreError::Io`]; also where something else than a plain file has its name.
    pub fn size_bytes(&self, digest: &Sha256Hex) -> Result<Option<u64>, StoreError> {
        Ok(self.open_file(digest)?.map(|(_, size_bytes)| size_bytes))
    }

    /// Opens the artifact of this digest. The whole is hashed the first time in this process.
    ///
    /// # Errors
    /// [`StoreError::UnknownArtifact`], [`StoreError::HashMismatch`], [`StoreError::Io`].
    pub fn open_content(&self, digest: &Sha256Hex) -> Result<VerifiedContent, StoreError> {
        let (file, size_bytes) =
            self.open_file(digest)?.ok_or_else(|| StoreError::UnknownArtifact { shown: digest.to_string() })?;
        let chunks = self.verified.get_or_verify(digest, || ChunkDigests::of_file(&file, digest))?;
        if chunks.size_bytes() != size_bytes {
            return Err(StoreError::HashMismatch { digest: *digest });
        }
        Ok(VerifiedContent::new(file, *digest, chunks))
    }

    /// True where opening this content needs no hashing of the whole.
    pub(crate) fn is_verified(&self, digest: &Sha256Hex) -> bool {
        self.verified.get(digest).is_some()
    }

    /// Writes an artifact's bytes to `sink`; a byte of a changed chunk is never written.
    ///
    /// # Errors
    /// As [`ArtifactStore::resolve`] and [`ArtifactStore::open_content`], and where `sink` fails.
    pub fn copy_to(&self, artifact_id: &str, sink: &mut impl Write) -> Result<ArtifactInfo, StoreError> {
        let digest = self.resolve(artifact_id)?;
        let size_bytes = self.open_content(&digest)?.copy_to(sink)?;
        self.info(digest, size_bytes)
    }

    /// A page of at most `count_max` (and [`LIST_PAGE_MAX`]) artifacts whose digest is greater than `after`.
    /// What is in the folder without being an artifact is not listed.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::RecordDamaged`].
    pub fn list(&self, after: Option<&Sha256Hex>, count_max: usize) -> Result<ArtifactPage, StoreError> {
        let count_max = count_max.clamp(1, LIST_PAGE_MAX);
        let digests = smallest_after(&self.contents(), count_max + 1, |file_name| {
            file_name.parse::<Sha256Hex>().ok().filter(|digest| after.is_none_or(|after| digest > after))
        })?;
        let mut artifacts = Vec::new();
        let mut last = None;
        for digest in digests.iter().take(count_max) {
            last = Some(*digest);
            // A link or folder of that name is none of ours.
            if let Ok(Some((_, size_bytes))) = self.open_file(digest) {
                artifacts.push(self.info(*digest, size_bytes)?);
            }
        }
        let next_after = if digests.len() > count_max { last } else { None };
        Ok(ArtifactPage { artifacts, next_after })
    }

    pub(crate) fn limits(&self) -> StoreLimits {
        self.limits
    }

    pub(crate) fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    pub(crate) fn dataset_records(&self) -> PathBuf {
        self.root.join("datasets")
    }

    fn contents(&self) -> PathBuf {
        self.root.join("sha256")
    }

    fn content_path(&self, digest: &Sha256Hex) -> PathBuf {
        self.contents().join(digest.to_hex().as_str())
    }

    fn open_file(&self, digest: &Sha256Hex) -> Result<Option<(File, u64)>, StoreError> {
        let action = io_error("open an artifact");
        let Some(file) = files::open_plain(&self.content_path(digest)).map_err(action)? else { return Ok(None) };
        let size_bytes = file.metadata().map_err(io_error("open an artifact"))?.len();
        Ok(Some((file, size_bytes)))
    }

    fn clear_incoming(&self) -> Result<(), StoreError> {
        let clear = || -> std::io::Result<()> {
            for entry in fs::read_dir(self.incoming())? {
                fs::remove_file(entry?.path())?;
            }
            Ok(())
        };
        clear().map_err(io_error("remove what a crash left half-written"))
    }
}

/// The `count` smallest of what `key` makes of the names in a folder: a page of a list whose memory does
/// not grow with the folder.
pub(crate) fn smallest_after<K: Ord>(
    folder: &Path,
    count: usize,
    key: impl Fn(&str) -> Option<K>,
) -> Result<BTreeSet<K>, StoreError> {
    let mut smallest = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(io_error("list the store"))? {
        let entry = entry.map_err(io_error("list the store"))?;
        if let Some(key) = entry.file_name().to_str().and_then(&key) {
            smallest.insert(key);
            if smallest.len() > count {
                smallest.pop_last();
            }
        }
    }
    Ok(smallest)
}
