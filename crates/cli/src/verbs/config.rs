//! `omega config`: what is in force, and where it came from.

use clap::{Args, Subcommand};
use omega_gateway::Origin;
use serde_json::json;

use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Table, Tone};
use crate::session::Session;

/// Show the configuration
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  omega config show")]
pub(crate) enum Config {
    Show(Show),
}

/// Print every effective value and where it came from
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega config show --json")]
pub(crate) struct Show {}

impl Config {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let Self::Show(Show {}) = self;
        let home = session.home()?;
        let settings = home.config()?.settings();
        if output.form() == Form::Json {
            output.document(&json!({"home": home.path(), "settings": settings}))?;
            return Ok(Exit::Done);
        }
        let mut table = Table::of_text(["KEY", "FROM", "VALUE"]);
        for setting in settings {
            let (tone, origin) = match setting.origin {
                Origin::Default => (Tone::Faint, "default".to_owned()),
                Origin::File => (Tone::Name, "omega.toml".to_owned()),
                Origin::Environment(variable) => (Tone::Name, format!("${variable}")),
            };
            table.row([Cell::plain(setting.key), Cell::new(tone, origin), Cell::plain(setting.value)]);
        }
        output.table(&table)?;
        Ok(Exit::Done)
    }
}
