//! `omega plugins certify`: the conformance gate, and the report beside the package.

use std::path::{Path, PathBuf};

use clap::Args;
use omega_gateway::contract::ConformanceReport;
use omega_gateway::contract::conformance::CONFORMANCE_FILE;
use omega_gateway::trial;
use omega_gateway::{HomeError, OperatorKey};

use super::{sign, trial as trials};
use crate::fault::{Exit, Fault};
use crate::new_file;
use crate::output::{Cell, Counted, Form, Output, Table, Tone};
use crate::session::{self, Session};

/// Run the ten checks of the conformance gate and write CONFORMANCE.json
///
/// The package runs in temporary homes, signed by their own keys. The report is signed: with --key, else by the operator of
/// the home where there is one, else with a key that exists for this report alone.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega plugins certify ./word-count")]
pub(crate) struct Certify {
    /// The package: a folder; or a .tar, with --output
    #[arg(value_name = "DIR|TAR")]
    package: PathBuf,
    /// Where the report is written [default: CONFORMANCE.json in the package's folder]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The private key that signs the report (PKCS#8 PEM)
    #[arg(long, value_name = "PEM")]
    key: Option<PathBuf>,
    /// Let dependencies that have only source releases be built: their code runs with your rights
    #[arg(long)]
    allow_build: bool,
}

/// Whose key signed the report.
enum Signer {
    Named(OperatorKey),
    Operator(OperatorKey),
    Nobody(OperatorKey),
}

impl Certify {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let file = self.report_file()?;
        let signer = self.signer(session)?;
        let options = trials::options(session, self.allow_build)?;
        let progress = output.progress("ten checks", Counted::Things, None);
        let report = session::runtime()?.block_on(trial::certify(&self.package, &options));
        drop(progress);
        let (Signer::Named(key) | Signer::Operator(key) | Signer::Nobody(key)) = &signer;
        let signed = trial::sign_report(&report, key);
        new_file::replace(&file, &signed)?;
        if output.form() == Form::Json {
            output.write(&signed)?;
        } else {
            print(&report, &file, &signer, output)?;
        }
        Ok(if report.passed { Exit::Done } else { Exit::No })
    }

    fn report_file(&self) -> Result<PathBuf, Fault> {
        match (self.package.metadata(), &self.output) {
            (Err(error), _) => Err(Fault::file(&self.package, &error)),
            (Ok(_), Some(file)) => Ok(file.clone()),
            (Ok(metadata), None) if metadata.is_dir() => Ok(self.package.join(CONFORMANCE_FILE)),
            (Ok(_), None) => Err(Fault::usage("A report cannot be written into an archive.")
                .with("file", self.package.display())
                .hint("Say where it goes with `--output FILE`.")),
        }
    }

    fn signer(&self, session: &Session) -> Result<Signer, Fault> {
        if let Some(file) = &self.key {
            return Ok(Signer::Named(sign::key_from(file)?));
        }
        match session.home() {
            Ok(home) => Ok(Signer::Operator(home.operator_key().map_err(HomeError::from)?)),
            Err(fault) if trials::is_without_home(session, &fault) => {
                Ok(Signer::Nobody(OperatorKey::generate().map_err(HomeError::from)?))
            }
            Err(fault) => Err(fault),
        }
    }
}

fn print(report: &ConformanceReport, file: &Path, signer: &Signer, output: &mut Output) -> Result<(), Fault> {
    let mut table = Table::of_text(["CHECK", "", "NAME", "DETAIL"]).uncut();
    for check in &report.checks {
        let verdict = if check.passed { Cell::new(Tone::Good, "passed") } else { Cell::new(Tone::Bad, "FAILED") };
        table.row([Cell::plain(check.id.as_str()), verdict, Cell::plain(&check.name), Cell::plain(&check.detail)]);
    }
    output.table(&table)?;
    let counts = format!("{} of {} checks passed", report.summary.passed_count, report.summary.total);
    let verdict =
        if report.passed { Cell::new(Tone::Good, "conforms:") } else { Cell::new(Tone::Bad, "does not conform:") };
    output.line([verdict, Cell::plain(counts)])?;
    let (Signer::Named(key) | Signer::Operator(key) | Signer::Nobody(key)) = signer;
    let whose = match signer {
        Signer::Named(_) => "",
        Signer::Operator(_) => "operator",
        Signer::Nobody(_) => "made for this report; no home trusts it",
    };
    let digest = report.package_digest.map(|digest| digest.to_string()).unwrap_or_default();
    output.indented_pairs(&[
        ("report", Cell::plain(file.display().to_string())),
        ("package", Cell::plain(digest)),
        ("signed by", Cell::plain(format!("{} {whose}", key.public().key_id()).trim_end())),
    ])
}
