//! Writes a file that is there whole or not at all.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

use crate::fault::Fault;

/// Writes `bytes` under `path`, in place of what stands there, by rename: nobody sees half of it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let folder = folder_of(path);
    let written = temporary_in(folder).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    });
    written.map_err(|error| Fault::file(path, &error))
}

/// A file in `folder` that goes away unless it is kept, readable by whoever may read other files of this user.
pub(crate) fn temporary_in(folder: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".omega-");
    // Temporary files are private by default; what is written for others to read is not.
    #[cfg(unix)]
    let mode: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    #[cfg(unix)]
    builder.permissions(mode);
    builder.tempfile_in(folder)
}

/// The folder that a path stands in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
