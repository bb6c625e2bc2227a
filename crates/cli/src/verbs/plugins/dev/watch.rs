//! Sees saves. A save is a change of what the author wrote: not of what a build writes, and not a mere touch.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use omega_gateway::contract::{ErrorCode, Sha256Hex};
use omega_gateway::package_source::{self, IGNORED_FOLDERS};
use tokio::sync::mpsc;

use crate::fault::Fault;
use crate::verbs::plugins::build;

/// An editor writes a file in several steps: so long nothing may happen before it counts as saved.
const QUIET: Duration = Duration::from_millis(20);
/// After so long it is looked at all the same: something is always written.
const QUIET_WAITED_FOR_MAX: Duration = Duration::from_millis(500);
/// How often the folder is looked at where the system tells nothing (network file systems).
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What the author wrote, by path; or why it cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fingerprint {
    Files(BTreeMap<String, Sha256Hex>),
    Unreadable(String),
}

pub(super) struct Watch {
    folder: PathBuf,
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    events: mpsc::UnboundedReceiver<()>,
}

impl Watch {
    pub(super) fn of(folder: &Path) -> Result<Self, Fault> {
        let (sender, events) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading is no change, and building reads a lot. An error may mean that an event was lost: look.
            if !event.is_ok_and(|event| event.kind.is_access()) {
                let _nobody_waits = sender.send(());
            }
        });
        let watcher = watcher.map_err(|error| unwatchable(folder, &error))?;
        let mut watch = Self { folder: folder.to_owned(), watcher, watched: BTreeSet::new(), events };
        watch.watch(folder.to_owned(), RecursiveMode::NonRecursive)?;
        watch.watch_folders();
        Ok(watch)
    }

    /// What the author has written so far.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let files = match package_source::read_dir(&self.folder) {
            Ok(files) => files,
            Err(error) => return Fingerprint::Unreadable(error.message),
        };
        let mut digests: BTreeMap<String, Sha256Hex> =
            files.digests().iter().map(|(path, digest)| (path.to_owned(), digest)).collect();
        if build::is_compiled(&self.folder) {
            // What cargo and npm write is no save.
            for lock in ["Cargo.lock", "package-lock.json"] {
                digests.remove(lock);
            }
            if let Ok(entry) = build::entry_file(&self.folder) {
                digests.remove(&entry);
            }
        }
        Fingerprint::Files(digests)
    }

    /// Waits until there is something else to build than `seen`.
    pub(super) async fn changed_from(&mut self, seen: &Fingerprint) {
        loop {
            // What was saved since, while nobody waited, is seen at once.
            if self.fingerprint() != *seen {
                self.settle().await;
                self.watch_folders();
                return;
            }
            let _looked = tokio::time::timeout(LOOK_EVERY, self.events.recv()).await;
            self.settle().await;
        }
    }

    /// Until nothing happens for a moment.
    async fn settle(&mut self) {
        let quiet = async { while let Ok(Some(())) = tokio::time::timeout(QUIET, self.events.recv()).await {} };
        let _waited = tokio::time::timeout(QUIET_WAITED_FOR_MAX, quiet).await;
    }

    /// The folders that belong to the package, those that are new too. Builds write into the others, without end.
    fn watch_folders(&mut self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
            let is_ignored = path.file_name().is_some_and(|name| IGNORED_FOLDERS.iter().any(|known| name == *known));
            if !is_ignored {
                // One that cannot be watched is looked at now and then.
                let _not_told = self.watch(path, RecursiveMode::Recursive);
            }
        }
    }

    fn watch(&mut self, path: PathBuf, mode: RecursiveMode) -> Result<(), Fault> {
        if self.watched.contains(&path) {
            return Ok(());
        }
        self.watcher.watch(&path, mode).map_err(|error| unwatchable(&path, &error))?;
        self.watched.insert(path);
        Ok(())
    }
}

fn unwatchable(path: &Path, error: &notify::Error) -> Fault {
    Fault::new(ErrorCode::Io).with("folder", path.display()).because(error)
}
