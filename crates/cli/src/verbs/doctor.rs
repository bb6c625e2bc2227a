//! `omega doctor`: what this machine can enforce, lane by lane and layer by layer.

use clap::Args;
use omega_gateway::contract::manifest::Entrypoint;
use omega_gateway::contract::plugin_info::{LaneKind, PluginInfo, PluginStatus};
use omega_gateway::contract::ports::{LaneDescription, LaneRefusal, LayerState};
use omega_gateway::contract::{IMPLEMENTED_API_VERSIONS, OMEGA_PLUGIN_API_VERSION, PluginRef};
use omega_gateway::{GatewayError, Home, HomeReader, Interpreter, Page, PluginFilter};
use serde_json::{Value, json};

use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Table, Tone};
use crate::session::Session;
use crate::show;

/// A lane, and what it enforces or why it cannot.
type Found = (LaneKind, Result<LaneDescription, LaneRefusal>);

/// Tell what this machine can enforce, and how to get what is missing
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega doctor")]
pub(crate) struct Doctor {}

impl Doctor {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let Self {} = self;
        let home = session.home()?;
        let config = home.config()?;
        let lanes = omega_gateway::lanes(&home, &config);
        let used = lanes_in_use(&home)?;
        let cannot_run = |lane: &Found| lane.1.as_ref().map_or(true, |lane| lane.missing().is_some());
        let mut missing = lanes.iter().any(|lane| used.contains(&lane.0) && cannot_run(lane));
        for lane in lanes.iter().filter_map(|(_, lane)| lane.as_ref().ok()) {
            missing |= is_missed(&home, lane)?;
        }
        let installer = omega_gateway::environment_tool(&home, &config);
        if output.form() == Form::Json {
            output.document(&json!({
                "gateway_version": env!("CARGO_PKG_VERSION"),
                "api_version": OMEGA_PLUGIN_API_VERSION,
                "api_versions": IMPLEMENTED_API_VERSIONS,
                "home": home.path(),
                "durability": config.durability,
                "dependencies": match &installer {
                    Ok((tool, interpreter)) => json!({"tool": tool, "interpreter": interpreter}),
                    Err(error) => json!({"reason": error.code, "detail": error.message}),
                },
                "lanes": lanes.iter().map(|(kind, lane)| document(*kind, used.contains(kind), lane.as_ref())).collect::<Vec<_>>(),
            }))?;
        } else {
            output.pairs(&[
                ("gateway", Cell::plain(env!("CARGO_PKG_VERSION"))),
                ("plugin API", Cell::plain(show::list(IMPLEMENTED_API_VERSIONS, "none"))),
                ("home", Cell::plain(home.path().display().to_string())),
                ("durability", Cell::plain(config.durability.as_str())),
                ("dependencies", dependencies(&installer)),
            ])?;
            for (kind, lane) in &lanes {
                match lane {
                    Ok(lane) => print(lane, output)?,
                    Err(refusal) => {
                        output.line([])?;
                        let use_of_it =
                            if used.contains(kind) { "unavailable:" } else { "unavailable, and not in use:" };
                        output.line([
                            Cell::new(Tone::Strong, format!("lane {kind}")),
                            Cell::new(Tone::Bad, use_of_it),
                            Cell::plain(&refusal.detail),
                        ])?;
                    }
                }
            }
        }
        // A lane in use that cannot be enforced is a plain no: nothing would run in it.
        Ok(if missing { Exit::No } else { Exit::Done })
    }
}

/// What would install the dependencies of a Python plugin.
fn dependencies(installer: &Result<(String, Interpreter), GatewayError>) -> Cell {
    match installer {
        Ok((tool, interpreter)) => {
            Cell::plain(format!("by {tool}, for {} ({})", interpreter.tag(), interpreter.path.display()))
        }
        Err(error) => Cell::new(Tone::Warning, format!("cannot be installed: {}", error.message)),
    }
}

