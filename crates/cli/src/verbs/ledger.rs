//! `omega ledger`: the evidence itself.

use std::thread;
use std::time::Duration;

use clap::{Args, Subcommand};
use omega_gateway::contract::{ErrorCode, EventKind, PluginId, RunId};
use omega_gateway::ledger::{LedgerReader, Order, PAGE_EVENTS_MAX, PlacedEvent, Query, Stats};
use serde_json::{Map, Value, json};

use super::{events, log, report, runs, verify};
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output};
use crate::session::Session;
use crate::show;

/// Verify and read the ledger
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  omega ledger verify")]
pub(crate) enum Ledger {
    Verify(verify::Verify),
    Archive(verify::ArchiveVerb),
    Export(verify::Export),
    ImportVerify(verify::ImportVerify),
    Tail(Tail),
    Show(Show),
    Stats(StatsVerb),
    Checkpoint(log::Checkpoint),
    Consistency(log::Consistency),
    #[command(subcommand)]
    Witness(log::WitnessVerb),
    Key(log::Key),
    RotateKey(log::RotateKey),
    Report(report::Report),
}

/// Print the newest events, and follow what comes
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger tail -f --kind ERROR,REJECT")]
pub(crate) struct Tail {
    /// So many of the newest
    #[arg(long, short = 'n', value_name = "N", default_value_t = EVENTS_SHOWN)]
    lines: usize,
    /// Go on printing what is recorded, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// Only of this run
    #[arg(long, value_name = "R")]
    run: Option<RunId>,
    /// Only of this plugin
    #[arg(long, value_name = "ID")]
    plugin: Option<PluginId>,
    /// Only of these kinds
    #[arg(long, value_name = "KIND", value_parser = kind, value_delimiter = ',')]
    kind: Vec<EventKind>,
}

/// Print one event, whole
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger show 12")]
pub(crate) struct Show {
    /// Its index, from 0
    index: u64,
}

/// Print what the ledger holds, in numbers
#[derive(Debug, Args)]
#[command(name = "stats", after_help = "Example:\n  omega ledger stats --json")]
pub(crate) struct StatsVerb {}

/// Events that are printed where nobody says how many.
const EVENTS_SHOWN: usize = 20;
/// How often a followed ledger is looked at.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);

/// A kind by its name, for clap: the error lists what there is.
fn kind(name: &str) -> Result<EventKind, String> {
    let wanted = name.to_ascii_uppercase();
    EventKind::ALL.into_iter().find(|kind| kind.as_str() == wanted).ok_or_else(|| {
        let known: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("the kinds are {}", known.join(", "))
    })
}

impl Ledger {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        match self {
            Self::Verify(verify) => verify.run(session, output),
            Self::Archive(archive) => archive.run(session, output),
            Self::Export(export) => export.run(session, output),
            Self::ImportVerify(verify) => verify.run(output),
            Self::Tail(tail) => tail.run(session, output),
            Self::Show(show) => show.run(session, output),
            Self::Stats(StatsVerb {}) => stats(session, output),
            Self::Checkpoint(checkpoint) => checkpoint.run(session, output),
            Self::Consistency(consistency) => consistency.run(session, output),
            Self::Witness(witness) => witness.run(session, output),
            Self::Key(key) => key.run(session, output),
            Self::RotateKey(rotate) => rotate.run(session, output),
            Self::Report(report) => report.run(session, output),
        }
    }
}

impl Tail {
    fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let reader = session.reader()?;
        let ledger = reader.ledger();
        // Where to follow from is fixed before the newest are read, so that none is missed.
        let mut next = ledger.stats()?.events;
        print(&self.newest(ledger, next)?, output)?;
        if !self.follow {
            return Ok(Exit::Done);
        }
        // Until interrupted, or until nobody reads standard output any more.
        loop {
            thread::sleep(FOLLOW_INTERVAL);
            let indexes = next..u64::MAX;
            let query = Query { indexes, order: Order::OldestFirst, limit: PAGE_EVENTS_MAX, ..self.query() };
            let page = ledger.query(&query)?;
            next = page.events.last().map_or(next, |placed| placed.index + 1);
            print(&page.events, output)?;
        }
    }

    /// The newest events below an index, oldest first.
    fn newest(&self, ledger: &LedgerReader, before: u64) -> Result<Vec<PlacedEvent>, Fault> {
        let mut found = Vec::new();
        let mut indexes = 0..before;
        while found.len() < self.lines {
            let limit = self.lines - found.len();
            let query = Query { indexes, order: Order::NewestFirst, limit, ..self.query() };
            let page = ledger.query(&query)?;
            found.extend(page.events);
            let Some(rest) = page.next else { break };
            indexes = rest;
        }
        found.reverse();
        Ok(found)
    }

    fn query(&self) -> Query {
        Query { run_id: self.run.clone(), plugin_id: self.plugin.clone(), kinds: self.kind.clone(), ..Query::default() }
    }
}

