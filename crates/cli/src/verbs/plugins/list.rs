//! `omega plugins list` and `info`: what is registered. Looks at the home without holding it.

use clap::{Args, ValueEnum};
use omega_gateway::contract::plugin_info::PluginStatus;
use omega_gateway::contract::{PluginId, PluginInfo, PluginRef, Sha256Hex};
use omega_gateway::{GrantState, HomeReader, Page, PluginDetails, PluginFilter, PluginRow};
use semver::Version;
use serde_json::{Value, json};

use super::details;
use super::install::{conformance_field, environment_fields, kinds};
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Side, Table, Tone};
use crate::session::Session;
use crate::show;

/// List the registered plugins, by id and version
#[derive(Debug, Args)]
#[command(visible_alias = "ls", after_help = "Example:\n  omega plugins list --status enabled")]
pub(crate) struct List {
    /// Only those of this status
    #[arg(long, value_enum)]
    status: Option<WantedStatus>,
    /// At most so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Those after this one: the last of the list before
    #[arg(long, value_name = "REF")]
    after: Option<PluginRef>,
}

/// A status, as clap takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WantedStatus {
    /// Admitted, never enabled yet.
    Registered,
    /// Takes calls.
    Enabled,
    /// Takes no calls.
    Disabled,
    /// Not admitted.
    Rejected,
}

/// Rows that are read from the registry at once.
const PAGE_ROWS: u32 = 1_000;

impl List {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let rows = self.rows(&session.reader()?)?;
        if output.form() == Form::Json {
            output.document(&rows.into_iter().map(|row| row.info).collect::<Vec<PluginInfo>>())?;
            return Ok(Exit::Done);
        }
        if rows.is_empty() {
            output.note(self.nothing());
            return Ok(Exit::Done);
        }
        let header = ["PLUGIN", "VERSION", "STATUS", "LANE", "KEY", "CAPABILITIES"].map(|name| (name, Side::Left));
        let mut table = Table::new(header);
        for row in &rows {
            table.row([
                Cell::new(Tone::Name, row.info.plugin_id.as_str()),
                Cell::plain(row.info.version.to_string()),
                show::plugin_status(row.info.status),
                Cell::plain(row.info.lane.map_or("-", |lane| lane.as_str())),
                Cell::faint(row.info.key_id.map_or_else(|| "-".to_owned(), |key| show::short_hash(&key.0))),
                Cell::plain(show::list(&row.info.capabilities, "-")),
            ]);
        }
        output.table(&table)?;
        if let Some(last) = rows.last().filter(|_| self.limit == u32::try_from(rows.len()).ok()) {
            let next = format!("--after {}@{}", last.info.plugin_id, last.info.version);
            output.note([Cell::plain("There may be more:"), Cell::new(Tone::Name, next)]);
        }
        Ok(Exit::Done)
    }

    /// Why there is nothing to show, and what to do about it.
    fn nothing(&self) -> Vec<Cell> {
        let after = self.after.as_ref().map(|after| format!(" after {after}")).unwrap_or_default();
        match self.status.and_then(|status| status.to_possible_value()) {
            Some(status) => vec![Cell::plain(format!("None is {}{after}.", status.get_name()))],
            None if !after.is_empty() => vec![Cell::plain(format!("None{after}."))],
            None => {
                let install = Cell::new(Tone::Name, "omega plugins install DIR --enable");
                vec![Cell::plain("No plugins here yet:"), install]
            }
        }
    }

    fn rows(&self, reader: &HomeReader) -> Result<Vec<PluginRow>, Fault> {
        let status = self.status.map(|status| match status {
            WantedStatus::Registered => PluginStatus::Registered,
            WantedStatus::Enabled => PluginStatus::Enabled,
            WantedStatus::Disabled => PluginStatus::Disabled,
            WantedStatus::Rejected => PluginStatus::Rejected,
        });
        let filter = PluginFilter { status, ..PluginFilter::default() };
        let limit = self.limit.unwrap_or(u32::MAX) as usize;
        let mut after = self.after.as_ref().map(behind);
        let mut rows = Vec::new();
        loop {
            let wanted = u32::try_from(limit - rows.len()).unwrap_or(u32::MAX).min(PAGE_ROWS);
            let found = reader.list_plugins(&filter, &Page { after, rows_max: wanted })?;
            after =
                found.last().map(|row| (row.info.plugin_id.clone(), row.info.version.clone(), row.info.package_digest));
            let last = found.len() < wanted as usize;
            rows.extend(found);
            if last || rows.len() >= limit {
                return Ok(rows);
            }
        }
    }
}

/// The place in the list right behind a version; without one, behind every version of the id.
fn behind(reference: &PluginRef) -> (PluginId, Version, Sha256Hex) {
    let last = || Version::new(u64::MAX, u64::MAX, u64::MAX);
    let version = reference.version.clone().unwrap_or_else(last);
    (reference.plugin_id.clone(), version, Sha256Hex::from_bytes([0xff; 32]))
}

