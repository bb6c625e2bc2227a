//! `omega tokens`: who may use the HTTP door of a server on this home.

use std::str::FromStr;

use clap::{Args, Subcommand};
use omega_gateway::contract::{Scope, Timestamp, TokenName};
use omega_gateway::{HomeReader, TokenRow};
use omega_server::local::operations::{CreateToken, NewToken, RevokeToken};
use serde_json::{Value, json};

use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Table, Tone};
use crate::session::{self, Session};
use crate::show;

/// Let programs use the HTTP door of `omega serve`
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  omega tokens list")]
pub(crate) enum Tokens {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make a token; its secret is shown this once, and kept nowhere
///
/// A token of the same name is replaced. No token can widen trust or grants, whatever its scope.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega tokens create ci --scope invoke --plugins 'acme.*' --expires 30d")]
pub(crate) struct Create {
    /// What it is called, in lists and as the actor in events
    name: TokenName,
    /// What it may be used for: read, invoke, publish
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', required = true)]
    scopes: Vec<Scope>,
    /// Only for plugin ids that match one of these, `*` standing for anything
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    plugins: Vec<String>,
    /// When it ends: 30m, 12h, 30d, 8w, or a time such as 2027-01-01T00:00:00Z [default: never]
    #[arg(long, value_name = "WHEN")]
    expires: Option<End>,
}

/// List the tokens that are or were in force
#[derive(Debug, Args)]
#[command(visible_alias = "ls", after_help = "Example:\n  omega tokens list --json")]
pub(crate) struct List {}

/// Take a token back: from the next request on it is worth nothing
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega tokens revoke ci")]
pub(crate) struct Revoke {
    /// Which
    name: TokenName,
}

/// When a token ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// So many microseconds from now.
    In(i64),
    /// Then.
    At(Timestamp),
}

impl FromStr for End {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(time) = text.parse() {
            return Ok(Self::At(time));
        }
        let unusable = || format!("{text:?} is neither a time nor a number with m, h, d or w");
        let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(unusable)?;
        let minutes = match unit {
            "m" => 1,
            "h" => 60,
            "d" => 24 * 60,
            "w" => 7 * 24 * 60,
            _ => return Err(unusable()),
        };
        let number: u32 = digits.parse().map_err(|_| unusable())?;
        Ok(Self::In(i64::from(number) * minutes * 60_000_000))
    }
}

impl End {
    fn after(self, now: Timestamp) -> Timestamp {
        match self {
            Self::In(micros) => Timestamp::from_unix_micros(now.unix_micros().saturating_add(micros)),
            Self::At(time) => time,
        }
    }
}

impl Tokens {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        match self {
            Self::Create(create) => create.run(session, output),
            Self::List(List {}) => list(&session.reader()?, output),
            Self::Revoke(revoke) => revoke.run(session, output),
        }
    }
}

impl Create {
    fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let Self { name, scopes, plugins, expires } = self;
        let expires_at = expires.map(|end| end.after(session::now()));
        let asked = CreateToken { name, scopes, plugins, expires_at };
        let NewToken { token, secret } = session.with_door(async |door| Ok(door.ask(asked).await?))?;
        if output.form() == Form::Json {
            output.document(&json!({
                "name": token.name,
                "scopes": token.scopes,
                "plugins": token.plugins,
                "expires_at": token.expires_at,
                "secret": secret.reveal(),
            }))?;
            return Ok(Exit::Done);
        }
        let may = show::list(&token.scopes, "nothing");
        let on = show::list(&token.plugins, "every plugin");
        let until = token.expires_at.map_or_else(|| "it is revoked".to_owned(), show::when);
        output.note([
            Cell::new(Tone::Good, "A new token:"),
            Cell::new(Tone::Name, token.name.as_str()),
            Cell::plain(format!("may {may} on {on} until {until}. Its secret is shown this once:")),
        ]);
        // Alone on standard output, so that a script can take it from there.
        output.line([Cell::plain(secret.reveal())])?;
        Ok(Exit::Done)
    }
}

fn list(reader: &HomeReader, output: &mut Output) -> Result<Exit, Fault> {
    let rows = reader.tokens()?;
    if output.form() == Form::Json {
        output.document(&rows.iter().map(document).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        output
            .note([Cell::plain("No tokens here yet:"), Cell::new(Tone::Name, "omega tokens create NAME --scope read")]);
        return Ok(Exit::Done);
    }
    let now = session::now();
    let mut table = Table::of_text(["TOKEN", "SCOPES", "PLUGINS", "MADE", "ENDS", "STATE"]);
    for row in &rows {
        table.row([
            Cell::new(Tone::Name, row.token.name.as_str()),
            Cell::plain(show::list(&row.token.scopes, "none")),
            Cell::plain(show::list(&row.token.plugins, "any")),
            Cell::plain(show::when(row.created_at)),
            Cell::plain(row.token.expires_at.map_or_else(|| "never".to_owned(), show::when)),
            match row.revoked_at {
                Some(revoked_at) => Cell::new(Tone::Bad, format!("revoked {}", show::when(revoked_at))),
                None if row.token.is_expired(now) => Cell::new(Tone::Warning, "expired"),
                None => Cell::new(Tone::Good, "in force"),
            },
        ]);
    }
    output.table(&table)?;
    Ok(Exit::Done)
}

fn document(row: &TokenRow) -> Value {
    json!({
        "name": row.token.name,
        "scopes": row.token.scopes,
        "plugins": row.token.plugins,
        "expires_at": row.token.expires_at,
        "created_at": row.created_at,
        "revoked_at": row.revoked_at,
    })
}

impl Revoke {
    fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let name = self.name.clone();
        session.with_door(async |door| Ok(door.ask(RevokeToken { name }).await?))?;
        if output.form() == Form::Json {
            output.document(&json!({"name": self.name, "state": "revoked"}))?;
            return Ok(Exit::Done);
        }
        output.line([Cell::new(Tone::Good, "Revoked:"), Cell::new(Tone::Name, self.name.as_str())])?;
        Ok(Exit::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_time_or_so_long_from_now() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let check = |text: &str, expect: Option<&str>| {
            let end = text.parse::<End>().ok().map(|end| end.after(now));
            assert_eq!(end, expect.map(|expect| expect.parse().unwrap()), "{text}");
        };
        check("30m", Some("2026-01-01T00:30:00Z"));
        check("12h", Some("2026-01-01T12:00:00Z"));
        check("30d", Some("2026-01-31T00:00:00Z"));
        check("1w", Some("2026-01-08T00:00:00Z"));
        check("2027-01-01T00:00:00Z", Some("2027-01-01T00:00:00Z"));
        for text in ["", "d", "30", "-1d", "1.5h", "1y", "30€", "99999999999w"] {
            check(text, None);
        }
    }
}
