//! The interpreter that environments are built for: the one that the worker lane runs.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fault::EnvironmentFault;
use crate::process::{Bounds, Cancel, run};

/// The oldest version that is taken (spec page 4): major, minor.
pub const PYTHON_VERSION_MIN: (u32, u32) = (3, 10);
/// Names that are looked for in `PATH`.
const NAMES: [&str; 1] = ["python3"];
/// How long an interpreter may take to say what it is.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);
/// What it is asked. Nothing of the user's or the site's is loaded for it.
const QUESTION: &str = "\
import json, sys, sysconfig
print(json.dumps({'executable': sys.executable, 'implementation': sys.implementation.name,
    'version': '.'.join(map(str, sys.version_info[:3])), 'platform': sysconfig.get_platform(),
    'abi': sysconfig.get_config_var('SOABI') or ''}))";

/// A Python interpreter and what packages must fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interpreter {
    /// Its executable, absolute.
    #[serde(rename = "executable")]
    pub path: PathBuf,
    /// `cpython`, say.
    pub implementation: String,
    /// `3.11.7`, say.
    pub version: String,
    /// As `sysconfig` names it: `linux-x86_64`, say.
    pub platform: String,
    /// The tag of its extension modules: `cpython-311-x86_64-linux-gnu`, say.
    pub abi: String,
}

impl Interpreter {
    /// The interpreter at `configured`, else the first `python3` of this process's `PATH`.
    ///
    /// # Errors
    /// [`EnvironmentFault::Interpreter`]: none, one that does not answer, or one that is too old.
    pub fn resolve(configured: Option<&Path>) -> Result<Self, EnvironmentFault> {
        let path = match configured {
            Some(path) => path.to_owned(),
            None => find_in(std::env::var_os("PATH").as_deref().unwrap_or_default()).ok_or_else(|| {
                EnvironmentFault::Interpreter("there is no python3 in PATH; install Python 3.10 or newer".to_owned())
            })?,
        };
        Self::ask(&path)
    }

    fn ask(path: &Path) -> Result<Self, EnvironmentFault> {
        let unusable =
            |why: String| EnvironmentFault::Interpreter(format!("the interpreter {}: {why}", path.display()));
        let cancel = Cancel::default();
        let bounds = Bounds { time_max: ANSWER_TIME_MAX, disk: None, cancel: &cancel };
        let mut command = Command::new(path);
        command.args(["-I", "-S", "-c", QUESTION]).env_clear().envs(kept_environment(&["PATH", "HOME"]));
        let ended = run(&mut command, &bounds, |_| ()).map_err(|fault| unusable(fault.to_string()))?;
        let answer = ended.lines.iter().rev().find(|line| line.starts_with('{'));
        let Some(answer) = answer.filter(|_| ended.status.success()) else {
            return Err(unusable("it does not say what it is".to_owned()));
        };
        let found: Self = serde_json::from_str(answer).map_err(|error| unusable(error.to_string()))?;
        if found.minor().is_none_or(|version| version < PYTHON_VERSION_MIN) {
            let (major, minor) = PYTHON_VERSION_MIN;
            return Err(unusable(format!("it is {}; at least {major}.{minor} is needed", found.version)));
        }
        if !found.path.is_absolute() {
            return Err(unusable("it does not know its own path".to_owned()));
        }
        Ok(found)
    }

    fn minor(&self) -> Option<(u32, u32)> {
        let mut parts = self.version.split('.').map(str::parse);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    }

    /// What an environment is built for, as it is journalled: another patch of the same version takes it too.
    pub fn tag(&self) -> String {
        let (major, minor) = self.minor().unwrap_or_default();
        format!("{} {major}.{minor} {} {}", self.implementation, self.platform, self.abi).trim_end().to_owned()
    }
}

/// Those of these variables that this process has.
pub(crate) fn kept_environment(names: &[&str]) -> BTreeMap<String, std::ffi::OsString> {
    names.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var_os(name)?))).collect()
}

/// The first executable file of one of the names. Relative entries are passed over: what the working folder holds must
/// not decide.
pub(crate) fn find_in(path: &OsStr) -> Option<PathBuf> {
    find_executable(path, &NAMES)
}

pub(crate) fn find_executable(path: &OsStr, names: &[&str]) -> Option<PathBuf> {
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| is_executable(file))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    /// A program that answers as an interpreter would.
    fn script(folder: &Path, answer: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.join("python3");
        std::fs::write(&path, format!("#!/bin/sh\n{answer}\n")).expect("a temporary file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn interpreters_that_are_missing_old_or_none_are_refused_in_clear_words() {
        let folder = tempfile::tempdir().unwrap();
        let check = |answer: &str, expect: &str| {
            let error = Interpreter::resolve(Some(&script(folder.path(), answer))).unwrap_err();
            assert!(error.to_string().contains(expect), "{answer}: {error}");
            assert_eq!(error.code(), omega_contract::ErrorCode::LaneUnavailable);
        };
        let says = |version: &str| {
            format!(
                "echo '{{\"executable\":\"/x\",\"implementation\":\"cpython\",\"version\":\"{version}\",\"platform\":\"p\",\"abi\":\"\"}}'"
            )
        };
        check(&says("3.9.18"), "it is 3.9.18; at least 3.10");
        check(&says("2.7.18"), "it is 2.7.18");
        check(&says("x"), "it is x");
        check("echo hello", "does not say what it is");
        check("exit 1", "does not say what it is");
        let error = Interpreter::resolve(Some(&folder.path().join("nowhere"))).unwrap_err();
        assert!(error.to_string().contains("nowhere"), "{error}");
        let found = Interpreter::resolve(Some(&script(folder.path(), &says("3.10.0")))).unwrap();
        assert_eq!(found.tag(), "cpython 3.10 p");
    }

    #[test]
    fn the_working_folder_decides_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let here = script(folder.path(), "");
        assert_eq!(find_in(OsStr::new(".:relative")), None);
        let path = std::env::join_paths([Path::new("."), Path::new("/nowhere"), folder.path()]).unwrap();
        assert_eq!(find_in(&path), Some(here));
    }
}
