//! `[lanes]`: what the operator sets of lanes that need something of the machine.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::config::ConfigError;

/// The lanes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaneSettings {
    /// The worker lane.
    pub worker: WorkerSettings,
}

/// The worker lane.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerSettings {
    /// The Python interpreter, an absolute path; empty: the first `python3` in PATH.
    pub python: PathBuf,
    /// Where dependencies come from (`https://`, `http://` or `file://`); empty: what the machine's pip.conf names, else PyPI.
    pub index_url: String,
}

impl WorkerSettings {
    /// The interpreter, where one is named.
    pub fn python_file(&self) -> Option<&Path> {
        Some(&*self.python).filter(|path| !path.as_os_str().is_empty())
    }

    /// The index, where one is named.
    pub fn index(&self) -> Option<&str> {
        Some(&*self.index_url).filter(|url| !url.is_empty())
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let bad = |key: &str, message: &str| {
            Err(ConfigError::Value { key: format!("lanes.worker.{key}"), message: message.to_owned() })
        };
        if self.python_file().is_some_and(Path::is_relative) {
            return bad("python", "not an absolute path");
        }
        let has_scheme = |url: &str| ["https://", "http://", "file://"].iter().any(|scheme| url.starts_with(scheme));
        // It stands in a file of the installer, where a space or a `#` would begin something else.
        let is_one_word = |url: &str| url.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '#' | '$' | '\\'));
        if self.index().is_some_and(|url| !has_scheme(url) || !is_one_word(url)) {
            return bad("index_url", "an https://, http:// or file:// address without spaces, `#`, `$` and `\\`");
        }
        Ok(())
    }
}
