//! Reads a package from a folder or a tar file.
//!
//! Only plain files are taken: a symlink, a device or an odd path is refused, never followed. Sizes
//! and counts are checked before bytes are read.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use omega_contract::ErrorCode;
use omega_validator::package::archive;
use omega_validator::{ArchiveError, Gathered, PackageFiles};

use crate::error::GatewayError;

pub use omega_validator::package::archive::ARCHIVE_BYTES_MAX;

/// Top-level folders of a plugin's source tree that are not part of its package: what build tools,
/// version control, tests and the scaffold put there.
pub const IGNORED_FOLDERS: [&str; 9] = [
    ".git",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    "dist",
    "node_modules",
    "omega-plugin-sdk",
    "target",
];

/// A folder that is no part of a package wherever it stands: Python leaves one beside each module that it imported, and what is
/// in it would be run in place of the module's text.
pub const IGNORED_FOLDER_ANYWHERE: &str = "__pycache__";

/// Reads a package from a folder, or from a `.tar` file.
///
/// # Errors
/// `package_invalid` for anything but plain files within the limits, `io` where reading failed.
pub fn read(path: &Path) -> Result<PackageFiles, GatewayError> {
    if path.is_dir() { read_dir(path) } else { read_tar(path) }
}

/// Reads a package from a folder, without [`IGNORED_FOLDERS`] and [`IGNORED_FOLDER_ANYWHERE`].
///
/// # Errors
/// As [`read`].
pub fn read_dir(folder: &Path) -> Result<PackageFiles, GatewayError> {
    let mut gathered = Gathered::default();
    let mut pending: Vec<(PathBuf, String)> = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = pending.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| unreadable(&prefix, &e))? {
            let entry = entry.map_err(|e| unreadable(&prefix, &e))?;
            let name = entry
                .file_name()
                .into_string()
                .map_err(|name| invalid(format!("{prefix}{}: the name is not UTF-8", name.to_string_lossy())))?;
            let path = format!("{prefix}{name}");
            // `symlink_metadata`, so that a link is seen as a link.
            let kind = fs::symlink_metadata(entry.path()).map_err(|e| unreadable(&path, &e))?.file_type();
            if kind.is_dir() {
                let is_ignored = prefix.is_empty() && IGNORED_FOLDERS.contains(&name.as_str());
                if !is_ignored && name != IGNORED_FOLDER_ANYWHERE {
                    pending.push((entry.path(), format!("{path}/")));
                }
            } else if kind.is_file() {
                let file = File::open(entry.path()).map_err(|e| unreadable(&path, &e))?;
                gathered.take(path, file).map_err(|error| refused(None, &error))?;
            } else {
                return Err(invalid(format!("{path}: only plain files and folders are taken, no links or devices")));
            }
        }
    }
    gathered.finish().map_err(|error| refused(None, &error))
}

/// Reads a package from a tar file (POSIX ustar or pax; not compressed).
///
/// # Errors
/// As [`read`].
pub fn read_tar(file: &Path) -> Result<PackageFiles, GatewayError> {
    let shown = file.display().to_string();
    let metadata = fs::metadata(file).map_err(|e| unreadable(&shown, &e))?;
    if !metadata.is_file() {
        return Err(invalid(format!("{shown}: neither a folder nor a tar file")));
    }
    if metadata.len() > ARCHIVE_BYTES_MAX {
        return Err(invalid(format!(
            "{shown}: {} bytes, of which at most {ARCHIVE_BYTES_MAX} are taken",
            metadata.len()
        )));
    }
    let file = File::open(file).map_err(|e| unreadable(&shown, &e))?;
    archive::read_tar(io::BufReader::new(file)).map_err(|error| refused(Some(&shown), &error))
}

/// Reads a package from a tar stream (POSIX ustar or pax; not compressed), of which at most [`ARCHIVE_BYTES_MAX`] are read.
///
/// # Errors
/// `package_invalid` for anything but plain files within the limits, and where the stream fails.
pub fn read_tar_stream(stream: impl io::Read) -> Result<PackageFiles, GatewayError> {
    archive::read_tar(stream).map_err(|error| invalid(error.to_string()))
}

