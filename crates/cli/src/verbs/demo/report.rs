//! What the demonstration showed, for people and for programs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use omega_gateway::Answer;
use omega_gateway::contract::Sha256Hex;
use serde::Serialize;

use super::stage::Stage;
use crate::fault::Fault;
use crate::output::{Cell, Form, Output, Tone};
use crate::show;

/// One thing that was shown.
#[derive(Debug, Serialize)]
pub(super) struct Act {
    pub(super) title: String,
    pub(super) expected: &'static str,
    pub(super) happened: String,
    pub(super) held: bool,
    pub(super) evidence: Vec<Evidence>,
}

/// Where to look: an event and its hash, or another hash.
#[derive(Debug, Serialize)]
pub(super) struct Evidence {
    label: String,
    hash: String,
}

impl Evidence {
    /// The outcome's event of a call.
    pub(super) fn of(answer: &Answer) -> Self {
        Self::event(answer.event_index, &answer.event_hash)
    }

    /// An event.
    pub(super) fn event(index: u64, hash: &Sha256Hex) -> Self {
        Self { label: format!("event {index}"), hash: hash.to_string() }
    }

    /// Another hash.
    pub(super) fn hash(label: &str, hash: &str) -> Self {
        Self { label: label.to_owned(), hash: hash.to_owned() }
    }
}

/// All of it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    gateway_version: &'static str,
    run_id: String,
    /// The home, where it is kept.
    home: Option<PathBuf>,
    texts: usize,
    acts: Vec<Act>,
    all_held: bool,
    duration_ms: u64,
}

impl Report {
    /// The curtain rises.
    pub(super) fn open(&mut self, stage: &Stage, texts: usize) {
        self.gateway_version = env!("CARGO_PKG_VERSION");
        self.run_id = stage.run_id.to_string();
        self.texts = texts;
    }

    /// One act was played.
    pub(super) fn play(&mut self, act: Act) {
        self.acts.push(act);
    }

    /// Nothing was shown.
    pub(super) fn is_empty(&self) -> bool {
        self.acts.is_empty()
    }

    /// The curtain falls.
    pub(super) fn finish(&mut self, elapsed: Duration, kept_home: Option<&Path>) {
        self.duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.home = kept_home.map(Path::to_owned);
        self.all_held = !self.acts.is_empty() && self.acts.iter().all(|act| act.held);
    }

    /// Whether everything happened as it must.
    pub(super) const fn all_held(&self) -> bool {
        self.all_held
    }

    /// Prints it.
    pub(super) fn print(&self, output: &mut Output) -> Result<(), Fault> {
        if output.form() == Form::Json {
            return output.document(self);
        }
        output.line([
            Cell::new(Tone::Strong, format!("OMEGA Plugin Gateway {}", self.gateway_version)),
            Cell::faint(format!("run {}", self.run_id)),
        ])?;
        for act in &self.acts {
            print(act, output)?;
        }
        output.line([])?;
        let held = self.acts.iter().filter(|act| act.held).count();
        let tone = if self.all_held { Tone::Good } else { Tone::Bad };
        output.line([
            Cell::new(tone, format!("{held} of {} behaved as they must", show::count(self.acts.len(), "act"))),
            Cell::faint(format!("in {} ms", self.duration_ms)),
        ])?;
        if let Some(home) = &self.home {
            let home = home.display();
            output.line([
                Cell::plain("Kept:"),
                Cell::new(Tone::Name, format!("omega runs show {} --home {home}", self.run_id)),
            ])?;
        }
        Ok(())
    }
}

fn print(act: &Act, output: &mut Output) -> Result<(), Fault> {
    output.line([])?;
    let mark = if act.held { Cell::new(Tone::Good, "ok  ") } else { Cell::new(Tone::Bad, "FAIL") };
    output.line([mark, Cell::new(Tone::Strong, &act.title)])?;
    let mut fields = vec![("must", Cell::plain(act.expected)), ("did", Cell::plain(&act.happened))];
    fields.extend(act.evidence.iter().map(|evidence| (evidence.label.as_str(), Cell::faint(&evidence.hash))));
    output.indented_pairs(&fields)
}
