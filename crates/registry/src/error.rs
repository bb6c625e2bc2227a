//! How the registry fails.

use omega_contract::ErrorCode;

/// Why the registry could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The database could not be read or written.
    #[error("the registry's database: {0}")]
    Database(#[from] rusqlite::Error),
    /// A row or a journalled decision has no valid meaning: the database is not what this code wrote.
    #[error("the registry's database is damaged: {what}; `omega registry rebuild` makes it anew from the ledger")]
    Damaged {
        /// What was found.
        what: String,
    },
    /// The ledger holds a decision that this version cannot read.
    #[error("event {index} of the ledger holds no decision that this version reads: {cause}")]
    UnreadableDecision {
        /// The event's index.
        index: u64,
        /// Why.
        cause: String,
    },
    /// A folder or file of the home.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// How it failed.
        source: std::io::Error,
    },
}

impl RegistryError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Database(error) if is_damage(error) => ErrorCode::HomeInvalid,
            Self::Database(_) | Self::Io { .. } => ErrorCode::Io,
            Self::Damaged { .. } => ErrorCode::HomeInvalid,
            Self::UnreadableDecision { .. } => ErrorCode::LedgerCorrupt,
        }
    }
}

/// Whether the file itself is at fault. What a full or busy disk does to a good file is no reason to make it anew.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}
