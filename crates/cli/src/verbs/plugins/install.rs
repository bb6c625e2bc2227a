//! `omega plugins install`: registers a package, and shows what it asks for and who signed it.

use std::path::PathBuf;

use clap::Args;
use omega_gateway::contract::manifest::IoDescriptor;
use omega_gateway::contract::plugin_info::LaneKind;
use omega_gateway::contract::{Capability, Grant, PayloadKind, PluginInfo, PluginRef, PluginStatus};
use omega_gateway::{BoundEnvironment, BuildProgress, HomeReader, PackageFiles, PluginDetails, TakenConformance};
use omega_server::local::operations::{BuildEnvironment, EnablePlugin, GrantCapability, RegisterPlugin};
use omega_server::local::{Door, Told};
use serde_json::{Map, json};
use tokio::sync::mpsc;

use super::{capability, details, read_package};
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Counted, Form, Output, Tone};
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
    /// Let dependencies that have only source releases be built: their code runs with your rights
    #[arg(long)]
    allow_build: bool,
    /// Grant a capability that the manifest asks for; may be given several times
    #[arg(long, value_name = "CAPABILITY", value_parser = capability, value_delimiter = ',')]
    grant: Vec<Capability>,
}

impl Install {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        // Before the home is taken: a broken path should not wait for a lock.
        let files = read_package(&self.package)?;
        let (info, environment) = session.with_door(async |door| self.admit(door, &files, output).await)?;
        let reader = session.reader()?;
        let details = details(&reader, &reference(&info))?;
        let signer = signer(&reader, &info)?;
        tell_of_report(&reader, &files, output)?;
        if output.form() == Form::Json {
            output.document(&json!({
                "plugin": info,
                "grants": self.grant,
                "effective_capabilities": details.effective_capabilities,
                "signed_by": signer,
                "environment": environment,
                "conformance": details.conformance,
            }))?;
            return Ok(Exit::Done);
        }
        print(&info, &details, signer.as_deref(), output)
    }

    async fn admit(
        &self,
        door: &Door,
        files: &PackageFiles,
        output: &Output,
    ) -> Result<(PluginInfo, Option<BoundEnvironment>), Fault> {
        let mut info = door.ask(RegisterPlugin::new(files)).await?;
        let environment = self.build_environment(door, &info, output).await?;
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
        Ok((info, environment))
    }

    /// Builds what the package's dependencies run in, if it has any. Interrupted, the plugin stays registered without it.
    async fn build_environment(
        &self,
        door: &Door,
        info: &PluginInfo,
        output: &Output,
    ) -> Result<Option<BoundEnvironment>, Fault> {
        if info.lane != Some(LaneKind::Worker) {
            return Ok(None);
        }
        let progress = output.progress("dependencies", Counted::Things, None);
        let (sender, mut heard) = mpsc::unbounded_channel();
        // Nobody hears of more once the reply is here.
        let told = Told::new(move |how_far| {
            let _gone = sender.send(how_far);
        });
        let (plugin_id, version) = (info.plugin_id.clone(), Some(info.version.clone()));
        let asked = door.ask(BuildEnvironment { plugin_id, version, allow_build: self.allow_build, told });
        let shown = async {
            while let Some(BuildProgress { requirements_found, requirements }) = heard.recv().await {
                progress.of(requirements);
                progress.at(requirements_found);
            }
        };
        let (built, ()) = tokio::join!(asked, shown);
        Ok(built?)
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
    fields.extend(environment_fields(details));
    fields.extend(details.conformance.as_ref().map(conformance_field));
    output.indented_pairs(&fields)?;
    let next = if info.status == PluginStatus::Enabled {
        format!("omega invoke {} {}", info.plugin_id, an_input(details))
    } else {
        format!("omega plugins enable {}@{}", info.plugin_id, info.version)
    };
    output.line([Cell::plain("Next:"), Cell::new(Tone::Name, next)])?;
    Ok(Exit::Done)
}

/// A report that lay beside the package and is worth nothing here: whoever installs should know.
fn tell_of_report(reader: &HomeReader, files: &PackageFiles, output: &Output) -> Result<(), Fault> {
    if let Some(fault) = reader.conformance_fault(files)? {
        output.note([
            Cell::new(Tone::Warning, "warning:"),
            Cell::plain(format!("CONFORMANCE.json was not taken: {}", fault.message)),
        ]);
    }
    Ok(())
}

/// The conformance report that was taken.
pub(super) fn conformance_field(taken: &TakenConformance) -> (&'static str, Cell) {
    let when = show::when(taken.checked_at);
    let key = show::short_hash(&taken.key_id.0);
    let cell = if taken.passed {
        Cell::plain(format!("passed, {when}, signed by {key}"))
    } else {
        let failed = taken.failed.iter().map(|id| id.as_str());
        Cell::new(Tone::Warning, format!("failed {}, {when}, signed by {key}", show::list(failed, "nothing")))
    };
    ("conformance", cell)
}

/// What a plugin's dependencies were built into.
pub(super) fn environment_fields(details: &PluginDetails) -> Vec<(&'static str, Cell)> {
    let Some(dependencies) = &details.dependencies else { return Vec::new() };
    let locked = show::count(dependencies.lock.requirements.len(), "distribution");
    let mut fields = vec![("depends on", Cell::plain(format!("{locked}, by {}", dependencies.lock.file)))];
    let Some(built) = &dependencies.environment else {
        fields.push(("environment", Cell::new(Tone::Warning, "not built; install the package again")));
        return fields;
    };
    let native = if built.has_native_code { "with machine code" } else { "without machine code" };
    let files = show::count(usize::try_from(built.files).unwrap_or(usize::MAX), "file");
    let how = format!("{files}, {}, {native}", show::bytes(built.bytes));
    fields.push(("environment", Cell::plain(how)));
    fields.push(("made for", Cell::plain(format!("{} ({})", built.interpreter, built.interpreter_version))));
    let sources = if built.builds_allowed { ", source releases allowed" } else { "" };
    fields.push(("made by", Cell::plain(format!("{}{sources}", built.tool))));
    fields.push(("holds files", Cell::plain(built.env_digest.to_string())));
    fields
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
