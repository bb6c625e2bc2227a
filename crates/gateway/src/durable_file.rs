//! Small files of the home that a crash must not leave half written.
//!
//! What never happens here: a file seen under its name before its content is durable.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use crate::home::make_private_folder;

/// Writes the file `name` in `folder`, which is made if needed: after a crash there is the old one or the new one, whole.
pub(crate) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    make_private_folder(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name)).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Makes the names in a folder durable.
#[cfg(not(windows))]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Windows cannot open a folder as a file; NTFS journals names by itself.
#[cfg(windows)]
pub(crate) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("new");
        for content in ["first", "second and longer", ""] {
            replace(&inside, "x", content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(inside.join("x")).unwrap(), content);
        }
        assert_eq!(fs::read_dir(&inside).unwrap().count(), 1);
    }
}
