//! `omega plugins install`: registers a package, and shows what it asks for and who signed it.

use std::path::PathBuf;

use clap::Args;
use omega_gateway::contract::manifest::IoDescriptor;
use omega_gateway::contract::{Capability, Grant, PayloadKind, PluginInfo, PluginRef, PluginStatus};
use omega_gateway::{HomeReader, PackageFiles, PluginDetails};
use omega_server::local::Door;
use omega_server::local::operations::{EnablePlugin, GrantCapability, RegisterPlugin};
use serde_json::{Map, json};

use super::{capability, details, read_package};
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Tone};
use crate::session::Session;
use crate::show;

/// Register a signed package
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega plugins install ./word-count --enable")]
pub(crate) struct Install {
    /// The package: a folder or a .tar
    #[arg(value_name = "DIR|TAR")]
    package: PathBuf,
    /// Let it take calls at once
    #[arg(long)]
    enable: bool,
    /// Grant a capability that the manifest asks for; may be given several times
    #[arg(long, value_name = "CAPABILITY", value_parser = capability, value_delimiter = ',')]
    grant: Vec<Capability>,
}

impl Install {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        // Before the home is taken: a broken path should not wait for a lock.
        let files = read_package(&self.package)?;
        let info = session.with_door(async |door| self.admit(door, &files).await)?;
        let reader = session.reader()?;
        let details = details(&reader, &reference(&info))?;
        let signer = signer(&reader, &info)?;
        if output.form() == Form::Json {
            output.document(&json!({
                "plugin": info,
                "grants": self.grant,
                "effective_capabilities": details.effective_capabilities,
                "signed_by": signer,
            }))?;
            return Ok(Exit::Done);
        }
        print(&info, &details, signer.as_deref(), output)
    }

    async fn admit(&self, door: &Door, files: &PackageFiles) -> Result<PluginInfo, Fault> {
        let mut info = door.ask(RegisterPlugin::new(files)).await?;
        for capability in &self.grant {
            let grant = Grant {
                plugin_id: info.plugin_id.clone(),
                major_version: info.version.major,
                capability: *capability,
                params: Map::new(),
            };
            door.ask(GrantCapability { grant }).await?;
        }
        if self.enable {
            let (plugin_id, version) = (info.plugin_id, Some(info.version));
            info = door.ask(EnablePlugin { plugin_id, version }).await?;
        }
        Ok(info)
    }
}

fn reference(info: &PluginInfo) -> PluginRef {
    PluginRef { plugin_id: info.plugin_id.clone(), version: Some(info.version.clone()) }
}

/// The label of the key that signed it.
fn signer(reader: &HomeReader, info: &PluginInfo) -> Result<Option<String>, Fault> {
    let trust = reader.trust()?;
    Ok(trust.into_iter().find(|row| Some(row.key.key_id) == info.key_id).map(|row| row.key.label))
}

fn print(info: &PluginInfo, details: &PluginDetails, signer: Option<&str>, output: &mut Output) -> Result<Exit, Fault> {
    output.line([
        Cell::new(Tone::Good, "Installed:"),
        Cell::new(Tone::Strong, format!("{} {}", info.plugin_id, info.version)),
        show::plugin_status(info.status),
        Cell::faint(&info.name),
    ])?;
    let key = info.key_id.map(|key| show::short_hash(&key.0)).unwrap_or_default();
    let mut fields = vec![("asks for", Cell::plain(show::list(&info.capabilities, "nothing")))];
    if let Some(manifest) = &details.manifest {
        fields.push(("takes", Cell::plain(kinds(&manifest.io.inputs))));
        fields.push(("gives", Cell::plain(kinds(&manifest.io.outputs))));
    }
    fields.push(("holds", Cell::plain(show::list(&details.effective_capabilities, "nothing"))));
    fields.push(("signed by", Cell::plain(format!("{key} {}", signer.unwrap_or_default()).trim_end())));
    fields.push(("package", Cell::plain(info.package_digest.to_string())));
    output.indented_pairs(&fields)?;
    let next = if info.status == PluginStatus::Enabled {
        format!("omega invoke {} {}", info.plugin_id, an_input(details))
    } else {
        format!("omega plugins enable {}@{}", info.plugin_id, info.version)
    };
    output.line([Cell::plain("Next:"), Cell::new(Tone::Name, next)])?;
    Ok(Exit::Done)
}

/// How a call of this plugin may be typed.
fn an_input(details: &PluginDetails) -> &'static str {
    let inputs = details.manifest.as_ref().map(|manifest| manifest.io.inputs.as_slice()).unwrap_or_default();
    match inputs.first().map(|input| input.kind) {
        Some(PayloadKind::Text) => "--text \"Hello OMEGA\"",
        Some(PayloadKind::Json) => "--data '{…}'",
        Some(PayloadKind::BinaryRef) => "--file FILE",
        Some(PayloadKind::DatasetSlice) => "--slice DATASET --id KEY",
        None => "--help",
    }
}

/// The kinds of some descriptors, with the size that each may have.
pub(super) fn kinds(descriptors: &[IoDescriptor]) -> String {
    let kind = |io: &IoDescriptor| format!("{} (at most {})", io.kind, show::bytes(io.limits.max_bytes));
    show::list(descriptors.iter().map(kind), "nothing")
}
