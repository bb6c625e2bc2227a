//! Machines that lack something: a refusal that names what, and the way to it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use omega_lane_worker::{WorkerLane, WorkerLaneOptions};

use crate::support::options;

fn refused(options: &WorkerLaneOptions, words: &[&str]) {
    let Err(refusal) = WorkerLane::new(options) else { panic!("the lane starts: {words:?}") };
    for word in words {
        assert!(refusal.detail.contains(word), "`{word}` is not in: {}", refusal.detail);
    }
}

fn script(folder: &Path, text: &str) -> WorkerLaneOptions {
    let path = folder.join("python3");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    WorkerLaneOptions { python: Some(path), ..options() }
}

#[test]
fn no_python() {
    let nowhere = WorkerLaneOptions { python: Some(PathBuf::from("/nowhere/python3")), ..options() };
    refused(&nowhere, &["interpreter", "/nowhere/python3", "install Python 3.10"]);
}

#[test]
fn an_old_python() {
    let folder = tempfile::tempdir().unwrap();
    let answer = r#"{"version": [3, 8, 10]}"#;
    let old = script(folder.path(), &format!("#!/bin/sh\necho '{answer}'\n"));
    refused(&old, &["interpreter", "3.8.10", "3.10 or newer"]);
}

#[test]
fn a_python_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["#!/bin/sh\nexit 3\n", "#!/bin/sh\necho hello\n", "no program\n"] {
        refused(&script(folder.path(), text), &["interpreter", "no usable Python interpreter"]);
    }
    // Its answer is there; what it left running holds its output open.
    refused(&script(folder.path(), "#!/bin/sh\nsleep 300 &\necho '{}'\n"), &["interpreter", "no usable"]);
}

#[test]
fn no_landlock_and_the_first_one() {
    for (abi, found) in [(0, "ABI is 0"), (1, "ABI is 1")] {
        let old = WorkerLaneOptions { landlock_abi_max: abi, ..options() };
        refused(&old, &["Landlock", found, "5.19"]);
    }
}

#[test]
fn an_old_landlock_says_what_is_lost() {
    use omega_contract::Lane;
    let lane = WorkerLane::new(&WorkerLaneOptions { landlock_abi_max: 2, ..options() }).unwrap();
    let layers = format!("{:?}", lane.describe().layers);
    assert!(
        layers.contains("ABI 2: files (TCP, signals and abstract sockets: namespaces and seccomp alone)"),
        "{layers}"
    );
}

#[test]
fn a_helper_that_is_none() {
    use omega_lane_worker::HelperProgram;
    for path in ["/nowhere/helper", "/bin/true"] {
        let helper = HelperProgram::At(PathBuf::from(path));
        refused(&WorkerLaneOptions { helper, ..options() }, &["helper process", "become_helper_if_asked"]);
    }
}

/// Run again by the next test, where user namespaces are used up.
#[test]
fn without_user_namespaces() {
    if std::env::var_os("OMEGA_TEST_WITHOUT_NAMESPACES").is_some() {
        refused(&options(), &["namespaces", "user.max_user_namespaces"]);
    }
}

#[test]
fn no_user_namespaces() {
    // In a user namespace of its own, in which there may be no more of them.
    let test = std::env::current_exe().unwrap();
    let line = format!(
        "echo 0 > /proc/sys/user/max_user_namespaces && exec {} environments::without_user_namespaces --exact",
        test.display()
    );
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "sh", "-c", &line])
        .env("OMEGA_TEST_WITHOUT_NAMESPACES", "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
