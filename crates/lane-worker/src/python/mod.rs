//! What is Python's own: the interpreter, what of the host it needs, how its zygote begins.
//!
//! What never happens here: plugin code; and no search for an interpreter in the current folder.

mod interpreter;

use omega_contract::manifest::DeterminismMode;
use omega_contract::ports::LaneProgram;

pub use interpreter::{Interpreter, InterpreterError};

use crate::language::{Canary, Language, package_file};
use crate::libraries::{code_file, search_path};
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

impl Language for Interpreter {
    fn name(&self) -> &'static str {
        "Python"
    }

    fn engine(&self) -> String {
        format!("CPython {}", self.version())
    }

    fn place(&self) -> String {
        format!("CPython {}, {}", self.version(), self.path().display())
    }

    fn takes_machine_code(&self) -> bool {
        true
    }

    fn check(&self, program: &LaneProgram) -> Result<(), String> {
        let is_name = program.export.chars().all(|c| c.is_alphanumeric() || c == '_') && !program.export.is_empty();
        if is_name { Ok(()) } else { Err(format!("`{:.64}` is no name of Python's", program.export)) }
    }

    fn content(&self, program: &LaneProgram) -> Content {
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
                ("LD_LIBRARY_PATH".to_owned(), search_path(self.libraries_inside())),
                // Each arena of glibc's reserves address space, which is bounded.
                ("MALLOC_ARENA_MAX".to_owned(), "2".to_owned()),
            ],
            ..Content::default()
        };
        if program.determinism == DeterminismMode::Deterministic {
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
        if let Some(environment) = &program.environment {
            let folder = code_file(&environment.folder, "/env".to_owned());
            content.mounts.push(HostMount { is_folder: true, ..folder });
        }
        content.files.extend(program.files.iter().map(package_file));
        content
    }

    fn canary(&self) -> Canary {
        Canary { entry: "canary.py", source: include_bytes!("canary.py"), content: None }
    }
}
