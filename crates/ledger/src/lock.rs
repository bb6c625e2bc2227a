//! One writer: a lock file held for the process's life (spec page 3, "Files in the home").

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::LedgerError;

const LOCK_FILE: &str = "lock";
const RETRY_MS: u64 = 20;

/// The right to write. The system takes it back when the process ends, however it ends.
///
/// The lock belongs to the open file, not to this descriptor of it. A child that another thread starts has a copy of the
/// descriptor between its fork and its exec (only exec closes it), so that closing ours would leave the lock to that
/// child for the moment: it is let go of in so many words.
#[derive(Debug)]
pub(crate) struct WriterLock {
    file: File,
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // Where that fails, closing the file does the same as soon as no copy is left.
        let _left_to_close = self.file.unlock();
    }
}

impl WriterLock {
    /// Takes the lock of the ledger in `dir`, waiting up to `wait` for another process to let go.
    pub(crate) fn take(dir: &Path, wait: Duration) -> Result<Self, LedgerError> {
        let path = dir.join(LOCK_FILE);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = file.map_err(LedgerError::write("open", &path))?;
        let give_up = Instant::now() + wait;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(LedgerError::write("lock", &path)(source)),
                Err(TryLockError::WouldBlock) if Instant::now() < give_up => {
                    std::thread::sleep(Duration::from_millis(RETRY_MS));
                }
                Err(TryLockError::WouldBlock) => return Err(LedgerError::Locked { pid: holder(&mut file) }),
            }
        }
        tell_holder(&mut file).map_err(LedgerError::write("write", &path))?;
        Ok(Self { file })
    }
}

/// For the message to whoever comes second; a lock without it still locks.
fn tell_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = WriterLock::take(dir.path(), Duration::ZERO).unwrap();
        let refused = WriterLock::take(dir.path(), Duration::from_millis(2 * RETRY_MS)).unwrap_err();
        assert!(matches!(refused, LedgerError::Locked { pid } if pid == Some(std::process::id())), "{refused}");
        drop(first);
        WriterLock::take(dir.path(), Duration::ZERO).unwrap();
    }

    #[test]
    fn a_copy_of_the_descriptor_does_not_keep_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let first = WriterLock::take(dir.path(), Duration::ZERO).unwrap();
        // What a child that is just being started holds.
        let _copy = first.file.try_clone().unwrap();
        drop(first);
        WriterLock::take(dir.path(), Duration::ZERO).unwrap();
    }

    /// No child takes the lock with it: else a worker that outlives a crash would keep the home closed.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_does_not_inherit_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let lock = WriterLock::take(dir.path(), Duration::ZERO).unwrap();
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let open = std::fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap();
        let files: Vec<_> = open.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok()).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!files.is_empty() && !files.contains(&dir.path().canonicalize().unwrap().join(LOCK_FILE)), "{files:?}");
        drop(lock);
    }

    #[test]
    fn waiting_helps_when_the_first_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let first = WriterLock::take(dir.path(), Duration::ZERO).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| WriterLock::take(dir.path(), Duration::from_mins(1)));
            drop(first);
            second.join().unwrap().unwrap();
        });
    }
}
