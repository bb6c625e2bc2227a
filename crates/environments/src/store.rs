//! The environments of a home, by digest.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use omega_contract::{Sha256Hex, strict_json};

use crate::fault::{EnvironmentFault, io_error};
use crate::inventory::{ENVIRONMENT_FILES_MAX, ENVIRONMENT_PATH_BYTES_MAX, Inventory};

/// How the folders of builds begin.
const BUILDING: &str = ".building-";
/// Bytes of a record: a path, a hash and punctuation for each file.
const RECORD_BYTES_MAX: u64 = ((ENVIRONMENT_PATH_BYTES_MAX * 6 + 80) * ENVIRONMENT_FILES_MAX) as u64;

/// The environments of a home.
#[derive(Debug, Clone)]
pub struct EnvironmentStore {
    root: PathBuf,
    in_use: InUse,
}

/// How many hold an environment, by its digest.
type InUse = Arc<Mutex<BTreeMap<Sha256Hex, usize>>>;

/// An environment that is not removed while this lives: calls are under way in it.
#[derive(Debug)]
pub struct HeldEnvironment {
    env_digest: Sha256Hex,
    in_use: InUse,
}

impl Drop for HeldEnvironment {
    fn drop(&mut self) {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut held) = in_use.entry(self.env_digest) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

/// A folder to build in; it goes with what is in it.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

/// An environment that was built and that nothing uses yet.
#[derive(Debug)]
pub struct Built {
    scratch: Scratch,
    modules: PathBuf,
    inventory: Inventory,
    env_digest: Sha256Hex,
}

impl EnvironmentStore {
    /// The store in `root`, whether it is there yet or not. Whoever opens it holds the home: what a build left that did not
    /// end is removed.
    pub fn open(root: &Path) -> Self {
        for entry in fs::read_dir(root).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(BUILDING) {
                // What cannot be removed now is in nobody's way, and is tried again.
                let _later = remove_tree(&entry.path());
            }
        }
        Self { root: root.to_owned(), in_use: InUse::default() }
    }

    /// Keeps an environment from being removed.
    pub fn hold(&self, env_digest: &Sha256Hex) -> HeldEnvironment {
        *self.in_use.lock().unwrap_or_else(PoisonError::into_inner).entry(*env_digest).or_default() += 1;
        HeldEnvironment { env_digest: *env_digest, in_use: Arc::clone(&self.in_use) }
    }

    /// Where the modules of an environment are.
    pub fn folder(&self, env_digest: &Sha256Hex) -> PathBuf {
        self.root.join(env_digest.to_string())
    }

    fn record(&self, env_digest: &Sha256Hex) -> PathBuf {
        self.root.join(format!("{env_digest}.json"))
    }

    pub(crate) fn scratch(&self) -> Result<Scratch, EnvironmentFault> {
        make_private_folder(&self.root).map_err(io_error("make the folder of environments"))?;
        let folder = tempfile::Builder::new().prefix(BUILDING).tempdir_in(&self.root);
        // Ours to remove: what is read-only in it stays in the way of others.
        Ok(Scratch(folder.map_err(io_error("make a folder to build in"))?.keep()))
    }

    /// Puts an environment into its place: from here on it can be checked and used. Durable when it returns.
    ///
    /// # Errors
    /// [`EnvironmentFault::Io`].
    pub fn adopt(&self, built: Built) -> Result<Inventory, EnvironmentFault> {
        let Built { scratch, modules, inventory, env_digest } = built;
        let place = self.folder(&env_digest);
        if self.check(&env_digest).is_ok() {
            return Ok(inventory);
        }
        let record = inventory.canonical()?;
        let mut file = tempfile::NamedTempFile::new_in(&self.root).map_err(io_error("record an environment"))?;
        file.write_all(&record).map_err(io_error("record an environment"))?;
        sync_all_of(&self.root).map_err(io_error("sync an environment"))?;
        file.persist(self.record(&env_digest)).map_err(|error| io_error("record an environment")(error.error))?;
        // One that was there was not what its name says.
        remove_tree(&place).map_err(io_error("remove a damaged environment"))?;
        fs::rename(&modules, &place).map_err(io_error("put an environment into its place"))?;
        // Last: a folder that cannot be written cannot be moved either.
        set_mode(&place, FOLDER_MODE).map_err(io_error("make an environment read-only"))?;
        sync_all_of(&self.root).map_err(io_error("sync an environment"))?;
        drop(scratch);
        Ok(inventory)
    }

