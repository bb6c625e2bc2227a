//! What can be typed: the verbs of spec page 7 and the options that all of them take.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};

use crate::output::{Chatter, Form};
use crate::verbs::Verb;

/// One door through which an application runs code it does not trust, and can later prove what happened.
#[derive(Debug, Parser)]
#[command(
    name = "omega",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 110,
    after_help = "Example:\n  omega demo"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Options of every verb.
#[derive(Debug, Args)]
pub(crate) struct Globals {
    /// The gateway's home [default: $OMEGA_HOME, then the user's data directory]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) home: Option<PathBuf>,
    /// Print one JSON document (JSON lines for streams) on standard output
    #[arg(long, global = true, help_heading = "Global options")]
    json: bool,
    /// How long to wait while another process holds the home
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = WAIT_SECONDS_DEFAULT, help_heading = "Global options")]
    #[arg(value_parser = clap::value_parser!(u64).range(..=WAIT_SECONDS_MAX))]
    wait: u64,
    /// Say nothing but errors on standard error
    #[arg(long, short, global = true, help_heading = "Global options")]
    quiet: bool,
}

/// Seconds that a command waits for a home by default (spec page 7).
const WAIT_SECONDS_DEFAULT: u64 = 5;
/// Seconds that a command waits for a home at most: one day.
const WAIT_SECONDS_MAX: u64 = 86_400;

impl Globals {
    /// Who reads standard output.
    pub(crate) const fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Text }
    }

    /// How much goes to standard error.
    pub(crate) const fn chatter(&self) -> Chatter {
        if self.quiet { Chatter::Quiet } else { Chatter::Normal }
    }

    /// How long to wait for a home.
    pub(crate) const fn wait(&self) -> Duration {
        Duration::from_secs(self.wait)
    }
}
