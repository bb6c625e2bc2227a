//! Keeps a reserve of disk space: new calls are refused before a write can be torn (spec page 3).
//!
//! What never happens here: refusing the outcome of a call that began. The reserve is there for those.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use omega_contract::ports::RecorderError;

use crate::disk::Disk;
use crate::options::{DISK_CHECK_BYTES, DISK_CHECK_MS};

pub(crate) struct Space {
    dir: PathBuf,
    reserve_bytes: u64,
    low: AtomicBool,
    unchecked_bytes: AtomicU64,
    checked_at: Mutex<Instant>,
}

impl Space {
    pub(crate) fn new(disk: &dyn Disk, dir: &Path, reserve_bytes: u64) -> Self {
        let space = Self {
            dir: dir.to_owned(),
            reserve_bytes,
            low: AtomicBool::new(false),
            unchecked_bytes: AtomicU64::new(0),
            checked_at: Mutex::new(Instant::now()),
        };
        space.check(disk);
        space
    }

    pub(crate) fn is_low(&self) -> bool {
        self.low.load(Ordering::Relaxed)
    }

    pub(crate) fn refusal(&self) -> RecorderError {
        RecorderError { cause: format!("fewer than {} bytes are free on its disk", self.reserve_bytes) }
    }

    /// Takes note of bytes that were written, and looks again when enough were, or time has passed.
    pub(crate) fn written(&self, disk: &dyn Disk, bytes: u64) {
        let unchecked = self.unchecked_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let interval = Duration::from_millis(DISK_CHECK_MS);
        let due = |checked_at: &Mutex<Instant>| checked_at.lock().is_ok_and(|at| at.elapsed() >= interval);
        if unchecked >= DISK_CHECK_BYTES || due(&self.checked_at) {
            self.check(disk);
        }
    }

    /// Looks now. Where that cannot be found out, there is none.
    pub(crate) fn check(&self, disk: &dyn Disk) {
        let low = disk.free_bytes(&self.dir).map_or(true, |free| free < self.reserve_bytes);
        self.low.store(low, Ordering::Relaxed);
        self.unchecked_bytes.store(0, Ordering::Relaxed);
        if let Ok(mut checked_at) = self.checked_at.lock() {
            *checked_at = Instant::now();
        }
    }
}
