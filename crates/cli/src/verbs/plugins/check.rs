//! `omega plugins check`: everything that registration would find, all at once. Needs no home.

use std::path::PathBuf;

use clap::Args;
use omega_gateway::contract::{Severity, ValidationReport};

use super::read_package;
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Table, Tone};
use crate::show;

/// Check a package's manifest, schemas and component
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega plugins check ./word-count")]
pub(crate) struct Check {
    /// The package: a folder or a .tar
    #[arg(value_name = "DIR|TAR")]
    package: PathBuf,
}

impl Check {
    pub(super) fn run(self, output: &mut Output) -> Result<Exit, Fault> {
        let report = omega_gateway::check_package(&read_package(&self.package)?);
        if output.form() == Form::Json {
            output.document(&report)?;
        } else {
            print(&report, output)?;
        }
        Ok(if report.valid { Exit::Done } else { Exit::No })
    }
}

fn print(report: &ValidationReport, output: &mut Output) -> Result<(), Fault> {
    if !report.issues.is_empty() {
        let mut table = Table::of_text(["SEVERITY", "FIELD", "MESSAGE"]).uncut();
        for issue in &report.issues {
            table.row([show::severity(issue.severity), Cell::plain(&issue.field), Cell::plain(&issue.message)]);
        }
        output.table(&table)?;
    }
    let errors = report.issues.iter().filter(|issue| issue.severity == Severity::Error).count();
    let warnings = report.issues.len() - errors;
    let counts = format!("{}, {}", show::count(errors, "error"), show::count(warnings, "warning"));
    let verdict = if report.valid { Cell::new(Tone::Good, "valid:") } else { Cell::new(Tone::Bad, "invalid:") };
    output.line([verdict, Cell::faint(counts)])?;
    if !report.manifest_hash.is_empty() {
        output.indented_pairs(&[("manifest", Cell::plain(&report.manifest_hash))])?;
    }
    Ok(())
}
