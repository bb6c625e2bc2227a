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

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use omega_contract::Sha256Hex;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::content::{ChunkDigests, HashingWriter, VerifiedContent};
use crate::error::{StoreError, io_error, shown};
use crate::files;
use crate::name::{MediaType, StoreName};
use crate::records::{self, Created};
use crate::verified::VerifiedContents;

/// Bytes of one artifact, unless [`ArtifactLimits`] says otherwise: 16 GiB.
pub const ARTIFACT_BYTES_MAX: u64 = 16 << 30;
/// Names that one artifact may have.
pub const ARTIFACT_NAMES_MAX: usize = 64;
/// Artifacts or datasets in one page of a list.
pub const LIST_PAGE_MAX: usize = 10_000;

/// Bounds of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArtifactLimits {
    /// Bytes of one artifact.
    pub artifact_bytes_max: u64,
}

impl Default for ArtifactLimits {
    fn default() -> Self {
        Self { artifact_bytes_max: ARTIFACT_BYTES_MAX }
    }
}

/// What a person says of an artifact while putting it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArtifactLabel {
    /// A name for it; it stands for this content for ever.
    pub name: Option<StoreName>,
    /// Its media type; a later one replaces it.
    pub media_type: Option<MediaType>,
}

/// One artifact of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameRecord {
    digest: Sha256Hex,
    name: StoreName,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AboutRecord {
    digest: Sha256Hex,
    media_type: Option<MediaType>,
    names: BTreeSet<StoreName>,
}

/// The store of one home. Its methods block on the file system.
pub struct ArtifactStore {
    root: PathBuf,
    limits: ArtifactLimits,
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
    pub fn open(home: &Path, limits: ArtifactLimits) -> Result<Self, StoreError> {
        let root = home.join("artifacts");
        files::make_folder(&root).map_err(io_error("make the artifact store"))?;
        for folder in ["sha256", "names", "about", "datasets", "incoming"] {
            files::make_folder(&root.join(folder)).map_err(io_error("make the artifact store"))?;
        }
        let store = Self { root, limits, verified: VerifiedContents::default(), labelling: Mutex::new(()) };
        store.clear_incoming()?;
        Ok(store)
    }

