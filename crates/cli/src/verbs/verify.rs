//! `omega ledger verify`: reads everything and says whether it is what was written.

use std::path::{Path, PathBuf};

use clap::Args;
use omega_gateway::Home;
use omega_gateway::contract::{ErrorCode, Timestamp};
use omega_gateway::ledger::{self, LedgerError, LedgerVerdict};
use omega_proof::chain::Strictness;
use omega_server::local::operations::ArchiveLedger;
use serde_json::json;

use crate::fault::{Exit, Fault};
use crate::output::{Cell, Counted, Form, Output, Tone};
use crate::session::Session;
use crate::{show, vkey};

/// Check every hash, link, tile and checkpoint of the ledger
///
/// This shows that the ledger is whole and unchanged since it was written. It does not show that nobody who can write
/// the home and holds the log's key has written all of it anew: hold it against a checkpoint that somebody outside kept, with
/// `omega ledger consistency`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger verify --strict")]
pub(crate) struct Verify {
    /// Also check that each line is in its one canonical form and fits the event's schema
    #[arg(long)]
    strict: bool,
    /// The log's verifier key, or a file that holds it [default: the one that this home began with]
    #[arg(long, value_name = "KEY")]
    vkey: Option<String>,
    /// Also check what was moved to this archive, and that nothing is missing in between; once for each, oldest first
    #[arg(long, value_name = "DIR")]
    archive: Vec<PathBuf>,
}

/// Move the oldest events to a folder that can be checked alone
///
/// Whole segments are moved, of 256 MiB each. What is left verifies, and its tree stays whole. Keep the archive: where
/// the registry is lost, it is put back first, because it holds decisions.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger archive --before 2026-06-01T00:00:00Z ./archive-1")]
pub(crate) struct ArchiveVerb {
    /// Events before this index, or before this time (RFC 3339)
    #[arg(long, value_name = "INDEX|TIME", value_parser = before)]
    before: Before,
    /// A new or empty folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Up to where to archive.
#[derive(Debug, Clone, Copy)]
enum Before {
    Index(u64),
    Time(Timestamp),
}

fn before(text: &str) -> Result<Before, String> {
    let time = || text.parse().map(Before::Time).map_err(|_| "neither an index nor a time like 2026-06-01T00:00:00Z");
    text.parse().map(Before::Index).or_else(|_| time()).map_err(ToOwned::to_owned)
}

/// Write the ledger into a folder that any web server can serve and anybody can check alone
///
/// The form is C2SP tlog-tiles: `checkpoint`, `tile/…`, and the events beside them.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger export ./public-log")]
pub(crate) struct Export {
    /// A new or empty folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Check a folder that `omega ledger export` wrote: needs no home and no network
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger import-verify ./public-log --vkey log.vkey")]
pub(crate) struct ImportVerify {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The log's verifier key, or a file that holds it: yours, not the one in the folder
    #[arg(long, value_name = "KEY")]
    vkey: String,
    /// Also check that each line is in its one canonical form and fits the event's schema
    #[arg(long)]
    strict: bool,
}

/// Where a home has its ledger.
const IN_HOME: &str = "ledger";

/// How closely a ledger is looked at.
pub(super) type Depth = Strictness;

const fn depth(strict: bool) -> Depth {
    if strict { Strictness::Strict } else { Strictness::Standard }
}

impl Verify {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let home = session.home()?;
        session.sign_newest()?;
        let trusted = match &self.vkey {
            Some(vkey) => vkey::one(vkey)?,
            None => home.log_verifier_key()?,
        };
        let verdict = with_bar(Path::new(IN_HOME), output, |progress| {
            ledger::verify(&home.ledger_dir(), &trusted, depth(self.strict), progress)
        })?;
        let mut archives = Vec::new();
        for folder in &self.archive {
            let (archive, _) = with_bar(folder, output, |progress| {
                ledger::verify_archive(folder, &trusted, depth(self.strict), progress)
            })?;
            archives.push(archive);
        }
        if !archives.is_empty() {
            ledger::check_succession(&archives, &verdict).map_err(as_answer(Path::new(IN_HOME)))?;
        }
        report(&verdict, self.strict, archives.len(), output)
    }
}

impl ArchiveVerb {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let index = match self.before {
            Before::Index(index) => index,
            Before::Time(time) => session.reader()?.first_index_at(time)?,
        };
        check_empty(&self.folder)?;
        let folder = std::path::absolute(&self.folder).map_err(|error| Fault::file(&self.folder, &error))?;
        let archive = ArchiveLedger { before: index, to: folder };
        let moved = session.with_door(async |door| Ok(door.ask(archive).await?))?;
        if output.form() == Form::Json {
            output.document(&json!({
                "folder": self.folder,
                "first_index": moved.as_ref().map(|archive| archive.first_index),
                "next_index": moved.as_ref().map(|archive| archive.next_index),
            }))?;
            return Ok(Exit::Done);
        }
        match moved {
            Some(archive) => output.line([
                Cell::new(Tone::Good, "Archived:"),
                Cell::plain(format!("events {} to {}", archive.first_index, archive.next_index - 1)),
                Cell::faint(format!("in {}", self.folder.display())),
            ])?,
            None => output.line([Cell::plain("Nothing to archive: no sealed segment ends before that.")])?,
        }
        Ok(Exit::Done)
    }
}

