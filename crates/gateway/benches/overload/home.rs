//! A gateway in a temporary home, with guests that are signed on the spot.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use omega_contract::manifest::{MANIFEST_FILE, SIGNATURE_FILE};
use omega_contract::{LogLevel, Manifest, PluginId, Timestamp};
use omega_gateway::{Gateway, Home, OpenOptions, package_source, sign_package};
use omega_validator::PackageFiles;

/// A gateway with this `omega.toml`; the folder goes when it is dropped.
pub(crate) async fn open(config: &str) -> (tempfile::TempDir, Gateway) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::init(&folder.path().join("home"), Timestamp::EPOCH).unwrap();
    std::fs::write(home.path().join("omega.toml"), config).unwrap();
    let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
    (folder, gateway)
}

/// Registers and enables a guest that `cargo xtask guests` built, with its manifest changed: log level
/// `summary`, so that no payload is kept as a file, and whatever `change` says.
pub(crate) async fn install(gateway: &Gateway, name: &str, change: impl FnOnce(&mut Manifest)) -> PluginId {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/packages").join(name);
    assert!(folder.is_dir(), "{} is missing: run `cargo xtask guests` first", folder.display());
    install_from(gateway, &folder, |manifest, _| change(manifest)).await
}

/// Registers and enables the package in a folder, with its manifest and its files changed.
pub(crate) async fn install_from(
    gateway: &Gateway,
    folder: &Path,
    change: impl FnOnce(&mut Manifest, &mut BTreeMap<String, Arc<[u8]>>),
) -> PluginId {
    let files = package_source::read_dir(folder).unwrap();
    let mut files: BTreeMap<String, Arc<[u8]>> =
        files.iter().map(|(path, bytes)| (path.to_owned(), Arc::clone(bytes))).collect();
    let mut manifest: Manifest = serde_json::from_slice(&files[MANIFEST_FILE]).unwrap();
    manifest.evidence.log_level = LogLevel::Summary;
    change(&mut manifest, &mut files);
    files.insert(MANIFEST_FILE.to_owned(), serde_json::to_vec(&manifest).unwrap().into());
    let key = gateway.home().operator_key().unwrap();
    files.remove(SIGNATURE_FILE);
    let envelope = sign_package(&PackageFiles::new(files.clone()).unwrap(), &key).unwrap();
    files.insert(SIGNATURE_FILE.to_owned(), Arc::from(envelope));
    let info = gateway.register_plugin(PackageFiles::new(files).unwrap()).await.unwrap();
    gateway.enable_plugin(&info.plugin_id, None).await.unwrap();
    info.plugin_id
}
