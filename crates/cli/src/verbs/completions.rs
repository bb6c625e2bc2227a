//! `omega completions`: what a shell needs to complete our words.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::fault::{Exit, Fault};
use crate::output::Output;

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega completions bash > ~/.local/share/bash-completion/completions/omega")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, output: &mut Output) -> Result<Exit, Fault> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "omega", &mut script);
        output.write(&script)?;
        Ok(Exit::Done)
    }
}
