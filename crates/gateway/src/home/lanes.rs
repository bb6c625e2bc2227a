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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerSettings {
    /// The Python interpreter, an absolute path; empty: the first `python3` in PATH.
    pub python: PathBuf,
    /// Where dependencies come from (`https://`, `http://` or `file://`); empty: what the machine's pip.conf names, else PyPI.
    pub index_url: String,
    /// Bytes of memory of one call.
    pub memory_bytes_max: u64,
    /// Whether plugins and their dependencies may bring machine code (the `native` profile).
    pub native: NativeCode,
    /// Workers of a plugin that wait ahead of calls, at most.
    pub ready_max: u32,
    /// Warm parents at the same time, one for each plugin in use.
    pub zygotes_max: u32,
    /// Milliseconds after its last call for which a plugin keeps its warm parent and what waits.
    pub idle_ms: u64,
}

/// Whether plugins may bring machine code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NativeCode {
    /// They run in the `native` profile.
    Allow,
    /// They are refused.
    Refuse,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            python: PathBuf::new(),
            index_url: String::new(),
            memory_bytes_max: 256 * 1024 * 1024,
            native: NativeCode::Allow,
            ready_max: 4,
            zygotes_max: 32,
            idle_ms: 60_000,
        }
    }
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
        if !(32 << 20..=64 << 30).contains(&self.memory_bytes_max) {
            return bad("memory_bytes_max", "between 33554432 and 68719476736");
        }
        if !(1..=64).contains(&self.ready_max) {
            return bad("ready_max", "between 1 and 64");
        }
        if !(1..=1_024).contains(&self.zygotes_max) {
            return bad("zygotes_max", "between 1 and 1024");
        }
        if !(1_000..=86_400_000).contains(&self.idle_ms) {
            return bad("idle_ms", "between 1000 and 86400000");
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
