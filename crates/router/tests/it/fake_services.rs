//! A gateway's services without a home, and a router over scripted plugins. Whatever may wait in a real
//! gateway waits here too, once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use omega_contract::manifest::{MANIFEST_FILE, SIGNATURE_FILE};
use omega_contract::plugin_info::LaneKind;
use omega_contract::ports::{BoxFuture, CallKey, Enforcement, GuestLogLevel, LaneLimits};
use omega_contract::{
    Capability, ErrorCode, Host, Meta, Payload, PluginId, PluginRequest, RequestPolicy, Sha256Hex, Timestamp,
    TrustedKey,
};
use omega_proof::key::SecretKey;
use omega_proof::package::{FileDigests, sign_package};
use omega_router::{
    BreakerPolicy, CallBrokers, LaneFacts, ProgressListener, QuotaPolicy, Refused, Router, RouterPolicy, Salt,
    Services, Target,
};
use omega_validator::{Call, Ceilings, HeldData, Package, PackageFiles, Refusal, Unverified, Verified, verify_package};
use serde_json::{Value, json};
use tokio::task::yield_now;

use crate::fakes::{Act, HandClock, Script, Tape};

/// Calls of one plugin that may wait.
pub const QUEUE_MAX: usize = 2;
/// Failures that open a breaker.
pub const BREAKER_FAILURES: u32 = 3;
/// How long it stays open.
pub const COOLDOWN: Duration = Duration::from_secs(30);

/// A manifest of a plugin that takes and gives `kind`.
pub fn manifest(plugin_id: &str, input: &str, output: &str) -> Value {
    let descriptor = |way: &str, kind: &str| json!([{"kind": kind, "schema_ref": format!("schemas/{way}.schema.json"), "limits": {"max_bytes": 10_000}}]);
    json!({
        "plugin_id": plugin_id, "name": "Scripted", "vendor": "Tests", "description": "",
        "version": "1.0.0", "api_version": "1.0.0", "supported_omega_api_versions": "^1.0.0",
        "capabilities": ["read_text", "read_json", "write_suggestion", "write_report"],
        "io": {"inputs": descriptor("input", input), "outputs": descriptor("output", output)},
        "limits": {"max_bytes": 20_000, "max_ms": 1_000, "max_concurrency": 1},
        "determinism": {"mode": "probabilistic", "notes": ""},
        "evidence": {"log_level": "summary", "redactions": []},
        "entrypoint": {"type": "worker", "file": "plugin.wasm", "export": "handle"}
    })
}

/// A real verified package of this manifest.
pub fn package(manifest: &Value) -> Verified<Package> {
    let key = SecretKey::from_seed([7; 32]);
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    files.insert(MANIFEST_FILE.into(), manifest.to_string().into_bytes());
    files.insert("plugin.wasm".into(), b"never run".to_vec());
    for way in ["input", "output"] {
        files.insert(format!("schemas/{way}.schema.json"), br#"{"type":"object"}"#.to_vec());
    }
    let digests = FileDigests::of_files(files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())));
    let id: PluginId = manifest["plugin_id"].as_str().unwrap().parse().unwrap();
    files.insert(SIGNATURE_FILE.into(), sign_package(&digests, &id, &semver::Version::new(1, 0, 0), &key));
    let files = PackageFiles::new(files.into_iter().map(|(path, bytes)| (path, Arc::from(bytes)))).unwrap();
    let trusted = TrustedKey {
        key_id: key.public().key_id(),
        public_key_pem: key.public().to_pem(),
        label: String::new(),
        plugins: Vec::new(),
        max_capabilities: None,
    };
    verify_package(Unverified(files), &[trusted], Timestamp::EPOCH).unwrap()
}

fn target(manifest: &Value, program: Arc<Script>) -> Arc<Target> {
    let lane = LaneFacts {
        kind: LaneKind::Wasm,
        engine: "script".into(),
        determinism: Enforcement::Enforced,
        layers: "none".into(),
    };
    let limits = LaneLimits {
        memory_bytes_max: 1,
        fuel_max: None,
        output_bytes_max: 10_000,
        log_bytes_max: 1,
        host_calls_max: 1,
    };
    let breaker = BreakerPolicy { failures: BREAKER_FAILURES, cooldown: COOLDOWN };
    let capabilities = Capability::ALL.iter().copied().collect();
    let package = Arc::new(package(manifest));
    Arc::new(Target::new(package, program, capabilities, lane, limits, (QUEUE_MAX, breaker)))
}

/// The services of a gateway that has these targets.
#[derive(Default)]
pub struct Shelf {
    targets: BTreeMap<String, Arc<Target>>,
    /// What [`Services::check_payload`] says no with.
    pub payload_refusal: Mutex<Option<ErrorCode>>,
    /// How long [`Services::find`] takes.
    pub load: Mutex<Duration>,
    /// What [`Services::keep`] says no with.
    pub keep_refusal: Mutex<Option<ErrorCode>>,
    pub kept: Mutex<Vec<Vec<u8>>>,
}

fn refused(code: Option<ErrorCode>) -> Result<(), Refused> {
    code.map_or(Ok(()), |code| Err(Refused::new(code, "as the test says")))
}

