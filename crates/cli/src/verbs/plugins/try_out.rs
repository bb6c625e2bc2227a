//! `omega plugins try`: a package's examples, once, through a real gateway that is gone afterwards.

use std::path::PathBuf;

use clap::Args;
use omega_gateway::trial::TrialHome;
use serde_json::{Value, json};

use super::{read_package, trial};
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Tone};
use crate::session::{self, Session};

/// Run a package's examples once, in a temporary home
///
/// The package is signed with the temporary home's own key and needs no signature; nothing of it is installed.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega plugins try ./word-count sentence")]
pub(crate) struct TryOut {
    /// The package: a folder or a .tar
    #[arg(value_name = "DIR|TAR")]
    package: PathBuf,
    /// The examples, by their file names [default: all]
    examples: Vec<String>,
    /// Let dependencies that have only source releases be built: their code runs with your rights
    #[arg(long)]
    allow_build: bool,
}

impl TryOut {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let files = read_package(&self.package)?;
        let options = trial::options(session, self.allow_build)?;
        let (info, runs) = session::runtime()?.block_on(async {
            let home = TrialHome::open(&options).await?;
            let info = home.admit(files.clone()).await?;
            let runs = home.run_examples(&info, &files, &self.examples).await?;
            Ok::<_, omega_gateway::GatewayError>((info, runs))
        })?;
        if output.form() == Form::Json {
            let mut document = trial::subject(&info);
            document["examples"] = json!(runs.iter().map(trial::document).collect::<Vec<Value>>());
            output.document(&document)?;
        } else {
            for run in &runs {
                trial::print(run, output)?;
            }
        }
        if runs.is_empty() {
            output
                .note([Cell::new(Tone::Warning, "nothing to try:"), Cell::plain("the package has no examples/*.json")]);
        }
        Ok(if runs.iter().all(trial::is_ok) { Exit::Done } else { Exit::No })
    }
}
