//! `omega artifacts`: the bytes and rows that payloads refer to.

mod dataset;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use omega_gateway::broker::{ArtifactInfo, ArtifactLabel};
use omega_server::local::Attachment;
use omega_server::local::operations::PutArtifact;
use serde_json::json;

use super::payload::media_type_of;
use crate::fault::{Exit, Fault};
use crate::new_file;
use crate::output::{Cell, Form, Output, Side, Table, Tone};
use crate::session::Session;
use crate::{input, show};

/// Put, get and list artifacts and datasets
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  omega artifacts list")]
pub(crate) enum Artifacts {
    Put(Put),
    Get(Get),
    List(List),
    #[command(subcommand)]
    Dataset(dataset::Dataset),
}

/// Store a file; its id is its SHA-256
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega artifacts put sales.csv --name sales-2026")]
pub(crate) struct Put {
    /// The file (`-`: standard input)
    file: PathBuf,
    /// A name, which stands for this content for ever
    #[arg(long)]
    name: Option<String>,
    /// The media type [default: by the file's ending]
    #[arg(long, value_name = "TYPE")]
    media_type: Option<String>,
}

/// Write an artifact's bytes to a file or to standard output
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega artifacts get sales-2026 -o sales.csv")]
pub(crate) struct Get {
    /// The artifact's id or name
    id: String,
    /// Where to write it [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// List the artifacts
#[derive(Debug, Args)]
#[command(visible_alias = "ls", after_help = "Example:\n  omega artifacts list --json")]
pub(crate) struct List {}

/// Artifacts or datasets that are read at once.
const PAGE_ENTRIES: usize = 1_000;

impl Artifacts {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        match self {
            Self::Put(put) => put.run(session, output),
            Self::Get(get) => get.run(session, output),
            Self::List(List {}) => list(session, output),
            Self::Dataset(dataset) => dataset.run(session, output),
        }
    }
}

impl Put {
    fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let media_type = self.media_type.as_deref().unwrap_or_else(|| media_type_of(&self.file));
        let label = ArtifactLabel {
            name: self.name.as_deref().map(str::parse).transpose()?,
            media_type: Some(media_type.parse()?),
        };
        let put = PutArtifact { label, content: open(&self.file)? };
        let info = session.with_door(async |door| Ok(door.ask(put).await?))?;
        if output.form() == Form::Json {
            output.document(&info)?;
            return Ok(Exit::Done);
        }
        output.line([Cell::new(Tone::Good, "Stored:"), Cell::plain(info.digest.to_string())])?;
        output.indented_pairs(&[
            ("size", Cell::plain(show::bytes(info.size_bytes))),
            ("type", Cell::plain(media_type)),
            ("names", Cell::plain(show::list(&info.names, "none"))),
        ])?;
        Ok(Exit::Done)
    }
}

/// A file, or standard input for `-`. A folder is refused before the home is taken.
fn open(path: &Path) -> Result<Attachment, Fault> {
    if input::is_standard_input(path) {
        return Ok(Attachment::new(io::stdin()));
    }
    let file = File::open(path).map_err(|error| Fault::file(path, &error))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Fault::usage("A folder cannot be stored.").with("folder", path.display()).hint("Name a file."));
    }
    Ok(Attachment::new(file))
}

impl Get {
    fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let brokers = session.reader()?.brokers();
        let artifacts = brokers.artifacts();
        let Some(path) = &self.output else {
            let mut sink = Sink { output, fault: None };
            let copied = artifacts.copy_to(&self.id, &mut sink);
            let fault = sink.fault.take();
            return match (copied, fault) {
                (_, Some(fault)) => Err(fault),
                (Err(error), None) => Err(error.into()),
                (Ok(_), None) => Ok(Exit::Done),
            };
        };
        let mut file = new_file::temporary_in(new_file::folder_of(path)).map_err(|error| Fault::file(path, &error))?;
        let info = artifacts.copy_to(&self.id, &mut file)?;
        file.persist(path).map_err(|error| Fault::file(path, &error.error))?;
        if output.form() == Form::Json {
            output.document(&json!({"artifact": info, "file": path}))?;
        } else {
            output.note([Cell::plain(format!("{} to {}", show::bytes(info.size_bytes), path.display()))]);
        }
        Ok(Exit::Done)
    }
}

/// Standard output as a sink of bytes, which keeps its own error.
struct Sink<'a> {
    output: &'a mut Output,
    fault: Option<Fault>,
}

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.output.write(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(fault) => {
                self.fault = Some(fault);
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn list(session: &Session, output: &mut Output) -> Result<Exit, Fault> {
    let brokers = session.reader()?.brokers();
    let artifacts = brokers.artifacts();
    let mut found: Vec<ArtifactInfo> = Vec::new();
    let mut after = None;
    loop {
        let page = artifacts.list(after.as_ref(), PAGE_ENTRIES)?;
        found.extend(page.artifacts);
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
        output.note([Cell::plain("No artifacts here yet:"), Cell::new(Tone::Name, "omega artifacts put FILE")]);
        return Ok(Exit::Done);
    }
    let mut table =
        Table::new([("SIZE", Side::Right), ("TYPE", Side::Left), ("NAMES", Side::Left), ("ARTIFACT", Side::Left)])
            .uncut();
    for info in &found {
        table.row([
            Cell::plain(show::bytes(info.size_bytes)),
            Cell::plain(info.media_type.as_ref().map_or("-", |media_type| media_type.as_str())),
            Cell::new(Tone::Name, show::list(&info.names, "-")),
            // Whole, because this is what one types.
            Cell::plain(info.digest.to_string()),
        ]);
    }
    output.table(&table)?;
    Ok(Exit::Done)
}
