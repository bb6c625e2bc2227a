//! Fills a home, through the public library alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use omega_contract::manifest::{MANIFEST_FILE, SIGNATURE_FILE};
use omega_contract::{PluginId, Timestamp};
use omega_gateway::{Gateway, Home, OpenOptions, OperatorKey, package_source, sign_package};
use omega_validator::PackageFiles;

/// Registrations that are under way at the same time.
const CALLERS: usize = 32;
/// Registrations one after the other, for what one alone takes.
const ALONE: usize = 50;

/// How large a home is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) plugins: usize,
    pub(crate) programs: usize,
}

impl Size {
    /// With one program for each hundred plugins.
    pub(crate) fn of(plugins: usize) -> Self {
        Self { plugins, programs: (plugins / 100).max(2) }
    }
}

/// The id of a plugin, by its number.
pub(crate) fn plugin_id(number: usize) -> PluginId {
    format!("plugin-{number:06}").parse().unwrap()
}

/// Makes a home and fills it. Says how fast that went.
pub(crate) fn fill(path: &Path, size: Size) {
    let home = Home::init(path, Timestamp::EPOCH).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
        let packages = Arc::new(Packages::new(home.operator_key().unwrap(), size));
        let alone = ALONE.min(size.plugins / 2);
        let took = register(&gateway, &packages, 0..alone, 1).await;
        println!("{:<36} {:>10.2} ms", "register one, nobody else does", took.as_secs_f64() * 1e3 / alone as f64);
        let took = register(&gateway, &packages, alone..size.plugins, CALLERS).await;
        let rate = (size.plugins - alone) as f64 / took.as_secs_f64();
        println!("{:<36} {rate:>10.0} /s", format!("register, {CALLERS} at a time, durable"));
        let started = Instant::now();
        for number in 0..size.programs {
            gateway.enable_plugin(&plugin_id(number), None).await.unwrap();
        }
        let each = started.elapsed().as_secs_f64() * 1e3 / size.programs as f64;
        println!("{:<36} {each:>10.2} ms", "enable one, compiled for the 1st time");
    });
}

async fn register(
    gateway: &Gateway,
    packages: &Arc<Packages>,
    numbers: std::ops::Range<usize>,
    callers: usize,
) -> Duration {
    let next = Arc::new(AtomicUsize::new(numbers.start));
    let started = Instant::now();
    let callers: Vec<_> = (0..callers)
        .map(|_| {
            let (gateway, packages, next, end) =
                (gateway.clone(), Arc::clone(packages), Arc::clone(&next), numbers.end);
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        return;
                    }
                    gateway.register_plugin(packages.signed(number)).await.unwrap();
                    if number.is_multiple_of(10_000) && number > 0 {
                        eprintln!("{number} …");
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    started.elapsed()
}

/// The packages, made when they are asked for.
struct Packages {
    key: OperatorKey,
    files: BTreeMap<String, Arc<[u8]>>,
    manifest: serde_json::Value,
    programs: Vec<Arc<[u8]>>,
}

impl Packages {
    fn new(key: OperatorKey, size: Size) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/packages/examples/hello");
        assert!(folder.is_dir(), "{} is missing: run `cargo xtask guests` first", folder.display());
        let files = package_source::read_dir(&folder).unwrap();
        let files: BTreeMap<String, Arc<[u8]>> =
            files.iter().map(|(path, bytes)| (path.to_owned(), Arc::clone(bytes))).collect();
        let manifest = serde_json::from_slice(&files[MANIFEST_FILE]).unwrap();
        let programs = (0..size.programs).map(|number| numbered(&files["plugin.wasm"], number)).collect();
        Self { key, files, manifest, programs }
    }

    fn signed(&self, number: usize) -> PackageFiles {
        let mut manifest = self.manifest.clone();
        let id = plugin_id(number);
        manifest["plugin_id"] = id.as_str().into();
        for (way, name) in [("inputs", "input:name"), ("outputs", "output:greeting")] {
            manifest["io"][way][0]["schema_ref"] = format!("omega:{id}:{name}:v1.0.0").into();
        }
        let mut files = self.files.clone();
        files.insert(MANIFEST_FILE.to_owned(), serde_json::to_vec(&manifest).unwrap().into());
        files.insert("plugin.wasm".to_owned(), Arc::clone(&self.programs[number % self.programs.len()]));
        let envelope = sign_package(&PackageFiles::new(files.clone()).unwrap(), &self.key).unwrap();
        files.insert(SIGNATURE_FILE.to_owned(), Arc::from(envelope));
        PackageFiles::new(files).unwrap()
    }
}

/// The component with a custom section that makes it another one.
fn numbered(code: &[u8], number: usize) -> Arc<[u8]> {
    let name = b"number";
    let content = (number as u64).to_le_bytes();
    let mut section = vec![0, (1 + name.len() + content.len()) as u8, name.len() as u8];
    section.extend_from_slice(name);
    section.extend_from_slice(&content);
    [code, &section].concat().into()
}

/// What the home's parts take of the disk.
pub(crate) fn print_disk_use(home: &Path) {
    for part in ["ledger", "registry.sqlite", "store/blobs", "store/packages", "store/signatures", "cache"] {
        let (files, bytes) = disk_use(&home.join(part));
        println!("{:<36} {:>10.1} MB  {files:>8} files", format!("disk: {part}"), bytes as f64 / 1e6);
    }
}

fn disk_use(path: &Path) -> (u64, u64) {
    let Ok(found) = path.symlink_metadata() else { return (0, 0) };
    if !found.is_dir() {
        return (1, on_disk(&found));
    }
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries
        .collect::<Vec<PathBuf>>()
        .iter()
        .map(|path| disk_use(path))
        .fold((0, on_disk(&found)), |sum, part| (sum.0 + part.0, sum.1 + part.1))
}

#[cfg(unix)]
fn on_disk(found: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(found) * 512
}

#[cfg(not(unix))]
fn on_disk(found: &std::fs::Metadata) -> u64 {
    found.len()
}
