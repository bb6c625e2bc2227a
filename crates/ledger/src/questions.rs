//! The questions that both the writer and a reader answer.

use std::path::Path;

use omega_contract::RunId;
use omega_proof::bundle::PlacedEvent;

use crate::beginning::Beginning;
use crate::error::{FaultKind, LedgerError, LedgerFault};
use crate::ledger::Ledger;
use crate::query::{Page, Query, RunPage, RunQuery, Stats};
use crate::segment::{segment_name, segment_path};
use crate::view::View;

/// Reads a ledger without its lock, also while a writer is at work: only whole lines are seen.
#[derive(Debug, Clone)]
pub struct LedgerReader {
    view: View,
}

impl LedgerReader {
    /// A reader of the ledger in `dir`. Nothing is written, not even a lock.
    ///
    /// # Errors
    /// [`LedgerError::Read`] where `dir` holds no ledger or cannot be read.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        let begin = Beginning::read(dir)?;
        let first = segment_path(dir, begin.first_index);
        match first.try_exists() {
            Ok(true) => Ok(Self { view: View::new(dir) }),
            Ok(false) if dir.join(crate::mark::MARK_FILE).exists() => {
                let kind = FaultKind::BeginningMissing;
                Err(LedgerFault { file: segment_name(begin.first_index), line: 0, offset: 0, kind }.into())
            }
            Ok(false) => Err(LedgerError::read(&first)(std::io::ErrorKind::NotFound.into())),
            Err(error) => Err(LedgerError::read(&first)(error)),
        }
    }
}

impl LedgerReader {
    pub(crate) fn dir(&self) -> &Path {
        &self.view.dir
    }
}

macro_rules! questions {
    ($of:ty, $view:ident => $get:expr, $synced:expr) => {
        impl $of {
            /// One page of the events that `query` means.
            ///
            /// # Errors
            /// [`LedgerError::Corrupt`] where a line is not what it was; [`LedgerError::Read`].
            pub fn query(&self, query: &Query) -> Result<Page, LedgerError> {
                let $view = self;
                $get?.query(query)
            }

            /// The event at `index`; `None` past the end.
            ///
            /// # Errors
            /// As `query`.
            pub fn event(&self, index: u64) -> Result<Option<PlacedEvent>, LedgerError> {
                let $view = self;
                $get?.event(index)
            }

            /// Every event of a run, oldest first; none where there is no such run.
            ///
            /// # Errors
            /// As `query`.
            pub fn run_events(&self, run_id: &RunId) -> Result<Vec<PlacedEvent>, LedgerError> {
                let $view = self;
                $get?.run_events(run_id)
            }

            /// One page of runs, the newest first.
            ///
            /// # Errors
            /// As `query`.
            pub fn runs(&self, query: &RunQuery) -> Result<RunPage, LedgerError> {
                let $view = self;
                $get?.runs(query)
            }

            /// The first `limit` REGISTER, ENABLE, DISABLE, POLICY and REJECT events of run `system` with an index
            /// above `after` (from the start where that is `None`), oldest first: what a projection of the
            /// registry has not seen yet. Fewer than `limit`: there are no more.
            ///
            /// # Errors
            /// As `query`.
            pub fn lifecycle_since(&self, after: Option<u64>, limit: usize) -> Result<Vec<PlacedEvent>, LedgerError> {
                let $view = self;
                $get?.lifecycle_since(after, limit)
            }

            /// The ledger at a glance.
            ///
            /// # Errors
            /// As `query`.
            pub fn stats(&self) -> Result<Stats, LedgerError> {
                let $view = self;
                let stats = $get?.stats()?;
                Ok(Stats { durability: $synced, ..stats })
            }
        }
    };
}

questions!(LedgerReader, reader => Ok::<&View, LedgerError>(&reader.view), None);
questions!(Ledger, ledger => ledger.written_view(), Some(ledger.durability()));