    /// Reads all of an environment and compares it with its name.
    ///
    /// # Errors
    /// [`EnvironmentFault::Missing`], [`EnvironmentFault::Changed`] naming a file, [`EnvironmentFault::Io`].
    pub fn check(&self, env_digest: &Sha256Hex) -> Result<Inventory, EnvironmentFault> {
        let folder = self.folder(env_digest);
        let changed = |what: String| EnvironmentFault::Changed { env_digest: *env_digest, what };
        match fs::symlink_metadata(&folder) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(changed("it is no folder".to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(EnvironmentFault::Missing(*env_digest));
            }
            Err(error) => return Err(io_error("read the environment")(error)),
        }
        let found = match Inventory::of(&folder) {
            Err(EnvironmentFault::Unbuildable(what)) => return Err(changed(what)),
            found => found?,
        };
        if found.env_digest()? == *env_digest {
            return Ok(found);
        }
        let recorded = self.recorded(env_digest);
        Err(changed(recorded.map_or_else(|| "a file of it".to_owned(), |recorded| found.difference(&recorded))))
    }

    /// What an environment was made of, to tell what differs; nothing where the record is not what it was.
    fn recorded(&self, env_digest: &Sha256Hex) -> Option<BTreeMap<String, Sha256Hex>> {
        let mut bytes = Vec::new();
        File::open(self.record(env_digest)).ok()?.take(RECORD_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        let is_whole = Sha256Hex::of(&bytes) == *env_digest;
        is_whole.then(|| strict_json::parse_as(&bytes, RECORD_BYTES_MAX).ok()).flatten()
    }

    /// Removes the environments that are not among these and that nobody holds; gives how many. What cannot be removed is tried
    /// again later.
    pub fn keep_only(&self, used: &BTreeSet<Sha256Hex>) -> usize {
        // Nobody begins to hold one meanwhile.
        let in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let is_wanted = |digest: &Sha256Hex| used.contains(digest) || in_use.contains_key(digest);
        let mut removed = 0;
        for entry in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let digest = name.strip_suffix(".json").unwrap_or(&name).parse::<Sha256Hex>();
            if digest.is_ok_and(|digest| !is_wanted(&digest)) && remove_tree(&entry.path()).is_ok() {
                removed += usize::from(!name.ends_with(".json"));
            }
        }
        removed
    }
}

impl Built {
    pub(crate) fn new(scratch: Scratch, modules: PathBuf, inventory: Inventory) -> Result<Self, EnvironmentFault> {
        make_read_only(&modules).map_err(io_error("make an environment read-only"))?;
        let env_digest = inventory.env_digest()?;
        Ok(Self { scratch, modules, inventory, env_digest })
    }

    /// What names it.
    pub const fn env_digest(&self) -> Sha256Hex {
        self.env_digest
    }

    /// What it holds.
    pub const fn inventory(&self) -> &Inventory {
        &self.inventory
    }
}

impl Scratch {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _swept_later = remove_tree(&self.0);
    }
}

const FILE_MODE: u32 = 0o444;
const FOLDER_MODE: u32 = 0o555;

/// Whether it is a folder itself, and no link to one.
pub(crate) fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// All below the folder, and not the folder itself: it is still to be moved.
fn make_read_only(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_folder(&path) {
            make_read_only(&path)?;
            set_mode(&path, FOLDER_MODE)?;
        } else {
            set_mode(&path, FILE_MODE)?;
        }
    }
    Ok(())
}

/// Removes a file, or a folder with all that is in it, also where it is read-only. Nothing there is no error.
fn remove_tree(path: &Path) -> io::Result<()> {
    if !is_folder(path) {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    set_mode(path, 0o700)?;
    for entry in fs::read_dir(path)? {
        remove_tree(&entry?.path())?;
    }
    fs::remove_dir(path)
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

/// There is no worker lane there.
#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// All that was written to the file system of a folder: thousands of files at once.
#[cfg(target_os = "linux")]
fn sync_all_of(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(folder)?)?)
}

/// There is no worker lane there.
#[cfg(not(target_os = "linux"))]
fn sync_all_of(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
