//! The dependency lock of a Python package: `requirements.txt` or `pylock.toml` (PEP 751) at its root.
//!
//! What is read here is what is built: the tool that installs is given [`DependencyLock::requirements_text`], which is
//! written from what was understood, and never the author's file. So an option, an address or a file name in a lock has
//! no effect that this module did not see.
//!
//! What never happens here: a lock that leaves a choice. Each requirement has one version and the hashes of its files.

mod pylock;
mod requirements;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use omega_contract::{Entrypoint, ErrorCode, Sha256Hex};

use super::files::PackageFiles;
use crate::field_path::shown;

/// pip's format.
pub const REQUIREMENTS_FILE: &str = "requirements.txt";
/// The format of PEP 751.
pub const PYLOCK_FILE: &str = "pylock.toml";
/// Names what a project needs, but pins nothing.
const PYPROJECT_FILE: &str = "pyproject.toml";

/// How the entry file of a Python plugin ends.
const PYTHON_ENDING: &str = ".py";
/// Bytes of a lock.
pub const LOCK_BYTES_MAX: usize = 1024 * 1024;
/// Requirements of a lock.
pub const LOCK_REQUIREMENTS_MAX: usize = 512;
/// Hashes of one requirement: a release has a file for each platform and interpreter.
pub const LOCK_HASHES_MAX: usize = 512;
/// Characters of a name, a version or a marker.
const LOCK_TEXT_CHARS_MAX: usize = 512;

/// Why a package's lock is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {what}", .line.map(|line| format!(" line {line}")).unwrap_or_default())]
pub struct LockFault {
    /// Which file.
    pub file: &'static str,
    /// Which line, where it is one.
    pub line: Option<usize>,
    /// What is wrong and what would be right.
    pub what: String,
}

impl LockFault {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::LockInvalid
    }

    fn of(file: &'static str, line: impl Into<Option<usize>>, what: impl Into<String>) -> Self {
        Self { file, line: line.into(), what: what.into() }
    }
}

/// What a Python package needs: each with one version, and the hashes of the files that may be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyLock {
    /// The file's name.
    pub file: &'static str,
    /// Of the file's bytes.
    pub sha256: Sha256Hex,
    /// At least one, in the file's order.
    pub requirements: Vec<LockedRequirement>,
}

/// One requirement of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedRequirement {
    /// Where it begins in the lock, from 1.
    pub line: usize,
    /// The distribution.
    pub name: String,
    /// Its optional parts.
    pub extras: Vec<String>,
    /// Exactly this one.
    pub version: String,
    /// Where it is needed (PEP 508), as the author wrote it: the installer evaluates it.
    pub marker: Option<String>,
    /// Of the files that may be installed; at least one.
    pub sha256: BTreeSet<Sha256Hex>,
}

impl DependencyLock {
    /// The lock of a package whose entry file is Python; none where it needs nothing. Other packages may hold a file of that
    /// name for reasons of their own.
    ///
    /// # Errors
    /// [`LockFault`], naming the line.
    pub fn of_entry(files: &PackageFiles, entrypoint: &Entrypoint) -> Result<Option<Self>, LockFault> {
        match entrypoint {
            Entrypoint::Worker { file, .. } if file.ends_with(PYTHON_ENDING) => Self::of_package(files),
            _ => Ok(None),
        }
    }

    fn of_package(files: &PackageFiles) -> Result<Option<Self>, LockFault> {
        let text = |file: &'static str| -> Result<Option<(&str, Sha256Hex)>, LockFault> {
            let Some(bytes) = files.get(file) else { return Ok(None) };
            if bytes.len() > LOCK_BYTES_MAX {
                return Err(LockFault::of(file, None, format!("more than {LOCK_BYTES_MAX} bytes")));
            }
            let text = std::str::from_utf8(bytes).map_err(|_| LockFault::of(file, None, "not UTF-8"))?;
            Ok(Some((text, Sha256Hex::of(bytes))))
        };
        let (file, sha256, requirements) = match (text(REQUIREMENTS_FILE)?, text(PYLOCK_FILE)?) {
            (None, None) => {
                if let Some((project, _)) = text(PYPROJECT_FILE)? {
                    pylock::refuse_unlocked(project)?;
                }
                return Ok(None);
            }
            (Some(_), Some(_)) => {
                let what = format!("the package has {REQUIREMENTS_FILE} too, and one of them is the lock");
                return Err(LockFault::of(PYLOCK_FILE, None, what));
            }
            (Some((text, sha256)), None) => (REQUIREMENTS_FILE, sha256, requirements::read(text)?),
            (None, Some((text, sha256))) => (PYLOCK_FILE, sha256, pylock::read(text)?),
        };
        refuse_twice(file, &requirements)?;
        Ok((!requirements.is_empty()).then_some(Self { file, sha256, requirements }))
    }

    /// What the installer is given: pip's format, each requirement on the line where the author has it, so that the
    /// installer's messages name the author's line.
    pub fn requirements_text(&self) -> String {
        let mut text = String::new();
        let mut line = 1;
        for requirement in &self.requirements {
            while line < requirement.line {
                text.push('\n');
                line += 1;
            }
            text.push_str(&requirement.to_line());
            text.push('\n');
            line += 1;
        }
        text
    }
}

