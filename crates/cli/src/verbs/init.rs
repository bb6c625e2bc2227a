//! `omega init`: makes a home.

use std::path::PathBuf;

use clap::Args;
use omega_gateway::contract::ErrorCode;
use omega_gateway::proof::checkpoint::Origin;
use omega_gateway::{Home, NewLog};
use serde_json::json;

use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Tone};
use crate::session::{self, Session};

/// Make a home: configuration, operator's signing key, trust list, ledger
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega init --home ./gateway-home")]
pub(crate) struct Init {
    /// What this home's log is called, like `logs.example.org/omega` [default: a name that is drawn]
    #[arg(long, value_name = "NAME")]
    origin: Option<Origin>,
    /// Keep the log's private key in this file, outside the home; a key that is there is used
    #[arg(long, value_name = "PEM")]
    log_key: Option<PathBuf>,
}

impl Init {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let path = session.home_path()?;
        let key_file = self.log_key.map(std::path::absolute).transpose();
        let key_file = key_file.map_err(|error| Fault::usage(format!("`--log-key` is no path: {error}")))?;
        let log = NewLog { origin: self.origin, key_file };
        let home = Home::init_with(&path, session::now(), &log).map_err(|error| {
            let fault = Fault::from(error);
            match fault.gateway_code() {
                Some(ErrorCode::HomeInvalid) => fault.exit(Exit::No).hint("Name an empty or new folder with `--home`."),
                _ => fault,
            }
        })?;
        // The first opening journals that the operator's key is trusted.
        session.with_door(async |_| Ok(()))?;
        let key = home.operator_key().map_err(omega_gateway::HomeError::from)?.public();
        let log_key = home.log_verifier_key()?.to_string();
        let config = home.path().join("omega.toml");
        if output.form() == Form::Json {
            output.document(&json!({
                "home": home.path(),
                "config_file": config,
                "operator_key_id": key.key_id(),
                "operator_public_key_pem": key.to_pem(),
                "log_verifier_key": log_key,
            }))?;
            return Ok(Exit::Done);
        }
        output
            .line([Cell::new(Tone::Good, "A new home:"), Cell::new(Tone::Strong, home.path().display().to_string())])?;
        output.indented_pairs(&[
            ("operator key", Cell::plain(key.key_id().to_string())),
            ("", Cell::faint("made here and trusted; `omega plugins sign` signs with it")),
            ("log key", Cell::plain(log_key)),
            ("", Cell::faint("verifies this home's proofs and checkpoints: give it to whoever is to check them")),
            ("settings", Cell::plain(config.display().to_string())),
        ])?;
        output.line([])?;
        output.line([Cell::plain("Next:")])?;
        for command in ["omega plugins new my-plugin", "omega plugins install DIR --enable", "omega doctor"] {
            output.line([Cell::plain(" "), Cell::new(Tone::Name, command)])?;
        }
        Ok(Exit::Done)
    }
}
