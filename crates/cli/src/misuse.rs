//! What clap says of a command line that it does not take, in the shape of every other error here.
//!
//! What never happens here: a second opinion. What is wrong is clap's to say.

use std::ffi::OsStr;

use clap::error::ErrorKind;

use crate::fault::Fault;
use crate::output::{Chatter, Form};

/// A command line that is not taken.
pub(crate) struct Misuse(clap::Error);

impl Misuse {
    /// `None` for what is no error, help and version, which was printed then.
    pub(crate) fn of(error: clap::Error) -> Option<Self> {
        // Help that nobody asked for comes in place of the arguments that are missing, and is the best answer to that.
        if error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return Some(Self(error));
        }
        // Standard output that is closed is nobody's error.
        let _ = error.print();
        None
    }

    /// Clap's text, taken apart: what is wrong, tips, usage.
    pub(crate) fn fault(&self) -> Fault {
        let text = self.0.render().to_string();
        let (mut sentence, mut tips, mut usage) = (Vec::new(), Vec::new(), Vec::new());
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(tip) = line.strip_prefix("tip: ") {
                tips.push(tip.to_owned());
            } else if let Some(form) = line.strip_prefix("Usage: ") {
                usage.push(form.to_owned());
            } else if usage.is_empty() && !line.starts_with("For more information") {
                sentence.push(line.strip_prefix("error: ").unwrap_or(line).to_owned());
            }
        }
        let fault = Fault::usage(sentence.join(" "));
        let fault = usage.into_iter().fold(fault, |fault, form| fault.with("usage", form));
        let help = || "`--help` after the command shows what it takes.".to_owned();
        fault.hint(if tips.is_empty() { help() } else { tips.join("; ") })
    }
}

/// What the command line asked for before it was found to be wrong.
pub(crate) fn asked_for(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> (Form, Chatter) {
    let before_literals = arguments.into_iter().take_while(|argument| argument.as_ref() != "--");
    let asks = before_literals.into_iter().any(|argument| argument.as_ref() == "--json");
    (if asks { Form::Json } else { Form::Text }, Chatter::Normal)
}
