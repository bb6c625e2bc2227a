//! One generation: from what was saved to what the examples give.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use omega_gateway::contract::PluginInfo;
use omega_gateway::trial::{ExampleRun, TrialHome};
use serde_json::{Value, json};

use super::diff;
use crate::fault::Fault;
use crate::output::{Cell, Form, Output, Tone};
use crate::verbs::plugins::{build, read_package, trial};

/// What the last good generation gave, by example.
#[derive(Default)]
pub(super) struct Generation {
    number: u64,
    info: Option<PluginInfo>,
    runs: Vec<ExampleRun>,
    took_ms: u64,
    /// What is compared: status, reason and output of each example.
    outputs: BTreeMap<String, String>,
}

/// How a save came out.
pub(super) enum Outcome {
    Ran(Box<Generation>),
    Failed { number: u64, fault: Fault },
}

impl Generation {
    /// Builds, admits and runs what is in the folder now.
    pub(super) async fn make(folder: &Path, home: &TrialHome, before: &Self) -> Outcome {
        let number = before.number + 1;
        let began = Instant::now();
        match run(folder, home).await {
            Ok((info, runs)) => {
                let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                let outputs = runs.iter().map(|run| (run.path.clone(), compared(run))).collect();
                Outcome::Ran(Box::new(Self { number, info: Some(info), runs, took_ms, outputs }))
            }
            Err(fault) => Outcome::Failed { number, fault },
        }
    }

    /// What the next one is compared with: a failed one gave nothing.
    pub(super) fn followed_by(self, made: Outcome) -> Self {
        match made {
            Outcome::Ran(generation) => *generation,
            Outcome::Failed { number, .. } => Self { number, ..self },
        }
    }

    /// All of it the first time, then what changed.
    pub(super) fn show(&self, before: &Self, output: &mut Output) -> Result<(), Fault> {
        let changes = |run: &ExampleRun| {
            let (old, new) = (before.outputs.get(&run.path), self.outputs.get(&run.path)?);
            old.and_then(|old| diff::unified(old, new))
        };
        let is_new = |run: &ExampleRun| !before.outputs.contains_key(&run.path);
        if output.form() == Form::Json {
            let example = |run: &ExampleRun| {
                let mut document = trial::document(run);
                document["is_new"] = json!(is_new(run));
                document["diff"] = json!(changes(run));
                document
            };
            let examples: Vec<Value> = self.runs.iter().map(example).collect();
            let plugin = self.info.as_ref().map(trial::subject);
            return output.json_line(&json!({
                "event": "ran", "generation": self.number, "took_ms": self.took_ms, "plugin": plugin, "examples": examples,
            }));
        }
        output.line([
            Cell::new(Tone::Good, format!("generation {}", self.number)),
            Cell::faint(format!("{} ms", self.took_ms)),
        ])?;
        for run in &self.runs {
            match changes(run) {
                _ if is_new(run) => trial::print(run, output)?,
                Some(changed) => {
                    output.line(trial::head(run))?;
                    show_diff(&changed, output)?;
                }
                None => output.line([Cell::new(Tone::Strong, &run.path), Cell::faint("unchanged")])?,
            }
        }
        for gone in before.outputs.keys().filter(|path| !self.outputs.contains_key(*path)) {
            output.line([Cell::new(Tone::Strong, gone), Cell::faint("is gone")])?;
        }
        Ok(())
    }
}

fn show_diff(changed: &str, output: &mut Output) -> Result<(), Fault> {
    for line in changed.lines() {
        let tone = match line.chars().next() {
            Some('+') => Tone::Good,
            Some('-') => Tone::Bad,
            _ => Tone::Faint,
        };
        output.line([Cell::plain(" "), Cell::new(tone, line)])?;
    }
    Ok(())
}

async fn run(folder: &Path, home: &TrialHome) -> Result<(PluginInfo, Vec<ExampleRun>), Fault> {
    let owned = folder.to_owned();
    let files = tokio::task::spawn_blocking(move || {
        build::build(&owned)?;
        read_package(&owned)
    });
    let files = files.await.map_err(|error| Fault::new(omega_gateway::contract::ErrorCode::Io).because(error))??;
    let info = home.admit(files.clone()).await?;
    let runs = home.run_examples(&info, &files, &[]).await?;
    Ok((info, runs))
}

/// Status, reason and output: without what differs from run to run.
fn compared(run: &ExampleRun) -> String {
    let ending = match &run.answered {
        Ok(answer) => {
            let reason = answer.reason.map(|reason| format!(" {reason}")).unwrap_or_default();
            format!("{}{reason} {}", answer.response.status, answer.response.notes)
        }
        Err(error) => format!("{} {}", error.code, error.message),
    };
    format!("{}\n{}\n", ending.trim_end(), trial::output_text(run).trim_end())
}