/// Show all that is known of a plugin
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega plugins info text-stats@1.0.0")]
pub(crate) struct Info {
    /// The plugin: id, id@version or publisher/id
    #[arg(value_name = "REF")]
    plugin: PluginRef,
}

impl Info {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let details = details(&session.reader()?, &self.plugin)?;
        if output.form() == Form::Json {
            output.document(&document(&details))?;
            return Ok(Exit::Done);
        }
        output.pairs(&fields(&details))?;
        let Some(rejection) = &details.row.rejection else { return Ok(Exit::Done) };
        output.line([])?;
        output
            .line([Cell::new(Tone::Bad, format!("rejected: {}", rejection.reason)), Cell::plain(&rejection.message)])?;
        for issue in &rejection.report.issues {
            let field = if issue.field.is_empty() { "manifest" } else { &issue.field };
            output.line([
                Cell::plain(" "),
                show::severity(issue.severity),
                Cell::new(Tone::Name, field),
                Cell::plain(&issue.message),
            ])?;
        }
        Ok(Exit::Done)
    }
}

fn fields(details: &PluginDetails) -> Vec<(&'static str, Cell)> {
    let info = &details.row.info;
    let mut fields = vec![
        ("plugin", Cell::new(Tone::Strong, info.plugin_id.as_str())),
        ("name", Cell::plain(&info.name)),
        ("version", Cell::plain(info.version.to_string())),
        ("status", show::plugin_status(info.status)),
    ];
    if details.versions.len() > 1 {
        fields.push((
            "versions",
            Cell::plain(show::list(
                details.versions.iter().map(|(version, status)| format!("{version} ({status})")),
                "none",
            )),
        ));
    }
    if let Some(manifest) = &details.manifest {
        fields.extend([
            ("vendor", Cell::plain(&manifest.vendor)),
            ("about", Cell::plain(&manifest.description)),
            ("takes", Cell::plain(kinds(&manifest.io.inputs))),
            ("gives", Cell::plain(kinds(&manifest.io.outputs))),
            (
                "limits",
                Cell::plain(format!("{} ms, {} at once", manifest.limits.max_ms, manifest.limits.max_concurrency)),
            ),
            ("evidence", Cell::plain(evidence(details))),
        ]);
    }
    if let Some(lane) = info.lane {
        fields.push(("lane", Cell::plain(lane.as_str())));
    }
    if let Some(mode) = info.determinism {
        fields.push(("output", Cell::plain(mode.as_str())));
    }
    fields.push(("asks for", Cell::plain(show::list(&info.capabilities, "nothing"))));
    fields.push(("holds", Cell::plain(show::list(&details.effective_capabilities, "nothing"))));
    for grant in &details.grants {
        let word = match grant.state {
            GrantState::Granted => "granted",
            GrantState::Revoked => "revoked",
        };
        let when = show::when(grant.decided_at);
        fields.push((word, Cell::plain(format!("{} for version {}.x, {when}", grant.capability, grant.major_version))));
    }
    fields.extend([
        ("registered", Cell::plain(show::when(info.registered_at))),
        ("key", Cell::plain(info.key_id.map_or_else(|| "none".to_owned(), |key| key.to_string()))),
        ("package", Cell::plain(info.package_digest.to_string())),
        ("manifest", Cell::plain(&details.row.manifest_hash)),
    ]);
    fields.extend(environment_fields(details));
    fields.extend(details.conformance.as_ref().map(conformance_field));
    fields
}

fn evidence(details: &PluginDetails) -> String {
    let Some(manifest) = &details.manifest else { return String::new() };
    let level = serde_json::to_value(manifest.evidence.log_level).ok();
    let level = level.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    match manifest.evidence.redactions.as_slice() {
        [] => level,
        redactions => format!("{level}, without {}", redactions.join(", ")),
    }
}

fn document(details: &PluginDetails) -> Value {
    let grants: Vec<Value> = details
        .grants
        .iter()
        .map(|grant| {
            json!({
                "capability": grant.capability,
                "major_version": grant.major_version,
                "granted": grant.state == GrantState::Granted,
                "params": grant.params,
                "decided_at": grant.decided_at,
            })
        })
        .collect();
    let versions: Vec<Value> =
        details.versions.iter().map(|(version, status)| json!({"version": version, "status": status})).collect();
    let dependencies = details.dependencies.as_ref().map(|dependencies| {
        json!({
            "lock_file": dependencies.lock.file,
            "lock_sha256": dependencies.lock.sha256,
            "requirements": dependencies.lock.requirements.len(),
            "environment": dependencies.environment,
        })
    });
    json!({
        "plugin": details.row.info,
        "dependencies": dependencies,
        "versions": versions,
        "manifest": details.manifest,
        "manifest_hash": details.row.manifest_hash,
        "api_version": details.row.api_version,
        "grants": grants,
        "effective_capabilities": details.effective_capabilities,
        "conformance": details.conformance,
        "rejection": details.row.rejection,
    })
}
