//! What of the host no plugin may change, as it is now: read from the host's own files.
//!
//! In the home: keys, configuration, stored packages, datasets, and every decision in the ledger. Around it: files and folders
//! that nobody was given. And the package's own folder. What grows by itself (events, the registry's projection, caches,
//! stored payloads) is held by the ledger's own hashes, which CG-09 checks.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use omega_contract::{EventKind, Sha256Hex};
use omega_ledger::{Order, Query};

use super::TrialHome;
use crate::error::GatewayError;
use crate::package_source;

/// Where a file grant points to.
pub(super) const GRANTED_FOLDER: &str = "granted";
/// Names in the home whose content stays as it is while plugins are called.
const STILL: [&str; 5] = ["home.json", "omega.toml", "keys", "store", "datasets"];
/// Decisions that are counted.
const DECISIONS: [EventKind; 4] = [EventKind::Register, EventKind::Enable, EventKind::Disable, EventKind::Policy];
const DECISIONS_MAX: usize = 10_000;

/// Puts something around the home that could be reached by mistake.
pub(super) fn surround(folder: &Path) -> io::Result<()> {
    let beside = folder.join("beside");
    fs::create_dir(&beside)?;
    fs::write(beside.join("letter.txt"), "nobody was given this\n")?;
    fs::create_dir(folder.join(GRANTED_FOLDER))
}

/// All of it, by name, with a digest.
pub(super) fn of(trial: &TrialHome, source: Option<&Path>) -> Result<BTreeMap<String, String>, GatewayError> {
    let mut state = BTreeMap::new();
    let folder = trial.folder();
    gather(&mut state, folder, &folder.join("beside"))?;
    gather(&mut state, folder, &folder.join(GRANTED_FOLDER))?;
    for name in STILL {
        gather(&mut state, folder, &folder.join("home").join(name))?;
    }
    for place in [folder.to_owned(), folder.join("home")] {
        state.insert(format!("names in {}", shown(folder, &place)), names(&place)?);
    }
    if let Some(source) = source.filter(|source| source.is_dir())
        && let Ok(files) = package_source::read_dir(source)
    {
        state.insert("the package's folder".to_owned(), files.digests().package_digest().to_string());
    }
    let query =
        Query { kinds: DECISIONS.to_vec(), order: Order::OldestFirst, limit: DECISIONS_MAX, ..Query::default() };
    let decided = trial.gateway().admin().events(&query)?;
    let hashes: String = decided.events.iter().map(|placed| placed.event.event_hash.to_string()).collect();
    state.insert("the decisions in the ledger".to_owned(), Sha256Hex::of(hashes.as_bytes()).to_string());
    Ok(state)
}

/// Every file below a path, links not followed; nothing where there is none.
fn gather(state: &mut BTreeMap<String, String>, top: &Path, path: &Path) -> Result<(), GatewayError> {
    let mut pending = vec![path.to_owned()];
    while let Some(path) = pending.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let what = if metadata.is_dir() {
            pending.extend(fs::read_dir(&path).map_err(|e| super::unwritable(&e))?.flatten().map(|entry| entry.path()));
            "folder".to_owned()
        } else if metadata.is_file() {
            Sha256Hex::of(&fs::read(&path).map_err(|e| super::unwritable(&e))?).to_string()
        } else {
            "neither file nor folder".to_owned()
        };
        state.insert(shown(top, &path), format!("{what} {}", mode(&metadata)));
    }
    Ok(())
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata)
}

#[cfg(not(unix))]
fn mode(metadata: &fs::Metadata) -> bool {
    metadata.permissions().readonly()
}

fn names(folder: &Path) -> Result<String, GatewayError> {
    let entries = fs::read_dir(folder).map_err(|e| super::unwritable(&e))?.flatten();
    let mut names: Vec<PathBuf> = entries.map(|entry| entry.file_name().into()).collect();
    names.sort();
    // What comes and goes with the home's own work.
    names.retain(|name| !OWN.iter().any(|own| name.to_string_lossy().starts_with(own)));
    Ok(format!("{names:?}"))
}

/// Names in the home that its own work makes.
const OWN: [&str; 6] = ["artifacts", "cache", "environments", "ledger", "registry", "salts"];

fn shown(top: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(top).unwrap_or(path).display().to_string();
    if relative.is_empty() { "the temporary folder".to_owned() } else { relative }
}
