//! `omega.toml`: what the operator sets.
//!
//! Layers: defaults, then `omega.toml`, then the environment. The environment may only set what does
//! not weaken a check: ceilings, default grants, protected paths, durability and `require_conformance`
//! come from the file alone. Unknown keys are errors that name the nearest known one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use omega_contract::limits::{PAYLOAD_BYTES_MAX, TIMEOUT_MS_MAX};
use omega_contract::proof_bundle::Durability;
use omega_contract::{Capability, capability::CapabilityApi};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::lanes::LaneSettings;
use super::serve::Serve;

/// What `omega init` writes: every key, commented out, with its default.
pub(super) const COMMENTED_DEFAULTS: &str = include_str!("omega.toml");

/// What `omega init` writes where the log's key is kept outside.
pub(super) fn commented(log_key: Option<&Path>) -> String {
    let Some(path) = log_key else { return COMMENTED_DEFAULTS.to_owned() };
    let value = toml_text(&Value::String(path.display().to_string()));
    COMMENTED_DEFAULTS.replacen("# log_key = \"\"\n", &format!("log_key = {value}\n"), 1)
}

/// Bytes of `omega.toml`.
const CONFIG_BYTES_MAX: u64 = 256 * 1024;

/// The effective configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// When a call is acknowledged: after `fdatasync` (`batch`) or after the write (`relaxed`).
    pub durability: Durability,
    /// Whether only what has a passing conformance report is enabled.
    pub require_conformance: bool,
    /// Where the log's private key is kept, an absolute path; empty: in the home, `keys/log.pem`.
    pub log_key: PathBuf,
    /// Folders that no grant may reach into (INV-PNP-02).
    pub protected_paths: Vec<PathBuf>,
    /// What no manifest and no grant can exceed.
    pub ceilings: Ceilings,
    /// How many calls run and wait.
    pub quotas: Quotas,
    /// When a failing plugin is left alone.
    pub breaker: Breaker,
    /// The wasm lane.
    pub wasm: Wasm,
    /// The other lanes.
    pub lanes: LaneSettings,
    /// `omega serve`.
    pub serve: Serve,
    #[serde(skip)]
    origins: BTreeMap<String, Origin>,
}

/// What no manifest and no grant can exceed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ceilings {
    /// Capabilities that may be held at all.
    pub capabilities: Vec<Capability>,
    /// Capabilities that a plugin holds without an explicit grant, where its manifest asks for them;
    /// only those of API 1.0 can be here.
    pub default_grants: Vec<Capability>,
    /// Bytes of a payload or a result.
    pub payload_bytes_max: u64,
    /// Milliseconds of one call.
    pub timeout_ms_max: u64,
    /// Bytes of memory of one call.
    pub memory_bytes_max: u64,
}

/// How many calls run and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    /// Calls that run at once, of all plugins.
    pub calls_max: u32,
    /// Calls of one plugin that wait.
    pub queue_max: u32,
    /// Milliseconds that a call waits at most.
    pub queue_wait_ms_max: u64,
}

/// When a failing plugin is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    /// Consecutive failures that open it.
    pub failures: u32,
    /// Milliseconds that it refuses.
    pub cooldown_ms: u64,
}

/// The wasm lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wasm {
    /// Exact bound on computation, in wasmtime's fuel (about one unit an instruction); 0: time alone bounds it.
    pub fuel_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        let default_grants =
            Capability::ALL.iter().copied().filter(|capability| capability.since() == CapabilityApi::V1_0).collect();
        Self {
            durability: Durability::Batch,
            require_conformance: false,
            log_key: PathBuf::new(),
            protected_paths: Vec::new(),
            ceilings: Ceilings {
                capabilities: Capability::ALL.to_vec(),
                default_grants,
                payload_bytes_max: PAYLOAD_BYTES_MAX,
                timeout_ms_max: TIMEOUT_MS_MAX,
                memory_bytes_max: 64 * 1024 * 1024,
            },
            quotas: Quotas { calls_max: 256, queue_max: 1_024, queue_wait_ms_max: 5_000 },
            breaker: Breaker { failures: 5, cooldown_ms: 30_000 },
            wasm: Wasm::default(),
            lanes: LaneSettings::default(),
            serve: Serve::default(),
            origins: BTreeMap::new(),
        }
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// `omega.toml`.
    File,
    /// This environment variable.
    Environment(String),
}

