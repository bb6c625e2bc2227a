//! `omega plugins grant` and `revoke`: what the operator allows one plugin.

use clap::Args;
use omega_gateway::contract::{Capability, Grant as GrantContent, PluginRef};
use omega_server::local::operations::{GrantCapability, RevokeGrant};
use serde_json::{Map, json};

use super::{capability, details};
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Tone};
use crate::session::Session;
use crate::show;

/// Allow a plugin a capability that its manifest asks for
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega plugins grant csv-profile read_binary_ref")]
pub(crate) struct Grant {
    #[command(flatten)]
    subject: Subject,
}

/// Take a capability back, also one that plugins hold by default
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega plugins revoke csv-profile read_binary_ref")]
pub(crate) struct Revoke {
    #[command(flatten)]
    subject: Subject,
}

/// Which plugin, and what.
#[derive(Debug, Args)]
struct Subject {
    /// The plugin; what is decided holds for all versions with the same major number
    #[arg(value_name = "REF")]
    plugin: PluginRef,
    /// The capabilities
    #[arg(value_name = "CAPABILITY", required = true, value_parser = capability)]
    capabilities: Vec<Capability>,
}

impl Grant {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let plugin_id = self.subject.plugin.plugin_id.clone();
        let major_version = self.subject.major_version(session)?;
        session.with_door(async |door| {
            for capability in &self.subject.capabilities {
                let (plugin_id, capability) = (plugin_id.clone(), *capability);
                let grant = GrantContent { plugin_id, major_version, capability, params: Map::new() };
                door.ask(GrantCapability { grant }).await?;
            }
            Ok(())
        })?;
        self.subject.print("Granted:", session, output)
    }
}

impl Revoke {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let plugin_id = self.subject.plugin.plugin_id.clone();
        let major_version = self.subject.major_version(session)?;
        session.with_door(async |door| {
            for capability in &self.subject.capabilities {
                let (plugin_id, capability) = (plugin_id.clone(), *capability);
                door.ask(RevokeGrant { plugin_id, major_version, capability }).await?;
            }
            Ok(())
        })?;
        self.subject.print("Revoked:", session, output)
    }
}

impl Subject {
    fn major_version(&self, session: &Session) -> Result<u64, Fault> {
        Ok(details(&session.reader()?, &self.plugin)?.row.info.version.major)
    }

    fn print(&self, word: &str, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let details = details(&session.reader()?, &self.plugin)?;
        let info = &details.row.info;
        if output.form() == Form::Json {
            output.document(&json!({
                "plugin_id": info.plugin_id,
                "major_version": info.version.major,
                "capabilities": self.capabilities,
                "effective_capabilities": details.effective_capabilities,
            }))?;
            return Ok(Exit::Done);
        }
        output.line([
            Cell::new(Tone::Good, word),
            Cell::plain(show::list(&self.capabilities, "nothing")),
            Cell::faint(format!("({} {}.x)", info.plugin_id, info.version.major)),
        ])?;
        output.indented_pairs(&[("holds now", Cell::plain(show::list(&details.effective_capabilities, "nothing")))])?;
        Ok(Exit::Done)
    }
}
