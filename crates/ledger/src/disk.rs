//! The file operations on which durability hangs, behind a port, so that tests can make each one fail.
//!
//! What never happens here: reading. A failed read loses nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// Makes and names files.
pub(crate) trait Disk: Send + Sync + 'static {
    /// A new file, to be appended to; fails where it exists.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// A new file, or an old one emptied.
    fn create_over(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// An existing file, to be appended to.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// An existing file, to be written in place or truncated.
    fn open_in_place(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// A new folder; its parent is there.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Another name within the same file system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Bytes that are free for us on the disk that holds `path`.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
}

/// One open file.
pub(crate) trait DiskFile: Send + Sync + 'static {
    /// Writes all of `bytes` at the end.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Writes all of `bytes` from the start, in place.
    fn overwrite(&self, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// `fdatasync`: what was written before is durable when this returns.
    fn sync(&self) -> io::Result<()>;
}

/// The operating system's disk.
pub(crate) struct OsDisk;

impl Disk for OsDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).create_new(true).open(path)?))
    }

    fn create_over(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().write(true).create(true).truncate(true).open(path)?))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).open(path)?))
    }

    fn open_in_place(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().write(true).open(path)?))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    #[cfg(not(windows))]
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// Windows cannot open a folder as a file; NTFS journals names by itself.
    #[cfg(windows)]
    fn sync_folder(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        fs4::available_space(path)
    }
}

impl DiskFile for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(bytes)
    }

    fn overwrite(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(bytes)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
