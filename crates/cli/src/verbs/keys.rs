//! `omega keys`: signing keys, and whom this home trusts.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use omega_gateway::contract::{Capability, ErrorCode, KeyId};
use omega_gateway::{HomeError, HomeReader, OperatorKey, TrustRow};
use omega_server::local::operations::{RevokeKey, TrustKey};
use serde_json::{Value, json};

use crate::fault::{Exit, Fault};
use crate::input;
use crate::output::{Cell, Form, Output, Table, Tone};
use crate::session::Session;
use crate::show;

/// Make signing keys, and say whom to trust
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  omega keys list")]
pub(crate) enum Keys {
    Generate(Generate),
    List(List),
    Trust(Trust),
    Revoke(Revoke),
}

/// Make an Ed25519 key: FILE for you alone, and the public half beside it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega keys generate publisher.pem")]
pub(crate) struct Generate {
    /// Where the private key goes (PKCS#8 PEM); it must not be there yet
    file: PathBuf,
}

/// List the keys that are or were trusted
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega keys list --json")]
pub(crate) struct List {}

/// Approve a publisher's key: from now on, what it signs is admitted here
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega keys trust publisher.pub.pem --label Acme --plugins 'acme.*'")]
pub(crate) struct Trust {
    /// The public key (SPKI PEM)
    key: PathBuf,
    /// A name for people [default: the file's name]
    #[arg(long)]
    label: Option<String>,
    /// Only plugin ids that match one of these, `*` standing for anything
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    plugins: Vec<String>,
    /// Only plugins that ask for nothing beyond these
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    max_capabilities: Option<Vec<Capability>>,
}

/// Take a key's approval back: what it signed is disabled, old proofs stay verifiable
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega keys revoke 3f9a2c81d0b4")]
pub(crate) struct Revoke {
    /// The key's id, or the beginning of it
    key: String,
}

/// Bytes of a PEM file that is read as a key.
const PEM_FILE_BYTES_MAX: u64 = 4 * 1024;
/// Hex digits that the beginning of a key id needs at least.
const KEY_PREFIX_DIGITS_MIN: usize = 8;

impl Keys {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        match self {
            Self::Generate(generate) => generate.run(output),
            Self::List(List {}) => list(&session.reader()?, output),
            Self::Trust(trust) => trust.run(session, output),
            Self::Revoke(revoke) => revoke.run(session, output),
        }
    }
}

impl Generate {
    fn run(self, output: &mut Output) -> Result<Exit, Fault> {
        let public_file = self.file.with_extension("pub.pem");
        if let Some(taken) = [&self.file, &public_file].into_iter().find(|file| file.symlink_metadata().is_ok()) {
            return Err(Fault::usage("There is a file of this name already; a key is never overwritten.")
                .with("file", taken.display())
                .hint("Choose another name."));
        }
        let key = OperatorKey::generate().map_err(HomeError::from)?;
        key.write_new(&self.file, &public_file).map_err(|error| {
            Fault::new(error.code()).with("file", self.file.display()).because(error).exit(Exit::Usage)
        })?;
        let key_id = key.public().key_id();
        if output.form() == Form::Json {
            output.document(&json!({"key_id": key_id, "private_file": self.file, "public_file": public_file}))?;
            return Ok(Exit::Done);
        }
        output.line([Cell::new(Tone::Good, "A new key:"), Cell::plain(key_id.to_string())])?;
        output.indented_pairs(&[
            ("private", Cell::plain(self.file.display().to_string())),
            ("public", Cell::plain(public_file.display().to_string())),
        ])?;
        output.line([
            Cell::plain("Hand out the public half. To approve it somewhere:"),
            Cell::new(Tone::Name, format!("omega keys trust {}", public_file.display())),
        ])?;
        Ok(Exit::Done)
    }
}

