//! What a whole call costs: validation, evidence and sandbox, beside wasmtime alone in the same run.
//!
//! `cargo xtask guests && cargo bench -p omega-gateway --bench call`. Without `--bench` (as `cargo test` runs
//! it) only a few rounds are made, to show that it works.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot go on fails")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

#[path = "../../lane-wasm/benches/raw/mod.rs"]
mod raw;
mod stages;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use omega_contract::manifest::{MANIFEST_FILE, SIGNATURE_FILE};
use omega_contract::ports::{LaneLimits, LaneProgram};
use omega_contract::{
    DeterminismMode, LogLevel, Manifest, Payload, PluginId, RequestPolicy, Sha256Hex, Status, Timestamp,
};
use omega_gateway::{Gateway, Home, OpenOptions, package_source, request, sign_package};
use omega_validator::PackageFiles;
use raw::Raw;

const CALLERS: usize = 256;
/// Calls of one kind in a row.
const BLOCK_CALLS: usize = 50;

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let scale = |full: usize| if measured { full } else { (full / 1_000).max(2) };
    let text = "The quick brown fox jumps over the lazy dog, twice.\n".repeat(80)[..4096].to_owned();
    let parts: [(&str, &dyn Fn()); 7] = [
        ("one", &|| one_call(&text, LogLevel::Summary, scale(10_000))),
        ("one-full", &|| one_call(&text, LogLevel::Full, scale(5_000))),
        ("stages", &|| stages::table(&text, scale(10_000))),
        ("many", &|| many_calls("examples/text-stats", &text, scale(40_000))),
        ("many-small", &|| many_calls("examples/hello", "OMEGA", scale(80_000))),
        ("two", &|| two_callers(scale(60_000))),
        ("loop", &|| busy_loop(scale(200))),
    ];
    // `cargo bench -p omega-gateway --bench call -- one stages` runs these two.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    for (name, part) in parts {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            part();
        }
    }
}

/// One caller, relaxed durability. `Full` keeps payload and result as artifacts beside the record.
fn one_call(text: &str, log_level: LogLevel, rounds: usize) {
    println!(
        "one call, 4 KiB text to report, one caller, relaxed durability, log level {log_level:?}, {rounds} rounds"
    );
    println!("{:<36} {:>9} {:>9} {:>12}", "", "p50 µs", "p99 µs", "p50 - raw");
    let raw = Raw::new(&program("examples/text-stats"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (_folder, gateway) = open("relaxed").await;
        let plugin = install(&gateway, "examples/text-stats", log_level).await;
        let gateway = with_history(gateway, &plugin, text, rounds).await;
        let mut took: [Vec<Duration>; 2] = Default::default();
        // In turn, so that whatever else the machine does strikes both alike; in blocks, so that each is as warm as it
        // is when it works. The first calls of a block warm it up.
        for _ in 0..rounds.div_ceil(BLOCK_CALLS) {
            for call in 0..2 * BLOCK_CALLS {
                let started = Instant::now();
                raw.call(text);
                if call >= BLOCK_CALLS {
                    took[0].push(started.elapsed());
                }
            }
            for call in 0..2 * BLOCK_CALLS {
                let asked = request(Payload::text(text));
                let started = Instant::now();
                let answer = gateway.invoke(&plugin, asked).await.unwrap();
                if call >= BLOCK_CALLS {
                    took[1].push(started.elapsed());
                }
                assert_eq!(answer.response.status, Status::Ok);
            }
        }
        let [bare, whole] = took.map(quantiles);
        println!("{:<36} {:>9.1} {:>9.1}", "raw: store, instantiate, call, drop", bare.0, bare.1);
        println!("{:<36} {:>9.1} {:>9.1} {:>12.1}\n", "gateway: invoke", whole.0, whole.1, whole.0 - bare.0);
    });
}

/// Many callers, each durability in a home of its own.
fn many_calls(guest: &str, text: &str, calls: usize) {
    println!("{CALLERS} callers, {calls} calls of {guest} with {} bytes, all cores", text.len());
    println!("{:<12} {:>12} {:>10} {:>10} {:>10}", "durability", "calls/s", "p50 ms", "p99 ms", "ratio");
    let mut relaxed_rate = None;
    for durability in ["relaxed", "batch"] {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (rate, took) = runtime.block_on(async {
            let (_folder, gateway) = open(durability).await;
            let plugin = install(&gateway, guest, LogLevel::Summary).await;
            let gateway = with_history(gateway, &plugin, text, calls / 10).await;
            drive(&gateway, &plugin, text, CALLERS, calls / 10).await;
            drive(&gateway, &plugin, text, CALLERS, calls).await
        });
        let (p50, p99) = quantiles(took);
        let ratio = rate / *relaxed_rate.get_or_insert(rate);
        println!("{durability:<12} {rate:>12.0} {:>10.2} {:>10.2} {ratio:>10.2}", p50 / 1e3, p99 / 1e3);
    }
    println!();
}

/// What a second caller of small calls adds: as tasks of one runtime, and as threads that share nothing but the gateway.
fn two_callers(calls: usize) {
    println!("one and two callers, {calls} calls of examples/hello with 5 bytes, relaxed durability");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (_folder, gateway, plugin) = runtime.block_on(async {
        let (folder, gateway) = open("relaxed").await;
        let plugin = install(&gateway, "examples/hello", LogLevel::Summary).await;
        (folder, gateway, plugin)
    });
    let own_threads = |callers: usize| {
        let started = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..callers {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(drive(&gateway, &plugin, "OMEGA", 1, calls / callers));
                });
            }
        });
        calls as f64 / started.elapsed().as_secs_f64()
    };
    let tasks = |callers: usize| runtime.block_on(drive(&gateway, &plugin, "OMEGA", callers, calls)).0;
    tasks(2);
    for (name, rate) in
        [("threads of their own", &own_threads as &dyn Fn(usize) -> f64), ("tasks of one runtime", &tasks)]
    {
        let (one, two) = (rate(1), rate(2));
        println!("{name:<24} one {one:>9.0} calls/s, two {two:>9.0} calls/s, {:.2} times", two / one);
    }
    println!();
}

