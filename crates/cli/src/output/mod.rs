//! The one way to standard output and standard error.
//!
//! Data goes to standard output: text for people, or one JSON document with sorted keys (JSON lines for streams)
//! where `--json` was given. Everything else (errors, notes, progress) goes to standard error. What never happens
//! here: text from outside reaches a terminal with a control character in it, see [`untrusted`].

mod cell;
mod document;
mod progress;
mod style;
mod table;
pub(crate) mod untrusted;

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

pub(crate) use cell::Cell;
pub(crate) use progress::{Counted, Progress};
pub(crate) use style::{Colour, Tone};
pub(crate) use table::{Side, Table, fitted};

use crate::fault::Fault;

/// Who reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A person.
    Text,
    /// A program: `--json`.
    Json,
}

/// How much goes to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chatter {
    /// Errors, notes, progress.
    Normal,
    /// Errors only: `--quiet`.
    Quiet,
}

/// Standard output and standard error of this process.
#[derive(Debug)]
pub(crate) struct Output {
    form: Form,
    colour: Colour,
    notes: Notes,
    /// Of the terminal that standard output is; none where it is none.
    columns_max: Option<usize>,
    terminal: bool,
    wrote: bool,
}

impl Output {
    /// The two streams as the arguments and the environment want them.
    pub(crate) fn new(form: Form, chatter: Chatter) -> Self {
        let terminal = io::stdout().is_terminal();
        let columns = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Self {
            form,
            colour: Colour::of(&io::stdout()),
            notes: Notes { chatter, colour: Colour::of(&io::stderr()) },
            columns_max: if terminal { columns().filter(|columns| *columns > 0) } else { None },
            terminal,
            wrote: false,
        }
    }

    /// Who reads standard output.
    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    /// Columns of the terminal that standard output is; none where it is none.
    pub(crate) const fn columns_max(&self) -> Option<usize> {
        self.columns_max
    }

    /// True where standard output is a terminal that shows more than letters, and nobody objected.
    pub(crate) fn draws(&self) -> bool {
        // The first of these that is set decides (POSIX, "Locale").
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(std::env::var_os).find(|value| !value.is_empty());
        let utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_string_lossy().to_ascii_lowercase();
            locale.ends_with("utf-8") || locale.ends_with("utf8")
        });
        self.colour == Colour::On && (utf8 || cfg!(windows))
    }

    /// True where a person looks at standard output on a terminal.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// One JSON document, keys sorted, indented.
    pub(crate) fn document(&mut self, value: &impl Serialize) -> Result<(), Fault> {
        let text = document::pretty(value)?;
        self.write(text.as_bytes())
    }

    /// One line of a stream of JSON documents: RFC 8785, so that keys are sorted here too.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Result<(), Fault> {
        let text = document::line(value)?;
        self.write(text.as_bytes())
    }

    /// Rows under a header; nothing at all where there is no row.
    pub(crate) fn table(&mut self, table: &Table) -> Result<(), Fault> {
        self.lines(&table.lines(self.colour, self.columns_max))
    }

    /// Labels and values.
    pub(crate) fn pairs(&mut self, fields: &[(&str, Cell)]) -> Result<(), Fault> {
        self.lines(&table::pairs(fields, self.colour, 0))
    }

    /// Labels and values, indented under a line.
    pub(crate) fn indented_pairs(&mut self, fields: &[(&str, Cell)]) -> Result<(), Fault> {
        self.lines(&table::pairs(fields, self.colour, 2))
    }

    /// One line of pieces with a space between each two; no piece: an empty line.
    pub(crate) fn line(&mut self, pieces: impl IntoIterator<Item = Cell>) -> Result<(), Fault> {
        let line = joined(pieces, self.colour);
        self.lines(&[line])
    }

    /// A plugin's own text as it is; harmless on a terminal, and ended with a line break there.
    pub(crate) fn content(&mut self, text: &str) -> Result<(), Fault> {
        if !self.is_terminal() {
            return self.write(text.as_bytes());
        }
        let mut shown = untrusted::many_lines(text).into_owned();
        if !shown.ends_with('\n') {
            shown.push('\n');
        }
        self.write(shown.as_bytes())
    }

    /// A word on standard error about what was done; nothing with `--quiet`.
    pub(crate) fn note(&self, pieces: impl IntoIterator<Item = Cell>) {
        self.notes.note(pieces);
    }

    /// Standard error alone, for whoever has nothing to print.
    pub(crate) const fn notes(&self) -> Notes {
        self.notes
    }

    /// Where long work stands, on standard error; nothing where that is no terminal.
    pub(crate) fn progress(&self, what: &'static str, counted: Counted, total: Option<u64>) -> Progress {
        let shown = self.notes.chatter == Chatter::Normal && io::stderr().is_terminal();
        if shown { Progress::shown(what, counted, total) } else { Progress::hidden() }
    }

    /// An error on standard error; with `--json` also as a document on standard output, if nothing else stands there.
    pub(crate) fn fault(&mut self, fault: &Fault) {
        for line in fault.lines(self.notes.colour) {
            error_line(&line);
        }
        if self.form == Form::Json && !self.wrote {
            // What could not be written cannot be told either.
            let _ = self.document(&fault.document());
        }
    }

    /// Bytes to standard output.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.wrote = true;
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| Fault::standard_output(&error))
    }

    fn lines(&mut self, lines: &[String]) -> Result<(), Fault> {
        let mut text = String::new();
        for line in lines {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        self.write(text.as_bytes())
    }
}

/// Standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notes {
    chatter: Chatter,
    colour: Colour,
}

impl Notes {
    /// As [`Output::note`].
    pub(crate) fn note(self, pieces: impl IntoIterator<Item = Cell>) {
        if self.chatter == Chatter::Normal {
            error_line(&joined(pieces, self.colour));
        }
    }
}

fn error_line(line: &str) {
    // Nobody is left to be told where standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn joined(pieces: impl IntoIterator<Item = Cell>, colour: Colour) -> String {
    let pieces = pieces.into_iter().filter(|piece| !piece.text().is_empty());
    pieces.map(|piece| colour.paint(piece.tone(), piece.text())).collect::<Vec<_>>().join(" ")
}
