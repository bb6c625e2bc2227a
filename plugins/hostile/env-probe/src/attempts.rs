//! What the probe attempts, each with what came of it.

use std::{fs, io, process::Command, thread};

use serde::Serialize;

/// One attempt.
#[derive(Serialize)]
pub(crate) struct Attempt {
    what: String,
    succeeded: bool,
    said: String,
}

impl Attempt {
    fn of<T>(what: impl Into<String>, came_of_it: io::Result<T>) -> Self {
        let succeeded = came_of_it.is_ok();
        let said = came_of_it.map_or_else(|error| error.to_string(), |_| "it worked".to_owned());
        Self { what: what.into(), succeeded, said }
    }
}

/// Makes all attempts.
pub(crate) fn all() -> Vec<Attempt> {
    let mut made = Vec::new();
    for path in ["/etc/passwd", "../../../../etc/passwd", "/proc/self/environ", "plugin.wasm", "PLUGIN_MANIFEST.json"] {
        made.push(Attempt::of(format!("read {path}"), fs::read(path)));
    }
    for path in ["/", ".", "..", "/proc"] {
        made.push(Attempt::of(format!("list {path}"), fs::read_dir(path)));
    }
    for path in ["/home/hostile-env-probe", "hostile-env-probe", "/dev/shm/hostile-env-probe"] {
        made.push(Attempt::of(format!("write {path}"), fs::write(path, "was here")));
    }
    made.push(Attempt::of("make a folder", fs::create_dir("hostile-env-probe-folder")));
    made.push(Attempt::of("remove a file", fs::remove_file("PLUGIN_MANIFEST.json")));
    made.push(Attempt::of("start a process", Command::new("/bin/sh").arg("-c").arg("true").spawn()));
    made.push(Attempt::of("start a thread", thread::Builder::new().spawn(|| ())));
    made
}