impl Export {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let home = session.home()?;
        let trusted = home.log_verifier_key()?;
        check_empty(&self.folder)?;
        session.sign_newest()?;
        let written =
            ledger::export_static(&home.ledger_dir(), &trusted, &self.folder).map_err(as_answer(Path::new(IN_HOME)))?;
        if output.form() == Form::Json {
            output.document(&json!({
                "folder": self.folder,
                "size": written.head.size,
                "root": written.head.root,
                "files": written.files,
                "bytes": written.bytes,
            }))?;
            return Ok(Exit::Done);
        }
        output.line([
            Cell::new(Tone::Good, "Exported:"),
            Cell::plain(show::count(written.head.size, "event")),
            Cell::faint(format!("({} in {})", show::bytes(written.bytes), show::count(written.files, "file"))),
        ])?;
        let check = format!("omega ledger import-verify {} --vkey '{trusted}'", self.folder.display());
        output.note([Cell::plain("Anybody checks it with"), Cell::new(Tone::Name, check)]);
        Ok(Exit::Done)
    }
}

impl ImportVerify {
    pub(super) fn run(self, output: &mut Output) -> Result<Exit, Fault> {
        let trusted = vkey::one(&self.vkey)?;
        if !self.folder.is_dir() {
            return Err(Fault::file(&self.folder, &std::io::ErrorKind::NotFound.into()));
        }
        let verdict = with_bar(&self.folder, output, |progress| {
            ledger::import_verify(&self.folder, &trusted, depth(self.strict), progress)
        })?;
        report(&verdict, self.strict, 0, output)
    }
}

/// The library refuses what holds anything too; here the words are about the command line.
fn check_empty(folder: &Path) -> Result<(), Fault> {
    if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        let taken = std::io::ErrorKind::AlreadyExists.into();
        return Err(Fault::file(folder, &taken).hint("Name a new or empty folder."));
    }
    Ok(())
}

fn with_bar<T>(
    folder: &Path,
    output: &Output,
    work: impl FnOnce(&mut dyn FnMut(ledger::Progress)) -> Result<T, LedgerError>,
) -> Result<T, Fault> {
    let bar = output.progress("verifying", Counted::Bytes, Some(0));
    let verdict = work(&mut |progress| {
        bar.of(progress.bytes_total);
        bar.at(progress.bytes_done);
    });
    drop(bar);
    verdict.map_err(as_answer(folder))
}

