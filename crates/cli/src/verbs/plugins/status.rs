//! `omega plugins enable`, `disable` and `remove`.

use clap::Args;
use omega_gateway::contract::{PluginInfo, PluginRef};
use omega_server::local::operations::{DisablePlugin, EnablePlugin, RemovePlugin};

use super::details;
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Tone};
use crate::session::Session;
use crate::show;

/// Let a version take calls; another enabled version of the plugin stops taking them
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega plugins enable text-stats@1.0.0")]
pub(crate) struct Enable {
    /// The plugin: id (its highest version), id@version or publisher/id
    #[arg(value_name = "REF")]
    plugin: PluginRef,
}

/// Let a plugin take no more calls; those in flight finish
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega plugins disable text-stats")]
pub(crate) struct Disable {
    /// The plugin: id or publisher/id
    #[arg(value_name = "REF")]
    plugin: PluginRef,
}

/// Forget a plugin, or one version of it; its events stay
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega plugins remove text-stats@1.0.0")]
pub(crate) struct Remove {
    /// The plugin: id, id@version or publisher/id
    #[arg(value_name = "REF")]
    plugin: PluginRef,
}

impl Enable {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let PluginRef { plugin_id, version } = self.plugin;
        let info = session.with_door(async |door| Ok(door.ask(EnablePlugin { plugin_id, version }).await?))?;
        print("Enabled:", &info, output)
    }
}

impl Disable {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        if self.plugin.version.is_some() {
            // One version is enabled at a time; naming another one is most likely a mistake.
            let row = details(&session.reader()?, &self.plugin)?.row;
            if row.info.status != omega_gateway::contract::PluginStatus::Enabled {
                return print("Not enabled:", &row.info, output);
            }
        }
        let plugin_id = self.plugin.plugin_id;
        let info = session.with_door(async |door| Ok(door.ask(DisablePlugin { plugin_id }).await?))?;
        print("Disabled:", &info, output)
    }
}

impl Remove {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let PluginRef { plugin_id, version } = self.plugin;
        let info = session.with_door(async |door| Ok(door.ask(RemovePlugin { plugin_id, version }).await?))?;
        print("Removed:", &info, output)
    }
}

fn print(word: &str, info: &PluginInfo, output: &mut Output) -> Result<Exit, Fault> {
    if output.form() == Form::Json {
        output.document(info)?;
        return Ok(Exit::Done);
    }
    output.line([
        Cell::new(Tone::Good, word),
        Cell::new(Tone::Strong, format!("{} {}", info.plugin_id, info.version)),
        Cell::faint(format!("package {}", show::short_hash(&info.package_digest))),
    ])?;
    Ok(Exit::Done)
}
