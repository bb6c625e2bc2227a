//! What is JavaScript's own: the engine, which is a part of this program, the loop around it, how its zygote begins.
//!
//! The zygote is this program once more, as the helper is. What never happens here: plugin code in the zygote, and a module that is
//! looked for anywhere.

mod canary;
mod engine;
mod host;
mod stream;
mod text;
mod thrown;
mod zygote;

use omega_contract::ports::LaneProgram;

use crate::language::{Canary, Language, package_file};
use crate::messages::ZygoteProgram;
use crate::program::Content;
use crate::sys;

/// What the zygote is called: by this name the program knows that it is one.
const ZYGOTE_NAME: &str = "omega-javascript-zygote";
/// What the zygote of the canary is called.
const CANARY_NAME: &str = "omega-javascript-canary";

/// Becomes a zygote where this process was started as one, and then never returns.
pub(crate) fn become_zygote_if_asked(name: &std::ffi::OsStr) {
    if name == ZYGOTE_NAME {
        zygote::run(zygote::serve);
    }
    if name == CANARY_NAME {
        zygote::run(canary::serve);
    }
}

/// The JavaScript of this program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JavaScript;

impl Language for JavaScript {
    fn name(&self) -> &'static str {
        "JavaScript"
    }

    fn engine(&self) -> String {
        format!("QuickJS-ng {}", sys::engine_version())
    }

    fn place(&self) -> String {
        format!("{}, a part of this program; one module, bounded memory and stack", self.engine())
    }

    fn takes_machine_code(&self) -> bool {
        false
    }

    fn check(&self, program: &LaneProgram) -> Result<(), String> {
        let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        if program.export.is_empty() || !program.export.chars().all(is_name) {
            return Err(format!("`{:.64}` is no name of JavaScript's", program.export));
        }
        if program.environment.is_some() {
            return Err(
                "a JavaScript plugin is one module, bundled with what it needs: it has no environment".to_owned()
            );
        }
        Ok(())
    }

    fn content(&self, program: &LaneProgram) -> Content {
        let mut content = content(ZYGOTE_NAME);
        // Nothing else of the package can be reached: no module reads a file.
        content.files.extend(program.files.get_key_value(&program.entry).map(package_file));
        content
    }

    /// Native: what a plugin that had broken out of its engine would do.
    fn canary(&self) -> Canary {
        const ENTRY: &str = "canary.js";
        let mut content = content(CANARY_NAME);
        content.files.push(package_file((&ENTRY.to_owned(), &[].into())));
        Canary { entry: ENTRY, source: b"", content: Some(content) }
    }
}

/// What a zygote of this name is made of, but for the plugin's package.
fn content(name: &str) -> Content {
    Content {
        program: ZygoteProgram::Helper,
        arguments: vec![name.to_owned()],
        // Of the program's own allocator: address space that it would only reserve is bounded.
        environment: vec![("MIMALLOC_ARENA_RESERVE".to_owned(), "0".to_owned())],
        ..Content::default()
    }
}