fn print(lane: &LaneDescription, output: &mut Output) -> Result<(), Fault> {
    output.line([])?;
    let verdict = match lane.missing() {
        None => Cell::new(Tone::Good, "every layer is in force,"),
        Some(_) => Cell::new(Tone::Bad, "unavailable,"),
    };
    output.line([
        Cell::new(Tone::Strong, format!("lane {}", lane.kind)),
        Cell::plain(format!("({}):", lane.engine)),
        verdict,
        Cell::plain(format!("determinism {}", lane.determinism.as_str())),
    ])?;
    let mut table = Table::of_text(["LAYER", "STOPS", "STATE"]);
    for layer in &lane.layers {
        let state = match &layer.state {
            LayerState::InForce(how) => Cell::new(Tone::Good, how),
            LayerState::Missing { .. } => Cell::new(Tone::Bad, "missing"),
            LayerState::NotHere { .. } => Cell::new(Tone::Warning, "not here"),
        };
        table.row([Cell::plain(layer.name), Cell::plain(layer.stops), state]);
    }
    output.table(&table)?;
    // Again, because a remedy must not be cut to fit a terminal.
    for layer in &lane.layers {
        let (tone, word, remedy) = match &layer.state {
            LayerState::InForce(_) => continue,
            LayerState::Missing { remedy } => (Tone::Bad, "missing", remedy),
            LayerState::NotHere { remedy, .. } => (Tone::Warning, "not here", remedy),
        };
        output.line([Cell::new(tone, format!("{word}: {}", layer.name)), Cell::plain(remedy)])?;
    }
    Ok(())
}

/// The lanes that enabled plugins run in, and the one that every home has plugins for.
fn lanes_in_use(home: &Home) -> Result<Vec<LaneKind>, Fault> {
    let mut used = vec![LaneKind::Wasm];
    // A home that was never opened has no plugins.
    let Ok(reader) = HomeReader::open(home) else { return Ok(used) };
    for lane in [LaneKind::Worker, LaneKind::Container] {
        let enabled = PluginFilter { status: Some(PluginStatus::Enabled), lane: Some(lane), ..PluginFilter::default() };
        if !reader.list_plugins(&enabled, &Page::first(1))?.is_empty() {
            used.push(lane);
        }
    }
    Ok(used)
}

/// Whether an enabled plugin needs what a lane has not here.
fn is_missed(home: &Home, lane: &LaneDescription) -> Result<bool, Fault> {
    const ROWS: u32 = 500;
    let endings = lane.layers.iter().filter_map(|layer| match layer.state {
        LayerState::NotHere { needed_by, .. } => Some(needed_by),
        _ => None,
    });
    let endings: Vec<&str> = endings.collect();
    let Ok(reader) = HomeReader::open(home) else { return Ok(false) };
    if endings.is_empty() {
        return Ok(false);
    }
    let enabled =
        PluginFilter { status: Some(PluginStatus::Enabled), lane: Some(lane.kind), ..PluginFilter::default() };
    let mut page = Page::first(ROWS);
    loop {
        let rows = reader.list_plugins(&enabled, &page)?;
        for row in &rows {
            let version = Some(row.info.version.clone());
            let details = reader.plugin_details(&PluginRef { plugin_id: row.info.plugin_id.clone(), version })?;
            if let Some(Entrypoint::Worker { file, .. }) = details.manifest.map(|manifest| manifest.entrypoint)
                && endings.iter().any(|ending| file.ends_with(ending))
            {
                return Ok(true);
            }
        }
        let Some(last) = rows.last().filter(|_| rows.len() == ROWS as usize) else { return Ok(false) };
        let PluginInfo { plugin_id, version, package_digest, .. } = last.info.clone();
        page.after = Some((plugin_id, version, package_digest));
    }
}

fn document(kind: LaneKind, is_used: bool, lane: Result<&LaneDescription, &LaneRefusal>) -> Value {
    let lane = match lane {
        Ok(lane) => lane,
        Err(refusal) => {
            return json!({
                "lane": kind, "available": false, "in_use": is_used, "reason": refusal.code, "detail": refusal.detail,
            });
        }
    };
    let layers: Vec<Value> = lane
        .layers
        .iter()
        .map(|layer| {
            let (in_force, detail) = match &layer.state {
                LayerState::InForce(how) => (true, how),
                LayerState::Missing { remedy } | LayerState::NotHere { remedy, .. } => (false, remedy),
            };
            json!({"name": layer.name, "stops": layer.stops, "in_force": in_force, "detail": detail})
        })
        .collect();
    json!({
        "lane": lane.kind,
        "engine": lane.engine,
        "available": lane.missing().is_none(),
        "in_use": is_used,
        "determinism": lane.determinism.as_str(),
        "layers": layers,
    })
}