/// One effective value, for `omega config show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// Dotted, such as `quotas.calls_max`.
    pub key: String,
    /// As TOML writes it.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("omega.toml: {0}")]
    Unreadable(#[from] io::Error),
    /// The file is larger than any real one.
    #[error("omega.toml is larger than {CONFIG_BYTES_MAX} bytes")]
    TooLarge,
    /// Not TOML.
    #[error("omega.toml: {0}")]
    Syntax(String),
    /// A key that means nothing.
    #[error("omega.toml: unknown key `{key}`{}", nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    UnknownKey {
        /// Dotted.
        key: String,
        /// The known key that looks most like it.
        nearest: Option<String>,
    },
    /// A value of the wrong type or out of its bounds.
    #[error("{key}: {message}")]
    Value {
        /// Dotted key or environment variable.
        key: String,
        /// What would be right.
        message: String,
    },
}

/// Environment variables that may set a key. What is not here comes from the file alone.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("OMEGA_QUOTAS_CALLS_MAX", "quotas.calls_max"),
    ("OMEGA_QUOTAS_QUEUE_MAX", "quotas.queue_max"),
    ("OMEGA_QUOTAS_QUEUE_WAIT_MS_MAX", "quotas.queue_wait_ms_max"),
    ("OMEGA_BREAKER_FAILURES", "breaker.failures"),
    ("OMEGA_BREAKER_COOLDOWN_MS", "breaker.cooldown_ms"),
];