impl LockedRequirement {
    fn to_line(&self) -> String {
        let mut line = self.name.clone();
        if !self.extras.is_empty() {
            let _never = write!(line, "[{}]", self.extras.join(","));
        }
        let _never = write!(line, "=={}", self.version);
        if let Some(marker) = &self.marker {
            let _never = write!(line, " ; {marker}");
        }
        for hash in &self.sha256 {
            let _never = write!(line, " --hash=sha256:{hash}");
        }
        line
    }

    /// Checks what both formats have in common.
    fn checked(self, file: &'static str) -> Result<Self, LockFault> {
        let line = self.line;
        let fault = |what: String| Err(LockFault::of(file, line, what));
        if let Some(bad) = [&self.name].into_iter().chain(&self.extras).find(|name| !is_name(name)) {
            return fault(format!("{:?} is not the name of a distribution or of an extra", shown(bad)));
        }
        if !is_version(&self.version) {
            return fault(format!(
                "{} is not pinned: {:?} is not one version; write {}==VERSION",
                shown(&self.name),
                shown(&self.version),
                shown(&self.name)
            ));
        }
        if let Some(marker) = self.marker.as_ref().filter(|marker| !is_marker(marker)) {
            return fault(format!("{:?} is not an environment marker (PEP 508)", shown(marker)));
        }
        if self.sha256.is_empty() {
            return fault(format!("{}=={} has no --hash=sha256:…", self.name, self.version));
        }
        if self.sha256.len() > LOCK_HASHES_MAX {
            return fault(format!("more than {LOCK_HASHES_MAX} hashes"));
        }
        Ok(self)
    }
}

/// A distribution that is pinned twice is chosen by its markers; without one, the installer would have to choose.
fn refuse_twice(file: &'static str, requirements: &[LockedRequirement]) -> Result<(), LockFault> {
    let mut unmarked = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for requirement in requirements {
        let name = normalized(&requirement.name);
        let again = !seen.insert(name.clone());
        if again && (requirement.marker.is_none() || unmarked.contains(&name)) {
            let what = format!("{} is pinned twice, and no marker says which is meant", requirement.name);
            return Err(LockFault::of(file, requirement.line, what));
        }
        if requirement.marker.is_none() {
            unmarked.insert(name);
        }
    }
    Ok(())
}

/// As PEP 503 compares names.
fn normalized(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if text.ends_with('-') => {}
            '-' | '_' | '.' => text.push('-'),
            c => text.push(c.to_ascii_lowercase()),
        }
    }
    text
}

/// PEP 508's form of a name.
fn is_name(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    text.len() <= LOCK_TEXT_CHARS_MAX
        && text.bytes().all(inside)
        && edge(text.bytes().next())
        && edge(text.bytes().next_back())
}

/// One version of PEP 440: no wildcard, no range.
fn is_version(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'!' | b'+' | b'-' | b'_');
    text.len() <= LOCK_TEXT_CHARS_MAX
        && text.bytes().all(inside)
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

/// Nothing that the installer could read as anything but a marker: no option, no comment, no variable.
fn is_marker(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || b" _.,<>=!~\"'()+-".contains(&b);
    !text.is_empty()
        && text.len() <= LOCK_TEXT_CHARS_MAX
        && text.bytes().all(inside)
        && text.split(' ').all(|word| !word.starts_with('-'))
}

#[cfg(test)]
mod tests;
