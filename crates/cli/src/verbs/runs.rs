//! `omega runs`: what happened, from the ledger.

use clap::{Args, Subcommand};
use omega_gateway::contract::{ErrorCode, RunId};
use omega_gateway::ledger::{CallTally, PlacedEvent, RunQuery, RunSummary};
use serde_json::{Value, json};

use super::events;
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Side, Table, Tone};
use crate::session::Session;
use crate::show;
use crate::timeline::{Glyphs, Timeline, lines, time};

/// Show what happened, run by run
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  omega runs list")]
pub(crate) enum Runs {
    List(List),
    Show(Show),
}

/// List the runs, the newest first
#[derive(Debug, Args)]
#[command(visible_alias = "ls", after_help = "Example:\n  omega runs list --limit 20")]
pub(crate) struct List {
    /// At most so many
    #[arg(long, short = 'n', value_name = "N", default_value_t = RUNS_SHOWN)]
    limit: usize,
}

/// Show every event of a run
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega runs show 01KAG0T8J1Z2V4W6X8Y0A2C4E6 --timeline")]
pub(crate) struct Show {
    /// The run
    run: RunId,
    /// Show when each call ran and how long, as bars
    #[arg(long)]
    timeline: bool,
}

/// Runs that are listed where nobody says how many.
const RUNS_SHOWN: usize = 50;

impl Runs {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        match self {
            Self::List(list) => list.run(session, output),
            Self::Show(show) => show.run(session, output),
        }
    }
}

impl List {
    fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let runs = self.summaries(session)?;
        if output.form() == Form::Json {
            output.document(&runs.iter().map(document).collect::<Vec<_>>())?;
            return Ok(Exit::Done);
        }
        let header = [
            ("RUN", Side::Left),
            ("BEGAN", Side::Left),
            ("CALLS", Side::Right),
            ("OK", Side::Right),
            ("REJECTED", Side::Right),
            ("ERROR", Side::Right),
            ("TIMEOUT", Side::Right),
            ("EVENTS", Side::Right),
        ];
        let mut table = Table::new(header);
        for run in &runs {
            table.row(row(run));
        }
        output.table(&table)?;
        Ok(Exit::Done)
    }

    /// Page by page, as many as were asked for.
    fn summaries(&self, session: &Session) -> Result<Vec<RunSummary>, Fault> {
        let reader = session.reader()?;
        let mut runs = Vec::new();
        let mut query = RunQuery::default();
        while runs.len() < self.limit {
            query.limit = self.limit - runs.len();
            let page = reader.ledger().runs(&query)?;
            runs.extend(page.runs);
            let Some(next) = page.next else { break };
            query.before = next;
        }
        Ok(runs)
    }
}

fn row(run: &RunSummary) -> [Cell; 8] {
    let CallTally { calls, ok, rejected, error, timeout } = run.calls;
    let number = |count: u64, tone: Tone| Cell::new(if count == 0 { Tone::Faint } else { tone }, count.to_string());
    [
        Cell::new(Tone::Name, run.run_id.as_str()),
        Cell::plain(show::when(run.first_ts)),
        number(calls, Tone::Plain),
        number(ok, Tone::Good),
        number(rejected, Tone::Warning),
        number(error, Tone::Bad),
        number(timeout, Tone::Bad),
        number(run.events, Tone::Plain),
    ]
}

fn document(run: &RunSummary) -> Value {
    json!({
        "run_id": run.run_id,
        "first_index": run.first_index,
        "last_index": run.last_index,
        "began_at": run.first_ts,
        "last_event_at": run.last_ts,
        "events": run.events,
        "calls": tally(&run.calls),
    })
}

/// How calls ended, for programs.
pub(super) fn tally(calls: &CallTally) -> Value {
    let CallTally { calls, ok, rejected, error, timeout } = calls;
    json!({"total": calls, "ok": ok, "rejected": rejected, "error": error, "timeout": timeout})
}

impl Show {
    fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let placed = session.reader()?.ledger().run_events(&self.run)?;
        if placed.is_empty() {
            return Err(Fault::new(ErrorCode::RunUnknown).with("run", &self.run));
        }
        if self.timeline {
            return self.timeline(&placed, output);
        }
        if output.form() == Form::Json {
            let events: Vec<Value> = placed.iter().map(events::document).collect();
            output.document(&json!({"run_id": self.run, "events": events}))?;
            return Ok(Exit::Done);
        }
        output.table(&events::table(&placed))?;
        let proof = Cell::new(Tone::Name, format!("omega proof export {}", self.run));
        let count = show::count(placed.len(), "event");
        output.note([Cell::plain(format!("{count}. To hand them out as evidence:")), proof]);
        Ok(Exit::Done)
    }

    fn timeline(&self, events: &[PlacedEvent], output: &mut Output) -> Result<Exit, Fault> {
        let unknown = || Fault::new(ErrorCode::RunUnknown).with("run", &self.run);
        let timeline = Timeline::of(events).ok_or_else(unknown)?;
        if output.form() == Form::Json {
            output.document(&json!({"run_id": self.run, "timeline": timeline}))?;
            return Ok(Exit::Done);
        }
        output.line([
            Cell::plain("run"),
            Cell::new(Tone::Name, self.run.as_str()),
            Cell::plain(format!("began {}, took {}", show::when(timeline.began_at), time(timeline.total_us))),
        ])?;
        let glyphs = if output.draws() { Glyphs::Blocks } else { Glyphs::Ascii };
        for line in lines(&timeline, glyphs, output.columns_max()) {
            output.line(line)?;
        }
        Ok(Exit::Done)
    }
}
