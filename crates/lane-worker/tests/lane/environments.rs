//! Machines that lack something: a refusal that names what, and the way to it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use omega_contract::ports::{LaneEnding, LayerState};
use omega_contract::{ErrorCode, Lane};
use omega_lane_worker::{WorkerLane, WorkerLaneOptions};

use crate::outside::programs;
use crate::support::{options, program, run};

fn refused(options: &WorkerLaneOptions, words: &[&str]) {
    let Err(refusal) = WorkerLane::new(options) else { panic!("the lane starts: {words:?}") };
    for word in words {
        assert!(refusal.detail.contains(word), "`{word}` is not in: {}", refusal.detail);
    }
}

/// Python programs are refused, with these words; JavaScript runs all the same, and its lane tells what it lacks.
async fn without_python(options: &WorkerLaneOptions, words: &[&str]) {
    let lane = WorkerLane::new(options).unwrap_or_else(|refusal| panic!("{refusal}"));
    assert!(lane.python().is_none());
    let python = program("from omega_plugin import plugin");
    for refusal in [lane.inspect(&python).unwrap_err(), lane.prepare(&python).map(drop).unwrap_err()] {
        assert_eq!(refusal.code, ErrorCode::LaneUnavailable);
        for word in words {
            assert!(refusal.detail.contains(word), "`{word}` is not in: {}", refusal.detail);
        }
    }
    let description = lane.describe();
    assert!(description.missing().is_none(), "{description:?}");
    assert!(description.engine.starts_with("QuickJS-ng "), "{}", description.engine);
    let row = description.layers.iter().find(|layer| layer.name == "Python").expect("a row for Python");
    let LayerState::NotHere { needed_by: ".py", remedy } = &row.state else { panic!("{row:?}") };
    assert!(words[1..].iter().all(|word| remedy.contains(word)), "{remedy}");
    let answers = programs::javascript(
        "export const handle = () => ({payload: {kind: 'text', content: 'here', encoding: 'utf-8', metadata: {}}});",
    );
    let ready = lane.prepare(&answers).unwrap_or_else(|refusal| panic!("{refusal}"));
    let report = run(&ready, "go").await;
    assert!(matches!(report.ending, LaneEnding::Finished(_)), "{report:?}");
}

fn script(folder: &Path, text: &str) -> WorkerLaneOptions {
    let path = folder.join("python3");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    WorkerLaneOptions { python: Some(path), ..options() }
}

#[tokio::test]
async fn no_python() {
    let nowhere = WorkerLaneOptions { python: Some(PathBuf::from("/nowhere/python3")), ..options() };
    without_python(&nowhere, &["interpreter", "/nowhere/python3", "install Python 3.10"]).await;
}

#[tokio::test]
async fn an_old_python() {
    let folder = tempfile::tempdir().unwrap();
    let answer = r#"{"version": [3, 8, 10]}"#;
    let old = script(folder.path(), &format!("#!/bin/sh\necho '{answer}'\n"));
    without_python(&old, &["interpreter", "3.8.10", "3.10 or newer"]).await;
}

#[tokio::test]
async fn a_python_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["#!/bin/sh\nexit 3\n", "#!/bin/sh\necho hello\n", "no program\n"] {
        without_python(&script(folder.path(), text), &["interpreter", "no usable Python interpreter"]).await;
    }
    // Its answer is there; what it left running holds its output open.
    let left = script(folder.path(), "#!/bin/sh\nsleep 300 &\necho '{}'\n");
    without_python(&left, &["interpreter", "no usable"]).await;
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

/// Puts a filter on itself and becomes the test: what the number meets is refused with `errno`, under a flag of its first argument or always.
const BEHIND_A_FILTER: &str = r"
import ctypes, os, struct, sys
number, flag, errno = map(int, sys.argv[1:4])
line = lambda code, yes, no, operand: struct.pack('HBBI', code, yes, no, operand)
program = line(0x20, 0, 0, 0) + line(0x15, 0, 3, number) + line(0x20, 0, 0, 16)
program += line(0x45 if flag else 0x05, 0, 1 if flag else 0, flag) + line(0x06, 0, 0, 0x50000 | errno) + line(0x06, 0, 0, 0x7FFF0000)
memory = ctypes.create_string_buffer(program)
libc = ctypes.CDLL(None)
filters = struct.pack('HP', len(program) // 8, ctypes.addressof(memory))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filters, 0, 0) == 0
os.execv(sys.argv[4], sys.argv[4:])
";
const WORDS: &str = "OMEGA_TEST_REFUSED_WITH";

/// Run again by the next tests, behind a filter.
#[test]
fn behind_a_filter() {
    let Ok(words) = std::env::var(WORDS) else { return };
    refused(&options(), &words.split(',').collect::<Vec<_>>());
}

fn run_behind_a_filter(call: &str, flag: u32, errno: i32, words: &str) {
    let number = syscalls::Sysno::from_str(call).unwrap().id();
    let output = Command::new("python3")
        .args(["-c", BEHIND_A_FILTER, &number.to_string(), &flag.to_string(), &errno.to_string()])
        .arg(std::env::current_exe().unwrap())
        .args(["environments::behind_a_filter", "--exact"])
        .env(WORDS, words)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_kernel_without_landlock() {
    run_behind_a_filter("landlock_create_ruleset", 0, 38, "lacks Landlock,ABI is 0,5.19");
}

#[test]
fn a_kernel_without_seccomp() {
    run_behind_a_filter("seccomp", 0, 38, "lacks seccomp,not implemented,CONFIG_SECCOMP_FILTER");
}

/// As container engines do by default.
#[test]
fn a_container_that_refuses_user_namespaces() {
    const CLONE_NEWUSER: u32 = 0x1000_0000;
    run_behind_a_filter("clone", CLONE_NEWUSER, 1, "lacks namespaces,not permitted,or run the gateway as root");
}

#[test]
fn a_container_that_refuses_mounts() {
    run_behind_a_filter("mount", 0, 1, "lacks private root,not permitted");
}
