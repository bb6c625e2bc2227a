//! What is Python's own: the interpreter, what of the host it needs, how its zygote begins.
//!
//! What never happens here: plugin code; and no search for an interpreter in the current folder.

mod interpreter;

use std::collections::BTreeSet;
use std::path::Path;

pub use interpreter::{Interpreter, InterpreterError};

use crate::messages::HostMount;
use crate::program::Content;

include!(concat!(env!("OUT_DIR"), "/sdk_files.rs"));

/// Where the interpreter is inside.
const HOME: &str = "/python";
/// The library that locks a worker down; `build.rs` compiles it.
static LOCKDOWN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/lockdown.so"));
const ZYGOTE: &str = include_str!("zygote.py");

/// Where a module of the SDK is inside.
fn sdk_path(name: &str) -> String {
    format!("/omega/omega_plugin/{name}")
}

impl Interpreter {
    /// What a zygote of this interpreter is made of, but for the plugin's package.
    pub(crate) fn content(&self, is_deterministic: bool, environment: Option<&Path>) -> Content {
        let mut content = Content {
            mounts: self.mounts(),
            links: self.links().to_vec(),
            arguments: vec![
                format!("{HOME}/bin/python3"),
                // No user's packages, no `site`, text is UTF-8. `-I` is of no use: the environment is ours, and would not be read.
                "-s".to_owned(),
                "-S".to_owned(),
                "-B".to_owned(),
                "-X".to_owned(),
                "utf8".to_owned(),
                "/omega/zygote.py".to_owned(),
            ],
            environment: vec![
                ("LD_LIBRARY_PATH".to_owned(), self.library_folders().join(":")),
                // Each arena of glibc's reserves address space, which is bounded.
                ("MALLOC_ARENA_MAX".to_owned(), "2".to_owned()),
            ],
            ..Content::default()
        };
        if is_deterministic {
            content.environment.push(("PYTHONHASHSEED".to_owned(), "0".to_owned()));
        }
        let standard = self.standard_inside();
        content.emptied =
            ["site-packages", "dist-packages", "test", "ensurepip"].map(|name| format!("{standard}/{name}")).to_vec();
        content.files.push(("/omega/zygote.py".to_owned(), ZYGOTE.as_bytes().into()));
        content.files.push(("/omega/lockdown.so".to_owned(), LOCKDOWN.into()));
        for (path, bytes) in SDK_FILES {
            content.files.push((sdk_path(path), (*bytes).into()));
            if let Some((path, bytes)) = self.compiled(path) {
                content.files.push((path, bytes.into()));
            }
        }
        if let Some(folder) = environment {
            let host = folder.to_string_lossy().into_owned();
            content.mounts.push(HostMount { host, inside: "/env".to_owned(), is_folder: true, has_code: true });
        }
        content
    }

    /// Folders inside in which libraries are looked for.
    fn library_folders(&self) -> Vec<String> {
        let parents = self.libraries_inside().filter_map(|path| Some(Path::new(&path).parent()?.to_str()?.to_owned()));
        parents.collect::<BTreeSet<_>>().into_iter().collect()
    }
}
