//! What people say of artifacts: names and media types, in small records beside the content.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::PoisonError;

use omega_contract::Sha256Hex;
use serde::{Deserialize, Serialize};

use super::{ARTIFACT_NAMES_MAX, ArtifactInfo, ArtifactLabel, ArtifactStore};
use crate::error::StoreError;
use crate::name::{MediaType, StoreName};
use crate::records::{self, Created};

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

impl AboutRecord {
    fn empty(digest: Sha256Hex) -> Self {
        Self { digest, media_type: None, names: BTreeSet::new() }
    }
}

impl ArtifactStore {
    fn about_path(&self, digest: &Sha256Hex) -> PathBuf {
        self.root.join("about").join(format!("{digest}.json"))
    }

    fn name_path(&self, name: &StoreName) -> PathBuf {
        self.root.join("names").join(name.record_file())
    }

    pub(super) fn named(&self, name: &StoreName) -> Result<Option<Sha256Hex>, StoreError> {
        const RECORD: &str = "an artifact's name";
        let Some(record) = records::read::<NameRecord>(&self.name_path(name), RECORD)? else { return Ok(None) };
        if record.name == *name {
            Ok(Some(record.digest))
        } else {
            Err(StoreError::RecordDamaged { record: RECORD, cause: format!("it is not that of {name}") })
        }
    }

    fn about(&self, digest: &Sha256Hex) -> Result<AboutRecord, StoreError> {
        const RECORD: &str = "what is known of an artifact";
        let about = records::read::<AboutRecord>(&self.about_path(digest), RECORD)?;
        let about = about.unwrap_or_else(|| AboutRecord::empty(*digest));
        if about.digest == *digest {
            Ok(about)
        } else {
            Err(StoreError::RecordDamaged { record: RECORD, cause: format!("it is not that of {digest}") })
        }
    }

    pub(super) fn info(&self, digest: Sha256Hex, size_bytes: u64) -> Result<ArtifactInfo, StoreError> {
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

    pub(super) fn label(&self, digest: Sha256Hex, label: &ArtifactLabel) -> Result<(), StoreError> {
        let ArtifactLabel { name, media_type } = label;
        if name.is_none() && media_type.is_none() {
            return Ok(());
        }
        let _labelling = self.labelling.lock().unwrap_or_else(PoisonError::into_inner);
        let mut about = match self.about(&digest) {
            // Only a list for people was lost; to put the artifact again mends it.
            Err(StoreError::RecordDamaged { .. }) => AboutRecord::empty(digest),
            about => about?,
        };
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

    pub(super) fn require_free_or_same(&self, name: &StoreName, digest: &Sha256Hex) -> Result<(), StoreError> {
        match self.named(name)? {
            Some(found) if found != *digest => Err(StoreError::NameTaken { name: name.to_string() }),
            _ => Ok(()),
        }
    }
}