/// The gateway opened anew over a ledger that has these calls behind it, as a home in use has.
async fn with_history(gateway: Gateway, plugin: &PluginId, text: &str, calls: usize) -> Gateway {
    for _ in 0..calls {
        gateway.invoke(plugin, request(Payload::text(text))).await.unwrap();
    }
    let home = gateway.home().clone();
    drop(gateway);
    let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
    gateway.invoke(plugin, request(Payload::text(text))).await.unwrap();
    gateway
}

async fn drive(gateway: &Gateway, plugin: &PluginId, text: &str, callers: usize, calls: usize) -> (f64, Vec<Duration>) {
    let left = Arc::new(AtomicUsize::new(calls));
    let started = Instant::now();
    let callers: Vec<_> = (0..callers)
        .map(|_| {
            let (gateway, plugin, text, left) = (gateway.clone(), plugin.clone(), text.to_owned(), Arc::clone(&left));
            tokio::spawn(async move {
                let mut took = Vec::new();
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
                    let started = Instant::now();
                    let mut asked = request(Payload::text(text.as_str()));
                    asked.policy =
                        Some(RequestPolicy { deterministic_only: false, timeout_ms: 60_000, max_retries: 0 });
                    let answer = gateway.invoke(&plugin, asked).await.unwrap();
                    assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
                    took.push(started.elapsed());
                }
                took
            })
        })
        .collect();
    let mut all = Vec::with_capacity(calls);
    for caller in callers {
        all.extend(caller.await.unwrap());
    }
    (calls as f64 / started.elapsed().as_secs_f64(), all)
}

/// An endless loop whose manifest allows it 100 ms.
fn busy_loop(rounds: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let took = runtime.block_on(async {
        let (_folder, gateway) = open("relaxed").await;
        let plugin = install(&gateway, "hostile/spin", LogLevel::Summary).await;
        let mut took = Vec::new();
        for _ in 0..rounds {
            let started = Instant::now();
            let answer = gateway.invoke(&plugin, request(Payload::text("go"))).await.unwrap();
            took.push(started.elapsed());
            assert_eq!(answer.response.status, Status::Timeout, "{}", answer.response.notes);
        }
        took
    });
    let (p50, p99) = quantiles(took);
    println!(
        "busy loop with a 100 ms limit, {rounds} rounds: stopped after p50 {:.2} ms, p99 {:.2} ms",
        p50 / 1e3,
        p99 / 1e3
    );
}

async fn open(durability: &str) -> (tempfile::TempDir, Gateway) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::init(&folder.path().join("home"), Timestamp::EPOCH).unwrap();
    let config = format!("durability = {durability:?}\n[breaker]\nfailures = 1000000\n");
    std::fs::write(home.path().join("omega.toml"), config).unwrap();
    let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
    (folder, gateway)
}

/// Installs a guest under this log level.
async fn install(gateway: &Gateway, name: &str, log_level: LogLevel) -> PluginId {
    let mut files = files(name);
    let mut manifest: Manifest = serde_json::from_slice(&files[MANIFEST_FILE]).unwrap();
    manifest.evidence.log_level = log_level;
    files.insert(MANIFEST_FILE.to_owned(), serde_json::to_vec(&manifest).unwrap().into());
    let key = gateway.home().operator_key().unwrap();
    let envelope = sign_package(&PackageFiles::new(files.clone()).unwrap(), &key).unwrap();
    files.insert(SIGNATURE_FILE.to_owned(), Arc::from(envelope));
    let info = gateway.register_plugin(PackageFiles::new(files).unwrap()).await.unwrap();
    gateway.enable_plugin(&info.plugin_id, None).await.unwrap();
    info.plugin_id
}

fn files(name: &str) -> BTreeMap<String, Arc<[u8]>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/packages").join(name);
    assert!(folder.is_dir(), "{} is missing: run `cargo xtask guests` first", folder.display());
    let files = package_source::read_dir(&folder).unwrap();
    files.iter().map(|(path, bytes)| (path.to_owned(), Arc::clone(bytes))).collect()
}

fn program(name: &str) -> LaneProgram {
    LaneProgram {
        plugin_id: "bench".parse().unwrap(),
        package_digest: Sha256Hex::of(b""),
        entry: "plugin.wasm".into(),
        code: Arc::clone(&files(name)["plugin.wasm"]),
        files: Arc::default(),
        environment: None,
        export: "handle".into(),
        capabilities: [omega_contract::Capability::ReadText, omega_contract::Capability::WriteReport].into(),
        determinism: DeterminismMode::Deterministic,
        limits: LaneLimits {
            memory_bytes_max: 64 << 20,
            fuel_max: None,
            output_bytes_max: 1 << 20,
            log_bytes_max: 64 << 10,
            host_calls_max: 100_000,
        },
    }
}

/// p50 and p99, in microseconds.
fn quantiles(mut took: Vec<Duration>) -> (f64, f64) {
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    (at(0.5), at(0.99))
}