impl Config {
    /// Reads the file (absent: defaults) and lays the environment over it.
    ///
    /// # Errors
    /// [`ConfigError`]; a broken configuration is never half used.
    pub fn load(file: &Path, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, ConfigError> {
        let text = match fs::metadata(file) {
            Ok(metadata) if metadata.len() > CONFIG_BYTES_MAX => return Err(ConfigError::TooLarge),
            Ok(_) => fs::read_to_string(file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error.into()),
        };
        let given: Table = text.parse().map_err(|e: toml::de::Error| ConfigError::Syntax(e.to_string()))?;
        let environment: BTreeMap<String, String> = environment
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self::from_layers(&given, &environment)
    }

    fn from_layers(given: &Table, environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut layers = default_table()?;
        let known = flatten(&layers);
        let mut origins: BTreeMap<String, Origin> = known.keys().map(|key| (key.clone(), Origin::Default)).collect();
        for (key, value) in flatten(given) {
            if !known.contains_key(&key) {
                return Err(ConfigError::UnknownKey { nearest: nearest(&key, known.keys()), key });
            }
            set(&mut layers, &key, value);
            origins.insert(key, Origin::File);
        }
        for (variable, key) in ENVIRONMENT {
            let Some(text) = environment.get(variable) else { continue };
            let number: i64 = text.parse().map_err(|_| ConfigError::Value {
                key: variable.to_owned(),
                message: format!("{text:?} is not a whole number"),
            })?;
            set(&mut layers, key, Value::Integer(number));
            origins.insert(key.to_owned(), Origin::Environment(variable.to_owned()));
        }
        let mut config =
            Self::deserialize(layers).map_err(|e: toml::de::Error| ConfigError::Syntax(e.message().to_owned()))?;
        config.origins = origins;
        config.check()?;
        Ok(config)
    }

    /// Bounds that the types do not hold.
    fn check(&self) -> Result<(), ConfigError> {
        let bad =
            |key: &str, message: &str| Err(ConfigError::Value { key: key.to_owned(), message: message.to_owned() });
        if let Some(capability) =
            self.ceilings.default_grants.iter().find(|capability| capability.since() != CapabilityApi::V1_0)
        {
            return bad(
                "ceilings.default_grants",
                &format!("`{capability}` needs a grant for each plugin; only API 1.0 capabilities can be defaults"),
            );
        }
        if let Some(path) = self.protected_paths.iter().find(|path| !path.is_absolute()) {
            return bad("protected_paths", &format!("{} is not an absolute path", path.display()));
        }
        if self.log_key_file().is_some_and(Path::is_relative) {
            return bad("log_key", "not an absolute path");
        }
        if !(1..=PAYLOAD_BYTES_MAX).contains(&self.ceilings.payload_bytes_max) {
            return bad("ceilings.payload_bytes_max", "between 1 and 67108864");
        }
        if !(100..=TIMEOUT_MS_MAX).contains(&self.ceilings.timeout_ms_max) {
            return bad("ceilings.timeout_ms_max", "between 100 and 86400000");
        }
        if !(1 << 20..=4 << 30).contains(&self.ceilings.memory_bytes_max) {
            return bad("ceilings.memory_bytes_max", "between 1048576 and 4294967296");
        }
        if self.quotas.calls_max == 0 || self.quotas.calls_max > 4_096 {
            return bad("quotas.calls_max", "between 1 and 4096");
        }
        if self.quotas.queue_max > 1_000_000 {
            return bad("quotas.queue_max", "at most 1000000");
        }
        if self.breaker.failures == 0 {
            return bad("breaker.failures", "at least 1");
        }
        self.lanes.worker.check()?;
        self.serve.check()
    }

    /// Where the log's private key is kept, if not in the home.
    pub fn log_key_file(&self) -> Option<&Path> {
        Some(&*self.log_key).filter(|path| !path.as_os_str().is_empty())
    }

    /// Every effective value with its origin, by key.
    pub fn settings(&self) -> Vec<Setting> {
        let table = Table::try_from(self).unwrap_or_default();
        flatten(&table)
            .into_iter()
            .map(|(key, value)| Setting {
                origin: self.origins.get(&key).cloned().unwrap_or(Origin::Default),
                value: toml_text(&value),
                key,
            })
            .collect()
    }

    /// An `omega.toml` that says all of it.
    pub fn to_toml(&self) -> String {
        self.settings().iter().map(|setting| format!("{} = {}\n", setting.key, setting.value)).collect()
    }

    /// What bounds plugins, as it is journalled when it changes (spec page 7).
    pub fn effective_policy(&self) -> serde_json::Value {
        let mut policy = serde_json::json!({
            "durability": self.durability,
            "protected_paths": self.protected_paths,
            "ceilings": self.ceilings,
        });
        if self.require_conformance {
            policy["require_conformance"] = true.into();
        }
        // Whom the HTTP door lets in besides what its own addresses say: nobody, most of the time.
        let Serve { hosts, origins, .. } = &self.serve;
        if !hosts.is_empty() || !origins.is_empty() {
            policy["serve"] = serde_json::json!({"hosts": hosts, "origins": origins});
        }
        policy
    }
}

fn default_table() -> Result<Table, ConfigError> {
    Table::try_from(Config::default()).map_err(|e| ConfigError::Syntax(e.to_string()))
}

/// Dotted keys to leaves.
fn flatten(table: &Table) -> BTreeMap<String, Value> {
    let mut leaves = BTreeMap::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                leaves.extend(flatten(inner).into_iter().map(|(rest, leaf)| (format!("{key}.{rest}"), leaf)));
            }
            leaf => {
                leaves.insert(key.clone(), leaf.clone());
            }
        }
    }
    leaves
}

fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        Some((head, rest)) => {
            if let Some(Value::Table(inner)) = table.get_mut(head) {
                set(inner, rest, value);
            }
        }
        None => {
            table.insert(key.to_owned(), value);
        }
    }
}

/// A leaf as TOML writes it.
fn toml_text(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Datetime(time) => time.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(toml_text).collect::<Vec<_>>().join(", ")),
        // `flatten` leaves no tables.
        Value::Table(_) => String::new(),
    }
}

fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a String>) -> Option<String> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(key, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= key.len() / 2)
        .map(|(_, candidate)| candidate.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::from_layers(&text.parse().unwrap(), &environment)
    }

    #[test]
    fn the_commented_file_names_every_key_with_its_default() {
        let uncommented: String = COMMENTED_DEFAULTS
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
            .flat_map(|line| [line, "\n"])
            .collect();
        let given: Table = uncommented.parse().unwrap();
        assert_eq!(flatten(&given), flatten(&default_table().unwrap()));
        let as_written: Table = COMMENTED_DEFAULTS.parse().unwrap();
        assert!(flatten(&as_written).is_empty(), "nothing is set but by the operator");
    }

    #[test]
    fn a_log_key_outside_is_written_into_the_file() {
        let written = commented(Some(Path::new("/secure/log \\\"key.pem")));
        let config = load(&written, &[]).unwrap();
        assert_eq!(config.log_key_file(), Some(Path::new("/secure/log \\\"key.pem")));
        assert_eq!(load(&commented(None), &[]).unwrap().log_key_file(), None);
    }

    #[test]
    fn a_file_of_all_settings_says_the_same() {
        let text =
            "require_conformance = true\nprotected_paths = ['/a b']\n[lanes.worker]\npython = '/x/\"y'\nidle_ms = 7000";
        let mut config = load(text, &[]).unwrap();
        let mut again = load(&config.to_toml(), &[]).unwrap();
        config.origins.clear();
        again.origins.clear();
        assert_eq!(again, config);
    }

    #[test]
    fn layers_and_origins() {
        let config =
            load("durability = 'relaxed'\n[quotas]\ncalls_max = 2", &[("OMEGA_QUOTAS_CALLS_MAX", "3")]).unwrap();
        assert_eq!(config.durability, Durability::Relaxed);
        assert_eq!(config.quotas.calls_max, 3);
        let origin = |key: &str| config.settings().into_iter().find(|s| s.key == key).unwrap().origin;
        assert_eq!(origin("durability"), Origin::File);
        assert_eq!(origin("quotas.calls_max"), Origin::Environment("OMEGA_QUOTAS_CALLS_MAX".into()));
        assert_eq!(origin("breaker.failures"), Origin::Default);
    }

    #[test]
    fn faults_are_named() {
        let check = |text: &str, expect: &str| {
            let error = load(text, &[]).unwrap_err().to_string();
            assert!(error.contains(expect), "{text}: {error}");
        };
        check("durabilty = 'batch'", "did you mean `durability`?");
        check("[quotas]\ncals_max = 1", "did you mean `quotas.calls_max`?");
        check("[quotas]\ncalls_max = 0", "between 1 and 4096");
        check("[quotas]\ncalls_max = 'x'", "invalid type");
        check("[quotas]\ncalls_max = -1", "invalid value");
        check("[breaker]\nfailures = 0", "at least 1");
        check("durability = 'never'", "unknown variant");
        check("protected_paths = ['a']", "absolute");
        check("log_key = 'a'", "absolute");
        check("[ceilings]\ndefault_grants = ['llm']", "needs a grant");
        check("[ceilings]\ncapabilities = ['network_access']", "unknown variant");
        check("quotas = 1", "unknown key");
        check("[serve]\nlisten = ['localhost']", "invalid socket address");
        check("[lanes.worker]\npython = 'python3'", "lanes.worker.python: not an absolute path");
        for url in ["ftp://x", "https://x y", "https://x\\n--pre", "https://x#", "https://${X}"] {
            check(&format!("[lanes.worker]\nindex_url = \"{url}\""), "lanes.worker.index_url: an https://");
        }
        check("[serve]\ntls_cert = 'a'", "serve.tls_cert: not an absolute path");
        check("[serve]\ntls_cert = '/a'", "serve.tls_cert: a certificate and a key go together");
        check("[serve]\nconnections_max = 0", "serve.connections_max: between 1 and 65536");
        check("[serve]\notlp_endpoint = 'https://collector'", "serve.otlp_endpoint: an http:// address");
    }

    #[test]
    fn the_environment_cannot_weaken_a_check() {
        let hostile = [
            ("OMEGA_DURABILITY", "relaxed"),
            ("OMEGA_CEILINGS_CAPABILITIES", "llm"),
            ("OMEGA_CEILINGS_PAYLOAD_BYTES_MAX", "1"),
            ("OMEGA_PROTECTED_PATHS", ""),
            ("OMEGA_REQUIRE_CONFORMANCE", "false"),
        ];
        let mut config = load("", &hostile).unwrap();
        config.origins.clear();
        assert_eq!(config, Config::default());
        assert!(load("", &[("OMEGA_QUOTAS_CALLS_MAX", "many")]).is_err());
    }
}