impl Services for Shelf {
    fn find<'a>(&'a self, plugin_id: &'a PluginId) -> BoxFuture<'a, Result<Arc<Target>, Refused>> {
        let found = self.targets.get(plugin_id.as_str()).cloned();
        let load = *self.load.lock().unwrap();
        Box::pin(async move {
            yield_now().await;
            if !load.is_zero() {
                tokio::time::sleep(load).await;
            }
            found.ok_or_else(|| Refused::new(ErrorCode::PluginUnknown, "not on the shelf"))
        })
    }

    fn check_payload<'a>(
        &'a self,
        _target: &'a Target,
        _call: &'a Verified<Call>,
        _deadline: Instant,
    ) -> BoxFuture<'a, Result<(), Refused>> {
        let code = *self.payload_refusal.lock().unwrap();
        Box::pin(async move {
            yield_now().await;
            refused(code)
        })
    }

    fn brokers(&self, _: &Target, _: &Verified<Call>, _: &ProgressListener, _: Instant) -> Arc<dyn CallBrokers> {
        Arc::new(NoBrokers)
    }

    fn held(&self) -> &dyn HeldData {
        self
    }

    fn check_result<'a>(&'a self, _target: &'a Target, _result: &'a Payload) -> BoxFuture<'a, Result<(), Refused>> {
        Box::pin(async {
            yield_now().await;
            Ok(())
        })
    }

    fn keep(&self, bytes: &[u8]) -> Result<Sha256Hex, Refused> {
        refused(*self.keep_refusal.lock().unwrap())?;
        self.kept.lock().unwrap().push(bytes.to_vec());
        Ok(Sha256Hex::of(bytes))
    }

    fn salt(&self, _run_id: &str, _request_id: &str, _step: u32) -> Result<Salt, Refused> {
        Ok(Salt([9; 32]))
    }
}

impl HeldData for Shelf {
    fn artifact_hash(&self, _artifact_id: &str) -> Result<Option<Sha256Hex>, Refusal> {
        Ok(None)
    }

    fn has_dataset(&self, _source: &str) -> Result<bool, Refusal> {
        Ok(false)
    }
}

struct NoBrokers;

impl CallBrokers for NoBrokers {
    fn uses(&self) -> Vec<Meta> {
        Vec::new()
    }

    fn log_text(&self) -> String {
        String::new()
    }
}

impl Host for NoBrokers {
    fn log(&self, _level: GuestLogLevel, _message: &str) {}
}

/// A router over scripted plugins.
pub struct Bench {
    pub router: Arc<Router>,
    pub tape: Arc<Tape>,
    pub shelf: Arc<Shelf>,
    pub clock: Arc<HandClock>,
    pub scripts: Vec<Arc<Script>>,
}

impl Bench {
    /// One plugin, `scripted`, text to text.
    pub fn new(tape: Tape, acts: &[Act]) -> Self {
        Self::of(tape, &[(manifest("scripted", "text", "text"), acts)])
    }

    pub fn of(tape: Tape, plugins: &[(Value, &[Act])]) -> Self {
        let scripts: Vec<Arc<Script>> = plugins.iter().map(|(_, acts)| Arc::new(Script::new(acts))).collect();
        let targets = plugins.iter().zip(&scripts).map(|((manifest, _), script)| {
            (manifest["plugin_id"].as_str().unwrap().to_owned(), target(manifest, Arc::clone(script)))
        });
        let shelf = Arc::new(Shelf { targets: targets.collect(), ..Shelf::default() });
        let (tape, clock) = (Arc::new(tape), Arc::new(HandClock::default()));
        let policy = RouterPolicy {
            quota: QuotaPolicy { calls_max: 8, queue_max: QUEUE_MAX, queue_wait_max: Duration::from_secs(5) },
            breaker: BreakerPolicy { failures: BREAKER_FAILURES, cooldown: COOLDOWN },
            ceilings: Ceilings { payload_bytes_max: 1 << 20 },
            timeout_max: Duration::from_mins(1),
        };
        let router = Router::new(tape.clone(), shelf.clone(), clock.clone(), policy);
        Self { router: Arc::new(router), tape, shelf, clock, scripts }
    }

    pub fn script(&self) -> &Script {
        &self.scripts[0]
    }
}

pub fn id(text: &str) -> PluginId {
    text.parse().unwrap()
}

/// A request of run `run`.
pub fn request(request_id: &str, policy: Option<RequestPolicy>) -> PluginRequest {
    PluginRequest {
        request_id: request_id.parse().unwrap(),
        run_id: "run".parse().unwrap(),
        timestamp: Timestamp::EPOCH,
        payload: Payload::text("in"),
        context: BTreeMap::new(),
        policy,
    }
}

pub fn policy(timeout_ms: u64, max_retries: u8) -> RequestPolicy {
    RequestPolicy { deterministic_only: false, timeout_ms, max_retries }
}

pub fn key(request_id: &str, step: u32) -> CallKey {
    CallKey { run_id: "run".parse().unwrap(), request_id: request_id.parse().unwrap(), step }
}
