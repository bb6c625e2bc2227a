//! The verbs: one module for each group, each a thin shell over the library.

mod artifacts;
mod batch;
mod calls;
mod completions;
mod config;
mod demo;
mod doctor;
mod events;
mod evidence;
mod init;
mod invoke;
mod keys;
mod ledger;
mod log;
mod man;
mod payload;
mod pipeline;
mod plugins;
mod proof;
mod registry;
mod replay;
mod report;
mod runs;
mod serve;
mod signals;
mod tokens;
mod verify;

use clap::Subcommand;

use crate::fault::{Exit, Fault};
use crate::output::Output;
use crate::session::Session;

/// Everything that `omega` does.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Demo(demo::Demo),
    Init(init::Init),
    #[command(subcommand)]
    Keys(keys::Keys),
    #[command(subcommand, visible_alias = "plugin")]
    Plugins(plugins::Plugins),
    Invoke(invoke::Invoke),
    Pipeline(pipeline::Pipeline),
    Batch(batch::Batch),
    Serve(serve::Serve),
    #[command(subcommand)]
    Runs(runs::Runs),
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    #[command(subcommand)]
    Proof(proof::Proof),
    Replay(replay::Replay),
    #[command(subcommand)]
    Evidence(evidence::Evidence),
    #[command(subcommand)]
    Artifacts(artifacts::Artifacts),
    #[command(subcommand)]
    Registry(registry::Registry),
    #[command(subcommand)]
    Tokens(tokens::Tokens),
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    Config(config::Config),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Does what was typed.
///
/// # Errors
/// [`Fault`], with the exit code that goes with it.
pub(crate) fn run(verb: Verb, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
    match verb {
        Verb::Demo(demo) => demo.run(session, output),
        Verb::Init(init) => init.run(session, output),
        Verb::Keys(keys) => keys.run(session, output),
        Verb::Plugins(plugins) => plugins.run(session, output),
        Verb::Invoke(invoke) => invoke.run(session, output),
        Verb::Pipeline(pipeline) => pipeline.run(session, output),
        Verb::Batch(batch) => batch.run(session, output),
        Verb::Serve(serve) => serve.run(session, output),
        Verb::Runs(runs) => runs.run(session, output),
        Verb::Ledger(ledger) => ledger.run(session, output),
        Verb::Proof(proof) => proof.run(session, output),
        Verb::Evidence(evidence) => evidence.run(session, output),
        Verb::Replay(replay) => replay.run(session, output),
        Verb::Artifacts(artifacts) => artifacts.run(session, output),
        Verb::Registry(registry) => registry.run(session, output),
        Verb::Tokens(tokens) => tokens.run(session, output),
        Verb::Doctor(doctor) => doctor.run(session, output),
        Verb::Config(config) => config.run(session, output),
        Verb::Completions(completions) => completions.run(output),
        Verb::Man(man) => man.run(output),
    }
}
