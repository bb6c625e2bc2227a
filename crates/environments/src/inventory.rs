//! What a folder holds: every file with its hash. What is no plain file or folder is refused, so that what was hashed is all
//! that there is.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use omega_contract::{Sha256Hex, canonical_bytes};
use sha2::{Digest as _, Sha256};

use crate::fault::{EnvironmentFault, io_error};

/// Files of an environment.
pub const ENVIRONMENT_FILES_MAX: usize = 65_536;
/// Bytes of an environment.
pub const ENVIRONMENT_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes of a file's path inside it.
pub(crate) const ENVIRONMENT_PATH_BYTES_MAX: usize = 512;
/// Folders in folders.
const DEPTH_MAX: usize = 64;
/// Threads that hash; more wait for the disk.
const HASHING_THREADS_MAX: usize = 4;
/// Below so many bytes one thread is done sooner than another is started.
const BYTES_WORTH_A_THREAD: u64 = 4 * 1024 * 1024;
/// Bytes that are read at once.
const BLOCK_BYTES: usize = 256 * 1024;
/// How a file of machine code begins here (ELF).
const MACHINE_CODE: &[u8] = b"\x7fELF";

/// Every file of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// SHA-256 by path, `/` between names.
    pub files: BTreeMap<String, Sha256Hex>,
    /// Bytes of all files.
    pub bytes: u64,
    /// Whether a file is machine code, by how it begins.
    pub has_native_code: bool,
}

/// A file that was found and not read yet.
struct Found {
    path: String,
    at: PathBuf,
    bytes: u64,
}

impl Inventory {
    /// Reads all of a folder.
    ///
    /// # Errors
    /// [`EnvironmentFault::Unbuildable`] for what is no plain file or folder, has no plain name, or is too much;
    /// [`EnvironmentFault::Io`].
    pub fn of(folder: &Path) -> Result<Self, EnvironmentFault> {
        let found = find(folder)?;
        let bytes = found.iter().map(|file| file.bytes).sum();
        let hashed = hash_all(&found, threads_for(bytes))?;
        let has_native_code = hashed.iter().any(|(_, is_native)| *is_native);
        let digests = hashed.into_iter().map(|(digest, _)| digest);
        Ok(Self { files: found.into_iter().map(|file| file.path).zip(digests).collect(), bytes, has_native_code })
    }

    /// The canonical JSON of {path: sha256}: its own SHA-256 names the environment.
    ///
    /// # Errors
    /// [`EnvironmentFault::Io`], where it has no form; none lacks one.
    pub fn canonical(&self) -> Result<Vec<u8>, EnvironmentFault> {
        canonical_bytes(&self.files)
            .map_err(|error| EnvironmentFault::Io { what: "write an inventory", source: std::io::Error::other(error) })
    }

    /// `hash({path: sha256})`.
    ///
    /// # Errors
    /// As [`Inventory::canonical`].
    pub fn env_digest(&self) -> Result<Sha256Hex, EnvironmentFault> {
        Ok(Sha256Hex::of(&self.canonical()?))
    }

    /// The first file in which this differs from what was recorded, for people.
    pub(crate) fn difference(&self, recorded: &BTreeMap<String, Sha256Hex>) -> String {
        let missing = recorded.keys().find(|path| !self.files.contains_key(*path));
        let extra = self.files.keys().find(|path| !recorded.contains_key(*path));
        let changed = self.files.iter().find(|(path, digest)| recorded.get(*path).is_some_and(|was| was != *digest));
        match (missing, extra, changed) {
            (_, _, Some((path, _))) => format!("{path} is not as it was installed"),
            (_, Some(path), _) => format!("{path} was not installed"),
            (Some(path), ..) => format!("{path} is missing"),
            (None, None, None) => "its record".to_owned(),
        }
    }
}

fn find(folder: &Path) -> Result<Vec<Found>, EnvironmentFault> {
    let refused = |path: &str, why: &str| Err(EnvironmentFault::Unbuildable(format!("{path:.200} {why}")));
    let mut pending = vec![(folder.to_owned(), String::new(), 0)];
    let mut found: Vec<Found> = Vec::new();
    let mut bytes = 0_u64;
    while let Some((at, prefix, depth)) = pending.pop() {
        let mut is_empty = true;
        for entry in fs::read_dir(&at).map_err(io_error("read the environment"))? {
            is_empty = false;
            let entry = entry.map_err(io_error("read the environment"))?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.chars().any(|c| c.is_control() || c == '\\')) else {
                return refused(&prefix, "holds a name that is not plain text");
            };
            let path = format!("{prefix}{name}");
            if path.len() > ENVIRONMENT_PATH_BYTES_MAX {
                return refused(&path, "has too long a path");
            }
            // Of the entry itself: links are not followed.
            let metadata = entry.metadata().map_err(io_error("read the environment"))?;
            if metadata.is_dir() {
                if depth >= DEPTH_MAX {
                    return refused(&path, "lies too deep");
                }
                pending.push((entry.path(), format!("{path}/"), depth + 1));
                continue;
            }
            if !metadata.is_file() {
                return refused(&path, "is a link or a special file, and no plain one");
            }
            if has_other_names(&metadata) {
                return refused(&path, "has another name elsewhere (a hard link)");
            }
            bytes = bytes.saturating_add(metadata.len());
            found.push(Found { path, at: entry.path(), bytes: metadata.len() });
            if found.len() > ENVIRONMENT_FILES_MAX {
                return refused("the environment", &format!("holds more than {ENVIRONMENT_FILES_MAX} files"));
            }
            if bytes > ENVIRONMENT_BYTES_MAX {
                return refused("the environment", &format!("holds more than {ENVIRONMENT_BYTES_MAX} bytes"));
            }
        }
        // Python takes any folder for a package: one that no file stands for would be unseen by the digest.
        if is_empty && depth > 0 {
            return refused(prefix.trim_end_matches('/'), "is an empty folder");
        }
    }
    Ok(found)
}