    /// Stores what `source` gives, hashed while it is written. Durable when this returns; content that is
    /// there already is checked and kept, and replaced where it was damaged.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], [`StoreError::NameTaken`], [`StoreError::TooManyNames`], [`StoreError::Io`].
    pub fn put(&self, source: &mut impl Read, label: &ArtifactLabel) -> Result<ArtifactInfo, StoreError> {
        let mut writer = self.begin()?;
        let mut buffer = vec![0; 128 * 1024];
        loop {
            let count = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(io_error("read what is to be stored")(e)),
            };
            writer.push(buffer.get(..count).unwrap_or_default())?;
        }
        writer.finish(label)
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
        let digests = smallest_after(&self.root.join("sha256"), count_max + 1, |file_name| {
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

    /// Begins to write an artifact whose digest is not known yet.
    pub(crate) fn begin(&self) -> Result<ArtifactWriter<'_>, StoreError> {
        let file = NamedTempFile::new_in(self.incoming()).map_err(io_error("write an artifact"))?;
        let buffered = std::io::BufWriter::with_capacity(128 * 1024, file);
        Ok(ArtifactWriter { store: self, file: HashingWriter::new(buffered, self.limits.artifact_bytes_max) })
    }

    pub(crate) fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    pub(crate) fn dataset_records(&self) -> PathBuf {
        self.root.join("datasets")
    }

    fn content_path(&self, digest: &Sha256Hex) -> PathBuf {
        self.root.join("sha256").join(digest.to_hex().as_str())
    }

    fn about_path(&self, digest: &Sha256Hex) -> PathBuf {
        self.root.join("about").join(format!("{digest}.json"))
    }

    fn name_path(&self, name: &StoreName) -> PathBuf {
        self.root.join("names").join(name.record_file())
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

    fn named(&self, name: &StoreName) -> Result<Option<Sha256Hex>, StoreError> {
        const RECORD: &str = "an artifact's name";
        let Some(record) = records::read::<NameRecord>(&self.name_path(name), RECORD)? else { return Ok(None) };
        if record.name == *name {
            Ok(Some(record.digest))
        } else {
            Err(StoreError::RecordDamaged { record: RECORD, cause: "it is the record of another name".into() })
        }
    }

    fn about(&self, digest: &Sha256Hex) -> Result<AboutRecord, StoreError> {
        const RECORD: &str = "what is known of an artifact";
        let nothing = || AboutRecord { digest: *digest, media_type: None, names: BTreeSet::new() };
        let about = records::read::<AboutRecord>(&self.about_path(digest), RECORD)?.unwrap_or_else(nothing);
        if about.digest == *digest {
            Ok(about)
        } else {
            Err(StoreError::RecordDamaged { record: RECORD, cause: "it is the record of another artifact".into() })
        }
    }

    fn info(&self, digest: Sha256Hex, size_bytes: u64) -> Result<ArtifactInfo, StoreError> {
        let about = self.about(&digest)?;
        // A crash between the two records leaves a name here that stands for nothing yet.
        let mut names = Vec::with_capacity(about.names.len());
        for name in about.names {
            if self.named(&name)? == Some(digest) {
                names.push(name);
            }
        }
        Ok(ArtifactInfo { digest, size_bytes, media_type: about.media_type, names })
    }

    fn label(&self, digest: Sha256Hex, label: &ArtifactLabel) -> Result<(), StoreError> {
        let ArtifactLabel { name, media_type } = label;
        if name.is_none() && media_type.is_none() {
            return Ok(());
        }
        let _labelling = self.labelling.lock().unwrap_or_else(PoisonError::into_inner);
        let mut about = self.about(&digest)?;
        if media_type.is_some() {
            about.media_type.clone_from(media_type);
        }
        if let Some(name) = name {
            about.names.insert(name.clone());
            if about.names.len() > ARTIFACT_NAMES_MAX {
                return Err(StoreError::TooManyNames { digest, names_max: ARTIFACT_NAMES_MAX });
            }
        }
        // First what lists the name, then what gives it its meaning: see `info`.
        records::replace(&self.incoming(), &self.about_path(&digest), &about)?;
        let Some(name) = name else { return Ok(()) };
        let record = NameRecord { digest, name: name.clone() };
        match records::create(&self.incoming(), &self.name_path(name), &record)? {
            Created::Now => Ok(()),
            Created::Before => self.require_free_or_same(name, &digest),
        }
    }

    fn require_free_or_same(&self, name: &StoreName, digest: &Sha256Hex) -> Result<(), StoreError> {
        match self.named(name)? {
            Some(found) if found != *digest => Err(StoreError::NameTaken { name: name.to_string() }),
            _ => Ok(()),
        }
    }

    /// Gives a written file its final name, unless the right content is there already.
    fn install(&self, file: NamedTempFile, digest: Sha256Hex, chunks: ChunkDigests) -> Result<(), StoreError> {
        const WRITE: &str = "write an artifact";
        // Whoever puts again what was damaged mends it, so what is there is read anew.
        let there = self.open_file(&digest).ok().flatten();
        if there.is_none_or(|(found, _)| ChunkDigests::of_file(&found, &digest).is_err()) {
            file.as_file().sync_all().map_err(io_error(WRITE))?;
            file.persist(self.content_path(&digest)).map_err(|e| io_error(WRITE)(e.error))?;
        }
        // Also for content that another thread just put: its name may not be durable yet.
        files::sync_folder(&self.root.join("sha256")).map_err(io_error(WRITE))?;
        self.verified.insert(digest, chunks);
        Ok(())
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

/// An artifact that is being written. Dropped, it leaves nothing.
pub(crate) struct ArtifactWriter<'a> {
    store: &'a ArtifactStore,
    file: HashingWriter<std::io::BufWriter<NamedTempFile>>,
}

impl ArtifactWriter<'_> {
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.push(bytes)
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.file.size_bytes()
    }

    /// Bytes that were pushed before.
    pub(crate) fn read_back(self, offset_bytes: u64, length_bytes: usize) -> Result<Vec<u8>, StoreError> {
        let (file, ..) = self.file.finish().map_err(io_error("write an artifact"))?;
        let mut bytes = vec![0; length_bytes];
        let count = files::read_at(file.get_ref().as_file(), &mut bytes, offset_bytes);
        bytes.truncate(count.map_err(io_error("read an artifact"))?);
        Ok(bytes)
    }

    pub(crate) fn finish(self, label: &ArtifactLabel) -> Result<ArtifactInfo, StoreError> {
        let (file, digest, chunks) = self.file.finish().map_err(io_error("write an artifact"))?;
        let file = file.into_inner().map_err(|e| io_error("write an artifact")(e.into_error()))?;
        if let Some(name) = &label.name {
            self.store.require_free_or_same(name, &digest)?;
        }
        let size_bytes = chunks.size_bytes();
        self.store.install(file, digest, chunks)?;
        self.store.label(digest, label)?;
        self.store.info(digest, size_bytes)
    }
}
