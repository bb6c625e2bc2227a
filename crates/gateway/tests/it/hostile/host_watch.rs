//! What of the host an attack could touch, looked at before and after it.
//!
//! The process as a whole (descriptors, threads, memory) is looked at where the test has it for itself, as with
//! `cargo nextest`; elsewhere other tests open and close things meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::harness::{Bench, snapshot};

/// Descriptors and threads that may be more after any number of attacks than before the first: what a busy runtime
/// holds for a while. One left behind by each attack would be several times as many.
const DESCRIPTORS_SLACK: usize = 8;
const THREADS_SLACK: usize = 24;
/// Bytes by which one attack may make the process grow while it runs: the guest's 64 MiB, what crosses the boundary
/// and what the gateway reads of it, a package read, and a compiler.
const PEAK_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Bytes by which all attacks together may make it grow: each leaves a plugin that is ready, and sandboxes stay mapped.
const GROWTH_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Parts of the home that a call may change: evidence, what evidence keeps, and compiled code.
const CALLS_CHANGE: [&str; 4] = ["ledger", "artifacts", "cache", "registry.sqlite-shm"];
/// Parts that a refusal may change besides: the rejected package's row.
const REFUSALS_CHANGE: [&str; 3] = ["registry.sqlite", "registry.sqlite-wal", "registry.sqlite-journal"];

/// What an attack may change of the home.
#[derive(Clone, Copy)]
pub(super) enum MayChange {
    /// A call's evidence.
    Evidence,
    /// A refusal's evidence, and its row.
    Rows,
}

/// The host, before an attack.
pub(super) struct HostWatch {
    canary: PathBuf,
    home: PathBuf,
    ledger: PathBuf,
    before: Look,
    process: Option<Process>,
}

struct Look {
    canary: BTreeMap<PathBuf, String>,
    home: BTreeMap<PathBuf, String>,
    environment: BTreeSet<(OsString, OsString)>,
    folder: PathBuf,
    resident_bytes: u64,
}

#[derive(Debug, Clone, Copy)]
struct Process {
    descriptors: usize,
    threads: usize,
    resident_bytes: u64,
}

impl HostWatch {
    /// Lays out a folder that nothing may touch, beside the home.
    pub(super) fn new(bench: &Bench) -> Self {
        let canary = bench.beside("host");
        std::fs::create_dir_all(canary.join("a/b")).unwrap();
        std::fs::write(canary.join("file"), "untouched").unwrap();
        std::fs::write(canary.join("a/b/secret"), "nobody's business").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("../file", canary.join("a/link")).unwrap();
        let (home, ledger) = (bench.home.path().to_owned(), bench.home.ledger_dir());
        let before = Look::now(&canary, &home);
        Self { canary, home, ledger, before, process: Process::alone() }
    }

    /// Looks anew: what changes from here on is the next attack's doing.
    pub(super) fn start(&mut self) {
        self.before = Look::now(&self.canary, &self.home);
        forget_peak();
    }

    /// Fails if anything changed that may not.
    pub(super) fn assert_untouched(&self, name: &str, may_change: MayChange) {
        let after = Look::now(&self.canary, &self.home);
        assert_eq!(self.before.canary, after.canary, "{name}: the host's files");
        assert_eq!(self.before.environment, after.environment, "{name}: the environment");
        assert_eq!(self.before.folder, after.folder, "{name}: the working folder");
        let of_rows = |path: &Path| REFUSALS_CHANGE.iter().any(|part| path == Path::new(part));
        for (path, hash) in &after.home {
            if self.before.home.get(path) != Some(hash) {
                let part = path.strip_prefix(&self.home).unwrap();
                let may = CALLS_CHANGE.iter().any(|may| part.starts_with(may))
                    || matches!(may_change, MayChange::Rows) && of_rows(part);
                assert!(may, "{name} changed {}", part.display());
            }
        }
        let gone =
            self.before.home.keys().find(|path| !after.home.contains_key(*path) && !path.starts_with(&self.ledger));
        assert_eq!(gone, None, "{name} removed a file");
        self.assert_process(name);
    }

    fn assert_process(&self, name: &str) {
        let (Some(first), Some(now)) = (self.process, Process::alone()) else { return };
        assert!(now.descriptors <= first.descriptors + DESCRIPTORS_SLACK, "{name}: {now:?}, at first {first:?}");
        assert!(now.threads <= first.threads + THREADS_SLACK, "{name}: {now:?}, at first {first:?}");
        assert!(now.resident_bytes <= first.resident_bytes + GROWTH_BYTES_MAX, "{name}: {now:?}, at first {first:?}");
        if let Some(peak) = status_bytes("VmHWM:") {
            let before = self.before.resident_bytes;
            assert!(peak <= before + PEAK_BYTES_MAX, "{name}: {peak} bytes at its peak, {before} before");
        }
    }
}

impl Look {
    fn now(canary: &Path, home: &Path) -> Self {
        Self {
            canary: with_metadata(canary),
            home: snapshot(home),
            environment: std::env::vars_os().collect(),
            folder: std::env::current_dir().unwrap(),
            resident_bytes: status_bytes("VmRSS:").unwrap_or(0),
        }
    }
}

/// As [`snapshot`], with who may do what with each file, and when it was last written.
fn with_metadata(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = snapshot(folder);
    for (path, hash) in &mut found {
        let metadata = std::fs::symlink_metadata(path).unwrap();
        *hash = format!("{hash} {:?} {:?} {}", metadata.permissions(), metadata.modified().unwrap(), metadata.len());
    }
    found
}

impl Process {
    /// What the process holds, where no other test runs in it.
    fn alone() -> Option<Self> {
        let alone = std::env::var_os("NEXTEST_EXECUTION_MODE").is_some_and(|mode| mode == "process-per-test");
        if !alone || !cfg!(target_os = "linux") {
            return None;
        }
        Some(Self {
            descriptors: open_descriptors()?,
            threads: std::fs::read_dir("/proc/self/task").ok()?.count(),
            resident_bytes: status_bytes("VmRSS:")?,
        })
    }
}

/// Descriptors but for the memory images of plugins that are ready: one for each memory, kept on purpose.
fn open_descriptors() -> Option<usize> {
    let targets = std::fs::read_dir("/proc/self/fd").ok()?.flatten().map(|entry| std::fs::read_link(entry.path()));
    let is_image = |target: &PathBuf| target.to_string_lossy().contains("wasm-memory-image");
    Some(targets.flatten().filter(|target| !is_image(target)).count())
}

/// A line of `/proc/self/status`, in bytes.
fn status_bytes(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Makes the kernel count the peak of the resident memory anew.
fn forget_peak() {
    // Where that is not allowed the peak is that of the whole test, which is a stricter bound.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
