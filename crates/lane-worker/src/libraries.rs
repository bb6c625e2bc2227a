//! Libraries of this machine that a zygote's program maps: where they are inside, and under which other names they are asked for.
//!
//! What never happens here: a library of a plugin.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::messages::HostMount;

/// Whether a mapped file is a library, by its name.
pub(crate) fn is_library(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains(".so"))
}

/// The libraries that this process maps, by their real paths.
pub(crate) fn mapped_here() -> io::Result<Vec<PathBuf>> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    // 7f01-7f02 r-xp 00000000 fe:00 123    /usr/lib/libc.so.6
    let paths = maps.lines().filter_map(|line| line.splitn(6, ' ').nth(5)).map(str::trim_start);
    // One that was replaced meanwhile: what stands there now serves as well.
    let paths = paths.map(|path| path.strip_suffix(" (deleted)").unwrap_or(path));
    let found: BTreeSet<PathBuf> = paths.filter(|path| path.starts_with('/')).map(PathBuf::from).collect();
    Ok(found.into_iter().filter(|path| is_library(path)).collect())
}

/// A file of this machine from which code is mapped.
pub(crate) fn code_file(host: &Path, inside: String) -> HostMount {
    HostMount { host: host.to_string_lossy().into_owned(), inside, is_folder: false, has_code: true }
}

/// The folders in which these libraries lie inside, as the loader takes them (`LD_LIBRARY_PATH`).
pub(crate) fn search_path(inside: impl IntoIterator<Item = String>) -> String {
    let parents = inside.into_iter().filter_map(|path| Some(Path::new(&path).parent()?.to_str()?.to_owned()));
    parents.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(":")
}

/// Where a path of the host is inside: what belongs to an interpreter of its own folder is under `home`, so that a plugin does not
/// see whose folder that is.
pub(crate) fn inside(path: &Path, prefix: &Path, home: &str) -> String {
    match path.strip_prefix(prefix) {
        Ok(below) if prefix != Path::new("/usr") && prefix != Path::new("/") => format!("{home}/{}", below.display()),
        _ => path.to_string_lossy().into_owned(),
    }
}

/// The other names under which libraries are asked for: links beside them, and folders at the root that are links.
pub(crate) fn links(libraries: &[PathBuf], prefix: &Path, home: &str) -> Vec<(String, String)> {
    let mut links = Vec::new();
    for name in ["lib", "lib32", "lib64"] {
        if let Ok(target) = fs::read_link(Path::new("/").join(name)) {
            links.push((format!("/{name}"), target.to_string_lossy().into_owned()));
        }
    }
    let real: BTreeSet<&Path> = libraries.iter().map(PathBuf::as_path).collect();
    let mut folders: BTreeSet<PathBuf> =
        libraries.iter().filter_map(|path| path.parent().map(Path::to_owned)).collect();
    // The loader's own name lies elsewhere than the loader.
    folders.extend(["/lib64", "/lib"].iter().filter_map(|folder| fs::canonicalize(folder).ok()));
    for folder in folders {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                continue;
            }
            if let Ok(target) = fs::canonicalize(entry.path())
                && real.contains(target.as_path())
            {
                links.push((inside(&entry.path(), prefix, home), inside(&target, prefix, home)));
            }
        }
    }
    links
}
