//! Why a command could not do what it was asked: one shape for every error, and the exit code that goes with it.

use std::fmt::Display;
use std::io;
use std::path::Path;

use omega_gateway::broker::StoreError;
use omega_gateway::contract::{ErrorCode, Severity, ValidationReport};
use omega_gateway::ledger::LedgerError;
use omega_gateway::{ConfigError, GatewayError, HomeError};
use serde_json::{Value, json};

use crate::output::{Colour, Tone, untrusted};

/// The exit codes of spec page 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// The answer is no: refused, invalid, verification failed, plugin failed.
    No = 1,
    /// Wrong usage.
    Usage = 2,
    /// The gateway itself could not work.
    Broken = 3,
}

/// What went wrong, as a word that stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// One of the gateway's.
    Gateway(ErrorCode),
    /// The command line names what is not there or does not go together.
    Usage,
    /// A program that this needs is not installed.
    ToolMissing,
    /// The language's own build failed.
    BuildFailed,
    /// A replay left calls out.
    NotReplayable,
}

impl Code {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway(code) => code.as_str(),
            Self::Usage => "usage",
            Self::ToolMissing => "tool_missing",
            Self::BuildFailed => "build_failed",
            Self::NotReplayable => "not_replayable",
        }
    }

    /// What a code means for the exit, where nobody says otherwise.
    const fn exit(self) -> Exit {
        match self {
            Self::Gateway(
                ErrorCode::HomeMissing
                | ErrorCode::HomeLocked
                | ErrorCode::HomeInvalid
                | ErrorCode::ConfigInvalid
                | ErrorCode::LedgerUnavailable
                | ErrorCode::LedgerCorrupt
                | ErrorCode::LaneUnavailable
                | ErrorCode::ServerStopping
                | ErrorCode::ServerMismatch
                | ErrorCode::ServerUnreachable
                | ErrorCode::Io,
            ) => Exit::Broken,
            Self::Usage => Exit::Usage,
            _ => Exit::No,
        }
    }
}

/// An error as a person gets it.
#[derive(Debug)]
pub(crate) struct Fault(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: Code,
    sentence: String,
    details: Vec<(String, String)>,
    hint: Option<String>,
    event_index: Option<u64>,
    exit: Exit,
    /// Whoever read standard output has gone: nothing is said.
    closed: bool,
}

impl Fault {
    /// One of the gateway's codes with its own sentence and hint.
    pub(crate) fn new(code: ErrorCode) -> Self {
        Self::of(Code::Gateway(code), code.sentence(), Some(code.hint()))
    }