#[cfg(unix)]
fn has_other_names(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

#[cfg(not(unix))]
fn has_other_names(_metadata: &Metadata) -> bool {
    false
}

fn threads_for(bytes: u64) -> usize {
    let wanted = usize::try_from(bytes / BYTES_WORTH_A_THREAD).unwrap_or(usize::MAX);
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    wanted.clamp(1, HASHING_THREADS_MAX.min(processors))
}

/// Hashes the files, in their order; several threads take the next one each.
fn hash_all(files: &[Found], threads: usize) -> Result<Vec<(Sha256Hex, bool)>, EnvironmentFault> {
    let next = AtomicUsize::new(0);
    let hashed = Mutex::new(vec![(Sha256Hex::from_bytes([0; 32]), false); files.len()]);
    let work = || -> Result<(), EnvironmentFault> {
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(index) else { return Ok(()) };
            let done = hash_file(file, &mut block).inspect_err(|_| next.store(files.len(), Ordering::Relaxed))?;
            hashed.lock().unwrap_or_else(PoisonError::into_inner)[index] = done;
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut outcome = work();
        for other in others {
            let ended = other.join().unwrap_or_else(|_| {
                Err(EnvironmentFault::Io { what: "hash the environment", source: std::io::Error::other("it panicked") })
            });
            outcome = outcome.and(ended);
        }
        outcome
    })?;
    Ok(hashed.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn hash_file(found: &Found, block: &mut [u8]) -> Result<(Sha256Hex, bool), EnvironmentFault> {
    let mut file = File::open(&found.at).map_err(io_error("read the environment"))?;
    let mut digest = Sha256::new();
    let mut begins: Vec<u8> = Vec::with_capacity(MACHINE_CODE.len());
    let mut bytes = 0_u64;
    loop {
        let count = match file.read(block) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(io_error("read the environment")(error)),
        };
        begins.extend(block[..count].iter().take(MACHINE_CODE.len() - begins.len()));
        digest.update(&block[..count]);
        bytes += count as u64;
        // It grew since it was found: whoever writes to it could keep us reading.
        if bytes > found.bytes {
            return Err(EnvironmentFault::Unbuildable(format!("{:.200} changes while it is read", found.path)));
        }
    }
    Ok((Sha256Hex::from_bytes(digest.finalize().into()), begins == MACHINE_CODE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    #[test]
    fn the_digest_is_that_of_paths_and_hashes_and_nothing_else() {
        let one = Inventory::of(folder(&[("a.py", b"1"), ("p/b.py", b"22")]).path()).unwrap();
        let expect: BTreeMap<&str, Sha256Hex> =
            [("a.py", Sha256Hex::of(b"1")), ("p/b.py", Sha256Hex::of(b"22"))].into();
        assert_eq!(one.env_digest().unwrap(), omega_contract::hash(&expect).unwrap());
        assert_eq!((one.bytes, one.has_native_code), (3, false));
        let again = folder(&[("p/b.py", b"22"), ("a.py", b"1")]);
        assert_eq!(Inventory::of(again.path()).unwrap(), one);
        for files in [[("a.py", b"2".as_slice()), ("p/b.py", b"22")], [("b.py", b"1"), ("p/b.py", b"22")]] {
            assert_ne!(Inventory::of(folder(&files).path()).unwrap().env_digest().unwrap(), one.env_digest().unwrap());
        }
    }

    #[test]
    fn machine_code_is_known_by_how_it_begins() {
        let check = |bytes: &[u8], expect: bool| {
            assert_eq!(Inventory::of(folder(&[("data.txt", bytes)]).path()).unwrap().has_native_code, expect);
        };
        check(b"\x7fELF\x02\x01", true);
        check(b"\x7fEL", false);
        check(b"", false);
        check(b" \x7fELF", false);
    }

    /// Several threads give what one gives.
    #[test]
    fn hashing_together_changes_nothing() {
        let contents: Vec<(String, Vec<u8>)> =
            (0_u32..300).map(|n| (format!("f{n}"), n.to_le_bytes().repeat(1_000))).collect();
        let files: Vec<(&str, &[u8])> =
            contents.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        let folder = folder(&files);
        let found = find(folder.path()).unwrap();
        assert_eq!(hash_all(&found, 1).unwrap(), hash_all(&found, 4).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_plain_file_is_refused() {
        let check = |change: &dyn Fn(&Path), expect: &str| {
            let folder = folder(&[("p/a.py", b"1")]);
            change(folder.path());
            let error = Inventory::of(folder.path()).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check(&|at| std::os::unix::fs::symlink("/etc/passwd", at.join("p/link")).unwrap(), "p/link is a link");
        check(&|at| std::os::unix::fs::symlink("p", at.join("q")).unwrap(), "q is a link");
        check(&|at| fs::hard_link(at.join("p/a.py"), at.join("b.py")).unwrap(), "another name");
        check(&|at| drop(std::os::unix::net::UnixListener::bind(at.join("s")).unwrap()), "s is a link or a special");
        check(&|at| fs::create_dir(at.join("empty")).unwrap(), "empty is an empty folder");
        check(&|at| fs::write(at.join("a\nb"), "").unwrap(), "not plain text");
        check(&|at| fs::create_dir_all(at.join("d/".repeat(DEPTH_MAX + 1))).unwrap(), "too deep");
    }
}
