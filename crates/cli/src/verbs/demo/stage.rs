//! The stage: a home with the example plugins in it, and two that misbehave on purpose.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use omega_gateway::contract::manifest::{MANIFEST_FILE, SIGNATURE_FILE};
use omega_gateway::contract::{ErrorCode, Payload, PluginId, PluginRequest, RunId, Sha256Hex};
use omega_gateway::{Answer, Gateway, Home, HomeError, OperatorKey, PackageFiles, package_source};
use serde_json::Value;

use crate::embedded::{DEMO_PACKAGES, DEMO_TEXTS};
use crate::fault::{Code, Fault};
use crate::input;
use crate::output::Progress;
use crate::session::Session;

/// The plugins that take calls in the demonstration.
pub(super) const PLAYERS: [&str; 4] = ["examples/headline", "examples/text-stats", "hostile/spin", "hostile/trap"];

/// Bytes of a file that are read; more than enough for a demonstration, and less than the plugins take.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// A text to work on.
pub(super) struct Text {
    pub(super) name: String,
    pub(super) content: String,
    /// Whether there was more of it.
    pub(super) cut: bool,
}

/// The files that were named, or the texts that the binary carries.
pub(super) fn texts(files: &[PathBuf]) -> Result<Vec<Text>, Fault> {
    if files.is_empty() {
        let carried = DEMO_TEXTS.iter().map(|(name, bytes)| text((*name).to_owned(), bytes));
        return Ok(carried.collect::<Result<Vec<Text>, Utf8Fault>>().unwrap_or_default());
    }
    let read = |file: &PathBuf| {
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        text(name, &input::read_beginning(file, TEXT_BYTES_MAX + 1)?).map_err(|Utf8Fault { offset }| {
            Fault::usage("The demonstration works on text files, and this is none.")
                .with("file", file.display())
                .because(format!("not UTF-8, at byte {offset}"))
        })
    };
    files.iter().map(read).collect()
}

struct Utf8Fault {
    offset: usize,
}

fn text(name: String, bytes: &[u8]) -> Result<Text, Utf8Fault> {
    let cut = bytes.len() > TEXT_BYTES_MAX;
    let kept = bytes.get(..TEXT_BYTES_MAX).unwrap_or(bytes);
    let content = match std::str::from_utf8(kept) {
        Ok(content) => content,
        // The cut may have gone through a character.
        Err(error) if cut && error.error_len().is_none() => {
            std::str::from_utf8(kept.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(error) => return Err(Utf8Fault { offset: error.valid_up_to() }),
    };
    Ok(Text { name, content: content.to_owned(), cut })
}

/// A home in which plugins wait for calls.
pub(super) struct Stage {
    pub(super) gateway: Gateway,
    pub(super) home: Home,
    pub(super) run_id: RunId,
    key: OperatorKey,
}

impl Stage {
    /// Opens the home, registers every example and enables those that play.
    pub(super) async fn set(home: &Home, session: &Session, progress: &Progress) -> Result<Self, Fault> {
        let gateway = Gateway::open(home, session.open_options()).await?;
        let key = home.operator_key().map_err(HomeError::from)?;
        let run_id = omega_gateway::request(Payload::text("")).run_id;
        let stage = Self { gateway, home: home.clone(), run_id, key };
        for (name, _) in DEMO_PACKAGES {
            let info = stage.gateway.register_plugin(stage.signed(&package(name)?)?).await?;
            if PLAYERS.contains(name) {
                stage.gateway.enable_plugin(&info.plugin_id, Some(&info.version)).await?;
                progress.step();
            }
        }
        Ok(stage)
    }

    /// The same files with the operator's signature.
    pub(super) fn signed(&self, files: &PackageFiles) -> Result<PackageFiles, Fault> {
        let signature = omega_gateway::sign_package(files, &self.key)?;
        with_file(files, SIGNATURE_FILE, signature)
    }

    /// A request in the demonstration's run.
    pub(super) fn request(&self, payload: Payload) -> PluginRequest {
        PluginRequest { run_id: self.run_id.clone(), ..omega_gateway::request(payload) }
    }

    /// One call in the demonstration's run.
    pub(super) async fn call(&self, plugin_id: &PluginId, payload: Payload) -> Result<Answer, Fault> {
        Ok(self.gateway.invoke(plugin_id, self.request(payload)).await?)
    }

    /// The hash of the event at an index.
    pub(super) fn event_hash(&self, index: u64) -> Result<Sha256Hex, Fault> {
        Ok(self.gateway.admin().event(index)?.event_hash)
    }
}

/// A folder that goes away with the demonstration.
pub(in crate::verbs) fn temporary_folder() -> Result<tempfile::TempDir, Fault> {
    tempfile::Builder::new().prefix("omega-demo-").tempdir().map_err(no_folder)
}

/// Said by a binary that was built before the guests were.
pub(in crate::verbs) fn no_packages() -> Fault {
    Fault::own(Code::ToolMissing, "This binary was built without the demonstration's plugins.").hint(
        "In a checkout of the gateway, `cargo xtask demo` builds them and the binary, and runs the demonstration.",
    )
}

/// A package that the binary carries, as its author would hand it out: not signed.
pub(in crate::verbs) fn package(name: &str) -> Result<PackageFiles, Fault> {
    let missing = || Fault::new(ErrorCode::NotFound).with("package", name);
    let (_, archive) = DEMO_PACKAGES.iter().find(|(carried, _)| *carried == name).ok_or_else(missing)?;
    let mut file = tempfile::NamedTempFile::new().map_err(no_folder)?;
    file.write_all(archive).map_err(no_folder)?;
    Ok(package_source::read_tar(file.path())?)
}

/// The same package with a manifest that `change` went over.
pub(super) fn with_manifest(files: &PackageFiles, change: impl FnOnce(&mut Value)) -> Result<PackageFiles, Fault> {
    let bytes = files.get(MANIFEST_FILE).map(|bytes| bytes.to_vec()).unwrap_or_default();
    let mut manifest: Value = serde_json::from_slice(&bytes).map_err(|error| Fault::unwritable(&error))?;
    change(&mut manifest);
    let bytes = serde_json::to_vec_pretty(&manifest).map_err(|error| Fault::unwritable(&error))?;
    with_file(files, MANIFEST_FILE, bytes)
}

fn with_file(files: &PackageFiles, path: &str, bytes: Vec<u8>) -> Result<PackageFiles, Fault> {
    let others = files.iter().filter(|(other, _)| *other != path);
    let mut all: Vec<(String, Arc<[u8]>)> = others.map(|(path, bytes)| (path.to_owned(), Arc::clone(bytes))).collect();
    all.push((path.to_owned(), bytes.into()));
    PackageFiles::new(all).map_err(|error| Fault::new(ErrorCode::PackageInvalid).because(error))
}

/// There is no room for temporary files.
#[allow(clippy::needless_pass_by_value, reason = "used as a function of `map_err`")]
pub(super) fn no_folder(error: std::io::Error) -> Fault {
    Fault::file(Path::new(&std::env::temp_dir()), &error)
}
