//! A package index in a folder.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// An index, and the hashes of the one file of each release in it.
pub(super) struct Index {
    pub(super) folder: tempfile::TempDir,
    hashes: BTreeMap<String, String>,
}

impl Index {
    /// With these releases, as `wheels.py` takes them.
    pub(super) fn new(wheels: Value, sdists: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/environments/wheels.py");
        let mut python = Command::new("python3")
            .arg("-I")
            .arg(script)
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let wanted = json!({"wheels": wheels, "sdists": sdists}).to_string();
        python.stdin.take().unwrap().write_all(wanted.as_bytes()).unwrap();
        let made = python.wait_with_output().unwrap();
        assert!(made.status.success());
        Self { hashes: serde_json::from_slice(&made.stdout).unwrap(), folder }
    }

    /// What `omega.toml` says of it.
    pub(super) fn config(&self) -> String {
        format!("[lanes.worker]\nindex_url = \"file://{}\"\n", self.folder.path().display())
    }

    /// A line of a lock.
    pub(super) fn pin(&self, name: &str) -> String {
        format!("{name}==1.0 --hash=sha256:{}\n", self.hashes[name])
    }
}
