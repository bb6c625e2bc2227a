//! `omega artifacts dataset`: rows that `dataset_slice` payloads refer to.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use omega_gateway::broker::{DatasetForm, DatasetInfo};
use omega_server::local::operations::AddDataset;

use super::{PAGE_ENTRIES, open};
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Side, Table, Tone};
use crate::session::Session;
use crate::show;
use crate::verbs::payload::media_type_of;

/// Add and list datasets
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  omega artifacts dataset list")]
pub(crate) enum Dataset {
    Add(Add),
    List(List),
}

/// Register a file of rows as a dataset
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega artifacts dataset add customers customers.csv --key id")]
pub(crate) struct Add {
    /// The dataset's name, which payloads give as `source`
    name: String,
    /// The rows: CSV with a header, or JSON lines
    file: PathBuf,
    /// The field that identifies a row
    #[arg(long, value_name = "FIELD")]
    key: String,
    /// The file's form [default: by its ending]
    #[arg(long, value_enum)]
    form: Option<RowForm>,
}

/// A form of rows, as clap takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RowForm {
    /// RFC 4180, with a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

/// List the datasets
#[derive(Debug, Args)]
#[command(visible_alias = "ls", after_help = "Example:\n  omega artifacts dataset list --json")]
pub(crate) struct List {}

impl Dataset {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        match self {
            Self::Add(add) => add.run(session, output),
            Self::List(List {}) => list(session, output),
        }
    }
}

impl Add {
    fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let name = self.name.parse()?;
        let form = match self.form {
            Some(RowForm::Csv) => DatasetForm::Csv,
            Some(RowForm::Ndjson) => DatasetForm::Ndjson,
            None => form_of(&self.file)?,
        };
        let add = AddDataset { name, form, key_field: self.key, rows: open(&self.file)? };
        let info = session.with_door(async |door| Ok(door.ask(add).await?))?;
        if output.form() == Form::Json {
            output.document(&info)?;
            return Ok(Exit::Done);
        }
        output.line([Cell::new(Tone::Good, "Added:"), Cell::new(Tone::Strong, info.name.as_str())])?;
        output.indented_pairs(&[
            ("rows", Cell::plain(format!("{}, by {}", info.rows, info.key_field))),
            ("content", Cell::plain(info.digest.to_string())),
        ])?;
        Ok(Exit::Done)
    }
}

fn form_of(file: &Path) -> Result<DatasetForm, Fault> {
    match media_type_of(file) {
        "text/csv" => Ok(DatasetForm::Csv),
        "application/x-ndjson" => Ok(DatasetForm::Ndjson),
        _ => Err(Fault::usage("The file's ending does not tell the form of its rows.")
            .with("file", file.display())
            .hint("Say it with `--form csv` or `--form ndjson`.")),
    }
}

fn list(session: &Session, output: &mut Output) -> Result<Exit, Fault> {
    let brokers = session.reader()?.brokers();
    let datasets = brokers.datasets();
    let mut found: Vec<DatasetInfo> = Vec::new();
    let mut after = None;
    loop {
        let page = datasets.list(after.as_ref(), PAGE_ENTRIES)?;
        found.extend(page.datasets);
        after = page.next_after;
        if after.is_none() {
            break;
        }
    }
    if output.form() == Form::Json {
        output.document(&found)?;
        return Ok(Exit::Done);
    }
    if found.is_empty() {
        let command = Cell::new(Tone::Name, "omega artifacts dataset add NAME FILE --key FIELD");
        output.note([Cell::plain("No datasets here yet:"), command]);
        return Ok(Exit::Done);
    }
    let mut table =
        Table::new([("DATASET", Side::Left), ("ROWS", Side::Right), ("KEY", Side::Left), ("CONTENT", Side::Left)]);
    for info in &found {
        table.row([
            Cell::new(Tone::Name, info.name.as_str()),
            Cell::plain(info.rows.to_string()),
            Cell::plain(&info.key_field),
            Cell::faint(show::short_hash(&info.digest)),
        ]);
    }
    output.table(&table)?;
    Ok(Exit::Done)
}
