//! `omega ledger checkpoint`, `consistency`, `witness`, `rotate-key`: what outsiders hold this ledger to.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use omega_gateway::WitnessState;
use omega_gateway::contract::Witness;
use omega_proof::checkpoint::WitnessKey;
use omega_proof::note::NOTE_BYTES_MAX;
use omega_proof::tree::TreeHead;
use omega_server::local::operations::{
    self, AddWitness, AskWitness, CheckpointNote, CollectedNote, RemoveWitness, RotateLogKey, TakeCosignature,
};
use serde_json::{Value, json};

use crate::fault::{Exit, Fault};
use crate::input;
use crate::new_file;
use crate::output::{Cell, Form, Output, Side, Table, Tone};
use crate::session::Session;
use crate::{show, vkey};

/// Sign what the ledger holds now, and print the checkpoint
///
/// A checkpoint is a C2SP signed note. Whoever keeps one can later tell whether the ledger was rolled back or rewritten:
/// see `omega ledger consistency`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger checkpoint -o checkpoint.txt")]
pub(crate) struct Checkpoint {
    /// Where to write it [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Say whether the ledger still begins with what a checkpoint covers
///
/// Prints the proof (RFC 6962) with `--json`, so that other tools can check it too.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger consistency checkpoint.txt")]
pub(crate) struct Consistency {
    /// A checkpoint that was kept
    #[arg(value_name = "FILE")]
    checkpoint: PathBuf,
    /// The log's verifier key, or a file that holds it [default: the one that this home began with]
    #[arg(long, value_name = "KEY")]
    vkey: Option<String>,
}

/// Print the key that verifies this ledger: give it to whoever is to check
///
/// It is the key that the home began with. Later keys are found by following the hand-overs from it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger key > log.vkey")]
pub(crate) struct Key {}

/// Hand the log over to a new key
///
/// Both keys sign the hand-over, so that whoever trusts the old key can follow. With `--key-file`, set `log_key` in
/// omega.toml to that path afterwards: the home does not open before.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger rotate-key")]
pub(crate) struct RotateKey {
    /// Keep the new key in this file, outside the home; a key that is there is taken
    #[arg(long, value_name = "PEM")]
    key_file: Option<PathBuf>,
}

/// Who outside confirms that each checkpoint extends the one before
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  omega ledger witness list")]
pub(crate) enum WitnessVerb {
    Add(Add),
    List(List),
    Remove(Remove),
    Ask(Ask),
    Take(Take),
}

/// Name a witness
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger witness add alice VKEY --url http://127.0.0.1:8090")]
pub(crate) struct Add {
    /// What it is called here
    name: String,
    /// Its verifier key (C2SP tlog-cosignature), or a file that holds it
    vkey: String,
    /// Where it takes checkpoints (C2SP tlog-witness); without one, its cosignatures come as files
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// List the witnesses and what each last confirmed
#[derive(Debug, Args)]
#[command(name = "list", after_help = "Example:\n  omega ledger witness list --json")]
pub(crate) struct List {}

/// Ask a witness no more
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger witness remove alice")]
pub(crate) struct Remove {
    /// What it is called here
    name: String,
}

/// Show the newest checkpoint to a witness and keep its cosignature
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger witness ask alice")]
pub(crate) struct Ask {
    /// What it is called here
    name: String,
}

/// Take a witness's cosignature from a file
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger witness take alice cosigned.txt")]
pub(crate) struct Take {
    /// What it is called here
    name: String,
    /// The checkpoint with its cosignature
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Checkpoint {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let signed = session.with_door(async |door| Ok(door.ask(operations::Checkpoint {}).await?))?;
        // With the cosignatures that its witnesses gave before, where it is the same one.
        let kept = session.reader()?.checkpoint()?;
        let signed = if *kept.head() == signed.checkpoint().head { kept.into() } else { signed };
        if let Some(file) = &self.output {
            new_file::replace(file, signed.as_str().as_bytes())?;
            output.note([Cell::new(Tone::Good, "Checkpoint:"), Cell::plain(covers(&signed))]);
        }
        match (output.form(), self.output) {
            (Form::Json, _) => output.document(&document(&signed))?,
            (Form::Text, None) => output.write(signed.as_str().as_bytes())?,
            (Form::Text, Some(_)) => {}
        }
        Ok(Exit::Done)
    }
}

impl Consistency {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let kept = input::read(&self.checkpoint, NOTE_BYTES_MAX as u64)?;
        let trusted = match &self.vkey {
            Some(vkey) => vkey::one(vkey)?,
            None => session.home()?.log_verifier_key()?,
        };
        session.sign_newest()?;
        let found = session.reader()?.consistency(&kept, &trusted)?;
        let tree = |head: &TreeHead| json!({"size": head.size, "root": head.root});
        if output.form() == Form::Json {
            output.document(&json!({
                "consistent": found.verdict.is_ok(),
                "reason": found.verdict.as_ref().err().map(ToString::to_string),
                "old": tree(&found.old),
                "new": tree(&found.new),
                "proof": found.verdict.as_ref().ok(),
            }))?;
        } else {
            let verdict = match &found.verdict {
                Ok(_) => {
                    [Cell::new(Tone::Good, "Consistent:"), Cell::plain("nothing that the checkpoint covers changed")]
                }
                Err(why) => [Cell::new(Tone::Bad, "Not consistent:"), Cell::plain(why.to_string())],
            };
            output.line(verdict)?;
            let shown =
                |head: &TreeHead| Cell::plain(format!("{}, root {}", show::count(head.size, "event"), head.root));
            output.indented_pairs(&[("checkpoint", shown(&found.old)), ("ledger", shown(&found.new))])?;
        }
        Ok(if found.verdict.is_ok() { Exit::Done } else { Exit::No })
    }
}

impl Key {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let Self {} = self;
        let key = session.home()?.log_verifier_key()?;
        match output.form() {
            Form::Json => {
                output.document(&json!({"verifier_key": key.to_string(), "origin": key.name().as_str()}))?;
            }
            Form::Text => output.write(format!("{key}\n").as_bytes())?,
        }
        Ok(Exit::Done)
    }
}

