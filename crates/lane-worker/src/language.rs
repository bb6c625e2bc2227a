//! What the lane asks of a language whose programs it runs, and which languages those are.
//!
//! What never happens here: what belongs to one language alone; a language that is missing keeps no other from running.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use omega_contract::ErrorCode;
use omega_contract::ports::{LaneProgram, LaneRefusal};

use crate::describe::unavailable;
use crate::javascript::JavaScript;
use crate::messages::Failure;
use crate::program::Content;
use crate::python::Interpreter;

/// A language that runs here.
pub(crate) trait Language: Debug + Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Its engine and the engine's version, for evidence.
    fn engine(&self) -> String;

    /// Where its engine is, for people.
    fn place(&self) -> String;

    /// Whether its programs may bring machine code.
    fn takes_machine_code(&self) -> bool;

    /// What can be said of a program without running anything; what is wrong with it.
    fn check(&self, program: &LaneProgram) -> Result<(), String>;

    /// What a program's zygote is made of.
    fn content(&self, program: &LaneProgram) -> Content;

    /// Its canary: a program that attacks its sandbox.
    fn canary(&self) -> Canary;
}

/// A program that attacks its sandbox, before any plugin is there.
pub(crate) struct Canary {
    pub(crate) entry: &'static str,
    pub(crate) source: &'static [u8],
    /// What its zygote is made of, where that is not what a plugin's is made of.
    pub(crate) content: Option<Content>,
}

/// The languages of this machine.
#[derive(Debug)]
pub(crate) struct Languages {
    pub(crate) python: Result<Interpreter, Failure>,
    pub(crate) javascript: JavaScript,
}

impl Languages {
    /// The language of a program, by the name of its entry file.
    ///
    /// # Errors
    /// `lane_unavailable`: none that runs here.
    pub(crate) fn of(&self, entry: &str) -> Result<&dyn Language, LaneRefusal> {
        match Path::new(entry).extension().and_then(std::ffi::OsStr::to_str) {
            Some("py") => match &self.python {
                Ok(python) => Ok(python),
                Err(failure) => Err(unavailable(failure)),
            },
            Some("js" | "mjs") => Ok(&self.javascript),
            _ => Err(LaneRefusal {
                code: ErrorCode::LaneUnavailable,
                detail: format!("{entry}: the worker lane runs Python (`.py`) and JavaScript (`.js`, `.mjs`)"),
            }),
        }
    }

    /// Those that run here.
    pub(crate) fn present(&self) -> Vec<&dyn Language> {
        let python = self.python.as_ref().ok().map(|python| python as &dyn Language);
        python.into_iter().chain([&self.javascript as &dyn Language]).collect()
    }
}

/// A file of a package, where its zygote has it.
pub(crate) fn package_file((path, bytes): (&String, &Arc<[u8]>)) -> (String, Arc<[u8]>) {
    (format!("/plugin/{path}"), Arc::clone(bytes))
}
