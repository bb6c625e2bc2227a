//! File systems that are small or cannot be written: mounted where only the process that needs them sees them.
//!
//! Permissions do not hold root, so that nothing less than a mount makes a folder read-only in every CI.

use std::path::Path;
use std::process::Command;

use super::load::HOME;

/// Runs one of this program's tests alone, in mounts of its own; gives what it printed. Where mounts are not to be
/// had, that is a failure and no skip.
pub fn run_in_private_mounts(test: &str, home: &Path) -> String {
    let child = Command::new("unshare")
        // As another than root, with a root of its own that may mount.
        .args(["--mount", "--map-root-user"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(HOME, home)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{told}\n{}", String::from_utf8_lossy(&child.stderr));
    told
}

/// A file system in memory of this size.
pub fn mount_small(folder: &Path, mebibytes: u32) {
    let size = format!("size={mebibytes}m");
    mount(&["-t", "tmpfs", "-o", &size, "none"], folder);
}

/// Makes what is there read-only, for this process and those that it starts.
pub fn mount_read_only(folder: &Path) {
    mount(&["--bind", folder.to_str().unwrap()], folder);
    mount(&["-o", "remount,bind,ro"], folder);
    assert!(std::fs::write(folder.join("new"), "").is_err());
}

fn mount(words: &[&str], folder: &Path) {
    let done = Command::new("mount").args(words).arg(folder).status().unwrap();
    assert!(done.success(), "mount {words:?}");
}

/// Undoes a mount.
pub fn unmount(folder: &Path) {
    assert!(Command::new("umount").arg(folder).status().unwrap().success());
}
