//! `omega invoke`: one call of one plugin.

use clap::Args;
use omega_gateway::contract::plugin_info::PluginStatus;
use omega_gateway::contract::{ErrorCode, PluginRef, Status};
use omega_gateway::{Answer, HomeReader, PluginDetails};
use omega_server::local::operations;

use super::calls;
use super::payload::Call;
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output};
use crate::session::Session;

/// Call a plugin once and print its result
///
/// A text result is printed as it is. Data is printed as JSON: indented on a terminal, otherwise on one line in its
/// canonical form (RFC 8785). With --json the whole response is printed, whatever its status.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega invoke text-stats --file README.md")]
pub(crate) struct Invoke {
    /// The plugin: id, id@version or publisher/id
    #[arg(value_name = "REF")]
    plugin: PluginRef,
    #[command(flatten)]
    call: Call,
    /// Show what the plugin logged, on standard error
    #[arg(long)]
    log: bool,
}

impl Invoke {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let details = callee(&session.reader()?, &self.plugin)?;
        let manifest = details.as_ref().and_then(|details| details.manifest.as_ref());
        let draft = self.call.draft(manifest)?;
        let answer = session.with_door(async |door| {
            let request = self.call.request(draft, manifest, session, door).await?;
            let (plugin_id, told) = (self.plugin.plugin_id.clone(), calls::shown(output));
            Ok(door.ask(operations::Invoke { plugin_id, request, told }).await?)
        })?;
        self.show(&answer, output)
    }

    fn show(&self, answer: &Answer, output: &mut Output) -> Result<Exit, Fault> {
        if self.log {
            for line in answer.guest_log.lines() {
                output.note([Cell::faint("log:"), Cell::plain(line)]);
            }
        }
        if output.form() == Form::Json {
            output.document(&calls::document(answer))?;
        }
        if answer.response.status != Status::Ok {
            return Err(calls::fault(answer));
        }
        if let Some(result) = answer.response.result.as_ref().filter(|_| output.form() == Form::Text) {
            calls::print_result(result, output)?;
        }
        calls::note(answer, output);
        Ok(Exit::Done)
    }
}

/// What the home knows of the plugin that is to be called: the version that is named, else the one that takes calls.
/// None where it knows nothing: then the gateway refuses the call, and journals that.
pub(super) fn callee(reader: &HomeReader, plugin: &PluginRef) -> Result<Option<PluginDetails>, Fault> {
    let details = match reader.plugin_details(plugin) {
        Ok(details) => details,
        Err(unknown) if unknown.code == ErrorCode::PluginUnknown && plugin.version.is_none() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match &plugin.version {
        Some(version) if details.row.info.status != PluginStatus::Enabled => {
            Err(Fault::new(ErrorCode::PluginNotEnabled)
                .with("plugin", plugin)
                .because(format!("calls go to the version that is enabled, and that is not {version}")))
        }
        _ => Ok(Some(details)),
    }
}