/// What was gathered is no package, or could not be read; `archive` is the tar file it came from.
fn refused(archive: Option<&str>, error: &ArchiveError) -> GatewayError {
    let message = archive.map_or_else(|| error.to_string(), |archive| format!("{archive}: {error}"));
    let is_ours = matches!((error, archive), (ArchiveError::Read { .. }, None));
    GatewayError::new(if is_ours { ErrorCode::Io } else { ErrorCode::PackageInvalid }, message)
}

fn invalid(message: String) -> GatewayError {
    GatewayError::new(ErrorCode::PackageInvalid, message)
}

fn unreadable(path: &str, error: &io::Error) -> GatewayError {
    GatewayError::new(ErrorCode::Io, format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar_of(build: impl Fn(&mut tar::Builder<Vec<u8>>)) -> tempfile::NamedTempFile {
        let mut builder = tar::Builder::new(Vec::new());
        build(&mut builder);
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), builder.into_inner().unwrap()).unwrap();
        file
    }

    fn entry(builder: &mut tar::Builder<Vec<u8>>, path: &str, kind: tar::EntryType, link: &str) {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(u64::from(kind == tar::EntryType::Regular));
        // Written raw: the builder itself refuses the paths that an attacker would use.
        header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_ustar_mut().unwrap().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        builder.append(&header, if kind == tar::EntryType::Regular { &b"x"[..] } else { &[] }).unwrap();
    }

    #[test]
    fn a_tar_file_gives_what_the_folder_gives() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("schemas/inputs")).unwrap();
        fs::create_dir_all(folder.path().join("target/release")).unwrap();
        fs::create_dir_all(folder.path().join("schemas/__pycache__")).unwrap();
        fs::write(folder.path().join("a.txt"), "x").unwrap();
        fs::write(folder.path().join("schemas/inputs/b.json"), "x").unwrap();
        fs::write(folder.path().join("target/release/clutter"), "x").unwrap();
        fs::write(folder.path().join("schemas/__pycache__/b.cpython-311.pyc"), "x").unwrap();
        let tar = tar_of(|builder| {
            entry(builder, "./a.txt", tar::EntryType::Regular, "");
            entry(builder, "schemas/", tar::EntryType::Directory, "");
            entry(builder, "schemas/inputs/b.json", tar::EntryType::Regular, "");
        });
        let from_folder = read(folder.path()).unwrap();
        assert_eq!(from_folder.digests(), read(tar.path()).unwrap().digests());
    }

    #[test]
    fn escapes_links_and_devices_are_refused() {
        let check = |path: &str, kind: tar::EntryType, link: &str| {
            let tar = tar_of(|builder| entry(builder, path, kind, link));
            let error = read(tar.path()).unwrap_err();
            assert_eq!(error.code, ErrorCode::PackageInvalid, "{path} {kind:?}");
        };
        check("../a", tar::EntryType::Regular, "");
        check("/etc/passwd", tar::EntryType::Regular, "");
        check("a/../../b", tar::EntryType::Regular, "");
        check("a\\b", tar::EntryType::Regular, "");
        check("a", tar::EntryType::Symlink, "/etc/passwd");
        check("a", tar::EntryType::Link, "/etc/passwd");
        check("a", tar::EntryType::Char, "");
        check("a", tar::EntryType::Fifo, "");
        let twice = tar_of(|builder| {
            entry(builder, "a", tar::EntryType::Regular, "");
            entry(builder, "./a", tar::EntryType::Regular, "");
        });
        assert_eq!(read(twice.path()).unwrap_err().code, ErrorCode::PackageInvalid);
    }

    #[cfg(unix)]
    #[test]
    fn a_symlink_in_a_folder_is_refused_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("a.txt")).unwrap();
        assert_eq!(read(folder.path()).unwrap_err().code, ErrorCode::PackageInvalid);
    }

    #[test]
    fn what_is_no_package_is_named() {
        assert_eq!(read(Path::new("no/such/place")).unwrap_err().code, ErrorCode::Io);
        let garbage = tempfile::NamedTempFile::new().unwrap();
        fs::write(garbage.path(), [0xff_u8; 2_000]).unwrap();
        assert_eq!(read(garbage.path()).unwrap_err().code, ErrorCode::PackageInvalid);
    }
}