fn report(verdict: &LedgerVerdict, strict: bool, archives: usize, output: &mut Output) -> Result<Exit, Fault> {
    if output.form() == Form::Text {
        return print(verdict, archives, output).map(|()| Exit::Done);
    }
    output.document(&json!({
        "valid": true,
        "strict": strict,
        "events": verdict.events,
        "archived_events": verdict.archived_events,
        "archives_checked": archives,
        "bytes": verdict.bytes,
        "segments": verdict.segments,
        "synced_events": verdict.synced_events,
        "unfinished_bytes": verdict.unfinished_bytes,
        "head_event_hash": verdict.head,
        "checkpoints": verdict.tree.checkpoints,
        "checkpoints_before_key": verdict.tree.before_key,
        "tree_size": verdict.tree.newest.map(|head| head.size),
        "tree_root": verdict.tree.newest.map(|head| head.root),
    }))?;
    Ok(Exit::Done)
}

/// Reads the whole ledger of a home. A fault in it is a plain no, with the place and the kind.
pub(super) fn verify(
    home: &Home,
    depth: Depth,
    progress: &mut dyn FnMut(ledger::Progress),
) -> Result<LedgerVerdict, Fault> {
    ledger::verify(&home.ledger_dir(), &home.log_verifier_key()?, depth, progress)
        .map_err(as_answer(Path::new(IN_HOME)))
}

/// A fault that was found is an answer: the place, below `folder`, and the kind.
fn as_answer(folder: &Path) -> impl Fn(LedgerError) -> Fault {
    move |error| answer(folder, error)
}

fn answer(folder: &Path, error: LedgerError) -> Fault {
    let LedgerError::Corrupt(fault) = error else { return error.into() };
    let named = Fault::new(ErrorCode::LedgerCorrupt).with("file", folder.join(&fault.file).display());
    let placed = match (fault.line, fault.offset) {
        (0, 0) => named,
        (0, offset) => named.with("byte", offset),
        (line, offset) => named.with("line", format!("{line}, byte {offset}")),
    };
    placed.because(&fault.kind).exit(Exit::No)
}

fn print(verdict: &LedgerVerdict, archives: usize, output: &mut Output) -> Result<(), Fault> {
    let size = format!("{} in {}", show::bytes(verdict.bytes), show::count(verdict.segments, "segment"));
    output.line([
        Cell::new(Tone::Good, "Verified:"),
        Cell::plain(show::count(verdict.events, "event")),
        Cell::faint(format!("({size})")),
    ])?;
    let mut pairs = Vec::new();
    if let Some(head) = verdict.head {
        pairs.push(("head", Cell::plain(head.to_string())));
    }
    if let Some(tree) = &verdict.tree.newest {
        pairs.push(("tree", Cell::plain(format!("{}, root {}", show::count(tree.size, "event"), tree.root))));
    }
    let unchecked = match verdict.tree.before_key {
        0 => String::new(),
        before => format!("; the signatures of {before} from before this key were not checked"),
    };
    pairs.push(("signed", Cell::plain(format!("{}{unchecked}", show::count(verdict.tree.checkpoints, "checkpoint")))));
    if verdict.archived_events > 0 {
        let looked = if archives > 0 { "checked in" } else { "not looked at; `--archive DIR` checks" };
        let archived = format!(
            "{}, {looked} {}",
            show::count(verdict.archived_events, "event"),
            if archives > 0 { show::count(archives, "archive") } else { "them".to_owned() }
        );
        pairs.push(("archived", Cell::plain(archived)));
    }
    output.indented_pairs(&pairs)?;
    if verdict.unfinished_bytes > 0 {
        let bytes = show::bytes(verdict.unfinished_bytes);
        output.line([
            Cell::new(Tone::Warning, "Unfinished:"),
            Cell::plain(format!(
                "{bytes} at the end, above what was acknowledged; the next start puts them into quarantine"
            )),
        ])?;
    }
    Ok(())
}