fn print(events: &[PlacedEvent], output: &mut Output) -> Result<(), Fault> {
    for placed in events {
        match output.form() {
            Form::Json => output.json_line(&events::document(placed))?,
            Form::Text => output.line(events::line(placed))?,
        }
    }
    Ok(())
}

impl Show {
    fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let reader = session.reader()?;
        let Some(placed) = reader.ledger().event(self.index)? else {
            return Err(Fault::new(ErrorCode::NotFound).with("event", self.index).hint("See `omega ledger stats`."));
        };
        if output.form() == Form::Json {
            output.document(&events::document(&placed))?;
            return Ok(Exit::Done);
        }
        let event = &placed.event;
        let mut fields = vec![
            ("index", Cell::plain(placed.index.to_string())),
            ("kind", show::kind(event.kind)),
            ("ts", Cell::plain(&event.ts)),
            ("event_id", Cell::plain(&event.event_id)),
            ("run_id", Cell::plain(&event.run_id)),
            ("request_id", Cell::plain(&event.request_id)),
            ("plugin_id", Cell::plain(&event.plugin_id)),
            ("input_hash", Cell::plain(&event.input_hash)),
            ("output_hash", Cell::plain(&event.output_hash)),
            ("prev_hash", Cell::plain(&event.prev_hash)),
            ("event_hash", Cell::plain(event.event_hash.to_string())),
        ];
        fields.retain(|(_, value)| !value.text().is_empty());
        output.pairs(&fields)?;
        if !event.meta.is_empty() {
            output.line([Cell::plain("meta")])?;
            let meta: Vec<(&str, Cell)> =
                event.meta.iter().map(|(key, value)| (key.as_ref(), Cell::plain(value))).collect();
            output.indented_pairs(&meta)?;
        }
        Ok(Exit::Done)
    }
}

fn stats(session: &Session, output: &mut Output) -> Result<Exit, Fault> {
    let stats = session.reader()?.ledger().stats()?;
    if output.form() == Form::Json {
        output.document(&document(&stats))?;
        return Ok(Exit::Done);
    }
    let calls = &stats.calls;
    let calls = format!(
        "{}: {} ok, {} rejected, {} error, {} timeout",
        calls.calls, calls.ok, calls.rejected, calls.error, calls.timeout
    );
    let time = |time: Option<_>| Cell::plain(time.map_or_else(|| "-".to_owned(), show::when));
    output.pairs(&[
        ("events", Cell::plain(format!("{} ({} synced)", stats.events, stats.synced_events))),
        ("size", Cell::plain(format!("{} in {}", show::bytes(stats.bytes), show::count(stats.segments, "segment")))),
        ("runs", Cell::plain(stats.runs.to_string())),
        ("calls", Cell::plain(calls)),
        ("kinds", Cell::plain(show::list(stats.kinds.iter().map(|(kind, count)| format!("{count} {kind}")), "none"))),
        ("first", time(stats.first_ts)),
        ("last", time(stats.last_ts)),
        ("head", Cell::plain(stats.head.map_or_else(|| "-".to_owned(), |head| head.to_string()))),
    ])?;
    Ok(Exit::Done)
}

fn document(stats: &Stats) -> Value {
    let kinds: Map<String, Value> =
        stats.kinds.iter().map(|(kind, count)| (kind.as_str().to_owned(), json!(count))).collect();
    json!({
        "events": stats.events,
        "synced_events": stats.synced_events,
        "bytes": stats.bytes,
        "segments": stats.segments,
        "runs": stats.runs,
        "calls": runs::tally(&stats.calls),
        "kinds": kinds,
        "first_event_at": stats.first_ts,
        "last_event_at": stats.last_ts,
        "head_event_hash": stats.head,
    })
}
