//! `omega registry`: the projection of the ledger's decisions.

use clap::{Args, Subcommand};
use omega_server::local::operations::RebuildRegistry;
use serde_json::json;

use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Tone};
use crate::session::Session;
use crate::show;

/// Look after the registry
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  omega registry rebuild")]
pub(crate) enum Registry {
    Rebuild(Rebuild),
}

/// Make the registry's database anew from the ledger, and say whether it was the same before
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega registry rebuild")]
pub(crate) struct Rebuild {}

impl Registry {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let Self::Rebuild(Rebuild {}) = self;
        let report = session.with_door(async |door| Ok(door.ask(RebuildRegistry {}).await?))?;
        if output.form() == Form::Json {
            output.document(&json!({"events_read": report.events_read, "identical": report.identical}))?;
            return Ok(Exit::Done);
        }
        let verdict = if report.identical {
            Cell::new(Tone::Good, "the registry was the same before")
        } else {
            Cell::new(Tone::Warning, "the registry was different before; the ledger's word stands now")
        };
        output.line([Cell::plain(format!("Rebuilt from {}:", show::count(report.events_read, "event"))), verdict])?;
        Ok(Exit::Done)
    }
}
