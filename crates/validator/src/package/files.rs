//! The files of a package in memory: plain paths, bounded sizes, nothing that means two things.
//!
//! What never happens here: reading a disk or an archive. Whoever does so hands over regular files only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use omega_contract::ErrorCode;
use omega_contract::conformance::CONFORMANCE_FILE;
use omega_contract::limits::{PACKAGE_BYTES_MAX, PACKAGE_FILE_BYTES_MAX, PACKAGE_FILES_MAX, PACKAGE_PATH_BYTES_MAX};
use omega_contract::manifest::{SIGNATURE_FILE, is_plain_path};
use omega_proof::package::FileDigests;

use crate::field_path::shown;

/// Why files are no package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageFilesError {
    /// A path that does not mean one file inside the package on every system.
    #[error(
        "the path {path:?} is not plain: relative, `/` between names, no `..`, printable ASCII without \\ : * ? \" < > |, no name that ends in a dot or space or that Windows reserves"
    )]
    Path {
        /// The path, cut.
        path: String,
    },
    /// A path longer than [`PACKAGE_PATH_BYTES_MAX`].
    #[error("the path {path:?} has {bytes} bytes; at most {PACKAGE_PATH_BYTES_MAX} are taken")]
    PathLength {
        /// The path, cut.
        path: String,
        /// Its length.
        bytes: usize,
    },
    /// Two paths that are one on some systems: the same, the same but for case, or a file and a folder.
    #[error("the paths {first:?} and {second:?} are one and the same on some systems")]
    SamePath {
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// A file over [`PACKAGE_FILE_BYTES_MAX`].
    #[error("the file {path:?} has {bytes} bytes; at most {PACKAGE_FILE_BYTES_MAX} are taken")]
    FileSize {
        /// Its path.
        path: String,
        /// Its size.
        bytes: u64,
    },
    /// All files together over [`PACKAGE_BYTES_MAX`].
    #[error("the files have more than {PACKAGE_BYTES_MAX} bytes together")]
    TotalSize,
    /// More than [`PACKAGE_FILES_MAX`].
    #[error("more than {PACKAGE_FILES_MAX} files")]
    Count,
}

impl PackageFilesError {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::PackageInvalid
    }
}

/// The files of a package by path, the signature among them.
///
/// A [`CONFORMANCE_FILE`] that came with them is set aside: it speaks of the package's digest, so it cannot be part of it,
/// and nothing that a plugin could read may be without a signature. It is never stored, and no plugin sees it.
#[derive(Debug, Clone, Default)]
pub struct PackageFiles {
    files: Arc<BTreeMap<String, Arc<[u8]>>>,
    conformance: Option<Arc<[u8]>>,
}

impl PackageFiles {
    /// Takes files by package-relative path.
    ///
    /// # Errors
    /// [`PackageFilesError`], naming the first path that is not taken.
    pub fn new(files: impl IntoIterator<Item = (String, Arc<[u8]>)>) -> Result<Self, PackageFilesError> {
        let mut taken = BTreeMap::new();
        let mut folded = BTreeMap::new();
        let mut bytes_total = 0_u64;
        for (path, bytes) in files {
            if folded.len() >= PACKAGE_FILES_MAX {
                return Err(PackageFilesError::Count);
            }
            check_path(&path)?;
            let size = bytes.len() as u64;
            if size > PACKAGE_FILE_BYTES_MAX {
                return Err(PackageFilesError::FileSize { path, bytes: size });
            }
            bytes_total += size;
            if bytes_total > PACKAGE_BYTES_MAX {
                return Err(PackageFilesError::TotalSize);
            }
            if let Some(first) = folded.insert(path.to_ascii_lowercase(), path.clone()) {
                return Err(PackageFilesError::SamePath { first, second: path });
            }
            taken.insert(path, bytes);
        }
        file_or_folder(&folded)?;
        let conformance = taken.remove(CONFORMANCE_FILE);
        Ok(Self { files: Arc::new(taken), conformance })
    }

    /// The conformance report that came with the package, unverified.
    pub fn conformance(&self) -> Option<&Arc<[u8]>> {
        self.conformance.as_ref()
    }

    /// As [`PackageFiles::iter`], and the conformance report: all that came, to be sent on.
    pub fn iter_with_conformance(&self) -> impl Iterator<Item = (&str, &Arc<[u8]>)> {
        self.iter().chain(self.conformance().map(|report| (CONFORMANCE_FILE, report)))
    }

    /// The bytes of one file.
    pub fn get(&self, path: &str) -> Option<&Arc<[u8]>> {
        self.files.get(path)
    }

    /// All files by path, shared.
    pub fn shared(&self) -> Arc<BTreeMap<String, Arc<[u8]>>> {
        Arc::clone(&self.files)
    }

    /// Path and bytes of each file, in the order of the paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<[u8]>)> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes))
    }

    /// How many files there are, the signature among them.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// True where there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The envelope, where there is one.
    pub fn signature(&self) -> Option<&Arc<[u8]>> {
        self.get(SIGNATURE_FILE)
    }

    /// The SHA-256 of each file but the signature.
    pub fn digests(&self) -> FileDigests {
        FileDigests::of_files(self.iter().map(|(path, bytes)| (path, &**bytes)))
    }
}