impl RotateKey {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let file = self.key_file.map(std::path::absolute).transpose();
        let file = file.map_err(|error| Fault::usage(format!("`--key-file` is no path: {error}")))?;
        let rotate = RotateLogKey { key_file: file.clone() };
        let signed = session.with_door(async |door| Ok(door.ask(rotate).await?))?;
        let next = signed.checkpoint().extensions().join(" ");
        let next = next.split(' ').next_back().unwrap_or_default().to_owned();
        if output.form() == Form::Json {
            let mut shown = document(&signed);
            shown["verifier_key"] = json!(next);
            output.document(&shown)?;
            return Ok(Exit::Done);
        }
        output.line([Cell::new(Tone::Good, "Handed over"), Cell::plain(format!("at {}", covers(&signed)))])?;
        output.indented_pairs(&[("new key", Cell::plain(next))])?;
        if let Some(file) = file {
            let line = format!("log_key = {:?}", file.display().to_string());
            output.note([Cell::plain("Now set in omega.toml:"), Cell::new(Tone::Name, line)]);
        }
        Ok(Exit::Done)
    }
}

impl WitnessVerb {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        match self {
            Self::Add(Add { name, vkey, url }) => {
                let key: WitnessKey = vkey::one(&vkey)?;
                let witness = Witness { name: name.clone(), verifier_key: key.to_string(), url };
                session.with_door(async |door| Ok(door.ask(AddWitness { witness }).await?))?;
                done(output, "added", &name)
            }
            Self::List(List {}) => list(&session.reader()?.witnesses()?, output),
            Self::Remove(Remove { name }) => {
                let remove = RemoveWitness { name: name.clone() };
                session.with_door(async |door| Ok(door.ask(remove).await?))?;
                done(output, "removed", &name)
            }
            Self::Ask(Ask { name }) => {
                let ask = AskWitness { name: name.clone() };
                let collected = session.with_door(async |door| Ok(door.ask(ask).await?))?;
                cosigned(&name, &collected, output)
            }
            Self::Take(Take { name, file }) => {
                let note = input::read(&file, NOTE_BYTES_MAX as u64)?;
                let take = TakeCosignature { name: name.clone(), note };
                let collected = session.with_door(async |door| Ok(door.ask(take).await?))?;
                cosigned(&name, &collected, output)
            }
        }
    }
}

fn covers(signed: &CheckpointNote) -> String {
    show::count(signed.checkpoint().head.size, "event")
}

fn document(signed: &CheckpointNote) -> Value {
    let said = signed.checkpoint();
    json!({
        "origin": said.origin.as_str(),
        "size": said.head.size,
        "root": said.head.root,
        "note": signed.as_str(),
    })
}

fn done(output: &mut Output, word: &'static str, name: &str) -> Result<Exit, Fault> {
    match output.form() {
        Form::Json => output.document(&json!({"witness": name, "done": word}))?,
        Form::Text => output.line([Cell::new(Tone::Good, format!("Witness {word}:")), Cell::new(Tone::Name, name)])?,
    }
    Ok(Exit::Done)
}

fn list(witnesses: &[WitnessState], output: &mut Output) -> Result<Exit, Fault> {
    if output.form() == Form::Json {
        let rows: Vec<Value> = witnesses
            .iter()
            .map(|state| {
                json!({
                    "name": state.witness.name,
                    "verifier_key": state.witness.verifier_key,
                    "url": state.witness.url,
                    "added_at": state.added_at,
                    "cosigned_size": state.cosigned_size,
                })
            })
            .collect();
        output.document(&rows)?;
        return Ok(Exit::Done);
    }
    if witnesses.is_empty() {
        output.note([Cell::plain("No witness yet:"), Cell::new(Tone::Name, "omega ledger witness add NAME VKEY")]);
        return Ok(Exit::Done);
    }
    let header = ["WITNESS", "COSIGNED", "ADDED", "URL", "KEY"].map(|name| (name, Side::Left));
    let mut table = Table::new(header);
    for state in witnesses {
        table.row([
            Cell::new(Tone::Name, &state.witness.name),
            Cell::plain(state.cosigned_size.map_or_else(|| "nothing".to_owned(), |size| show::count(size, "event"))),
            Cell::plain(show::when(state.added_at)),
            Cell::plain(state.witness.url.as_deref().unwrap_or("-")),
            Cell::faint(&state.witness.verifier_key),
        ]);
    }
    output.table(&table)?;
    Ok(Exit::Done)
}

fn cosigned(name: &str, collected: &CollectedNote, output: &mut Output) -> Result<Exit, Fault> {
    let CollectedNote { checkpoint, cosigned_at_unix_s } = collected;
    if output.form() == Form::Json {
        let mut shown = document(checkpoint);
        shown["witness"] = json!(name);
        shown["cosigned_at_unix_s"] = json!(cosigned_at_unix_s);
        output.document(&shown)?;
        return Ok(Exit::Done);
    }
    output.line([
        Cell::new(Tone::Good, "Cosigned:"),
        Cell::plain(covers(checkpoint)),
        Cell::plain("by"),
        Cell::new(Tone::Name, name),
    ])?;
    Ok(Exit::Done)
}