    /// Wrong usage that clap cannot see.
    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self::of(Code::Usage, sentence, None)
    }

    /// An error that only the command line has.
    pub(crate) fn own(code: Code, sentence: impl Into<String>) -> Self {
        Self::of(code, sentence, None)
    }

    fn of(code: Code, sentence: impl Into<String>, hint: Option<&str>) -> Self {
        Self(Box::new(Parts {
            code,
            sentence: sentence.into(),
            details: Vec::new(),
            hint: hint.map(ToOwned::to_owned),
            event_index: None,
            exit: code.exit(),
            closed: false,
        }))
    }

    /// A file that the command line names and that cannot be read or written.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            let fault = Self::usage("The command line names a file that does not exist.");
            return fault.with("file", path.display()).hint("Check the path.");
        }
        Self::new(ErrorCode::Io).with("file", path.display()).because(error).exit(Exit::Usage)
    }

    /// Standard output could not be written.
    pub(crate) fn standard_output(error: &io::Error) -> Self {
        let mut fault = Self::new(ErrorCode::Io).with("file", "standard output").because(error);
        fault.0.closed = error.kind() == io::ErrorKind::BrokenPipe;
        fault
    }

    /// A value of ours that JSON cannot carry.
    pub(crate) fn unwritable(error: &serde_json::Error) -> Self {
        Self::new(ErrorCode::Io).because(error)
    }

    /// Adds a line that says what or where.
    #[must_use]
    pub(crate) fn with(mut self, label: impl Into<String>, value: impl Display) -> Self {
        self.0.details.push((label.into(), value.to_string()));
        self
    }

    /// Adds the cause, in whoever's words, where it says more than the sentence.
    #[must_use]
    pub(crate) fn because(self, cause: impl Display) -> Self {
        let cause = cause.to_string();
        if cause.is_empty() || cause.ends_with(&self.0.sentence) { self } else { self.with("cause", cause) }
    }

    /// Replaces the hint.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Where the ledger has it.
    #[must_use]
    pub(crate) fn event(mut self, event_index: Option<u64>) -> Self {
        self.0.event_index = event_index;
        self
    }

    /// Replaces the exit code.
    #[must_use]
    pub(crate) fn exit(mut self, exit: Exit) -> Self {
        self.0.exit = exit;
        self
    }

    /// Adds every issue of a validation.
    #[must_use]
    pub(crate) fn report(mut self, report: &ValidationReport) -> Self {
        for issue in report.issues.iter().filter(|issue| issue.severity == Severity::Error) {
            let field = if issue.field.is_empty() { "manifest" } else { issue.field.as_str() };
            self = self.with(field, &issue.message);
        }
        self
    }

    /// The exit code that goes with it.
    pub(crate) fn exit_code(&self) -> Exit {
        if self.0.closed { Exit::Done } else { self.0.exit }
    }

    /// The gateway's code, where it is one of the gateway's.
    pub(crate) const fn gateway_code(&self) -> Option<ErrorCode> {
        match self.0.code {
            Code::Gateway(code) => Some(code),
            _ => None,
        }
    }

    /// The cause where one was named, else the sentence.
    pub(crate) fn cause(&self) -> &str {
        let cause = self.0.details.iter().rev().find(|(label, _)| label == "cause");
        cause.map_or(&self.0.sentence, |(_, cause)| cause)
    }

    /// What went wrong, in one sentence.
    pub(crate) fn sentence(&self) -> &str {
        &self.0.sentence
    }

    /// The error as lines: what, where, what to do, where to look.
    pub(crate) fn lines(&self, colour: Colour) -> Vec<String> {
        if self.0.closed {
            return Vec::new();
        }
        let head = colour.paint(Tone::Bad, &format!("error[{}]", self.0.code.as_str()));
        let mut lines = vec![format!("{head}: {}", untrusted::one_line(&self.0.sentence))];
        for (label, value) in &self.0.details {
            let label = colour.paint(Tone::Faint, &format!("{}:", untrusted::one_line(label)));
            // A cause may have several lines (a TOML error does); they stay, under their label.
            let value = untrusted::many_lines(value.trim_end()).replace('\n', "\n    ");
            lines.push(format!("  {label} {value}"));
        }
        if let Some(hint) = &self.0.hint {
            lines.push(format!("{}: {}", colour.paint(Tone::Name, "hint"), untrusted::one_line(hint)));
        }
        if let Some(index) = self.0.event_index {
            lines.push(format!("{}: event {index}", colour.paint(Tone::Name, "see")));
        }
        lines
    }

    /// The error for programs.
    pub(crate) fn document(&self) -> Value {
        let details: Vec<Value> =
            self.0.details.iter().map(|(label, value)| json!({"label": label, "value": value})).collect();
        json!({"error": {
            "code": self.0.code.as_str(),
            "message": self.0.sentence,
            "details": details,
            "hint": self.0.hint,
            "event_index": self.0.event_index,
        }})
    }
}

impl From<GatewayError> for Fault {
    fn from(error: GatewayError) -> Self {
        let fault = Self::new(error.code).because(&error.message).event(error.event_index);
        match &error.report {
            Some(report) => fault.report(report),
            None => fault,
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        let fault = Self::new(error.code()).because(&error);
        match error {
            StoreError::InvalidName { .. } | StoreError::InvalidMediaType { .. } => fault.exit(Exit::Usage),
            _ => fault,
        }
    }
}

impl From<LedgerError> for Fault {
    fn from(error: LedgerError) -> Self {
        GatewayError::from(error).into()
    }
}

impl From<HomeError> for Fault {
    fn from(error: HomeError) -> Self {
        let fault = Self::new(error.code()).because(&error);
        if matches!(error, HomeError::OperatorKey(_)) { fault.exit(Exit::Broken) } else { fault }
    }
}

impl From<ConfigError> for Fault {
    fn from(error: ConfigError) -> Self {
        Self::new(ErrorCode::ConfigInvalid).because(error)
    }
}