fn list(reader: &HomeReader, output: &mut Output) -> Result<Exit, Fault> {
    let rows = reader.trust()?;
    if output.form() == Form::Json {
        output.document(&rows.iter().map(document).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    let mut table = Table::of_text(["KEY", "LABEL", "PLUGINS", "CAPABILITIES", "TRUSTED", "STATE"]);
    for row in &rows {
        table.row([
            Cell::new(Tone::Name, show::short_hash(&row.key.key_id.0)),
            Cell::plain(&row.key.label),
            Cell::plain(show::list(&row.key.plugins, "any")),
            Cell::plain(
                row.key.max_capabilities.as_ref().map_or_else(|| "any".to_owned(), |max| show::list(max, "none")),
            ),
            Cell::plain(show::when(row.trusted_at)),
            match row.revoked_at {
                None => Cell::new(Tone::Good, "trusted"),
                Some(revoked_at) => Cell::new(Tone::Bad, format!("revoked {}", show::when(revoked_at))),
            },
        ]);
    }
    output.table(&table)?;
    Ok(Exit::Done)
}

fn document(row: &TrustRow) -> Value {
    json!({
        "key_id": row.key.key_id,
        "label": row.key.label,
        "public_key_pem": row.key.public_key_pem,
        "plugins": row.key.plugins,
        "max_capabilities": row.key.max_capabilities,
        "trusted_at": row.trusted_at,
        "revoked_at": row.revoked_at,
    })
}

impl Trust {
    fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let pem = input::read(&self.key, PEM_FILE_BYTES_MAX).map_err(|fault| {
            if fault.gateway_code() == Some(ErrorCode::PayloadTooLarge) { not_a_key(&self.key) } else { fault }
        })?;
        let pem = String::from_utf8(pem).map_err(|_| not_a_key(&self.key))?;
        let file_name = self.key.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let label = self.label.unwrap_or(file_name);
        let (plugins, max_capabilities) = (self.plugins, self.max_capabilities);
        let trust = TrustKey { public_key_pem: pem, label, plugins, max_capabilities };
        let key = session.with_door(async |door| Ok(door.ask(trust).await?))?;
        if output.form() == Form::Json {
            output.document(&key)?;
            return Ok(Exit::Done);
        }
        output.line([
            Cell::new(Tone::Good, "Trusted:"),
            Cell::plain(key.key_id.to_string()),
            Cell::plain(&key.label),
        ])?;
        output.indented_pairs(&[
            ("plugins", Cell::plain(show::list(&key.plugins, "any"))),
            (
                "capabilities",
                Cell::plain(key.max_capabilities.map_or_else(|| "any".to_owned(), |max| show::list(max, "none"))),
            ),
        ])?;
        Ok(Exit::Done)
    }
}

fn not_a_key(file: &Path) -> Fault {
    Fault::new(ErrorCode::KeyInvalid).with("file", file.display())
}

impl Revoke {
    fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let key_id = find_key(&session.reader()?, &self.key)?;
        let disabled = session.with_door(async |door| Ok(door.ask(RevokeKey { key_id }).await?))?;
        if output.form() == Form::Json {
            output.document(&json!({"key_id": key_id, "disabled": disabled}))?;
            return Ok(Exit::Done);
        }
        output.line([Cell::new(Tone::Good, "Revoked:"), Cell::plain(key_id.to_string())])?;
        for plugin in disabled {
            output.line([
                Cell::plain("  disabled"),
                Cell::new(Tone::Name, format!("{}@{}", plugin.plugin_id, plugin.version)),
            ])?;
        }
        Ok(Exit::Done)
    }
}

/// The known key whose id begins like this.
fn find_key(reader: &HomeReader, prefix: &str) -> Result<KeyId, Fault> {
    if let Ok(key_id) = prefix.parse() {
        return Ok(key_id);
    }
    let hex = prefix.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !hex || prefix.len() < KEY_PREFIX_DIGITS_MIN {
        return Err(Fault::usage("A key is named by its id, or by at least its first 8 digits.")
            .with("key", prefix)
            .hint("See `omega keys list`."));
    }
    let known: Vec<KeyId> = reader.trust()?.into_iter().map(|row| row.key.key_id).collect();
    let mut matching = known.iter().filter(|key| key.to_string().starts_with(prefix));
    match (matching.next(), matching.next()) {
        (Some(key), None) => Ok(*key),
        (Some(_), Some(_)) => Err(Fault::usage("More than one key begins like this.").with("key", prefix)),
        (None, _) => Err(Fault::new(ErrorCode::NotFound).with("key", prefix).hint("See `omega keys list`.")),
    }
}