fn check_path(path: &str) -> Result<(), PackageFilesError> {
    if path.len() > PACKAGE_PATH_BYTES_MAX {
        return Err(PackageFilesError::PathLength { path: shown(path), bytes: path.len() });
    }
    // Beyond ASCII one name has several spellings (Unicode normal forms, case folding), and file systems differ.
    let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '*' | '?' | '"' | '<' | '>' | '|');
    if is_plain_path(path) && path.chars().all(plain) && path.split('/').all(is_portable_name) {
        Ok(())
    } else {
        Err(PackageFilesError::Path { path: shown(path) })
    }
}

/// False for names that Windows changes or reserves.
fn is_portable_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered =
        |device: &str| stem.strip_prefix(device).is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']));
    let reserved = matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt");
    !reserved && !name.ends_with(['.', ' '])
}

/// Refuses a path that is a file and, as the start of another, a folder.
fn file_or_folder(by_folded_path: &BTreeMap<String, String>) -> Result<(), PackageFilesError> {
    let mut folders = BTreeSet::new();
    for (key, path) in by_folded_path {
        for (at, _) in key.match_indices('/') {
            let folder = &key[..at];
            if folders.insert(folder)
                && let Some(first) = by_folded_path.get(folder)
            {
                return Err(PackageFilesError::SamePath { first: first.clone(), second: path.clone() });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(paths: &[&str], expect: Result<(), &str>) {
        let files = paths.iter().map(|path| ((*path).to_owned(), Arc::from(b"x".as_slice())));
        match (PackageFiles::new(files), expect) {
            (Ok(files), Ok(())) => assert_eq!(files.len(), paths.len()),
            (Err(error), Err(expect)) => assert!(error.to_string().contains(expect), "{error}"),
            (got, _) => panic!("{paths:?}: {got:?}"),
        }
    }

    #[test]
    fn a_report_is_no_part_of_the_package_that_it_is_about() {
        let of = |paths: &[&str]| {
            PackageFiles::new(paths.iter().map(|path| ((*path).to_owned(), Arc::from(b"x".as_slice())))).unwrap()
        };
        let (with, without) = (of(&["a", CONFORMANCE_FILE]), of(&["a"]));
        assert_eq!(with.digests().package_digest(), without.digests().package_digest());
        assert_eq!((with.len(), with.get(CONFORMANCE_FILE), with.iter().count()), (1, None, 1));
        assert!(with.shared().keys().eq(["a"]) && with.conformance().is_some() && without.conformance().is_none());
        assert_eq!(with.iter_with_conformance().count(), 2);
        // In a folder, or written otherwise, it is a file like any other.
        assert_eq!(of(&["sub/CONFORMANCE.json", "conformance.json"]).len(), 2);
        check(&[CONFORMANCE_FILE, "conformance.json"], Err("one and the same"));
    }

    #[test]
    fn paths_mean_one_file_everywhere() {
        check(&["a", "b/c.d-e_f (1)", ".hidden", "nullable", "common.py", "com10"], Ok(()));
        for path in [
            "", "/a", "../a", "a/../b", "a/./b", "a//b", "a/", "a\\b", "c:a", "a\nb", "a\0", "ä", "a*", "a?", "a.",
            "a ", "a /b", "NUL", "con.py", "x/aux", "COM1", "lpt9.txt",
        ] {
            check(&[path], Err("is not plain"));
        }
        check(&["a", "A"], Err("one and the same"));
        check(&["a", "a"], Err("one and the same"));
        check(&["a", "a/b"], Err("one and the same"));
        check(&["x/Y/z", "X/y"], Err("one and the same"));
        check(&["a", "a.b", "ab/c"], Ok(()));
    }

    #[test]
    fn limits_hold_at_the_limit_and_one_past_it() {
        check(&[&"p".repeat(PACKAGE_PATH_BYTES_MAX)], Ok(()));
        check(&[&"p".repeat(PACKAGE_PATH_BYTES_MAX + 1)], Err("513 bytes"));

        let empty: Arc<[u8]> = Arc::from([].as_slice());
        let many = |count: usize| PackageFiles::new((0..count).map(|i| (format!("f{i}"), Arc::clone(&empty))));
        assert_eq!(many(PACKAGE_FILES_MAX).unwrap().len(), PACKAGE_FILES_MAX);
        assert_eq!(many(PACKAGE_FILES_MAX + 1).unwrap_err(), PackageFilesError::Count);

        let limit = usize::try_from(PACKAGE_FILE_BYTES_MAX).unwrap();
        let largest: Arc<[u8]> = vec![0; limit].into();
        let of_largest =
            |names: &[&str]| PackageFiles::new(names.iter().map(|n| ((*n).to_owned(), Arc::clone(&largest))));
        assert!(of_largest(&["a", "b", "c", "d"]).is_ok());
        let more =
            [("a", &largest), ("b", &largest), ("c", &largest), ("d", &largest), ("e", &Arc::from([0].as_slice()))];
        let more = PackageFiles::new(more.map(|(name, bytes)| (name.to_owned(), Arc::clone(bytes))));
        assert_eq!(more.unwrap_err(), PackageFilesError::TotalSize);
        let larger = PackageFiles::new([("a".to_owned(), Arc::from(vec![0; limit + 1]))]);
        assert!(
            matches!(larger, Err(PackageFilesError::FileSize { bytes, .. }) if bytes == PACKAGE_FILE_BYTES_MAX + 1)
        );
    }
}
