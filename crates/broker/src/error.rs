//! Why a store says no. These texts are for the operator; what a guest is shown is made in
//! [`crate::call_host`] and never holds a path.

use std::io;

use omega_contract::{ErrorCode, Sha256Hex};

use crate::dataset::DatasetFault;

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A name that the stores do not take.
    #[error(
        "{shown:?} is no name for an artifact or dataset: 1 to {max} characters of A-Z a-z 0-9 . _ -, \
         starting with a letter or digit, and not 64 hex digits",
        max = crate::name::NAME_BYTES_MAX
    )]
    InvalidName {
        /// The beginning of what was given.
        shown: String,
    },
    /// Not `type/subtype` with optional parameters, in printable ASCII.
    #[error("{shown:?} is no media type of at most {max} characters (RFC 6838)", max = crate::name::MEDIA_TYPE_BYTES_MAX)]
    InvalidMediaType {
        /// The beginning of what was given.
        shown: String,
    },
    /// No artifact has this digest or name.
    #[error("there is no artifact {shown:?}")]
    UnknownArtifact {
        /// The beginning of what was asked for.
        shown: String,
    },
    /// No dataset has this name.
    #[error("there is no dataset {shown:?}")]
    UnknownDataset {
        /// The beginning of what was asked for.
        shown: String,
    },
    /// The dataset has no row of this key.
    #[error("dataset {dataset:?} has no row {shown:?}")]
    UnknownRow {
        /// The dataset.
        dataset: String,
        /// The beginning of the key.
        shown: String,
    },
    /// The bytes on disk are not those that the digest names.
    #[error("the stored bytes of artifact {digest} were changed")]
    HashMismatch {
        /// Whose.
        digest: Sha256Hex,
    },
    /// What was to be stored under a digest has another one; nothing was kept.
    #[error("the bytes have the hash {found}, not {stated}")]
    OtherHash {
        /// The digest that was stated.
        stated: Sha256Hex,
        /// The digest of the bytes.
        found: Sha256Hex,
    },
    /// More bytes than the store takes; nothing was kept.
    #[error("more than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// The name stands for other content already; names never change their meaning.
    #[error("the name {name:?} stands for other content already")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// One artifact has as many names as it may have.
    #[error("artifact {digest} has {names_max} names already")]
    TooManyNames {
        /// Whose.
        digest: Sha256Hex,
        /// The limit.
        names_max: usize,
    },
    /// A file that describes an artifact or dataset is not what this store writes.
    #[error("a record of the store is damaged ({record}): {cause}")]
    RecordDamaged {
        /// Which kind of record.
        record: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// The file offered as a dataset cannot be one.
    #[error(transparent)]
    InvalidDataset(#[from] DatasetFault),
    /// The call's deadline came first.
    #[error("the time of the call is used up")]
    OutOfTime,
    /// A file or folder could not be read or written.
    #[error("{action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// How it failed.
        source: io::Error,
    },
}

impl StoreError {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidName { .. } | Self::InvalidMediaType { .. } | Self::TooManyNames { .. } => {
                ErrorCode::RequestInvalid
            }
            Self::InvalidDataset(_) => ErrorCode::DatasetInvalid,
            Self::UnknownArtifact { .. } | Self::UnknownDataset { .. } | Self::UnknownRow { .. } => {
                ErrorCode::ArtifactUnknown
            }
            Self::HashMismatch { .. } | Self::OtherHash { .. } => ErrorCode::ArtifactHashMismatch,
            Self::TooLarge { .. } => ErrorCode::PayloadTooLarge,
            Self::NameTaken { .. } => ErrorCode::VersionConflict,
            Self::RecordDamaged { .. } => ErrorCode::HomeInvalid,
            Self::OutOfTime => ErrorCode::Timeout,
            Self::Io { .. } => ErrorCode::Io,
        }
    }
}

pub(crate) fn io_error(action: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { action, source }
}

/// As [`io_error`], for temporary files: their errors carry the path, which has no place in a message or an event.
pub(crate) fn write_error(action: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { action, source: source.kind().into() }
}

/// The beginning of text from outside, short enough for a message.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 64;
    let mut start: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}
